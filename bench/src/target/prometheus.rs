//! Prometheus with its remote-write receiver.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Target, ask, fetch, package_version};
use crate::client::Client;
use crate::measure::{FolderSize, folder_size};
use crate::{Error, Result};

/// A real Prometheus from Debian's packages.
#[derive(Debug, Clone)]
pub struct Prometheus {
    program: PathBuf,
}

impl Prometheus {
    /// Fetches it if it is not in the cache.
    ///
    /// # Errors
    /// If it can't be had.
    pub fn new() -> Result<Self> {
        Ok(Self { program: fetch("prometheus")? })
    }
}

impl Target for Prometheus {
    fn name(&self) -> String {
        "Prometheus".to_owned()
    }

    fn version(&self) -> Result<String> {
        package_version(&self.program, "--version")
    }

    fn durability(&self) -> String {
        "written to the operating system".to_owned()
    }

    fn command(&self, data: &Path, port: u16) -> Result<Command> {
        let config = data.with_extension("yml");
        // As late as nunatak takes samples by default.
        let text =
            "global: {scrape_interval: 15s}\nstorage: {tsdb: {out_of_order_time_window: 1h}}\n";
        std::fs::write(&config, text).map_err(Error::io(config.display().to_string()))?;
        let mut command = Command::new(&self.program);
        command
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", data.display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .args(["--web.enable-remote-write-receiver", "--web.enable-admin-api"])
            .args(["--storage.tsdb.retention.time=100y", "--log.level=warn"]);
        Ok(command)
    }

    /// There is no flush; a snapshot writes the head as a block, and its size is what counts.
    fn flush(&self, client: &Client, base: &str, data: &Path) -> Result<FolderSize> {
        ask(client, &format!("{base}/api/v1/admin/tsdb/snapshot"))?;
        let snapshots = data.join("snapshots");
        let size = folder_size(&snapshots, &|_| false)?;
        // A restart is to find what it would find without the snapshot.
        std::fs::remove_dir_all(&snapshots).map_err(Error::io(snapshots.display().to_string()))?;
        Ok(size)
    }

    fn log_size(&self, data: &Path) -> Result<FolderSize> {
        folder_size(data, &|path| !(path.starts_with("wal") || path.starts_with("wbl")))
    }
}
