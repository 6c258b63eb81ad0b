//! VictoriaMetrics, single node.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Target, fetch, package_version};
use crate::client::Client;
use crate::measure::{FolderSize, folder_size};
use crate::{Error, Result};

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
        package_version(&self.program)
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

    fn flush(&self, client: &Client, base: &str, data: &Path) -> Result<FolderSize> {
        for path in ["/internal/force_flush", "/internal/force_merge"] {
            let answer = client.get(&format!("{base}{path}"))?;
            if !answer.is_ok() {
                return Err(Error::Target(format!("{base}{path}: {answer}")));
            }
        }
        // The merge runs on after the answer: wait until the size stands still.
        let skip = |path: &Path| path.starts_with("cache");
        let mut last = folder_size(data, &skip)?;
        loop {
            std::thread::sleep(std::time::Duration::from_secs(3));
            let now = folder_size(data, &skip)?;
            if now == last {
                return Ok(now);
            }
            last = now;
        }
    }

    /// It has none.
    fn log_size(&self, _data: &Path) -> Result<FolderSize> {
        Ok(FolderSize::default())
    }
}
