//! Chooses and writes a value stream.

use super::decimal::{Decimals, to_int};
use super::runs::Runs;
use super::{Body, decode_values_with, int, kind, ulp, xor};
use crate::error::{EncodeError, check_encode_count};
use crate::kernel::Kernel;
use crate::varint;

/// One value in so many may be an exception.
const VALUES_PER_EXCEPTION: usize = 32;

/// Appends the stream of `values` to `out`. Every value comes back bit for bit: a stream that
/// doesn't pass that check is replaced by plain xor.
///
/// # Errors
/// If there are no values or more than [`MAX_SAMPLES`](crate::MAX_SAMPLES); `out` is then
/// unchanged.
pub fn encode_values(values: &[f64], out: &mut Vec<u8>) -> Result<(), EncodeError> {
    check_encode_count(values.len())?;
    let runs = Runs::of(values);
    if let [value] = runs.values[..] {
        write_constant(value, out);
        return Ok(());
    }
    let best = smallest(values, &runs);
    let stream = if comes_back(&best, values) { best } else { dense(xor::body(values)) };
    out.extend_from_slice(&stream);
    Ok(())
}

fn write_constant(value: f64, out: &mut Vec<u8>) {
    let mut decimal = Vec::new();
    let int = (0..=super::decimal::MAX_EXPONENT)
        .find_map(|exponent| Some((exponent, to_int(value, exponent)?)));
    if let Some((exponent, int)) = int {
        decimal.push(exponent);
        varint::write_signed(int, &mut decimal);
    }
    if (1..8).contains(&decimal.len()) {
        out.push(kind::CONST | kind::DECIMAL);
        out.extend_from_slice(&decimal);
    } else {
        out.push(kind::CONST);
        out.extend(value.to_le_bytes());
    }
}

fn smallest(values: &[f64], runs: &Runs) -> Vec<u8> {
    let all = dense(body(values));
    if !runs.are_worth_trying() {
        return all;
    }
    let few = sparse(runs);
    if few.len() < all.len() { few } else { all }
}

fn dense(body: Body) -> Vec<u8> {
    let mut stream = vec![body.kind];
    stream.extend(body.bytes);
    stream
}

fn sparse(runs: &Runs) -> Vec<u8> {
    let body = body(&runs.values);
    let mut stream = vec![body.kind];
    let bits = runs.write(&mut stream);
    stream[0] |= bits;
    stream.extend(body.bytes);
    stream
}

/// The body that suits `values` best.
fn body(values: &[f64]) -> Body {
    if let Some(decimals) = Decimals::detect(values, values.len() / VALUES_PER_EXCEPTION) {
        return int::body(values, &decimals);
    }
    let plain = xor::body(values);
    match ulp::body(values) {
        Some(close) if close.bytes.len() < plain.bytes.len() => close,
        _ => plain,
    }
}

fn comes_back(stream: &[u8], values: &[f64]) -> bool {
    let mut back = Vec::with_capacity(values.len());
    let result = decode_values_with(Kernel::Scalar, stream, values.len(), &mut back);
    let same = |(a, b): (&f64, &f64)| a.to_bits() == b.to_bits();
    result == Ok(stream.len()) && back.iter().zip(values).all(same)
}
