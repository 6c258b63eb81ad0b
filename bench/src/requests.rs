//! Samples as the bodies of remote-write requests (version 1.0: snappy over protobuf), made before
//! the clock starts.
//!
//! The messages are written by hand: a series' labels are encoded once and copied into each
//! request. <https://prometheus.io/docs/specs/prw/remote_write_spec/>

use indicatif::ProgressBar;

use crate::workload::{Fleet, Series};

/// One body, ready to be sent.
#[derive(Debug)]
pub struct Request {
    /// Compressed.
    pub body: Vec<u8>,
    /// Samples in it.
    pub samples: usize,
}

/// The requests of one connection, in order.
pub type Stream = Vec<Request>;

/// Encodes `scrapes` scrapes of the whole fleet for so many connections. A host stays with its
/// connection, so the samples of a series are sent in order.
#[must_use]
pub fn encode(
    fleet: &mut Fleet,
    scrapes: usize,
    samples_per_request: usize,
    connections: usize,
    progress: &ProgressBar,
) -> Vec<Stream> {
    let labels: Vec<Vec<u8>> = fleet.series().iter().map(encode_labels).collect();
    let mut writers: Vec<Writer> =
        (0..connections.max(1)).map(|_| Writer::new(samples_per_request)).collect();
    progress.set_length(scrapes as u64);
    for scrape in 0..scrapes {
        for host in 0..fleet.hosts() {
            let count = writers.len();
            if let Some(writer) = writers.get_mut(host % count) {
                fleet.scrape(host, scrape, |series, t, v| writer.add(&labels[series], t, v));
            }
        }
        progress.inc(1);
    }
    progress.finish_and_clear();
    writers.into_iter().map(Writer::finish).collect()
}

/// Collects series until a request is full.
#[derive(Debug)]
struct Writer {
    limit: usize,
    samples: usize,
    raw: Vec<u8>,
    snappy: snap::raw::Encoder,
    done: Stream,
}

impl Writer {
    fn new(limit: usize) -> Self {
        let snappy = snap::raw::Encoder::new();
        Self { limit: limit.max(1), samples: 0, raw: Vec::new(), snappy, done: Vec::new() }
    }

    fn add(&mut self, labels: &[u8], t: i64, v: f64) {
        let time = varint_length(t.cast_unsigned());
        let sample = 1 + 8 + 1 + time;
        self.raw.push(0x0a); // WriteRequest.timeseries
        push_varint(&mut self.raw, (labels.len() + 2 + sample) as u64);
        self.raw.extend_from_slice(labels);
        self.raw.push(0x12); // TimeSeries.samples
        push_varint(&mut self.raw, sample as u64);
        self.raw.push(0x09); // Sample.value, fixed 64 bits
        self.raw.extend_from_slice(&v.to_bits().to_le_bytes());
        self.raw.push(0x10); // Sample.timestamp
        push_varint(&mut self.raw, t.cast_unsigned());
        self.samples += 1;
        if self.samples == self.limit {
            self.cut();
        }
    }

    fn cut(&mut self) {
        // The encoder refuses only what is longer than 4 GiB; a request of this tool never is.
        if let Ok(body) = self.snappy.compress_vec(&self.raw) {
            self.done.push(Request { body, samples: self.samples });
        }
        self.raw.clear();
        self.samples = 0;
    }

    fn finish(mut self) -> Stream {
        if self.samples > 0 {
            self.cut();
        }
        self.done
    }
}

fn encode_labels(series: &Series) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, value) in &series.labels {
        let fields = field_length(name) + field_length(value);
        out.push(0x0a); // TimeSeries.labels
        push_varint(&mut out, fields as u64);
        for (tag, text) in [(0x0a, name), (0x12, value)] {
            out.push(tag);
            push_varint(&mut out, text.len() as u64);
            out.extend_from_slice(text.as_bytes());
        }
    }
    out
}

fn field_length(text: &str) -> usize {
    1 + varint_length(text.len() as u64) + text.len()
}

