//! Chooses widths and writes blocks.
#![expect(clippy::indexing_slicing, reason = "nothing here is hostile, and a width is at most 64")]

use super::{BLOCK, MAX_PATCHES, PATCHED};
use crate::MAX_SAMPLES;
use crate::pack::{MAX_WIDTH, pack, packed_len, stored_width, width_of};

/// How a block is stored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Header {
    /// Bits of a packed value: 0 to 57, or 64.
    width: u8,
    /// Values that have a high part, 0 to [`MAX_PATCHES`].
    patches: u8,
    /// Bytes of a high part: 1 to 8, or 0 without patches.
    high_bytes: u8,
}

impl Header {
    /// The cheapest way to store `block`.
    fn best(block: &[u64]) -> Self {
        let histogram = histogram(block);
        let widest = histogram.iter().rposition(|&count| count > 0).unwrap_or(0) as u8;
        let mut best = Self { width: stored_width(widest.into()) as u8, patches: 0, high_bytes: 0 };
        let mut best_len = best.len(block.len());
        let mut patches = 0;
        for width in (0..widest).rev() {
            patches += histogram[usize::from(width) + 1];
            if patches > MAX_PATCHES {
                break;
            }
            let candidate = Self { width, patches, high_bytes: (widest - width).div_ceil(8) };
            let len = candidate.len(block.len());
            if len < best_len && u32::from(width) <= MAX_WIDTH {
                (best, best_len) = (candidate, len);
            }
        }
        best
    }

    /// Bytes of a block of `count` values with its header.
    fn len(self, count: usize) -> usize {
        let header = if self.patches > 0 { 2 } else { 1 };
        let patch = 1 + usize::from(self.high_bytes);
        header + packed_len(self.width.into(), count) + usize::from(self.patches) * patch
    }

    fn write(self, block: &[u64], out: &mut Vec<u8>) {
        let Self { width, patches, high_bytes } = self;
        if patches == 0 {
            out.push(width);
            pack(block.iter().copied(), width.into(), out);
            return;
        }
        out.extend([width | PATCHED, (high_bytes - 1) << 5 | (patches - 1)]);
        pack(block.iter().copied(), width.into(), out);
        for (position, &value) in block.iter().enumerate() {
            let high = value >> width;
            if high > 0 {
                out.push(position as u8);
                out.extend(high.to_le_bytes().iter().take(high_bytes.into()));
            }
        }
    }
}

/// How many values have each width.
fn histogram(block: &[u64]) -> [u8; 65] {
    // Two of them: neighbours mostly have one width, and to count up the same number again at
    // once has to wait for the store before.
    let (mut even, mut odd) = ([0u8; 65], [0u8; 65]);
    let (pairs, rest) = block.as_chunks::<2>();
    for &[a, b] in pairs {
        even[width_of(a) as usize] += 1;
        odd[width_of(b) as usize] += 1;
    }
    for &value in rest {
        even[width_of(value) as usize] += 1;
    }
    even.iter_mut().zip(odd).for_each(|(even, odd)| *even += odd);
    even
}

/// How all blocks of a stream are stored: found once, for its length and for writing it.
#[derive(Debug)]
pub(crate) struct Plan {
    headers: [Header; MAX_SAMPLES / BLOCK],
    /// Bytes that [`write`](Self::write) appends.
    pub(crate) len: usize,
}

impl Plan {
    /// The cheapest way to store `values`, of which there are at most [`MAX_SAMPLES`].
    pub(crate) fn of(values: &[u64]) -> Self {
        let mut plan = Self { headers: [Header::default(); MAX_SAMPLES / BLOCK], len: 0 };
        for (header, block) in plan.headers.iter_mut().zip(values.chunks(BLOCK)) {
            *header = Header::best(block);
            plan.len += header.len(block.len());
        }
        plan
    }

    /// Appends `values`, which are those of the plan.
    pub(crate) fn write(&self, values: &[u64], out: &mut Vec<u8>) {
        for (header, block) in self.headers.iter().zip(values.chunks(BLOCK)) {
            header.write(block, out);
        }
    }
}

/// Appends `values` in blocks of [`BLOCK`].
#[cfg(test)]
pub(crate) fn write(values: &[u64], out: &mut Vec<u8>) {
    Plan::of(values).write(values, out);
}
