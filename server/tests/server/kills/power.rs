//! A disk that loses its power: an ext4 in a file that is shut down under the server.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The disk that `scripts/power-loss.sh` has made; the script also does what needs its rights.
#[derive(Debug)]
pub(super) struct Disk {
    script: PathBuf,
    image: PathBuf,
    folder: PathBuf,
}

impl Disk {
    pub(super) fn from_environment() -> Self {
        let path = |name| std::env::var_os(name).map(PathBuf::from).expect("set by the script");
        Self {
            script: path("NUNATAK_POWER_SCRIPT"),
            image: path("NUNATAK_POWER_IMAGE"),
            folder: path("NUNATAK_POWER_FOLDER"),
        }
    }

    /// Where it is mounted.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// From now on nothing reaches the disk, not even the journal of the file system.
    pub(super) fn lose_power(&self) {
        self.run("lose");
    }

    /// Mounts it again, with what has reached it.
    pub(super) fn start_again(&self) {
        self.run("again");
    }

    fn run(&self, what: &str) {
        let status =
            Command::new(&self.script).arg(what).arg(&self.image).arg(&self.folder).status();
        assert!(status.unwrap().success(), "{what}");
    }
}
