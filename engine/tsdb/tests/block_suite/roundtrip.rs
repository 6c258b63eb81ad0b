//! What is written is what is read, in any range, and the same samples make the same bytes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use nunatak::block::fuzzing::{self, Files};
use nunatak::block::{Block, BlockSpec, BlockWriter};
use nunatak::storage::{MemoryStorage, Storage};
use nunatak::{Cursor, Error, MatchOp, Matcher, SampleBatch, TimeRange, labels};
use proptest::prelude::*;

use crate::support::{Model, PARENT, cut, files, metric, read, sample_model, spec, write};

fn memory() -> Arc<dyn Storage> {
    Arc::new(MemoryStorage::new())
}

/// Series with times of one of three scrapes or of their own.
fn models() -> impl Strategy<Value = Model> {
    let times = prop_oneof![
        (0i64..3, 1i64..1500)
            .prop_map(|(offset, n)| (0..n).map(|i| offset + i * 1000).collect::<BTreeSet<i64>>()),
        prop::collection::btree_set(-1_000_000i64..1_000_000, 1..40),
    ];
    let value = prop_oneof![
        any::<u64>(),
        (0u32..100_000).prop_map(|v| (f64::from(v) / 100.0).to_bits()),
        Just(1f64.to_bits()),
    ];
    let series = (times, prop::collection::vec(value, 1..30));
    prop::collection::btree_map(0u32..40, series, 0..12).prop_map(|series| {
        let fill = |(times, values): (BTreeSet<i64>, Vec<u64>)| {
            times.into_iter().zip(values.into_iter().cycle()).collect::<BTreeMap<_, _>>()
        };
        let name = |id: u32| metric(["x", "up", "zz"][id as usize % 3], &id.to_string());
        series.into_iter().map(|(id, samples)| (name(id), fill(samples))).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn any_range_reads_what_was_written(
        model in models(),
        ranges in prop::collection::vec((-1_100_000i64..1_600_000, 0i64..900_000), 3),
        zstd: bool,
    ) {
        let storage = memory();
        let block = write(&storage, BlockSpec { zstd, ..spec(1, 1) }, &model).unwrap();
        prop_assert_eq!(block.is_none(), model.is_empty());
        let Some(block) = block else { return Ok(()) };
        prop_assert_eq!(read(&block, &[], TimeRange::ALL).unwrap(), model.clone());
        for (start, len) in ranges {
            let range = TimeRange::new(start, start + len);
            prop_assert_eq!(read(&block, &[], range).unwrap(), cut(&model, range));
        }
        let report = block.verify().unwrap();
        let samples: usize = model.values().map(BTreeMap::len).sum();
        prop_assert_eq!((report.series, report.samples), (model.len() as u64, samples as u64));
    }

    #[test]
    fn the_pieces_in_which_samples_come_change_no_byte(
        model in models(),
        pieces in prop::collection::vec(1usize..700, 1..8),
    ) {
        let (whole, cut) = (memory(), memory());
        let Some(block) = write(&whole, spec(1, 1), &model).unwrap() else { return Ok(()) };
        let mut writer = BlockWriter::new(Arc::clone(&cut), PARENT, spec(1, 1)).unwrap();
        let mut sizes = pieces.iter().copied().cycle();
        let mut series: Vec<_> = model.iter().collect();
        series.sort_by(|(a, _), (b, _)| a.series_cmp(b));
        for (labels, samples) in series {
            writer.begin_series(labels).unwrap();
            let (times, values): (Vec<i64>, Vec<f64>) =
                samples.iter().map(|(&t, &v)| (t, f64::from_bits(v))).unzip();
            let mut at = 0;
            while at < times.len() {
                let end = times.len().min(at + sizes.next().unwrap());
                writer.append(&times[at..end], &values[at..end]).unwrap();
                at = end;
            }
        }
        let other = writer.finish().unwrap().unwrap();
        prop_assert_eq!(&other.meta().name, &block.meta().name);
        prop_assert_eq!(files(&*whole, &block), files(&*cut, &other));
    }
}

#[test]
fn selections_and_label_questions() {
    let storage = memory();
    let model = sample_model();
    let block = write(&storage, spec(1, 1), &model).unwrap().unwrap();
    let up = Matcher::new("__name__", MatchOp::Equal, "up").unwrap();
    let not_a = Matcher::new("instance", MatchOp::NotEqual, "a").unwrap();
    let found = read(&block, &[up.clone(), not_a], TimeRange::ALL).unwrap();
    let names: Vec<String> = found.keys().map(ToString::to_string).collect();
    assert_eq!(names, [r#"up{instance="b", job="node"}"#, r#"up{instance="c", job="node"}"#]);
    assert_eq!(block.label_names(&[]).unwrap(), ["__name__", "instance", "job", "le", "nameless"]);
    assert_eq!(
        block.label_names(std::slice::from_ref(&up)).unwrap(),
        ["__name__", "instance", "job"]
    );
    assert_eq!(block.label_values("instance", &[], 2).unwrap(), ["a", "b"]);
    assert_eq!(block.label_values("__name__", &[up], 0).unwrap(), ["up"]);
    assert!(block.select(&[], TimeRange::new(500_000_000, 600_000_000)).unwrap().is_empty());
}

#[test]
fn whole_chunks_of_one_scrape_share_a_stream_id_and_no_other_batch_does() {
    let storage = memory();
    let block = write(&storage, spec(1, 1), &sample_model()).unwrap().unwrap();
    let other = write(&storage, spec(2, 1), &sample_model()).unwrap().unwrap();
    let mut seen = BTreeMap::new();
    let mut whole = 0;
    for block in [&block, &other] {
        // The last sample of the grid is at 14,985,000: the range cuts into the third chunk.
        for mut series in block.select(&[], TimeRange::new(i64::MIN, 14_900_000)).unwrap() {
            let mut batch = SampleBatch::default();
            while series.next_batch(&mut batch).unwrap() {
                let Some(stream) = batch.stream else {
                    assert!(batch.times.last() > Some(&14_800_000), "cut without need");
                    continue;
                };
                whole += 1;
                let times = (block.meta().name.clone(), batch.times.clone());
                assert_eq!(seen.entry(stream).or_insert_with(|| times.clone()), &times);
            }
        }
    }
    // Per block: two of the grid (ten series), two of the jitter, one each of the small ones.
    assert_eq!((seen.len(), whole), (2 * 6, 2 * (10 * 2 + 2 + 2)));
}

#[test]
fn what_is_out_of_order_or_out_of_range_is_refused_and_leaves_nothing() {
    let storage = memory();
    let (a, b) = (labels! { "a" => "1" }, labels! { "a" => "2" });
    let begin = || {
        let mut writer = BlockWriter::new(Arc::clone(&storage), PARENT, spec(1, 1)).unwrap();
        writer.add_series(&b, &[1, 2], &[0.0, 0.0]).unwrap();
        writer
    };
    let c = labels! { "a" => "3" };
    for (labels, times) in [
        (&a, &[1][..]),
        (&b, &[3][..]),
        (&c, &[2, 2][..]),
        (&c, &[2, 1][..]),
        (&c, &[1_000_000_001][..]),
        (&c, &[-1_000_000_001][..]),
    ] {
        let error = begin().add_series(labels, times, &vec![0.0; times.len()]).unwrap_err();
        assert!(matches!(error, Error::Invalid { .. }), "{labels} {times:?}: {error}");
    }
    assert!(matches!(begin().add_series(&c, &[1], &[]), Err(Error::Invalid { .. })));
    assert_eq!(storage.list(PARENT).unwrap(), []);
}

#[test]
fn a_block_without_samples_is_none_and_leaves_nothing() {
    let storage = memory();
    let mut writer = BlockWriter::new(Arc::clone(&storage), PARENT, spec(1, 1)).unwrap();
    writer.add_series(&labels! { "a" => "1" }, &[], &[]).unwrap();
    assert!(writer.finish().unwrap().is_none());
    assert_eq!(storage.list(PARENT).unwrap(), []);
}

#[test]
fn a_finished_block_leaves_nothing_temporary_and_is_not_written_twice() {
    let storage = memory();
    let block = write(&storage, spec(1, 1), &sample_model()).unwrap().unwrap();
    // The very same block is the one that is there, as after an attempt that failed late ...
    let again = write(&storage, spec(1, 1), &sample_model()).unwrap().unwrap();
    assert_eq!(again.meta(), block.meta());
    // ... one that says something else of itself is another one, and is refused.
    let other = BlockSpec { coverage: Vec::new(), ..spec(1, 1) };
    let other = write(&storage, other, &sample_model());
    assert!(matches!(other, Err(Error::Invalid { .. })));
    let names: Vec<String> =
        storage.list(PARENT).unwrap().into_iter().map(|entry| entry.name).collect();
    assert_eq!(names, [block.meta().name.clone()]);
    let names: Vec<String> =
        storage.list(block.path()).unwrap().into_iter().map(|entry| entry.name).collect();
    assert_eq!(names, ["data", "index", "manifest"]);
}

#[test]
fn many_series_fill_many_pages_of_each_kind() {
    let storage = memory();
    let mut model = Model::new();
    for i in 0..3000i64 {
        let samples =
            (0..200i64).map(|j| (j * 1000 + (i % 700) * j % 900, (i * j * j) as u64)).collect();
        model.insert(metric("m", &format!("{i:05}")), samples);
    }
    let mut writer = BlockWriter::new(Arc::clone(&storage), PARENT, spec(1, 1)).unwrap();
    for (labels, samples) in &model {
        let (times, values): (Vec<i64>, Vec<f64>) =
            samples.iter().map(|(&t, &v)| (t, f64::from_bits(v))).unzip();
        writer.add_series(labels, &times, &values).unwrap();
    }
    let (block, bytes) = writer.finish_with_bytes().unwrap().unwrap();
    assert!(bytes.values > 65_536 * 4 && bytes.times > 16_384 && bytes.directory > 4096 * 2);
    assert_eq!(read(&block, &[], TimeRange::ALL).unwrap(), model);
    let one = Matcher::new("instance", MatchOp::Equal, "02222").unwrap();
    let found = read(&block, &[one], TimeRange::new(5000, 9000)).unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(
        found,
        cut(
            &found.keys().map(|l| (l.clone(), model[l].clone())).collect(),
            TimeRange::new(5000, 9000)
        )
    );
    assert_eq!(block.verify().unwrap().series, 3000);
}

#[test]
fn a_series_with_more_chunks_than_a_directory_page_holds() {
    let storage = memory();
    let long: BTreeMap<i64, u64> = (0..700_000i64).map(|i| (i * 3, (i % 3) as u64)).collect();
    let model = Model::from([
        (metric("a", "short"), BTreeMap::from([(1, 2)])),
        (metric("b", "long"), long),
        (metric("c", "short"), BTreeMap::from([(3, 4)])),
    ]);
    let block = write(&storage, spec(1, 1), &model).unwrap().unwrap();
    assert_eq!(read(&block, &[], TimeRange::ALL).unwrap(), model);
    for range in [TimeRange::new(1_000_000, 1_000_050), TimeRange::new(2_099_997, i64::MAX)] {
        assert_eq!(read(&block, &[], range).unwrap(), cut(&model, range));
    }
    assert_eq!(block.verify().unwrap().chunks, 2 + 700_000u64.div_ceil(480));
}

#[test]
fn a_block_taken_apart_and_put_together_reads_the_same() {
    let storage = memory();
    let model = sample_model();
    let block = write(&storage, spec(1, 1), &model).unwrap().unwrap();
    let files = Files::assemble(&fuzzing::explode(&block).unwrap());
    files.place(&*storage, PARENT).unwrap();
    let again = Block::open(Arc::clone(&storage), PARENT, &files.name).unwrap();
    assert_eq!(again.verify().unwrap().samples, block.meta().samples);
    // The seed for fuzzing has labels of its own; the samples are the same, series by series.
    let ordered = |block: &Block| {
        let mut all = Vec::new();
        let mut batch = SampleBatch::default();
        for mut series in block.select(&[], TimeRange::ALL).unwrap() {
            while series.next_batch(&mut batch).unwrap() {
                let bits: Vec<u64> = batch.values.iter().map(|v| v.to_bits()).collect();
                all.push((batch.times.clone(), bits));
            }
        }
        all
    };
    assert_eq!(ordered(&again), ordered(&block));
}
