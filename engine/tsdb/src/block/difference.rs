//! Buckets of a histogram as differences to each other.
//!
//! The buckets of a classic histogram count up: each has the observations of all below it, so that
//! their values are long and alike. Within a value page a chunk may say only by how much it differs
//! from an earlier one of the same histogram and times, the one that rose by nearly as much. Next to
//! each other the counts of a bucket alone are left, which are small; and `_count`, which is the
//! bucket `+Inf` once more, is next to nothing.
//!
//! What is referred to is never a difference itself: a reader decodes two streams at most, both of
//! the page that it has. A longer chain was seen to save next to nothing, since `+Inf` is at hand for
//! the upper buckets and a lower neighbour for the others.

use std::collections::HashMap;

use nunatak_codec::EncodeError;
use nunatak_index::{Labels, METRIC_NAME};
use xxhash_rust::xxh3::Xxh3;

use super::bytes::ByteReader;
use super::page::Page;
use crate::bytes::put_varint;

/// First byte of a difference; no value stream begins with it.
const DIFFERENCE: u8 = 0x40;
/// A stream shorter than this is neither shortened nor referred to.
const WORTHWHILE: usize = 16;
/// Between the parts of the hashed text; no UTF-8 text has this byte.
const SEPARATOR: u8 = 0xFF;
/// The label that tells the buckets of a histogram apart.
const BUCKET: &str = "le";

/// A number that the buckets and the count of one histogram have in common; `None` of what belongs
/// to none by its name. Others may have it too: it only says where to look.
pub(super) fn histogram_of(labels: &Labels) -> Option<u64> {
    let name = labels.metric_name();
    let bucket = name.strip_suffix("_bucket").filter(|_| labels.get(BUCKET).is_some());
    let stem = bucket.or_else(|| name.strip_suffix("_count"))?;
    let mut hasher = Xxh3::with_seed(0);
    hasher.update(stem.as_bytes());
    for (name, value) in labels.iter().filter(|(name, _)| *name != METRIC_NAME && *name != BUCKET) {
        for text in [name, value] {
            hasher.update(&[SEPARATOR]);
            hasher.update(text.as_bytes());
        }
    }
    Some(hasher.digest())
}

/// Chunks of the page that is being written to which others may refer.
#[derive(Debug, Default)]
pub(super) struct Bases {
    /// By histogram and timestamp stream; ascending by how much they rise.
    known: HashMap<(u64, u32), Vec<Base>>,
    values: Vec<f64>,
    differences: Vec<f64>,
    shorter: Vec<u8>,
}

#[derive(Debug, Clone, Copy)]
struct Base {
    /// Last value − first value.
    rise: f64,
    /// Where it is in the page.
    offset: usize,
}

impl Bases {
    /// Forgets all: a new page begins.
    pub(super) fn clear(&mut self) {
        self.known.clear();
    }

    /// Replaces `encoded`, the stream of `values`, by a difference to a chunk in `page` if that is
    /// shorter; else remembers that it will stand at the page's end.
    pub(super) fn shorten(
        &mut self,
        histogram: u64,
        stream: u32,
        page: &[u8],
        values: &[f64],
        encoded: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        let (Some(first), Some(last)) = (values.first(), values.last()) else { return Ok(()) };
        let rise = last - first;
        if encoded.len() < WORTHWHILE || !rise.is_finite() {
            return Ok(());
        }
        if let Some(base) = self.nearest((histogram, stream), rise)
            && self.subtract(page, base, values)
        {
            self.shorter.clear();
            self.shorter.push(DIFFERENCE);
            put_varint(&mut self.shorter, (page.len() - base.offset) as u64);
            nunatak_codec::encode_values(&self.differences, &mut self.shorter)?;
            if self.shorter.len() < encoded.len() {
                std::mem::swap(&mut self.shorter, encoded);
                return Ok(());
            }
        }
        let bases = self.known.entry((histogram, stream)).or_default();
        let at = bases.partition_point(|base| base.rise < rise);
        bases.insert(at, Base { rise, offset: page.len() });
        Ok(())
    }

    /// The chunk whose rise is nearest.
    fn nearest(&self, key: (u64, u32), rise: f64) -> Option<Base> {
        let bases = self.known.get(&key)?;
        let at = bases.partition_point(|base| base.rise < rise);
        let around = bases.get(at.saturating_sub(1)..bases.len().min(at + 1))?;
        let distance = |base: &Base| (base.rise - rise).abs();
        around.iter().copied().min_by(|a, b| distance(a).total_cmp(&distance(b)))
    }

