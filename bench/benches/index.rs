//! What the index is asked all day. `cargo bench -p nunatak-bench --bench index`.
//!
//! - `postings`: intersection, union and difference of sets of series, through `select`, in ids a
//!   second that go in. Every selection of a query does these; they bound how fast a query over
//!   many series can begin.
//! - `regex`: patterns over a label with 100,000 values, in values a second of the label's
//!   dictionary, looked at or not. This is the slowest thing that a dashboard's variable can ask.
//! - `select`: selectors as dashboards have them over a fleet of 100,000 series, in selected series
//!   a second.
//! - `build`: new series into the head's index (a spike of new series stands or falls with it), and
//!   the writing and reading of a sealed segment.
//! - `compile`: what a pattern costs before it meets a value.
#![expect(clippy::expect_used, reason = "a bench may stop")]

use std::hint::black_box;
use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use nunatak_bench::workload::{Fleet, Random};
use nunatak_index::{HeadIndex, Labels, MatchOp, Matcher, Segment, SegmentWriter};

#[path = "support/fleet.rs"]
mod fleet;
#[path = "support/labels.rs"]
mod labels;

/// The same series in the two forms of the index.
struct Indexes {
    head: HeadIndex,
    segment: Segment<Vec<u8>>,
}

impl Indexes {
    fn new(mut sets: Vec<Labels>) -> Self {
        sets.sort_by(Labels::series_cmp);
        let (mut head, mut writer) = (HeadIndex::new(), SegmentWriter::new());
        for labels in &sets {
            let id = writer.add(labels).expect("in order");
            head.insert(id, labels);
        }
        let segment = Segment::open(writer.finish().expect("fits")).expect("fresh");
        Self { head, segment }
    }

    /// Measures one selection on both.
    fn bench(&self, c: &mut Criterion, group: &str, query: &Query, elements: u64) {
        let mut group = c.benchmark_group(group);
        group.throughput(Throughput::Elements(elements));
        let Query { name, matchers } = query;
        assert!(self.count(matchers) > 0, "{name} selects nothing");
        group.bench_function(format!("{name}/head"), |b| {
            b.iter(|| self.head.select(black_box(matchers)));
        });
        group.bench_function(format!("{name}/segment"), |b| {
            b.iter(|| self.segment.select(black_box(matchers)).expect("undamaged"));
        });
    }

    /// How many series are selected.
    fn count(&self, matchers: &[Matcher]) -> u64 {
        self.head.select(matchers).len()
    }
}

struct Query {
    name: &'static str,
    matchers: Vec<Matcher>,
}

fn query(name: &'static str, matchers: &[(&str, MatchOp, &str)]) -> Query {
    let matcher = |(label, op, value): &(&str, MatchOp, &str)| {
        Matcher::new(label, *op, value).expect("valid pattern")
    };
    Query { name, matchers: matchers.iter().map(matcher).collect() }
}

/// 500,000 series with labels whose values hold half of all, a third, a hundredth and a thousandth
/// of them, scattered at random, and stretches of 5,000 that follow one another.
fn scattered() -> Vec<Labels> {
    let mut random = Random::new(1, 0);
    let series = |number: u32| {
        let mut one_of = |count| random.below(count).to_string();
        let labels = [
            ("__name__", "requests_total".to_owned()),
            ("address", format!("{number:06}")), // comes first in the order of series
            ("half", one_of(2)),
            ("hundredth", one_of(100)),
            ("stretch", format!("{:02}", number / 5_000)),
            ("third", one_of(3)),
            ("thousandth", one_of(1_000)),
        ];
        Labels::from_pairs(labels).expect("valid labels")
    };
    (0..500_000).map(series).collect()
}

fn postings(c: &mut Criterion) {
    use MatchOp::{Equal, NotEqual, NotRegex, Regex};
    let indexes = Indexes::new(scattered());
    let hundred = (0..100).map(|n| (n * 7).to_string()).collect::<Vec<_>>().join("|");
    let queries = [
        query("intersect dense", &[("half", Equal, "0"), ("third", Equal, "1")]),
        query("intersect sparse", &[("hundredth", Equal, "7"), ("thousandth", Equal, "9")]),
        query("intersect mixed", &[("half", Equal, "0"), ("thousandth", Equal, "9")]),
        query("intersect stretch", &[("half", Equal, "0"), ("stretch", Equal, "42")]),
        query("union dense", &[("third", Regex, "0|1")]),
        query("union of 100 sparse", &[("thousandth", Regex, &hundred)]),
        query("minus dense", &[("half", Equal, "0"), ("third", NotEqual, "1")]),
        query("minus sparse", &[("hundredth", Equal, "7"), ("half", NotEqual, "0")]),
        query("minus mixed", &[("half", Equal, "0"), ("thousandth", NotRegex, &hundred)]),
    ];
    for query in &queries {
        // Ids in all sets that take part: those of a negated matcher, too.
        let positive = |m: &Matcher| match m.op() {
            NotEqual => Matcher::new(m.name(), Equal, m.value()),
            NotRegex => Matcher::new(m.name(), Regex, m.value()),
            op => Matcher::new(m.name(), op, m.value()),
        };
        let count = |m: &Matcher| indexes.count(&[positive(m).expect("valid pattern")]);
        let ids = query.matchers.iter().map(count).sum();
        indexes.bench(c, "postings", query, ids);
    }
}

