//! Label sets: sorted name-value pairs that identify a series.

use std::cell::Cell;
use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

/// The label that holds the metric name.
pub const METRIC_NAME: &str = "__name__";

/// Why a list of pairs is not a label set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LabelError {
    /// The same name came twice.
    #[error("label name {name:?} occurs more than once")]
    Duplicate {
        /// The name that came twice.
        name: String,
    },
    /// A name has no bytes.
    #[error("empty label name (its value is {value:?})")]
    EmptyName {
        /// The value that came with the empty name.
        value: String,
    },
    /// All names and values together are longer than 4 GiB.
    #[error("label set of {bytes} bytes is too long")]
    TooLong {
        /// Bytes of all names and values.
        bytes: usize,
    },
}

/// An immutable label set, sorted by name, without empty values.
///
/// Names and values stand one after the other in one string; a table of ends cuts it. Both are
/// shared by clones, so that cloning allocates nothing.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct Labels {
    text: Arc<str>,
    /// Ends of name 0, value 0, name 1, value 1, … Sets whose pieces are as long may share them.
    ends: Arc<[u32]>,
}

impl Labels {
    /// The label set without labels.
    #[must_use]
    pub fn empty() -> Self {
        Self::default()
    }

    /// Makes a label set of pairs in any order; pairs with an empty value are left out.
    ///
    /// # Errors
    /// [`LabelError`] if a name is empty or comes twice.
    pub fn from_pairs<N: AsRef<str>, V: AsRef<str>>(
        pairs: impl IntoIterator<Item = (N, V)>,
    ) -> Result<Self, LabelError> {
        let mut builder = LabelsBuilder::default();
        for (name, value) in pairs {
            builder.push(name.as_ref(), value.as_ref());
        }
        builder.build()
    }

    /// A number that clones of one label set have in common. No other label set has it while one
    /// of them lives; equal label sets that were made apart have different ones.
    #[must_use]
    pub fn address(&self) -> usize {
        Arc::as_ptr(&self.text).addr()
    }

    /// Number of labels.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len() / 2
    }

    /// Whether there are no labels.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Bytes of all names and values.
    #[must_use]
    pub fn text_len(&self) -> usize {
        self.text.len()
    }

    /// All names and values, one after the other without anything between them.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The pairs in the order of their names.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> + Clone {
        self.behind(0).1
    }

    /// The [text](Self::text) and the pairs that come behind the first `count`.
    ///
    /// # Panics
    /// If there are fewer.
    pub fn behind(
        &self,
        count: usize,
    ) -> (&str, impl ExactSizeIterator<Item = (&str, &str)> + Clone) {
        let (ends, _) = self.ends.as_chunks::<2>();
        let mut start = count.checked_sub(1).map_or(0, |last| ends[last][1] as usize);
        let text = &*self.text;
        let pairs = ends[count..].iter().map(move |&[middle, end]| {
            let (middle, end) = (middle as usize, end as usize);
            let pair = (&text[start..middle], &text[middle..end]);
            start = end;
            pair
        });
        (&text[start..], pairs)
    }

    /// The value of a label, `None` if the set does not have it.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(n, _)| *n == name).map(|(_, v)| v)
    }

    /// The metric name, empty if there is none.
    #[must_use]
    pub fn metric_name(&self) -> &str {
        self.get(METRIC_NAME).unwrap_or("")
    }

    /// A label set with only the labels that `keep` accepts by name.
    #[must_use]
    pub fn filtered(&self, keep: impl Fn(&str) -> bool) -> Self {
        pack(self.iter().filter(|(name, _)| keep(name)))
    }

    /// The order of series inside a block: by metric name, then by label set.
    #[must_use]
    pub fn series_cmp(&self, other: &Self) -> Ordering {
        if self.begins_with_metric() && other.begins_with_metric() {
            // Then the order of the pairs begins with the metric's.
            return self.cmp(other);
        }
        self.metric_name().cmp(other.metric_name()).then_with(|| self.cmp(other))
    }

    /// Whether the metric name is the first label, as it is unless a name begins with a capital.
    fn begins_with_metric(&self) -> bool {
        self.piece(0) == Some(METRIC_NAME.as_bytes())
    }

    /// Compares label sets of which it is known that the first so many names and values (name 0, value
    /// 0, name 1, …) are the same; and says how many are. Sorting compares neighbours that have most of
    /// their text in common, so that is skipped at once and only the first piece that differs is looked at.
    ///
    /// # Panics
    /// If one of them has fewer.
    #[must_use]
    pub fn cmp_behind(&self, other: &Self, known: usize) -> (Ordering, usize) {
        let start = known.checked_sub(1).map_or(0, |last| self.ends[last] as usize);
        let (text, others) = (self.text.as_bytes(), other.text.as_bytes());
        let differ = start + common_bytes(&text[start..], &others[start..]);
        let ends = self.ends[known..].iter().zip(&other.ends[known..]);
        let same = known + ends.take_while(|(a, b)| a == b && **a as usize <= differ).count();
        let order = match (self.ends.get(same), other.ends.get(same)) {
            // The shorter piece may be the front of the other one.
            (Some(&a), Some(&b)) if a.min(b) as usize <= differ => a.cmp(&b),
            (Some(_), Some(_)) => text[differ].cmp(&others[differ]),
            (a, b) => a.is_some().cmp(&b.is_some()),
        };
        (order, same)
    }

    /// Name 0, value 0, name 1, value 1, … as bytes, which have the order of the strings.
    fn piece(&self, i: usize) -> Option<&[u8]> {
        let start = i.checked_sub(1).map_or(0, |before| self.ends[before] as usize);
        self.text.as_bytes().get(start..*self.ends.get(i)? as usize)
    }
}

