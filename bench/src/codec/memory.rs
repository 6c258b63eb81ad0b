//! What an open chunk takes in memory.

use nunatak_codec::OpenChunk;

use super::data::DataSet;
use super::failed;
use crate::Result;

/// Samples at which a head ends a chunk.
const SAMPLES: usize = 120;

/// Mean bytes of an open chunk while it fills up to 120 samples, its state and its room included,
/// the allocator's own bytes not; none if no series has 120 samples.
pub(super) fn open_chunk_bytes(data: &DataSet) -> Result<Option<f64>> {
    let (mut bytes, mut moments) = (0, 0);
    for chunk in data.chunks(SAMPLES).iter().filter(|chunk| chunk.times.len() == SAMPLES) {
        let mut open = OpenChunk::new();
        for (&time, &value) in chunk.times.iter().zip(chunk.values) {
            open.append(time, value).map_err(failed)?;
            bytes += size_of::<OpenChunk>() + open.heap_bytes();
            moments += 1;
        }
    }
    Ok((moments > 0).then(|| bytes as f64 / f64::from(moments)))
}
