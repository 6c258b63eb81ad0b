//! The section of the spike.

use super::{Run, Work};
use crate::compare::bench::{Bench, INTERVAL_MS};
use crate::compare::table::{Row, table};
use crate::measure::Durations;
use crate::report::model::{Curve, Line, Section, Unit};

pub(super) fn section(bench: &Bench, work: &Work, runs: &[(String, Run)]) -> Section {
    let notes = runs.iter().filter_map(|(target, run)| run.spike.trouble(target)).collect();
    Section {
        id: "spike".to_owned(),
        title: "A cardinality explosion".to_owned(),
        method: method(bench, work),
        tables: vec![
            table("The dashboard beside it", false, latency_rows(), runs),
            table("The spike itself", true, cost_rows(), runs),
            table("Further", false, further_rows(), runs),
        ],
        curves: vec![course(runs)],
        notes,
    }
}

fn method(bench: &Bench, work: &Work) -> String {
    let plan = bench.plan.spike;
    format!(
        "{} series are scraped every {} s in real time, and a dashboard asks for `sum by (mode) \
         (rate(node_cpu_seconds_total[1m]))` over 5 minutes, again 200 ms after each answer. After \
         {watch} s, {} series that nobody has seen before arrive as fast as they are taken, with {} \
         samples each and {:.1} labels of {:.0} bytes (means): one metric has got a label with a \
         value of its own for each request. It is watched for another {watch} s. Processor time of \
         the spike is without what the dashboard's answers took, each as much as in the calm \
         seconds. Once for each target.",
        plan.steady,
        INTERVAL_MS / 1_000,
        plan.new,
        plan.rounds,
        work.spike.extent.labels_per_series,
        work.spike.extent.label_bytes_per_series,
        watch = plan.watch.as_secs(),
    )
}

fn latency_rows() -> Vec<Row<Run>> {
    fn quantile(
        id: &'static str,
        words: &'static str,
        phase: fn(&Run) -> &Durations,
        q: f64,
    ) -> Row<Run> {
        Row::less(id, words, Unit::Milliseconds, move |run: &Run| match phase(run) {
            latencies if latencies.is_empty() => f64::NAN,
            latencies => latencies.quantile_ms(q),
        })
    }
    vec![
        quantile("calm_p50", "before, p50", |run| &run.calm, 0.5),
        quantile("calm_p95", "before, p95", |run| &run.calm, 0.95),
        quantile("during_p50", "during, p50", |run| &run.during, 0.5),
        quantile("during_p95", "during, p95", |run| &run.during, 0.95).headline(),
        quantile("during_worst", "during, worst", |run| &run.during, 1.0),
        quantile("after_p95", "after, p95", |run| &run.after, 0.95),
        Row::less("unanswered", "not answered", Unit::Count, |run: &Run| run.unanswered as f64),
        Row::less("steady_worst", "slowest steady write", Unit::Milliseconds, |run: &Run| {
            run.steady.latencies.quantile_ms(1.0)
        }),
        Row::less("steady_refused", "steady writes refused", Unit::Count, |run: &Run| {
            run.steady.refused as f64
        }),
    ]
}

fn cost_rows() -> Vec<Row<Run>> {
    vec![
        Row::less("rss_per_new_series", "RSS growth per new series", Unit::Bytes, {
            |run: &Run| {
                let growth = run.end.rss_bytes.saturating_sub(run.before.rss_bytes);
                growth as f64 / run.new_series as f64
            }
        })
        .headline(),
        Row::less("cpu_per_new_series", "CPU per new series", Unit::Microseconds, {
            |run: &Run| run.cpu.as_secs_f64() * 1e6 / run.new_series as f64
        })
        .headline(),
    ]
}

fn further_rows() -> Vec<Row<Run>> {
    vec![
        Row::less("rss_peak", "peak RSS", Unit::Mebibytes, |run: &Run| {
            run.end.rss_peak_bytes as f64 / 1_048_576.0
        }),
        Row::less("seconds", "until all was acknowledged", Unit::Seconds, {
            |run: &Run| run.spike.seconds
        }),
        Row::less("refused", "requests refused", Unit::Count, |run: &Run| {
            run.spike.refused_requests as f64
        }),
        Row::plain("acknowledged", "samples acknowledged", Unit::Count, |run: &Run| {
            run.spike.samples as f64
        }),
        Row::more("found", "of them found afterwards", Unit::Count, |run: &Run| run.found),
    ]
}

fn course(runs: &[(String, Run)]) -> Curve {
    let lines = runs
        .iter()
        .map(|(target, run)| Line { target: target.clone(), points: run.course.clone() });
    Curve {
        id: "course".to_owned(),
        title: "Latency of the dashboard's query in the course of the spike".to_owned(),
        x: "seconds".to_owned(),
        y: "latency, ms".to_owned(),
        lines: lines.collect(),
    }
}
