//! A scan hands on what a selection lists: from a head, from blocks that have different series,
//! from blocks that overlap, and from a head and blocks together.

use std::collections::BTreeMap;

use nunatak::storage::FaultStorage;
use nunatak::{Db, Gathered, Hints, Labels, MatchOp, Matcher, Selector, Source, TimeRange, labels};

use crate::common::{NOW, append, options};

const HOUR: i64 = 3_600_000;

type Samples = Vec<(i64, f64)>;

fn scanned(db: &Db, selector: &Selector, hints: &Hints) -> Vec<(Labels, Samples)> {
    let mut all = Vec::new();
    let mut gathered = Gathered::default();
    let warnings = Source::scan(db, selector, hints, &mut |labels, cursor| {
        gathered.begin();
        while cursor.gather(&mut gathered).unwrap() {}
        gathered.end();
        let times = gathered.times().iter().copied();
        all.push((labels, times.zip(gathered.values().iter().copied()).collect()));
        true
    });
    assert!(warnings.unwrap().is_empty());
    all
}

fn selected(db: &Db, selector: &Selector) -> BTreeMap<Labels, Samples> {
    let mut all = BTreeMap::new();
    let mut gathered = Gathered::default();
    for mut series in Source::select(db, selector, &Hints::default()).unwrap().series {
        gathered.begin();
        while series.cursor.gather(&mut gathered).unwrap() {}
        gathered.end();
        let times = gathered.times().iter().copied();
        all.insert(series.labels, times.zip(gathered.values().iter().copied()).collect());
    }
    all
}

fn compare(db: &Db, range: TimeRange) {
    let name = Matcher::new("__name__", MatchOp::Regex, "a|b").unwrap();
    let selector = Selector::new(vec![name], range);
    let right = selected(db, &selector);
    let whole = scanned(db, &selector, &Hints::default());
    assert_eq!(whole.len(), right.len(), "a series came twice");
    assert_eq!(whole.into_iter().collect::<BTreeMap<_, _>>(), right);

    // With some labels alone: the groups have the same samples.
    let by = Hints { labels: Some(vec!["job".to_owned()]), ..Hints::default() };
    let group = |labels: &Labels| labels.get("job").unwrap_or_default().to_owned();
    let mut groups: BTreeMap<String, Vec<Samples>> = BTreeMap::new();
    for (labels, samples) in scanned(db, &selector, &by) {
        groups.entry(group(&labels)).or_default().push(samples);
    }
    let mut expected: BTreeMap<String, Vec<Samples>> = BTreeMap::new();
    for (labels, samples) in &right {
        expected.entry(group(labels)).or_default().push(samples.clone());
    }
    for samples in groups.values_mut().chain(expected.values_mut()) {
        samples.sort_by(|a, b| a.partial_cmp(b).unwrap());
    }
    assert_eq!(groups, expected);

    // Without values the times are the same.
    let presence = Hints { presence_only: true, ..Hints::default() };
    let times = |samples: &Samples| samples.iter().map(|sample| sample.0).collect::<Vec<_>>();
    for (labels, samples) in scanned(db, &selector, &presence) {
        assert_eq!(times(&samples), times(&right[&labels]), "{labels}");
    }
}

fn compare_all(db: &Db) {
    compare(db, TimeRange::ALL);
    for start in [NOW - 9 * HOUR, NOW - 5 * HOUR + 30_000, NOW - HOUR] {
        compare(db, TimeRange::new(start, start + 3 * HOUR));
        compare(db, TimeRange::new(start, start + 60_000));
    }
}

/// Samples every half minute of `hours` hours of some series of both metrics.
fn fill(db: &Db, first: usize, series: usize, from: i64, hours: i64) {
    for n in first..first + series {
        let name = ["a", "b", "c"][n % 3];
        let (job, n) = (["x", "y"][n / 3 % 2], n.to_string());
        let labels = labels! { "__name__" => name, "job" => job, "n" => &n };
        let times = (0..hours * 120).map(|i| from + i * 30_000);
        let samples: Samples = times.map(|t| (t, (t / 30_000 % 97) as f64)).collect();
        append(db, &labels, &samples).unwrap();
    }
}

#[test]
fn a_scan_is_a_selection() {
    let storage = FaultStorage::new(7);
    let db = Db::open(options(&storage)).unwrap();
    fill(&db, 0, 40, NOW - 9 * HOUR, 4);
    compare_all(&db);
    // Some series end, others begin: the blocks of later windows have others.
    fill(&db, 20, 40, NOW - 5 * HOUR, 4);
    compare_all(&db);
    db.flush().unwrap();
    compare_all(&db);
    // A head beside the blocks.
    fill(&db, 50, 30, NOW - HOUR, 1);
    compare_all(&db);
    db.flush().unwrap();
    compare_all(&db);
}

#[test]
fn blocks_that_overlap_are_merged() {
    let storage = FaultStorage::new(8);
    let db = Db::open(options(&storage)).unwrap();
    fill(&db, 0, 20, NOW - 2 * HOUR, 2);
    db.flush().unwrap();
    // Between the samples that are there, and in place of some of them.
    let late: Samples = (0..100).map(|i| (NOW - HOUR + i * 15_000, -1.0)).collect();
    let labels = labels! { "__name__" => "a", "job" => "x", "n" => "0" };
    append(&db, &labels, &late).unwrap();
    compare_all(&db);
    db.flush().unwrap();
    compare_all(&db);
}
