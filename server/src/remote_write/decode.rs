//! One pass over a `WriteRequest`.
//!
//! ```text
//! WriteRequest     1 timeseries: TimeSeries*   3 metadata: MetricMetadata*
//! TimeSeries       1 labels: Label*   2 samples: Sample*   3 exemplars*   4 histograms*
//! Label            1 name: string     2 value: string
//! Sample           1 value: double    2 timestamp: int64, ms since the epoch
//! MetricMetadata   1 type: enum   2 metric_family_name   4 help   5 unit: string
//! ```
#![deny(clippy::indexing_slicing)]

use std::str;

use nunatak::{LabelsBuilder, RefusalReason};

use super::FamilyMetadata;
use super::wire::{BYTES, DecodeError, FIXED64, Reader, Result, VARINT, tag};

const TIME_SERIES: u64 = tag(1, BYTES);
const METADATA: u64 = tag(3, BYTES);
const LABEL: u64 = tag(1, BYTES);
const SAMPLE: u64 = tag(2, BYTES);
const EXEMPLAR: u64 = tag(3, BYTES);
const HISTOGRAM: u64 = tag(4, BYTES);

/// Series that are looked up together.
const GROUP: usize = 256;
/// Above so many samples in a request their size is looked at.
const FEW_SAMPLES: u64 = 4096;
/// What a sample takes at least, tag included, if it has a value or a time: what is smaller is
/// there to become many times its size in memory.
const SMALLEST_SAMPLE: u64 = 4;

/// Where a request's content goes.
pub trait Sink {
    /// A series inside this request.
    type Series: Copy;

    /// The series that the raw bytes of its labels stand for; `parse` is called if they are new.
    fn series(
        &mut self,
        raw: &[u8],
        parse: impl FnOnce(&mut LabelsBuilder) -> std::result::Result<(), (RefusalReason, String)>,
    ) -> Self::Series;

    /// As [`series`](Self::series) for many at once, whose series are added to `found`; `parse` is
    /// told which of them it is called for.
    fn all_series(
        &mut self,
        raw: &[&[u8]],
        mut parse: impl FnMut(
            usize,
            &mut LabelsBuilder,
        ) -> std::result::Result<(), (RefusalReason, String)>,
        found: &mut Vec<Self::Series>,
    ) {
        let series = raw.iter().enumerate();
        found.extend(series.map(|(i, raw)| self.series(raw, |builder| parse(i, builder))));
    }

    /// A sample: ms since the epoch, and a value kept bit for bit.
    fn push(&mut self, series: Self::Series, t: i64, v: f64);

    /// Samples of a kind that is not stored.
    fn refuse(&mut self, reason: RefusalReason, samples: u64, example: String);

    /// What the sender says about a metric family.
    fn metadata(&mut self, metadata: &FamilyMetadata<'_>);
}

/// What a request held.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Time series.
    pub series: u64,
    /// Float samples.
    pub samples: u64,
    /// Native histograms, which are refused.
    pub histograms: u64,
    /// Exemplars, which are not kept.
    pub exemplars: u64,
    /// Entries of metadata.
    pub metadata: u64,
}

/// Memory that is reused from request to request.
#[derive(Debug, Default)]
pub struct Scratch {
    /// Label fields of series whose labels do not stand together.
    labels: Vec<u8>,
}

/// Decodes a whole `WriteRequest` into `sink`.
///
/// # Errors
/// [`DecodeError`] at the first byte that can't be right; what `sink` got until then must be
/// thrown away.
pub fn decode<S: Sink>(message: &[u8], scratch: &mut Scratch, sink: &mut S) -> Result<Counts> {
    let mut reader = Reader::new(message);
    let mut counts = Counts::default();
    let (mut histogram_example, mut sample_bytes) = (None, 0);
    let (mut group, mut found) = (Vec::new(), Vec::new());
    while !reader.is_done() {
        match reader.varint()? {
            TIME_SERIES => {
                let before = counts.histograms;
                let series = reader.message()?;
                group.extend(time_series(&series, &mut counts, &mut sample_bytes)?);
                if before == 0 && counts.histograms > 0 {
                    histogram_example = Some(series);
                }
                if group.len() >= GROUP {
                    hand_on(&mut group, scratch, sink, &mut found)?;
                }
            }
            METADATA => {
                sink.metadata(&metadata(reader.message()?)?);
                counts.metadata += 1;
            }
            other => reader.skip(other)?,
        }
    }
    hand_on(&mut group, scratch, sink, &mut found)?;
    if let Some(series) = histogram_example {
        let example = format!("native histograms are not stored yet: {}", describe(series));
        sink.refuse(RefusalReason::Unsupported, counts.histograms, example);
    }
    Ok(counts)
}

/// Where the parts of a `TimeSeries` are.
struct Layout {
    labels: std::ops::Range<usize>,
    /// There is another label after a field that is none.
    scattered: bool,
    /// Offset of the first sample's tag.
    samples_from: usize,
    samples: u64,
    /// What the samples take, tags included.
    sample_bytes: u64,
    histograms: u64,
    exemplars: u64,
}

