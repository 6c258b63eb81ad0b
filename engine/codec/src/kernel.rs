//! The inner loops of the sealed decoders, one implementation for each instruction set.
//!
//! A kernel gets headers that are parsed and checked, and does the part whose time depends on
//! the number of samples. All kernels accept and reject the same bytes and return the same bits;
//! [`Kernel::Scalar`] defines which. A kernel that loads more bytes than it needs must check that
//! the slice has them and otherwise do as the scalar one does: padding makes it faster, it never
//! decides what is valid.

pub(crate) mod scalar;

use crate::error::DecodeError;
use crate::reader::Reader;

/// An instruction set for the sealed decoders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kernel {
    /// Portable code, on every processor: the reference for the others.
    Scalar,
}

/// The header of an integer body: value = (`base` + `scale` · q) / 10^`exponent`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct IntHeader {
    /// The power of ten, 0 to 16.
    pub(crate) exponent: u8,
    /// Whether q is a running sum of `min` + u (order 1) or `min` + u itself (order 0).
    pub(crate) is_delta: bool,
    /// |base| < 2^51.
    pub(crate) base: i64,
    /// 1 to 2^52.
    pub(crate) scale: u64,
    /// The smallest q, or difference of q.
    pub(crate) min: i64,
}

/// The header of a time stream that is not regular.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TimeHeader {
    /// The first time.
    pub(crate) first: i64,
    /// The first difference, or the grid's step; wraps.
    pub(crate) step: u64,
    /// The smallest difference of differences, or residual.
    pub(crate) min: i64,
}

impl Kernel {
    /// Every kernel of this build, the fastest first.
    pub const ALL: &'static [Self] = &[Self::Scalar];

    /// Whether this processor can run it.
    #[must_use]
    pub fn is_available(self) -> bool {
        match self {
            Self::Scalar => true,
        }
    }

    /// Its name in reports: `"scalar"`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Scalar => "scalar",
        }
    }

    /// The fastest kernel that this processor can run.
    #[must_use]
    pub fn detect() -> Self {
        Self::Scalar
    }

    /// This kernel if the processor can run it, else the scalar one.
    pub(crate) fn or_scalar(self) -> Self {
        if self.is_available() { self } else { Self::Scalar }
    }

    /// Appends `n` values of an integer body.
    pub(crate) fn ints(
        self,
        reader: &mut Reader<'_>,
        header: &IntHeader,
        n: usize,
        out: &mut Vec<f64>,
    ) -> Result<(), DecodeError> {
        match self {
            Self::Scalar => scalar::ints(reader, header, n, out),
        }
    }

    /// Appends `n` values of an xor body whose first value is `first`.
    pub(crate) fn xors(
        self,
        reader: &mut Reader<'_>,
        first: u64,
        n: usize,
        out: &mut Vec<f64>,
    ) -> Result<(), DecodeError> {
        match self {
            Self::Scalar => scalar::xors(reader, first, n, out),
        }
    }

    /// Adds residuals to the bit patterns of `values`.
    pub(crate) fn add_ulps(
        self,
        reader: &mut Reader<'_>,
        min: i64,
        values: &mut [f64],
    ) -> Result<(), DecodeError> {
        match self {
            Self::Scalar => scalar::add_ulps(reader, min, values),
        }
    }

    /// Appends `n` values: the next run begins where the bitmap has a bit. The caller has checked
    /// that there are as many runs as the bitmap needs.
    pub(crate) fn expand(self, bitmap: &[u8], runs: &[f64], n: usize, out: &mut Vec<f64>) {
        match self {
            Self::Scalar => scalar::expand(bitmap, runs, n, out),
        }
    }

    /// Appends `n` ≥ 2 times of a delta-of-delta stream.
    pub(crate) fn delta_times(
        self,
        reader: &mut Reader<'_>,
        header: &TimeHeader,
        n: usize,
        out: &mut Vec<i64>,
    ) -> Result<(), DecodeError> {
        match self {
            Self::Scalar => scalar::delta_times(reader, header, n, out),
        }
    }

    /// Appends `n` times of a grid stream.
    pub(crate) fn grid_times(
        self,
        reader: &mut Reader<'_>,
        header: &TimeHeader,
        n: usize,
        out: &mut Vec<i64>,
    ) -> Result<(), DecodeError> {
        match self {
            Self::Scalar => scalar::grid_times(reader, header, n, out),
        }
    }
}