    /// Whether `values` come back bit for bit from the base and the differences to it, which are
    /// then in `differences`.
    fn subtract(&mut self, page: &[u8], base: Base, values: &[f64]) -> bool {
        self.values.clear();
        let encoded = page.get(base.offset..).unwrap_or_default();
        if nunatak_codec::decode_values(encoded, values.len(), &mut self.values).is_err() {
            return false;
        }
        let pairs = values.iter().zip(&self.values);
        self.differences.clear();
        self.differences.extend(pairs.map(|(value, base)| value - base));
        let sums = self.values.iter().zip(&self.differences).map(|(base, d)| base + d);
        sums.zip(values).all(|(sum, value)| sum.is_finite() && sum.to_bits() == value.to_bits())
    }
}

/// Appends the values of the chunk of `samples` samples that begins at `offset` in a page, and
/// returns how many bytes it has.
///
/// # Errors
/// What is wrong, in words.
pub(super) fn decode(
    page: &Page,
    offset: usize,
    samples: usize,
    values: &mut Vec<f64>,
) -> Result<usize, String> {
    let plain = |offset: usize, values: &mut Vec<f64>| {
        let encoded = page.padded_from(offset);
        nunatak_codec::decode_values(encoded, samples, values).map_err(|e| e.to_string())
    };
    let mut reader = ByteReader::new(page.raw().get(offset..).unwrap_or_default());
    if reader.u8() != Some(DIFFERENCE) {
        return plain(offset, values);
    }
    let back = reader.varint().and_then(|back| usize::try_from(back).ok());
    let base = back.filter(|back| *back > 0).and_then(|back| offset.checked_sub(back));
    let base = base.ok_or("a difference to what is not before it in the page")?;
    let before = values.len();
    plain(base, values)?;
    let used = plain(offset + reader.at(), values)?;
    add(values, before, samples)?;
    Ok(reader.at() + used)
}

/// Adds the differences behind the `samples` values from `before` on to these, and removes them.
fn add(values: &mut Vec<f64>, before: usize, samples: usize) -> Result<(), String> {
    let decoded = values.get_mut(before..).unwrap_or_default();
    let (base, differences) = decoded.split_at_mut(samples.min(decoded.len()));
    let mut are_finite = true;
    for (value, difference) in base.iter_mut().zip(differences) {
        *value += *difference;
        are_finite &= value.is_finite();
    }
    values.truncate(before + samples);
    if are_finite { Ok(()) } else { Err("a difference to what is no number".to_owned()) }
}

/// Whether there can be stale markers in the chunk at the start of `encoded`; `false` only if there
/// are none.
pub(super) fn may_be_stale(encoded: &[u8]) -> bool {
    encoded.first() != Some(&DIFFERENCE) && nunatak_codec::may_be_stale(encoded)
}

/// Whether the values of the chunk at the start of `encoded` may go down; `false` only if they are
/// numbers of which none is below the one before it.
pub(super) fn may_fall(encoded: &[u8]) -> bool {
    encoded.first() == Some(&DIFFERENCE) || nunatak_codec::may_fall(encoded)
}

#[cfg(test)]
mod tests {
    use nunatak_index::labels;
    use proptest::prelude::*;

    use super::*;
    use crate::block::page::seal;

    const STREAM: u32 = 3;
    const SAMPLES: usize = 200;

    /// Observations up to each bound, in the order of labels: `+Inf` first, then small to large.
    fn histogram() -> Vec<Vec<f64>> {
        let own = |bucket: usize, i: usize| (i * (bucket * 37 + 11) * 7919 % (90 >> bucket)) as f64;
        let mut counts = vec![vec![1e6; SAMPLES]; 6];
        for i in 1..SAMPLES {
            let mut observed = 0.0;
            for (bucket, counts) in counts.iter_mut().enumerate() {
                observed += own(bucket, i);
                counts[i] = counts[i - 1] + observed;
            }
        }
        counts.rotate_right(1);
        counts
    }

    /// A raw page with a chunk for each column, and where they begin.
    fn written(columns: &[Vec<f64>]) -> (Vec<u8>, Vec<usize>) {
        let (mut raw, mut offsets, mut bases) = (Vec::new(), Vec::new(), Bases::default());
        for values in columns {
            let mut encoded = Vec::new();
            nunatak_codec::encode_values(values, &mut encoded).unwrap();
            bases.shorten(1, STREAM, &raw, values, &mut encoded).unwrap();
            offsets.push(raw.len());
            raw.append(&mut encoded);
        }
        (raw, offsets)
    }

    fn page(raw: &[u8]) -> Page {
        let mut sealed = Vec::new();
        seal(raw, false, &mut sealed).unwrap();
        Page::unseal(sealed).unwrap()
    }

    fn decoded(page: &Page, offset: usize) -> Result<Vec<f64>, String> {
        let mut values = vec![7.0];
        decode(page, offset, SAMPLES, &mut values)?;
        assert_eq!(values[0], 7.0, "what is there stays");
        Ok(values.split_off(1))
    }

