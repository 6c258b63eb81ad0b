//! The samples that both servers get: what makes answers differ if anything is read differently.

use super::super::remote_write::{self, Label, Sample, TimeSeries};
use super::dice::Dice;

/// The first moment of the data, in ms.
pub(crate) const BEGIN: i64 = 1_700_000_000_000;
/// How long the data goes on, in ms.
pub(crate) const LENGTH: i64 = 6_000_000;

const STALE: u64 = 0x7ff0_0000_0000_0002;
/// So much of the time is in one request.
const SLICE: i64 = 600_000;

/// Requests in the order of time, so that nothing comes out of order. The first one has each series end
/// before it begins, in the order of labels: where the language leaves the order of series open,
/// Prometheus takes that of their first samples, and nunatak that of their labels.
pub(crate) fn requests() -> Vec<Vec<u8>> {
    let mut all = series();
    all.sort_by(|a, b| pairs(a).cmp(pairs(b)));
    let end = Sample { value: f64::from_bits(STALE), timestamp: BEGIN - 2_000_000 };
    let ended = |one: &TimeSeries| TimeSeries { samples: vec![end.clone()], ..one.clone() };
    let first = remote_write::body(all.iter().map(ended).collect());
    let slice = |begin: i64| {
        let end = begin + SLICE;
        let cut = |one: &TimeSeries| {
            let inside = |sample: &&Sample| (begin..end).contains(&sample.timestamp);
            let samples: Vec<Sample> = one.samples.iter().filter(inside).cloned().collect();
            (!samples.is_empty()).then(|| TimeSeries { labels: one.labels.clone(), samples })
        };
        remote_write::body(all.iter().filter_map(cut).collect())
    };
    std::iter::once(first)
        .chain((BEGIN..=BEGIN + LENGTH).step_by(SLICE as usize).map(slice))
        .collect()
}

fn pairs(series: &TimeSeries) -> impl Iterator<Item = (&str, &str)> {
    series.labels.iter().map(|label| (label.name.as_str(), label.value.as_str()))
}

fn series() -> Vec<TimeSeries> {
    let mut all = Vec::new();
    let mut dice = Dice::new(7);
    counters(&mut all, &mut dice);
    gauges(&mut all, &mut dice);
    gaps(&mut all);
    odd(&mut all);
    histograms(&mut all);
    broken_histograms(&mut all);
    names(&mut all);
    partners(&mut all);
    few(&mut all);
    all
}

fn named(name: &str, labels: &[(&str, &str)]) -> Vec<Label> {
    remote_write::labels(labels.iter().copied().chain([("__name__", name)]))
}

/// A sample each `step` ms, where `value` (which is given the time since the begin) has one.
fn every(step: i64, value: impl Fn(i64) -> Option<f64>) -> Vec<Sample> {
    let sample = |at| Some(Sample { timestamp: BEGIN + at, value: value(at)? });
    (0..LENGTH).step_by(step as usize).filter_map(sample).collect()
}

fn add(
    all: &mut Vec<TimeSeries>,
    name: &str,
    labels: &[(&str, &str)],
    step: i64,
    value: impl Fn(i64) -> Option<f64>,
) {
    all.push(TimeSeries { labels: named(name, labels), samples: every(step, value) });
}

/// Counters of two jobs, scraped with jitter, some scrapes missing, with resets.
fn counters(all: &mut Vec<TimeSeries>, dice: &mut Dice) {
    for job in ["a", "b"] {
        for instance in ["0", "1", "2", "3"] {
            for code in ["200", "500"] {
                let labels =
                    named("req_total", &[("job", job), ("instance", instance), ("code", code)]);
                let mut value = dice.below(1000) as f64;
                let mut samples = Vec::new();
                for at in (0..LENGTH).step_by(15_000) {
                    value += dice.below(40) as f64;
                    if dice.one_in(60) {
                        value = dice.below(3) as f64;
                    }
                    let timestamp = BEGIN + at + dice.below(2_000) as i64;
                    if !dice.one_in(20) {
                        samples.push(Sample { value, timestamp });
                    }
                }
                all.push(TimeSeries { labels, samples });
            }
        }
    }
}

