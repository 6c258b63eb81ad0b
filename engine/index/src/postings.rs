//! Which series have a pair: tiny sets inline, small ones as a list, the rest as roaring bitmaps.

mod growing;

use std::borrow::Cow;
use std::ops::Range;

use roaring::RoaringBitmap;

pub(crate) use growing::Growing;

/// How many ids stand inline.
const INLINE: usize = 3;
/// How many ids a list may have; a roaring bitmap of the same ids costs about 200 bytes more.
const LIST: usize = 64;

/// A set of series ids, 16 bytes if it has up to three.
#[derive(Debug)]
pub(crate) enum Postings {
    /// Up to three ids, ascending.
    Few(u8, [u32; INLINE]),
    /// Ids, ascending.
    #[expect(clippy::box_collection, reason = "keeps the enum at 16 bytes")]
    List(Box<Vec<u32>>),
    /// Many ids.
    Many(Box<Growing>),
}

impl Default for Postings {
    fn default() -> Self {
        Self::Few(0, [0; INLINE])
    }
}

impl Postings {
    /// Adds an id, which a bitmap may lack until [`settle`](Self::settle); whether this begins to
    /// lack some.
    pub(crate) fn add(&mut self, id: u32) -> bool {
        match self {
            Self::Few(len, ids) if usize::from(*len) < INLINE => {
                let at = ids[..usize::from(*len)].partition_point(|&other| other < id);
                if at < usize::from(*len) && ids[at] == id {
                    return false;
                }
                ids.copy_within(at..usize::from(*len), at + 1);
                ids[at] = id;
                *len += 1;
            }
            Self::Few(_, ids) => {
                if !ids.contains(&id) {
                    let mut list = Vec::with_capacity(6);
                    list.extend_from_slice(ids);
                    insert_sorted(&mut list, id);
                    *self = Self::List(Box::new(list));
                }
            }
            Self::List(list) if list.len() < LIST => insert_sorted(list, id),
            Self::List(list) => {
                let mut many = Growing::from_sorted(list);
                many.add(id);
                *self = Self::Many(Box::new(many));
                return true;
            }
            Self::Many(many) => {
                let begins = many.is_settled();
                many.add(id);
                return begins;
            }
        }
        false
    }

    /// Puts all ids where they belong; returns by how many bytes the heap grew.
    pub(crate) fn settle(&mut self) -> isize {
        match self {
            Self::Few(..) | Self::List(_) => 0,
            Self::Many(many) => many.settle(),
        }
    }

    /// Takes as little memory as can be; returns by how many bytes the heap grew.
    pub(crate) fn compact(&mut self) -> isize {
        match self {
            Self::Few(..) | Self::List(_) => 0,
            Self::Many(many) => many.compact(),
        }
    }

    /// Takes an id away.
    pub(crate) fn remove(&mut self, id: u32) {
        match self {
            Self::Few(len, ids) => {
                let used = usize::from(*len);
                if let Some(at) = ids[..used].iter().position(|&other| other == id) {
                    ids.copy_within(at + 1..used, at);
                    *len -= 1;
                }
            }
            Self::List(list) => {
                if let Ok(at) = list.binary_search(&id) {
                    list.remove(at);
                }
                self.shrink();
            }
            Self::Many(many) => {
                many.remove(id);
                self.shrink();
            }
        }
    }

    /// Goes back to a smaller form, well below the size at which it was left.
    fn shrink(&mut self) {
        match self {
            Self::List(list) if list.len() < INLINE => {
                let mut ids = [0; INLINE];
                ids[..list.len()].copy_from_slice(list);
                *self = Self::Few(list.len() as u8, ids);
            }
            Self::Many(many) if many.len() < LIST as u64 / 2 => {
                *self = Self::List(Box::new(many.bitmap().iter().collect()));
            }
            _ => {}
        }
    }

    /// Number of ids.
    pub(crate) fn len(&self) -> u64 {
        match self {
            Self::Few(..) | Self::List(_) => self.small().len() as u64,
            Self::Many(many) => many.len(),
        }
    }

