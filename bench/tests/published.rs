//! A report becomes a folder whose page links to every file in it and to no other, and equal
//! reports become equal bytes.
#![expect(clippy::unwrap_used, reason = "helpers of tests may panic")]

use std::collections::BTreeMap;
use std::path::Path;

use nunatak_bench::report::model::Report;
use nunatak_bench::report::publish;

/// Made up: no figure in it was ever measured.
const REPORT: &str = include_str!("fixtures/report.json");

fn report() -> Report {
    serde_json::from_str(REPORT).unwrap()
}

/// All files below `folder`, by name.
fn files(folder: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        if entry.path().is_dir() {
            found.extend(files(&entry.path()));
        } else {
            let name = entry.file_name().into_string().unwrap();
            found.insert(name, std::fs::read_to_string(entry.path()).unwrap());
        }
    }
    found
}

#[test]
fn the_page_links_to_every_file() {
    // Kept after the test, so that one can look at the pictures.
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("published");
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    publish(&report(), &folder, Some("## Codec\n\nAs measured.")).unwrap();
    let files = files(&folder);
    let page = &files["benchmarks.md"];
    let names: Vec<&String> = files.keys().filter(|name| *name != "benchmarks.md").collect();
    assert!(names.iter().any(|name| name.contains(".svg")));
    for name in &names {
        assert!(page.contains(&format!("(benchmarks/{name})")), "no link to {name}");
    }
    assert_eq!(page.matches("](benchmarks/").count(), names.len());
}

#[test]
fn equal_reports_make_equal_bytes() {
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    publish(&report(), first.path(), None).unwrap();
    publish(&report(), second.path(), None).unwrap();
    assert!(files(first.path()) == files(second.path()));
}

#[test]
fn pictures_of_an_earlier_run_go_and_other_files_stay() {
    let docs = tempfile::tempdir().unwrap();
    let folder = docs.path().join("benchmarks");
    std::fs::create_dir_all(&folder).unwrap();
    for name in ["gone-3.svg", "logo.svg", "2025-12-31.json"] {
        std::fs::write(folder.join(name), "old").unwrap();
    }
    publish(&report(), docs.path(), None).unwrap();
    let files = files(docs.path());
    assert!(!files.contains_key("gone-3.svg"));
    assert!(files.contains_key("logo.svg") && files.contains_key("2025-12-31.json"));
}

#[test]
fn the_json_reads_back_as_the_report() {
    let docs = tempfile::tempdir().unwrap();
    publish(&report(), docs.path(), None).unwrap();
    let text = std::fs::read_to_string(docs.path().join("benchmarks/2026-01-31.json")).unwrap();
    let back: Report = serde_json::from_str(&text).unwrap();
    // NaN is unlike itself, so the texts are compared.
    assert_eq!(format!("{back:?}"), format!("{:?}", report()));
}
