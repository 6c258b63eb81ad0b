//! The default memory budget: half of what the process may use.

use std::fs;

/// Where nothing can be learned about the machine.
const FALLBACK: u64 = 1 << 30;
const LEAST: u64 = 64 << 20;

/// Half of the smaller of the machine's memory and the control group's limit, in bytes.
pub(super) fn default_bytes() -> u64 {
    let machine = fs::read_to_string("/proc/meminfo").ok().and_then(|text| total_memory(&text));
    let group = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"]
        .iter()
        .find_map(|path| fs::read_to_string(path).ok()?.trim().parse::<u64>().ok());
    let smaller = machine.into_iter().chain(group).min().unwrap_or(FALLBACK);
    (smaller / 2).max(LEAST)
}

fn total_memory(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_total() {
        let text = "MemTotal:       24576 kB\nMemFree: 1 kB\n";
        assert_eq!(total_memory(text), Some(24576 * 1024));
        assert_eq!(total_memory("nothing"), None);
    }
}