    /// Whether there are so many ids that they are a bitmap.
    pub(crate) fn is_large(&self) -> bool {
        matches!(self, Self::Many(_))
    }

    /// The ids of a set that is not a bitmap.
    fn small(&self) -> &[u32] {
        match self {
            Self::Few(len, ids) => &ids[..usize::from(*len)],
            Self::List(list) => list,
            Self::Many(_) => &[],
        }
    }

    /// The set as a bitmap.
    pub(crate) fn bitmap(&self) -> Cow<'_, RoaringBitmap> {
        match self {
            Self::Many(many) => Cow::Borrowed(many.bitmap()),
            _ => Cow::Owned(self.small().iter().copied().collect()),
        }
    }

    /// Adds the set to a union.
    pub(crate) fn add_to(&self, union: &mut Union) {
        match self {
            Self::Many(many) => union.bitmap |= many.bitmap(),
            _ => union.ids.extend_from_slice(self.small()),
        }
    }

    /// Whether the two sets have an id in common.
    pub(crate) fn meets(&self, other: &RoaringBitmap) -> bool {
        match self {
            Self::Many(many) => !many.bitmap().is_disjoint(other),
            _ => self.small().iter().any(|&id| other.contains(id)),
        }
    }

    /// Bytes on the heap (of a bitmap: as of its last count).
    pub(crate) fn heap_bytes(&self) -> usize {
        match self {
            Self::Few(..) => 0,
            Self::List(list) => size_of::<Vec<u32>>() + list.capacity() * 4,
            Self::Many(many) => size_of::<Growing>() + many.heap_bytes(),
        }
    }
}

fn insert_sorted(list: &mut Vec<u32>, id: u32) {
    if list.last().is_none_or(|&last| last < id) {
        list.push(id);
    } else if let Err(at) = list.binary_search(&id) {
        list.insert(at, id);
    }
}

/// A bitmap that knows its bytes. Counting visits all containers, so it is repeated only when the
/// set has grown or shrunk by an eighth.
#[derive(Debug, Default)]
pub(crate) struct Counted {
    bitmap: RoaringBitmap,
    len: u32,
    /// The length at the last count.
    len_then: u32,
    bytes: u32,
}

impl Counted {
    fn from_sorted(ids: &[u32]) -> Self {
        let mut counted = Self {
            bitmap: ids.iter().copied().collect(),
            len: ids.len() as u32,
            ..Self::default()
        };
        counted.count();
        counted
    }

    pub(crate) fn insert(&mut self, id: u32) {
        /// A bitmap of so many ids is of arrays alone.
        const ARRAYS: u32 = 4096;
        // New ids mostly come at the end, where an array need not be searched. A container of bits
        // would be searched for its end instead.
        let pushed = self.len < ARRAYS && self.bitmap.try_push(id).is_ok();
        if pushed || self.bitmap.insert(id) {
            self.len += 1;
            self.count_if_due();
        }
    }

    /// Adds consecutive ids.
    pub(crate) fn insert_range(&mut self, ids: Range<u32>) {
        self.len += self.bitmap.insert_range(ids) as u32;
        self.count_if_due();
    }

    pub(crate) fn remove(&mut self, id: u32) {
        if self.bitmap.remove(id) {
            self.len -= 1;
            self.count_if_due();
        }
    }

    pub(crate) fn bitmap(&self) -> &RoaringBitmap {
        &self.bitmap
    }

    pub(crate) fn len(&self) -> u64 {
        u64::from(self.len)
    }

    /// Bytes on the heap as of the last count.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.bytes as usize
    }

    fn compact(&mut self) {
        self.bitmap.optimize();
        // Runs and arrays keep the room that they once needed, many times as much after a flood, and
        // no count shows it; copies have the least.
        self.bitmap = self.bitmap.clone();
        self.count();
    }

    fn count_if_due(&mut self) {
        if self.len.abs_diff(self.len_then) > self.len_then / 8 {
            self.count();
        }
    }

    fn count(&mut self) {
        /// A container's key and its store's tag and vector.
        const CONTAINER: u64 = 40;
        /// A container as a plain bitmap.
        const BITSET: u64 = 8192;
        let s = self.bitmap.statistics();
        // The crate counts 4 bytes for each place of an array, which takes 2, and bitsets in bits.
        let stores = s.n_bytes_array_containers / 2
            + s.n_bytes_run_containers
            + u64::from(s.n_bitset_containers) * BITSET;
        self.len_then = self.len;
        self.bytes =
            u32::try_from(stores + u64::from(s.n_containers) * CONTAINER).unwrap_or(u32::MAX);
    }
}

