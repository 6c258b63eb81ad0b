//! Deletes: what is hidden, taken back, and may or must therefore be hidden.

use nunatak::{Db, DeleteId, Error, MatchOp, Matcher, Selector, TimeRange};

use crate::append::{self, SERIES, TENANTS, series};
use crate::dice::Dice;
use crate::oracle::Place;
use crate::world::World;

const HOUR: i64 = 3_600_000;

/// Deletes one or some metrics or one instance of a tenant, over all or some hours.
pub(crate) fn delete(world: &mut World, db: &Db, dice: &mut Dice) {
    let tenant = append::tenant(dice);
    let (name, pattern) = match dice.below(4) {
        0 => ("instance", format!("host-{}", dice.below(SERIES / 3))),
        1 => ("__name__", "metric_.*".to_owned()),
        2 => ("__name__", "metric_[02]".to_owned()),
        _ => ("__name__", format!("metric_{}", dice.below(3))),
    };
    let matcher = Matcher::new(name, MatchOp::Regex, &pattern).unwrap();
    let hours = |dice: &mut Dice| dice.below(40) as i64 * HOUR;
    let start = world.now() - hours(dice);
    let range = match dice.below(3) {
        0 => TimeRange::ALL,
        1 => TimeRange::new(i64::MIN, start),
        _ => TimeRange::new(start, start + hours(dice)),
    };
    let selector = Selector::new(vec![matcher], range);
    match db.tenant(TENANTS[tenant]).unwrap().delete(&selector) {
        Ok(DeleteId::NOTHING) => {}
        outcome => world.oracle.deleted(tenant, selector, outcome.ok()),
    }
}

/// Takes a delete back that the database still lists.
pub(crate) fn undelete(world: &mut World, db: &Db, dice: &mut Dice) {
    let tenant = append::tenant(dice);
    let handle = db.tenant(TENANTS[tenant]).unwrap();
    let Ok(listed) = handle.deletes() else { return };
    if listed.is_empty() {
        return;
    }
    let id = listed[dice.below(listed.len() as u64) as usize].id;
    match handle.undelete(id) {
        // It is final.
        Err(Error::Invalid { .. }) => {}
        outcome => world.oracle.undeleted(tenant, id, outcome.is_ok()),
    }
}

/// Whether a delete is in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Force {
    Off,
    Maybe,
    On,
}

impl Force {
    /// What was done without an acknowledgement may have been done, in part or as a whole.
    fn after(acknowledged: bool, then: Self) -> Self {
        if acknowledged { then } else { Self::Maybe }
    }
}

#[derive(Debug, Clone)]
struct Deleted {
    tenant: usize,
    selector: Selector,
    /// When, in the order of all requests.
    order: u64,
    /// `None` if it was not acknowledged.
    id: Option<DeleteId>,
    force: Force,
    is_synced: bool,
}

impl Deleted {
    fn change(&mut self, force: Force) {
        self.force = force;
        self.is_synced = false;
    }

    fn means(&self, place: Place) -> bool {
        let labels = series(place.series);
        self.tenant == place.tenant
            && self.selector.range.contains(place.time)
            && self.selector.matchers.iter().all(|m| m.matches(labels.get(m.name()).unwrap_or("")))
    }
}

/// All deletes of a history.
#[derive(Debug, Clone, Default)]
pub(crate) struct Deletes(Vec<Deleted>);

impl Deletes {
    pub(crate) fn add(
        &mut self,
        tenant: usize,
        selector: Selector,
        order: u64,
        id: Option<DeleteId>,
    ) {
        let force = Force::after(id.is_some(), Force::On);
        self.0.push(Deleted { tenant, selector, order, id, force, is_synced: false });
    }

    /// One that was not acknowledged may be meant as well: nobody knows its id.
    pub(crate) fn undo(&mut self, tenant: usize, id: DeleteId, acknowledged: bool) {
        let deletes = self.0.iter_mut().filter(|d| d.tenant == tenant && d.id == Some(id));
        deletes.for_each(|deleted| deleted.change(Force::after(acknowledged, Force::Off)));
    }

    pub(crate) fn synced(&mut self) {
        self.0.iter_mut().for_each(|deleted| deleted.is_synced = true);
    }

    /// What was not synced may be as it was before.
    pub(crate) fn lost_unsynced(&mut self) {
        for deleted in self.0.iter_mut().filter(|deleted| !deleted.is_synced) {
            deleted.force = Force::Maybe;
        }
    }

    /// Whether what was written to the place at `order` may be hidden, and whether it must be.
    pub(crate) fn hide(&self, place: Place, order: u64) -> (bool, bool) {
        let later = self.0.iter().filter(|deleted| deleted.order > order);
        let forces = later.filter(|deleted| deleted.means(place)).map(|deleted| deleted.force);
        let (mut may, mut must) = (false, false);
        for force in forces {
            may |= force != Force::Off;
            must |= force == Force::On;
        }
        (may, must)
    }

    /// Those that mean the place.
    pub(crate) fn about(&self, place: Place) -> Vec<&impl std::fmt::Debug> {
        self.0.iter().filter(|deleted| deleted.means(place)).collect()
    }

    /// Whether the place is meant by the delete of this id.
    pub(crate) fn means(&self, id: DeleteId, place: Place) -> bool {
        self.0.iter().any(|deleted| deleted.id == Some(id) && deleted.means(place))
    }
}
