//! `nunatak-bench start`: how long a start takes after the process was killed.
//!
//! One process fills a folder through the library and is killed (SIGKILL) while it has everything
//! in its heads; another one opens the folder and is measured from outside.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use nunatak::{Appender, Db, Durability, ManualClock, Options, RefusalReason};
use serde::{Deserialize, Serialize};

use crate::measure::{Process, Usage};
use crate::workload::{Fleet, FleetOptions, start_ms};
use crate::{Error, Result, output};

/// `start`
#[derive(Debug, Clone, Args)]
pub struct Arguments {
    /// Series
    #[arg(long, default_value_t = 1_000_000)]
    pub series: usize,
    /// Minutes of samples, which all stay in the heads
    #[arg(long, default_value_t = 120)]
    pub minutes: usize,
    /// Seconds between two samples of a series
    #[arg(long, default_value_t = 15)]
    pub interval: u32,
    /// Seconds that a replay of the log may take by the engine's reckoning; 1000000 never saves
    /// heads, to see what that gains
    #[arg(long, default_value_t = 2.0)]
    pub replay_target: f64,
    /// Starts to measure; each is killed, too
    #[arg(long, default_value_t = 3)]
    pub repeat: usize,
    /// Folder for the data, emptied first
    #[arg(long, default_value = "target/bench/start")]
    pub work_dir: PathBuf,
    /// Leave the folder as it is, and only start on it
    #[arg(long)]
    pub keep: bool,
    #[arg(long, hide = true)]
    part: Option<Part>,
}

/// What a child process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    Fill,
    Open,
}

/// What a child has to tell.
#[derive(Debug, Serialize, Deserialize)]
struct Told {
    /// How long the opening took.
    open_seconds: f64,
    series: u64,
    head_bytes: u64,
    /// Bytes that the engine wrote to the log.
    log_bytes: u64,
    /// Frames of the log that were replayed.
    frames: u64,
    samples: u64,
}

#[derive(Debug, Serialize)]
struct Start {
    told: Told,
    /// From the start of the process until the database was open.
    ready_seconds: f64,
    usage: Usage,
}

#[derive(Debug, Serialize)]
struct Report {
    series: usize,
    minutes: usize,
    cores: usize,
    end: &'static str,
    /// The process that was killed, its generator included; absent with `--keep`.
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<Start>,
    folder_bytes: u64,
    starts: Vec<Start>,
}

/// Runs `start`.
///
/// # Errors
/// If the folder can't be used or a child fails.
pub fn run(arguments: &Arguments) -> Result<()> {
    match arguments.part {
        Some(Part::Fill) => return fill(arguments),
        Some(Part::Open) => return open(arguments),
        None => {}
    }
    let before = if arguments.keep { None } else { Some(filled(arguments)?) };
    let folder_bytes = folder_bytes(&arguments.work_dir);
    let starts: Result<Vec<_>> = (0..arguments.repeat)
        .map(|_| {
            let start = child(arguments, Part::Open)?;
            output::note(&format!("ready after {:.2} s", start.ready_seconds));
            Ok(start)
        })
        .collect();
    let report = Report {
        series: arguments.series,
        minutes: arguments.minutes,
        cores: std::thread::available_parallelism().map_or(1, usize::from),
        end: "SIGKILL",
        before,
        folder_bytes,
        starts: starts?,
    };
    output::result(&output::json(&report)?)
}

fn filled(arguments: &Arguments) -> Result<Start> {
    if arguments.work_dir.exists() {
        std::fs::remove_dir_all(&arguments.work_dir).map_err(Error::io("empty the folder"))?;
    }
    output::note("filling");
    child(arguments, Part::Fill)
}

/// Runs a child until it has told, looks at it, and kills it.
fn child(arguments: &Arguments, part: Part) -> Result<Start> {
    let program = std::env::current_exe().map_err(Error::io("find this program"))?;
    let mut command = Command::new(program);
    command.args(["start", "--part", if part == Part::Fill { "fill" } else { "open" }]);
    command.args(["--series", &arguments.series.to_string()]);
    command.args(["--minutes", &arguments.minutes.to_string()]);
    command.args(["--interval", &arguments.interval.to_string()]);
    command.args(["--replay-target", &arguments.replay_target.to_string()]);
    command.arg("--work-dir").arg(&arguments.work_dir).stdout(Stdio::piped());
    let began = Instant::now();
    let mut child = Killed(command.spawn().map_err(Error::io("start a child"))?);
    let mut line = String::new();
    let told = child.0.stdout.take().map(|out| BufReader::new(out).read_line(&mut line));
    told.transpose().map_err(Error::io("listen to a child"))?;
    let ready_seconds = began.elapsed().as_secs_f64();
    let told = serde_json::from_str(&line)
        .map_err(|error| Error::Target(format!("the child said {line:?}: {error}")))?;
    Ok(Start { told, ready_seconds, usage: Process::new(child.0.id()).usage()? })
}