/// Packs pairs that are sorted, unique and not empty.
pub(crate) fn pack<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> Labels {
    /// Larger memory is not kept.
    const KEPT: usize = 64 << 10;
    thread_local! {
        static SCRATCH: Cell<Scratch> = const { Cell::new(Scratch::new()) };
    }
    let mut scratch = SCRATCH.take();
    scratch.truncate(0);
    pairs.for_each(|(name, value)| scratch.push(name, value));
    let labels = scratch.labels();
    if scratch.text.capacity() + scratch.ends.capacity() < KEPT {
        SCRATCH.set(scratch);
    }
    labels
}

/// Where label sets are put together: so each takes two allocations and no more.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scratch {
    text: String,
    ends: Vec<u32>,
}

impl Scratch {
    pub(crate) const fn new() -> Self {
        Self { text: String::new(), ends: Vec::new() }
    }

    /// Keeps the first so many labels.
    pub(crate) fn truncate(&mut self, labels: usize) {
        self.ends.truncate(labels * 2);
        self.text.truncate(self.ends.last().map_or(0, |&end| end as usize));
    }

    /// Adds a label behind the others.
    pub(crate) fn push(&mut self, name: &str, value: &str) {
        self.text.push_str(name);
        self.ends.push(self.text.len() as u32);
        self.text.push_str(value);
        self.ends.push(self.text.len() as u32);
    }

    /// The name of the last label.
    pub(crate) fn last_name(&self) -> Option<&str> {
        let value = self.ends.len().checked_sub(2)?;
        let start = value.checked_sub(1).map_or(0, |before| self.ends[before] as usize);
        Some(&self.text[start..self.ends[value] as usize])
    }

    /// Names and values in turns.
    pub(crate) fn pieces(&self) -> impl Iterator<Item = &str> {
        let mut start = 0;
        self.ends.iter().map(move |&end| {
            let piece = &self.text[start..end as usize];
            start = end as usize;
            piece
        })
    }

    /// The labels as a set; they are sorted, unique and not empty.
    pub(crate) fn labels(&self) -> Labels {
        Labels { text: self.text.as_str().into(), ends: self.ends.as_slice().into() }
    }

    /// The same with ends that other sets have, too.
    pub(crate) fn labels_sharing(&self, shapes: &mut Shapes) -> Labels {
        Labels { text: self.text.as_str().into(), ends: shapes.shared(&self.ends) }
    }
}