fn varint_length(value: u64) -> usize {
    (64 - (value | 1).leading_zeros() as usize).div_ceil(7)
}

fn push_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
mod tests {
    use indicatif::ProgressBar;

    use super::{Request, encode, push_varint, varint_length};
    use crate::workload::{Fleet, FleetOptions};

    const OPTIONS: FleetOptions =
        FleetOptions { series: 1_500, seed: 3, start_ms: 1_700_000_000_000, interval_ms: 15_000 };

    fn varint(bytes: &mut &[u8]) -> u64 {
        let (mut value, mut shift) = (0, 0);
        loop {
            let byte = bytes[0];
            *bytes = &bytes[1..];
            value |= u64::from(byte & 0x7f) << shift;
            shift += 7;
            if byte < 0x80 {
                return value;
            }
        }
    }

    fn message<'a>(bytes: &mut &'a [u8], tag: u8) -> &'a [u8] {
        assert_eq!(bytes[0], tag);
        *bytes = &bytes[1..];
        let length = varint(bytes) as usize;
        let (inside, rest) = bytes.split_at(length);
        *bytes = rest;
        inside
    }

    type Row = (Vec<(String, String)>, i64, u64);

    /// A decoder written from the specification, as slow and plain as can be.
    fn decode(request: &Request) -> Vec<Row> {
        let raw = snap::raw::Decoder::new().decompress_vec(&request.body).unwrap();
        let (mut raw, mut rows) = (raw.as_slice(), Vec::new());
        while !raw.is_empty() {
            let mut series = message(&mut raw, 0x0a);
            let mut labels = Vec::new();
            while series[0] == 0x0a {
                let mut label = message(&mut series, 0x0a);
                let name = String::from_utf8(message(&mut label, 0x0a).to_vec()).unwrap();
                let value = String::from_utf8(message(&mut label, 0x12).to_vec()).unwrap();
                assert!(label.is_empty());
                labels.push((name, value));
            }
            let mut sample = message(&mut series, 0x12);
            assert!(series.is_empty());
            assert_eq!(sample[0], 0x09);
            let value = u64::from_le_bytes(sample[1..9].try_into().unwrap());
            assert_eq!(sample[9], 0x10);
            sample = &sample[10..];
            rows.push((labels, varint(&mut sample).cast_signed(), value));
            assert!(sample.is_empty());
        }
        rows
    }

    #[test]
    fn requests_hold_what_the_fleet_made() {
        let mut fleet = Fleet::new(OPTIONS);
        let mut expected: Vec<Row> = Vec::new();
        for scrape in 0..2 {
            for host in 0..fleet.hosts() {
                let labels: Vec<_> = fleet.series().iter().map(|s| s.labels.clone()).collect();
                fleet.scrape(host, scrape, |series, t, v| {
                    expected.push((labels[series].clone(), t, v.to_bits()));
                });
            }
        }
        let streams = encode(&mut Fleet::new(OPTIONS), 2, 700, 1, &ProgressBar::hidden());
        let sizes: Vec<_> = streams[0].iter().map(|request| request.samples).collect();
        assert_eq!(sizes, [700, 700, 700, 700, 200]);
        let found: Vec<Row> = streams[0].iter().flat_map(decode).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn connections_share_the_hosts() {
        let streams = encode(&mut Fleet::new(OPTIONS), 1, 100, 2, &ProgressBar::hidden());
        let samples: Vec<usize> = streams
            .iter()
            .map(|stream| stream.iter().map(|request| request.samples).sum())
            .collect();
        assert_eq!(samples.iter().sum::<usize>(), 1_500);
        assert!(samples.iter().all(|count| *count > 0));
    }

    #[test]
    fn varints_are_as_long_as_predicted() {
        for value in [0, 1, 127, 128, 16_383, 16_384, u64::MAX] {
            let mut out = Vec::new();
            push_varint(&mut out, value);
            assert_eq!(out.len(), varint_length(value), "{value}");
        }
    }
}
