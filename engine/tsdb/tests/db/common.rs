//! What the tests share: a database in memory with a clock that stands still.

use std::collections::BTreeMap;
use std::sync::Arc;

use nunatak::storage::{FaultStorage, Storage};
use nunatak::{
    Batch, Db, Hints, Labels, ManualClock, Options, Outcome, Result, SampleBatch, Selector, Source,
    TimeRange,
};

/// The clock of the tests stands here: 2023-11-14 22:13:20 UTC.
pub(crate) const NOW: i64 = 1_700_000_000_000;

pub(crate) fn options(storage: &FaultStorage) -> Options {
    let storage: Arc<dyn Storage> = Arc::new(storage.clone());
    let clock = Arc::new(ManualClock::new(NOW));
    Options::new("test").storage(storage).clock(clock).threads(0).shards(2)
}

/// Appends samples of one series.
pub(crate) fn append(db: &Db, labels: &Labels, samples: &[(i64, f64)]) -> Result<Outcome> {
    let mut batch = Batch::new();
    let series = batch.series(labels)?;
    for &(time, value) in samples {
        batch.push(series, time, value);
    }
    db.append(&batch)
}

/// Everything in `range`, by label set.
pub(crate) fn read_range(
    source: &impl Source,
    range: TimeRange,
) -> BTreeMap<Labels, Vec<(i64, f64)>> {
    let selector = Selector::new(Vec::new(), range);
    let selection = Source::select(source, &selector, &Hints::default()).unwrap();
    let mut all = BTreeMap::new();
    let mut batch = SampleBatch::default();
    for mut series in selection.series {
        let mut samples = Vec::new();
        while series.cursor.next_batch(&mut batch).unwrap() {
            samples.extend(batch.times.iter().copied().zip(batch.values.iter().copied()));
        }
        assert!(samples.is_sorted_by(|a, b| a.0 < b.0), "{} is not in order", series.labels);
        assert!(all.insert(series.labels, samples).is_none(), "a label set came twice");
    }
    all
}

pub(crate) fn read(source: &impl Source) -> BTreeMap<Labels, Vec<(i64, f64)>> {
    read_range(source, TimeRange::ALL)
}
