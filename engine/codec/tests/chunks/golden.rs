//! Promise: bytes that were written once are read for ever, and the writer does not change by
//! accident. Each fixture is also in the examples of `docs/format/chunk.md`.

use crate::shapes::bits;
use nunatak_codec::{
    FrozenChunk, Kernel, OpenChunk, decode_times_with, decode_values_with, encode_times,
    encode_values,
};

/// A NaN with a payload: Prometheus' stale marker.
const STALE: f64 = f64::from_bits(0x7ff0_0000_0000_0002);

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

fn unhex(text: &str) -> Vec<u8> {
    let digit = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
    (0..text.len()).step_by(2).map(digit).collect()
}

fn assert_values(values: &[f64], fixture: &str) {
    let mut bytes = Vec::new();
    encode_values(values, &mut bytes).unwrap();
    assert_eq!(hex(&bytes), fixture);
    for &kernel in Kernel::ALL {
        let mut back = Vec::new();
        let used = decode_values_with(kernel, &unhex(fixture), values.len(), &mut back);
        assert_eq!(used, Ok(fixture.len() / 2));
        assert_eq!(bits(&back), bits(values));
    }
}

fn assert_times(times: &[i64], fixture: &str) {
    let mut bytes = Vec::new();
    encode_times(times, &mut bytes).unwrap();
    assert_eq!(hex(&bytes), fixture);
    for &kernel in Kernel::ALL {
        let mut back = Vec::new();
        let used = decode_times_with(kernel, &unhex(fixture), times.len(), &mut back);
        assert_eq!(used, Ok(fixture.len() / 2));
        assert_eq!(back, times);
    }
}

fn each(n: i32, value: impl Fn(i32) -> f64) -> Vec<f64> {
    (0..n).map(value).collect()
}

#[test]
fn constants() {
    assert_values(&[STALE; 3], "3c020000000000f07f");
    assert_values(&[-2.5; 3], "0431");
}

#[test]
fn integers() {
    assert_values(&[5.0, 1.0, 9.0, 2.0, 8.0, 1.0], "010204041807");
    let counter = [1e6, 1_000_150.0, 1_000_290.0, 1_000_450.0, 1_000_600.0];
    assert_values(&counter, "912080897a0a1c028401");
}

#[test]
fn integers_with_a_patch() {
    let values = each(40, |i| if i == 21 { 70_000.0 } else { f64::from(i * i % 7) });
    assert_values(&values, "01008320082506a1c42094188412835062104a152e22");
}

#[test]
fn integers_with_an_exception() {
    let values = each(32, |i| if i == 5 { STALE } else { f64::from(i * i % 7) / 10.0 });
    assert_values(&values, "a1010003082505a1c4209418841283500105020000000000f07f");
}

#[test]
fn xor() {
    let fixture = "02555555555555d53f4000555555555555d5bf9c7500883ce437fe9c7500883ce4c701";
    assert_values(&[1.0 / 3.0, -0.0, 1e300, f64::INFINITY], fixture);
}

#[test]
fn integers_with_ulps() {
    let mut sum = 0.0;
    let sums = [17, 20, 17, 25, 31, 17, 18, 19, 40, 22].map(|milliseconds| {
        sum += f64::from(milliseconds) / 1e3;
        sum
    });
    assert_values(&sums, "93032222056000e44010b7000102a91601");
}

#[test]
fn runs() {
    let bitmap = each(16, |i| f64::from(i / 5) / 3.0);
    assert_values(&bitmap, "9720840c00aa95b8c3b3130104f52e0ebbcbcb0800ec2e");
    assert_values(&each(64, |i| f64::from(i / 40)), "090228000102");
    assert_values(&each(300, |i| f64::from(i / 280)), "09021801000102");
}

#[test]
fn times() {
    assert_times(&[1000, 2000, 3000], "00d00fe807");
    assert_times(&[-7], "000d00");
    let late = [1000, 2000, 3000, 3010, 3020, 3030, 3040];
    assert_times(&late, "01d00fe807bb0f0ade03e0bdf7de03");
    assert_times(&[i64::MIN, 0, i64::MAX], "01ffffffffffffffffff01808080808080808080010100");
    let jittered: Vec<i64> = (0..24).map(|i| 1000 * i + i * i % 3).collect();
    assert_times(&jittered, "0200e8070001b66ddb");
}

#[test]
fn an_open_chunk() {
    let samples = [
        (1_000_000, 1.5),
        (1_015_000, 1.5),
        (1_030_000, 1.5),
        (1_045_000, 2.5),
        (1_060_003, 2.5),
        (1_075_003, STALE),
        (1_190_003, 1.5),
        (11_190_003, 1.5),
        (i64::MAX, -0.0),
    ];
    let fixture = "40420f0000000000000000000000f83f87a94365e6ff6fc0fa0ff8000000000000fdff400d030efa\
                   00000000000002f023555b0200000000f88caabcfeffffff7fcfccff05";
    let mut chunk = OpenChunk::new();
    for (time, value) in samples {
        chunk.append(time, value).unwrap();
    }
    assert_eq!(hex(chunk.bytes()), fixture);
    let read = FrozenChunk::from_bytes(&unhex(fixture), samples.len()).unwrap();
    for (got, (time, value)) in read.iter().zip(samples) {
        let (got_time, got_value) = got.unwrap();
        assert_eq!((got_time, got_value.to_bits()), (time, value.to_bits()));
    }
}
