//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Measures nunatak, alone and beside its peers.
#[derive(Debug, Parser)]
#[command(name = "nunatak-bench", version)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The programs.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write a fleet's samples into a running server and report, as JSON on standard output
    Load(Load),
    /// Start servers, measure ingest, disk, kill -9 and start, and write docs/benchmarks.md
    Slice(Slice),
    /// Measure the codec on captured or made samples, beside ports of Prometheus' codecs
    Codec(crate::codec::Arguments),
    /// Compare the JSON files of two runs
    Diff(Diff),
}

/// What is written.
#[derive(Debug, Clone, Args)]
pub struct WorkloadArgs {
    /// Series in all
    #[arg(long, default_value_t = 100_000)]
    pub series: usize,
    /// Scrapes of each series
    #[arg(long, default_value_t = 100)]
    pub scrapes: usize,
    /// Seconds between two scrapes
    #[arg(long, default_value_t = 15)]
    pub interval: u32,
    /// Samples in each remote-write request
    #[arg(long, default_value_t = 2_000)]
    pub samples_per_request: usize,
    /// Connections that write at the same time; a host stays with its connection
    #[arg(long, default_value_t = 1)]
    pub connections: usize,
    /// Equal seeds make equal samples
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Time of the first scrape in seconds since the epoch; by default so that the last one is now
    #[arg(long)]
    pub start: Option<i64>,
}

/// `load`
#[derive(Debug, Args)]
pub struct Load {
    /// The remote-write endpoint
    #[arg(long, default_value = "http://127.0.0.1:9099/api/v1/write")]
    pub url: String,
    /// Process of the server on this machine: its processor time, memory and writes are reported
    #[arg(long)]
    pub pid: Option<u32>,
    /// Seconds after the last answer that still count as the server's work
    #[arg(long, default_value_t = 3)]
    pub settle: u64,
    /// What is written
    #[command(flatten)]
    pub workload: WorkloadArgs,
}

/// `slice`
#[derive(Debug, Args)]
pub struct Slice {
    /// The server to measure
    #[arg(long, default_value = "target/release/nunatak")]
    pub server: PathBuf,
    /// Measure this peer too, on the same work; may be repeated
    #[arg(long = "peer", value_enum)]
    pub peers: Vec<Peer>,
    /// Repetitions; targets alternate, so that a slow moment of the machine slows all
    #[arg(long, default_value_t = 1)]
    pub repeat: usize,
    /// Durabilities of nunatak to measure
    #[arg(long, value_delimiter = ',', default_value = "fsync,os")]
    pub durability: Vec<String>,
    /// Measure the peers alone
    #[arg(long, requires = "peers")]
    pub peers_only: bool,
    /// Processor of the servers; the generator runs on another one
    #[arg(long, default_value_t = 0)]
    pub cpu: usize,
    /// Folder for the data, emptied afterwards
    #[arg(long, default_value = "target/bench")]
    pub work_dir: PathBuf,
    /// Seconds after the last answer that still count as the server's work
    #[arg(long, default_value_t = 3)]
    pub settle: u64,
    /// Folder of benchmarks.md and the JSON beside it
    #[arg(long, default_value = "docs")]
    pub docs: PathBuf,
    /// Print the report as JSON and write no file
    #[arg(long)]
    pub dry_run: bool,
    /// What is written
    #[command(flatten)]
    pub workload: WorkloadArgs,
}

/// `diff`
#[derive(Debug, Args)]
pub struct Diff {
    /// The run before, a JSON file beside docs/benchmarks.md
    pub before: PathBuf,
    /// The run after
    pub after: PathBuf,
    /// Per cent that a median must differ by to count as changed
    #[arg(long, default_value_t = 5.0)]
    pub threshold: f64,
    /// Fail with exit code 1 if a figure became worse beyond the threshold and the noise
    #[arg(long)]
    pub fail_on_worse: bool,
}

/// A system to measure beside nunatak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Peer {
    /// Prometheus with its remote-write receiver
    Prometheus,
    /// VictoriaMetrics, single node
    Victoria,
}
