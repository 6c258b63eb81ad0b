//! Ports of the codecs that nunatak's is compared with.
//!
//! They are written from the formats, to be as fast as plain Rust makes them: no tricks that
//! Prometheus' own code has no room for, and nothing left out to make them look bad. Both take
//! whole columns; what is encoded can be appended to at any time, as in Prometheus.

mod bits;
pub mod xor;
pub mod xor2;

/// Why bytes are not a chunk, or columns can't be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReferenceError {
    /// The bytes end inside the chunk.
    #[error("the chunk is cut off")]
    Truncated,
    /// A varint has more than 64 bits.
    #[error("a varint of the chunk has more than 64 bits")]
    Varint,
    /// The bits of a value are outside of it.
    #[error("a value of the chunk has {leading} leading zeros and {width} bits")]
    Window {
        /// Leading zeros.
        leading: u32,
        /// Bits behind them.
        width: u32,
    },
    /// The columns are not equally long, or longer than a chunk can say.
    #[error("{times} times and {values} values don't make a chunk")]
    Count {
        /// How many times there are.
        times: usize,
        /// How many values there are.
        values: usize,
    },
    /// The chunk has start timestamps, which the port does not know.
    #[error("the chunk has start timestamps")]
    StartTimestamps,
}

/// The number of samples as chunks store it.
fn count(times: &[i64], values: &[f64]) -> Result<u16, ReferenceError> {
    let error = ReferenceError::Count { times: times.len(), values: values.len() };
    let count = u16::try_from(times.len()).map_err(|_| error)?;
    if times.len() == values.len() { Ok(count) } else { Err(error) }
}

/// Makes room for `n` samples behind the columns' ends and returns it; what a chunk is decoded to.
fn room<'a>(
    n: usize,
    times: &'a mut Vec<i64>,
    values: &'a mut Vec<f64>,
) -> impl Iterator<Item = (&'a mut i64, &'a mut f64)> {
    let (first_time, first_value) = (times.len(), values.len());
    times.resize(first_time + n, 0);
    values.resize(first_value + n, 0.0);
    times.iter_mut().skip(first_time).zip(values.iter_mut().skip(first_value))
}

/// Decodes with `decode`, and leaves the columns as they were if that fails.
fn decode_or_restore(
    times: &mut Vec<i64>,
    values: &mut Vec<f64>,
    decode: impl FnOnce(&mut Vec<i64>, &mut Vec<f64>) -> Result<(), ReferenceError>,
) -> Result<(), ReferenceError> {
    let (times_before, values_before) = (times.len(), values.len());
    let result = decode(times, values);
    if result.is_err() {
        times.truncate(times_before);
        values.truncate(values_before);
    }
    result
}
