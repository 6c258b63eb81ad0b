//! Numbers about labels that a segment tells without reading its series.

use super::{Posting, Result, Section, Segment};
use crate::head::{NameCount, PairCount};

impl<B: AsRef<[u8]>> Segment<B> {
    /// All label names with their values and series, sorted by name.
    ///
    /// # Errors
    /// [`SegmentError::Corrupt`](crate::SegmentError::Corrupt) if a part that is needed is damaged.
    pub fn name_counts(&self) -> std::result::Result<Vec<NameCount>, crate::SegmentError> {
        let count = |number| {
            let name = self.name(number)?;
            let end = |pair: u32| -> Result<u64> {
                Ok(self.entries(Section::ValueEnds, pair, 1)?.get(0))
            };
            Ok(NameCount {
                name: name.text.to_owned(),
                values: name.count.into(),
                value_bytes: end(name.end())?.saturating_sub(end(name.first)?),
                series: self.count(name.present)?,
            })
        };
        (0..self.layout.names).map(count).collect()
    }

    /// The `top` values of a label that the most series have, the largest first; equal ones by
    /// value.
    ///
    /// # Errors
    /// As [`name_counts`](Self::name_counts).
    pub fn largest_values(
        &self,
        name: &str,
        top: usize,
    ) -> std::result::Result<Vec<PairCount>, crate::SegmentError> {
        let Some(name) = self.find_name(name)? else { return Ok(Vec::new()) };
        let count = |pair| self.posting(pair).and_then(|posting| Ok((self.count(posting)?, pair)));
        let counts: Result<Vec<(u64, u32)>> = (name.first..name.end()).map(count).collect();
        let mut counts = counts?;
        // Values are in the order of their pairs.
        counts.sort_unstable_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
        let pair = |&(series, pair): &(u64, u32)| {
            let value = self.value(pair)?.to_owned();
            Ok(PairCount { name: name.text.to_owned(), value, series })
        };
        counts.iter().take(top).map(pair).collect()
    }

    fn count(&self, posting: Posting) -> Result<u64> {
        Ok(match posting {
            Posting::One(_) => 1,
            Posting::Two(..) => 2,
            Posting::Run(_, len) => len.into(),
            Posting::List(offset) => self.list_header(offset)?.count,
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::{Segment, SegmentWriter, labels};

    #[test]
    fn counts_are_those_of_the_series() {
        let mut writer = SegmentWriter::new();
        for metric in ["a", "b"] {
            for id in 0..9_u32 {
                let own = id.to_string();
                let odd = if id % 2 == 1 { "yes" } else { "" };
                let set = labels! { "__name__" => metric, "id" => &own, "odd" => odd };
                writer.add(&set).unwrap();
            }
        }
        writer.add(&labels! { "__name__" => "c", "id" => "3" }).unwrap();
        let segment = Segment::open(writer.finish().unwrap()).unwrap();
        let names = segment.name_counts().unwrap();
        let told: Vec<_> =
            names.iter().map(|n| (&*n.name, n.values, n.value_bytes, n.series)).collect();
        assert_eq!(told, [("__name__", 3, 3, 19), ("id", 9, 9, 19), ("odd", 1, 3, 8)]);
        let largest = |name: &str| -> Vec<(String, u64)> {
            let found = segment.largest_values(name, 2).unwrap();
            found.into_iter().map(|pair| (pair.value, pair.series)).collect()
        };
        assert_eq!(largest("__name__"), [("a".to_owned(), 9), ("b".to_owned(), 9)]);
        assert_eq!(largest("id"), [("3".to_owned(), 3), ("0".to_owned(), 2)]);
        assert_eq!(largest("odd"), [("yes".to_owned(), 8)]);
        assert_eq!(largest("none"), []);
    }
}
