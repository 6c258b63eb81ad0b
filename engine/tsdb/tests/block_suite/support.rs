//! A naive model of a block: maps of maps.

use std::collections::BTreeMap;
use std::sync::Arc;

use nunatak::block::{Block, BlockSpec, BlockWriter, Coverage};
use nunatak::log::Position;
use nunatak::storage::Storage;
use nunatak::{Cursor, Labels, Matcher, Result, SampleBatch, TimeRange, labels};

pub(crate) const PARENT: &str = "shard-00/default";

/// Label set → time → bits of the value.
pub(crate) type Model = BTreeMap<Labels, BTreeMap<i64, u64>>;

pub(crate) fn spec(sequence: u64, position: u64) -> BlockSpec {
    let range = TimeRange::new(-1_000_000_000, 1_000_000_000);
    let coverage =
        Coverage { from_ms: range.start, to_ms: range.end, position: Position(position) };
    BlockSpec { range, sequence, coverage: vec![coverage], zstd: false }
}

pub(crate) fn write(
    storage: &Arc<dyn Storage>,
    spec: BlockSpec,
    model: &Model,
) -> Result<Option<Block>> {
    let mut writer = BlockWriter::new(Arc::clone(storage), PARENT, spec)?;
    let mut series: Vec<_> = model.iter().collect();
    series.sort_by(|(a, _), (b, _)| a.series_cmp(b));
    for (labels, samples) in series {
        let times: Vec<i64> = samples.keys().copied().collect();
        let values: Vec<f64> = samples.values().map(|&bits| f64::from_bits(bits)).collect();
        writer.add_series(labels, &times, &values)?;
    }
    writer.finish()
}

/// Reads a selection into a model; series without samples in the range are left out.
pub(crate) fn read(block: &Block, matchers: &[Matcher], range: TimeRange) -> Result<Model> {
    let mut model = Model::new();
    let mut before: Option<Labels> = None;
    let mut batch = SampleBatch::default();
    for mut series in block.select(matchers, range)? {
        assert!(before.is_none_or(|b| b.series_cmp(&series.labels).is_lt()), "order of series");
        let mut samples = BTreeMap::new();
        while series.next_batch(&mut batch)? {
            assert!(!batch.is_empty() && batch.times.len() == batch.values.len());
            for (&t, &v) in batch.times.iter().zip(&batch.values) {
                assert!(range.contains(t));
                assert!(samples.last_key_value().is_none_or(|(&last, _)| last < t), "order");
                samples.insert(t, v.to_bits());
            }
        }
        assert!(batch.is_empty());
        before = Some(series.labels.clone());
        if !samples.is_empty() {
            model.insert(series.labels, samples);
        }
    }
    Ok(model)
}

/// What a selection of the range should be.
pub(crate) fn cut(model: &Model, range: TimeRange) -> Model {
    let inside = |samples: &BTreeMap<i64, u64>| {
        samples.iter().filter(|(t, _)| range.contains(**t)).map(|(&t, &v)| (t, v)).collect()
    };
    let cut = model.iter().map(|(l, s)| (l.clone(), inside(s)));
    cut.filter(|(_, s): &(Labels, BTreeMap<i64, u64>)| !s.is_empty()).collect()
}

pub(crate) fn metric(name: &str, instance: &str) -> Labels {
    labels! { "__name__" => name, "instance" => instance, "job" => "node" }
}

/// A few series with shared, own, short and long streams and awkward values.
pub(crate) fn sample_model() -> Model {
    let mut model = Model::new();
    let grid = |n: i64| (0..n).map(|i| i * 15_000);
    for instance in ["a", "b", "c"] {
        let counter = grid(1000).map(|t| (t, ((t / 700) as f64).to_bits())).collect();
        model.insert(metric("requests_total", instance), counter);
        let up = grid(1000).map(|t| (t, 1f64.to_bits())).collect();
        model.insert(metric("up", instance), up);
    }
    let jitter = grid(700).map(|t| (t + t % 7, (t as f64).sqrt().to_bits())).collect();
    model.insert(metric("jitter", "a"), jitter);
    let odd = [f64::NAN.to_bits(), 0x7ff0_0000_0000_0002, (-0.0f64).to_bits(), 1, u64::MAX];
    model.insert(metric("odd", "a"), odd.iter().enumerate().map(|(i, &v)| (i as i64, v)).collect());
    for (le, part) in [("+Inf", 13.0), ("0.1", 4.0), ("1", 9.0), ("10", 12.0)] {
        let count = |t: i64| ((t % 977 + 3 * t) as f64 * part / 900.0).floor().to_bits();
        let bucket = labels! { "__name__" => "latency_bucket", "instance" => "a", "le" => le };
        model.insert(bucket, grid(1000).map(|t| (t, count(t))).collect());
    }
    model.insert(labels! { "nameless" => "yes" }, BTreeMap::from([(-5, 3f64.to_bits())]));
    model
}

/// All files of a block's folder.
pub(crate) fn files(storage: &dyn Storage, block: &Block) -> BTreeMap<String, Vec<u8>> {
    let entries = storage.list(block.path()).unwrap();
    let read = |name: &str| {
        let file = storage.open(&format!("{}/{name}", block.path())).unwrap();
        let mut bytes = vec![0; file.len().unwrap() as usize];
        file.read_at(0, &mut bytes).unwrap();
        bytes
    };
    entries.iter().map(|entry| (entry.name.clone(), read(&entry.name))).collect()
}

/// Makes the folder of a block with the given files.
pub(crate) fn place(storage: &dyn Storage, name: &str, files: &BTreeMap<String, Vec<u8>>) {
    let folder = format!("{PARENT}/{name}");
    storage.create_folder(&folder).unwrap();
    for (file, bytes) in files {
        storage.create(&format!("{folder}/{file}")).unwrap().append(bytes).unwrap();
    }
}