    #[test]
    fn buckets_are_shorter_and_come_back() {
        let mut columns = histogram();
        columns.push(columns[0].clone());
        let (raw, offsets) = written(&columns);
        let page = page(&raw);
        for (values, &offset) in columns.iter().zip(&offsets) {
            assert_eq!(&decoded(&page, offset).unwrap(), values);
        }
        let alone: usize =
            columns.iter().map(|values| written(std::slice::from_ref(values)).0.len()).sum();
        assert!(raw.len() * 3 < alone * 2, "{} bytes, {alone} alone", raw.len());
        assert!(raw.len() - offsets[6] < 8, "the count is the first bucket once more");
        assert_ne!((raw[0], raw[offsets[1]]), (DIFFERENCE, DIFFERENCE), "not alike");
        assert_eq!(raw[offsets[5]], DIFFERENCE);
    }

    #[test]
    fn the_example_of_the_format_is_read() {
        let raw = [0x01, 0x02, 0x04, 0x04, 0x18, 0x07, 0x40, 0x06, 0x00, 0x02];
        let mut values = Vec::new();
        assert_eq!(decode(&page(&raw), 6, 6, &mut values), Ok(4));
        assert_eq!(values, [6.0, 2.0, 10.0, 3.0, 9.0, 2.0]);
    }

    #[test]
    fn what_does_not_come_back_bit_for_bit_stays_as_it_is() {
        let mut columns = histogram();
        let stale = f64::from_bits(0x7ff0_0000_0000_0002);
        columns[2][50] = stale;
        columns[3][50] = -0.0;
        columns[4].iter_mut().for_each(|value| *value += 0.1);
        let (raw, offsets) = written(&columns);
        let page = page(&raw);
        for (values, &offset) in columns.iter().zip(&offsets) {
            let bits = |values: &[f64]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
            assert_eq!(bits(&decoded(&page, offset).unwrap()), bits(values));
            let is_stale = values.iter().any(|value| value.to_bits() == stale.to_bits());
            assert!(!is_stale || may_be_stale(page.padded_from(offset)));
        }
    }

    #[test]
    fn a_reference_to_what_is_no_plain_chunk_before_it_is_refused() {
        let (mut raw, offsets) = written(&histogram());
        let last = raw.len();
        let mut refused = |back: &[u8]| {
            raw.truncate(last);
            raw.push(DIFFERENCE);
            raw.extend_from_slice(back);
            // 0, as often as asked.
            raw.extend_from_slice(&[0, 0]);
            decoded(&page(&raw), last)
        };
        let back = |to: usize| {
            let mut back = Vec::new();
            put_varint(&mut back, (last - to) as u64);
            back
        };
        assert_eq!(refused(&back(offsets[0])).unwrap(), histogram()[0]);
        assert!(refused(&[0]).is_err(), "itself");
        assert!(refused(&back(offsets[5])).is_err(), "a difference");
        let mut before = Vec::new();
        put_varint(&mut before, last as u64 + 1);
        assert!(refused(&before).is_err(), "before the page");
        assert!(refused(&[0xff; 11]).is_err(), "no number");

        let mut raw = Vec::new();
        nunatak_codec::encode_values(&[f64::INFINITY; SAMPLES], &mut raw).unwrap();
        raw.extend_from_slice(&[DIFFERENCE, raw.len() as u8, 0, 0]);
        assert!(decoded(&page(&raw), raw.len() - 4).is_err(), "no number");
    }

    #[test]
    fn a_histogram_is_known_by_its_labels_but_the_bound() {
        let set = |name: &str, le: &str, job: &str| {
            histogram_of(&labels! { "__name__" => name, "job" => job, "le" => le })
        };
        let one = set("h_bucket", "1", "a");
        assert!(one.is_some());
        assert_eq!(set("h_bucket", "+Inf", "a"), one);
        assert_eq!(set("h_count", "", "a"), one);
        assert_ne!(set("h_bucket", "1", "b"), one);
        assert_ne!(set("g_bucket", "1", "a"), one);
        assert_eq!(set("h_sum", "", "a"), None);
        assert_eq!(set("s3_bucket", "", "a"), None, "no histogram");
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(
            before in prop::collection::vec(any::<u8>(), 0..80),
            behind in prop::collection::vec(any::<u8>(), 0..80),
            back in 0..100_u8,
            samples in 0..300_usize,
        ) {
            let offset = before.len();
            let raw = [before, vec![DIFFERENCE, back], behind].concat();
            let mut values = Vec::new();
            if decode(&page(&raw), offset, samples, &mut values).is_ok() {
                prop_assert_eq!(values.len(), samples);
                prop_assert!(values.iter().all(|value| value.is_finite()));
            }
        }
    }
}
