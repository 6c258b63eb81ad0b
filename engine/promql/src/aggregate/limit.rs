//! `limit_ratio`: a part of the series, chosen by the hash of their labels (experimental).

use nunatak_index::Labels;
use xxhash_rust::xxh64::xxh64;

use super::{Param, extremes, has_nan};
use crate::error::{QueryError, Result};
use crate::eval::{Exec, Sink};
use crate::grid::Grid;
use crate::plan::AggregatePlan;

pub(super) fn ratio(
    exec: &Exec,
    plan: &AggregatePlan,
    (ratio, span): Param,
    grid: &Grid,
    sink: Sink,
) -> Result<()> {
    let (min, max) = extremes(ratio);
    if has_nan(ratio) {
        return Err(QueryError::execution("Ratio value is NaN"));
    }
    if max > 1.0 {
        exec.notes.invalid_ratio(max, 1.0, span);
    }
    if min < -1.0 {
        exec.notes.invalid_ratio(min, -1.0, span);
    }
    exec.stream(&plan.input, grid, &mut |row| {
        let offset = hash(&row.labels) as f64 / u64::MAX as f64;
        for step in 0..grid.count {
            if !chosen(ratio.get(step).clamp(-1.0, 1.0), offset) {
                row.column.present.remove(step);
                row.column.histograms.remove(&step);
            }
        }
        if row.column.is_empty() { Ok(()) } else { sink(row) }
    })
}

/// A negative ratio chooses what its positive counterpart (1 + ratio) leaves.
fn chosen(ratio: f64, offset: f64) -> bool {
    if ratio >= 0.0 { offset < ratio } else { offset >= 1.0 + ratio }
}

/// The hash that Prometheus gives a label set: xxh64 of names and values, each after its length.
fn hash(labels: &Labels) -> u64 {
    let mut bytes = Vec::with_capacity(labels.text_len() + 2 * labels.len());
    for text in labels.iter().flat_map(|(name, value)| [name, value]) {
        if text.len() < 255 {
            bytes.push(text.len() as u8);
        } else {
            bytes.push(255);
            bytes.extend_from_slice(&(text.len() as u32).to_le_bytes()[..3]);
        }
        bytes.extend_from_slice(text.as_bytes());
    }
    xxh64(&bytes, 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_and_its_complement_share_all_series() {
        for offset in [0.0, 0.3, 0.4, 0.999] {
            assert_ne!(chosen(0.4, offset), chosen(-0.6, offset));
        }
        assert!(chosen(1.0, 0.5) && chosen(-1.0, 0.5) && !chosen(0.0, 0.0));
    }
}
