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
    /// Measure nunatak and its peers on the same work, side by side, and write docs/benchmarks.md
    Compare(Compare),
    /// Compare the JSON files of two runs
    Diff(Diff),
    /// Measure acknowledgements with each durability, over several connections
    Log(Log),
    /// Measure the codec on captured or made samples, beside ports of Prometheus' codecs
    Codec(crate::codec::Arguments),
    /// Measure whether the memory stays within its budget when a label explodes
    Budget(crate::budget::Arguments),
    /// Measure how long a start takes after the process was killed
    Start(crate::start::Arguments),
    /// Measure what the index answers how fast, at any number of series
    Index(crate::index::Arguments),
    /// Measure what an answer with very many series costs the server, the whole request
    Large(crate::large::Arguments),
}

/// `log`
#[derive(Debug, Args)]
pub struct Log {
    /// The server to measure
    #[arg(long, default_value = "target/release/nunatak")]
    pub server: PathBuf,
    /// Numbers of connections; each sends its next request when the last is answered
    #[arg(long, value_delimiter = ',', default_value = "1,8,64")]
    pub connections: Vec<usize>,
    /// Durabilities, which take turns in each round
    #[arg(long, value_delimiter = ',', default_value = "os,fsync,interval")]
    pub durability: Vec<String>,
    /// Rounds
    #[arg(long, default_value_t = 5)]
    pub repeat: usize,
    /// Samples of one load, over all connections
    #[arg(long, default_value_t = 4_000_000)]
    pub samples: usize,
    /// Series
    #[arg(long, default_value_t = 40_000)]
    pub series: usize,
    /// Samples in each remote-write request
    #[arg(long, default_value_t = 2_000)]
    pub samples_per_request: usize,
    /// Folder for the data, on the disk that is meant
    #[arg(long, default_value = "target/bench")]
    pub work_dir: PathBuf,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
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
    /// How much later than due a scrape may be, in milliseconds
    #[arg(long, default_value_t = 0)]
    pub jitter: i64,
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

/// `compare`
#[derive(Debug, Args)]
pub struct Compare {
    /// A smaller run, for a look: a few minutes instead of most of an hour
    #[arg(long)]
    pub quick: bool,
    /// Measure these parts alone; the page then holds only them
    #[arg(long, value_enum, value_delimiter = ',')]
    pub only: Vec<Part>,
    /// The peers to measure
    #[arg(
        long,
        value_enum,
        value_delimiter = ',',
        default_value = "prometheus,victoria-metrics,influxdb"
    )]
    pub peers: Vec<Peer>,
    /// Measure nunatak alone
    #[arg(long, conflicts_with = "peers")]
    pub no_peers: bool,
    /// Durabilities of nunatak; the first one is asked the queries and meets the spike
    #[arg(long, value_delimiter = ',', default_value = "fsync,os")]
    pub durability: Vec<String>,
    /// The server to measure; built from these sources by default
    #[arg(long)]
    pub server: Option<PathBuf>,
    /// Repetitions [default: 3, quick: 1]
    #[arg(long)]
    pub repeat: Option<usize>,
    /// Equal seeds make equal samples
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Time of the first sample in seconds since the epoch; by default so that the last one is now
    #[arg(long)]
    pub start: Option<i64>,
    /// How much later than due a scrape may be, in milliseconds
    #[arg(long, default_value_t = 0)]
    pub jitter: i64,
    /// Captured samples to replay
    #[arg(long, default_value = crate::workload::CAPTURE)]
    pub capture: PathBuf,
    /// Processor of the servers; the generator runs on another one
    #[arg(long, default_value_t = 0)]
    pub cpu: usize,
    /// Ask the queries once more, with so many processors for the servers: the generator shares them
    /// where there are no others
    #[arg(long)]
    pub query_cores: Option<usize>,
    /// Folder for the data, emptied afterwards
    #[arg(long, default_value = "target/bench")]
    pub work_dir: PathBuf,
    /// Folder of benchmarks.md and of the plots and the JSON beside it [default: docs, and the
    /// README is renewed too; of a run that is not whole: target/bench/docs]
    #[arg(long)]
    pub docs: Option<PathBuf>,
    /// Print the report as JSON and write no file
    #[arg(long)]
    pub dry_run: bool,
}

/// A part of the comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// A fleet: ingest, disk, kill -9, starts
    Ingest,
    /// Few series for a day: bytes on disk
    Long,
    /// The captured samples: bytes on disk
    Capture,
    /// Samples that come late
    Late,
    /// Queries of dashboards (writes the data of `ingest` and `long` first)
    Queries,
    /// A cardinality explosion
    Spike,
    /// The codec alone, without a server
    Codec,
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
    VictoriaMetrics,
    /// InfluxDB 1.x
    #[value(name = "influxdb")]
    InfluxDb,
}
