//! Head and segment select what a filter over the label sets selects, for every kind of matcher.
#![expect(clippy::unwrap_used, reason = "a test may stop")]

use std::collections::{BTreeMap, BTreeSet};

use nunatak_index::{
    HeadIndex, Labels, MatchOp, Matcher, RoaringBitmap, Segment, SegmentWriter, labels,
};
use proptest::prelude::*;

fn label_sets() -> impl Strategy<Value = BTreeSet<Labels>> {
    let name = prop::sample::select(vec!["__name__", "a", "b", "instance", "z"]);
    let value = prop_oneof![
        "[abc]{1,3}",
        "host-[0-9]{1,2}",
        Just("a\nb".to_owned()),
        Just("é\u{10ffff}".to_owned()),
    ];
    let labels = prop::collection::btree_map(name, value, 0..5)
        .prop_map(|pairs| Labels::from_pairs(pairs).unwrap());
    prop::collection::btree_set(labels, 0..150)
}

fn matcher() -> impl Strategy<Value = Matcher> {
    let name = prop::sample::select(vec!["__name__", "a", "b", "instance", "z", "none"]);
    let literal = || prop_oneof![Just(String::new()), "[abc]{1,2}", "host-[0-9]"];
    let pattern = prop_oneof![
        literal(),
        Just(".*".to_owned()),
        Just(".+".to_owned()),
        Just("(a|b).*".to_owned()),
        Just("a.+|".to_owned()),
        Just("host-[0-4].*".to_owned()),
        Just("(?i)HOST.*".to_owned()),
        Just(".*[0-9]".to_owned()),
        Just("[^a].?".to_owned()),
        literal().prop_map(|l| format!("{l}.*")),
        literal().prop_map(|l| format!(".*{l}")),
        literal().prop_map(|l| format!(".*{l}.*")),
        (literal(), literal()).prop_map(|(a, b)| format!("{a}|{b}")),
    ];
    let exact = prop::sample::select(vec![MatchOp::Equal, MatchOp::NotEqual]);
    let regex = prop::sample::select(vec![MatchOp::Regex, MatchOp::NotRegex]);
    prop_oneof![
        (name.clone(), exact, literal()).prop_map(|(n, op, v)| Matcher::new(n, op, &v).unwrap()),
        (name, regex, pattern).prop_map(|(n, op, v)| Matcher::new(n, op, &v).unwrap()),
    ]
}

/// What Prometheus would select.
fn naive(series: &BTreeMap<u32, Labels>, matchers: &[Matcher]) -> RoaringBitmap {
    let accepts =
        |labels: &Labels| matchers.iter().all(|m| m.matches(labels.get(m.name()).unwrap_or("")));
    series.iter().filter(|(_, labels)| accepts(labels)).map(|(&id, _)| id).collect()
}

fn naive_names(series: &BTreeMap<u32, Labels>, selected: &RoaringBitmap) -> Vec<String> {
    let names = selected.iter().flat_map(|id| series[&id].iter().map(|(n, _)| n.to_owned()));
    names.collect::<BTreeSet<_>>().into_iter().collect()
}

