//! The command line.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// A Prometheus-compatible time-series database.
#[derive(Debug, Parser)]
#[command(name = "nunatak", version, about, arg_required_else_help = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the server; works without any argument.
    #[command(after_help = SERVE_HELP)]
    Serve(ServeArgs),
    /// Ask a running server a PromQL question and print the answer.
    #[command(after_help = QUERY_HELP)]
    Query(QueryArgs),
    /// Import other databases' data into the folder of a stopped server.
    #[command(after_help = IMPORT_HELP)]
    Import(crate::import::ImportArgs),
    /// Make a snapshot of a running server's database, or of a stopped one.
    #[command(after_help = SNAPSHOT_HELP)]
    Snapshot(SnapshotArgs),
    /// Check every byte of a stopped database and print what is damaged.
    #[command(after_help = VERIFY_HELP)]
    Verify(VerifyArgs),
    /// Say what a file or folder of a database is, its version, and what is in it.
    #[command(after_help = INSPECT_HELP)]
    Inspect(InspectArgs),
    /// Check a configuration file, print what would be used, and exit (2 if it can't be used).
    CheckConfig(ServeArgs),
}

const SERVE_HELP: &str = "\
Each setting is taken from its flag, else from its environment variable, else from the file \
(keys are the flags with _ for -; those of --limit-… are in the section limits, as \
limits.active_series), else from the default.

Signals: SIGTERM and SIGINT stop the server cleanly; SIGHUP reads the configuration file again \
(limits and the log level change at once, all else at the next start).
Exit codes: 0 stopped; 1 failed while running; 2 could not start (one line says why).

Then open http://localhost:9099/, or point Prometheus' remote_write or Grafana's Prometheus \
data source at it:
  remote_write:
    - url: http://localhost:9099/api/v1/write";

const QUERY_HELP: &str = "\
Examples:
  nunatak query 'up'
  nunatak query 'sum by (job) (rate(http_requests_total[5m]))' --time 2026-01-31T12:00:00Z
  nunatak query 'up' --start 1769860800 --end 1769864400 --step 1m --output json
  nunatak query 'sum by (job) (rate(http_requests_total[5m]))' --explain

Exit codes: 0 answered; 1 the server refused or can't be reached; 2 bad arguments.";

const IMPORT_HELP: &str = "\
Examples:
  nunatak import --data-dir /var/lib/nunatak /var/lib/prometheus/snapshots/20261128T0700Z
  influx_inspect export -compress -out all.gz … && nunatak import all.gz
  nunatak import --format openmetrics --dry-run metrics.om

An import that was interrupted goes on where it was when the same command is given again; one that is \
done is not done twice (--again does it). It works on the folder of a stopped server; importing into a \
running one (--url) is not built yet. docs/import.md has the whole way from Prometheus and InfluxDB.

Exit codes: 0 imported; 1 stopped by an error (one line says which); 2 bad arguments, or the folder is \
in use; 3 imported, but lines or samples were refused (the summary says which).";

const SNAPSHOT_HELP: &str = "\
It is made of hard links in the folder `snapshots` of the database, in a moment and without \
taking space; it holds all that was acknowledged before. Copy it to another disk (cp -a, rsync): \
a disk that dies takes both. To restore it, start a server on it or on its copy with --data-dir.

The running server needs --enable-admin-api.

Exit codes: 0 made; 1 the server refused or can't be reached; 2 bad arguments.";

const VERIFY_HELP: &str = "\
Nothing is changed. A start puts damaged blocks aside and serves the rest.

Exit codes: 0 clean; 1 something is damaged; 2 could not run (one line says why).";

const INSPECT_HELP: &str = "\
Knows databases, snapshots, logs, segments, checkpoints, blocks and their parts. It changes \
nothing, and may look at a database that a server has open. `nunatak inspect cardinality` says who \
has the most series in a stopped database.

Exit codes: 0 nothing is wrong; 1 something is; 2 the path can't be read.";

