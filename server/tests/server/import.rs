//! `nunatak import`: texts become samples, bad ones are named, an interrupted import goes on.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::{Server, nunatak, run};

fn import(folder: &Path, args: &[&str]) -> Output {
    let data = folder.join("data");
    let mut all = vec!["import", "--data-dir", data.to_str().unwrap()];
    all.extend(args);
    run(&all)
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr].concat()).into_owned()
}

fn file(folder: &Path, name: &str, text: &[u8]) -> String {
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

fn gzip(text: &str) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(text.as_bytes()).unwrap();
    packed.finish().unwrap()
}

const EXPORT: &str = "\
# INFLUXDB EXPORT: 1677-09-21T00:12:43Z - 2262-04-11T23:47:16Z
# DDL
CREATE DATABASE telegraf WITH NAME autogen
# DML
# CONTEXT-DATABASE:telegraf
# CONTEXT-RETENTION-POLICY:autogen
# writing tsm data
cpu,host=a\\ b,cpu=0 usage=1.5,ok=true,note=\"two
lines\" 1700000000000000000
cpu,host=a\\ b,cpu=0 usage=2.5 1700000015000000000
# CONTEXT-DATABASE:other
cpu,host=a\\ b,cpu=0 usage=7i 1700000015000000000
";

#[test]
fn an_export_of_influxdb() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path(), "export", &gzip(EXPORT));
    let output = import(folder.path(), &["--database-label", "db", &path]);
    assert!(output.status.success(), "{output:?}");
    assert!(said(&output).contains("imported 4 samples of 3 series"), "{}", said(&output));
    assert!(said(&output).contains("1 fields are text"), "{}", said(&output));

    let server = Server::start_in(folder.path(), &[]);
    let in_use = import(folder.path(), &[&path]);
    assert_eq!(in_use.status.code(), Some(2));
    assert!(said(&in_use).contains("stop the server"), "{}", said(&in_use));
    let (_, reply) = server.api("query?query=%7Bdb%3D~%22.%2B%22%7D%5B1h%5D&time=1700000100");
    let series = |name: &str, db: &str, values| {
        let metric = json!({ "__name__": name, "host": "a b", "cpu": "0", "db": db });
        json!({ "metric": metric, "values": values })
    };
    let expected = json!([
        series("cpu_ok", "telegraf", json!([[1_700_000_000, "1"]])),
        series("cpu_usage", "other", json!([[1_700_000_015, "7"]])),
        series("cpu_usage", "telegraf", json!([[1_700_000_000, "1.5"], [1_700_000_015, "2.5"]])),
    ]);
    let mut found = reply["data"]["result"].as_array().unwrap().clone();
    found.sort_by_key(|series| series["metric"].to_string());
    let mut wanted = expected.as_array().unwrap().clone();
    wanted.sort_by_key(|series| series["metric"].to_string());
    assert_eq!(found, wanted);
}

#[test]
fn openmetrics_for_a_tenant_is_in_seconds_and_must_be_whole() {
    let folder = tempfile::tempdir().unwrap();
    let text = "# TYPE a counter\na_total{x=\"1\"} 5 1700000000.25 # {t=\"1\"} 1\n{\"b.c\"} -Inf 1700000001\n";
    let cut = file(folder.path(), "cut.om", text.as_bytes());
    let output = import(folder.path(), &[&cut]);
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("without # EOF"), "{}", said(&output));
    let whole = file(folder.path(), "whole.om", format!("{text}# EOF\n").as_bytes());
    let output = import(folder.path(), &["--tenant", "team", &whole]);
    assert!(output.status.success(), "{output:?}");
    assert!(said(&output).contains("imported 2 samples of 2 series"), "{}", said(&output));
    assert!(said(&output).contains("1 exemplars"), "{}", said(&output));
    let shards = fs::read_dir(folder.path().join("data")).unwrap().flatten();
    let tenants = shards.filter(|shard| shard.path().join("team").is_dir()).count();
    assert!((1..=2).contains(&tenants), "{tenants} shards have the tenant's blocks");
}