fn naive_values(
    series: &BTreeMap<u32, Labels>,
    name: &str,
    selected: &RoaringBitmap,
) -> Vec<String> {
    let values = selected.iter().filter_map(|id| series[&id].get(name).map(str::to_owned));
    values.collect::<BTreeSet<_>>().into_iter().collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn head_selects_what_a_filter_selects(
        sets in label_sets(),
        removed in prop::collection::vec(any::<prop::sample::Index>(), 0..80),
        queries in prop::collection::vec(prop::collection::vec(matcher(), 0..4), 1..6),
    ) {
        let mut head = HeadIndex::new();
        let mut series: BTreeMap<u32, Labels> = BTreeMap::new();
        for (i, labels) in sets.iter().enumerate() {
            // Not in order, and over several roaring containers.
            let id = (i as u32 ^ 5) * 1000;
            head.insert(id, labels);
            series.insert(id, labels.clone());
        }
        for index in removed {
            if series.is_empty() { break; }
            let id = *series.keys().nth(index.index(series.len())).unwrap();
            let labels = series.remove(&id).unwrap();
            head.remove(id);
            if id % 3 == 0 {
                head.insert(id + 1, &labels);
                series.insert(id + 1, labels);
            }
        }
        for (id, labels) in &series {
            prop_assert_eq!(&head.labels(*id), labels);
            prop_assert!(head.equals(*id, labels));
        }
        for query in &queries {
            let expected = naive(&series, query);
            prop_assert_eq!(&head.select(query), &expected, "{:?}", query);
            prop_assert_eq!(head.label_names(Some(&expected)), naive_names(&series, &expected));
            prop_assert_eq!(
                head.label_values("a", Some(&expected), 0),
                naive_values(&series, "a", &expected)
            );
        }
        let all = series.keys().copied().collect();
        prop_assert_eq!(head.label_names(None), naive_names(&series, &all));
        prop_assert_eq!(head.label_values("b", None, 0), naive_values(&series, "b", &all));
        prop_assert_eq!(head.len(), series.len());
        for id in series.keys() {
            head.remove(*id);
        }
        prop_assert_eq!((head.len(), head.pair_count()), (0, 0));
        prop_assert!(head.label_names(None).is_empty() && head.select(&[]).is_empty());
    }

    #[test]
    fn segment_selects_what_a_filter_selects(
        sets in label_sets(),
        queries in prop::collection::vec(prop::collection::vec(matcher(), 0..4), 1..6),
    ) {
        let mut sorted: Vec<_> = sets.into_iter().collect();
        sorted.sort_by(Labels::series_cmp);
        let mut writer = SegmentWriter::new();
        for labels in &sorted {
            writer.add(labels).unwrap();
        }
        let segment = Segment::open(writer.finish().unwrap()).unwrap();
        segment.verify().unwrap();
        prop_assert_eq!(segment.series_count() as usize, sorted.len());
        let series: BTreeMap<u32, Labels> = (0..).zip(sorted).collect();
        let mut reader = segment.labels_reader();
        for (&id, labels) in &series {
            prop_assert_eq!(&segment.labels(id).unwrap(), labels);
            prop_assert_eq!(&reader.labels(id).unwrap(), labels);
        }
        for query in &queries {
            let expected = naive(&series, query);
            prop_assert_eq!(&segment.select(query).unwrap(), &expected, "{:?}", query);
            let names = segment.label_names(Some(&expected)).unwrap();
            prop_assert_eq!(names, naive_names(&series, &expected));
            for name in ["a", "instance"] {
                let mut values = naive_values(&series, name, &expected);
                prop_assert_eq!(&segment.label_values(name, Some(&expected), 0).unwrap(), &values);
                values.truncate(2);
                prop_assert_eq!(segment.label_values(name, Some(&expected), 2).unwrap(), values);
            }
        }
        let all = series.keys().copied().collect();
        prop_assert_eq!(segment.label_names(None).unwrap(), naive_names(&series, &all));
        prop_assert_eq!(
            segment.label_values("b", None, 0).unwrap(),
            naive_values(&series, "b", &all)
        );
    }
}

/// A fleet: many values, long posting lists, selections small enough to test series one by one.
#[test]
fn large_segment_and_head_agree() {
    agree_on_a_fleet(700);
}

/// More series and text than the narrow tables of a segment have room for.
#[test]
fn segment_with_wide_tables_and_head_agree() {
    agree_on_a_fleet(3_400);
}