/// Settings of the server as the command line and the environment give them.
#[derive(Debug, Clone, Default, Args)]
pub struct ServeArgs {
    /// Folder of the database, made if it is missing [default: ./nunatak-data]
    #[arg(long, value_name = "DIR", env = "NUNATAK_DATA_DIR")]
    pub data_dir: Option<PathBuf>,
    /// Address to listen on; [::] is IPv6 and IPv4 [default: [::]:9099]
    #[arg(long, value_name = "HOST:PORT", env = "NUNATAK_LISTEN")]
    pub listen: Option<String>,
    /// How long samples are kept: 30d, 1y, forever [default: forever]
    #[arg(long, value_name = "DURATION", env = "NUNATAK_RETENTION")]
    pub retention: Option<String>,
    /// The most that blocks may take on the disk: 50GiB; the oldest go first [default: no limit]
    #[arg(long, value_name = "SIZE", env = "NUNATAK_RETENTION_BYTES")]
    pub retention_bytes: Option<String>,
    /// How long a delete can be taken back [default: 1d]
    #[arg(long, value_name = "DURATION", env = "NUNATAK_DELETE_GRACE")]
    pub delete_grace: Option<String>,
    /// Memory that the engine may use: 512MiB, 2GiB [default: half of the machine's]
    #[arg(long, value_name = "SIZE", env = "NUNATAK_MEMORY_BUDGET")]
    pub memory_budget: Option<String>,
    /// When a write counts as done: fsync (survives power loss), interval (survives kill -9, and
    /// power loss but for the last --sync-interval), os (survives kill -9) [default: fsync]
    #[arg(long, value_name = "HOW", env = "NUNATAK_DURABILITY")]
    pub durability: Option<String>,
    /// How often to sync with --durability interval [default: 1s]
    #[arg(long, value_name = "DURATION", env = "NUNATAK_SYNC_INTERVAL")]
    pub sync_interval: Option<String>,
    /// Free space of the disk below which samples are refused and queries go on; 0: never
    /// [default: 64MiB, or half of what the heads hold if that is more]
    #[arg(long, value_name = "SIZE", env = "NUNATAK_LOW_SPACE")]
    pub low_space: Option<String>,
    /// In what time all blocks are read once to find damage: 7d, off [default: 7d]
    #[arg(long, value_name = "DURATION", env = "NUNATAK_SCRUB_INTERVAL")]
    pub scrub_interval: Option<String>,
    /// Age from which blocks get tiers of 5 minutes and an hour for queries over long windows: 7d,
    /// off [default: off]
    #[arg(long, value_name = "DURATION", env = "NUNATAK_DOWNSAMPLE_AFTER")]
    pub downsample_after: Option<String>,
    /// YAML file with settings
    #[arg(long, value_name = "FILE", env = "NUNATAK_CONFIG")]
    pub config: Option<PathBuf>,
    /// Allow /api/v1/admin/… to whoever reaches the port
    #[arg(long, value_name = "BOOL", env = "NUNATAK_ENABLE_ADMIN_API",
          num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    pub enable_admin_api: Option<bool>,
    /// How long a query may take [default: 2m]
    #[arg(long, value_name = "DURATION", env = "NUNATAK_QUERY_TIMEOUT")]
    pub query_timeout: Option<String>,
    /// How many queries may run at once; others wait [default: 20]
    #[arg(long, value_name = "N", env = "NUNATAK_QUERY_CONCURRENCY")]
    pub query_concurrency: Option<usize>,
    /// How many connections there may be at once; others wait [default: 512]
    #[arg(long, value_name = "N", env = "NUNATAK_MAX_CONNECTIONS")]
    pub max_connections: Option<usize>,
    /// How far an instant selector looks back for a sample [default: 5m]
    #[arg(long, value_name = "DURATION", env = "NUNATAK_LOOKBACK_DELTA")]
    pub lookback_delta: Option<String>,
    /// Queries that take longer are logged [default: 5s]
    #[arg(long, value_name = "DURATION", env = "NUNATAK_SLOW_QUERY")]
    pub slow_query: Option<String>,
    /// How log lines look: text, json [default: text]
    #[arg(long, value_name = "FORMAT", env = "NUNATAK_LOG_FORMAT")]
    pub log_format: Option<String>,
    /// What is logged: error, warn, info, debug, trace [default: info]
    #[arg(long, value_name = "LEVEL", env = "NUNATAK_LOG_LEVEL")]
    pub log_level: Option<String>,
    /// Limits that count series.
    #[command(flatten)]
    pub limits: LimitArgs,
}