/// A series with samples that the sink has not got yet.
struct Pending<'a> {
    reader: Reader<'a>,
    layout: Layout,
    /// Where its labels are in [`Scratch::labels`], if they are scattered.
    gathered: std::ops::Range<usize>,
}

impl<'a> Pending<'a> {
    fn labels<'b>(&self, gathered: &'b [u8]) -> &'b [u8]
    where
        'a: 'b,
    {
        if self.layout.scattered {
            return gathered.get(self.gathered.clone()).unwrap_or_default();
        }
        self.reader.between(self.layout.labels.start, self.layout.labels.end)
    }
}

/// Looks a series through and counts what it has; none if it has no samples.
fn time_series<'a>(
    reader: &Reader<'a>,
    counts: &mut Counts,
    sample_bytes: &mut u64,
) -> Result<Option<Pending<'a>>> {
    let layout = survey(reader.clone())?;
    counts.series += 1;
    counts.samples += layout.samples;
    counts.histograms += layout.histograms;
    counts.exemplars += layout.exemplars;
    if layout.samples == 0 {
        return Ok(None);
    }
    *sample_bytes += layout.sample_bytes;
    if counts.samples > FEW_SAMPLES && *sample_bytes < counts.samples * SMALLEST_SAMPLE {
        let what = "thousands of samples of less than 4 bytes each: they are empty";
        return Err(DecodeError { offset: layout.samples_from, what });
    }
    Ok(Some(Pending { reader: reader.clone(), layout, gathered: 0..0 }))
}

/// Gives the sink the series of a group and their samples.
fn hand_on<S: Sink>(
    group: &mut Vec<Pending<'_>>,
    scratch: &mut Scratch,
    sink: &mut S,
    found: &mut Vec<S::Series>,
) -> Result<()> {
    let gathered = &mut scratch.labels;
    gathered.clear();
    for one in group.iter_mut().filter(|one| one.layout.scattered) {
        let start = gathered.len();
        gather_labels(one.reader.clone(), gathered)?;
        one.gathered = start..gathered.len();
    }
    let raw: Vec<&[u8]> = group.iter().map(|one| one.labels(gathered)).collect();
    let mut failed = None;
    found.clear();
    let parse = |i: usize, builder: &mut LabelsBuilder| {
        let raw = raw.get(i).copied().unwrap_or_default();
        parse_labels(raw, builder).map_err(|unfit| unfit.reason(i, &mut failed))
    };
    sink.all_series(&raw, parse, found);
    if let Some((i, DecodeError { offset, what })) = failed {
        let place = group.get(i).map(|one| &one.layout);
        // In gathered labels an offset means nothing outside of them.
        let offset = place.map_or(0, |p| p.labels.start + if p.scattered { 0 } else { offset });
        return Err(DecodeError { offset, what });
    }
    for (one, &series) in group.iter().zip(&*found) {
        push_samples(one.reader.rewound(one.layout.samples_from), series, sink)?;
    }
    group.clear();
    Ok(())
}

/// Finds the fields of a series without looking into them.
fn survey(mut reader: Reader<'_>) -> Result<Layout> {
    let mut layout = Layout {
        labels: reader.at()..reader.at(),
        scattered: false,
        samples_from: reader.at(),
        samples: 0,
        sample_bytes: 0,
        histograms: 0,
        exemplars: 0,
    };
    while !reader.is_done() {
        let start = reader.at();
        let tag = reader.varint()?;
        reader.skip(tag)?;
        match tag {
            LABEL if layout.labels.is_empty() => layout.labels = start..reader.at(),
            LABEL if layout.labels.end == start => layout.labels.end = reader.at(),
            LABEL => layout.scattered = true,
            SAMPLE => {
                if layout.samples == 0 {
                    layout.samples_from = start;
                }
                layout.samples += 1;
                layout.sample_bytes += (reader.at() - start) as u64;
            }
            EXEMPLAR => layout.exemplars += 1,
            HISTOGRAM => layout.histograms += 1,
            other if matches!(other >> 3, 1..=4) => return wrong_type(start),
            _ => {}
        }
    }
    Ok(layout)
}

fn gather_labels(mut reader: Reader<'_>, into: &mut Vec<u8>) -> Result<()> {
    while !reader.is_done() {
        let start = reader.at();
        let tag = reader.varint()?;
        reader.skip(tag)?;
        if tag == LABEL {
            into.extend_from_slice(reader.between(start, reader.at()));
        }
    }
    Ok(())
}

fn push_samples<S: Sink>(mut reader: Reader<'_>, series: S::Series, sink: &mut S) -> Result<()> {
    while !reader.is_done() {
        match reader.varint()? {
            SAMPLE => {
                let (t, v) = sample(reader.message()?)?;
                sink.push(series, t, v);
            }
            other => reader.skip(other)?,
        }
    }
    Ok(())
}

