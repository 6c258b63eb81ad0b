//! The server under test, as a process of its own.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::process::{Process, free_port};
use super::web::{Web, wait_for};

/// A running `nunatak serve`; keeps its port and folder over restarts.
#[derive(Debug)]
pub(crate) struct Nunatak {
    process: Process,
    folder: PathBuf,
    address: String,
    base: String,
}

impl Nunatak {
    pub(crate) fn start(folder: &Path) -> Self {
        let address = format!("127.0.0.1:{}", free_port());
        let base = format!("http://{address}");
        let process = serve(folder, &address);
        let mut this = Self { process, folder: folder.to_path_buf(), address, base };
        this.wait_until_ready();
        this
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    pub(crate) fn kill(&mut self) {
        self.process.assert_running();
        self.process.kill();
    }

    pub(crate) fn restart(&mut self) {
        self.process = serve(&self.folder, &self.address);
        self.wait_until_ready();
    }

    fn wait_until_ready(&mut self) {
        let url = format!("{}/-/ready", self.base);
        let (web, process) = (Web::default(), &mut self.process);
        wait_for("nunatak to be ready", Duration::from_secs(30), || {
            process.assert_running();
            web.get(&url).ok()
        });
    }
}

fn serve(folder: &Path, address: &str) -> Process {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nunatak"));
    command.arg("serve").arg("--data-dir").arg(folder.join("nunatak")).args(["--listen", address]);
    Process::start(command, &folder.join("nunatak.log"))
}
