//! The decoder against prost, on messages that are right, cut off, and damaged.

use std::collections::HashMap;

use nunatak::{Labels, LabelsBuilder, RefusalReason};
use proptest::prelude::*;
use prost::Message;

use super::super::FamilyMetadata;
use super::{Counts, Scratch, Sink, decode};

#[derive(Clone, PartialEq, Message)]
struct WriteRequest {
    #[prost(message, repeated, tag = "1")]
    timeseries: Vec<TimeSeries>,
    #[prost(message, repeated, tag = "3")]
    metadata: Vec<MetricMetadata>,
}

#[derive(Clone, PartialEq, Message)]
struct TimeSeries {
    #[prost(message, repeated, tag = "1")]
    labels: Vec<Label>,
    #[prost(message, repeated, tag = "2")]
    samples: Vec<Sample>,
    #[prost(bytes = "vec", repeated, tag = "3")]
    exemplars: Vec<Vec<u8>>,
    #[prost(bytes = "vec", repeated, tag = "4")]
    histograms: Vec<Vec<u8>>,
}

#[derive(Clone, PartialEq, Message)]
struct Label {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    value: String,
}

#[derive(Clone, Copy, PartialEq, Message)]
struct Sample {
    #[prost(double, tag = "1")]
    value: f64,
    #[prost(int64, tag = "2")]
    timestamp: i64,
}

#[derive(Clone, PartialEq, Message)]
struct MetricMetadata {
    #[prost(uint32, tag = "1")]
    kind: u32,
    #[prost(string, tag = "2")]
    name: String,
    #[prost(string, tag = "4")]
    help: String,
    #[prost(string, tag = "5")]
    unit: String,
}

/// Keeps everything, and parses a label set only once, as the engine does.
#[derive(Default)]
struct Kept {
    known: HashMap<Vec<u8>, usize>,
    series: Vec<Result<Labels, String>>,
    samples: Vec<(usize, i64, u64)>,
    refused: Vec<(RefusalReason, u64, String)>,
    metadata: Vec<FamilyMetadata<'static>>,
}

impl Sink for Kept {
    type Series = usize;

    fn series(
        &mut self,
        raw: &[u8],
        parse: impl FnOnce(&mut LabelsBuilder) -> Result<(), (RefusalReason, String)>,
    ) -> usize {
        if let Some(&known) = self.known.get(raw) {
            return known;
        }
        let mut builder = LabelsBuilder::default();
        let labels = parse(&mut builder)
            .map_err(|(_, example)| example)
            .and_then(|()| builder.build().map_err(|error| error.to_string()));
        self.series.push(labels);
        self.known.insert(raw.to_vec(), self.series.len() - 1);
        self.series.len() - 1
    }

    fn push(&mut self, series: usize, t: i64, v: f64) {
        self.samples.push((series, t, v.to_bits()));
    }

    fn refuse(&mut self, reason: RefusalReason, samples: u64, example: String) {
        self.refused.push((reason, samples, example));
    }

    fn metadata(&mut self, m: &FamilyMetadata<'_>) {
        self.metadata.push(FamilyMetadata {
            name: m.name.clone().into_owned().into(),
            kind: m.kind,
            help: m.help.clone().into_owned().into(),
            unit: m.unit.clone().into_owned().into(),
        });
    }
}

type Flat = Vec<(Result<Labels, String>, i64, u64)>;

fn ours(bytes: &[u8]) -> Result<(Flat, Counts, Kept), String> {
    let mut kept = Kept::default();
    let counts =
        decode(bytes, &mut Scratch::default(), &mut kept).map_err(|error| error.to_string())?;
    let flat = kept.samples.iter().map(|&(s, t, v)| (kept.series[s].clone(), t, v)).collect();
    Ok((flat, counts, kept))
}

fn model(request: &WriteRequest) -> (Flat, Counts) {
    let mut flat = Vec::new();
    let mut counts = Counts::default();
    for series in &request.timeseries {
        counts.series += 1;
        counts.samples += series.samples.len() as u64;
        counts.histograms += series.histograms.len() as u64;
        counts.exemplars += series.exemplars.len() as u64;
        let pairs = series.labels.iter().map(|l| (&l.name, &l.value));
        let labels = Labels::from_pairs(pairs).map_err(|error| error.to_string());
        for sample in &series.samples {
            flat.push((labels.clone(), sample.timestamp, sample.value.to_bits()));
        }
    }
    counts.metadata = request.metadata.len() as u64;
    (flat, counts)
}