/// Collects sets into their union.
#[derive(Debug, Default)]
pub(crate) struct Union {
    bitmap: RoaringBitmap,
    /// Ids of small sets, in no order.
    ids: Vec<u32>,
}

impl Union {
    /// Adds one id.
    pub(crate) fn push(&mut self, id: u32) {
        self.ids.push(id);
    }

    /// Adds `len` ids from `first` on.
    pub(crate) fn push_run(&mut self, first: u32, len: u32) {
        if len > 0 {
            self.bitmap.insert_range(first..=first.saturating_add(len - 1));
        }
    }

    /// Adds a bitmap.
    pub(crate) fn push_bitmap(&mut self, bitmap: &RoaringBitmap) {
        self.bitmap |= bitmap;
    }

    /// The union.
    pub(crate) fn finish(mut self) -> RoaringBitmap {
        let small = set_of(self.ids);
        if self.bitmap.is_empty() {
            return small;
        }
        self.bitmap |= small;
        self.bitmap
    }
}

/// The set of ids in no order. Many that lie close together are marked in a table of bits, which
/// costs a third of sorting them.
fn set_of(mut ids: Vec<u32>) -> RoaringBitmap {
    /// Fewer are sorted.
    const MANY: usize = 512;
    let last = ids.iter().max().copied().unwrap_or(0) as usize;
    if ids.len() < MANY || last / 64 > ids.len() * 4 {
        ids.sort_unstable();
        ids.dedup();
        return RoaringBitmap::from_sorted_iter(ids).unwrap_or_default();
    }
    let mut bits = vec![0_u8; last / 8 + 1];
    for id in ids {
        bits[id as usize / 8] |= 1 << (id % 8);
    }
    RoaringBitmap::from_lsb0_bytes(0, &bits)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_set_takes_16_bytes() {
        assert_eq!(size_of::<Postings>(), 16);
    }

    #[test]
    fn close_and_scattered_ids_become_the_same_set() {
        for spread in [1, 3, 70, 5000] {
            let ids: Vec<u32> = (0..40_000).map(|i| i * 7919 % 4001 * spread).collect();
            let expected: RoaringBitmap = ids.iter().copied().collect();
            assert_eq!(set_of(ids), expected, "spread {spread}");
        }
        assert_eq!(set_of(Vec::new()), RoaringBitmap::new());
        assert_eq!(set_of(vec![u32::MAX; 600]).len(), 1);
    }

    proptest! {
        #[test]
        fn behaves_like_a_set(steps in prop::collection::vec((any::<bool>(), 0u32..200), 0..600)) {
            let (mut postings, mut model) = (Postings::default(), BTreeSet::new());
            let wanted: RoaringBitmap = [3, 50, 199].into_iter().collect();
            for (add, id) in steps {
                if add || id % 3 == 0 {
                    postings.add(id);
                    model.insert(id);
                } else {
                    postings.settle();
                    postings.remove(id);
                    model.remove(&id);
                }
                if id % 2 == 0 {
                    continue;
                }
                postings.settle();
                prop_assert_eq!(postings.len(), model.len() as u64);
                prop_assert_eq!(postings.meets(&wanted), model.iter().any(|&id| wanted.contains(id)));
            }
            postings.settle();
            let expected: RoaringBitmap = model.into_iter().collect();
            prop_assert_eq!(&*postings.bitmap(), &expected);
            let mut union = Union::default();
            postings.add_to(&mut union);
            postings.add_to(&mut union);
            prop_assert_eq!(union.finish(), expected);
        }
    }
}
