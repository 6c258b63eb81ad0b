//! Samples that come late, against the same samples in order.

use super::bench::{Bench, INTERVAL_MS};
use super::table::{Row, table};
use crate::Result;
use crate::measure::Ingest;
use crate::prepared::{FleetWork, Late, Prepared};
use crate::report::model::{Section, Unit};
use crate::target::Target;
use crate::workload::{FleetOptions, start_ms};

/// Which part of the scrapes is late, and by how many scrapes at most: half an hour.
const LATE: Late = Late { part: 0.3, longest: 120 };

/// One target, once.
struct Run {
    in_order: Ingest,
    late: Ingest,
    lost: u64,
}

/// Measures all targets.
pub(super) fn run(bench: &Bench) -> Result<Section> {
    let (series, scrapes) = bench.plan.late;
    let in_order = FleetWork {
        fleet: FleetOptions {
            series,
            seed: bench.seed,
            start_ms: start_ms(bench.start, scrapes, INTERVAL_MS),
            interval_ms: INTERVAL_MS,
            jitter_ms: bench.jitter_ms,
        },
        scrapes,
        late: None,
    };
    let late = FleetWork { late: Some(LATE), ..in_order };
    let [in_order, late] = [in_order, late].map(|work| {
        bench.prepare("late samples", |packing, bar| Prepared::fleet(&work, packing, bar))
    });
    let runs = bench.in_turns("late", |target| measure(bench, target, &in_order, &late))?;
    Ok(Section {
        id: "late".to_owned(),
        title: "Samples that come late".to_owned(),
        method: format!(
            "{series} series × {scrapes} scrapes, once in order and once with {:.0} % of the \
             scrapes sent late, by anything up to {} minutes. Each target starts on an empty \
             folder for both.",
            LATE.part * 100.0,
            LATE.longest as i64 * INTERVAL_MS / 60_000
        ),
        tables: vec![table("", true, rows(), &runs)],
        curves: Vec::new(),
        notes: runs.iter().filter_map(|(target, run)| run.late.sent.trouble(target)).collect(),
    })
}

fn measure(
    bench: &Bench,
    target: &dyn Target,
    in_order: &Prepared,
    late: &Prepared,
) -> Result<Run> {
    let (server, _folder) = bench.start_empty(target)?;
    let in_order = bench.load(target, &server, in_order)?;
    server.stop()?;
    let (server, _folder) = bench.start_empty(target)?;
    let ingest = bench.load(target, &server, late)?;
    target.make_visible(&bench.client, server.base())?;
    let found = target.count(&bench.client, server.base(), late)?;
    server.stop()?;
    Ok(Run { in_order, late: ingest, lost: late.extent.samples.saturating_sub(found) })
}

fn rows() -> Vec<Row<Run>> {
    vec![
        Row::less("cpu_per_million", "server CPU s per million samples, late", Unit::Number, {
            |run: &Run| run.late.cpu_seconds_per_million()
        })
        .headline(),
        Row::less("cpu_per_million_in_order", "the same in order", Unit::Number, |run: &Run| {
            run.in_order.cpu_seconds_per_million()
        }),
        Row::less("cpu_ratio", "late / in order", Unit::Number, |run: &Run| {
            run.late.cpu_seconds_per_million() / run.in_order.cpu_seconds_per_million()
        }),
        Row::less("written_per_sample", "bytes written per sample, late", Unit::Number, {
            |run: &Run| run.late.written_bytes_per_sample()
        }),
        Row::less("lost", "samples not found afterwards", Unit::Count, |run: &Run| run.lost as f64),
    ]
}
