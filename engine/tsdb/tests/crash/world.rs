//! One database, its storage, its clock, and the record of what happened to it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use nunatak::storage::{Crash, FaultStorage};
use nunatak::{Clock, Db, Durability, ManualClock, Options};

use crate::append::SERIES;
use crate::damage;
use crate::dice::Dice;
use crate::faults::{self, Plan};
use crate::operation::Operation;
use crate::oracle::{Oracle, Place};
use crate::reading;
use crate::run::Tally;
use crate::tiers;

const START: i64 = 1_700_000_000_000;

/// What dice are thrown for; see [`Dice::of`].
mod purpose {
    pub(super) const WORLD: u64 = 1;
    pub(super) const LIFE: u64 = 2;
    pub(super) const STEP: u64 = 3;
    pub(super) const DAMAGE: u64 = 4;
}

/// A history in progress.
#[derive(Debug)]
pub(crate) struct World {
    seed: u64,
    table: Vec<(u64, Operation)>,
    life: u64,
    pub(crate) storage: FaultStorage,
    clock: Arc<ManualClock>,
    durability: Durability,
    /// 0 saves the heads in every round of maintenance.
    replay_target: Duration,
    /// Whether blocks get tiers.
    pub(crate) has_tiers: bool,
    pub(crate) oracle: Oracle,
    /// Newest time that each series of each tenant may have.
    pub(crate) newest: BTreeMap<(usize, u64), i64>,
    /// Whether a loss of what was not synced may have been met, which the database then reports.
    pub(crate) lacks_unsynced: bool,
    /// Whether reads fail in this life: blocks may then be lacking until the next.
    pub(crate) misses_reads: bool,
    tally: Tally,
}

impl World {
    pub(crate) fn new(seed: u64, table: &[(u64, Operation)]) -> Self {
        let mut dice = Dice::of(seed, &[purpose::WORLD]);
        let durability = match dice.below(3) {
            0 => Durability::Os,
            1 => Durability::Interval(Duration::from_hours(24)),
            _ => Durability::Fsync,
        };
        Self {
            seed,
            table: table.to_vec(),
            life: 0,
            storage: FaultStorage::new(seed),
            clock: Arc::new(ManualClock::new(START)),
            durability,
            replay_target: Duration::from_secs(if dice.one_in(3) { 2 } else { 0 }),
            has_tiers: table.iter().any(|row| row.1 == Operation::Windows) && dice.one_in(2),
            oracle: Oracle::default(),
            newest: BTreeMap::new(),
            lacks_unsynced: false,
            misses_reads: false,
            tally: Tally::default(),
        }
    }

    /// For messages: which history this is, and where in it.
    pub(crate) fn name(&self) -> String {
        format!("seed {}, life {}, {:?}", self.seed, self.life, self.durability)
    }

    pub(crate) fn now(&self) -> i64 {
        self.clock.now_ms()
    }

    pub(crate) fn advance(&mut self, ms: i64) {
        self.clock.set(self.now() + ms);
    }

    pub(crate) fn durability(&self) -> Durability {
        self.durability
    }

    /// A place that no operation of the history writes to.
    pub(crate) fn unused_place(&self) -> Place {
        Place { tenant: 0, series: SERIES, time: self.now() }
    }

    pub(crate) fn options(&self) -> Options {
        self.options_on(&self.storage)
    }

    /// The options of this history for another storage.
    pub(crate) fn options_on(&self, storage: &FaultStorage) -> Options {
        Options::new("crash")
            .storage(Arc::new(storage.clone()))
            .clock(self.clock.clone())
            .threads(0)
            .shards(2)
            .segment_bytes(64 * 1024)
            .delete_grace(Duration::from_hours(6))
            .durability(self.durability)
            .replay_target(self.replay_target)
            .downsample_after(self.has_tiers.then_some(Duration::from_hours(1)))
    }

    /// All lives of the database, each followed by a look at everything.
    pub(crate) fn history(mut self) -> Tally {
        for _ in 0..=Dice::of(self.seed, &[purpose::WORLD, 1]).below(5) {
            self.live();
            self.check();
            let mut dice = Dice::of(self.seed, &[purpose::DAMAGE, self.life]);
            if dice.one_in(2) {
                damage::at_rest(&self, &mut dice);
                self.tally.damaged += 1;
            }
            self.life += 1;
        }
        self.tally
    }

    /// One life: opened, used, and ended in some way.
    fn live(&mut self) {
        let mut dice = Dice::of(self.seed, &[purpose::LIFE, self.life]);
        let plan = Plan::draw(&mut dice);
        plan.arrange(&self.storage, &mut dice);
        self.misses_reads = plan == Plan::ReadFailures;
        let steps = dice.below(40);
        let failed_before = self.storage.failed_syncs();
        if let Ok(db) = Db::open(self.options()) {
            self.steps(&db, steps);
            if dice.one_in(2) && db.close().is_ok() {
                self.oracle.synced();
            }
        }
        self.tally.lives += 1;
        self.tally.crashes += u64::from(self.storage.is_crashed());
        let ending = faults::ending(&mut dice);
        self.tally.power_losses += u64::from(ending == Crash::PowerLoss);
        let lossy = ending == Crash::PowerLoss || self.storage.failed_syncs() > failed_before;
        if lossy && self.durability != Durability::Fsync {
            self.oracle.lost_unsynced();
            self.lacks_unsynced = true;
        }
        self.storage = self.storage.recover(ending, dice.next());
    }

    fn steps(&mut self, db: &Db, steps: u64) {
        for step in 0..steps {
            if self.storage.is_crashed() {
                break;
            }
            let mut dice = Dice::of(self.seed, &[purpose::STEP, self.life, step]);
            Operation::draw(&self.table, &mut dice).run(self, db, &mut dice);
            self.tally.steps += 1;
        }
    }

    /// Opens it on a healthy disk and looks at everything.
    fn check(&mut self) {
        let name = self.name();
        let db = Db::open(self.options()).unwrap_or_else(|error| panic!("{name}: {error}"));
        let (found, warnings) =
            reading::everything(&db).unwrap_or_else(|error| panic!("{name}: {error}"));
        self.oracle.check(&found).unwrap_or_else(|what| panic!("{name}: {what}"));
        if self.has_tiers {
            tiers::agree(&db).unwrap_or_else(|error| panic!("{name}: {error}"));
        }
        self.oracle.settle(&found);
        assert!(warnings.is_empty() || self.lacks_unsynced, "{name}: {warnings:?}");
        let mut quarantined = db.stats().quarantined;
        quarantined.retain(|what| !self.lacks_unsynced || !what.starts_with("log: "));
        assert_eq!(quarantined, [""; 0], "{name}");
        db.close().unwrap();
    }
}
