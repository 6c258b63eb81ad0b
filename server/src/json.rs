//! Prometheus' JSON, written straight into bytes.

mod histogram;
mod labels;

use std::io::Write as _;

pub(crate) use histogram::histogram;
pub(crate) use labels::LabelsWriter;

/// Writes a string with its quotes.
pub(crate) fn string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    if is_plain(text.as_bytes()) {
        out.extend_from_slice(text.as_bytes());
    } else {
        escaped(out, text);
    }
    out.push(b'"');
}

/// Writes what stands between the quotes of a string.
fn escaped(out: &mut Vec<u8>, text: &str) {
    let mut plain_from = 0;
    for (i, byte) in text.bytes().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.extend_from_slice(&text.as_bytes()[plain_from..i]);
        plain_from = i + 1;
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            other => drop(write!(out, "\\u{other:04x}")),
        }
    }
    out.extend_from_slice(&text.as_bytes()[plain_from..]);
}

/// Whether nothing in a text needs a backslash. Looks at 16 bytes at a time, since label sets are
/// nearly all of a large answer.
fn is_plain(text: &[u8]) -> bool {
    let special =
        |byte: u8| u8::from(byte < 0x20) | u8::from(byte == b'"') | u8::from(byte == b'\\');
    let (pieces, rest) = text.as_chunks::<16>();
    let any = |bytes: &[u8]| bytes.iter().fold(0, |any, &byte| any | special(byte)) != 0;
    !pieces.iter().any(|piece| any(piece)) && !any(rest)
}

/// Writes `["a","b"]`.
pub(crate) fn strings<S: AsRef<str>>(out: &mut Vec<u8>, texts: &[S]) {
    list(out, texts, |out, text| string(out, text.as_ref()));
}

/// Writes `[…,…]`.
pub(crate) fn list<T>(out: &mut Vec<u8>, items: &[T], mut write: impl FnMut(&mut Vec<u8>, &T)) {
    out.push(b'[');
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        write(out, item);
    }
    out.push(b']');
}

/// Writes milliseconds as seconds: no fraction, or three digits of it.
pub(crate) fn timestamp(out: &mut Vec<u8>, ms: i64) {
    let size = ms.unsigned_abs();
    if ms < 0 {
        out.push(b'-');
    }
    out.extend_from_slice(itoa::Buffer::new().format(size / 1000).as_bytes());
    let fraction = size % 1000;
    if fraction != 0 {
        let digits = [fraction / 100, fraction / 10 % 10, fraction % 10].map(|d| b'0' + d as u8);
        out.push(b'.');
        out.extend_from_slice(&digits);
    }
}

/// Writes a value in quotes, as Go's `strconv` does with the shortest digits: with an exponent of
/// at least two digits below 1e-6 and from 1e21 on.
pub(crate) fn value(out: &mut Vec<u8>, v: f64) {
    out.push(b'"');
    bare_value(out, v);
    out.push(b'"');
}

fn bare_value(out: &mut Vec<u8>, v: f64) {
    let size = v.abs();
    if v.is_nan() {
        out.extend_from_slice(b"NaN");
    } else if v.is_infinite() {
        out.extend_from_slice(if v > 0.0 { b"+Inf" } else { b"-Inf" });
    } else if size < 9e15 && v.trunc() == v && (v != 0.0 || v.is_sign_positive()) {
        out.extend_from_slice(itoa::Buffer::new().format(v as i64).as_bytes());
    } else if size == 0.0 || (1e-6..1e21).contains(&size) {
        if !decimal(out, v) {
            shortest(out, v);
        }
    } else {
        exponential(out, v);
    }
}

