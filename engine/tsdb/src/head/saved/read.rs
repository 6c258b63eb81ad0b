//! Pages to a head.
#![deny(clippy::indexing_slicing, reason = "reads bytes that may be hostile")]

use std::hash::BuildHasher;
use std::sync::Arc;

use super::Resume;
use super::page::{Begin, END, Pages, SERIES, saved_path};
use crate::bytes::{Malformed, Parsed, Reader};
use crate::error::Result;
use crate::head::series::stored::Base;
use crate::head::series::{Epochs, SeriesSamples};
use crate::head::spill::SpillFile;
use crate::head::{Epoch, Head};
use crate::log::Position;
use crate::storage::Storage;

/// A head that was read from a file.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) head: Head,
    pub(crate) begin: Begin,
    /// The spill files that it refers to.
    pub(crate) spills: Vec<Arc<SpillFile>>,
}

/// Reads the head that was saved up to `position` in `folder`. `cut_after` says what blocks hold
/// of what was written up to a position: everything before the time that it gives.
pub(crate) fn load(
    storage: &dyn Storage,
    folder: &str,
    position: Position,
    cut_after: &dyn Fn(Position) -> Option<i64>,
) -> Result<Loaded> {
    let mut pages = Pages::open(storage, saved_path(folder, position))?;
    let begin = pages.begin()?;
    let mut spills = Vec::new();
    for &(number, len) in &begin.spills {
        spills.push(Arc::new(SpillFile::open(storage, folder, number, len)?));
    }
    let mut loader = Loader::new(begin.start, &spills, cut_after);
    while let Some((kind, payload)) = pages.next()? {
        let read = match kind {
            SERIES => loader.series_page(payload),
            END => loader.end_page(payload),
            _ => Err(Malformed("unknown kind of page")),
        };
        read.map_err(|Malformed(what)| pages.damage(what))?;
    }
    Ok(Loaded { head: loader.head, begin, spills })
}

/// A head in the making.
struct Loader<'a> {
    head: Head,
    /// The index' ids of the file's pairs; each is held.
    pairs: Vec<u32>,
    resume: Resume,
    spills: &'a [Arc<SpillFile>],
    cut_after: &'a dyn Fn(Position) -> Option<i64>,
    labels: Vec<u32>,
}

impl<'a> Loader<'a> {
    fn new(
        start: Position,
        spills: &'a [Arc<SpillFile>],
        cut_after: &'a dyn Fn(Position) -> Option<i64>,
    ) -> Self {
        let resume = Resume { start, ..Resume::default() };
        Self { head: Head::new(), pairs: Vec::new(), resume, spills, cut_after, labels: Vec::new() }
    }

    fn series_page(&mut self, payload: &[u8]) -> Parsed<()> {
        let mut reader = Reader(payload);
        let position = Position(reader.varint()?);
        let base = Base { time: reader.signed()?, epoch: reader.number()? };
        for _ in 0..reader.count(1)? {
            let (name, value) = (reader.text()?, reader.text()?);
            if name.is_empty() || value.is_empty() {
                return Err(Malformed("an empty label"));
            }
            self.pairs.push(self.head.index.hold_pair(name, value));
        }
        self.resume.pages.push((self.head.slot_bound(), position));
        let cut = (self.cut_after)(position);
        for _ in 0..reader.count(1)? {
            self.one_series(base, &mut reader, cut)?;
        }
        if reader.is_done() { Ok(()) } else { Err(Malformed("bytes follow the series")) }
    }

    fn one_series(&mut self, base: Base, reader: &mut Reader<'_>, cut: Option<i64>) -> Parsed<()> {
        let reference = reader.varint()?;
        self.labels.clear();
        for _ in 0..reader.count(1)? {
            let pair = self.pairs.get(reader.number::<usize>()?);
            self.labels.push(*pair.ok_or(Malformed("a pair that is not told"))?);
        }
        let mut samples = SeriesSamples::decode(base, reader, self.spills)?;
        if let Some(before) = cut {
            samples.cut(Epoch::MAX, before);
        }
        let added = self.head.add_saved(reference, &self.labels, samples);
        added.ok_or(Malformed("a series that can't be"))
    }

    fn end_page(&mut self, payload: &[u8]) -> Parsed<()> {
        let mut reader = Reader(payload);
        let head = &mut self.head;
        self.resume.end = Position(reader.varint()?);
        head.changed = Position(reader.varint()?);
        if reader.varint()? != head.series() as u64 {
            return Err(Malformed("another number of series than told"));
        }
        head.next_reference = head.next_reference.max(reader.varint()?);
        head.epochs =
            Epochs { now: reader.number()?, cut: reader.number()?, deleted: reader.number()? };
        let (has_newest, newest) = (reader.varint()? != 0, reader.signed()?);
        head.newest = has_newest.then_some(newest);
        for _ in 0..reader.count(1)? {
            let (alias, own) = (reader.varint()?, reader.varint()?);
            let slot = head.slot_of(own).ok_or(Malformed("an alias of no series"))?;
            head.aliases.insert(alias, slot);
        }
        head.windows.decode(&mut reader)?;
        head.marks.decode(&mut reader)?;
        for _ in 0..reader.count(1)? {
            self.resume.deletes.push((Position(reader.varint()?), reader.number()?));
        }
        if !reader.is_done() {
            return Err(Malformed("bytes follow the end"));
        }
        head.index.settle();
        self.pairs.drain(..).for_each(|pair| head.index.release_pair(pair));
        self.resume.bound = head.slot_bound();
        head.resume = Some(Box::new(std::mem::take(&mut self.resume)));
        Ok(())
    }
}

impl Head {
    /// Adds a series that the head does not have; `None` if its labels are no label set.
    fn add_saved(&mut self, reference: u64, pairs: &[u32], samples: SeriesSamples) -> Option<()> {
        let slot = self.slot_bound();
        self.index.add_pairs(slot, pairs)?;
        let hash = self.hasher.hash_one(self.index.labels(slot));
        self.next_reference = self.next_reference.max(reference.saturating_add(1));
        self.sample_bytes += samples.bytes();
        self.add_series(reference, hash, samples);
        Some(())
    }
}