/// Limits that count series in memory; 0 is no limit. More of them, and those of single tenants,
/// are in the configuration file.
#[derive(Debug, Clone, Default, Args)]
pub struct LimitArgs {
    /// Series in memory; more are refused [default: 0]
    #[arg(long = "limit-active-series", value_name = "N", env = "NUNATAK_LIMIT_ACTIVE_SERIES")]
    pub active_series: Option<u64>,
    /// Series of one metric name in memory [default: 0]
    #[arg(
        long = "limit-series-per-metric",
        value_name = "N",
        env = "NUNATAK_LIMIT_SERIES_PER_METRIC"
    )]
    pub series_per_metric: Option<u64>,
    /// Values of one label name in memory [default: 0]
    #[arg(
        long = "limit-values-per-label",
        value_name = "N",
        env = "NUNATAK_LIMIT_VALUES_PER_LABEL"
    )]
    pub values_per_label: Option<u64>,
    /// New series a second, measured over ten [default: 0]
    #[arg(
        long = "limit-new-series-per-second",
        value_name = "N",
        env = "NUNATAK_LIMIT_NEW_SERIES_PER_SECOND"
    )]
    pub new_series_per_second: Option<u64>,
}

/// What to make a snapshot of.
#[derive(Debug, Args)]
pub struct SnapshotArgs {
    /// The running server
    #[arg(long, env = "NUNATAK_URL", default_value = "http://localhost:9099")]
    pub url: String,
    /// Folder of a database that no server has open, instead of a running server and its --url
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Name of the snapshot [default: the time and a random number]
    #[arg(long)]
    pub name: Option<String>,
}

/// What to verify.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// Folder of the database, or of a snapshot; no server may have it open
    #[arg(long, value_name = "DIR", env = "NUNATAK_DATA_DIR", default_value = "./nunatak-data")]
    pub data_dir: PathBuf,
}

/// What to inspect.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct InspectArgs {
    /// A file or a folder
    #[arg(required = true)]
    pub path: Option<PathBuf>,
    /// A question to a whole database.
    #[command(subcommand)]
    pub question: Option<InspectQuestion>,
}

/// What may be asked about a whole database.
#[derive(Debug, Subcommand)]
pub enum InspectQuestion {
    /// Which metrics, labels and pairs have the most series, in memory and in each window of blocks
    Cardinality(CardinalityArgs),
}

/// Whose series are counted.
#[derive(Debug, Args)]
pub struct CardinalityArgs {
    /// Folder of the database; no server may have it open. It is opened as a start does it
    #[arg(long, value_name = "DIR", env = "NUNATAK_DATA_DIR", default_value = "./nunatak-data")]
    pub data_dir: PathBuf,
    /// The tenant
    #[arg(long, default_value = "default")]
    pub tenant: String,
    /// Lines of each list
    #[arg(long, default_value_t = 10)]
    pub limit: usize,
}

/// How an answer is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// A table for people.
    Table,
    /// The server's reply as it is.
    Json,
}

/// A question to a running server.
#[derive(Debug, Args)]
pub struct QueryArgs {
    /// The PromQL expression
    #[arg(value_name = "EXPR")]
    pub expr: String,
    /// The server
    #[arg(long, env = "NUNATAK_URL", default_value = "http://localhost:9099")]
    pub url: String,
    /// Ask for this time: seconds since 1970, or RFC 3339 [default: now]
    #[arg(long, conflicts_with_all = ["start", "end", "step"])]
    pub time: Option<String>,
    /// Ask for a range that begins here [default: an hour before the end]
    #[arg(long)]
    pub start: Option<String>,
    /// End of the range [default: now]
    #[arg(long)]
    pub end: Option<String>,
    /// Distance of the range's points: 15s, 1m, or seconds [default: 1m]
    #[arg(long)]
    pub step: Option<String>,
    /// How the answer is printed
    #[arg(long, value_enum, default_value_t = Output::Table)]
    pub output: Output,
    /// Print the plan, and what each of its operators did and took, instead of the answer
    #[arg(long)]
    pub explain: bool,
}

/// One line for what clap has to say, without usage and colours.
#[must_use]
pub fn one_line(error: &clap::Error) -> String {
    let text = error.to_string();
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let mut line = lines.next().unwrap_or("bad arguments").trim_start_matches("error: ").to_owned();
    for more in lines {
        if let Some(tip) = more.strip_prefix("tip: ") {
            let _ = write!(line, "; {tip}");
        } else if more.starts_with(['-', '<', '[']) {
            let _ = write!(line, " {more}");
        }
    }
    line
}