/// Ends of label sets that were made lately: of the series of a fleet few differ in the lengths of
/// all their labels, and an answer holds a hundred thousand sets at once.
#[derive(Debug, Default)]
pub(crate) struct Shapes(Vec<Arc<[u32]>>);

impl Shapes {
    /// Ends that are remembered.
    const PLACES: usize = 256;

    fn shared(&mut self, ends: &[u32]) -> Arc<[u32]> {
        if self.0.is_empty() {
            self.0.resize(Self::PLACES, Arc::default());
        }
        // Tells lengths and their order apart, and is added up several at a time.
        let sum = ends.iter().fold(0_u32, |sum, &end| sum.wrapping_add(end));
        let place = &mut self.0[sum as usize % Self::PLACES];
        if **place != *ends {
            *place = ends.into();
        }
        Arc::clone(place)
    }
}

impl Ord for Labels {
    /// The order of the lists of pairs.
    fn cmp(&self, other: &Self) -> Ordering {
        self.cmp_behind(other, 0).0
    }
}

/// How many bytes at the front are the same.
fn common_bytes(a: &[u8], b: &[u8]) -> usize {
    let ((a_words, _), (b_words, _)) = (a.as_chunks::<16>(), b.as_chunks::<16>());
    let words = a_words.iter().zip(b_words).take_while(|(a, b)| a == b).count();
    if let (Some(a), Some(b)) = (a_words.get(words), b_words.get(words)) {
        let differ = u128::from_le_bytes(*a) ^ u128::from_le_bytes(*b);
        return words * 16 + differ.trailing_zeros() as usize / 8;
    }
    let rest = |bytes| -> &[u8] { <[u8]>::get(bytes, words * 16..).unwrap_or_default() };
    words * 16 + rest(a).iter().zip(rest(b)).take_while(|(a, b)| a == b).count()
}

impl PartialOrd for Labels {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Labels {
    /// Prometheus' notation: `name{label="value", …}`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.metric_name())?;
        let mut rest = self.iter().filter(|(name, _)| *name != METRIC_NAME).peekable();
        if rest.peek().is_none() && !self.is_empty() {
            return Ok(());
        }
        f.write_str("{")?;
        for (i, (name, value)) in rest.enumerate() {
            let comma = if i == 0 { "" } else { ", " };
            write!(f, "{comma}{name}={value:?}")?;
        }
        f.write_str("}")
    }
}

impl fmt::Debug for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Collects pairs in any order and makes a [`Labels`] of them; reusable.
#[derive(Debug, Clone, Default)]
pub struct LabelsBuilder {
    text: String,
    /// Start of the name, start of the value, end of the value.
    pairs: Vec<(u32, u32, u32)>,
}

impl LabelsBuilder {
    /// A builder that starts with the labels of `base`.
    #[must_use]
    pub fn from_labels(base: &Labels) -> Self {
        let mut builder = Self::default();
        for (name, value) in base.iter() {
            builder.push(name, value);
        }
        builder
    }

    /// Forgets all pairs and keeps the memory.
    pub fn clear(&mut self) {
        self.text.clear();
        self.pairs.clear();
    }

    /// Adds a pair; a pair with an empty value is ignored, a repeated name is found by
    /// [`build`](Self::build).
    pub fn push(&mut self, name: &str, value: &str) {
        if value.is_empty() {
            return;
        }
        let start = self.text.len() as u32;
        self.text.push_str(name);
        let middle = self.text.len() as u32;
        self.text.push_str(value);
        self.pairs.push((start, middle, self.text.len() as u32));
    }

    /// Sets a label, replacing the value that it had; an empty value removes it.
    pub fn set(&mut self, name: &str, value: &str) {
        self.remove(name);
        self.push(name, value);
    }

    /// Removes a label if it is there.
    pub fn remove(&mut self, name: &str) {
        let text = &self.text;
        self.pairs.retain(|&(start, middle, _)| &text[start as usize..middle as usize] != name);
    }

