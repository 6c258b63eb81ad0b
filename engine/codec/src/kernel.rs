//! The inner loops of the sealed decoders, one implementation for each instruction set.
//!
//! All kernels accept and reject the same bytes and return the same bits. Most of that is by
//! construction: headers are parsed and checked, ranges proved and blocks counted in code that all
//! share, which is generic over [`Blocks`]; an instruction set only says how it does one block of
//! numbers, where nothing can fail any more. [`Kernel::Scalar`] defines what is right.
//!
//! Kernels may load beyond the packed bytes, up to the end of the slice; where it is too short
//! they work on a copy. So padding makes them faster and never decides what is valid.

#[cfg(target_arch = "x86_64")]
mod avx2;
mod blocks;
mod ints;
mod scalar;
#[cfg(target_arch = "x86_64")]
mod short;
mod sink;
#[cfg(target_arch = "x86_64")]
mod x86;

#[cfg(target_arch = "x86_64")]
pub(crate) use avx2::Avx2;
pub(crate) use blocks::{Blocks, LANES, RUN_SLACK, Residuals};
pub(crate) use ints::{IntHeader, Ints};
pub(crate) use scalar::Scalar;
pub(crate) use sink::{SLACK, Scratch, Sink, append};

/// An instruction set for the sealed decoders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kernel {
    /// Portable code, on every processor: the reference for the others.
    Scalar,
    /// Four numbers of 64 bits at a time, on x86-64 with AVX2 and FMA.
    Avx2,
}

impl Kernel {
    /// Every kernel of this build, the fastest first.
    #[cfg(target_arch = "x86_64")]
    pub const ALL: &'static [Self] = &[Self::Avx2, Self::Scalar];
    /// Every kernel of this build, the fastest first.
    #[cfg(not(target_arch = "x86_64"))]
    pub const ALL: &'static [Self] = &[Self::Scalar];

    /// Whether this processor can run it.
    #[must_use]
    pub fn is_available(self) -> bool {
        match self {
            Self::Scalar => true,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => Avx2::detect().is_some(),
            #[cfg(not(target_arch = "x86_64"))]
            Self::Avx2 => false,
        }
    }

    /// Its name in reports, in small letters.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Scalar => "scalar",
            Self::Avx2 => "avx2",
        }
    }

    /// The fastest kernel that this processor can run.
    #[must_use]
    pub fn detect() -> Self {
        let best = Self::ALL.iter().copied().find(|kernel| kernel.is_available());
        best.unwrap_or(Self::Scalar)
    }
}

/// Evaluates an expression with the instruction set of a kernel, or [`Scalar`] if this processor
/// can't run it.
macro_rules! with_blocks {
    ($kernel:expr, $blocks:ident => $result:expr) => {
        'blocks: {
            #[cfg(target_arch = "x86_64")]
            if $kernel == crate::kernel::Kernel::Avx2
                && let Some($blocks) = crate::kernel::Avx2::detect()
            {
                break 'blocks $result;
            }
            let $blocks = crate::kernel::Scalar;
            $result
        }
    };
}
pub(crate) use with_blocks;
