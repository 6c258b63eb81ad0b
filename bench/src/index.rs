//! `nunatak-bench index`: what the index answers how fast, at any number of series.
//!
//! A folder is built through the library: nine tenths of the series in the blocks of one day, one
//! tenth in the heads; with `--blocks 12` the day is twelve blocks of two hours in each shard, with
//! all its series in each of them. Then the index is asked what dashboards ask.

mod made;
mod questions;
mod report;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use nunatak::storage::{OsStorage, Storage};
use nunatak::{Batch, Db, Durability, ImportOptions, ManualClock, Options};

use crate::measure::Process;
use crate::{Error, Result, output};
use made::Made;
use report::{Blocks, Report};

/// `index`
#[derive(Debug, Clone, Args)]
pub struct Arguments {
    /// Series; a tenth of them is in the heads
    #[arg(long, default_value_t = 10_000_000)]
    pub series: usize,
    /// Blocks of the day in each shard: 1, or 12 with all series in each
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=12))]
    pub blocks: u8,
    /// How often each question is asked
    #[arg(long, default_value_t = 21)]
    pub repeat: usize,
    /// Folder for the data, emptied first
    #[arg(long, default_value = "target/bench/index")]
    pub work_dir: PathBuf,
    /// Ask the folder that is there
    #[arg(long)]
    pub keep: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// A day in the past, UTC.
const DAY: i64 = 19_700 * 86_400_000;
const WINDOW: i64 = 2 * 3_600_000;

/// Runs `index`.
///
/// # Errors
/// If the folder can't be used, or an answer is wrong.
pub fn run(arguments: &Arguments) -> Result<()> {
    let made = Made::new(arguments.series);
    if !arguments.keep {
        build(arguments, made)?;
    }
    let db = open(arguments, DAY + 86_400_000)?;
    if db.stats().active_series == 0 {
        fill_heads(&db, made)?;
    }
    let stats = db.stats();
    let blocks = blocks(arguments)?;
    let report = Report {
        series: arguments.series,
        head_series: stats.active_series,
        head_bytes: stats.head_bytes,
        cores: std::thread::available_parallelism().map_or(1, usize::from),
        blocks,
        answers: questions::ask(&db, made, arguments.repeat)?,
    };
    let text = if arguments.json { output::json(&report)? } else { report.table() };
    output::result(&text)
}

fn failed(error: impl std::fmt::Display) -> Error {
    Error::Target(error.to_string())
}

fn open(arguments: &Arguments, now_ms: i64) -> Result<Db> {
    let options = Options::new(&arguments.work_dir)
        .durability(Durability::Os)
        // Nothing may be merged or cut while it is measured.
        .threads(0)
        .clock(Arc::new(ManualClock::new(now_ms)))
        .memory_budget(64 << 30);
    Db::open(options).map_err(failed)
}

/// Puts the day's series into blocks.
fn build(arguments: &Arguments, made: Made) -> Result<()> {
    if arguments.work_dir.exists() {
        std::fs::remove_dir_all(&arguments.work_dir).map_err(Error::io("empty the folder"))?;
    }
    // Of days that are over an import makes one block, of today one for two hours.
    let now = if arguments.blocks == 1 { DAY + 86_400_000 } else { DAY + 86_399_000 };
    let db = open(arguments, now)?;
    let mut importer = db
        .importer(ImportOptions::new("bench").memory(6 << 30).part_samples(u64::MAX))
        .map_err(failed)?;
    let bar = output::bar("building the blocks", made.in_blocks() as u64);
    for number in 0..made.in_blocks() {
        let series = importer.series(&Made::labels(number));
        for window in 0..i64::from(arguments.blocks) {
            importer.push(series, &[DAY + window * WINDOW], &[1.0]).map_err(failed)?;
        }
        bar.inc(1);
    }
    importer.finish().map_err(failed)?;
    bar.finish_and_clear();
    db.close().map_err(failed)
}

/// Series in one request.
const REQUEST: usize = 10_000;

fn fill_heads(db: &Db, made: Made) -> Result<()> {
    let bar = output::bar("filling the heads", made.in_heads() as u64);
    let numbers: Vec<usize> = (made.in_blocks()..made.series()).collect();
    for numbers in numbers.chunks(REQUEST) {
        let mut batch = Batch::new();
        for &number in numbers {
            let series = batch.series(&Made::labels(number)).map_err(failed)?;
            batch.push(series, DAY + 86_400_000, 1.0);
        }
        db.append(&batch).map_err(failed)?;
        bar.inc(numbers.len() as u64);
    }
    bar.finish_and_clear();
    Ok(())
}

/// Opens each block for itself and sums up what that takes.
fn blocks(arguments: &Arguments) -> Result<Blocks> {
    let storage = OsStorage::new(&arguments.work_dir).map_err(Error::io("open the folder"))?;
    let storage: Arc<dyn Storage> = Arc::new(storage);
    let mut found = Blocks::default();
    let before = anonymous()?;
    let mut opened = Vec::new();
    for shard in folders(&arguments.work_dir, "shard-") {
        let folder = shard.join("default");
        for path in folders(&folder, "") {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let relative = folder.strip_prefix(&arguments.work_dir).unwrap_or(&folder);
            let relative = relative.to_string_lossy().into_owned();
            let began = Instant::now();
            let block = nunatak::block::Block::open(Arc::clone(&storage), &relative, &name);
            let block = block.map_err(failed)?;
            found.open.push(began.elapsed());
            found.series += block.meta().series;
            let index = std::fs::metadata(path.join("index")).map_err(Error::io("see an index"))?;
            found.index_bytes += index.len();
            found.largest = found.largest.max(block.meta().series);
            opened.push(block);
        }
    }
    found.heap_bytes = anonymous()?.saturating_sub(before);
    found.count = opened.len() as u64;
    Ok(found)
}

/// Anonymous memory of this process.
fn anonymous() -> Result<u64> {
    Ok(Process::new(std::process::id()).usage()?.rss_anonymous_bytes)
}

fn folders(folder: &Path, prefix: &str) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let is_wanted = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        path.is_dir() && name.starts_with(prefix)
    };
    let mut all: Vec<_> = entries.flatten().map(|entry| entry.path()).filter(is_wanted).collect();
    all.sort();
    all
}

/// Milliseconds.
fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
