//! The head's index stays small: what it counts, for a fleet and for a flood.
#![expect(clippy::unwrap_used, reason = "a test may stop")]

use nunatak_index::{HeadIndex, Labels, MatchOp, Matcher, labels};

/// 10 labels of about 272 bytes, as a fleet of hosts has them.
fn fleet_series(host: usize, metric: usize) -> Labels {
    let values = [
        ("__name__", format!("node_subsystem_metric_number_{metric:04}_seconds_total")),
        ("cluster", "production-europe-west".to_owned()),
        ("datacenter", format!("datacenter-{:02}", host % 4)),
        ("environment", "production".to_owned()),
        ("instance", format!("host-{host:06}.production.example.com:9100")),
        ("job", "node-exporter".to_owned()),
        ("os", "linux-6.1.0-amd64".to_owned()),
        ("rack", format!("rack-{:03}", host % 40)),
        ("region", "europe-west-1".to_owned()),
        ("team", "infrastructure".to_owned()),
    ];
    Labels::from_pairs(values).unwrap()
}

#[test]
fn a_fleet_costs_little_per_series() {
    let mut head = HeadIndex::new();
    for i in 0..100_000 {
        head.insert(i as u32, &fleet_series(i / 200, i % 200));
    }
    let lists = head.list_bytes() / 100_000;
    let per_series = head.heap_bytes() / 100_000 - lists;
    println!("{per_series} bytes per series, {lists} for its list of pairs");
    assert!(per_series < 150, "{per_series} bytes per series");
    assert!(lists < 64, "{lists} bytes per series");
}

#[test]
fn memory_comes_back_after_a_flood() {
    let mut head = HeadIndex::new();
    let flood = |i: u32| {
        let id = format!("{i:08}-6ec5-4b3f-9d1a-0242ac130003");
        Labels::from_pairs([("__name__", "requests_total"), ("request", &id)]).unwrap()
    };
    (0..50_000).for_each(|i| head.insert(i, &flood(i)));
    let full = head.heap_bytes();
    println!("{} bytes per distinct pair of 36 bytes", full / 50_000);
    assert!(full / 50_000 < 36 + 80, "{full}");
    (0..50_000).filter(|i| i % 10 != 0).for_each(|i| head.remove(i));
    let text_and_tables = head.heap_bytes();
    assert!(text_and_tables < full * 7 / 10, "{full} {text_and_tables}");
    let kept = head.labels(10);
    assert_eq!(kept, flood(10));
    // The next flood takes the records of the one before.
    for i in (0..50_000).filter(|i| i % 10 != 0) {
        head.insert(i, &flood(i + 1_000_000));
    }
    assert!(head.heap_bytes() < full * 11 / 10, "{full} {}", head.heap_bytes());
    assert_eq!(head.labels(10), flood(10));
}

#[test]
fn sets_of_those_who_stay_are_small_again() {
    let mut head = HeadIndex::new();
    let series =
        |i: u32, of: &str| labels! { "__name__" => of, "job" => "a", "id" => &i.to_string() };
    (0..20_000).for_each(|i| head.insert(i, &series(i, "steady")));
    let calm = head.heap_bytes();
    (20_000..60_000).for_each(|i| head.insert(i, &series(i, "flood")));
    (20_000..60_000).rev().step_by(2).for_each(|i| head.remove(i));
    (20_000..60_000).rev().skip(1).step_by(2).for_each(|i| head.remove(i));
    head.shrink();
    let pairs = head.frequent_pairs();
    assert_eq!(pairs.len(), 2, "{pairs:?}");
    let before = head.heap_bytes();
    head.compact(&pairs);
    assert!(head.heap_bytes() + 2 * 8192 < before, "{} of {before}", head.heap_bytes());
    assert!(head.heap_bytes() < calm * 6 / 5, "{} after {calm}", head.heap_bytes());
    let job = Matcher::new("job", MatchOp::Equal, "a").unwrap();
    assert_eq!(head.select(&[job]).len(), 20_000);
}

#[test]
fn cardinality_names_the_largest() {
    let mut head = HeadIndex::new();
    for i in 0..1000 {
        head.insert(i as u32, &fleet_series(i / 10, i % 10));
    }
    let metrics = head.largest_values("__name__", 3);
    assert_eq!((metrics.len(), metrics[0].series), (3, 100));
    assert!(metrics[0].value.ends_with("0000_seconds_total"));
    let names = head.name_counts();
    let most = names.iter().max_by_key(|name| name.value_bytes).unwrap();
    assert_eq!((names.len(), most.name.as_str(), most.values), (10, "instance", 100));
    let pair = &head.largest_pairs(1)[0];
    assert_eq!(
        (&*pair.name, &*pair.value, pair.series),
        ("cluster", "production-europe-west", 1000)
    );
}
