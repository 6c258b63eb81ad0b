//! Promise: a value stream gives back every bit pattern, and bytes that are none are an error.

use crate::shapes::{bits, damage, values};
use nunatak_codec::{
    DecodeError, EncodeError, Kernel, MAX_SAMPLES, decode_values, decode_values_with,
    encode_values, may_be_stale, may_fall,
};
use proptest::prelude::*;

fn encoded(values: &[f64]) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_values(values, &mut bytes).unwrap();
    bytes
}

fn assert_round_trip(values: &[f64]) -> Vec<u8> {
    let bytes = encoded(values);
    let mut back = Vec::new();
    assert_eq!(decode_values(&bytes, values.len(), &mut back), Ok(bytes.len()));
    assert_eq!(bits(&back), bits(values));
    bytes
}

proptest! {
    #[test]
    fn values_come_back(values in values(600)) {
        let mut bytes = vec![9];
        encode_values(&values, &mut bytes).unwrap();
        let len = bytes.len() - 1;
        for padding in [0, 1, 64] {
            bytes.resize(1 + len + padding, 0xff);
            for &kernel in Kernel::ALL {
                let mut back = vec![5.0];
                let used = decode_values_with(kernel, &bytes[1..], values.len(), &mut back);
                prop_assert_eq!(used, Ok(len));
                prop_assert_eq!(bits(&back[1..]), bits(&values));
            }
        }
    }

    #[test]
    fn what_the_first_bytes_rule_out_is_not_there(values in values(600)) {
        const STALE: u64 = 0x7ff0_0000_0000_0002;
        let bytes = encoded(&values);
        prop_assert!(may_be_stale(&bytes) || !values.iter().any(|v| v.to_bits() == STALE));
        let rise = !values[0].is_nan() && values.windows(2).all(|pair| pair[0] <= pair[1]);
        prop_assert!(may_fall(&bytes) || rise);
    }

    #[test]
    fn damaged_bytes_never_panic(values in values(600), damage in damage(), other in 0usize..5000) {
        let mut bytes = encoded(&values);
        damage.apply(&mut bytes);
        for n in [values.len(), other] {
            let mut back = vec![5.0];
            let result = decode_values(&bytes, n, &mut back);
            prop_assert_eq!(back.len(), if result.is_ok() { n + 1 } else { 1 });
            prop_assert!(result.is_ok_and(|used| used <= bytes.len()) || back.len() == 1);
        }
    }

    #[test]
    fn any_body_of_any_kind_never_panics(
        kind in any::<u8>(),
        mut bytes in prop::collection::vec(prop_oneof![0u8..4, any::<u8>()], 0..400),
        n in 1usize..700,
    ) {
        bytes.insert(0, kind);
        let mut back = Vec::new();
        let result = decode_values(&bytes, n, &mut back);
        prop_assert_eq!(back.len(), if result.is_ok() { n } else { 0 });
    }

    #[test]
    fn a_stream_cut_anywhere_is_refused(values in values(300), at in any::<prop::sample::Index>()) {
        let bytes = encoded(&values);
        let cut = at.index(bytes.len());
        let result = decode_values(&bytes[..cut], values.len(), &mut Vec::new());
        prop_assert_eq!(result, Err(DecodeError::Truncated { at: cut }));
    }
}

#[test]
fn counters_and_constants_are_known_to_rise() {
    let counter: Vec<f64> = (0..480).map(|i| f64::from(i * 7 + i % 5) / 100.0).collect();
    let mut reset = counter.clone();
    reset[300] = 0.0;
    for (values, falls) in [(counter, false), (reset, true), (vec![2.5; 480], false)] {
        assert_eq!((may_fall(&encoded(&values)), may_be_stale(&encoded(&values))), (falls, false));
    }
    let nan = encoded(&[f64::NAN; 480]);
    assert!(may_fall(&nan) && may_be_stale(&nan) && may_fall(&[]) && may_be_stale(&[]));
}

#[test]
fn every_class_is_chosen_where_it_fits() {
    let class = |values: &[f64]| assert_round_trip(values)[0];
    let n = 480;
    let each = |f: &dyn Fn(i32) -> f64| (0..n).map(f).collect::<Vec<f64>>();
    assert_eq!(class(&each(&|_| 1.5)), 0x04, "decimal constant");
    assert_eq!(class(&each(&|_| f64::NAN)), 0x3c, "raw constant");
    assert_eq!(class(&each(&|i| f64::from(i * i % 77))), 0x01, "integers");
    assert_eq!(class(&each(&|i| f64::from(i) * 3.0)), 0x91, "differences");
    assert_eq!(class(&each(&|i| 1e20 * f64::from(i).sin())), 0x02, "xor");
    let mut sum = 0.0;
    let sums: Vec<f64> = (0..n)
        .map(|i| {
            sum += f64::from(i % 13) * 1e-3 + 0.017;
            sum
        })
        .collect();
    assert_eq!(class(&sums) & 0b11, 3, "nearly decimals");
    assert_eq!(class(&each(&|i| f64::from(i / 100))) & 0b1111, 0x09, "positions");
    assert_eq!(class(&each(&|i| f64::from(i / 5 * 7919 % 1000))) & 0b1111, 0x05, "bitmap");
    assert_eq!(class(&each(&|i| 1e20 * f64::from(i / 100).sin())) & 0b1111, 0x0a, "xor of runs");
    let odd = |i| if i == 200 { f64::INFINITY } else { f64::from(i * i % 77) };
    assert_eq!(class(&each(&odd)), 0x21, "an exception");
}