/// A child that is killed when this is dropped.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        // One that has ended by itself can't be killed.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn failed(error: &nunatak::Error) -> Error {
    Error::Target(error.to_string())
}

fn options(arguments: &Arguments) -> Options {
    Options::new(&arguments.work_dir)
        .durability(Durability::Os)
        .replay_target(Duration::from_secs_f64(arguments.replay_target))
        // No mark of the memory's may change what is measured.
        .memory_budget(64 << 30)
}

fn opened(options: Options) -> Result<(Db, Duration)> {
    let began = Instant::now();
    let db = Db::open(options).map_err(|error| failed(&error))?;
    Ok((db, began.elapsed()))
}

fn tell(db: &Db, took: Duration, samples: u64) -> Result<()> {
    let stats = db.stats();
    let told = Told {
        open_seconds: took.as_secs_f64(),
        series: stats.active_series,
        head_bytes: stats.head_bytes,
        log_bytes: stats.log_bytes,
        frames: db.replay_report().frames,
        samples,
    };
    let line = serde_json::to_string(&told).map_err(|error| Error::Target(error.to_string()))?;
    output::result(&line)?;
    // Until the parent has looked and kills this process.
    std::thread::sleep(Duration::from_mins(10));
    Ok(())
}

fn open(arguments: &Arguments) -> Result<()> {
    let (db, took) = opened(options(arguments))?;
    tell(&db, took, 0)
}

fn fill(arguments: &Arguments) -> Result<()> {
    let interval_ms = i64::from(arguments.interval.max(1)) * 1000;
    let scrapes = arguments.minutes * 60_000 / interval_ms as usize;
    let start_ms = start_ms(None, scrapes, interval_ms);
    let mut fleet = Fleet::new(FleetOptions {
        series: arguments.series,
        seed: 1,
        start_ms,
        interval_ms,
        jitter_ms: 0,
    });
    // The time of the samples, which is faster than the machine's: how often heads are saved
    // depends on it.
    let clock = Arc::new(ManualClock::new(start_ms));
    let (db, took) = opened(options(arguments).clock(clock.clone()))?;
    let bar = output::bar("filling", (scrapes * arguments.series) as u64);
    for scrape in 0..scrapes {
        clock.set(start_ms + scrape as i64 * interval_ms);
        for host in 0..fleet.hosts() {
            let mut samples = Vec::new();
            fleet.scrape(host, scrape, |series, t, v| samples.push((series, t, v)));
            let mut appender = db.appender();
            for &(series, t, v) in &samples {
                let handle = append_series(&mut appender, &fleet, series);
                appender.push(handle, t, v);
            }
            let outcome = appender.commit().map_err(|error| failed(&error))?;
            if outcome.refused_samples() > 0 {
                return Err(Error::Target(format!("refused: {:?}", outcome.refused)));
            }
            bar.inc(outcome.stored);
        }
        if scrape % 40 == 39 {
            output::note(&format!("{} of {scrapes} scrapes", scrape + 1));
        }
    }
    bar.finish_and_clear();
    drop(fleet);
    tell(&db, took, (scrapes * arguments.series) as u64)
}

fn append_series(
    appender: &mut Appender<'_>,
    fleet: &Fleet,
    series: usize,
) -> nunatak::AppendSeries {
    appender.series(
        &series.to_le_bytes(),
        |builder| -> std::result::Result<(), (RefusalReason, String)> {
            let labels = &fleet.series()[series].labels;
            for (name, value) in labels {
                builder.push(name, value);
            }
            Ok(())
        },
    )
}

fn folder_bytes(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    let size = |entry: std::fs::DirEntry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => folder_bytes(&entry.path()),
        Ok(metadata) => metadata.len(),
        Err(_) => 0,
    };
    entries.flatten().map(size).sum()
}
