//! What selection asks of a segment.

use std::borrow::Cow;
use std::ops::Range;

use fst::{IntoStreamer, Streamer};
use roaring::RoaringBitmap;

use super::{Name, Segment};
use crate::matcher::{Engine, Test};
use crate::postings::Union;
use crate::segment::{Result, SegmentError};
use crate::select::Index;

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
        match self.fst(&name)?.get(value) {
            Some(ordinal) => self.set(self.posting(self.pair_at(&name, ordinal)?)?).map(Cow::Owned),
            None => Ok(Cow::default()),
        }
    }

    fn one_of(&self, name: &str, values: &[Box<str>]) -> Result<RoaringBitmap> {
        let Some(name) = self.find_name(name)? else { return Ok(RoaringBitmap::new()) };
        let map = self.fst(&name)?;
        let mut union = Union::default();
        for ordinal in values.iter().filter_map(|value| map.get(&**value)) {
            self.add_posting(self.posting(self.pair_at(&name, ordinal)?)?, &mut union)?;
        }
        Ok(union.finish())
    }

    fn walk(
        &self,
        name: &str,
        test: &Test,
        among: Option<&RoaringBitmap>,
    ) -> Result<RoaringBitmap> {
        let Some(name) = self.find_name(name)? else { return Ok(RoaringBitmap::new()) };
        let pairs = match test {
            Test::Prefix(prefix) => return self.union_of(self.pairs_with_prefix(&name, prefix)?),
            Test::Pattern { prefix, .. } => self.pairs_with_prefix(&name, prefix)?,
            _ => self.pairs_with_prefix(&name, "")?,
        };
        match (test, among) {
            (_, Some(series)) if self.is_few(series, pairs.end - pairs.start) => {
                self.filter_series(&name, test, series)
            }
            (Test::Pattern { prefix, prunes: true, engine: Engine::Dense(dense) }, _)
                if prefix.is_empty() =>
            {
                self.walk_fst(&name, &**dense)
            }
            _ => self.scan(pairs, test),
        }
    }
}

impl<B: AsRef<[u8]>> Segment<B> {
    /// The series of consecutive pairs.
    fn union_of(&self, pairs: Range<u32>) -> Result<RoaringBitmap> {
        let mut union = Union::default();
        for pair in pairs {
            self.add_posting(self.posting(pair)?, &mut union)?;
        }
        Ok(union.finish())
    }

    /// The series of those pairs whose value passes.
    fn scan(&self, pairs: Range<u32>, test: &Test) -> Result<RoaringBitmap> {
        let mut union = Union::default();
        for pair in pairs {
            if test.accepts(self.value(pair)?) {
                self.add_posting(self.posting(pair)?, &mut union)?;
            }
        }
        Ok(union.finish())
    }

    /// The series of the values that an automaton accepts: whole branches that can't match are
    /// never visited.
    fn walk_fst<A: fst::Automaton>(&self, name: &Name<'_>, automaton: A) -> Result<RoaringBitmap> {
        let map = self.fst(name)?;
        let mut stream = map.search(automaton).into_stream();
        let mut union = Union::default();
        while let Some((_, ordinal)) = stream.next() {
            self.add_posting(self.posting(self.pair_at(name, ordinal)?)?, &mut union)?;
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
        let mut found = RoaringBitmap::new();
        let mut pairs = Vec::new();
        for id in series.iter().take_while(|&id| id < self.layout.series) {
            self.pairs_of(id, &mut pairs)?;
            if let Some(&pair) = pairs.iter().find(|&&pair| name.has(pair))
                && test.accepts(self.value(pair)?)
            {
                found.insert(id);
            }
        }
        Ok(found)
    }
}
