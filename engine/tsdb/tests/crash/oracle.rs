//! The record of what was sent and acknowledged, and what may therefore be found.

use std::collections::{BTreeMap, BTreeSet};

/// Where a sample is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) tenant: usize,
    pub(crate) series: u64,
    pub(crate) time: i64,
}

/// What was read: the bits of the value at each place.
pub(crate) type Found = BTreeMap<Place, u64>;

/// What may be found at one place; `None` stands for nothing.
#[derive(Debug, Clone)]
struct Slot {
    /// What may be there: the outcome of the last acknowledged change, and of all changes since
    /// that were not acknowledged.
    allowed: Vec<Option<u64>>,
    /// What may be there besides if everything since the last sync is lost.
    unsynced: Vec<Option<u64>>,
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

    fn change(&mut self, to: Option<u64>, acknowledged: bool) {
        self.ever.extend(to);
        if acknowledged {
            let before = std::mem::replace(&mut self.allowed, vec![to]);
            self.unsynced.extend(before);
        } else {
            self.allowed.push(to);
        }
    }
}

/// The record of one database.
#[derive(Debug, Clone, Default)]
pub(crate) struct Oracle {
    slots: BTreeMap<Place, Slot>,
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
        slot.change(Some(bits), acknowledged);
        slot.request = acknowledged.then_some(self.requests);
    }

    /// Samples were deleted. Without an acknowledgement they may be there or not.
    #[expect(dead_code, reason = "for the operation that deletes")]
    pub(crate) fn deleted(&mut self, which: impl Fn(&Place) -> bool, acknowledged: bool) {
        for (_, slot) in self.slots.iter_mut().filter(|(place, _)| which(place)) {
            slot.change(None, acknowledged);
        }
    }

    /// Everything acknowledged so far is on the disk, whatever the durability.
    pub(crate) fn synced(&mut self) {
        self.slots.values_mut().for_each(|slot| slot.unsynced.clear());
    }

    /// What was not synced may be lost: the power failed, or a sync did.
    pub(crate) fn lost_unsynced(&mut self) {
        for slot in self.slots.values_mut() {
            slot.allowed.append(&mut slot.unsynced);
        }
    }

    /// Holds what was read against the record; the first difference in words.
    pub(crate) fn check(&self, found: &Found) -> Result<(), String> {
        for (place, slot) in &self.slots {
            let bits = found.get(place).copied();
            if !slot.allowed.contains(&bits) {
                return Err(format!("{place:?} has {bits:x?}, expected {slot:x?}"));
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
            if !slot.allowed.contains(&bits) {
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
            slot.allowed = vec![found.get(place).copied()];
            slot.unsynced.clear();
        }
    }
}
