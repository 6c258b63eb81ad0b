//! VictoriaMetrics, single node.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::{Target, fetch, fetch_page, package_version, size_at_rest};
use crate::Result;
use crate::client::Client;
use crate::measure::FolderSize;
use crate::question::Question;

/// A real VictoriaMetrics from Debian's packages.
#[derive(Debug, Clone)]
pub struct VictoriaMetrics {
    program: PathBuf,
}

impl VictoriaMetrics {
    /// Fetches it if it is not in the cache.
    ///
    /// # Errors
    /// If it can't be had.
    pub fn new() -> Result<Self> {
        Ok(Self { program: fetch("victoria-metrics")? })
    }
}

impl Target for VictoriaMetrics {
    fn name(&self) -> String {
        "VictoriaMetrics".to_owned()
    }

    fn version(&self) -> Result<String> {
        package_version(&self.program, "-version")
    }

    fn durability(&self) -> String {
        "in the memory of the process, written within seconds".to_owned()
    }

    fn command(&self, data: &Path, port: u16) -> Result<Command> {
        let mut command = Command::new(&self.program);
        command
            .arg(format!("-storageDataPath={}", data.display()))
            .arg(format!("-httpListenAddr=127.0.0.1:{port}"))
            .args(["-retentionPeriod=100y", "-search.disableCache=true", "-loggerLevel=WARN"]);
        Ok(command)
    }

    fn ready_path(&self) -> &'static str {
        "/api/v1/query?query=1"
    }

    fn ask_path(&self, question: &Question) -> Option<String> {
        Some(format!("{}&nocache=1", question.prometheus_path()))
    }

    /// It shows samples some seconds after it has taken them, or when it is told to.
    fn make_visible(&self, client: &Client, base: &str) -> Result<()> {
        fetch_page(client, &format!("{base}/internal/force_flush")).map(drop)
    }

    fn flush(&self, client: &Client, base: &str, data: &Path) -> Result<FolderSize> {
        self.make_visible(client, base)?;
        fetch_page(client, &format!("{base}/internal/force_merge"))?;
        // The merge runs on after the answer.
        size_at_rest(data, Duration::from_secs(3), &|path| path.starts_with("cache"))
    }

    /// It has none.
    fn log_size(&self, _data: &Path) -> Result<FolderSize> {
        Ok(FolderSize::default())
    }
}
