//! What a head holds, in bytes.

use super::Head;

impl Head {
    /// Whether a cut would give back a good part of the head: samples, not series, fill it.
    pub(crate) fn is_worth_a_cut(&self) -> bool {
        self.first_needed().is_some() && self.sample_bytes * 4 > self.heap_bytes()
    }

    /// Bytes of everything that the head holds.
    pub(crate) fn heap_bytes(&self) -> usize {
        let HeadBytes { series, labels, postings, samples } = self.bytes();
        series + labels + postings + samples
    }

    /// The same by what they are for.
    pub(crate) fn bytes(&self) -> HeadBytes {
        HeadBytes {
            series: self.slots.heap_bytes()
                + self.index.list_bytes()
                + self.by_labels.allocation_size()
                + self.by_reference.allocation_size()
                + self.aliases.allocation_size(),
            labels: self.index.label_bytes(),
            postings: self.index.heap_bytes() - self.index.label_bytes() - self.index.list_bytes(),
            samples: self.sample_bytes,
        }
    }
}

/// Bytes of a head.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct HeadBytes {
    /// Slots, the tables that find them, and each series' list of pairs.
    pub(crate) series: usize,
    /// Names and values, each once.
    pub(crate) labels: usize,
    /// Which series have which pair.
    pub(crate) postings: usize,
    /// Chunks and loose samples.
    pub(crate) samples: usize,
}