#[test]
fn a_bad_line_stops_or_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let text = "m f=1 1\nm f= 2\nm f=3 3\nm,=x f=1 4\n";
    let path = file(folder.path(), "points.lp", text.as_bytes());
    let args = ["--precision", "s", &path];
    let output = import(folder.path(), &args);
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("points.lp:2:5: a field has no value"), "{}", said(&output));
    for dry in [&["--dry-run"][..], &[]] {
        let args = [&args[..], dry, &["--skip-invalid"]].concat();
        let output = import(folder.path(), &args);
        assert_eq!(output.status.code(), Some(3), "{output:?}");
        assert!(said(&output).contains("2 samples of 1 series"), "{}", said(&output));
        assert!(said(&output).contains("2 lines could not be read"), "{}", said(&output));
    }
    let unknown = file(folder.path(), "letter", b"Dear Sir or Madam\n");
    let output = import(folder.path(), &[&unknown]);
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("--format"), "{}", said(&output));
    assert_eq!(import(folder.path(), &["/nowhere"]).status.code(), Some(2));
}

#[test]
fn a_quote_that_is_not_closed_spoils_its_own_line_alone() {
    let folder = tempfile::tempdir().unwrap();
    for (name, third) in [("all.lp", "m v=3 3"), ("text.lp", "m msg=\"x\",v=3 3")] {
        let text = format!("m v=1 1\nm msg=\"open v=2 2\n{third}\nm v=4 4\nm v=5 5\n");
        let path = file(folder.path(), name, text.as_bytes());
        let args = ["--precision", "s", &path, "--skip-invalid"];
        let output = import(folder.path(), &args);
        assert_eq!(output.status.code(), Some(3), "{output:?}");
        assert!(said(&output).contains("imported 4 samples of 1 series"), "{}", said(&output));
        assert!(said(&output).contains("1 lines could not be read"), "{}", said(&output));
        assert!(said(&output).contains(&format!("{name}:2:7: ")), "{}", said(&output));
    }
}

#[test]
fn milliseconds_from_standard_input() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut child = nunatak(&["import", "--format", "prometheus-text", "-", "--data-dir"])
        .arg(&data)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"# any comment\nup{a=\"b\"} 1 1700000000000\n").unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success() && said(&output).contains("imported 1 samples"), "{output:?}");
}

/// Killed with -9 in the middle, and begun again.
#[test]
fn a_killed_import_goes_on_and_doubles_nothing() {
    const LINES: i64 = 100_000;
    let folder = tempfile::tempdir().unwrap();
    let mut text = "# DDL\n# DML\n# CONTEXT-DATABASE:db1\n".to_owned();
    for i in 0..LINES {
        let seconds = 1_700_000_000 + i / 50 * 15;
        writeln!(text, "m,host=h{} a={i},b={}i {seconds}", i % 50, i % 7).unwrap();
    }
    let path = file(folder.path(), "points.lp", text.as_bytes());
    let args = ["--precision", "s", "--part-samples", "5000", "--database-label", "db", &path];
    let data = folder.path().join("data");
    let mut child = nunatak(&["import"]).args(args).arg("--data-dir").arg(&data).spawn().unwrap();
    let begun = Instant::now();
    let has_part = || {
        let imports = fs::read_dir(data.join("import")).into_iter().flatten().flatten();
        imports.into_iter().any(|import| import.path().join("state").exists())
    };
    while !has_part() {
        assert!(begun.elapsed() < Duration::from_mins(2), "no part was committed");
        std::thread::sleep(Duration::from_millis(2));
    }
    child.kill().unwrap();
    assert_eq!(child.wait().unwrap().code(), None, "it was killed before its end");

    let output = import(folder.path(), &args);
    assert!(output.status.success(), "{output:?}");
    assert!(said(&output).contains("imported by an earlier run"), "{}", said(&output));
    let server = Server::start_in(folder.path(), &[]);
    for field in ["a", "b"] {
        let query =
            format!("sum(count_over_time(m_{field}%7Bdb=%22db1%22%7D[1d]))&time=1700080000");
        let (_, reply) = server.api(&format!("query?query={query}"));
        assert_eq!(reply["data"]["result"][0]["value"][1], json!(LINES.to_string()), "{field}");
    }
    let (_, reply) = server.api("query?query=sum(sum_over_time(m_a[1d]))&time=1700080000");
    let sum = (LINES * (LINES - 1) / 2) as f64;
    let found: f64 = reply["data"]["result"][0]["value"][1].as_str().unwrap().parse().unwrap();
    assert_eq!(found, sum);
}
