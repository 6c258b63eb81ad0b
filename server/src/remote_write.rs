//! Prometheus remote write 1.0: a snappy block around a protobuf `WriteRequest`.
//!
//! The decoder walks the message once and borrows from it: the labels of a series are handed on
//! as the raw bytes that the sender wrote, and are only parsed when the [`Sink`] does not know
//! them. Nothing is allocated for a sample.
//!
//! Specification: <https://prometheus.io/docs/specs/prw/remote_write_spec/>.

mod decode;
mod snappy;
mod wire;

pub use decode::{Counts, Scratch, Sink, decode};
pub use snappy::{SnappyError, unpack};
pub use wire::DecodeError;

/// What a sender says about a metric family.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FamilyMetadata<'a> {
    /// Name of the metric family.
    pub name: std::borrow::Cow<'a, str>,
    /// `counter`, `gauge`, … or `unknown`.
    pub kind: &'static str,
    /// What it measures, in words.
    pub help: std::borrow::Cow<'a, str>,
    /// Its unit.
    pub unit: std::borrow::Cow<'a, str>,
}
