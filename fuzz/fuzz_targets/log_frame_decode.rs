//! No bytes make the decoder of frames panic, and what it accepts survives a round trip.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nunatak::log::{EncodeScratch, Frame, Record};

fn bits(frame: &Frame) -> (Frame, Vec<u64>) {
    let mut frame = frame.clone();
    let mut bits = Vec::new();
    if let Record::Write { samples, .. } = &mut frame.record {
        bits = std::mem::take(&mut samples.values).into_iter().map(f64::to_bits).collect();
    }
    (frame, bits)
}

fuzz_target!(|bytes: &[u8]| {
    let Ok(frame) = Frame::decode(bytes) else { return };
    let mut out = Vec::new();
    frame.encode(&mut EncodeScratch::default(), &mut out).expect("a decoded frame can be encoded");
    let back = Frame::decode(&out).expect("an encoded frame can be decoded");
    assert_eq!(bits(&back), bits(&frame));
});
