//! Against a naive model: whatever is written in whatever order, with flushes, maintenance and
//! reopening in between, selections and label queries answer as a map would.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use nunatak::storage::FaultStorage;
use nunatak::{
    Batch, Db, Hints, Labels, Limits, MatchOp, Matcher, SampleBatch, Selector, Source, TimeRange,
    labels,
};
use proptest::prelude::*;

use crate::common::{NOW, options};

#[derive(Debug, Clone)]
enum Step {
    Append(Vec<(u8, i64, f64)>),
    Flush,
    Maintain,
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    // Times over a day and a half, so that windows, late samples and compaction all come up.
    let sample = (0..9u8, 0..36 * 60i64, any::<f64>());
    prop_oneof![
        6 => prop::collection::vec(sample, 1..60).prop_map(Step::Append),
        1 => Just(Step::Flush),
        1 => Just(Step::Maintain),
        1 => Just(Step::Reopen),
    ]
}

fn set(number: u8) -> Labels {
    let (metric, host) = (format!("m{}", number % 3), format!("h{}", number / 3));
    if number == 0 {
        return labels! { "__name__" => "bare" };
    }
    labels! { "__name__" => &metric, "host" => &host }
}

fn matcher() -> impl Strategy<Value = Matcher> {
    let op = prop::sample::select(vec![
        MatchOp::Equal,
        MatchOp::NotEqual,
        MatchOp::Regex,
        MatchOp::NotRegex,
    ]);
    let value = prop::sample::select(vec!["", "h1", "m1", "h.*", "m[01]|bare", ".+", "x"]);
    let name = prop::sample::select(vec!["__name__", "host", "none"]);
    (name, op, value).prop_map(|(name, op, value)| Matcher::new(name, op, value).unwrap())
}

type Model = BTreeMap<Labels, BTreeMap<i64, u64>>;

fn expected(model: &Model, selector: &Selector) -> Model {
    let matches = |labels: &Labels| {
        selector.matchers.iter().all(|m| m.matches(labels.get(m.name()).unwrap_or("")))
    };
    let selected = model.iter().filter(|(labels, _)| matches(labels));
    selected
        .map(|(labels, samples)| {
            let inside = samples.iter().filter(|(t, _)| selector.range.contains(**t));
            (labels.clone(), inside.map(|(&t, &v)| (t, v)).collect::<BTreeMap<_, _>>())
        })
        .filter(|(_, samples)| !samples.is_empty())
        .collect()
}

fn found(db: &Db, selector: &Selector) -> Model {
    let mut model = Model::new();
    let mut batch = SampleBatch::default();
    for mut series in Source::select(db, selector, &Hints::default()).unwrap().series {
        let mut samples = BTreeMap::new();
        while series.cursor.next_batch(&mut batch).unwrap() {
            for (&t, v) in batch.times.iter().zip(&batch.values) {
                assert!(samples.insert(t, v.to_bits()).is_none());
            }
        }
        if !samples.is_empty() {
            model.insert(series.labels, samples);
        }
    }
    model
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn answers_as_a_map_would(
        steps in prop::collection::vec(step(), 1..12),
        matchers in prop::collection::vec(matcher(), 0..3),
        from in 0..36 * 60i64,
        minutes in 0..36 * 60i64,
    ) {
        let mut limits = Limits::default();
        limits.out_of_order_ms = i64::MAX;
        let storage = FaultStorage::new(1);
        let open = || Db::open(options(&storage).limits(limits.clone())).unwrap();
        let mut db = open();
        let mut model = Model::new();
        for step in steps {
            match step {
                Step::Append(samples) => {
                    let mut batch = Batch::new();
                    for &(number, minute, value) in &samples {
                        let series = batch.series(&set(number)).unwrap();
                        let time = NOW - minute * 60_000;
                        batch.push(series, time, value);
                        model.entry(set(number)).or_default().insert(time, value.to_bits());
                    }
                    prop_assert_eq!(db.append(&batch).unwrap().stored, samples.len() as u64);
                }
                Step::Flush => db.flush().unwrap(),
                Step::Maintain => while db.maintain(Duration::from_secs(1)).unwrap() {},
                Step::Reopen => {
                    db.close().unwrap();
                    db = open();
                }
            }
        }
        let all = Selector::new(matchers.clone(), TimeRange::ALL);
        prop_assert_eq!(found(&db, &all), expected(&model, &all));
        let start = NOW - (from + minutes) * 60_000;
        let part = Selector::new(matchers, TimeRange::new(start, NOW - from * 60_000));
        prop_assert_eq!(found(&db, &part), expected(&model, &part));

        let selected = expected(&model, &all);
        let names: BTreeSet<_> =
            selected.keys().flat_map(|l| l.iter().map(|(n, _)| n.to_owned())).collect();
        prop_assert_eq!(db.label_names(&all, 0).unwrap(), names.into_iter().collect::<Vec<_>>());
        let hosts: BTreeSet<_> =
            selected.keys().filter_map(|l| l.get("host").map(str::to_owned)).collect();
        let hosts: Vec<_> = hosts.into_iter().collect();
        prop_assert_eq!(&db.label_values("host", &all, 0).unwrap(), &hosts);
        let first: Vec<_> = hosts.into_iter().take(1).collect();
        prop_assert_eq!(db.label_values("host", &all, 1).unwrap(), first);
    }
}
