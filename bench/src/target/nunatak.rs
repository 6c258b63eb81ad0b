//! nunatak itself.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Target, ask, first_line};
use crate::Result;
use crate::client::Client;
use crate::measure::{FolderSize, Parts, folder_size, parts};

/// The server of this repository, with one durability.
#[derive(Debug, Clone)]
pub struct Nunatak {
    /// The program.
    pub program: PathBuf,
    /// `fsync`, `interval` or `os`.
    pub durability: String,
}

/// The folder of the log inside the data folder.
const LOG: &str = "log";

impl Target for Nunatak {
    fn name(&self) -> String {
        format!("nunatak ({})", self.durability)
    }

    fn is_ours(&self) -> bool {
        true
    }

    fn version(&self) -> Result<String> {
        first_line(&self.program, "--version")
    }

    fn durability(&self) -> String {
        match self.durability.as_str() {
            "fsync" => "synced to the disk".to_owned(),
            "os" => "written to the operating system".to_owned(),
            other => other.to_owned(),
        }
    }

    fn command(&self, data: &Path, port: u16) -> Result<Command> {
        let mut command = Command::new(&self.program);
        command
            .arg("serve")
            .arg("--data-dir")
            .arg(data)
            .args(["--listen", &format!("127.0.0.1:{port}")])
            .args(["--durability", &self.durability])
            .arg("--enable-admin-api");
        Ok(command)
    }

    fn flush(&self, client: &Client, base: &str, data: &Path) -> Result<FolderSize> {
        ask(client, &format!("{base}/api/v1/admin/tsdb/flush"))?;
        folder_size(data, &|path| path.starts_with(LOG))
    }

    fn parts(&self, data: &Path) -> Result<Option<Parts>> {
        parts(data).map(Some)
    }

    fn log_size(&self, data: &Path) -> Result<FolderSize> {
        folder_size(data, &|path| !path.starts_with(LOG))
    }
}
