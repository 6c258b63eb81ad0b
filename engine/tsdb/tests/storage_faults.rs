//! The faulty storage loses what was not synced, and never what was.
#![expect(clippy::unwrap_used, reason = "helpers of tests may panic")]

use std::collections::BTreeSet;
use std::io::ErrorKind;

use nunatak::storage::{Crash, FaultStorage, Storage};

fn read(storage: &dyn Storage, path: &str) -> Option<Vec<u8>> {
    let map = storage.map(path).ok()?;
    Some((*map).as_ref().to_vec())
}

fn with_synced(path: &str) -> FaultStorage {
    let storage = FaultStorage::new(7);
    let file = storage.create(path).unwrap();
    file.append(b"synced").unwrap();
    file.sync().unwrap();
    storage.sync_folder("").unwrap();
    storage
}

#[test]
fn a_killed_process_loses_nothing_that_was_written() {
    let storage = with_synced("f");
    storage.open("f").unwrap().append(b" written").unwrap();
    storage.rename("f", "g").unwrap();
    storage.crash();
    assert!(storage.open("g").is_err());
    for seed in 0..20 {
        let found = storage.recover(Crash::Process, seed);
        assert_eq!(read(&found, "g").unwrap(), b"synced written");
    }
}

#[test]
fn power_loss_keeps_what_was_synced_and_any_part_of_the_rest() {
    let storage = with_synced("f");
    let file = storage.open("f").unwrap();
    file.append(b"-one").unwrap();
    file.append(b"-two").unwrap();
    let mut seen = BTreeSet::new();
    for seed in 0..500 {
        let found = read(&storage.recover(Crash::PowerLoss, seed), "f").unwrap();
        assert!(found.starts_with(b"synced"));
        seen.insert(found);
    }
    for expected in ["synced", "synced-o", "synced-one", "synced-one-t", "synced-one-two"] {
        assert!(seen.contains(expected.as_bytes()), "{expected} never survived");
    }
    let reordered = |s: &Vec<u8>| s.len() == 14 && !s[6..10].eq(b"-one") && s.ends_with(b"-two");
    assert!(seen.iter().any(reordered), "a later write never survived an earlier one");
}

#[test]
fn names_are_lost_or_kept_until_the_folder_is_synced() {
    let storage = with_synced("old");
    storage.rename("old", "new").unwrap();
    storage.create("other").unwrap().sync().unwrap();
    let mut seen = BTreeSet::new();
    for seed in 0..200 {
        let found = storage.recover(Crash::PowerLoss, seed);
        let names: Vec<String> = found.list("").unwrap().into_iter().map(|e| e.name).collect();
        assert!(names.contains(&"old".to_owned()) != names.contains(&"new".to_owned()));
        seen.insert(names);
    }
    assert_eq!(seen.len(), 4);
    storage.sync_folder("").unwrap();
    for seed in 0..50 {
        let found = storage.recover(Crash::PowerLoss, seed);
        assert_eq!(read(&found, "new").unwrap(), b"synced");
        assert!(found.open("other").is_ok());
    }
}

#[test]
fn a_failed_sync_loses_bytes_that_a_later_sync_does_not_bring_back() {
    let lost = (0..50).filter(|&seed| {
        let storage = FaultStorage::new(seed);
        let file = storage.create("f").unwrap();
        storage.sync_folder("").unwrap();
        file.append(b"0123456789").unwrap();
        storage.fail_sync_at(2, ErrorKind::Other);
        assert!(file.sync().is_err());
        file.sync().unwrap();
        read(&storage.recover(Crash::PowerLoss, 1), "f").unwrap() != b"0123456789"
    });
    assert!(lost.count() > 10);
}

#[test]
fn a_full_disk_takes_what_has_room() {
    let storage = with_synced("f");
    storage.set_capacity(Some(10));
    let file = storage.open("f").unwrap();
    assert_eq!(file.append(b"123456").unwrap_err().kind(), ErrorKind::StorageFull);
    assert_eq!(read(&storage, "f").unwrap(), b"synced1234");
    storage.set_capacity(None);
    file.append(b"56").unwrap();
    assert_eq!(read(&storage, "f").unwrap(), b"synced123456");
}

#[test]
fn operations_fail_where_planned_and_appends_then_write_a_part() {
    let mut lengths = BTreeSet::new();
    for seed in 0..50 {
        let storage = FaultStorage::new(seed);
        let file = storage.create("f").unwrap();
        storage.fail_at(2, ErrorKind::Interrupted);
        assert_eq!(file.append(b"abc").unwrap_err().kind(), ErrorKind::Interrupted);
        lengths.insert(file.len().unwrap());
        file.append(b"d").unwrap();
        assert_eq!(storage.operations(), 3);
    }
    assert_eq!(lengths, BTreeSet::from([0, 1, 2, 3]));
}

#[test]
fn the_same_seed_gives_the_same_ruins() {
    let storage = with_synced("f");
    for i in 0..20_u8 {
        storage.create(&format!("f{i}")).unwrap().append(&[i; 100]).unwrap();
    }
    for seed in 0..20 {
        let ruins = || {
            let found = storage.recover(Crash::PowerLoss, seed);
            let names = found.list("").unwrap();
            names.into_iter().map(|e| read(&found, &e.name)).collect::<Vec<_>>()
        };
        assert_eq!(ruins(), ruins());
    }
}

#[test]
fn a_flipped_bit_is_flipped_on_the_disk_too() {
    let storage = with_synced("f");
    storage.flip_bit("f", 0, 1).unwrap();
    assert_eq!(read(&storage, "f").unwrap(), b"qynced");
    assert_eq!(read(&storage.recover(Crash::PowerLoss, 3), "f").unwrap(), b"qynced");
    assert!(storage.flip_bit("f", 6, 0).is_err());
}
