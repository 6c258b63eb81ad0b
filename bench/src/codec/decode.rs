//! Who decodes: our kernels and the ports of Prometheus' decoders.

use std::hint::black_box;

use nunatak_codec::{Kernel, decode_times_with, decode_values_with, sum_values_with};

use super::data::{Chunk, samples};
use super::encoded::Encoded;
use super::failed;
use super::race::Contestant;
use crate::Result;
use crate::reference::{ReferenceError, xor, xor2};

/// The names of the ports.
pub(super) const XOR: &str = "prometheus_xor";
pub(super) const XOR2: &str = "prometheus_xor2";

/// The kernels of this build that this machine can run, the fastest first.
pub(super) fn kernels() -> impl Iterator<Item = Kernel> {
    Kernel::ALL.iter().copied().filter(|kernel| kernel.is_available())
}

/// Chunks in every form that is decoded.
#[derive(Debug)]
pub(super) struct Forms {
    pub(super) sealed: Encoded,
    pub(super) values: Encoded,
    pub(super) xor: Encoded,
    pub(super) xor2: Encoded,
    samples: usize,
}

/// The buffers that every chunk is decoded to.
#[derive(Debug, Default)]
pub(super) struct Buffers {
    pub(super) times: Vec<i64>,
    pub(super) values: Vec<f64>,
}

impl Buffers {
    fn clear(&mut self) {
        self.times.clear();
        self.values.clear();
    }

    /// Decodes a sealed chunk, its times in front of its values.
    pub(super) fn sealed(&mut self, kernel: Kernel, bytes: &[u8], n: usize) -> Result<()> {
        self.clear();
        let at = decode_times_with(kernel, bytes, n, &mut self.times).map_err(failed)?;
        self.values(kernel, &bytes[at..], n)
    }

    fn values(&mut self, kernel: Kernel, bytes: &[u8], n: usize) -> Result<()> {
        self.values.clear();
        decode_values_with(kernel, bytes, n, &mut self.values).map_err(failed)?;
        Ok(())
    }

    fn reference(&mut self, decode: Decode, bytes: &[u8]) -> Result<()> {
        self.clear();
        decode(bytes, &mut self.times, &mut self.values).map_err(failed)
    }
}

/// A port's decoder.
type Decode = fn(&[u8], &mut Vec<i64>, &mut Vec<f64>) -> std::result::Result<(), ReferenceError>;

impl Forms {
    pub(super) fn of(chunks: &[Chunk<'_>]) -> Result<Self> {
        let forms = Self {
            sealed: Encoded::sealed(chunks)?,
            values: Encoded::values(chunks)?,
            xor: Encoded::xor(chunks)?,
            xor2: Encoded::xor2(chunks)?,
            samples: samples(chunks),
        };
        forms.verify(chunks)?;
        Ok(forms)
    }

    fn references(&self) -> [(&'static str, &Encoded, Decode); 2] {
        [(XOR, &self.xor, xor::decode), (XOR2, &self.xor2, xor2::decode)]
    }

    /// Decodes everything by everyone and compares it bit for bit.
    fn verify(&self, chunks: &[Chunk<'_>]) -> Result<()> {
        let mut buffers = Buffers::default();
        for kernel in kernels() {
            let streams = self.sealed.all_open_ended().zip(self.values.all_open_ended());
            for (chunk, ((sealed, n), (values, _))) in chunks.iter().zip(streams) {
                buffers.sealed(kernel, sealed, n)?;
                check(chunk, &buffers, kernel.name())?;
                buffers.values(kernel, values, n)?;
                check(chunk, &buffers, kernel.name())?;
                check_sum(kernel, values, n)?;
            }
        }
        for (name, encoded, decode) in self.references() {
            for (chunk, bytes) in chunks.iter().zip(encoded.all()) {
                buffers.reference(decode, bytes)?;
                check(chunk, &buffers, name)?;
            }
        }
        Ok(())
    }

    /// Times and values, by every kernel and by the ports.
    pub(super) fn whole(&self) -> Vec<Contestant<'_>> {
        let kernels = kernels().map(|kernel| {
            let mut buffers = Buffers::default();
            Contestant::new(kernel.name(), self.samples, move || {
                for (bytes, n) in self.sealed.all_open_ended() {
                    buffers.sealed(kernel, black_box(bytes), n)?;
                    black_box(&buffers);
                }
                Ok(())
            })
        });
        let references = self.references().map(|(name, encoded, decode)| {
            let mut buffers = Buffers::default();
            Contestant::new(name, self.samples, move || {
                for bytes in encoded.all() {
                    buffers.reference(decode, black_box(bytes))?;
                    black_box(&buffers);
                }
                Ok(())
            })
        });
        kernels.chain(references).collect()
    }

    /// Values alone, by every kernel; the names have `prefix` in front.
    pub(super) fn values_only(&self, prefix: &str) -> Vec<Contestant<'_>> {
        let kernels = kernels().map(|kernel| {
            let mut buffers = Buffers::default();
            Contestant::new(format!("{prefix}{}", kernel.name()), self.samples, move || {
                for (bytes, n) in self.values.all_open_ended() {
                    buffers.values(kernel, black_box(bytes), n)?;
                    black_box(&buffers);
                }
                Ok(())
            })
        });
        kernels.collect()
    }

    /// Sums without an output array, by the fastest kernel.
    pub(super) fn fused_sum(&self, name: &str) -> Contestant<'_> {
        Contestant::new(name, self.samples, move || {
            for (bytes, n) in self.values.all_open_ended() {
                black_box(sum_values_with(Kernel::detect(), black_box(bytes), n).map_err(failed)?);
            }
            Ok(())
        })
    }
}

fn check(chunk: &Chunk<'_>, buffers: &Buffers, name: &str) -> Result<()> {
    if chunk.is(&buffers.times, &buffers.values) {
        Ok(())
    } else {
        Err(failed(format!("{name} does not give back the samples that were encoded")))
    }
}

/// Sums are added up in one order by all kernels.
fn check_sum(kernel: Kernel, bytes: &[u8], n: usize) -> Result<()> {
    let sum = |kernel| sum_values_with(kernel, bytes, n).map_err(failed);
    if sum(kernel)?.to_bits() == sum(Kernel::Scalar)?.to_bits() {
        Ok(())
    } else {
        Err(failed(format!("{} sums otherwise than the scalar kernel", kernel.name())))
    }
}
