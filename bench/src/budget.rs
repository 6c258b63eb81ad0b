//! `nunatak-bench budget`: does the memory stay within its budget when a label explodes?
//!
//! A real server with a memory budget takes a fleet's scrapes in real time and answers a dashboard.
//! Then another process, at the lowest priority, sends as many new series as it can. Looked at are
//! memory, the dashboard, the steady writes, what was refused, whether every new series is found
//! afterwards, and whether the memory comes back.

mod flood;
mod report;
mod scene;
mod steady;
mod target;

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::output;
use crate::target::Server;
use crate::{Error, Result};
use scene::Scene;
use target::Budgeted;

/// `budget`
#[derive(Debug, Clone, Args)]
pub struct Arguments {
    /// New series
    #[arg(long, default_value_t = 5_000_000)]
    pub series: usize,
    /// Series that are scraped every 15 s all the time
    #[arg(long, default_value_t = 100_000)]
    pub steady: usize,
    /// The server's memory budget, MiB
    #[arg(long, default_value_t = 512)]
    pub budget: u64,
    /// Seconds before the new series come
    #[arg(long, default_value_t = 60)]
    pub calm: u64,
    /// Seconds after they have come
    #[arg(long, default_value_t = 300)]
    pub after: u64,
    /// Connections that send new series
    #[arg(long, default_value_t = 2)]
    pub connections: usize,
    /// New series in each request
    #[arg(long, default_value_t = 2_000)]
    pub per_request: usize,
    /// The server to measure
    #[arg(long, default_value = "target/release/nunatak")]
    pub server: PathBuf,
    /// When a write counts as done
    #[arg(long, default_value = "fsync")]
    pub durability: String,
    /// Pin the server to this processor; by default it may use all
    #[arg(long)]
    pub cpu: Option<usize>,
    /// Folder for the data, emptied afterwards
    #[arg(long, default_value = "target/bench")]
    pub work_dir: PathBuf,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// What the child process does that sends new series: where to.
    #[arg(long, hide = true)]
    pub flood: Option<String>,
}

impl Arguments {
    fn after(&self) -> Duration {
        Duration::from_secs(self.after)
    }
}

/// Runs `budget`.
///
/// # Errors
/// If the server can't be started or goes away. A promise that is not kept is no error: it is in
/// the report.
pub fn run(arguments: &Arguments) -> Result<()> {
    if let Some(url) = &arguments.flood {
        return flood::run(arguments, url);
    }
    std::fs::create_dir_all(&arguments.work_dir).map_err(Error::io("the work folder"))?;
    let folder = tempfile::tempdir_in(&arguments.work_dir).map_err(Error::io("a data folder"))?;
    let target = Budgeted::new(arguments);
    let server = Server::start(&target, &folder.path().join("data"), arguments.cpu.as_slice())?;
    let report = Scene::new(arguments, &server, &target).play()?;
    server.stop()?;
    let text = if arguments.json { output::json(&report)? } else { report.page() };
    output::result(&text)
}
