//! A flood of new series does not take more memory than the budget: the kernel would refuse it.
//!
//! The flood runs in a process of its own whose private memory is limited (`RLIMIT_DATA`, which
//! unlike `RLIMIT_AS` leaves out mapped files); an allocation above the limit aborts it. That the
//! limit would catch an engine that breaks its promise is shown by the same flood with a budget far
//! above the limit: it must not survive.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that can't go on has failed")]

use std::process::{Command, ExitStatus};
use std::time::Duration;

use nunatak::labels;
use nunatak::{
    Batch, Db, Durability, Hints, MatchOp, Matcher, Options, Selector, Source, TimeRange,
};
use rustix::process::{Resource, Rlimit, setrlimit};

const MIB: u64 = 1 << 20;
const BUDGET: u64 = 64 * MIB;
/// For the test program itself: its data, its threads' stacks, its requests, and what the system's
/// allocator keeps of what was given back.
const OWN: u64 = 32 * MIB;
const SERIES: u32 = 400_000;
const PER_BATCH: u32 = 1000;
/// How the child process hears its budget.
const VARIABLE: &str = "NUNATAK_TEST_FLOOD_BUDGET";
const NOW: i64 = 1_700_000_000_000;

/// Runs [`flood`] in a process with the limit.
fn flooded(budget: u64) -> ExitStatus {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "flood", "--ignored", "--nocapture", "--test-threads=1"]);
    // One arena for all threads: each further one takes address space that nobody uses.
    child.env(VARIABLE, budget.to_string()).env("MALLOC_ARENA_MAX", "1");
    let output = child.output().unwrap();
    if !output.status.success() {
        let end = String::from_utf8_lossy(&output.stderr);
        eprint_tail(&end);
    }
    output.status
}

#[expect(clippy::print_stderr, reason = "a test tells what its child process said")]
fn eprint_tail(text: &str) {
    let lines: Vec<_> = text.lines().rev().take(5).collect();
    eprintln!("{}", lines.join("\n"));
}

#[test]
fn a_flood_fits_into_the_budget_and_the_limit_would_catch_one_that_does_not() {
    assert!(flooded(BUDGET).success(), "the flood took more than its budget");
    assert!(!flooded(64 * BUDGET).success(), "the limit limits nothing");
}

#[test]
#[ignore = "only in a process of its own: see above"]
fn flood() {
    let budget = std::env::var(VARIABLE).unwrap().parse().unwrap();
    let limit = BUDGET + OWN;
    let limit = Rlimit { current: Some(limit), maximum: Some(limit) };
    setrlimit(Resource::Data, limit).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let options = Options::new(folder.path()).memory_budget(budget).durability(Durability::Os);
    let options = options.clock(std::sync::Arc::new(nunatak::ManualClock::new(NOW)));
    let db = Db::open(options.append_deadline(Duration::from_mins(10))).unwrap();
    for from in (0..SERIES).step_by(PER_BATCH as usize) {
        let mut batch = Batch::new();
        for number in from..from + PER_BATCH {
            let series = batch_series(&mut batch, number);
            batch.push(series, NOW, f64::from(number));
        }
        assert_eq!(db.append(&batch).unwrap().refused, []);
    }
    let found: usize = (0..16).map(|digit| count(&db, &format!("{digit:x}.*"))).sum();
    assert_eq!(found, SERIES as usize);
    db.close().unwrap();
}

fn batch_series(batch: &mut Batch, number: u32) -> nunatak::BatchSeries {
    // Multiplied by an odd number: every id is another one, and they are spread.
    let id = format!("{:08x}-3f2a-4c1b-9d7e-5a6b7c8d9e0f", number.wrapping_mul(0x9E37_79B1));
    let host = format!("host-{}", number % 50);
    let set = labels! { "__name__" => "requests_total", "request_id" => &id, "host" => &host };
    batch.series(&set).unwrap()
}

fn count(db: &Db, pattern: &str) -> usize {
    let id = Matcher::new("request_id", MatchOp::Regex, pattern).unwrap();
    let selector = Selector::new(vec![id], TimeRange::ALL);
    let hints = Hints { labels_only: true, ..Hints::default() };
    Source::select(db, &selector, &hints).unwrap().series.len()
}
