//! Posting sets on disk: a number that is the set itself, or says where its list stands. It is a
//! u64, or a u32 where all of a segment fit.
//!
//! Series ids follow the metric name, so most sets are a run (all series of a metric, all of a job
//! in it) or one or two ids, and take no more than the number.

use roaring::RoaringBitmap;

use super::{SegmentError, varint};
use crate::postings::Union;

/// The largest distance or length that stands inline.
const LARGEST: u32 = (1 << 30) - 1;
/// In a u32 the largest id, distance or length that stands inline.
const LARGEST_SHORT: u64 = (1 << 15) - 1;
/// Above this many ids a list is always a bitmap, which is decoded faster.
const LONGEST_LIST: u64 = 1024;

/// A posting set, as far as the u64 says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Posting {
    /// One id.
    One(u32),
    /// An id, and another one at a distance.
    Two(u32, u32),
    /// Consecutive ids: the first, and how many.
    Run(u32, u32),
    /// A list at this offset in its section.
    List(u64),
}

impl Posting {
    pub(super) fn unpack(bits: u64) -> Self {
        let first = (bits >> 2) as u32;
        let second = (bits >> 34) as u32;
        match bits & 3 {
            0 => Self::One(first),
            1 => Self::Two(first, second),
            2 => Self::Run(first, second),
            _ => Self::List(bits >> 2),
        }
    }

    /// As [`unpack`](Self::unpack) of [`shorten`]'s number.
    pub(super) fn unpack_short(bits: u64) -> Self {
        let both = bits >> 2;
        match bits & 3 {
            3 => Self::List(both),
            tag => Self::unpack(tag | (both & LARGEST_SHORT) << 2 | (both >> 15) << 34),
        }
    }

    fn pack(self) -> u64 {
        let inline = |tag, a: u32, b: u32| tag | u64::from(a) << 2 | u64::from(b) << 34;
        match self {
            Self::One(id) => inline(0, id, 0),
            Self::Two(first, distance) => inline(1, first, distance),
            Self::Run(first, len) => inline(2, first, len),
            Self::List(offset) => 3 | offset << 2,
        }
    }

    /// The id of a set that has one.
    pub(super) fn one(self) -> Option<u32> {
        if let Self::One(id) = self { Some(id) } else { None }
    }

    /// The last id of an inline set; `None` if it is not inline or has an impossible size.
    fn last(self) -> Option<u32> {
        match self {
            Self::One(id) => Some(id),
            Self::Two(first, distance) if distance > 0 => first.checked_add(distance),
            Self::Run(first, len) => first.checked_add(len.checked_sub(1)?),
            Self::Two(..) | Self::List(_) => None,
        }
    }

    /// Whether an inline set is possible in a segment of so many series.
    pub(super) fn fits(self, series: u32) -> bool {
        self.last().is_some_and(|last| last < series)
    }

    /// Adds an inline set that [`fits`](Self::fits).
    pub(super) fn add_to(self, union: &mut Union) {
        match self {
            Self::One(id) => union.push(id),
            Self::Two(first, distance) => {
                union.push(first);
                union.push(first.saturating_add(distance));
            }
            Self::Run(first, len) => union.push_run(first, len),
            Self::List(_) => {}
        }
    }

    /// Whether an inline set shares an id with another set.
    pub(super) fn meets(self, other: &RoaringBitmap) -> bool {
        match (self, self.last()) {
            (Self::Run(first, _), Some(last)) => other.range(first..=last).next().is_some(),
            (Self::One(id), _) => other.contains(id),
            (Self::Two(first, _), Some(last)) => other.contains(first) || other.contains(last),
            _ => false,
        }
    }
}

/// A packed posting in 32 bits, if it fits.
pub(super) fn shorten(bits: u64) -> Option<u64> {
    let (tag, rest) = (bits & 3, bits >> 2);
    if tag == 3 {
        return (rest < 1 << 30).then_some(bits);
    }
    let (first, second) = (rest & u64::from(u32::MAX), rest >> 32);
    let fits = first <= LARGEST_SHORT && second <= LARGEST_SHORT;
    fits.then_some(tag | first << 2 | second << 17)
}

/// Writes a set that is not empty; what does not fit a u64 goes to the end of `lists`.
pub(super) fn write(set: &RoaringBitmap, lists: &mut Vec<u8>) -> std::io::Result<u64> {
    let (first, last) = (set.min().unwrap_or(0), set.max().unwrap_or(0));
    let distance = last - first;
    let short = distance < LARGEST;
    let inline = match set.len() {
        0 | 1 => Posting::One(first),
        len if short && len == u64::from(distance) + 1 => Posting::Run(first, distance + 1),
        2 if short => Posting::Two(first, distance),
        _ => {
            let offset = lists.len() as u64;
            write_list(set, lists)?;
            Posting::List(offset)
        }
    };
    Ok(inline.pack())
}

