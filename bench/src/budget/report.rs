//! What was promised, and what was seen.

use std::fmt::Write as _;
use std::time::Duration;

use serde::Serialize;

use super::Arguments;
use super::flood::Flood;
use super::steady::Writes;
use crate::measure::{Durations, Usage};

const MIB: f64 = 1_048_576.0;
/// Between two looks at the memory after the flood.
const STEP: Duration = Duration::from_secs(20);

/// A question that was asked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    pub(super) at: Duration,
    pub(super) took: Duration,
    pub(super) is_answered: bool,
}

/// The server's memory at one moment, bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Memory {
    pub(super) at: Duration,
    pub(super) rss: u64,
    pub(super) anonymous: u64,
}

/// The dashboard's question in one phase, ms.
#[derive(Debug, Serialize)]
struct Latency {
    asked: usize,
    unanswered: usize,
    p50: f64,
    p95: f64,
    worst: f64,
}

/// Highest memory in one phase, or memory at one moment, MiB.
#[derive(Debug, Serialize)]
struct Peak {
    rss: f64,
    anonymous: f64,
}

/// A promise.
#[derive(Debug, Serialize)]
struct Promise {
    what: String,
    seen: String,
    is_kept: bool,
}

/// Everything that was seen.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    series: usize,
    steady: usize,
    budget_mib: u64,
    durability: String,
    promises: Vec<Promise>,
    calm: Latency,
    during: Latency,
    after: Latency,
    calm_memory: Peak,
    flood_memory: Peak,
    /// Memory every [`STEP`] after the flood, before its series are counted, MiB.
    memory_after: Vec<Peak>,
    flood: Flood,
    /// The server's processor time in the flood, µs for each new series: dashboard, steady writes
    /// and what moves series to disk included.
    cpu_us_per_series: f64,
    found: u64,
    writes: Writes,
    /// What the server says of its memory right after the flood, bytes.
    account: Vec<(String, f64)>,
    /// The same in the end.
    account_after: Vec<(String, f64)>,
    end: Usage,
}

impl Report {
    pub(super) fn new(
        arguments: &Arguments,
        (calm_from, flood_from, flood_to, counted_from): (Duration, Duration, Duration, Duration),
        (flood, found, cpu): (Flood, u64, Duration),
        (asked, memory): (&[Asked], &[Memory]),
        (writes, end, [account, account_after]): (Writes, Usage, [&str; 2]),
    ) -> Self {
        let memory_after = after(memory, flood_to, counted_from);
        let mut report = Self {
            series: arguments.series,
            steady: arguments.steady,
            budget_mib: arguments.budget,
            durability: arguments.durability.clone(),
            promises: Vec::new(),
            calm: latency(asked, calm_from, flood_from),
            during: latency(asked, flood_from, flood_to),
            after: latency(asked, flood_to, counted_from),
            calm_memory: peak(memory, calm_from, flood_from),
            flood_memory: peak(memory, flood_from, Duration::MAX),
            memory_after,
            cpu_us_per_series: cpu.as_secs_f64() * 1e6 / arguments.series.max(1) as f64,
            flood,
            found,
            writes,
            account: self::account(account),
            account_after: self::account(account_after),
            end,
        };
        report.promises = report.hold();
        report
    }

    fn hold(&self) -> Vec<Promise> {
        let budget = self.budget_mib as f64;
        let promise =
            |what: &str, seen: String, is_kept| Promise { what: what.to_owned(), seen, is_kept };
        let peak = &self.flood_memory;
        let slowed = self.during.p95 / self.calm.p95;
        let last = self.memory_after.last().map_or(f64::NAN, |one| one.rss);
        vec![
            promise(
                "no new series refused or lost",
                format!(
                    "{} taken, {} refused, {} found",
                    self.flood.taken, self.flood.refused, self.found
                ),
                self.flood.refused == 0 && self.found == self.series as u64,
            ),
            promise(
                "anonymous memory within the budget",
                format!("{:.0} of {budget:.0} MiB", peak.anonymous),
                peak.anonymous <= budget,
            ),
            promise(
                "RSS within the budget and a quarter",
                format!("{:.0} of {:.0} MiB", peak.rss, budget * 1.25),
                peak.rss <= budget * 1.25,
            ),
            promise(
                "the dashboard's p95 at most 1.5 times as long",
                format!(
                    "{:.0} ms, calm {:.0} ms: {slowed:.2} times",
                    self.during.p95, self.calm.p95
                ),
                slowed <= 1.5,
            ),
            promise(
                "no steady write refused, none stalled for a second",
                format!(
                    "{} of {} refused, the longest {:.0} ms",
                    self.writes.refused, self.writes.requests, self.writes.longest_ms
                ),
                self.writes.refused == 0 && self.writes.longest_ms <= 1000.0,
            ),
            promise(
                "RSS back near the calm level (1.25 times) in the end",
                format!("{last:.0} MiB, calm {:.0} MiB", self.calm_memory.rss),
                last <= self.calm_memory.rss * 1.25,
            ),
        ]
    }

