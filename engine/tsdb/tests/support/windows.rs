//! Holds what a database says of windows, from tiers where it has some, against its samples.

use std::collections::BTreeMap;

use nunatak::{
    Aggregation, Error, Hints, Labels, Rollup, SampleBatch, Selector, Source, TimeRange, Windows,
};

const STALE: u64 = 0x7ff0_0000_0000_0002;

/// The samples of each series, without marks of ends.
pub(crate) type Samples = BTreeMap<Labels, Vec<(i64, f64)>>;

/// All samples of a source; a series may have none.
pub(crate) fn samples(source: &dyn Source) -> Result<Samples, Error> {
    let selector = Selector::new(Vec::new(), TimeRange::ALL);
    let mut batch = SampleBatch::default();
    let mut all = Samples::new();
    for mut series in source.select(&selector, &Hints::default())?.series {
        let own = all.entry(series.labels).or_default();
        while series.cursor.next_batch(&mut batch)? {
            let read = batch.times.iter().copied().zip(batch.values.iter().copied());
            own.extend(read.filter(|(_, value)| value.to_bits() != STALE));
        }
    }
    Ok(all)
}

/// The buckets of each series, in the order of time.
fn rollups(
    source: &dyn Source,
    windows: &Windows<'_>,
    wanted: Aggregation,
) -> Result<BTreeMap<Labels, Vec<Rollup>>, Error> {
    let selector = Selector::new(Vec::new(), TimeRange::ALL);
    let (mut all, mut failure) = (BTreeMap::new(), None);
    source.rollups(&selector, windows, wanted, &mut |labels, cursor| {
        let mut own = Vec::new();
        loop {
            match cursor.next_buckets(&mut own) {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    failure = Some(error);
                    return false;
                }
            }
        }
        own.sort_by_key(|bucket| bucket.last_t);
        assert!(all.insert(labels.clone(), own).is_none(), "{labels} comes twice");
        true
    })?;
    failure.map_or(Ok(all), Err)
}

/// Compares windows on the grid and off it; the first difference in words.
pub(crate) fn compare(source: &dyn Source, all: &Samples) -> Result<Result<(), String>, Error> {
    let times = || all.values().flatten().map(|(t, _)| *t);
    let (Some(first), Some(last)) = (times().min(), times().max()) else { return Ok(Ok(())) };
    for (range_ms, step, shift) in [(HOUR, HOUR, 0), (6 * HOUR, 6 * HOUR, 7), (DAY, DAY, HOUR / 2)]
    {
        let start = first - first.rem_euclid(step) + shift;
        let ends: Vec<i64> = (0..=(last - start) / step + 1).map(|i| start + i * step).collect();
        let windows = Windows { ends: &ends, range_ms };
        for wanted in [Aggregation::Count, Aggregation::Min, Aggregation::Increase] {
            let found = rollups(source, &windows, wanted)?;
            for (labels, samples) in all.iter().filter(|(_, samples)| !samples.is_empty()) {
                let own = found.get(labels).map(Vec::as_slice).unwrap_or_default();
                for &end in &ends {
                    let samples = between(samples, |s| s.0, end - range_ms, end);
                    let own = between(own, |b| b.last_t, end - range_ms, end);
                    if samples.is_empty() && own.is_empty() {
                        continue;
                    }
                    let (found, wanted_text) =
                        (of_buckets(wanted, own), of_samples(wanted, samples));
                    if found != wanted_text {
                        return Ok(Err(format!(
                            "{wanted:?} of {labels} in {range_ms} before {end}: {found}, not \
                             {wanted_text}"
                        )));
                    }
                }
            }
        }
    }
    Ok(Ok(()))
}

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

/// The part of `all`, sorted, with times in `(start, end]`.
fn between<T>(all: &[T], time: impl Fn(&T) -> i64, start: i64, end: i64) -> &[T] {
    let from = all.partition_point(|one| time(one) <= start);
    &all[from..all.partition_point(|one| time(one) <= end)]
}

fn of_samples(wanted: Aggregation, samples: &[(i64, f64)]) -> String {
    let (Some(first), Some(last)) = (samples.first(), samples.last()) else { return "none".into() };
    match wanted {
        Aggregation::Count => samples.len().to_string(),
        Aggregation::Min => {
            let least = samples.iter().map(|(_, value)| *value).reduce(f64::min);
            format!("{least:?}")
        }
        _ => {
            let pairs = samples.windows(2).filter(|pair| pair[1].1 < pair[0].1);
            let lost: Vec<f64> = pairs.map(|pair| pair[0].1).collect();
            format!("{first:?} to {last:?}, {} and {lost:?}", samples.len())
        }
    }
}

fn of_buckets(wanted: Aggregation, buckets: &[Rollup]) -> String {
    let (Some(first), Some(last)) = (buckets.first(), buckets.last()) else { return "none".into() };
    let count: f64 = buckets.iter().map(|bucket| bucket.count).sum();
    match wanted {
        Aggregation::Count => count.to_string(),
        Aggregation::Min => {
            let least = buckets.iter().map(|bucket| bucket.min).reduce(f64::min);
            format!("{least:?}")
        }
        _ => {
            let mut lost = Vec::new();
            for (at, bucket) in buckets.iter().enumerate() {
                let before = at.checked_sub(1).map(|before| buckets[before].last);
                lost.extend(before.filter(|&before| bucket.first < before));
                lost.extend(Some(bucket.dropped).filter(|dropped| *dropped != 0.0));
            }
            let (first, last) = ((first.first_t, first.first), (last.last_t, last.last));
            format!("{first:?} to {last:?}, {count} and {lost:?}")
        }
    }
}