/// A header of count and kind, the length, and distances or a roaring bitmap, whichever is shorter.
fn write_list(set: &RoaringBitmap, lists: &mut Vec<u8>) -> std::io::Result<()> {
    let mut optimised = set.clone();
    optimised.optimize();
    let mut body = Vec::new();
    let mut kind = 0;
    if set.len() <= LONGEST_LIST {
        let mut before = 0;
        for id in set {
            varint::put(&mut body, u64::from(id - before));
            before = id;
        }
    }
    if body.is_empty() || optimised.serialized_size() < body.len() {
        kind = 1;
        body.clear();
        optimised.serialize_into(&mut body)?;
    }
    varint::put(lists, set.len() << 1 | kind);
    varint::put(lists, body.len() as u64);
    lists.extend_from_slice(&body);
    Ok(())
}

/// The most bytes of a list's header.
pub(super) const LIST_HEADER: u64 = 20;

/// What a list's header says.
pub(super) struct ListHeader {
    pub(super) count: u64,
    pub(super) is_bitmap: bool,
    pub(super) header_len: u64,
    pub(super) body_len: u64,
}

impl ListHeader {
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let mut rest = bytes;
        let first = varint::take(&mut rest)?;
        let body_len = varint::take(&mut rest)?;
        let header_len = (bytes.len() - rest.len()) as u64;
        Some(Self { count: first >> 1, is_bitmap: first & 1 == 1, header_len, body_len })
    }

    /// Adds the ids of a list to a union, in a segment of so many series. The body must have
    /// passed its checksum.
    pub(super) fn decode(
        &self,
        body: &[u8],
        offset: u64,
        series: u32,
        union: &mut Union,
    ) -> Result<(), SegmentError> {
        let corrupt = |what| SegmentError::Corrupt { offset, what };
        let (last, count) = if self.is_bitmap {
            let set =
                RoaringBitmap::deserialize_from(body).map_err(|_| corrupt("bad posting bitmap"))?;
            union.push_bitmap(&set);
            (set.max(), set.len())
        } else {
            distances(body, union).ok_or(corrupt("bad posting list"))?
        };
        if last.is_none_or(|last| last < series) && count == self.count {
            Ok(())
        } else {
            Err(corrupt("a posting list has other ids than it says"))
        }
    }
}

/// Adds a list's ids; returns the last and how many there were.
fn distances(mut body: &[u8], union: &mut Union) -> Option<(Option<u32>, u64)> {
    let (mut last, mut count) = (None, 0);
    while !body.is_empty() {
        let distance = varint::take_u32(&mut body)?;
        let id = match last {
            None => distance,
            Some(last) if distance > 0 => u32::checked_add(last, distance)?,
            Some(_) => return None,
        };
        union.push(id);
        last = Some(id);
        count += 1;
    }
    Some((last, count))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inline_sets_come_back() {
        let top = u32::MAX;
        for set in [vec![0], vec![top], vec![3, 9], vec![5, 6, 7], vec![top - 1, top]] {
            let bitmap: RoaringBitmap = set.iter().copied().collect();
            let mut lists = Vec::new();
            let posting = Posting::unpack(write(&bitmap, &mut lists).unwrap());
            let mut union = Union::default();
            posting.add_to(&mut union);
            assert_eq!((union.finish(), lists.len()), (bitmap, 0), "{set:?}");
        }
    }

    #[test]
    fn what_fits_32_bits_comes_back() {
        let top = LARGEST_SHORT as u32;
        for posting in [
            Posting::One(top),
            Posting::Two(3, top),
            Posting::Run(top, 1),
            Posting::Run(0, top),
            Posting::List((1 << 30) - 1),
        ] {
            let bits = shorten(posting.pack()).unwrap();
            assert!(u32::try_from(bits).is_ok(), "{posting:?}");
            assert_eq!(Posting::unpack_short(bits), posting);
        }
        for posting in [
            Posting::One(top + 1),
            Posting::Two(3, top + 1),
            Posting::Run(top + 1, 1),
            Posting::List(1 << 30),
        ] {
            assert_eq!(shorten(posting.pack()), None, "{posting:?}");
        }
    }

    #[test]
    fn lists_come_back() {
        let far: RoaringBitmap = [0, u32::MAX - 1].into_iter().collect();
        let odd: RoaringBitmap = (0..5000).map(|i| i * 2 + 1).collect();
        for set in [far, odd, [1, 5, 9].into_iter().collect()] {
            let mut lists = vec![7];
            let posting = Posting::unpack(write(&set, &mut lists).unwrap());
            assert_eq!(posting, Posting::List(1));
            let header = ListHeader::read(&lists[1..]).unwrap();
            let body = &lists[1 + header.header_len as usize..];
            assert_eq!(body.len() as u64, header.body_len);
            let mut union = Union::default();
            header.decode(body, 0, u32::MAX, &mut union).unwrap();
            assert_eq!(union.finish(), set);
            assert!(header.decode(body, 0, 5, &mut Union::default()).is_err());
        }
    }
}
