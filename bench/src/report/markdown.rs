//! The section of docs/benchmarks.md that `slice` makes.

use super::table::{Figure, decimal, seconds, table, whole};
use super::{Run, SliceReport};

/// The section's first line; what stands between it and [`END`] is replaced by each run.
const BEGIN: &str = "<!-- made by nunatak-bench slice: do not edit -->";
const END: &str = "<!-- end of nunatak-bench slice -->";

/// Puts `section` into the page, in the place of the one that an earlier run made, or at the end.
#[must_use]
pub fn insert(page: &str, section: &str) -> String {
    let made = format!("{BEGIN}\n{section}\n{END}");
    let before = page.find(BEGIN).map(|at| &page[..at]);
    let after = page.find(END).map(|at| &page[at + END.len()..]);
    match (before, after) {
        (Some(before), Some(after)) => format!("{before}{made}{after}"),
        _ => format!("{}\n\n{made}\n", page.trim_end()),
    }
}

/// The report as Markdown; `json` is the name of the file with all figures.
#[must_use]
pub fn section(report: &SliceReport, json: &str) -> String {
    [
        "## Ingest, disk, start".to_owned(),
        method(report),
        table(&report.runs, &figures(report.workload.series)),
        versions(report),
        losses(&report.runs),
        format!("All figures of each run: [{json}](benchmarks/{json})."),
    ]
    .join("\n\n")
}

fn method(report: &SliceReport) -> String {
    let (work, machine) = (&report.workload, &report.machine);
    let pinned = report.server_cpu.map_or_else(
        || "server and generator share the machine's only processor".to_owned(),
        |cpu| format!("the server is pinned to processor {cpu}, the generator to another"),
    );
    format!(
        "Measured on {date}: {processor}, {processors} processors, {memory} MiB, {kernel}, \
         {file_system}; {pinned}.\n\n\
         {series} series of {hosts} hosts × {scrapes} scrapes every {interval} s, each series \
         with {labels:.1} labels of {bytes:.0} bytes in all (means), by remote write 1.0 in \
         requests of {request} samples over {connections} connection(s), encoded before the \
         clock starts. Processor time counts from before the first request until {settle:.0} s \
         after the last answer.\n\n\
         ```\n{command}\n```",
        date = report.date,
        processor = machine.processor,
        processors = machine.processors,
        memory = whole(machine.memory_mib as f64),
        kernel = machine.kernel,
        file_system = machine.file_system,
        series = whole(work.series as f64),
        hosts = work.hosts,
        scrapes = work.scrapes,
        interval = work.interval_ms as f64 / 1e3,
        labels = work.labels_per_series,
        bytes = work.label_bytes_per_series,
        request = whole(work.samples_per_request as f64),
        connections = work.connections,
        settle = report.runs.first().map_or(0.0, |run| run.ingest.settle_seconds),
        command = report.command,
    )
}

fn figures(series: usize) -> Vec<Figure> {
    fn figure(
        words: &'static str,
        show: fn(f64) -> String,
        value: impl Fn(&Run) -> f64 + 'static,
    ) -> Figure {
        Figure { words, value: Box::new(value), show }
    }
    let per_sample = |bytes: u64, run: &Run| bytes as f64 / run.ingest.sent.samples as f64;
    vec![
        figure("samples/s, one connection's pace", whole, |run| {
            run.ingest.sent.samples_per_second()
        }),
        figure("server CPU seconds per million samples", decimal, |run| {
            run.ingest.cpu_seconds_per_million()
        }),
        figure("RSS per series, whole process, bytes", whole, move |run| {
            run.ingest.rss_per_series(series)
        }),
        figure("RSS growth per series, bytes", whole, move |run| {
            run.ingest.rss_growth_per_series(series)
        }),
        figure("peak RSS, MiB", whole, |run| run.ingest.after.rss_peak_bytes as f64 / 1_048_576.0),
        figure("bytes written per sample during ingest", decimal, |run| {
            run.ingest.written_bytes_per_sample()
        }),
        figure("the same, as sent to the disk in pages", decimal, |run| {
            run.ingest.disk_bytes_per_sample()
        }),
        figure("log per sample after ingest, bytes", decimal, move |run| {
            per_sample(run.log.bytes, run)
        }),
        figure("bytes per sample on disk, flushed, log apart", decimal, move |run| {
            per_sample(run.flushed.bytes, run)
        }),
        figure("flush, seconds", seconds, |run| run.flush_seconds),
        figure("request latency p50, ms", decimal, |run| run.ingest.sent.latency_p50_ms),
        figure("request latency p99, ms", decimal, |run| run.ingest.sent.latency_p99_ms),
        figure("kill -9 → ready, from the log, seconds", seconds, |run| {
            run.start_from_log_seconds
        }),
        figure("kill -9 → ready, flushed, seconds", seconds, |run| run.start_flushed_seconds),
        figure("samples acknowledged", whole, |run| run.stored.expected as f64),
        figure("found after kill -9", whole, |run| run.stored.found as f64),
        figure("found after flush and kill -9", whole, |run| run.stored_flushed.found as f64),
    ]
}

fn versions(report: &SliceReport) -> String {
    let mut lines: Vec<String> = Vec::new();
    for run in &report.runs {
        let line = format!(
            "- {}: version {}; acknowledged means {}",
            run.target, run.version, run.durability
        );
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    lines.join("\n")
}

/// Says plainly what went wrong; nothing if nothing did.
fn losses(runs: &[Run]) -> String {
    let lines: Vec<String> = runs
        .iter()
        .filter(|run| run.ingest.sent.refused_requests > 0 || run.ingest.sent.retries > 0)
        .map(|run| {
            let sent = &run.ingest.sent;
            format!(
                "- {}: {} requests refused, {} repeated; the first: {}",
                run.target,
                sent.refused_requests,
                sent.retries,
                sent.first_refusal.as_deref().unwrap_or("–")
            )
        })
        .collect();
    let refusals =
        if lines.is_empty() { "No request was refused.".to_owned() } else { lines.join("\n") };
    let mut again: Vec<&str> =
        runs.iter().filter(|run| run.loaded_again).map(|run| run.target.as_str()).collect();
    again.dedup();
    if again.is_empty() {
        return refusals;
    }
    format!(
        "{refusals} Acknowledged samples were missing after kill -9 in {}: the load was repeated \
         there, unmeasured, before flush and last start.",
        again.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::{BEGIN, END, insert};

    #[test]
    fn a_new_section_replaces_the_old_one_alone() {
        let page = format!("# Benchmarks\n\n{BEGIN}\nold\n{END}\n\n## More\n");
        let changed = insert(&page, "new");
        assert_eq!(changed, format!("# Benchmarks\n\n{BEGIN}\nnew\n{END}\n\n## More\n"));
        assert_eq!(insert(&changed, "new"), changed);
    }

    #[test]
    fn a_page_without_a_section_gets_one() {
        let page = insert("# Benchmarks\n", "new");
        assert_eq!(page, format!("# Benchmarks\n\n{BEGIN}\nnew\n{END}\n"));
    }
}
