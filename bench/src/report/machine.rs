//! The machine that a figure was measured on.

use std::fs::read_to_string;

use serde::{Deserialize, Serialize};

/// What matters of a machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// Model of the processor.
    pub processor: String,
    /// Processors that this process may use.
    pub processors: usize,
    /// Memory, MiB.
    pub memory_mib: u64,
    /// Kernel and its release.
    pub kernel: String,
    /// File system of the work folder.
    pub file_system: String,
}

impl Machine {
    /// This one, with the file system that holds `folder`.
    #[must_use]
    pub fn this(folder: &std::path::Path) -> Self {
        let information = read_to_string("/proc/cpuinfo").unwrap_or_default();
        let memory = read_to_string("/proc/meminfo").unwrap_or_default();
        let kernel = read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        let number = after(&memory, "MemTotal").and_then(|text| text.split(' ').next());
        Self {
            processor: after(&information, "model name").unwrap_or("unknown").to_owned(),
            processors: std::thread::available_parallelism().map_or(1, usize::from),
            memory_mib: number.and_then(|text| text.parse::<u64>().ok()).unwrap_or(0) / 1_024,
            // Only the release: the rest of it names the machine.
            kernel: format!("Linux {}", kernel.split('-').next().unwrap_or_default().trim()),
            file_system: file_system(folder),
        }
    }
}

fn after<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let line = text.lines().find(|line| line.starts_with(name))?;
    line.split_once(':').map(|(_, value)| value.trim())
}

/// The type of the innermost mount that holds `folder`.
fn file_system(folder: &std::path::Path) -> String {
    let Ok(folder) = folder.canonicalize() else { return "unknown".to_owned() };
    let mounts = read_to_string("/proc/mounts").unwrap_or_default();
    mounts
        .lines()
        .filter_map(|line| {
            let mut fields = line.split(' ').skip(1);
            Some((fields.next()?, fields.next()?))
        })
        .filter(|(mount, _)| folder.starts_with(mount))
        .max_by_key(|(mount, _)| mount.len())
        .map_or_else(|| "unknown".to_owned(), |(_, kind)| kind.to_owned())
}