    /// The value of a label, `None` if it was not added.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.pairs.iter().map(|&p| self.pair(p)).find(|(n, _)| *n == name).map(|(_, v)| v)
    }

    /// Sorts the pairs and makes the label set; the builder keeps its pairs.
    ///
    /// # Errors
    /// [`LabelError`] if a name is empty or comes twice, or all pairs are longer than 4 GiB.
    pub fn build(&mut self) -> Result<Labels, LabelError> {
        if self.text.len() > u32::MAX as usize {
            return Err(LabelError::TooLong { bytes: self.text.len() });
        }
        let text = &self.text;
        let name = |p: &(u32, u32, u32)| &text.as_bytes()[p.0 as usize..p.1 as usize];
        // Mostly they come in order, and then no name comes twice.
        if !self.pairs.is_sorted_by(|a, b| name(a) < name(b)) {
            self.pairs.sort_by(|a, b| name(a).cmp(name(b)));
            let twice = self.pairs.windows(2).find(|pair| name(&pair[0]) == name(&pair[1]));
            if let Some(&[twice, _]) = twice {
                return Err(LabelError::Duplicate { name: self.pair(twice).0.to_owned() });
            }
        }
        match self.pairs.first() {
            Some(first) if name(first).is_empty() => {
                Err(LabelError::EmptyName { value: self.pair(*first).1.to_owned() })
            }
            _ if self.is_packed() => {
                let ends = self.pairs.iter().flat_map(|&(_, middle, end)| [middle, end]);
                Ok(Labels { text: self.text.as_str().into(), ends: ends.collect() })
            }
            _ => Ok(pack(self.pairs.iter().map(|&p| self.pair(p)))),
        }
    }

    /// Whether the text is that of the label set: pairs mostly come in order, and then it is.
    fn is_packed(&self) -> bool {
        let mut at = 0;
        let follows = |&(start, _, end): &(u32, u32, u32)| start == std::mem::replace(&mut at, end);
        self.pairs.iter().all(follows) && at as usize == self.text.len()
    }

    fn pair(&self, (start, middle, end): (u32, u32, u32)) -> (&str, &str) {
        (&self.text[start as usize..middle as usize], &self.text[middle as usize..end as usize])
    }
}

