//! Compaction writes each sample a bounded number of times: prints the factor of a simulated day.

use std::sync::Arc;
use std::time::Duration;

use nunatak::storage::FaultStorage;
use nunatak::{Batch, Db, ManualClock, labels};

use crate::common::{NOW, options};

const SERIES: u64 = 60;
const STEP_MS: i64 = 30_000;
const DAY_MS: i64 = 24 * 3_600_000;

#[test]
fn a_day_is_written_at_most_three_times() {
    let storage = FaultStorage::new(1);
    let clock = Arc::new(ManualClock::new(NOW));
    let db = Db::open(options(&storage).clock(clock.clone())).unwrap();
    let sets: Vec<_> = (0..SERIES)
        .map(|n| labels! { "__name__" => "m", "instance" => &format!("host-{n}") })
        .collect();
    // Two days, so that the windows of the first are over.
    for (step, now) in (NOW..NOW + 2 * DAY_MS + 6 * 3_600_000).step_by(STEP_MS as usize).enumerate()
    {
        clock.set(now);
        let mut batch = Batch::new();
        for (number, set) in sets.iter().enumerate() {
            let series = batch.series(set).unwrap();
            batch.push(series, now, (step * (number + 7) % 1013) as f64);
            if step % 500 == 0 {
                batch.push(series, now - 50 * 60_000 + 1, 0.5);
            }
        }
        db.append(&batch).unwrap();
        if step % 60 == 0 {
            while db.maintain(Duration::from_secs(10)).unwrap() {}
        }
    }
    let stats = db.stats();
    let written = stats.flushed_bytes + stats.compacted_bytes;
    let factor = written as f64 / stats.flushed_bytes as f64;
    println!(
        "flushed {} bytes, compacted {}: factor {factor:.2}; {} bytes in {} blocks",
        stats.flushed_bytes, stats.compacted_bytes, stats.block_bytes, stats.blocks
    );
    // From the head, into eight hours, into a day.
    assert!(stats.compacted_bytes > 0 && factor <= 3.0, "{factor}");
}