fn label() -> impl Strategy<Value = Label> {
    ("[a-c]{0,2}|__name__", "[x-zé]{0,3}").prop_map(|(name, value)| Label { name, value })
}

fn value() -> impl Strategy<Value = f64> {
    prop_oneof![any::<u64>().prop_map(f64::from_bits), Just(0.0), Just(-0.0), Just(1.0)]
}

fn sample() -> impl Strategy<Value = Sample> {
    (value(), prop_oneof![any::<i64>(), Just(0)])
        .prop_map(|(value, timestamp)| Sample { value, timestamp })
}

prop_compose! {
    fn series()(
        labels in prop::collection::vec(label(), 0..5),
        samples in prop::collection::vec(sample(), 0..4),
        exemplars in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..4), 0..2),
        histograms in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..4), 0..2),
    ) -> TimeSeries {
        TimeSeries { labels, samples, exemplars, histograms }
    }
}

prop_compose! {
    fn request()(
        timeseries in prop::collection::vec(series(), 0..6),
        metadata in prop::collection::vec((0u32..9, "[a-z]{0,3}", "[a-z]{0,3}", "[a-z]{0,3}"), 0..3),
    ) -> WriteRequest {
        let metadata = metadata
            .into_iter()
            .map(|(kind, name, help, unit)| MetricMetadata { kind, name, help, unit })
            .collect();
        WriteRequest { timeseries, metadata }
    }
}

