//! Late samples as bytes of a saved head, and back.
#![deny(clippy::indexing_slicing, reason = "reads bytes that may be hostile")]

use super::{LateSample, LateSamples};
use crate::bytes::{Malformed, Parsed, Reader, put_varint};
use crate::head::series::Part;
use crate::head::series::stored::{Base, Spills, parts, put_parts};

impl LateSamples {
    pub(in crate::head) fn encode(&self, base: Base, out: &mut Vec<u8>) {
        put_parts(base, out, &self.chunks);
        put_varint(out, self.loose.len() as u64);
        for sample in &self.loose {
            base.put_time(out, sample.time);
            base.put_epoch(out, sample.epoch);
            out.extend(sample.value.to_bits().to_le_bytes());
        }
    }

    pub(in crate::head) fn decode(
        &mut self,
        base: Base,
        reader: &mut Reader<'_>,
        spills: &Spills,
    ) -> Parsed<()> {
        self.chunks = parts(base, reader, spills)?;
        for _ in 0..reader.count(1)? {
            let (time, epoch) = (base.time(reader)?, base.epoch(reader)?);
            let value = f64::from_bits(reader.word()?);
            self.loose.push(LateSample { time, value, epoch });
        }
        let in_order = self.loose.is_sorted_by_key(|sample| (sample.time, sample.epoch));
        if in_order { Ok(()) } else { Err(Malformed("late samples are not in order")) }
    }

    /// The chunks of older samples.
    pub(in crate::head) fn parts(&self) -> impl Iterator<Item = &Part> {
        self.chunks.iter()
    }

    pub(in crate::head) fn parts_mut(&mut self) -> impl Iterator<Item = &mut Part> {
        self.chunks.iter_mut()
    }
}
