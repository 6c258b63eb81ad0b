//! What the log has let go of once, no later life promises to have.

use std::time::Duration;

use nunatak::log::Position;
use nunatak::storage::FaultStorage;
use nunatak::{Batch, Db, labels};

use crate::common::{NOW, options, read};

/// Opens the database, which begins a segment of the log, writes one sample of a tenant and saves the
/// heads that have changed. Returns what the start found that the log had let go of.
fn live(storage: &FaultStorage, tenant: &str, time: i64) -> Position {
    let db = Db::open(options(storage).shards(1).replay_target(Duration::ZERO)).unwrap();
    let report = db.replay_report();
    assert!(report.missing.is_empty(), "{tenant} at {time}: {report:?}");
    let mut batch = Batch::new();
    let series = batch.series(&labels! { "__name__" => "m" }).unwrap();
    batch.push(series, time, 1.0);
    let tenant = db.tenant(tenant).unwrap();
    assert_eq!(tenant.append(&batch).unwrap().stored, 1);
    db.maintain(Duration::from_secs(1)).unwrap();
    let from_start_on = report.kept_from;
    assert_eq!(read(&tenant).values().flatten().last(), Some(&(time, 1.0)));
    db.close().unwrap();
    from_start_on
}

/// Seed 701,663 of the crash test. A head that does not change after it was saved twice needs nothing
/// of the log, which goes on without it. When it changes, the log should have what came after the
/// older one of its saved heads, and that is long gone.
#[test]
fn a_head_that_changes_again_in_a_later_life_asks_for_nothing_that_is_gone() {
    let storage = FaultStorage::new(1);
    live(&storage, "seldom", NOW);
    let mut kept_from: Vec<Position> =
        (1..6).map(|time| live(&storage, "often", NOW + time)).collect();
    kept_from.extend((6..9).map(|time| live(&storage, "seldom", NOW + time)));
    assert!(kept_from.is_sorted(), "the log takes back that it let go: {kept_from:?}");
    assert!(kept_from[4] > Position(3), "the log waits for the other head: {kept_from:?}");
}
