//! `nunatak-bench compare`: nunatak and its peers on the same work, side by side.
//!
//! Each part is a file: what it does to a target, and the section of the report that it makes of
//! what it saw. [`bench`] knows who is measured and lets targets alternate; [`plan`] says how much
//! of everything there is; [`table`] turns what was seen into figures.

mod bench;
mod cold;
mod disk;
mod ingest;
mod late;
mod parts;
mod plan;
mod queries;
mod spike;
mod table;

use std::path::{Path, PathBuf};
use std::time::Instant;

use bench::Bench;

use crate::cli::{Compare, Part};
use crate::report::model::{Report, Section};
use crate::{Result, output, report};

/// Runs `compare`.
///
/// # Errors
/// If a target can't be measured, or the report can't be written.
pub fn run(arguments: &Compare) -> Result<()> {
    let begun = Instant::now();
    let bench = Bench::new(arguments)?;
    let sections = sections(&bench)?;
    let codec = codec(&bench)?;
    let report = Report {
        date: jiff::Timestamp::now().strftime("%Y-%m-%d").to_string(),
        command: command(),
        seconds: begun.elapsed().as_secs_f64(),
        machine: bench.machine.clone(),
        server_cpu: bench.cpu,
        targets: bench.targets.iter().map(|target| target.note()).collect::<Result<_>>()?,
        sections,
    };
    if arguments.dry_run {
        return output::result(&output::json(&report)?);
    }
    publish(arguments, &report, codec.as_deref())
}

/// A whole run makes the project's own page; another one leaves that alone.
fn publish(arguments: &Compare, made: &Report, codec: Option<&str>) -> Result<()> {
    let is_whole = !arguments.quick && arguments.only.is_empty();
    let default = if is_whole { PathBuf::from("docs") } else { arguments.work_dir.join("docs") };
    let docs = arguments.docs.as_ref().unwrap_or(&default);
    report::publish(made, docs, codec)?;
    if is_whole && arguments.docs.is_none() {
        report::renew_readme(made, Path::new("README.md"))?;
    }
    output::note(&format!("written: {}", docs.join("benchmarks.md").display()));
    Ok(())
}

fn sections(bench: &Bench) -> Result<Vec<Section>> {
    let mut sections = Vec::new();
    let (mut wide, mut long) = (None, None);
    if bench.does(Part::Ingest) || bench.does(Part::Queries) {
        let (section, data) = ingest::run(bench)?;
        sections.push(section);
        wide = Some(data);
    }
    if bench.does(Part::Long) || bench.does(Part::Queries) {
        let (section, data) = disk::long(bench)?;
        sections.push(section);
        long = Some(data);
    }
    if bench.does(Part::Capture) {
        sections.push(disk::capture(bench)?);
    }
    if let (true, Some(wide), Some(long)) = (bench.does(Part::Queries), wide, long) {
        sections.push(queries::run(bench, &wide, &long)?);
    }
    if bench.does(Part::Late) {
        sections.push(late::run(bench)?);
    }
    if bench.does(Part::Spike) {
        sections.push(spike::run(bench)?);
    }
    Ok(sections)
}

fn codec(bench: &Bench) -> Result<Option<String>> {
    if !bench.does(Part::Codec) {
        return Ok(None);
    }
    bench.say("codec");
    crate::codec::section(&bench.capture).map(Some)
}

fn command() -> String {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    format!("cargo run --release -p nunatak-bench -- {}", arguments.join(" "))
}
