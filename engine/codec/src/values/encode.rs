//! Chooses and writes a value stream.

use super::decimal::{Decimals, first_exponent};
use super::int::IntBody;
use super::runs::Runs;
use super::ulp::UlpBody;
use super::{decode_values_with, kind, xor};
use crate::error::{EncodeError, check_encode_count};
use crate::kernel::Kernel;
use crate::varint;

/// One value in so many may be an exception.
const VALUES_PER_EXCEPTION: usize = 16;

/// The most exceptions: their number is a byte.
const MAX_EXCEPTIONS: usize = 255;

/// Appends the stream of `values` to `out`. Every value comes back bit for bit: a stream that
/// doesn't pass that check is replaced by plain xor.
///
/// # Errors
/// If there are no values or more than [`MAX_SAMPLES`](crate::MAX_SAMPLES); `out` is then
/// unchanged.
pub fn encode_values(values: &[f64], out: &mut Vec<u8>) -> Result<(), EncodeError> {
    check_encode_count(values.len())?;
    let runs = 1 + changes(values);
    if runs == 1 {
        write_constant(values[0], out);
        return Ok(());
    }
    let begin = out.len();
    write_smallest(values, runs, out);
    if !comes_back(&out[begin..], values) {
        out.truncate(begin);
        Body::xor(values).write(out);
    }
    Ok(())
}

/// How often a value has other bits than the one before.
fn changes(values: &[f64]) -> usize {
    let later = values.iter().skip(1);
    let pairs = values.iter().zip(later);
    pairs.map(|(a, b)| u64::from(a.to_bits() != b.to_bits())).sum::<u64>() as usize
}

fn write_constant(value: f64, out: &mut Vec<u8>) {
    let decimal = first_exponent(value, 0);
    match decimal {
        Some((exponent, int)) if exponent < kind::RAW && varint::signed_len(int) < 8 => {
            out.push(kind::CONST | exponent << kind::CONST_SHIFT);
            varint::write_signed(int, out);
        }
        _ => {
            out.push(kind::CONST | kind::RAW << kind::CONST_SHIFT);
            out.extend(value.to_le_bytes());
        }
    }
}

/// Values as they are stored, one for each value or one for each run.
#[derive(Debug)]
enum Body {
    Int(IntBody),
    Ulp(UlpBody),
    Xor(Vec<u8>),
}

impl Body {
    fn xor(values: &[f64]) -> Self {
        Self::Xor(xor::body(values))
    }

    /// Of values that are no decimals.
    fn of_floats(values: &[f64]) -> Self {
        let xor = Self::xor(values);
        match UlpBody::new(values).map(Self::Ulp) {
            Some(ulp) if ulp.len() < xor.len() => ulp,
            _ => xor,
        }
    }

    /// Of decimals.
    fn of_decimals(values: &[f64], decimals: &Decimals) -> Self {
        let body = IntBody::new(values, decimals);
        let has_exceptions = body.has_exceptions();
        let (int, xor) = (Self::Int(body), || Self::xor(values));
        if has_exceptions && xor().len() < int.len() { xor() } else { int }
    }

    fn kind(&self) -> u8 {
        match self {
            Self::Int(body) => body.kind(),
            Self::Ulp(body) => body.kind(),
            Self::Xor(_) => kind::XOR,
        }
    }

    /// Bytes without the kind.
    fn len(&self) -> usize {
        match self {
            Self::Int(body) => body.len(),
            Self::Ulp(body) => body.len(),
            Self::Xor(bytes) => bytes.len(),
        }
    }

    /// Appends a dense stream.
    fn write(&self, out: &mut Vec<u8>) {
        out.push(self.kind());
        self.write_body(out);
    }

    /// Appends a stream of one value for each run.
    fn write_sparse(&self, runs: &Runs, out: &mut Vec<u8>) {
        out.push(self.kind() | runs.kind());
        runs.write(out);
        self.write_body(out);
    }

    fn write_body(&self, out: &mut Vec<u8>) {
        match self {
            Self::Int(body) => body.write(out),
            Self::Ulp(body) => body.write(out),
            Self::Xor(bytes) => out.extend_from_slice(bytes),
        }
    }
}

/// Appends the smaller one of a dense and a sparse stream; there are so many runs.
fn write_smallest(values: &[f64], runs: usize, out: &mut Vec<u8>) {
    if !Runs::are_worth_trying(runs, values.len()) {
        let decimals = Decimals::detect(values, max_exceptions(values));
        let body = decimals.map(|decimals| Body::of_decimals(values, &decimals));
        return body.unwrap_or_else(|| Body::of_floats(values)).write(out);
    }
    let runs = Runs::of(values, runs);
    let Some(decimals) = Decimals::detect(&runs.values, max_exceptions(values)) else {
        // A float that is stored again takes more than a bit.
        return Body::of_floats(&runs.values).write_sparse(&runs, out);
    };
    let few = Body::of_decimals(&runs.values, &decimals);
    let all = runs.expand(&decimals);
    if all.exceptions.len() <= max_exceptions(values) {
        let all = Body::of_decimals(values, &all);
        if all.len() <= few.len() + runs.len() {
            return all.write(out);
        }
    }
    few.write_sparse(&runs, out);
}

fn max_exceptions(values: &[f64]) -> usize {
    (values.len() / VALUES_PER_EXCEPTION).min(MAX_EXCEPTIONS)
}

fn comes_back(stream: &[u8], values: &[f64]) -> bool {
    let mut back = Vec::with_capacity(values.len());
    let result = decode_values_with(Kernel::detect(), stream, values.len(), &mut back);
    let differ = |(a, b): (&f64, &f64)| a.to_bits() ^ b.to_bits();
    result == Ok(stream.len()) && back.iter().zip(values).map(differ).fold(0, |all, x| all | x) == 0
}
