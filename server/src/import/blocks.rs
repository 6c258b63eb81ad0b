//! Reads a block of Prometheus.

use super::ImportError;
use super::job::Reader;
use super::prometheus::{BlockFolder, BlockReader, BlockSeries};
use super::sink::Sink;

/// Reads the series of a block from number `first` on.
pub(super) fn read<S: Sink>(
    reader: &mut Reader<'_, S>,
    block: &BlockFolder,
    first: u64,
) -> Result<(), ImportError> {
    let mut source = BlockReader::open(block, first as usize)?;
    let mut series = BlockSeries::default();
    while source.read(&mut series)? {
        reader.push_series(&series.labels, &series.times, &series.values)?;
        reader.commit_if_full(source.position() as u64, 0)?;
    }
    let skipped = source.skipped();
    reader.note_skipped(&block.ulid, skipped);
    Ok(())
}
