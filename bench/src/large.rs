//! `nunatak-bench large`: what an answer with very many series costs the server.
//!
//! The whole request is measured, from its first byte to the answer's last one: an instant query that
//! returns every series of a fleet with all of its labels. With more than one program all are asked in
//! turns, so that two builds are compared under the same load of the machine.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;
use indicatif::ProgressBar;
use serde::Serialize;
use tempfile::TempDir;

use crate::client::Client;
use crate::measure::{Durations, send};
use crate::prepared::{FleetWork, Packing, Prepared};
use crate::question::encoded;
use crate::target::{Nunatak, Server, Target, pin};
use crate::workload::{FleetOptions, start_ms};
use crate::{Error, Result, output};

const INTERVAL_MS: i64 = 15_000;
/// All but the metrics of the server itself.
const QUERY: &str = "{job=~\".+\",job!=\"nunatak\"}";
/// Quiet time after the flush.
const QUIET: Duration = Duration::from_secs(2);

/// `large`
#[derive(Debug, Clone, Args)]
pub struct Arguments {
    /// The servers to measure
    #[arg(long, value_delimiter = ',', default_value = "target/release/nunatak")]
    pub server: Vec<PathBuf>,
    /// Series
    #[arg(long, default_value_t = 100_000)]
    pub series: usize,
    /// Samples of each
    #[arg(long, default_value_t = 20)]
    pub scrapes: usize,
    /// How often each server is asked
    #[arg(long, default_value_t = 20)]
    pub repeat: usize,
    /// Ask the heads, and not blocks
    #[arg(long)]
    pub unflushed: bool,
    /// Processor of the servers; the generator runs on the next one
    #[arg(long, default_value_t = 0)]
    pub cpu: usize,
    /// Folder for the data, emptied afterwards
    #[arg(long, default_value = "target/bench")]
    pub work_dir: PathBuf,
}

/// A server with the fleet.
struct Asked {
    program: String,
    url: String,
    server: Server,
    cpu: Durations,
    latency: Durations,
    answer_bytes: usize,
    _folder: TempDir,
}

/// What is printed of a server.
#[derive(Debug, Serialize)]
struct Row {
    server: String,
    series: usize,
    answer_bytes: usize,
    cpu_ms_p50: f64,
    cpu_ms_least: f64,
    latency_ms_p50: f64,
}

/// Runs `large`.
///
/// # Errors
/// If a server can't be started, does not take the samples or does not answer.
pub fn run(arguments: &Arguments) -> Result<()> {
    std::fs::create_dir_all(&arguments.work_dir).map_err(Error::io("the work folder"))?;
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    if processors > 1 {
        pin(&[(arguments.cpu + 1) % processors])?;
    }
    let work = prepare(arguments);
    let client = Client::default();
    let asked = arguments.server.iter().map(|program| start(arguments, program, &work, &client));
    let mut asked: Vec<Asked> = asked.collect::<Result<_>>()?;
    for round in 0..=arguments.repeat {
        for one in &mut asked {
            // The first round fills caches.
            one.ask(&client, arguments.series, round > 0)?;
        }
    }
    let rows: Vec<Row> = asked.iter().map(|one| one.row(arguments.series)).collect();
    output::result(&output::json(&rows)?)
}

fn prepare(arguments: &Arguments) -> Prepared {
    let fleet = FleetOptions {
        series: arguments.series,
        seed: 1,
        start_ms: start_ms(None, arguments.scrapes, INTERVAL_MS),
        interval_ms: INTERVAL_MS,
        jitter_ms: 0,
    };
    let work = FleetWork { fleet, scrapes: arguments.scrapes, late: None };
    let packing = Packing { samples_per_request: 2_000, connections: 1 };
    Prepared::fleet(&work, packing, &output::bar("encoding", 0))
}

/// Starts a server on an empty folder, pinned, and writes the fleet into it.
fn start(
    arguments: &Arguments,
    program: &std::path::Path,
    work: &Prepared,
    client: &Client,
) -> Result<Asked> {
    let target = Nunatak { program: program.to_owned(), durability: "os".to_owned() };
    let folder = tempfile::tempdir_in(&arguments.work_dir).map_err(Error::io("a data folder"))?;
    let data = folder.path().join("data");
    let server = Server::start(&target, &data, &[arguments.cpu])?;
    let write = format!("{}{}", server.base(), target.write_path());
    let sent = send(&write, &work.streams, &ProgressBar::hidden())?;
    if let Some(trouble) = sent.trouble(&target.name()) {
        return Err(Error::Target(trouble));
    }
    if !arguments.unflushed {
        target.flush(client, server.base(), &data)?;
    }
    std::thread::sleep(QUIET);
    let (base, at) = (server.base(), work.extent.to_ms.div_euclid(1_000));
    let url = format!("{base}/api/v1/query?query={}&time={at}", encoded(QUERY));
    let program = program.display().to_string();
    let (cpu, latency) = (Durations::default(), Durations::default());
    Ok(Asked { program, url, server, cpu, latency, answer_bytes: 0, _folder: folder })
}

impl Asked {
    fn ask(&mut self, client: &Client, series: usize, counts: bool) -> Result<()> {
        let process = self.server.process();
        let (before, begun) = (process.cpu()?, Instant::now());
        let answer = client.get(&self.url)?;
        let took = begun.elapsed();
        let cpu = process.cpu()?.saturating_sub(before);
        let found = answer.text.matches("{\"metric\":").count();
        if !answer.is_ok() || found != series {
            return Err(Error::Target(format!("{found} of {series} series: {answer}")));
        }
        self.answer_bytes = answer.text.len();
        if counts {
            self.cpu.push(cpu);
            self.latency.push(took);
        }
        Ok(())
    }

    fn row(&self, series: usize) -> Row {
        Row {
            server: self.program.clone(),
            series,
            answer_bytes: self.answer_bytes,
            cpu_ms_p50: self.cpu.quantile_ms(0.5),
            cpu_ms_least: self.cpu.quantile_ms(0.0),
            latency_ms_p50: self.latency.quantile_ms(0.5),
        }
    }
}
