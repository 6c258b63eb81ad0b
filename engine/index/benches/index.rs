//! What the index is asked all day: intersections, patterns over values, and new series.
#![expect(clippy::expect_used, reason = "a bench may stop")]

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use nunatak_index::{HeadIndex, Labels, MatchOp, Matcher, Segment, SegmentWriter};

const HOSTS: usize = 500;
const METRICS: usize = 200;

/// 100,000 series with 10 labels of about 272 bytes, in the order of a segment.
fn fleet() -> Vec<Labels> {
    let mut sets: Vec<_> = (0..HOSTS * METRICS).map(|i| series(i / METRICS, i % METRICS)).collect();
    sets.sort_by(Labels::series_cmp);
    sets
}

fn series(host: usize, metric: usize) -> Labels {
    let pairs = [
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
    Labels::from_pairs(pairs).expect("valid labels")
}

fn matcher(name: &str, op: MatchOp, value: &str) -> Matcher {
    Matcher::new(name, op, value).expect("valid pattern")
}

fn select(c: &mut Criterion) {
    let sets = fleet();
    let (mut head, mut writer) = (HeadIndex::new(), SegmentWriter::new());
    for labels in &sets {
        let id = writer.add(labels).expect("in order");
        head.insert(id, labels);
    }
    let segment = Segment::open(writer.finish().expect("fits")).expect("fresh");
    let metric =
        matcher("__name__", MatchOp::Equal, "node_subsystem_metric_number_0042_seconds_total");
    let queries = [
        (
            "intersect",
            vec![
                metric.clone(),
                matcher("rack", MatchOp::Equal, "rack-007"),
                matcher("job", MatchOp::Equal, "node-exporter"),
            ],
        ),
        ("exclude", vec![metric.clone(), matcher("rack", MatchOp::NotEqual, "rack-007")]),
        ("regex set", vec![metric.clone(), matcher("rack", MatchOp::Regex, "rack-00(1|2|3)")]),
        ("regex prefix", vec![metric.clone(), matcher("instance", MatchOp::Regex, "host-0001.*")]),
        ("regex pruned", vec![matcher("instance", MatchOp::Regex, "(host|peer)-0+4[0-9]+[.].*")]),
        ("regex suffix", vec![matcher("instance", MatchOp::Regex, ".*7[.]production.*:9100")]),
    ];
    let mut group = c.benchmark_group("select");
    for (name, query) in &queries {
        group.bench_function(format!("head/{name}"), |b| b.iter(|| head.select(black_box(query))));
        group.bench_function(format!("segment/{name}"), |b| {
            b.iter(|| segment.select(black_box(query)).expect("undamaged"));
        });
    }
    group.finish();
    let mut group = c.benchmark_group("labels");
    group.throughput(Throughput::Elements(1));
    let mut id = 0;
    group.bench_function("segment", |b| {
        b.iter(|| {
            id = (id + 7919) % segment.series_count();
            segment.labels(id).expect("undamaged")
        });
    });
    group.finish();
}

fn build(c: &mut Criterion) {
    let sets = fleet();
    let mut group = c.benchmark_group("build");
    group.sample_size(10).throughput(Throughput::Elements(sets.len() as u64));
    group.bench_function("head insert", |b| {
        b.iter_batched(
            HeadIndex::new,
            |mut head| {
                for (id, labels) in (0..).zip(&sets) {
                    black_box(head.insert(id, labels));
                }
                head
            },
            BatchSize::PerIteration,
        );
    });
    group.bench_function("segment write", |b| {
        b.iter(|| {
            let mut writer = SegmentWriter::new();
            for labels in &sets {
                writer.add(labels).expect("in order");
            }
            writer.finish().expect("fits").len()
        });
    });
    group.finish();
}

fn compile(c: &mut Criterion) {
    let mut group = c.benchmark_group("compile");
    for pattern in
        ["api|web|db", "host-0001.*", "(host|peer)-0+4[0-9]+[.].*", "(?i).*prod.*-[0-9]{3}"]
    {
        group.bench_function(pattern, |b| {
            b.iter(|| matcher("l", MatchOp::Regex, black_box(pattern)));
        });
    }
    group.finish();
}

criterion_group!(benches, select, build, compile);
criterion_main!(benches);
