//! The arguments of `nunatak import`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// What the input is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, ValueEnum)]
pub enum Format {
    /// Look at names and contents.
    Auto,
    /// InfluxDB line protocol, or what `influx_inspect export` writes.
    Influx,
    /// OpenMetrics text with timestamps in seconds.
    Openmetrics,
    /// Prometheus text 0.0.4 with timestamps in milliseconds.
    PrometheusText,
    /// Block folders of a Prometheus TSDB.
    Prometheus,
}

/// The unit of timestamps in the line protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, ValueEnum)]
pub enum Precision {
    /// Nanoseconds.
    Ns,
    /// Microseconds.
    Us,
    /// Milliseconds.
    Ms,
    /// Seconds.
    S,
}

/// `nunatak import`
#[derive(Debug, Clone, Args)]
pub struct ImportArgs {
    /// Files, folders, or - for standard input; .gz is unpacked
    #[arg(value_name = "PATH", required = true)]
    pub paths: Vec<PathBuf>,
    /// What the input is
    #[arg(long, value_enum, default_value_t = Format::Auto)]
    pub format: Format,
    /// Folder of the database, made if it is missing [default: ./nunatak-data]
    #[arg(long, value_name = "DIR", env = "NUNATAK_DATA_DIR")]
    pub data_dir: Option<PathBuf>,
    /// YAML file of the server; data_dir, memory_budget, retention and the limits on label sets are
    /// used. Upkeep (tiers, final deletes, merges) waits for the server
    #[arg(long, value_name = "FILE", env = "NUNATAK_CONFIG")]
    pub config: Option<PathBuf>,
    /// Memory that the engine may use; an import collects samples in a quarter of it
    /// [default: half of the machine's]
    #[arg(long, value_name = "SIZE", env = "NUNATAK_MEMORY_BUDGET")]
    pub memory_budget: Option<String>,
    /// Import for this tenant
    #[arg(long, value_name = "NAME")]
    pub tenant: Option<String>,
    /// Read and check everything, write nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Count lines that can't be read and go on, instead of stopping at the first one
    #[arg(long)]
    pub skip_invalid: bool,
    /// Import again what was imported before
    #[arg(long)]
    pub again: bool,
    /// After so many samples what was read is made durable, and a repeated import begins behind it:
    /// fewer lose less time to a crash, more are faster and leave larger blocks [default: 200000000]
    #[arg(long, value_name = "N")]
    pub part_samples: Option<u64>,
    /// Line protocol: unit of timestamps
    #[arg(long, value_enum, default_value_t = Precision::Ns)]
    pub precision: Precision,
    /// Line protocol: between measurement and field in a metric's name
    #[arg(long, value_name = "TEXT", default_value = "_")]
    pub separator: String,
    /// Line protocol: put the name of the database, as an export says it, into this label
    #[arg(long, value_name = "LABEL")]
    pub database_label: Option<String>,
}
