//! Every storage keeps the same promises, so what is tested on one holds on the others.

use nunatak::storage::{FaultStorage, MemoryStorage, OsStorage, Storage, check_storage};

fn check(storage: &dyn Storage) {
    assert_eq!(check_storage(storage), Ok(()));
}

#[test]
fn memory() {
    check(&MemoryStorage::new());
}

#[test]
fn faults_without_a_plan() {
    check(&FaultStorage::new(1));
}

#[test]
fn operating_system() {
    let folder = tempfile::tempdir().unwrap();
    let storage = OsStorage::new(folder.path().join("made/on/open")).unwrap();
    check(&storage);
    let second = OsStorage::new(storage.root()).unwrap();
    let _held = storage.lock().unwrap();
    assert_eq!(second.lock().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
}
