//! Integers: common divisor, differences if they are smaller, PFOR.

use super::decimal::Decimals;
use super::divisor::Divisor;
use super::kind;
use crate::kernel::IntHeader;
use crate::pack::width_of;
use crate::{pfor, varint};

/// Plain integers are not tried if differences are so many bits narrower.
const CLEARLY_NARROWER: u32 = 3;

/// Integers ready to be written.
#[derive(Debug)]
pub(super) struct IntPlan {
    header: IntHeader,
    numbers: Numbers,
}

impl IntPlan {
    /// The cheaper of differences and plain integers. All of `ints` are below 2^51 in size, so
    /// that nothing here overflows.
    pub(super) fn new(ints: &[i64], exponent: u8) -> Self {
        let first = ints[0];
        let divisor = Divisor::common(ints.iter().map(|&int| int.abs_diff(first)));
        let min = ints.iter().copied().min().unwrap_or(first);
        let max = ints.iter().copied().max().unwrap_or(first);
        // The first difference is 0 once the smallest is taken off.
        let deltas = ints.windows(2).map(|pair| divisor.divide(pair[1] - pair[0]));
        let delta_min = deltas.clone().min().unwrap_or(0);
        let later = deltas.map(|delta| (delta - delta_min) as u64);
        let deltas: Vec<u64> = std::iter::once(0).chain(later).collect();
        let delta = Numbers::new(deltas);
        let header = IntHeader {
            exponent,
            is_delta: true,
            base: first,
            scale: divisor.get(),
            min: delta_min,
        };
        let delta = Self { header, numbers: delta };
        let spread = width_of(divisor.divide(max - min) as u64);
        if width_of(delta.numbers.max()) + CLEARLY_NARROWER <= spread {
            return delta;
        }
        let plain = ints.iter().map(|&int| divisor.divide(int - min) as u64);
        let header = IntHeader { is_delta: false, base: min, min: 0, ..header };
        let plain = Self { header, numbers: Numbers::new(plain.collect()) };
        if delta.len() < plain.len() { delta } else { plain }
    }

    /// The bits that this adds to the kind.
    pub(super) fn kind(&self) -> u8 {
        let delta = if self.header.is_delta { kind::DELTA } else { 0 };
        delta | if self.decimal() == 0 { 0 } else { kind::DECIMAL }
    }

    /// The byte with the power of ten; 0 if there is nothing to be said.
    fn decimal(&self) -> u8 {
        self.header.exponent | if self.header.scale == 1 { 0 } else { kind::SCALED }
    }

    /// Bytes that [`write`](Self::write) appends.
    pub(super) fn len(&self) -> usize {
        let IntHeader { base, scale, min, is_delta, .. } = self.header;
        usize::from(self.decimal() != 0)
            + varint::signed_len(base)
            + if scale == 1 { 0 } else { varint::len(scale) }
            + if is_delta { varint::signed_len(min) } else { 0 }
            + self.numbers.plan.len
    }

    /// Appends header and integers.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let header = &self.header;
        if self.decimal() != 0 {
            out.push(self.decimal());
        }
        varint::write_signed(header.base, out);
        if header.scale != 1 {
            varint::write(header.scale, out);
        }
        if header.is_delta {
            varint::write_signed(header.min, out);
        }
        self.numbers.write(out);
    }
}

/// Numbers and how they are packed.
#[derive(Debug)]
pub(super) struct Numbers {
    numbers: Vec<u64>,
    plan: pfor::Plan,
}

impl Numbers {
    pub(super) fn new(numbers: Vec<u64>) -> Self {
        let plan = pfor::Plan::of(&numbers);
        Self { numbers, plan }
    }

    /// Bytes that [`write`](Self::write) appends.
    pub(super) fn len(&self) -> usize {
        self.plan.len
    }

    /// The bits of all numbers together: as wide as the largest one.
    fn max(&self) -> u64 {
        self.numbers.iter().fold(0, |all, number| all | number)
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        self.plan.write(&self.numbers, out);
    }
}

/// Decimals and the values that are none.
#[derive(Debug)]
pub(super) struct IntBody {
    plan: IntPlan,
    /// Indices and values.
    exceptions: Vec<(usize, f64)>,
}

impl IntBody {
    /// The body of `values` whose decimals were found.
    pub(super) fn new(values: &[f64], decimals: &Decimals) -> Self {
        let plan = IntPlan::new(&decimals.ints, decimals.exponent);
        let exceptions = decimals.exceptions.iter().map(|&index| (index, values[index]));
        Self { plan, exceptions: exceptions.collect() }
    }

    /// The body's part of the kind.
    pub(super) fn kind(&self) -> u8 {
        let exceptions = if self.exceptions.is_empty() { 0 } else { kind::EXCEPTIONS };
        kind::INT | self.plan.kind() | exceptions
    }

    /// Whether some values are no decimals.
    pub(super) fn has_exceptions(&self) -> bool {
        !self.exceptions.is_empty()
    }

    /// Bytes that [`write`](Self::write) appends.
    pub(super) fn len(&self) -> usize {
        let lens = self.exceptions.iter().map(|(index, _)| varint::len(*index as u64) + 8);
        self.plan.len() + usize::from(self.has_exceptions()) + lens.sum::<usize>()
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        self.plan.write(out);
        if self.exceptions.is_empty() {
            return;
        }
        out.push(self.exceptions.len() as u8);
        for &(index, value) in &self.exceptions {
            varint::write(index as u64, out);
            out.extend(value.to_le_bytes());
        }
    }
}
