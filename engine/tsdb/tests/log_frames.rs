//! A frame comes back bit for bit, and no bytes at all can do harm.
#![expect(clippy::unwrap_used, reason = "helpers of tests may panic")]

use std::sync::Arc;

use nunatak::log::{
    DecodeScratch, Definition, Deletion, EncodeScratch, Frame, FrameError, Record, Samples,
};
use nunatak::{Labels, MatchOp, Matcher, TimeRange};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

fn labels() -> impl Strategy<Value = Labels> {
    btree_map("[a-zé_]{1,8}", ".{1,12}", 0..6).prop_map(|m| Labels::from_pairs(m).unwrap())
}

fn samples() -> impl Strategy<Value = Samples> {
    let value = prop_oneof![
        any::<u64>(),
        (-1_000_000_000..1_000_000_000_i64).prop_map(|n| (n as f64).to_bits()),
        (-1_000_000_000..1_000_000_000_i64).prop_map(|n| (n as f64 / 100.0).to_bits()),
        any::<f32>().prop_map(|n| f64::from(n).to_bits()),
        Just(0x7FF0_0000_0000_0002),
    ];
    let reference = prop_oneof![any::<u64>(), 5..9_u64];
    let time = prop_oneof![any::<i64>(), 5..9_i64];
    vec((reference, time, value), 0..300).prop_map(|rows| Samples {
        references: rows.iter().map(|row| row.0).collect(),
        times: rows.iter().map(|row| row.1).collect(),
        values: rows.iter().map(|row| f64::from_bits(row.2)).collect(),
    })
}

fn deletion() -> impl Strategy<Value = Deletion> {
    let ops = vec![MatchOp::Equal, MatchOp::NotEqual, MatchOp::Regex, MatchOp::NotRegex];
    let matcher = ("[a-zé_]{0,8}", prop::sample::select(ops), "[a-zé|]{0,8}")
        .prop_map(|(name, op, value)| Matcher::new(&name, op, &value).unwrap());
    (any::<u64>(), vec(matcher, 1..5), any::<i64>(), any::<i64>()).prop_map(
        |(id, matchers, start, end)| Deletion { id, matchers, range: TimeRange::new(start, end) },
    )
}

fn record() -> impl Strategy<Value = Record> {
    let definition =
        (any::<u64>(), labels()).prop_map(|(reference, labels)| Definition { reference, labels });
    prop_oneof![
        4 => (vec(definition, 0..20), samples())
            .prop_map(|(definitions, samples)| Record::Write { definitions, samples }),
        1 => any::<i64>().prop_map(|before| Record::Cut { before }),
        1 => any::<u64>().prop_map(|next_reference| Record::State { next_reference }),
        1 => deletion().prop_map(Record::Delete),
        1 => any::<u64>().prop_map(|id| Record::Undelete { id }),
    ]
}

fn frame() -> impl Strategy<Value = Frame> {
    (any::<u16>(), ".{0,10}", any::<i64>(), record()).prop_map(|(shard, tenant, stamp, record)| {
        Frame { shard, tenant: tenant.into(), stamp, record }
    })
}

fn encode(frame: &Frame) -> Vec<u8> {
    let mut out = Vec::new();
    frame.encode(&mut EncodeScratch::default(), &mut out).unwrap();
    out
}