#[inline]
fn sample(mut reader: Reader<'_>) -> Result<(i64, f64)> {
    const VALUE: u64 = tag(1, FIXED64);
    const TIMESTAMP: u64 = tag(2, VARINT);
    let (mut t, mut v) = (0, 0.0);
    while !reader.is_done() {
        let start = reader.at();
        match reader.varint()? {
            VALUE => v = f64::from_bits(reader.fixed64()?),
            TIMESTAMP => t = reader.varint()? as i64,
            other if matches!(other >> 3, 1 | 2) => return wrong_type(start),
            other => reader.skip(other)?,
        }
    }
    Ok((t, v))
}

/// Why label fields are no label set.
enum Unfit {
    /// The message is broken; the offset counts from the start of the fields.
    Broken(DecodeError),
    /// The series is refused.
    Refused(RefusalReason, String),
}

impl Unfit {
    /// The reason for the sink; the first broken message is left in `failed`.
    fn reason(
        self,
        series: usize,
        failed: &mut Option<(usize, DecodeError)>,
    ) -> (RefusalReason, String) {
        match self {
            Self::Refused(reason, example) => (reason, example),
            Self::Broken(error) => {
                let example = error.to_string();
                failed.get_or_insert((series, error));
                (RefusalReason::InvalidLabels, example)
            }
        }
    }
}

/// Parses label fields into the builder.
fn parse_labels(raw: &[u8], builder: &mut LabelsBuilder) -> std::result::Result<(), Unfit> {
    let (texts, mut reader) = (Texts::new(raw), Reader::new(raw));
    while !reader.is_done() {
        let (name, value) = next_label(&mut reader).map_err(Unfit::Broken)?;
        builder.push(texts.get(name)?, texts.get(value)?);
    }
    Ok(())
}

/// The texts in label fields. Checking all at once takes a fraction of checking each, and what
/// stands between them mostly is ASCII: tags, and lengths below 128.
struct Texts<'a> {
    raw: &'a [u8],
    /// All fields, if they are UTF-8 as a whole.
    whole: Option<&'a str>,
}

impl<'a> Texts<'a> {
    fn new(raw: &'a [u8]) -> Self {
        Self { raw, whole: str::from_utf8(raw).ok() }
    }

    fn get(&self, range: std::ops::Range<usize>) -> std::result::Result<&'a str, Unfit> {
        if let Some(text) = self.whole.and_then(|whole| whole.get(range.clone())) {
            return Ok(text);
        }
        let bytes = self.raw.get(range).unwrap_or_default();
        str::from_utf8(bytes).map_err(|_| {
            let shown: String = String::from_utf8_lossy(bytes).chars().take(100).collect();
            let example = format!("label text {shown:?} is not valid UTF-8");
            Unfit::Refused(RefusalReason::InvalidLabels, example)
        })
    }
}

/// Where name and value of the next label are.
fn next_label(reader: &mut Reader<'_>) -> Result<(std::ops::Range<usize>, std::ops::Range<usize>)> {
    const NAME: u64 = tag(1, BYTES);
    const VALUE: u64 = tag(2, BYTES);
    reader.varint()?;
    let mut label = reader.message()?;
    let (mut name, mut value) = (0..0, 0..0);
    while !label.is_done() {
        let start = label.at();
        match label.varint()? {
            NAME => name = label.range()?,
            VALUE => value = label.range()?,
            other if matches!(other >> 3, 1 | 2) => return wrong_type(start),
            other => label.skip(other)?,
        }
    }
    Ok((name, value))
}

fn metadata(mut reader: Reader<'_>) -> Result<FamilyMetadata<'_>> {
    const KINDS: [&str; 8] = [
        "unknown",
        "counter",
        "gauge",
        "histogram",
        "gaugehistogram",
        "summary",
        "info",
        "stateset",
    ];
    let (mut kind, mut name, mut help, mut unit) = (0, &[][..], &[][..], &[][..]);
    while !reader.is_done() {
        let start = reader.at();
        match (reader.varint()?, &mut reader) {
            (0x08, r) => kind = r.varint()?,
            (0x12, r) => name = r.bytes()?,
            (0x22, r) => help = r.bytes()?,
            (0x2a, r) => unit = r.bytes()?,
            (other, _) if matches!(other >> 3, 1 | 2 | 4 | 5) => return wrong_type(start),
            (other, r) => r.skip(other)?,
        }
    }
    Ok(FamilyMetadata {
        name: String::from_utf8_lossy(name),
        kind: KINDS.get(kind as usize).copied().unwrap_or("unknown"),
        help: String::from_utf8_lossy(help),
        unit: String::from_utf8_lossy(unit),
    })
}

/// A series in words, for messages; never fails.
fn describe(reader: Reader<'_>) -> String {
    let mut raw = Vec::new();
    let mut builder = LabelsBuilder::default();
    let parsed =
        gather_labels(reader, &mut raw).is_ok_and(|()| parse_labels(&raw, &mut builder).is_ok());
    match builder.build() {
        Ok(labels) if parsed => labels.to_string(),
        _ => "a series with invalid labels".to_owned(),
    }
}

fn wrong_type<T>(offset: usize) -> Result<T> {
    Err(DecodeError { offset, what: "field has the wrong wire type" })
}

#[cfg(test)]
mod tests;
