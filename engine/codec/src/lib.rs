//! Chunks of time series: how nunatak keeps samples in memory and on disk.
//!
//! There are two formats, because writing and reading want different things:
//!
//! - An [`OpenChunk`] is appended to, one sample at a time, in about ten nanoseconds and a bit or
//!   a few bytes a sample. Each series in memory has one. It is the bit stream of Gorilla
//!   (Pelkonen et al., VLDB 2015) with one control bit for the commonest case. When it has ended
//!   it is a [`FrozenChunk`].
//! - A **sealed chunk** is written once from two whole columns and read many times. Times and
//!   values are separate streams ([`encode_times`], [`encode_values`]): series that are scraped
//!   together share one time stream, and a reader that has decoded it uses it for all of them.
//!   Control information is apart from bit-packed payload, so that decoding is a handful of loops
//!   without branches, which a [`Kernel`] can run in SIMD registers.
//!
//! Who wants no column but a sum, an extreme or the rise of a counter gives a [`Fold`] to
//! [`fold_values`].
//!
//! Every value comes back bit for bit: NaNs with their payload, −0.0, infinities. Every time is
//! kept as it is; within a chunk they ascend strictly.
//!
//! Bytes are never trusted: decoding what is not a chunk is a [`DecodeError`], never a panic, and
//! never takes more memory than the number of samples asked for, which is at most
//! [`MAX_SAMPLES`]. A byte that was changed may still decode to other samples: checksums belong to
//! the files that hold the chunks. The bytes are described in `docs/format/chunk.md`.
//!
//! ```
//! use nunatak_codec::{OpenChunk, decode_values, encode_values};
//!
//! let mut open = OpenChunk::new();
//! for i in 0..480 {
//!     open.append(1_700_000_000_000 + i * 15_000, 0.25 * (i / 10) as f64)?;
//! }
//! let (mut times, mut values) = (Vec::new(), Vec::new());
//! open.decode_into(&mut times, &mut values)?;
//!
//! let mut sealed = Vec::new();
//! encode_values(&values, &mut sealed)?;
//! assert!(sealed.len() < 80);
//! let mut back = Vec::new();
//! assert_eq!(decode_values(&sealed, 480, &mut back)?, sealed.len());
//! assert_eq!(back, values);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod error;
mod fold;
mod histogram;
mod kernel;
mod open;
mod pack;
mod pfor;
mod reader;
mod times;
mod values;
mod varint;

pub use error::{AppendError, DecodeError, EncodeError};
pub use fold::{
    Counter, Extremes, Fold, Sum, fold_values, fold_values_with, sum_values, sum_values_with,
};
pub use histogram::{Bucket, CUSTOM_SCHEMA, Histogram, ResetHint};
pub use kernel::Kernel;
pub use open::{FrozenChunk, OpenChunk, Samples, decode_open};
pub use times::{decode_times, decode_times_with, encode_times, regular_times};
pub use values::{decode_values, decode_values_with, encode_values, may_be_stale, may_fall};

/// The most samples of a chunk, open or sealed.
pub const MAX_SAMPLES: usize = 4096;

/// The number of samples at which chunks should be sealed: against 120 it saves a few per cent of
/// bytes and of the time to decode; more saves next to nothing.
pub const CHUNK_SAMPLES: usize = 480;

/// Bytes that should follow the last stream of a page, so that kernels can use their fastest loads
/// up to the end. They are never needed for a correct answer.
pub const PADDING: usize = 32;
