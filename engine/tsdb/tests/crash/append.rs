//! Appends: what is sent, and what the oracle is told.

use nunatak::{Batch, Db, Labels, RefusalReason, Tenant, labels};

use crate::dice::Dice;
use crate::oracle::Place;
use crate::world::World;

/// Series of each tenant.
pub(crate) const SERIES: u64 = 12;
/// Tenants, the default one first.
pub(crate) const TENANTS: &[&str] = &["default", "team-a", "team-b"];

/// Samples further ahead of the clock are refused, and those further behind their series.
const AHEAD: i64 = 10 * 60_000;
const BEHIND: i64 = 60 * 60_000;

/// The label set of a series.
pub(crate) fn series(number: u64) -> Labels {
    let (instance, metric) = (format!("host-{}", number / 3), format!("metric_{}", number % 3));
    labels! { "__name__" => &metric, "instance" => &instance, "job" => "crash" }
}

pub(crate) fn value(dice: &mut Dice) -> f64 {
    match dice.below(6) {
        0 => f64::from_bits(0x7ff0_0000_0000_0002),
        1 => f64::from_bits(dice.next()),
        2 => -0.0,
        _ => dice.below(1000) as f64 / 10.0,
    }
}

pub(crate) fn tenant(dice: &mut Dice) -> usize {
    if dice.one_in(4) { 1 + dice.below(TENANTS.len() as u64 - 1) as usize } else { 0 }
}

/// Mostly a new time, sometimes a late or a repeated one, within the out-of-order window; `None`
/// if the clock jumped back so far that every time would be refused.
fn time(world: &mut World, place: (usize, u64), dice: &mut Dice) -> Option<i64> {
    let now = world.now();
    let newest = world.newest.entry(place).or_insert(now);
    let wanted = match dice.below(5) {
        0 => *newest - dice.below(3_000_000) as i64,
        1 => *newest,
        _ => now + dice.below(10) as i64,
    };
    let time = wanted.max(*newest - BEHIND);
    if time > now + AHEAD {
        return None;
    }
    *newest = (*newest).max(time);
    Some(time)
}

/// Samples of one request.
struct Request {
    tenant: usize,
    batch: Batch,
    written: Vec<(Place, u64)>,
}

impl Request {
    fn new(tenant: usize) -> Self {
        Self { tenant, batch: Batch::new(), written: Vec::new() }
    }

    fn handle(&self, db: &Db) -> Tenant {
        db.tenant(TENANTS[self.tenant]).unwrap()
    }

    fn draw(&mut self, world: &mut World, dice: &mut Dice) {
        for number in 0..SERIES {
            if dice.one_in(3) {
                continue;
            }
            let handle = self.batch.series(&series(number)).unwrap();
            for _ in 0..=dice.below(3) {
                let Some(time) = time(world, (self.tenant, number), dice) else { continue };
                let value = value(dice);
                self.batch.push(handle, time, value);
                let place = Place { tenant: self.tenant, series: number, time };
                self.written.push((place, value.to_bits()));
            }
        }
    }
}

/// Samples that all must be stored.
pub(crate) fn several(world: &mut World, db: &Db, dice: &mut Dice) {
    world.advance(15_000);
    let mut request = Request::new(tenant(dice));
    request.draw(world, dice);
    send(world, db, &request, 0);
}

/// Sends a request of which `refused` samples must be refused.
fn send(world: &mut World, db: &Db, request: &Request, refused: u64) {
    world.oracle.request();
    let outcome = request.handle(db).append(&request.batch);
    if let Ok(outcome) = &outcome {
        assert_eq!(outcome.refused_samples(), refused, "{}: {outcome:?}", world.name());
        assert_eq!(outcome.stored, request.written.len() as u64, "{}", world.name());
    }
    for &(place, bits) in &request.written {
        world.oracle.written(place, bits, outcome.is_ok());
    }
}

/// Samples too far in the future, between others.
pub(crate) fn refused(world: &mut World, db: &Db, dice: &mut Dice) {
    world.advance(15_000);
    let mut request = Request::new(tenant(dice));
    let handle = request.batch.series(&series(0)).unwrap();
    let count = 1 + dice.below(3);
    for _ in 0..count {
        let time = world.now() + AHEAD + 1 + dice.below(100_000) as i64;
        request.batch.push(handle, time, value(dice));
    }
    request.draw(world, dice);
    send(world, db, &request, count);
}

/// One sample of any age: taken if its series is not in memory or it is not too old for it. It may
/// be there as well if the request fails, and be the newest of its series.
pub(crate) fn backfill(world: &mut World, db: &Db, dice: &mut Dice) {
    let (tenant, number) = (tenant(dice), dice.below(SERIES));
    let time = world.now() - dice.below(200 * 3_600_000) as i64;
    let (mut batch, value) = (Batch::new(), value(dice));
    let handle = batch.series(&series(number)).unwrap();
    batch.push(handle, time, value);
    let place = Place { tenant, series: number, time };
    world.oracle.request();
    let outcome = db.tenant(TENANTS[tenant]).unwrap().append(&batch);
    if let Ok(outcome) = &outcome
        && outcome.stored == 0
    {
        let reasons: Vec<_> = outcome.refused.iter().map(|refusal| refusal.reason).collect();
        assert_eq!(reasons, [RefusalReason::TooOld], "{}", world.name());
        return;
    }
    let newest = world.newest.entry((tenant, number)).or_insert(time);
    *newest = (*newest).max(time);
    world.oracle.written(place, value.to_bits(), outcome.is_ok());
}