/// Makes a [`Labels`] of literal pairs; of a repeated name the last value counts.
///
/// ```
/// let up = nunatak_index::labels! { "__name__" => "up", "job" => "node" };
/// assert_eq!(up.to_string(), r#"up{job="node"}"#);
/// ```
#[macro_export]
macro_rules! labels {
    () => {
        $crate::Labels::empty()
    };
    ($($name:expr => $value:expr),+ $(,)?) => {{
        let mut builder = $crate::LabelsBuilder::default();
        $(builder.set($name, $value);)+
        builder.build().unwrap_or_default()
    }};
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_order_is_that_of_the_pairs(
            a in prop::collection::btree_map("[ab]{1,3}", "[abé]{1,20}", 0..5),
            b in prop::collection::btree_map("[ab]{1,3}", "[abé]{1,20}", 0..5),
            shared in prop::collection::btree_map("[AB]{1,3}", "x{1,30}", 0..3),
        ) {
            let set = |own: &std::collections::BTreeMap<String, String>| {
                Labels::from_pairs(shared.iter().chain(own)).unwrap()
            };
            let (a, b) = (set(&a), set(&b));
            prop_assert_eq!(a.cmp(&b), a.iter().cmp(b.iter()));
            prop_assert_eq!(a.cmp(&a.clone()), Ordering::Equal);
            let pieces = |labels: &Labels| -> Vec<String> {
                labels.iter().flat_map(|(name, value)| [name.to_owned(), value.to_owned()]).collect()
            };
            let same = pieces(&a).iter().zip(pieces(&b)).take_while(|(a, b)| *a == b).count();
            for known in 0..=same {
                prop_assert_eq!(a.cmp_behind(&b, known), (a.cmp(&b), same));
            }
        }

        #[test]
        fn series_are_ordered_by_metric_first(
            a in prop::collection::btree_map("A|__name__|b", "[xy]{1,2}", 0..3),
            b in prop::collection::btree_map("A|__name__|b", "[xy]{1,2}", 0..3),
        ) {
            let (a, b) = (Labels::from_pairs(&a).unwrap(), Labels::from_pairs(&b).unwrap());
            let by_metric = a.metric_name().cmp(b.metric_name()).then(a.cmp(&b));
            prop_assert_eq!(a.series_cmp(&b), by_metric);
        }
    }

    #[test]
    fn sorts_and_drops_empty_values() {
        let labels = Labels::from_pairs([("b", "2"), ("a", "1"), ("c", "")]).unwrap();
        assert_eq!(labels.iter().collect::<Vec<_>>(), [("a", "1"), ("b", "2")]);
        assert_eq!((labels.get("a"), labels.get("c")), (Some("1"), None));
    }

    #[test]
    fn clones_have_one_address() {
        let (a, b) = (labels! { "a" => "1" }, labels! { "a" => "1" });
        assert_eq!(a.address(), a.clone().address());
        assert_ne!(a.address(), b.address());
    }

    #[test]
    fn shapes_are_shared_by_sets_of_equal_lengths_alone() {
        let mut shapes = Shapes::default();
        let mut made = |pairs: &[(&str, &str)]| {
            let mut scratch = Scratch::new();
            for (name, value) in pairs {
                scratch.push(name, value);
            }
            scratch.labels_sharing(&mut shapes)
        };
        let (a, b) = (made(&[("a", "1"), ("bc", "22")]), made(&[("x", "3"), ("yz", "44")]));
        // The ends add up to the same.
        let other = made(&[("a", "12"), ("b", "1")]);
        assert!(Arc::ptr_eq(&a.ends, &b.ends) && a.address() != b.address());
        assert_eq!(a, labels! { "a" => "1", "bc" => "22" });
        assert_eq!(b, labels! { "x" => "3", "yz" => "44" });
        assert_eq!(other, labels! { "a" => "12", "b" => "1" });
        assert_eq!(made(&[]), Labels::empty());
    }

    #[test]
    fn refuses_duplicate_and_empty_names() {
        let twice = Labels::from_pairs([("a", "1"), ("a", "2")]);
        assert_eq!(twice, Err(LabelError::Duplicate { name: "a".into() }));
        let empty = Labels::from_pairs([("", "1")]);
        assert_eq!(empty, Err(LabelError::EmptyName { value: "1".into() }));
    }

    #[test]
    fn orders_by_pairs_and_by_metric() {
        let upper = labels! { "A" => "1", "__name__" => "z" };
        let lower = labels! { "__name__" => "a", "b" => "1" };
        assert!(upper < lower);
        assert_eq!(upper.series_cmp(&lower), Ordering::Greater);
    }

    #[test]
    fn builder_sets_and_removes() {
        let mut builder = LabelsBuilder::from_labels(&labels! { "a" => "1", "b" => "2" });
        builder.set("a", "3");
        builder.remove("b");
        assert_eq!(builder.build().unwrap(), labels! { "a" => "3" });
    }

    #[test]
    fn what_was_removed_or_came_in_no_order_leaves_nothing_behind() {
        let expected = labels! { "a" => "1", "c" => "3" };
        for gone in ["", "a", "b", "d"] {
            let mut builder = LabelsBuilder::default();
            for (name, value) in [("a", "1"), ("b", "2"), ("c", "3"), ("d", "4")] {
                builder.push(name, value);
            }
            for name in ["b", "d", gone] {
                builder.remove(name);
            }
            if gone == "a" {
                builder.push("a", "1");
            }
            let built = builder.build().unwrap();
            assert_eq!((built.text(), &built), ("a1c3", &expected), "{gone}");
        }
    }

    #[test]
    fn prints_like_prometheus() {
        assert_eq!(labels! { "__name__" => "up" }.to_string(), "up");
        assert_eq!(labels! {}.to_string(), "{}");
        assert_eq!(labels! { "a" => "x\"y" }.to_string(), r#"{a="x\"y"}"#);
    }
}
