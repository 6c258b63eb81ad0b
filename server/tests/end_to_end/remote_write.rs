//! Bodies of remote write 1.0.

use prost::Message;

#[derive(Clone, PartialEq, Message)]
struct WriteRequest {
    #[prost(message, repeated, tag = "1")]
    series: Vec<TimeSeries>,
}

/// Samples of one series.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct TimeSeries {
    #[prost(message, repeated, tag = "1")]
    pub(crate) labels: Vec<Label>,
    #[prost(message, repeated, tag = "2")]
    pub(crate) samples: Vec<Sample>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Label {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(string, tag = "2")]
    pub(crate) value: String,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Sample {
    #[prost(double, tag = "1")]
    pub(crate) value: f64,
    /// In ms since the epoch.
    #[prost(int64, tag = "2")]
    pub(crate) timestamp: i64,
}

/// Labels as remote write wants them: sorted by name.
pub(crate) fn labels<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Vec<Label> {
    let own = |(name, value): (&str, &str)| Label { name: name.into(), value: value.into() };
    let mut labels: Vec<Label> = pairs.into_iter().map(own).collect();
    labels.sort_by(|a, b| a.name.cmp(&b.name));
    labels
}

/// The body of a request.
pub(crate) fn body(series: Vec<TimeSeries>) -> Vec<u8> {
    let request = WriteRequest { series }.encode_to_vec();
    snap::raw::Encoder::new().compress_vec(&request).expect("snappy")
}
