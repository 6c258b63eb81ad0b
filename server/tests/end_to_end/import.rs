//! Guards the way over from Prometheus: what a real one has written into blocks is imported sample by
//! sample, asked the same it answers the same, and a second import doubles nothing.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::compare::{agree, samples};
use super::nunatak::Nunatak;
use super::prometheus::Prometheus;
use super::remote_write::{self, Label, Sample, TimeSeries};
use super::web::{Web, now_ms};

const SERIES: usize = 60;
/// More than Prometheus keeps in its head, so that there are several blocks.
const SAMPLES: i64 = 1_500;
const STEP: i64 = 15_000;
/// Samples of each series in one request.
const AT_ONCE: i64 = 20;

const QUERIES: &[&str] = &[
    "imported_total",
    "rate(imported_total[5m])",
    "sum by (host) (increase(imported_total[1h]))",
    "topk(3, imported_gauge)",
    "avg_over_time(imported_gauge[30m])",
    "max_over_time(imported_odd[6h])",
    "histogram_quantile(0.9, sum by (le) (rate(imported_seconds_bucket[10m])))",
    "count({__name__=~\"imported.*\"})",
    "imported_gauge offset 2h",
    "{\"imported.utf8\", \"la bel\"=\"ü\"}",
];

#[test]
fn blocks_of_prometheus_come_over_sample_by_sample() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let prometheus = Prometheus::start_receiver(folder.path());
    let web = Web::default();
    let end = now_ms() - 60_000;
    let begin = end - (SAMPLES - 1) * STEP;
    fill(&web, &prometheus, begin);
    let snapshot = snapshot(&web, &prometheus, folder.path());

    let imported = import(folder.path(), &[snapshot.as_os_str().to_str().expect("UTF-8")]);
    assert!(imported.status.success(), "{imported:?}");
    let mut nunatak = Nunatak::start(folder.path());
    compare(&web, &prometheus, &nunatak, begin, end);
    nunatak.kill();

    let path = snapshot.to_str().expect("UTF-8");
    let known = import(folder.path(), &[path]);
    let said = String::from_utf8_lossy(&known.stdout).into_owned();
    assert!(known.status.success() && said.contains("imported before"), "{known:?}");
    assert!(import(folder.path(), &["--again", path]).status.success());
    nunatak.restart();
    compare(&web, &prometheus, &nunatak, begin, end);
}

fn import(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_nunatak"))
        .arg("import")
        .arg("--data-dir")
        .arg(folder.join("nunatak"))
        .args(args)
        .output()
        .expect("nunatak import runs")
}

fn labels(series: usize) -> Vec<Label> {
    let host = format!("host-{}", series % 7);
    let bucket = ["0.1", "1", "+Inf"][series % 3];
    let pairs: Vec<(&str, &str)> = match series % 5 {
        0 => vec![("__name__", "imported_total")],
        1 => vec![("__name__", "imported_gauge")],
        2 => vec![("__name__", "imported_seconds_bucket"), ("le", bucket)],
        3 => vec![("__name__", "imported_odd")],
        _ => vec![("__name__", "imported.utf8"), ("la bel", "ü")],
    };
    let number = series.to_string();
    let more = [("host", host.as_str()), ("number", number.as_str())];
    remote_write::labels(pairs.into_iter().chain(more))
}

fn value(series: usize, i: i64) -> f64 {
    let mixed = (i as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ (series as u64) << 17;
    match series % 5 {
        0 | 2 => ((i % 1000) * (1 + series as i64)) as f64,
        1 => (mixed % 10_000) as f64 / 100.0 - 50.0,
        3 => match i % 6 {
            0 => f64::NAN,
            1 => f64::NEG_INFINITY,
            2 => -0.0,
            3 => f64::from_bits(mixed >> 2),
            _ => 1e300,
        },
        _ => 1.0,
    }
}

fn fill(web: &Web, prometheus: &Prometheus, begin: i64) {
    let url = format!("{}/api/v1/write", prometheus.base());
    for first in (0..SAMPLES).step_by(AT_ONCE as usize) {
        let sample = |series, i| Sample { value: value(series, i), timestamp: begin + i * STEP };
        let one = |series: usize| TimeSeries {
            labels: labels(series),
            samples: (first..first + AT_ONCE).map(|i| sample(series, i)).collect(),
        };
        let body = remote_write::body((0..SERIES).map(one).collect());
        web.write(&url, &body).expect("Prometheus takes the samples");
    }
}

/// Has Prometheus write all it has into blocks; returns their folder.
fn snapshot(web: &Web, prometheus: &Prometheus, folder: &Path) -> PathBuf {
    let url = format!("{}/api/v1/admin/tsdb/snapshot", prometheus.base());
    let reply = web.post(&url).expect("Prometheus makes a snapshot");
    let reply: serde_json::Value = serde_json::from_str(&reply).expect("JSON");
    let name = reply["data"]["name"].as_str().expect("the snapshot's name");
    folder.join("prometheus/snapshots").join(name)
}

fn compare(web: &Web, prometheus: &Prometheus, nunatak: &Nunatak, begin: i64, end: i64) {
    let query = format!("{{__name__=~\"imported.*\"}}[{}ms]", end - begin + 1);
    let theirs = samples(web.instant(prometheus.base(), &query, end).expect("Prometheus answers"));
    let ours = samples(web.instant(nunatak.base(), &query, end).expect("nunatak answers"));
    assert_eq!(theirs.len(), SERIES);
    assert!(theirs.values().all(|samples| samples.len() as i64 == SAMPLES));
    for (series, expected) in &theirs {
        assert_eq!(ours.get(series), Some(expected), "{series:?}");
    }
    assert_eq!(ours.len(), SERIES);
    let failures: Vec<String> = QUERIES
        .iter()
        .filter_map(|query| {
            let ours = web.range(nunatak.base(), query, begin, end, 97_000);
            agree(query, ours, web.range(prometheus.base(), query, begin, end, 97_000), false)
        })
        .collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
