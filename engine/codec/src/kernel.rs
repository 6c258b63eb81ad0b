//! The inner loops of the sealed decoders, one implementation for each instruction set.
//!
//! All kernels accept and reject the same bytes and return the same bits. Most of that is by
//! construction: headers are parsed and checked, ranges proved and blocks counted in code that all
//! share, which is generic over [`Blocks`]; an instruction set only says how it does one block of
//! numbers, where nothing can fail any more. [`Kernel::Scalar`] defines what is right.
//!
//! Kernels may load beyond the packed bytes, up to the end of the slice; where it is too short
//! they work on a copy. So padding makes them faster and never decides what is valid.

#[cfg(target_arch = "aarch64")]
mod arm;
#[cfg(target_arch = "x86_64")]
mod avx2;
mod blocks;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
mod groups;
mod ints;
#[cfg(target_arch = "aarch64")]
mod neon;
mod scalar;
mod sink;
#[cfg(target_arch = "x86_64")]
mod sse41;
#[cfg(target_arch = "x86_64")]
mod x86;

#[cfg(target_arch = "x86_64")]
use avx2::Avx2;
pub(crate) use blocks::{Blocks, LANES, RUN_SLACK, Residuals, add_column};
pub(crate) use ints::{IntHeader, Ints};
#[cfg(target_arch = "aarch64")]
use neon::Neon;
pub(crate) use scalar::Scalar;
pub(crate) use sink::{Sink, append, with_room};
#[cfg(target_arch = "x86_64")]
use sse41::Sse41;

/// An instruction set for the sealed decoders.
///
/// All are named in every build, so that a name can be parsed and printed anywhere; only those in
/// [`ALL`](Self::ALL) can be [available](Self::is_available).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kernel {
    /// Portable code, on every processor: the reference for the others.
    Scalar,
    /// Two numbers of 64 bits or four of 32 at a time, on x86-64 with SSE4.1.
    Sse41,
    /// Four numbers of 64 bits or eight of 32 at a time, on x86-64 with AVX2 and FMA.
    Avx2,
    /// Two numbers of 64 bits or four of 32 at a time, on arm64.
    Neon,
}

impl Kernel {
    /// Every kernel of this build, the fastest first.
    pub const ALL: &'static [Self] = if cfg!(target_arch = "x86_64") {
        &[Self::Avx2, Self::Sse41, Self::Scalar]
    } else if cfg!(target_arch = "aarch64") {
        &[Self::Neon, Self::Scalar]
    } else {
        &[Self::Scalar]
    };

    /// Whether this processor can run it.
    #[must_use]
    pub fn is_available(self) -> bool {
        self == Self::Scalar || !matches!(self.or_scalar(), Available::Scalar(_))
    }

    /// Its name in reports: `"scalar"`, `"sse41"`, `"avx2"` or `"neon"`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Scalar => "scalar",
            Self::Sse41 => "sse41",
            Self::Avx2 => "avx2",
            Self::Neon => "neon",
        }
    }

    /// The fastest kernel that this processor can run. Cheap enough for every chunk: the standard
    /// library remembers what the processor has.
    #[must_use]
    #[inline]
    pub fn detect() -> Self {
        let best = Self::ALL.iter().copied().find(|kernel| kernel.is_available());
        best.unwrap_or(Self::Scalar)
    }
}

/// An instruction set that this processor was found to have.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Available {
    Scalar(Scalar),
    #[cfg(target_arch = "x86_64")]
    Sse41(Sse41),
    #[cfg(target_arch = "x86_64")]
    Avx2(Avx2),
    #[cfg(target_arch = "aarch64")]
    Neon(Neon),
}

impl Kernel {
    /// The kernel's instruction set, or the portable one if this processor doesn't have it.
    #[inline]
    pub(crate) fn or_scalar(self) -> Available {
        let available = match self {
            #[cfg(target_arch = "x86_64")]
            Self::Sse41 => Sse41::detect().map(Available::Sse41),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => Avx2::detect().map(Available::Avx2),
            #[cfg(target_arch = "aarch64")]
            Self::Neon => Neon::detect().map(Available::Neon),
            _ => None,
        };
        available.unwrap_or(Available::Scalar(Scalar))
    }
}

/// Evaluates an expression with the [instruction set](Blocks) of a kernel, which has a type of its
/// own: so there is one test for each chunk and the rest is compiled for each set.
macro_rules! with_blocks {
    ($kernel:expr, $blocks:ident => $result:expr) => {
        match $kernel.or_scalar() {
            crate::kernel::Available::Scalar($blocks) => $result,
            #[cfg(target_arch = "x86_64")]
            crate::kernel::Available::Sse41($blocks) => $result,
            #[cfg(target_arch = "x86_64")]
            crate::kernel::Available::Avx2($blocks) => $result,
            #[cfg(target_arch = "aarch64")]
            crate::kernel::Available::Neon($blocks) => $result,
        }
    };
}
pub(crate) use with_blocks;

#[cfg(test)]
mod tests;
