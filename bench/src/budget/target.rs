//! nunatak with a memory budget.

use std::path::Path;
use std::process::Command;

use super::Arguments;
use crate::Result;
use crate::client::Client;
use crate::measure::FolderSize;
use crate::target::{Nunatak, Target};

/// The server of this repository with a memory budget.
#[derive(Debug)]
pub(super) struct Budgeted {
    server: Nunatak,
    bytes: u64,
}

impl Budgeted {
    pub(super) fn new(arguments: &Arguments) -> Self {
        let (program, durability) = (arguments.server.clone(), arguments.durability.clone());
        Self { server: Nunatak { program, durability }, bytes: arguments.budget << 20 }
    }
}

impl Target for Budgeted {
    fn name(&self) -> String {
        self.server.name()
    }

    fn is_ours(&self) -> bool {
        true
    }

    fn version(&self) -> Result<String> {
        self.server.version()
    }

    fn durability(&self) -> String {
        self.server.durability()
    }

    fn command(&self, data: &Path, port: u16) -> Result<Command> {
        let mut command = self.server.command(data, port)?;
        command.args(["--memory-budget", &format!("{}MiB", self.bytes >> 20)]);
        Ok(command)
    }

    fn flush(&self, client: &Client, base: &str, data: &Path) -> Result<FolderSize> {
        self.server.flush(client, base, data)
    }

    fn log_size(&self, data: &Path) -> Result<FolderSize> {
        self.server.log_size(data)
    }
}