proptest! {
    #[test]
    fn right_messages_decode_as_prost_does(request in request()) {
        let bytes = request.encode_to_vec();
        let (flat, counts, kept) = ours(&bytes).unwrap();
        // Decoded again, because prost leaves out -0.0 as if it were the default.
        let expected = model(&WriteRequest::decode(&bytes[..]).unwrap());
        prop_assert_eq!(&flat, &expected.0);
        prop_assert_eq!(counts, expected.1);
        prop_assert_eq!(kept.metadata.len(), request.metadata.len());
        let refused: u64 = kept.refused.iter().map(|r| r.1).sum();
        prop_assert_eq!(refused, counts.histograms);
    }

    #[test]
    fn damaged_messages_never_decode_to_something_else(
        request in request(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut bytes = request.encode_to_vec();
        if bytes.is_empty() {
            return Ok(());
        }
        let at = at.index(bytes.len());
        bytes[at] = byte;
        // Exemplars and histograms are opaque to both; prost also takes groups, we do not.
        if let (Ok(model_request), Ok((flat, counts, _))) =
            (WriteRequest::decode(&bytes[..]), ours(&bytes))
        {
            let expected = model(&model_request);
            prop_assert_eq!(counts, expected.1);
            prop_assert_eq!(flat, expected.0);
        }
    }

    #[test]
    fn cut_messages_are_refused_or_whole(request in request(), at in any::<prop::sample::Index>()) {
        let bytes = request.encode_to_vec();
        let cut = &bytes[..at.index(bytes.len() + 1)];
        match (WriteRequest::decode(cut), ours(cut)) {
            (Ok(request), Ok((flat, _, _))) => prop_assert_eq!(flat, model(&request).0),
            (Err(_), Ok((flat, ..))) => {
                // Only the labels of a series without samples are not looked into.
                prop_assert!(flat.len() <= model(&request).0.len());
            }
            (Ok(_), Err(error)) => prop_assert!(false, "refused a whole message: {}", error),
            (Err(_), Err(_)) => {}
        }
    }
}

fn field(number: u8, content: &[u8]) -> Vec<u8> {
    [&[number << 3 | 2, content.len() as u8], content].concat()
}

#[test]
fn labels_may_stand_apart_and_unsorted() {
    let label =
        |n: &str, v: &str| field(1, &[field(1, n.as_bytes()), field(2, v.as_bytes())].concat());
    let sample = field(2, &Sample { value: 1.5, timestamp: 7 }.encode_to_vec());
    let together = [label("b", "2"), label("a", "1"), sample.clone()].concat();
    let apart = [label("b", "2"), sample, label("a", "1")].concat();
    let bytes = [field(1, &together), field(1, &apart)].concat();
    let (flat, _, kept) = ours(&bytes).unwrap();
    let labels = Labels::from_pairs([("a", "1"), ("b", "2")]).unwrap();
    let expected = (Ok(labels), 7, 1.5f64.to_bits());
    assert_eq!(flat, [expected.clone(), expected]);
    assert_eq!(kept.known.len(), 1, "the same labels have the same key");
}

#[test]
fn text_that_is_no_utf8_refuses_its_series_alone() {
    let bad = field(1, &[field(1, b"a"), field(2, b"\xff")].concat());
    let good = field(1, &[field(1, b"a"), field(2, b"1")].concat());
    let sample = field(2, &Sample { value: 1.0, timestamp: 1 }.encode_to_vec());
    let bytes =
        [field(1, &[bad, sample.clone()].concat()), field(1, &[good, sample].concat())].concat();
    let (flat, ..) = ours(&bytes).unwrap();
    assert_eq!(flat[0].0, Err("label text \"\u{fffd}\" is not valid UTF-8".to_owned()));
    assert!(flat[1].0.is_ok());
}

#[test]
fn errors_name_the_byte() {
    let broken_label = field(1, &[0x0a, 0x05, b'a']);
    let sample = field(2, &Sample { value: 1.0, timestamp: 1 }.encode_to_vec());
    let bytes = field(1, &[broken_label, sample].concat());
    assert_eq!(
        ours(&bytes).err().unwrap(),
        "invalid protobuf at byte 5: length runs past the end of the message"
    );
    let sample_as_varint = field(1, &[0x10, 0x01]);
    assert_eq!(
        ours(&sample_as_varint).err().unwrap(),
        "invalid protobuf at byte 2: field has the wrong wire type"
    );
}

#[test]
fn histograms_are_refused_with_an_example() {
    let series = TimeSeries {
        labels: vec![Label { name: "__name__".into(), value: "h".into() }],
        histograms: vec![vec![], vec![]],
        ..TimeSeries::default()
    };
    let bytes = WriteRequest { timeseries: vec![series], metadata: vec![] }.encode_to_vec();
    let (_, counts, kept) = ours(&bytes).unwrap();
    assert_eq!(counts.histograms, 2);
    let example = "native histograms are not stored yet: h".to_owned();
    assert_eq!(kept.refused, [(RefusalReason::Unsupported, 2, example)]);
}

/// A request of one series, `label` before `samples`.
fn one_series(fields: &[u8]) -> Vec<u8> {
    let mut request = vec![0x0a];
    prost::encoding::encode_varint(fields.len() as u64, &mut request);
    request.extend_from_slice(fields);
    request
}

#[test]
fn many_empty_samples_are_refused() {
    let label = [0x0a, 0x06, 0x0a, 0x01, b'a', 0x12, 0x01, b'b'];
    let with = |sample: &[u8], count| one_series(&[&label[..], &sample.repeat(count)].concat());
    let empty = [0x12, 0x00];
    assert_eq!(ours(&with(&empty, 4096)).unwrap().1.samples, 4096);
    let error = ours(&with(&empty, 4097)).map(drop).unwrap_err();
    let what = "thousands of samples of less than 4 bytes each: they are empty";
    assert_eq!(error, format!("invalid protobuf at byte 11: {what}"));
    // The smallest that says anything: a time of 5 ms.
    let small = [0x12, 0x02, 0x10, 0x05];
    assert_eq!(ours(&with(&small, 100_000)).unwrap().1.samples, 100_000);
    // Spread over many series they are as empty.
    assert!(ours(&with(&empty, 4000).repeat(2)).is_err());
}

#[test]
fn a_broken_scattered_label_is_placed_at_the_first() {
    let good = [0x0a, 0x06, 0x0a, 0x01, b'a', 0x12, 0x01, b'b'];
    let sample = [0x12, 0x02, 0x10, 0x05];
    let broken = [0x0a, 0x02, 0x08, 0x01];
    let request = one_series(&[&good[..], &sample, &broken].concat());
    let error = ours(&request).map(drop).unwrap_err();
    assert_eq!(error, "invalid protobuf at byte 2: field has the wrong wire type");
    let request = one_series(&[&good[..], &broken, &sample].concat());
    let error = ours(&request).map(drop).unwrap_err();
    assert_eq!(error, "invalid protobuf at byte 12: field has the wrong wire type");
}
