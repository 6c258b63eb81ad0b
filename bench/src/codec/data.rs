//! The samples that are measured, cut into chunks.

use crate::workload::Capture;

/// Samples of several series.
#[derive(Debug, Clone)]
pub(super) struct DataSet {
    pub(super) columns: Vec<Column>,
}

/// Samples of one series; both columns are equally long.
#[derive(Debug, Clone)]
pub(super) struct Column {
    /// Strictly ascending.
    pub(super) times: Vec<i64>,
    pub(super) values: Vec<f64>,
}

/// Neighbouring samples of one series, at least one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Chunk<'a> {
    pub(super) times: &'a [i64],
    pub(super) values: &'a [f64],
}

impl DataSet {
    pub(super) fn of_capture(capture: &Capture) -> Self {
        let columns = capture
            .series
            .iter()
            .map(|series| Column { times: series.times.clone(), values: series.values.clone() });
        Self { columns: columns.collect() }
    }

    /// Every `k`-th sample of each series.
    pub(super) fn every(&self, k: usize) -> Self {
        let columns = self.columns.iter().map(|column| Column {
            times: column.times.iter().step_by(k).copied().collect(),
            values: column.values.iter().step_by(k).copied().collect(),
        });
        Self { columns: columns.collect() }
    }

    /// Chunks of at most `size` samples, series by series.
    pub(super) fn chunks(&self, size: usize) -> Vec<Chunk<'_>> {
        let chunks = self.columns.iter().flat_map(|column| {
            let parts = column.times.chunks(size).zip(column.values.chunks(size));
            parts.map(|(times, values)| Chunk { times, values })
        });
        chunks.collect()
    }
}

impl Chunk<'_> {
    /// Whether all values are the same by bits.
    pub(super) fn is_constant(&self) -> bool {
        self.values.windows(2).all(|pair| pair[0].to_bits() == pair[1].to_bits())
    }

    /// Whether these columns are its own, bit for bit.
    pub(super) fn is(&self, times: &[i64], values: &[f64]) -> bool {
        let same = |(a, b): (&f64, &f64)| a.to_bits() == b.to_bits();
        self.times == times
            && self.values.len() == values.len()
            && self.values.iter().zip(values).all(same)
    }
}

/// Samples in all chunks.
pub(super) fn samples(chunks: &[Chunk<'_>]) -> usize {
    chunks.iter().map(|chunk| chunk.values.len()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_hold_every_sample_once() {
        let column = |n: i32| Column {
            times: (0..i64::from(n)).collect(),
            values: (0..n).map(f64::from).collect(),
        };
        let data = DataSet { columns: vec![column(5), column(2)] };
        let chunks = data.chunks(2);
        let lens: Vec<_> = chunks.iter().map(|chunk| chunk.values.len()).collect();
        assert_eq!(lens, [2, 2, 1, 2]);
        assert_eq!(samples(&chunks), 7);
        assert_eq!(data.every(2).columns[0].times, [0, 2, 4]);
    }

    #[test]
    fn zeros_of_either_sign_are_not_constant() {
        let chunk = |values| Chunk { times: &[1, 2], values };
        assert!(!chunk(&[0.0, -0.0]).is_constant());
        assert!(chunk(&[f64::NAN, f64::NAN]).is_constant());
        assert!(!chunk(&[0.0, 1.0]).is(&[1, 2], &[-0.0, 1.0]));
    }
}
