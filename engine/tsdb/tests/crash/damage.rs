//! Damage at rest: between two lives files are changed behind the database's back, in a copy.
//!
//! What is then lost must lie in what is reported: a clear error or a list of what was put aside
//! names the file, the rest serves, and answers warn.

use std::collections::BTreeSet;

use nunatak::storage::{Crash, FaultStorage, Storage};
use nunatak::{Batch, Db, Durability, Error, Hints, SampleBatch, Selector, Source, TimeRange};

use crate::append::{SERIES, TENANTS, series};
use crate::dice::Dice;
use crate::oracle::{Found, Place};
use crate::world::World;

/// What was done to a copy.
#[derive(Debug)]
struct Damaged {
    storage: FaultStorage,
    files: BTreeSet<String>,
    /// Flipped bits; more than there are for a file that was cut or removed.
    flips: u64,
}

/// What a damaged database says of itself.
#[derive(Debug, Default)]
struct Reports {
    /// What was put aside, and errors of reads; each should name a file.
    named: Vec<String>,
    warnings: Vec<String>,
    is_cut: bool,
}

/// All files below a folder.
fn files(storage: &FaultStorage, folder: &str, found: &mut Vec<(String, u64)>) {
    for entry in storage.list(folder).unwrap() {
        let path = if folder.is_empty() { entry.name } else { format!("{folder}/{}", entry.name) };
        if entry.is_folder {
            files(storage, &path, found);
        } else {
            found.push((path, entry.len));
        }
    }
}

fn is_segment(path: &str) -> bool {
    path.starts_with("log/") && path.rsplit_once('.').is_some_and(|(_, end)| end == "log")
}

impl Damaged {
    /// Flips bits of some files, cuts one, or removes a segment of the log.
    fn new(world: &World, dice: &mut Dice) -> Option<Self> {
        let storage = world.storage.recover(Crash::Process, dice.next());
        let mut all = Vec::new();
        files(&storage, "", &mut all);
        // A file of a snapshot is the very file of the database under another name.
        all.retain(|(path, len)| *len > 0 && !path.starts_with("snapshots/"));
        let newest_segment = all.iter().rfind(|(path, _)| is_segment(path));
        let newest_segment = newest_segment.map(|(path, _)| path.clone());
        let mut damaged = Self { storage, files: BTreeSet::new(), flips: 0 };
        for _ in 0..=dice.below(2) {
            if all.is_empty() {
                break;
            }
            let (path, len) = all.swap_remove(dice.below(all.len() as u64) as usize);
            damaged.harm(&path, len, newest_segment.as_ref() == Some(&path), dice);
            damaged.files.insert(path);
        }
        (!damaged.files.is_empty()).then_some(damaged)
    }

    /// Nothing proves how long the newest segment was, so it is neither cut nor removed.
    fn harm(&mut self, path: &str, len: u64, is_newest_segment: bool, dice: &mut Dice) {
        let kind = if is_newest_segment { 2 } else { dice.below(8) };
        self.flips += 8;
        match kind {
            0 => self.storage.open(path).unwrap().truncate(dice.below(len)).unwrap(),
            1 if is_segment(path) => self.storage.remove(path).unwrap(),
            _ => {
                let flips = 1 + dice.below(3);
                self.flips = self.flips - 8 + flips;
                for _ in 0..flips {
                    let (byte, bit) = (dice.below(len), dice.below(8) as u8);
                    self.storage.flip_bit(path, byte, bit).unwrap();
                }
            }
        }
    }

    /// Whether a text names what was changed: a file, or the block or the folder that it is in.
    fn is_named_in(&self, text: &str) -> bool {
        self.files.iter().any(|file| {
            let parts: Vec<&str> = file.split('/').collect();
            let block = parts.get(2).copied().unwrap_or(file);
            text.contains(file.as_str()) || text.contains(block) || text.contains("log: ")
        })
    }
}

/// Changes files of a copy, and holds what is left against the record.
pub(crate) fn at_rest(world: &World, dice: &mut Dice) {
    let Some(damaged) = Damaged::new(world, dice) else { return };
    let name = format!("{}, damaged {:?}", world.name(), damaged.files);
    let db = match Db::open(world.options_on(&damaged.storage)) {
        Ok(db) => db,
        Err(error) => {
            let describes = damaged.files.contains("DATABASE");
            assert!(describes && error.to_string().contains("DATABASE"), "{name}: {error}");
            return;
        }
    };
    let mut reports = Reports::default();
    let found = settled(&db, &mut reports, &name);
    reports.named.extend(db.stats().quarantined);
    let replay = db.replay_report();
    reports.is_cut = replay.torn.is_some() || !replay.unsynced.is_empty();
    judge(world, &damaged, &found, &reports, &name);
    goes_on(world, &damaged, db, found, &name);
}