#[test]
fn what_the_integers_cannot_hold_falls_back_to_xor() {
    let wide = (1i64 << 51) - 1;
    // All are decimals, but the ends are 2^51 or more apart, and no divisor makes that less.
    let values: Vec<f64> = (0..40).map(|i| [wide, 4 - wide, i][i as usize % 3] as f64).collect();
    assert_eq!(assert_round_trip(&values)[0] & 0b11, 2);
}

#[test]
fn exceptions_may_be_anywhere() {
    for at in [0, 1, 63, 127] {
        let mut values: Vec<f64> = (0..128).map(|i| f64::from(i * i % 41) / 100.0).collect();
        values[at] = f64::from_bits(0x7ff0_0000_0000_0002);
        assert_eq!(assert_round_trip(&values)[0] & 0x20, 0x20);
    }
}

#[test]
fn the_longest_column_comes_back() {
    let n = MAX_SAMPLES as i32;
    assert_round_trip(&(0..n).map(|i| f64::from(i).sqrt()).collect::<Vec<f64>>());
    assert_round_trip(&(0..n).map(|i| f64::from(i / 9)).collect::<Vec<f64>>());
    assert_round_trip(&(0..n).map(|i| f64::from(i / 900)).collect::<Vec<f64>>());
}

#[test]
fn single_values_come_back() {
    for value in [0.0, -0.0, 0.1, 1e300, f64::NAN, f64::MIN_POSITIVE, -7.25] {
        assert_round_trip(&[value]);
    }
}

#[test]
fn counts_that_no_chunk_has_are_refused() {
    let mut out = vec![1];
    assert_eq!(encode_values(&[], &mut out), Err(EncodeError::Count { found: 0 }));
    let found = MAX_SAMPLES + 1;
    assert_eq!(encode_values(&vec![0.0; found], &mut out), Err(EncodeError::Count { found }));
    assert_eq!(out, [1]);
    for found in [0, MAX_SAMPLES + 1, usize::MAX] {
        let result = decode_values(&encoded(&[1.0]), found, &mut Vec::new());
        assert_eq!(result, Err(DecodeError::Count { found }));
    }
}

#[test]
fn fields_that_no_encoder_writes_are_refused() {
    let error = |bytes: &[u8], n| decode_values(bytes, n, &mut Vec::new()).unwrap_err();
    let field = |field, found, at| DecodeError::Field { field, found, at };
    for kind in [0x0d, 0x12, 0x23, 0x22, 0x40, 0x41, 0x80, 0x82, 0xff] {
        assert_eq!(error(&[kind, 0, 0, 0], 4), DecodeError::Kind { stream: "value", kind });
    }
    assert_eq!(error(&[0x81, 17, 0, 0], 4), field("exponent", 17, 2));
    assert_eq!(error(&[0x81, 0x40, 0, 0], 4), field("exponent", 0x40, 2));
    assert_eq!(error(&[0x81, 0x20, 0, 0, 0], 4), field("scale", 0, 4));
    assert_eq!(error(&[0x01, 0, 58], 4), field("PFOR width", 58, 3));
    assert_eq!(error(&[0x11, 0, 0, 58], 4), field("PFOR width", 58, 4));
    assert_eq!(error(&[0x01, 0, 0x80, 4], 4), field("PFOR patch count", 5, 4));
    assert_eq!(error(&[0x01, 0, 0x80, 0, 4, 1], 4), field("PFOR patch position", 4, 6));
    assert_eq!(error(&[0x02, 0, 0, 0, 0, 0, 0, 0, 0, 60, 0], 4), field("xor width", 60, 11));
    assert_eq!(error(&[0x02, 0, 0, 0, 0, 0, 0, 0, 0, 4, 61], 4), field("xor shift", 61, 11));
    assert_eq!(error(&[0x0a, 5], 4), field("number of runs", 5, 2));
    assert_eq!(error(&[0x06, 0b11], 4), field("bitmap of runs", 0, 2));
    assert_eq!(error(&[0x06, 0b10010], 4), field("bitmap of runs", 0, 2));
    assert_eq!(error(&[0x0a, 3, 2, 2], 4), field("begin of a run", 2, 4));
    // q = 2^50, times 4: the decimal is 2^52.
    let wide = [0x91, 0x20, 0, 4, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 4, 0];
    assert_eq!(error(&wide, 4), DecodeError::DecimalRange);
}