    /// The section of docs/benchmarks.md.
    pub(super) fn page(&self) -> String {
        let mut page = format!(
            "{} new series of {:.0} bytes of labels, one sample each, as fast as a sender at nice 19 \
             can, beside {} series that are scraped every 15 s; memory budget {} MiB, {}. The flood \
             took {:.0} s; {:.1} µs of the server's processor time for each new series, everything \
             included.\n\n| promise | seen | kept |\n|---|---|---|\n",
            self.series,
            self.flood.label_bytes_per_series,
            self.steady,
            self.budget_mib,
            self.durability,
            self.flood.seconds,
            self.cpu_us_per_series,
        );
        for Promise { what, seen, is_kept } in &self.promises {
            let kept = if *is_kept { "yes" } else { "no" };
            let _ = writeln!(page, "| {what} | {seen} | {kept} |");
        }
        page += &self.latencies();
        let _ = write!(
            page,
            "\nRSS (of it anonymous) every {} s after the flood, MiB: ",
            STEP.as_secs()
        );
        let after = self.memory_after.iter();
        let after = after.map(|one| format!("{:.0} ({:.0})", one.rss, one.anonymous));
        page += &after.collect::<Vec<_>>().join(", ");
        for (when, account) in
            [("right after the flood", &self.account), ("in the end", &self.account_after)]
        {
            let _ = write!(page, "\n\nThe server's account {when}, MiB: ");
            let parts = account.iter().map(|(part, bytes)| format!("{part} {:.1}", bytes / MIB));
            page += &parts.collect::<Vec<_>>().join(", ");
        }
        if let Some(refusal) = &self.flood.first_refusal {
            let _ = write!(
                page,
                "\n\nThe sender repeated {} requests; the first answer that was no success: {refusal}",
                self.flood.repeated
            );
        }
        page
    }

    fn latencies(&self) -> String {
        let mut table = "\n| the dashboard's question | asked | not answered | p50 ms | p95 ms | worst ms |\n|---|--:|--:|--:|--:|--:|\n".to_owned();
        for (phase, l) in [("calm", &self.calm), ("flood", &self.during), ("after", &self.after)] {
            let _ = writeln!(
                table,
                "| {phase} | {} | {} | {:.0} | {:.0} | {:.0} |",
                l.asked, l.unanswered, l.p50, l.p95, l.worst
            );
        }
        table
    }
}

fn latency(asked: &[Asked], from: Duration, to: Duration) -> Latency {
    let (mut latencies, mut unanswered) = (Durations::default(), 0);
    for one in asked.iter().filter(|one| (from..to).contains(&one.at)) {
        latencies.push(one.took);
        unanswered += usize::from(!one.is_answered);
    }
    let quantile = |q| latencies.quantile_ms(q);
    let (p50, p95, worst) = (quantile(0.5), quantile(0.95), quantile(1.0));
    Latency { asked: latencies.len(), unanswered, p50, p95, worst }
}

fn peak(memory: &[Memory], from: Duration, to: Duration) -> Peak {
    let within = || memory.iter().filter(|one| (from..to).contains(&one.at));
    let most = |of: fn(&Memory) -> u64| within().map(of).max().unwrap_or(0) as f64 / MIB;
    Peak { rss: most(|one| one.rss), anonymous: most(|one| one.anonymous) }
}

/// Memory at every full step after `from`, and right before `to`.
fn after(memory: &[Memory], from: Duration, to: Duration) -> Vec<Peak> {
    let memory = memory.get(..memory.partition_point(|one| one.at < to)).unwrap_or_default();
    let at = |when: Duration| memory.iter().find(|one| one.at >= when);
    let steps = (1..).map_while(|step| at(from + STEP * step));
    let mib = |bytes| bytes as f64 / MIB;
    let looks = steps.chain(memory.last());
    looks.map(|one| Peak { rss: mib(one.rss), anonymous: mib(one.anonymous) }).collect()
}

/// The server's metrics of its memory.
fn account(metrics: &str) -> Vec<(String, f64)> {
    let line = |line: &str| {
        let (name, value) = line.rsplit_once(' ')?;
        let part = name.strip_prefix("nunatak_memory_bytes{part=\"")?.strip_suffix("\"}")?;
        Some((part.to_owned(), value.parse().ok()?))
    };
    metrics.lines().filter_map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_account_is_read_from_the_metrics() {
        let text = "# HELP x\nnunatak_memory_bytes{part=\"slots\"} 1048576\nother 3\n";
        assert_eq!(account(text), [("slots".to_owned(), MIB)]);
    }

    #[test]
    fn phases_have_their_own_peaks() {
        let seconds = Duration::from_secs;
        let one = |at, rss: u64| Memory { at: seconds(at), rss: rss << 20, anonymous: rss << 19 };
        let memory = [one(1, 10), one(5, 40), one(70, 20), one(80, 15)];
        assert_eq!(peak(&memory, seconds(0), seconds(5)).rss, 10.0);
        assert_eq!(peak(&memory, seconds(5), Duration::MAX).anonymous, 20.0);
        let after = after(&memory, seconds(45), seconds(80));
        assert_eq!(after.iter().map(|one| one.rss).collect::<Vec<_>>(), [20.0, 20.0]);
    }
}