/// Gauges that go away with a stale marker and come back, and ones that are silent for a while.
fn gauges(all: &mut Vec<TimeSeries>, dice: &mut Dice) {
    for job in ["a", "b"] {
        for instance in ["0", "1", "2"] {
            let labels = named("temp", &[("job", job), ("instance", instance), ("room", "x")]);
            let (mut samples, mut silent) = (Vec::new(), 0);
            for at in (0..LENGTH).step_by(30_000) {
                let timestamp = BEGIN + at + dice.below(900) as i64;
                let value = (dice.below(20_000) as f64 - 8_000.0) / 100.0;
                if silent > 0 {
                    silent -= 1;
                } else if dice.one_in(25) {
                    silent = dice.below(25);
                    if dice.one_in(2) {
                        samples.push(Sample { value: f64::from_bits(STALE), timestamp });
                    }
                } else {
                    samples.push(Sample { value, timestamp });
                }
            }
            all.push(TimeSeries { labels, samples });
            let up = dice.below(5) as i64 + 2;
            let state = move |at: i64| Some(f64::from(u8::from(at / 30_000 % (up * 3) != 0)));
            add(all, "up", &[("job", job), ("instance", instance)], 30_000, state);
        }
    }
}

/// Gaps around the length of the look-back, on whole seconds.
fn gaps(all: &mut Vec<TimeSeries>) {
    let kinds = [("299999", 299_999), ("300000", 300_000), ("300001", 300_001), ("61s", 61_000)];
    for (kind, gap) in kinds {
        add(all, "gap", &[("kind", kind)], gap, |at| Some((at / gap) as f64));
    }
    let stale = f64::from_bits(STALE);
    add(all, "gap", &[("kind", "stale every third")], 60_000, |at| {
        Some(if at / 60_000 % 3 == 2 { stale } else { (at / 1000) as f64 })
    });
    add(all, "gap", &[("kind", "only stale")], 60_000, |_| Some(stale));
    add(all, "gap", &[("kind", "stale first")], 10_000, |at| {
        (at >= 3_000_000).then_some(if at == 3_000_000 { stale } else { (at % 70_000) as f64 })
    });
}

/// Values at the edges of what a number can be.
fn odd(all: &mut Vec<TimeSeries>) {
    let tiny = f64::from_bits(1);
    let cycles: [(&str, &[f64]); 10] = [
        ("nan", &[f64::NAN]),
        ("some nan", &[1.0, f64::NAN, 3.0, -2.0]),
        ("inf", &[f64::INFINITY]),
        ("both inf", &[f64::INFINITY, f64::NEG_INFINITY, 1.0]),
        ("minus zero", &[-0.0]),
        ("zeros", &[0.0, -0.0]),
        ("denormal", &[tiny, 3.0 * tiny, 2e-310]),
        ("huge", &[f64::MAX, -f64::MAX, 1.5e308]),
        ("cancel", &[1e16, 1.0, -1e16, 2.0]),
        ("plain", &[0.5, -1.5, 2.5, 1e-7, 123_456.789, 1e21]),
    ];
    for (kind, values) in cycles {
        add(all, "odd", &[("kind", kind)], 60_000, |at| {
            Some(values[(at / 60_000) as usize % values.len()])
        });
    }
}

/// Histograms as they should be, one of them silent for a while.
fn histograms(all: &mut Vec<TimeSeries>) {
    let bounds = ["0.1", "0.5", "1", "2.5", "10", "+Inf"];
    for (job, speed) in [("a", 1), ("b", 3)] {
        for (instance, lag) in [("0", 0), ("1", 7_000)] {
            let count = move |bucket: usize, at: i64| {
                let silent = instance == "1" && (2_000_000..2_600_000).contains(&at);
                let round = (at / 15_000 % 150) * speed;
                (!silent).then(|| (round * (bucket as i64 + 1) * 7 + round / 3) as f64)
            };
            for (bucket, le) in bounds.into_iter().enumerate() {
                let labels = [("job", job), ("instance", instance), ("le", le)];
                add(all, "lat_bucket", &labels, 15_000, |at| count(bucket, at + lag));
            }
            let labels = [("job", job), ("instance", instance)];
            add(all, "lat_count", &labels, 15_000, |at| count(5, at + lag));
            add(all, "lat_sum", &labels, 15_000, |at| Some(count(5, at + lag)? * 0.75));
        }
    }
}

