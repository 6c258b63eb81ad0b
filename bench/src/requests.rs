//! Samples as the bodies of remote-write requests (version 1.0: snappy over protobuf), made before
//! the clock starts.
//!
//! The messages are written by hand: a series' labels are encoded once and copied into each
//! request. <https://prometheus.io/docs/specs/prw/remote_write_spec/>

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

/// Collects samples until a request is full.
#[derive(Debug)]
pub struct Writer {
    limit: usize,
    samples: usize,
    raw: Vec<u8>,
    snappy: snap::raw::Encoder,
    done: Stream,
}

impl Writer {
    /// A writer of requests with `limit` samples each, the last one apart.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        let snappy = snap::raw::Encoder::new();
        Self { limit: limit.max(1), samples: 0, raw: Vec::new(), snappy, done: Vec::new() }
    }

    /// Adds a series with one sample; `labels` come from [`encode_labels`], `t` is in ms.
    pub fn add(&mut self, labels: &[u8], t: i64, v: f64) {
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

    /// Ends the request, so that the next sample begins another one.
    pub fn cut(&mut self) {
        if self.samples == 0 {
            return;
        }
        // The encoder refuses only what is longer than 4 GiB; a request of this tool never is.
        if let Ok(body) = self.snappy.compress_vec(&self.raw) {
            self.done.push(Request { body, samples: self.samples });
        }
        self.raw.clear();
        self.samples = 0;
    }

    /// All requests, in the order in which they were filled.
    #[must_use]
    pub fn finish(mut self) -> Stream {
        self.cut();
        self.done
    }
}

/// The labels of a series as each of its messages repeats them.
#[must_use]
pub fn encode_labels(labels: &[(String, String)]) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, value) in labels {
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
    use super::{Request, Writer, encode_labels, push_varint, varint_length};

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
    fn requests_hold_what_was_added() {
        let series = [
            vec![("__name__".to_owned(), "up".to_owned())],
            vec![("__name__".to_owned(), "b".to_owned()), ("long".to_owned(), "ä".repeat(300))],
        ];
        let rows: Vec<Row> = (0..7_i64)
            .map(|i| (series[i as usize % 2].clone(), 1_700_000_000_000 + i, (i as f64).to_bits()))
            .collect();
        let mut writer = Writer::new(3);
        for (labels, t, v) in &rows {
            writer.add(&encode_labels(labels), *t, f64::from_bits(*v));
        }
        let stream = writer.finish();
        let sizes: Vec<_> = stream.iter().map(|request| request.samples).collect();
        assert_eq!(sizes, [3, 3, 1]);
        assert_eq!(stream.iter().flat_map(decode).collect::<Vec<_>>(), rows);
    }

    #[test]
    fn a_cut_begins_another_request() {
        let mut writer = Writer::new(10);
        writer.cut();
        writer.add(&[], 1, 1.0);
        writer.cut();
        writer.add(&[], 2, 1.0);
        assert_eq!(writer.finish().len(), 2);
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
