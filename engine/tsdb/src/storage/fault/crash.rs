//! What is left after a crash.

use super::super::tree::{Bytes, Change, Names, Tree};

/// How the process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Crash {
    /// Killed: everything that was written to the operating system survives, but it is no more on
    /// the disk than before: a power loss that follows may still take it.
    Process,
    /// Without power: what was synced survives, of the rest any part, torn and out of order.
    PowerLoss,
}

/// Chance by seed: SplitMix64 (Steele, Lea and Flood 2014).
#[derive(Debug)]
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `limit`; 0 if that is 0.
    pub(super) fn below(&mut self, limit: u64) -> u64 {
        self.next().checked_rem(limit).unwrap_or(0)
    }

    /// True once in `times`.
    pub(super) fn chance(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }
}

/// Turns the tree into what the next process finds.
pub(super) fn survive(tree: &mut Tree, crash: Crash, random: &mut Random) {
    if crash == Crash::Process {
        return tree.reopen();
    }
    for bytes in tree.files.values_mut() {
        lose_bytes(bytes, random);
    }
    let names = tree.folders.values().flat_map(|names| &names.changes);
    let mut numbers: Vec<u64> = names.map(|change| change.number).collect();
    numbers.sort_unstable();
    numbers.dedup();
    let style = random.below(3);
    numbers.retain(|_| match style {
        0 => true,
        1 => false,
        _ => random.chance(2),
    });
    for names in tree.folders.values_mut() {
        keep_names(names, &numbers);
    }
    tree.restart();
}

fn keep_names(names: &mut Names, numbers: &[u64]) {
    for change in std::mem::take(&mut names.changes) {
        if numbers.binary_search(&change.number).is_ok() {
            change.apply(&mut names.durable);
        }
    }
}

/// Decides about the unsynced changes of one file: none, all, some of the first, or all with
/// stretches that never reached the disk.
fn lose_bytes(bytes: &mut Bytes, random: &mut Random) {
    match random.below(4) {
        0 => bytes.changes.clear(),
        1 => bytes.sync(),
        2 => tear(bytes, random),
        _ => lose_pages(bytes, random),
    }
}

/// Keeps the first changes and a part of the next one.
fn tear(bytes: &mut Bytes, random: &mut Random) {
    let keep = random.below(bytes.changes.len() as u64 + 1) as usize;
    for (i, change) in std::mem::take(&mut bytes.changes).into_iter().enumerate().take(keep + 1) {
        match change {
            Change::Append(mut more) if i == keep => {
                more.truncate(random.below(more.len() as u64 + 1) as usize);
                Change::Append(more).apply(&mut bytes.durable);
            }
            Change::Truncate(_) if i == keep => {}
            whole => whole.apply(&mut bytes.durable),
        }
    }
}

/// Keeps every length, but of each append perhaps a stretch is zeros or rubbish.
pub(super) fn lose_pages(bytes: &mut Bytes, random: &mut Random) {
    for mut change in std::mem::take(&mut bytes.changes) {
        if let Change::Append(more) = &mut change
            && random.chance(2)
        {
            let start = random.below(more.len() as u64) as usize;
            let len = 1 + random.below((more.len() - start) as u64) as usize;
            let rubbish = random.chance(2);
            for byte in more.iter_mut().skip(start).take(len) {
                *byte = if rubbish { random.next() as u8 } else { 0 };
            }
        }
        change.apply(&mut bytes.durable);
    }
}
