//! What selection asks of a segment.

use std::borrow::Cow;
use std::ops::Range;

use roaring::RoaringBitmap;

use super::series::Walk;
use super::{Name, Segment};
use crate::answers::REMEMBERED;
use crate::matcher::{Matcher, Test};
use crate::postings::Union;
use crate::segment::layout::Section;
use crate::segment::{Result, SegmentError};
use crate::select::Index;

/// So few series are looked at one by one, whatever the postings of a value would cost.
const FEW: u64 = 64;

impl<B: AsRef<[u8]>> Index for Segment<B> {
    type Error = SegmentError;

    fn all(&self) -> Result<Cow<'_, RoaringBitmap>> {
        let mut all = RoaringBitmap::new();
        all.insert_range(0..self.layout.series);
        Ok(Cow::Owned(all))
    }

    fn present(&self, name: &str) -> Result<Cow<'_, RoaringBitmap>> {
        match self.find_name(name)? {
            Some(name) => self.set(name.present).map(Cow::Owned),
            None => Ok(Cow::default()),
        }
    }

    fn exact(&self, name: &str, value: &str) -> Result<Cow<'_, RoaringBitmap>> {
        let Some(name) = self.find_name(name)? else { return Ok(Cow::default()) };
        match self.find_value(&name, value)? {
            Some(pair) => self.set(self.posting(pair)?).map(Cow::Owned),
            None => Ok(Cow::default()),
        }
    }

    fn exact_among(
        &self,
        name: &str,
        value: &str,
        series: &RoaringBitmap,
    ) -> Result<Option<RoaringBitmap>> {
        if series.len() > FEW {
            return Ok(None);
        }
        let Some(name) = self.find_name(name)? else { return Ok(Some(RoaringBitmap::new())) };
        let Some(wanted) = self.find_value(&name, value)? else {
            return Ok(Some(RoaringBitmap::new()));
        };
        self.among(series, |pairs| Ok(pairs.binary_search(&wanted).is_ok())).map(Some)
    }

    fn one_of(&self, name: &str, values: &[Box<str>]) -> Result<RoaringBitmap> {
        let Some(name) = self.find_name(name)? else { return Ok(RoaringBitmap::new()) };
        let mut union = Union::default();
        for value in values {
            if let Some(pair) = self.find_value(&name, value)? {
                self.add_posting(self.posting(pair)?, &mut union)?;
            }
        }
        Ok(union.finish())
    }

    fn walk(&self, matcher: &Matcher, among: Option<&RoaringBitmap>) -> Result<RoaringBitmap> {
        let test = matcher.test();
        let Some(name) = self.find_name(matcher.name())? else { return Ok(RoaringBitmap::new()) };
        if let Some(series) = among.filter(|series| series.len() <= FEW) {
            return self.filter_series(&name, test, series);
        }
        let pairs = match test {
            Test::Prefix(prefix) => return self.union_of(self.pairs_with_prefix(&name, prefix)?),
            Test::Pattern { prefix, .. } => self.pairs_with_prefix(&name, prefix)?,
            _ => self.pairs_with_prefix(&name, "")?,
        };
        match among {
            Some(series) if self.is_few(series, pairs.end - pairs.start) => {
                self.filter_series(&name, test, series)
            }
            _ if pairs.len() < REMEMBERED => self.scan(pairs, test),
            _ => self.remembered(matcher, pairs),
        }
    }
}

impl<B: AsRef<[u8]>> Segment<B> {
    /// As [`scan`](Self::scan), or what it found before.
    fn remembered(&self, matcher: &Matcher, pairs: Range<u32>) -> Result<RoaringBitmap> {
        if let Some(found) = self.answers.get(matcher) {
            return Ok((*found).clone());
        }
        let found = self.scan(pairs, matcher.test())?;
        self.answers.insert(matcher, &found);
        Ok(found)
    }

    /// The series of consecutive pairs.
    fn union_of(&self, pairs: Range<u32>) -> Result<RoaringBitmap> {
        let mut union = Union::default();
        for pair in pairs {
            self.add_posting(self.posting(pair)?, &mut union)?;
        }
        Ok(union.finish())
    }

    /// The series of those pairs whose value passes. The values stand one behind the other, so
    /// they are checked once and read like a text.
    fn scan(&self, pairs: Range<u32>, test: &Test) -> Result<RoaringBitmap> {
        let mut union = Union::default();
        let ends = self.entries(Section::ValueEnds, pairs.start, pairs.len() + 1)?;
        let (first, last) = (ends.get(0), ends.get(pairs.len()));
        let corrupt = |what| self.corrupt(Section::ValueText, first, what);
        let text = self.part(Section::ValueText, first, last)?;
        let text = std::str::from_utf8(text).map_err(|_| corrupt("bad UTF-8"))?;
        let mut start = 0;
        for (i, pair) in pairs.enumerate() {
            let end = ends.get(i + 1).wrapping_sub(first) as usize;
            let value = text.get(start..end).ok_or_else(|| corrupt("values overlap"))?;
            start = end;
            if test.accepts(value) {
                self.add_posting(self.posting(pair)?, &mut union)?;
            }
        }
        Ok(union.finish())
    }

    /// Those of a few series whose value passes.
    fn filter_series(
        &self,
        name: &Name<'_>,
        test: &Test,
        series: &RoaringBitmap,
    ) -> Result<RoaringBitmap> {
        self.among(series, |pairs| match pairs.iter().find(|&&pair| name.has(pair)) {
            Some(&pair) => self.value(pair).map(|value| test.accepts(value)),
            None => Ok(false),
        })
    }

    /// Those of a few series whose pairs pass.
    fn among(
        &self,
        series: &RoaringBitmap,
        accepts: impl Fn(&[u32]) -> Result<bool>,
    ) -> Result<RoaringBitmap> {
        let mut found = RoaringBitmap::new();
        let mut walk = Walk::new(self);
        for id in series.iter().take_while(|&id| id < self.layout.series) {
            if accepts(walk.pairs(id)?)? {
                found.insert(id);
            }
        }
        Ok(found)
    }
}
