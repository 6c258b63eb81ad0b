//! A head in a file: definitions, open chunks and the places of full ones, copied as they are.
//!
//! Writers go on while a head is saved. Each page of series says up to which log position they
//! were written when it was made, so a replay knows exactly which samples it holds.
//! `docs/format/snapshot.md` has the bytes.

mod check;
pub mod fuzzing;
mod page;
mod read;
mod write;

use super::held::Held;
use super::series::{BEFORE_ALL, Epoch};
use crate::log::Position;
pub(crate) use check::check;
pub(crate) use page::{
    Begin, PageFile, SAVED_ASIDE, SAVED_TEMP, begin_of, parse_saved, saved_path,
};
pub(crate) use read::{Loaded, load};
pub(crate) use write::PairNumbers;

/// What a head that was read from a file holds already, until the log has been replayed.
#[derive(Debug, Default)]
pub(super) struct Resume {
    /// Everything up to here.
    pub(super) start: Position,
    /// Of some series everything up to here.
    pub(super) end: Position,
    /// First slot of each page, and the position of its series.
    pub(super) pages: Vec<(u32, Position)>,
    /// The first slot of no page.
    pub(super) bound: u32,
    /// Log positions of deletes, each with the last epoch of which it hides something.
    pub(super) deletes: Vec<(Position, Epoch)>,
}

impl Resume {
    /// Whether a sample of the series in `slot` that the log has at `position` is here already.
    fn has(&self, slot: u32, position: Position) -> bool {
        let page = self.pages.partition_point(|&(first, _)| first <= slot).checked_sub(1);
        let page = page.and_then(|page| self.pages.get(page));
        slot < self.bound && page.is_some_and(|&(_, saved)| position <= saved)
    }
}

impl super::Head {
    /// Whether everything that the log has up to `position` is here, from a file.
    pub(crate) fn is_saved(&self, position: Position) -> bool {
        self.saved_start().is_some_and(|start| position <= start)
    }

    /// Whether some of what the log has at `position` may be here, from a file.
    pub(crate) fn may_be_saved(&self, position: Position) -> bool {
        self.resume.as_ref().is_some_and(|resume| position <= resume.end)
    }

    /// Of which of the references the sample that the log has at `position` is not here yet, from a
    /// file.
    pub(crate) fn lacks_saved(&self, references: &[u64], position: Position) -> Vec<bool> {
        let mut next = 0;
        let is_here = |&reference: &u64| {
            let slot = self.slot_near(reference, next)?;
            next = slot + 1;
            self.resume.as_ref().map(|resume| resume.has(slot, position))
        };
        references.iter().map(is_here).map(|is_here| is_here != Some(true)).collect()
    }

    /// Up to where everything that the log has is here, from a file.
    pub(crate) fn saved_start(&self) -> Option<Position> {
        self.resume.as_ref().map(|resume| resume.start)
    }

    /// The last position of which the file that the head is from has something.
    pub(crate) fn saved_end(&self) -> Option<Position> {
        self.resume.as_ref().map(|resume| resume.end)
    }

    /// The last epoch of which the delete at `position` hides something here; `None` if the file
    /// that the head is from is older than the delete.
    pub(crate) fn saved_epoch(&self, position: Position) -> Option<Epoch> {
        let resume = self.resume.as_ref().filter(|resume| position <= resume.start)?;
        let saved = resume.deletes.iter().find(|(of, _)| *of == position);
        // One that the file does not name was taken back before the file was whole, or had nothing
        // left to hide.
        Some(saved.map_or(BEFORE_ALL, |&(_, epoch)| epoch))
    }

    /// Forgets what only a replay needs.
    pub(crate) fn end_replay(&mut self) {
        self.insert_held();
        self.held = Held::default();
        self.resume = None;
    }
}