/// Writes a number that has at most three digits behind the point and fifteen in all, as most gauges
/// do: whichever such number rounds to `v` is the only one, and so the shortest.
fn decimal(out: &mut Vec<u8>, v: f64) -> bool {
    let size = v.abs();
    let thousandths = (size * 1000.0).round();
    if size >= 1e12 || size == 0.0 || thousandths / 1000.0 != size {
        return false;
    }
    if v < 0.0 {
        out.push(b'-');
    }
    let thousandths = thousandths as u64;
    out.extend_from_slice(itoa::Buffer::new().format(thousandths / 1000).as_bytes());
    let rest = thousandths % 1000;
    let digits = [rest / 100, rest / 10 % 10, rest % 10].map(|digit| b'0' + digit as u8);
    let behind = digits.iter().rposition(|&digit| digit != b'0').map_or(0, |last| last + 1);
    if behind > 0 {
        out.push(b'.');
        out.extend_from_slice(&digits[..behind]);
    }
    true
}

/// Writes a number that is not zero, without an exponent.
fn shortest(out: &mut Vec<u8>, v: f64) {
    let mut buffer = zmij::Buffer::new();
    let text = buffer.format_finite(v);
    if text.contains('e') {
        // Very small or large: its exponent begins earlier than Go's.
        drop(write!(out, "{v}"));
    } else {
        out.extend_from_slice(text.strip_suffix(".0").unwrap_or(text).as_bytes());
    }
}

fn exponential(out: &mut Vec<u8>, v: f64) {
    let text = format!("{v:e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, exponent) = match exponent.strip_prefix('-') {
        Some(rest) => ('-', rest),
        None => ('+', exponent),
    };
    drop(write!(out, "{digits}e{sign}{exponent:0>2}"));
}

/// Writes `[t,"v"]`.
pub(crate) fn point(out: &mut Vec<u8>, t: i64, v: f64) {
    out.push(b'[');
    timestamp(out, t);
    out.push(b',');
    value(out, v);
    out.push(b']');
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn values_look_as_in_go() {
        for (v, text) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (-1.5, "-1.5"),
            (0.1 + 0.2, "0.30000000000000004"),
            (1e-6, "0.000001"),
            (0.001, "0.001"),
            (-12.05, "-12.05"),
            (999_999_999_999.999, "999999999999.999"),
            (0.0005, "0.0005"),
            (631_500_063_563_268.2, "631500063563268.2"),
            (9.99e-7, "9.99e-07"),
            (1e20, "100000000000000000000"),
            (1e21, "1e+21"),
            (-1.25e-300, "-1.25e-300"),
            (f64::MAX, "1.7976931348623157e+308"),
            (f64::from_bits(1), "5e-324"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
        ] {
            assert_eq!(written(|out| bare_value(out, v)), text);
        }
    }

    #[test]
    fn times_are_seconds() {
        for (ms, text) in
            [(0, "0"), (1500, "1.500"), (1_001, "1.001"), (-20, "-0.020"), (60_000, "60")]
        {
            assert_eq!(written(|out| timestamp(out, ms)), text);
        }
        assert_eq!(written(|out| timestamp(out, i64::MIN)), "-9223372036854775.808");
    }

    proptest! {
        #[test]
        fn strings_read_back(text in any::<String>()) {
            let json = written(|out| string(out, &text));
            prop_assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
        }

        #[test]
        fn values_read_back(bits in any::<u64>()) {
            let v = f64::from_bits(bits);
            let back: f64 = written(|out| bare_value(out, v)).parse().unwrap();
            prop_assert!(back.to_bits() == bits || v.is_nan() && back.is_nan());
        }

        #[test]
        fn decimals_are_as_short_as_can_be(
            digits in -9_999_999_999_999_999_i64..9_999_999_999_999_999, places in -4..22, any in 1e-6..1e21,
        ) {
            // Where two texts are as short and as near, Go takes the even digit and `format!` need not.
            let is_shortest = |v: f64| {
                let (text, other) = (written(|out| bare_value(out, v)), format!("{v}"));
                text.len() == other.len() && text.parse::<f64>() == Ok(v) && !text.contains('e')
            };
            prop_assert!(is_shortest(any));
            let v = digits as f64 / 10_f64.powi(places);
            prop_assume!(v == 0.0 || (1e-6..1e21).contains(&v.abs()));
            prop_assert!(is_shortest(v), "{}", v);
        }
    }
}
