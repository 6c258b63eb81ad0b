//! Guards the answers: Prometheus' own test scripts, and ours, give what they must.
//!
//! Prometheus' scripts are looked for in the folder `PROMQLTEST_DIR`, else in `shared/promqltest`
//! beside the workspace or one folder further up; without them ours alone run, and stdout says so. How many cases of each
//! version and group pass may not fall below `tests/promqltest.baseline`. `PROMQLTEST_SHOW=core`
//! prints what is wrong with the cases of a group, `NUNATAK_WRITE_CONFORMANCE=1` writes the
//! baseline and the table in `docs/promql.md`.

#![expect(clippy::print_stdout, reason = "the table of results is what the test is run for")]
#![expect(clippy::expect_used, reason = "helpers of a test")]

#[path = "promqltest/histogram.rs"]
mod histogram;
#[path = "promqltest/nhcb.rs"]
mod nhcb;
#[path = "promqltest/run.rs"]
mod run;
#[path = "promqltest/script.rs"]
mod script;
#[path = "promqltest/tally.rs"]
mod tally;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use tally::Tally;

fn crate_folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn scripts_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<_> = entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "test"))
        .collect();
    files.sort();
    files
}

fn run_file(path: &Path) -> Vec<run::Outcome> {
    let text = fs::read_to_string(path).expect("the script can be read");
    run::run(&script::parse(&text))
}

#[test]
fn our_own_scripts_pass() {
    let files = scripts_in(&crate_folder().join("tests/scripts"));
    let (mut cases, mut failed) = (0, Vec::new());
    for path in &files {
        for outcome in run_file(path) {
            cases += 1;
            if let Err(why) = outcome.result {
                failed.push(format!("{}:{}: {why}", path.display(), outcome.line));
            }
        }
    }
    println!("own scripts: {} of {cases} cases pass", cases - failed.len());
    assert!(cases >= 60, "the scripts are there");
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

/// Where Prometheus' scripts may be: in the folder that is named, else beside the workspace, or, as
/// for a second worktree, one folder further up.
fn prometheus_folders() -> Vec<PathBuf> {
    if let Some(folder) = std::env::var_os("PROMQLTEST_DIR") {
        return vec![PathBuf::from(folder)];
    }
    let workspace = crate_folder().ancestors().nth(2).unwrap_or(crate_folder());
    let above = workspace.ancestors().skip(1).take(2);
    above.map(|folder| folder.join("shared/promqltest")).collect()
}

/// Prints although the test passes: what was not run must not look like what passed.
fn say(line: &str) {
    // A closed stdout is no reason to fail.
    let _ = writeln!(std::io::stdout(), "{line}");
}

#[test]
fn prometheus_scripts_pass_as_far_as_they_did() {
    let folders = prometheus_folders();
    let Some(folder) = folders.iter().find(|folder| folder.is_dir()) else {
        say(&format!("NOT RUN: Prometheus' scripts are not in {folders:?} (set PROMQLTEST_DIR)"));
        return;
    };
    let show = std::env::var("PROMQLTEST_SHOW").unwrap_or_default();
    let mut tally = Tally::default();
    for (version, folder) in [("v3.14.0", folder.clone()), ("v3.5.3", folder.join("v3.5.3"))] {
        let groups = tally::groups(&folder.join("cases.tsv"));
        for path in scripts_in(&folder) {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            for outcome in run_file(&path) {
                let case = (name.clone(), outcome.line);
                let (group, tags) = groups.get(&case).cloned().unwrap_or_default();
                if let Err(why) = &outcome.result
                    && !show.is_empty()
                    && show.split(',').any(|s| s == group || tags.contains(s) || s == name)
                {
                    println!("{version}/{name}:{} [{group} {tags}] {why}", outcome.line);
                }
                tally.add(version, &name, &group, outcome.result.is_ok());
            }
        }
    }
    tally.print();
    tally.check(&crate_folder().join("tests/promqltest.baseline"));
    if std::env::var_os("NUNATAK_WRITE_CONFORMANCE").is_some() {
        tally.write(&crate_folder().join("tests/promqltest.baseline"));
        tally.document(&crate_folder().join("../../docs/promql.md"));
    }
}