fn agree_on_a_fleet(hosts: usize) {
    let mut sets = Vec::new();
    for host in 0..hosts {
        for metric in 0..10 {
            let id = format!("{:016}", host * 10 + metric);
            let (metric, host_name) = (format!("metric_{metric}"), format!("host-{host}"));
            let zone = format!("zone-{}", host % 3);
            let pairs = [("__name__", &metric), ("host", &host_name), ("id", &id), ("zone", &zone)];
            sets.push(Labels::from_pairs(pairs).unwrap());
        }
    }
    sets.sort_by(Labels::series_cmp);
    let (mut head, mut writer) = (HeadIndex::new(), SegmentWriter::new());
    for labels in &sets {
        let id = writer.add(labels).unwrap();
        head.insert(id, labels);
    }
    let image = writer.finish().unwrap();
    let segment = Segment::open(image).unwrap();
    let series: BTreeMap<u32, Labels> = (0..).zip(sets).collect();
    let m = |name, op, value| Matcher::new(name, op, value).unwrap();
    let queries = [
        vec![m("host", MatchOp::Regex, ".*7"), m("__name__", MatchOp::Equal, "metric_3")],
        vec![m("host", MatchOp::Regex, "host-(1|2)[0-9]+")],
        vec![
            m("host", MatchOp::Regex, "(host-1|host-2).*"),
            m("zone", MatchOp::NotEqual, "zone-1"),
        ],
        vec![m("host", MatchOp::Regex, ".*9"), m("host", MatchOp::Equal, "host-99")],
        vec![m("host", MatchOp::NotRegex, "host-[1-9].*"), m("zone", MatchOp::Equal, "zone-0")],
        vec![m("zone", MatchOp::Regex, "zone-(0|2)"), m("host", MatchOp::NotRegex, ".*0|.*1")],
    ];
    for query in queries {
        let expected = naive(&series, &query);
        assert!(!expected.is_empty(), "{query:?}");
        assert_eq!(segment.select(&query).unwrap(), expected, "{query:?}");
        assert_eq!(head.select(&query), expected, "{query:?}");
        let values = naive_values(&series, "host", &expected);
        assert_eq!(segment.label_values("host", Some(&expected), 0).unwrap(), values);
        assert_eq!(head.label_values("host", Some(&expected), 0), values);
        let few = &values[..values.len().min(2)];
        assert_eq!(head.label_values("host", Some(&expected), 2), few);
    }
}

#[test]
fn a_pattern_over_many_values_finds_the_same_again() {
    let mut writer = SegmentWriter::new();
    let mut series = BTreeMap::new();
    for number in 0..9000_u32 {
        let set = labels! { "__name__" => "m", "id" => &format!("{number:05}") };
        writer.add(&set).unwrap();
        series.insert(number, set);
    }
    let segment = Segment::open(writer.finish().unwrap()).unwrap();
    for _ in 0..2 {
        for (op, pattern) in [(MatchOp::Regex, "[0-4]+"), (MatchOp::NotRegex, ".+[1-9]")] {
            let query = [Matcher::new("id", op, pattern).unwrap()];
            assert_eq!(segment.select(&query).unwrap(), naive(&series, &query), "{pattern}");
        }
    }
}

#[test]
fn writer_refuses_disorder_and_repeats() {
    let mut writer = SegmentWriter::new();
    let second = nunatak_index::labels! { "__name__" => "b" };
    assert_eq!(writer.add(&second), Ok(0));
    assert!(writer.add(&second).is_err());
    assert!(writer.add(&nunatak_index::labels! { "__name__" => "a", "z" => "1" }).is_err());
    assert_eq!(writer.add(&nunatak_index::labels! { "__name__" => "b", "A" => "1" }).ok(), None);
    assert_eq!(writer.add(&nunatak_index::labels! { "__name__" => "b", "z" => "1" }), Ok(1));
    assert_eq!(Segment::open(writer.finish().unwrap()).unwrap().series_count(), 2);
}

/// More pairs than the reader's cache has places: each is replaced, and comes back right.
#[test]
fn a_labels_reader_forgets_and_reads_again() {
    let sets = (0..3000).map(|i| labels! { "__name__" => "m", "id" => &format!("{i:05}") });
    let sets: Vec<Labels> = sets.collect();
    let mut writer = SegmentWriter::new();
    for labels in &sets {
        writer.add(labels).unwrap();
    }
    let segment = Segment::open(writer.finish().unwrap()).unwrap();
    let mut reader = segment.labels_reader();
    for (id, labels) in (0..).zip(&sets).chain((0..).zip(&sets).step_by(7)) {
        assert_eq!(&reader.labels(id).unwrap(), labels);
    }
    assert!(reader.labels(3000).is_err());
}

#[test]
fn a_head_forgets_what_a_pattern_found_when_series_come_and_go() {
    let mut head = HeadIndex::new();
    let set = |id: u32| labels! { "__name__" => "m", "id" => &format!("{id:05}-x") };
    (0..6000).for_each(|id| head.insert(id, &set(id)));
    let nine = Matcher::new("id", MatchOp::Regex, ".*9-.").unwrap();
    let found = |head: &HeadIndex| head.select(std::slice::from_ref(&nine)).len();
    assert_eq!((found(&head), found(&head)), (600, 600));
    head.insert(7000, &set(7009));
    assert_eq!(found(&head), 601);
    head.remove(7000);
    head.remove(9);
    assert_eq!(found(&head), 599);
}
