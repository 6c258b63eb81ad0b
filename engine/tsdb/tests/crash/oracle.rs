//! The record of what was sent and acknowledged, and what may therefore be found.

use std::collections::{BTreeMap, BTreeSet};

use nunatak::{DeleteId, Selector};

use crate::deletes::Deletes;

/// Where a sample is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) tenant: usize,
    pub(crate) series: u64,
    pub(crate) time: i64,
}

/// What was read: the bits of the value at each place.
pub(crate) type Found = BTreeMap<Place, u64>;

/// The order of a sample that is there from some later moment on, if at all: any delete may have come
/// before it, and any after it.
const UNKNOWN: u64 = u64::MAX;

/// A value, and the number of the request that wrote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Written {
    order: u64,
    bits: u64,
}

/// What may be found at one place if no delete hides it; `None` stands for nothing.
#[derive(Debug, Clone)]
struct Slot {
    /// What may be there: the last acknowledged sample, and all since that were not acknowledged.
    allowed: Vec<Option<Written>>,
    /// What may be there besides if everything since the last sync is lost.
    unsynced: Vec<Option<Written>>,
    /// Every value that was ever sent.
    ever: BTreeSet<u64>,
    /// The request that changed it last, if it was acknowledged: what was not may have waited and
    /// gone to the disk with a later one.
    request: Option<u64>,
}

impl Slot {
    fn new() -> Self {
        Self { allowed: vec![None], unsynced: Vec::new(), ever: BTreeSet::new(), request: None }
    }

    fn write(&mut self, written: Written, acknowledged: bool) {
        self.ever.insert(written.bits);
        if acknowledged {
            let before = std::mem::replace(&mut self.allowed, vec![Some(written)]);
            self.unsynced.extend(before);
        } else {
            self.allowed.push(Some(written));
        }
    }

    /// Whether one of those that are allowed explains what was found.
    fn explains(&self, place: Place, bits: Option<u64>, deletes: &Deletes) -> bool {
        self.allowed.iter().any(|&written| explains(written, place, bits, deletes))
    }

    /// Keeps what explains what was found. What is shown was settled by no delete so far.
    fn settle(&mut self, place: Place, bits: Option<u64>, deletes: &Deletes, now: u64) {
        self.unsynced.clear();
        match bits {
            Some(bits) => self.allowed = vec![Some(Written { order: now, bits })],
            None => self.allowed.retain(|&written| explains(written, place, None, deletes)),
        }
    }
}

fn explains(written: Option<Written>, place: Place, bits: Option<u64>, deletes: &Deletes) -> bool {
    let Some(written) = written else { return bits.is_none() };
    let (may_hide, must_hide) = match written.order {
        UNKNOWN => (deletes.hide(place, 0).0, false),
        order => deletes.hide(place, order),
    };
    match bits {
        Some(bits) => bits == written.bits && !must_hide,
        None => may_hide,
    }
}

/// The record of one database.
#[derive(Debug, Clone, Default)]
pub(crate) struct Oracle {
    slots: BTreeMap<Place, Slot>,
    deletes: Deletes,
    requests: u64,
}

impl Oracle {
    /// A request begins.
    pub(crate) fn request(&mut self) {
        self.requests += 1;
    }

    /// A sample was sent. Without an acknowledgement it may be there or not.
    pub(crate) fn written(&mut self, place: Place, bits: u64, acknowledged: bool) {
        let slot = self.slots.entry(place).or_insert_with(Slot::new);
        slot.write(Written { order: self.requests, bits }, acknowledged);
        slot.request = acknowledged.then_some(self.requests);
    }

    /// A sample was in an import that failed: it may be there from the next start on, and a delete
    /// that came before that had nothing to hide.
    pub(crate) fn maybe_imported(&mut self, place: Place, bits: u64) {
        let slot = self.slots.entry(place).or_insert_with(Slot::new);
        slot.write(Written { order: UNKNOWN, bits }, false);
        slot.request = None;
    }

    /// Samples were deleted. Without an acknowledgement (an `id`) they may be hidden or not.
    pub(crate) fn deleted(&mut self, tenant: usize, selector: Selector, id: Option<DeleteId>) {
        self.request();
        self.deletes.add(tenant, selector, self.requests, id);
        if let Some(id) = id {
            self.note_request(id, true);
        }
    }

    /// A delete was taken back, or may have been.
    pub(crate) fn undeleted(&mut self, tenant: usize, id: DeleteId, acknowledged: bool) {
        self.request();
        self.deletes.undo(tenant, id, acknowledged);
        self.note_request(id, acknowledged);
    }

    fn note_request(&mut self, id: DeleteId, acknowledged: bool) {
        for (_, slot) in self.slots.iter_mut().filter(|(place, _)| self.deletes.means(id, **place))
        {
            slot.request = acknowledged.then_some(self.requests);
        }
    }

    /// Everything acknowledged so far is on the disk, whatever the durability.
    pub(crate) fn synced(&mut self) {
        self.slots.values_mut().for_each(|slot| slot.unsynced.clear());
        self.deletes.synced();
    }

    /// What was not synced may be lost: the power failed, or a sync did.
    pub(crate) fn lost_unsynced(&mut self) {
        for slot in self.slots.values_mut() {
            slot.allowed.append(&mut slot.unsynced);
        }
        self.deletes.lost_unsynced();
    }

    /// Holds what was read against the record; the first difference in words.
    pub(crate) fn check(&self, found: &Found) -> Result<(), String> {
        for (place, slot) in &self.slots {
            let bits = found.get(place).copied();
            if !slot.explains(*place, bits, &self.deletes) {
                let deletes = self.deletes.about(*place);
                return Err(format!("{place:?} has {bits:x?}, expected {slot:x?}, {deletes:?}"));
            }
        }
        match found.keys().find(|place| !self.slots.contains_key(place)) {
            Some(place) => Err(format!("never written: {place:?}")),
            None => Ok(()),
        }
    }

    /// After damage: places that do not have what they should, with the request that was the last
    /// to change them. Nothing may be there that was never sent.
    pub(crate) fn lost(&self, found: &Found) -> Result<BTreeMap<Place, Option<u64>>, String> {
        let mut lost = BTreeMap::new();
        for (&place, slot) in &self.slots {
            let bits = found.get(&place).copied();
            if bits.is_some_and(|bits| !slot.ever.contains(&bits)) {
                return Err(format!("{place:?} has {bits:x?}, which was never sent: {slot:x?}"));
            }
            if !slot.explains(place, bits, &self.deletes) {
                lost.insert(place, slot.request);
            }
        }
        match found.keys().find(|place| !self.slots.contains_key(place)) {
            Some(place) => Err(format!("never written: {place:?}")),
            None => Ok(lost),
        }
    }

    /// What was read after a start is what is there from now on, and it is on the disk.
    pub(crate) fn settle(&mut self, found: &Found) {
        for (place, slot) in &mut self.slots {
            slot.settle(*place, found.get(place).copied(), &self.deletes, self.requests);
        }
        self.deletes.synced();
    }
}
