//! Guards the main promise: a real Prometheus scrapes and remote-writes into nunatak, both answer
//! the same, and killing nunatak with -9 loses and doubles nothing.
#![expect(clippy::expect_used, reason = "a test stops at the first thing that fails")]

#[path = "end_to_end/compare.rs"]
mod compare;
#[path = "end_to_end/differential.rs"]
mod differential;
#[path = "end_to_end/import.rs"]
mod import;
#[path = "end_to_end/nunatak.rs"]
mod nunatak;
#[path = "end_to_end/process.rs"]
mod process;
#[path = "end_to_end/prometheus.rs"]
mod prometheus;
#[path = "end_to_end/queries.rs"]
mod queries;
#[path = "end_to_end/remote_write.rs"]
mod remote_write;
#[path = "end_to_end/web.rs"]
mod web;

use std::thread;
use std::time::Duration;

use compare::{agree, samples};
use nunatak::Nunatak;
use prometheus::Prometheus;
use web::{Web, now_ms, wait_for};

/// How long both collect before they are asked.
const COLLECT: Duration = Duration::from_secs(45);
/// How long nunatak runs between two kills.
const BETWEEN_KILLS: Duration = Duration::from_secs(7);
/// Everything that is scraped; nunatak stores its own metrics under another job.
const SCRAPED: &str = "{job=~\"prometheus|scraped\"}";

#[test]
fn prometheus_writes_nunatak_answers_and_kill_loses_nothing() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let mut nunatak = Nunatak::start(folder.path());
    let prometheus = Prometheus::start(folder.path(), nunatak.address());
    let web = Web::default();

    let begun = wait_for_samples(&web, &nunatak);
    thread::sleep(COLLECT);
    let at = settled(&web, &nunatak);
    assert!(at - begun > 30_000, "only {} ms of samples arrived", at - begun);
    ask_both(&web, &nunatak, &prometheus, begun, at);

    for _ in 0..3 {
        nunatak.kill();
        thread::sleep(Duration::from_secs(1));
        nunatak.restart();
        thread::sleep(BETWEEN_KILLS);
    }

    prometheus.stop_scraping();
    prometheus.wait_until_drained(&web);
    assert_nothing_lost(&web, &nunatak, &prometheus, begun);
}

/// Time of the first sample that is in nunatak, ms. Prometheus sends what it scrapes after its
/// sender has begun, so comparisons start here.
fn wait_for_samples(web: &Web, nunatak: &Nunatak) -> i64 {
    wait_for("the first samples in nunatak", Duration::from_secs(30), || {
        let both = format!("count(up{SCRAPED}) == 2");
        web.instant(nunatak.base(), &both, now_ms()).ok().filter(|found| !found.is_empty())?;
        Some(now_ms() + 2_000)
    })
}

/// A time at which everything that Prometheus has scraped until then is in nunatak.
fn settled(web: &Web, nunatak: &Nunatak) -> i64 {
    let at = now_ms();
    wait_for("nunatak to catch up", Duration::from_secs(30), || {
        let query = format!("min(timestamp(up{SCRAPED}))");
        let oldest = web.instant(nunatak.base(), &query, now_ms()).ok()?.first()?.value?;
        // Both targets have a later scrape there; the senders of one scrape are not in step, so
        // a margin is left.
        (oldest * 1e3 > at as f64 + 1_500.0).then_some(())
    });
    at - 1_500
}

fn ask_both(web: &Web, nunatak: &Nunatak, prometheus: &Prometheus, begun: i64, at: i64) {
    let mut failures = Vec::new();
    for query in queries::INSTANT {
        let ours = web.instant(nunatak.base(), query, at);
        let theirs = web.instant(prometheus.base(), query, at);
        failures.extend(agree(query, ours, theirs, query.starts_with("sort")));
    }
    let start = begun + 15_000;
    for query in queries::RANGE {
        let ours = web.range(nunatak.base(), query, start, at, 3_000);
        let theirs = web.range(prometheus.base(), query, start, at, 3_000);
        failures.extend(agree(query, ours, theirs, false));
    }
    let asked = queries::INSTANT.len() + queries::RANGE.len();
    assert!(asked >= 40, "{asked} queries");
    assert!(
        failures.is_empty(),
        "{} of {asked} queries disagree:\n{}",
        failures.len(),
        failures.join("\n")
    );
}

/// Every sample that Prometheus has is in nunatak once, with the same bits.
fn assert_nothing_lost(web: &Web, nunatak: &Nunatak, prometheus: &Prometheus, begun: i64) {
    let end = now_ms();
    let query = format!("{SCRAPED}[{}ms]", end - begun);
    let theirs = samples(web.instant(prometheus.base(), &query, end).expect("Prometheus answers"));
    let ours = samples(web.instant(nunatak.base(), &query, end).expect("nunatak answers"));
    let count = theirs.values().map(Vec::len).sum::<usize>();
    assert!(theirs.len() > 300 && count > 10_000, "{} series, {count} samples", theirs.len());
    for (series, expected) in &theirs {
        let found = ours.get(series).map_or(&[][..], Vec::as_slice);
        assert_eq!(found, expected, "{series:?}");
    }
    let more: Vec<_> = ours.keys().filter(|series| !theirs.contains_key(*series)).collect();
    assert!(more.is_empty(), "series that Prometheus does not have: {more:?}");

    // Counted by reason, so it is absent until something is dropped.
    let dropped = prometheus.counted(web, "prometheus_remote_storage_samples_dropped_total");
    assert_eq!(dropped.unwrap_or(0.0), 0.0, "Prometheus has dropped samples");
    let failed = prometheus.metric(web, "prometheus_remote_storage_samples_failed_total");
    assert_eq!(failed, 0.0, "samples were refused for good");
    let sent = prometheus.metric(web, "prometheus_remote_storage_samples_total");
    assert!(sent >= count as f64, "{sent} sent, {count} stored");
}