/// NaN is not equal to itself, so values are compared as bits.
fn bits(frame: &Frame) -> (Frame, Vec<u64>) {
    let mut frame = frame.clone();
    let mut bits = Vec::new();
    if let Record::Write { samples, .. } = &mut frame.record {
        bits = std::mem::take(&mut samples.values).into_iter().map(f64::to_bits).collect();
    }
    (frame, bits)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn frames_survive(frames in vec(frame(), 1..5)) {
        let (mut encoder, mut decoder) = (EncodeScratch::default(), DecodeScratch::default());
        for frame in &frames {
            let mut out = vec![7];
            frame.encode(&mut encoder, &mut out).unwrap();
            let back = Frame::decode_with(&out[1..], &mut decoder).unwrap();
            prop_assert_eq!(bits(&back), bits(frame));
        }
    }

    #[test]
    fn changed_bytes_do_no_harm(frame in frame(), at: prop::sample::Index, to: u8) {
        let mut bytes = encode(&frame);
        let at = at.index(bytes.len());
        bytes[at] = to;
        if let Ok(other) = Frame::decode(&bytes) {
            encode(&other);
        }
    }

    #[test]
    fn a_cut_frame_is_an_error(frame in frame(), at: prop::sample::Index) {
        let bytes = encode(&frame);
        prop_assert!(Frame::decode(&bytes[..at.index(bytes.len())]).is_err());
    }

    #[test]
    fn any_bytes_do_no_harm(rest in vec(any::<u8>(), 0..200), kind in 0..6_u8) {
        let _ = Frame::decode(&rest);
        let mut bytes = vec![0, 0, kind];
        bytes.extend(rest);
        let _ = Frame::decode(&bytes);
    }
}

fn cut(before: i64) -> Frame {
    Frame { shard: 3, tenant: Arc::from(""), stamp: 5, record: Record::Cut { before } }
}

#[test]
fn the_bytes_are_those_of_the_format_document() {
    assert_eq!(encode(&cut(-1)), [0, 0, 2, 3, 0, 10, 1]);
}

#[test]
fn another_version_and_kind_are_named() {
    let mut bytes = encode(&cut(1));
    bytes[2] = 9;
    assert_eq!(Frame::decode(&bytes), Err(FrameError::Kind { found: 9 }));
    bytes[0] = 1;
    assert_eq!(Frame::decode(&bytes), Err(FrameError::Version { found: 1, supported: 0 }));
}

#[test]
fn columns_of_different_lengths_are_refused() {
    let samples = Samples { references: vec![1], times: vec![], values: vec![1.0] };
    let record = Record::Write { definitions: vec![], samples };
    let frame = Frame { record, ..cut(0) };
    let result = frame.encode(&mut EncodeScratch::default(), &mut Vec::new());
    assert_eq!(result, Err(FrameError::Columns { references: 1, times: 0, values: 1 }));
}

#[test]
fn a_declared_length_above_the_limit_takes_no_memory() {
    let mut bytes = vec![0, 1];
    bytes.extend([0xFF, 0xFF, 0xFF, 0xFF, 0x0F, 1, 2, 3]);
    assert!(matches!(Frame::decode(&bytes), Err(FrameError::TooLarge { .. })));
}

#[test]
fn a_delete_needs_a_matcher_and_at_most_64() {
    let frame = |matchers| {
        let deletion = Deletion { id: 1, matchers, range: TimeRange::ALL };
        Frame { record: Record::Delete(deletion), ..cut(0) }
    };
    let up = Matcher::new("__name__", MatchOp::Equal, "up").unwrap();
    for count in [0, 65] {
        let frame = frame(vec![up.clone(); count]);
        let encoded = frame.encode(&mut EncodeScratch::default(), &mut Vec::new());
        assert!(matches!(encoded, Err(FrameError::Malformed { .. })), "{count}");
    }
    assert_eq!(
        Frame::decode(&[0, 0, 4, 0, 0, 0, 1, 0, 0, 0]).map(|_| ()),
        Err(FrameError::Malformed { what: "a delete has no matcher" })
    );
}

#[test]
fn labels_that_no_writer_writes_are_refused() {
    let content = |pairs: &[(&str, &str)]| {
        let mut bytes = vec![0, 0, 1, 0, 0, 0, 1, 2, pairs.len() as u8];
        for text in pairs.iter().flat_map(|pair| [pair.0, pair.1]) {
            bytes.push(text.len() as u8);
            bytes.extend(text.as_bytes());
        }
        bytes.extend([0, 0, 0]);
        Frame::decode(&bytes).map(|_| ())
    };
    assert_eq!(content(&[("a", "1"), ("b", "2")]), Ok(()));
    for pairs in [[("b", "1"), ("a", "2")], [("a", "1"), ("a", "2")], [("", "1"), ("a", "2")]] {
        assert!(content(&pairs).is_err(), "{pairs:?}");
    }
    assert!(content(&[("a", "")]).is_err());
}
