//! Where, when and how it was measured, and who.

use crate::report::grid::{Grid, plain};
use crate::report::model::Report;
use crate::report::unit::grouped;

/// The part.
pub(super) fn run(report: &Report) -> String {
    let mut targets = Grid::of_words(&["", "version", "what an acknowledged write is"]);
    for target in &report.targets {
        targets.row(&[plain(&target.name), plain(&target.version), plain(&target.durability)]);
    }
    let machine = &report.machine;
    [
        "## Machine, versions, durability".to_owned(),
        format!(
            "- Machine: {processor}, **{cores}**, {memory} MiB of memory, {kernel}, \
             {file_system}; {place}.\n\
             - Day: {date} (UTC); the run took {minutes}.",
            processor = plain(&machine.processor),
            cores = processors(machine.processors),
            memory = grouped(machine.memory_mib as f64, 0),
            kernel = machine.kernel,
            file_system = machine.file_system,
            place = place(report.server_cpu),
            date = report.date,
            minutes = duration(report.seconds),
        ),
        targets.text(),
        format!("```\n{}\n```", report.command),
    ]
    .join("\n\n")
}

fn processors(count: usize) -> String {
    if count == 1 { "1 core".to_owned() } else { format!("{count} cores") }
}

fn place(server_cpu: Option<usize>) -> String {
    server_cpu.map_or_else(
        || "servers and generator share its only core".to_owned(),
        |cpu| format!("servers are pinned to core {cpu}, the generator to another"),
    )
}

fn duration(seconds: f64) -> String {
    if seconds < 120.0 {
        format!("{seconds:.0} seconds")
    } else {
        format!("{:.0} minutes", seconds / 60.0)
    }
}
