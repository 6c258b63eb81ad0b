//! `nunatak-bench diff` fails when it was asked to and a figure became worse, and only then.
#![expect(clippy::unwrap_used, reason = "helpers of tests may panic")]

use std::path::Path;
use std::process::{Command, Output};

const REPORT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/report.json");

fn diff(before: &Path, after: &Path, more: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nunatak-bench"));
    command.arg("diff").arg(before).arg(after).args(more).output().unwrap()
}

/// The report with every value of nunatak's processor time doubled.
fn slower(folder: &Path) -> std::path::PathBuf {
    let text = std::fs::read_to_string(REPORT).unwrap();
    let mut report: serde_json::Value = serde_json::from_str(&text).unwrap();
    let values = &mut report["sections"][0]["tables"][0]["figures"][1]["cells"][0]["values"];
    for value in values.as_array_mut().unwrap() {
        *value = (value.as_f64().unwrap() * 2.0).into();
    }
    let path = folder.join("slower.json");
    std::fs::write(&path, report.to_string()).unwrap();
    path
}

#[test]
fn worse_fails_only_when_asked() {
    let folder = tempfile::tempdir().unwrap();
    let (report, slower) = (Path::new(REPORT), slower(folder.path()));
    let told = diff(report, &slower, &[]);
    assert_eq!(told.status.code(), Some(0));
    let shown = String::from_utf8(told.stdout).unwrap();
    assert!(shown.contains("WORSE") && shown.contains("0 better, 1 worse"), "{shown}");

    let failed = diff(report, &slower, &["--fail-on-worse"]);
    assert_eq!(failed.status.code(), Some(1));
    assert!(String::from_utf8(failed.stderr).unwrap().contains("worse than before: 1"));

    assert_eq!(diff(&slower, report, &["--fail-on-worse"]).status.code(), Some(0));
    let lenient = diff(report, &slower, &["--fail-on-worse", "--threshold", "150"]);
    assert_eq!(lenient.status.code(), Some(0));
}

#[test]
fn what_is_no_report_or_threshold_is_told() {
    let report = Path::new(REPORT);
    let told = |output: Output| (output.status.code(), String::from_utf8(output.stderr).unwrap());
    let (code, text) = told(diff(report, Path::new("/nowhere.json"), &[]));
    assert!(code == Some(1) && text.contains("/nowhere.json"), "{text}");
    let manifest = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"));
    let (code, text) = told(diff(report, manifest, &[]));
    assert!(code == Some(1) && text.contains("is no report"), "{text}");
    let (code, text) = told(diff(report, report, &["--threshold", "NaN"]));
    assert!(code == Some(1) && text.contains("--threshold"), "{text}");
}