/// Histograms with something wrong: bounds and the counts of their buckets.
fn broken_histograms(all: &mut Vec<TimeSeries>) {
    let cases: [(&str, &[(&str, f64)]); 12] = [
        ("no inf", &[("1", 1.0), ("2", 3.0), ("3", 4.0)]),
        ("only inf", &[("+Inf", 5.0)]),
        ("falling", &[("1", 5.0), ("2", 3.0), ("3", 9.0), ("+Inf", 8.0)]),
        ("falling a little", &[("1", 3.0), ("2", 3.0 - 1e-13), ("+Inf", 4.0)]),
        ("twice", &[("1", 2.0), ("1.0", 3.0), ("1e0", 1.0), ("2", 8.0), ("+Inf", 9.0)]),
        ("no number", &[("x", 1.0), ("", 2.0), ("1", 2.0), ("+Inf", 3.0)]),
        ("negative", &[("-2", 1.0), ("-1", 2.0), ("0", 2.0), ("1", 5.0), ("+Inf", 6.0)]),
        ("all negative", &[("-2", 1.0), ("-1", 2.0), ("+Inf", 6.0)]),
        ("empty", &[("1", 0.0), ("2", 0.0), ("+Inf", 0.0)]),
        ("nan", &[("1", f64::NAN), ("2", 3.0), ("+Inf", f64::NAN)]),
        ("two inf", &[("1", 1.0), ("Inf", 2.0), ("+Inf", 4.0)]),
        ("minus inf", &[("-Inf", 1.0), ("1", 2.0), ("+Inf", 4.0)]),
    ];
    for (case, buckets) in cases {
        for (le, count) in buckets {
            add(all, "bad_bucket", &[("case", case), ("le", le)], 60_000, |at| {
                Some(count * (1 + at / 60_000) as f64)
            });
        }
    }
}

/// Names and values beyond plain ASCII, and ones that need escapes.
fn names(all: &mut Vec<TimeSeries>) {
    for (name, labels) in [
        ("utf8.metric-ü", &[("la bel", "ü x"), ("日本", "語")][..]),
        ("utf8.metric-ü", &[("la bel", "\u{1F600}"), ("日本", "")]),
        ("http.status_total", &[("code.x", "1"), ("job", "a")]),
        ("job:temp:avg5m", &[("job", "a")]),
        ("escapes", &[("v", "a\"b\\c\nd\te"), ("w", "<&>'`\u{2028}")]),
        ("for", &[("by", "on"), ("le", "x")]),
    ] {
        add(all, name, labels, 30_000, |at| Some((at / 1000 % 700) as f64));
    }
}

/// Series to match with others: infos whose versions change, sets that overlap, equal labels
/// under two names.
fn partners(all: &mut Vec<TimeSeries>) {
    for (instance, change) in [("0", 2_000_000), ("1", 3_100_000), ("2", LENGTH)] {
        for (version, from, to) in [("1", 0, change), ("2", change - 120_000, LENGTH)] {
            let labels = [("job", "a"), ("instance", instance), ("version", version)];
            add(all, "build_info", &labels, 30_000, |at| (from..to).contains(&at).then_some(1.0));
        }
    }
    for (name, factor) in [("same_a", 1), ("same_b", 10)] {
        for x in ["1", "2", "3"] {
            for y in ["p", "q"] {
                let value =
                    |at: i64| ((at / 60_000 * 3 + i64::from(x.as_bytes()[0])) % 11) * factor;
                let there = !(name == "same_b" && x == "3");
                let labels = [("x", x), ("y", y)];
                add(all, name, &labels, 60_000, |at| there.then(|| value(at) as f64));
            }
        }
    }
}

/// Series of one sample, of two, of many within a second, and of ever fewer.
fn few(all: &mut Vec<TimeSeries>) {
    let add_at = |all: &mut Vec<TimeSeries>, labels: &[(&str, &str)], times: &[i64]| {
        let sample = |&at: &i64| Sample { timestamp: BEGIN + at, value: (at % 997) as f64 };
        let samples = times.iter().map(sample).collect();
        all.push(TimeSeries { labels: named("few", labels), samples });
    };
    add_at(all, &[("n", "1")], &[4_000_000]);
    add_at(all, &[("n", "2")], &[3_900_000, 4_000_001]);
    add_at(all, &[("n", "3")], &[3_000_000, 3_000_001, 3_000_002]);
    let dense: Vec<i64> = (3_000_000..3_020_000).step_by(97).collect();
    add_at(all, &[("n", "dense")], &dense);
    let growing: Vec<i64> = (1..40).map(|i| i * i * 3_600).collect();
    add_at(all, &[("n", "growing")], &growing);
}
