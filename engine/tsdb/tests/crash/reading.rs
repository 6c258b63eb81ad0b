//! Reading everything that a database has.

use std::collections::BTreeMap;

use nunatak::{Db, Error, Hints, Labels, SampleBatch, Selector, Source, TimeRange};

use crate::append::{SERIES, TENANTS, series};
use crate::oracle::{Found, Place};
use crate::world::World;

/// Every sample of every tenant, and the warnings.
pub(crate) fn everything(db: &Db) -> Result<(Found, Vec<String>), Error> {
    let numbers: BTreeMap<Labels, u64> = (0..SERIES).map(|n| (series(n), n)).collect();
    let (mut found, mut warnings) = (Found::new(), Vec::new());
    let mut batch = SampleBatch::default();
    for (tenant, name) in TENANTS.iter().enumerate() {
        let selector = Selector::new(Vec::new(), TimeRange::ALL);
        let mut selection = db.tenant(name)?.select(&selector, &Hints::default())?;
        warnings.append(&mut selection.warnings);
        for mut selected in selection.series {
            let series = numbers[&selected.labels];
            let mut last = None;
            while selected.cursor.next_batch(&mut batch)? {
                for (&time, value) in batch.times.iter().zip(&batch.values) {
                    assert!(last < Some(time), "{time} after {last:?}");
                    last = Some(time);
                    found.insert(Place { tenant, series, time }, value.to_bits());
                }
            }
        }
    }
    Ok((found, warnings))
}

/// Reads while the database is in use: errors are fine when the disk fails, wrong answers never.
pub(crate) fn while_open(world: &mut World, db: &Db) {
    if let Ok((found, warnings)) = everything(db) {
        if world.misses_reads && !warnings.is_empty() {
            return;
        }
        assert!(warnings.is_empty() || world.lacks_unsynced, "{}: {warnings:?}", world.name());
        let checked = world.oracle.check(&found);
        checked.unwrap_or_else(|what| panic!("{}: {what}", world.name()));
    }
}