/// Each of two damaged blocks may fail one read; after that what is left is served, with warnings.
fn settled(db: &Db, reports: &mut Reports, name: &str) -> Found {
    read(db, reports, name);
    read(db, reports, name);
    read(db, reports, name)
}

/// Reads all that can be read.
fn read(db: &Db, reports: &mut Reports, name: &str) -> Found {
    let mut found = Found::new();
    for (tenant, tenant_name) in TENANTS.iter().enumerate() {
        let handle = db.tenant(tenant_name).unwrap();
        let everything = Selector::new(Vec::new(), TimeRange::ALL);
        let selection = handle.select(&everything, &Hints::default());
        let selection = selection.unwrap_or_else(|error| panic!("{name}: {error}"));
        for mut selected in selection.series {
            // A damaged index may be read wrongly only if its checksum did not see it.
            let series = (0..=SERIES).find(|&n| series(n) == selected.labels);
            let series = series.unwrap_or_else(|| panic!("{name}: {}", selected.labels));
            let mut batch = SampleBatch::default();
            loop {
                match selected.cursor.next_batch(&mut batch) {
                    Ok(true) => {}
                    Ok(false) => break,
                    Err(error @ Error::Corrupt { .. }) => {
                        reports.named.push(error.to_string());
                        break;
                    }
                    Err(error) => panic!("{name}: {error}"),
                }
                for (&time, value) in batch.times.iter().zip(&batch.values) {
                    found.insert(Place { tenant, series, time }, value.to_bits());
                }
            }
        }
        if !selection.warnings.is_empty() {
            assert!(!handle.warnings(TimeRange::ALL).is_empty(), "{name}");
        }
        handle.label_names(&everything, 0).unwrap_or_else(|error| panic!("{name}: {error}"));
        let values = handle.label_values("instance", &everything, 0);
        values.unwrap_or_else(|error| panic!("{name}: {error}"));
        reports.warnings.extend(selection.warnings);
    }
    found
}

/// What is lost must be reported; nothing may appear that was never sent.
fn judge(world: &World, damaged: &Damaged, found: &Found, reports: &Reports, name: &str) {
    let lost = world.oracle.lost(found).unwrap_or_else(|what| panic!("{name}: {what}"));
    if lost.is_empty() {
        return;
    }
    let requests: BTreeSet<u64> = lost.values().flatten().copied().collect();
    if reports.named.is_empty() {
        // Each group is proven by the next: one flipped bit can make only the last one doubtful.
        let proves = world.durability() == Durability::Fsync && damaged.flips == 1;
        let last_group = !proves || requests.len() <= 1;
        assert!(reports.is_cut && last_group, "{name}: {lost:?} lost without a word");
        return;
    }
    let named = reports.named.iter().any(|text| damaged.is_named_in(text));
    assert!(named, "{name}: {lost:?} lost, {reports:?} names no file");
    // A damaged spill file fails every read of its series by name, until a cut leaves it out.
    let fails = reports.named.iter().any(|text| text.contains("/spill-"));
    let warns = !reports.warnings.is_empty() || reports.is_cut || fails;
    assert!(warns, "{name}: {lost:?} lost without a warning, {reports:?}");
}

/// A damaged database takes writes, and keeps them and what was left.
fn goes_on(world: &World, damaged: &Damaged, db: Db, mut found: Found, name: &str) {
    let (mut batch, place) = (Batch::new(), world.unused_place());
    let handle = batch.series(&series(place.series)).unwrap();
    batch.push(handle, place.time, 7.0);
    let outcome = db.append(&batch).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(outcome.stored, 1, "{name}: {outcome:?}");
    found.insert(place, 7.0f64.to_bits());
    // Cutting and merging around the damage may fail, but must lose nothing; what a damaged chunk
    // kept a reader from may come to light.
    drop(db.flush());
    let there = settled(&db, &mut Reports::default(), name);
    keeps(&there, &found, &format!("{name}: after a flush"));
    drop(db);
    let again = Db::open(world.options_on(&damaged.storage)).unwrap();
    found = settled(&again, &mut Reports::default(), name);
    keeps(&found, &there, &format!("{name}: opened again"));
    found.remove(&place);
    world.oracle.lost(&found).unwrap_or_else(|what| panic!("{name}: {what}"));
}

/// Fails with the places that have lost their sample.
fn keeps(there: &Found, before: &Found, name: &str) {
    let lacks: Vec<_> = before.iter().filter(|(place, _)| !there.contains_key(place)).collect();
    assert!(lacks.is_empty(), "{name}: lacks {lacks:?}");
}