const PODS: u64 = 100_000;

/// One series for each of 100,000 pods, named as Kubernetes does.
fn pods() -> Vec<Labels> {
    const SERVICES: [&str; 8] =
        ["basket", "billing", "catalogue", "checkout", "frontend", "orders", "search", "users"];
    let mut random = Random::new(2, 0);
    let mut letters = |count| -> String {
        let alphabet = b"bcdfghjklmnpqrstvwxz2456789";
        let letter = |_| char::from(alphabet[random.below(alphabet.len() as u64) as usize]);
        (0..count).map(letter).collect()
    };
    let pod = |number: u64| {
        let service = SERVICES[(number % 8) as usize];
        let name = format!("{service}-{}-{}", letters(9), letters(5));
        Labels::from_pairs([("__name__", "up"), ("pod", &name)]).expect("valid labels")
    };
    (0..PODS).map(pod).collect()
}

fn regex(c: &mut Criterion) {
    use MatchOp::{NotRegex, Regex};
    let sets = pods();
    let some = sets.iter().step_by(5_000).filter_map(|labels| labels.get("pod"));
    let some = some.collect::<Vec<_>>().join("|");
    let indexes = Indexes::new(sets);
    let queries = [
        query("prefix", &[("pod", Regex, "checkout-.*")]),
        query("suffix", &[("pod", Regex, ".*-bcd[fgh]{2}|.*7")]),
        query("plain suffix", &[("pod", Regex, ".*77")]),
        query("contains", &[("pod", Regex, ".*kout-b.*")]),
        query("set of 20", &[("pod", Regex, &some)]),
        query("prefix and classes", &[("pod", Regex, "(checkout|orders)-[a-z0-9]+-[b-d].*")]),
        query("no literal", &[("pod", Regex, "[a-z]+-[a-z0-9]{9}-[a-z]{5}")]),
        query("no literal, negated", &[("pod", NotRegex, "[a-z]+-[a-z0-9]{9}-[a-z]{5}")]),
    ];
    for query in &queries {
        indexes.bench(c, "regex", query, PODS);
    }
}

fn select(c: &mut Criterion) {
    use MatchOp::{Equal, NotEqual, NotRegex, Regex};
    let fleet = Fleet::new(fleet::options(100_000));
    let (instance, _) = fleet.host(7);
    let indexes = Indexes::new(fleet.series().iter().map(labels::labels_of).collect());
    let cpu = ("__name__", Equal, "node_cpu_seconds_total");
    let queries = [
        query("one metric", &[cpu]),
        query("one metric of one host", &[cpu, ("instance", Equal, instance)]),
        query("one mode", &[cpu, ("mode", Equal, "idle"), ("job", Equal, "node-exporter")]),
        query("all but one mode", &[cpu, ("mode", NotEqual, "idle")]),
        query("some modes", &[cpu, ("mode", Regex, "user|system|iowait")]),
        query("some hosts", &[cpu, ("instance", Regex, "10[.]20[.]0[.]1.*:9100")]),
        query(
            "without devices",
            &[
                ("__name__", Equal, "node_network_receive_bytes_total"),
                ("device", NotRegex, "veth.*|lo"),
            ],
        ),
    ];
    for query in &queries {
        indexes.bench(c, "select", query, indexes.count(&query.matchers));
    }
}

fn build(c: &mut Criterion) {
    let fleet = Fleet::new(fleet::options(100_000));
    let mut sets: Vec<_> = fleet.series().iter().map(labels::labels_of).collect();
    let mut group = c.benchmark_group("build");
    group.sample_size(10).throughput(Throughput::Elements(sets.len() as u64));
    // A head meets series host by host, a segment gets them sorted.
    group.bench_function("head insert", |b| {
        b.iter_batched(HeadIndex::new, |head| filled(head, &sets), BatchSize::PerIteration);
    });
    sets.sort_by(Labels::series_cmp);
    group.bench_function("segment write", |b| b.iter(|| image(black_box(&sets)).len()));
    let segment = Segment::open(image(&sets)).expect("fresh");
    group.sample_size(100).throughput(Throughput::Elements(1));
    let mut id = 0;
    group.bench_function("segment read labels", |b| {
        b.iter(|| {
            id = (id + 7919) % segment.series_count();
            segment.labels(id).expect("undamaged")
        });
    });
}

fn filled(mut head: HeadIndex, sets: &[Labels]) -> HeadIndex {
    for (id, labels) in (0..).zip(sets) {
        head.insert(id, labels);
    }
    head
}

fn image(sets: &[Labels]) -> Vec<u8> {
    let mut writer = SegmentWriter::new();
    for labels in sets {
        writer.add(labels).expect("in order");
    }
    writer.finish().expect("fits")
}

fn compile(c: &mut Criterion) {
    let mut group = c.benchmark_group("compile");
    group.throughput(Throughput::Elements(1));
    for pattern in
        ["api|web|db", "host-0001.*", "(host|peer)-0+4[0-9]+[.].*", "(?i).*prod.*-[0-9]{3}"]
    {
        group.bench_function(pattern, |b| {
            b.iter(|| Matcher::new("l", MatchOp::Regex, black_box(pattern)));
        });
    }
}

fn config() -> Criterion {
    Criterion::default()
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(2))
}

criterion_group! { name = benches; config = config(); targets = postings, regex, select, build, compile }
criterion_main!(benches);
