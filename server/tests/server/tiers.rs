//! With `--downsample-after` old blocks get tiers, and answers over long windows stay what they were.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;

use super::support::{Server, ago, nunatak, series};

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// When the samples end: what tiers hold, and so who asks them, depends on where days end.
fn end() -> i64 {
    ago(0) / DAY * DAY - DAY
}

/// Two days of a counter that is reset now and then, and of a gauge.
fn fill(server: &Server) {
    let start = end() - 2 * DAY;
    for part in 0..6 {
        for (name, turn) in [("requests_total", 700), ("temperature", 17)] {
            let minutes = part * 480..(part + 1) * 480;
            let samples: Vec<_> =
                minutes.map(|i| (start + i * MINUTE, (i % turn) as f64 / 2.0)).collect();
            let message = series(&[("__name__", name), ("job", "x")], &samples);
            assert_eq!(server.write(&message).status, 204);
        }
    }
    assert_eq!(server.post("/api/v1/admin/tsdb/flush", &[], b"").status, 200);
}

fn answers(server: &Server, end: i64) -> Vec<Value> {
    let queries = [
        "increase(requests_total%5B6h%5D)",
        "sum(rate(requests_total%5B1h%5D))",
        "avg_over_time(temperature%5B1h%5D)",
        "max_over_time(temperature%5B12h%5D%20offset%207m)",
        "count_over_time(requests_total%5B1d%5D)",
    ];
    let asked = queries.iter().map(|query| {
        let (start, end) = ((end - 30 * HOUR) / 1000, end / 1000);
        let path = format!("query_range?query={query}&start={start}&end={end}&step=1h");
        let (status, reply) = server.api(&path);
        assert_eq!(status, 200, "{reply}");
        assert!(!reply["data"]["result"].as_array().unwrap().is_empty(), "{query}: {reply}");
        reply["data"].clone()
    });
    asked.collect()
}

fn metric(server: &Server, name: &str) -> f64 {
    let text = server.get("/metrics").1;
    let line = text.lines().find_map(|line| line.strip_prefix(&format!("{name} ")));
    line.and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("no {name} in {text}"))
}

/// The folders of tiers in the database below a folder.
fn tiers(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![folder.join("data")];
    while let Some(folder) = open.pop() {
        let inside = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
        let folders = inside.filter(|path| path.is_dir());
        if folder.ends_with("tiers") { found.extend(folders) } else { open.extend(folders) }
    }
    found.sort();
    found
}

/// An import knows nothing of the flags that the server has.
#[test]
fn an_import_leaves_the_tiers_alone() {
    let folder = tempfile::tempdir().unwrap();
    let args = ["--enable-admin-api", "--downsample-after", "1h"];
    let mut server = Server::start_in(folder.path(), &args);
    fill(&server);
    server.signal("TERM");
    assert!(server.wait().success());
    let before = tiers(folder.path());
    assert!(!before.is_empty());
    let data = folder.path().join("data");
    let mut import = nunatak(&["import", "--format", "prometheus-text", "-", "--data-dir"])
        .arg(data)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    // Background work has a round each second.
    std::thread::sleep(Duration::from_secs(3));
    import.stdin.take().unwrap().write_all(b"up 1 1700000000000\n").unwrap();
    assert!(import.wait().unwrap().success());
    assert_eq!(tiers(folder.path()), before);
}

#[test]
fn answers_from_tiers_are_those_from_samples() {
    let folder = tempfile::tempdir().unwrap();
    let end = end() - 3 * HOUR;
    let mut server = Server::start_in(folder.path(), &["--enable-admin-api"]);
    fill(&server);
    let from_samples = answers(&server, end);
    assert_eq!(
        (metric(&server, "nunatak_tiers"), metric(&server, "nunatak_tier_scans_total")),
        (0.0, 0.0)
    );
    server.signal("TERM");
    assert!(server.wait().success());
    let args = ["--enable-admin-api", "--downsample-after", "1h"];
    let server = Server::start_in(folder.path(), &args);
    assert_eq!(server.post("/api/v1/admin/tsdb/flush", &[], b"").status, 200);
    assert!(metric(&server, "nunatak_tiers") > 0.0 && metric(&server, "nunatak_tier_bytes") > 0.0);
    assert_eq!(answers(&server, end), from_samples);
    assert!(metric(&server, "nunatak_tier_scans_total") >= 3.0);
}
