//! Snapshots: each is opened at once, as if the machine had failed right after it was made.

use nunatak::Db;
use nunatak::storage::{Crash, FaultStorage, Storage};

use crate::dice::Dice;
use crate::reading;
use crate::world::World;

/// Makes a snapshot, holds a copy of it against the record, and removes it.
pub(crate) fn snapshot(world: &mut World, db: &Db, dice: &mut Dice) {
    let Ok(made) = db.snapshot(&format!("s{}", dice.next())) else { return };
    let path = made.path.to_str().unwrap().to_owned();
    if world.storage.is_crashed() {
        return;
    }
    // What the log holds is synced with the snapshot.
    world.oracle.synced();
    let crash = if dice.one_in(2) { Crash::PowerLoss } else { Crash::Process };
    let after = world.storage.recover(crash, dice.next());
    let copy = FaultStorage::new(dice.next());
    copy_folder(&after, &path, &copy, "");
    check(world, &copy);
    drop(world.storage.remove(&path));
}

fn copy_folder(from: &FaultStorage, folder: &str, to: &FaultStorage, into: &str) {
    for entry in from.list(folder).unwrap() {
        let path = format!("{folder}/{}", entry.name);
        let target =
            if into.is_empty() { entry.name.clone() } else { format!("{into}/{}", entry.name) };
        if entry.is_folder {
            to.create_folder(&target).unwrap();
            copy_folder(from, &path, to, &target);
        } else {
            let bytes = from.map(&path).unwrap();
            to.create(&target).unwrap().append((*bytes).as_ref()).unwrap();
        }
    }
}

/// What was acknowledged before the snapshot is in it, and what is hidden stays hidden.
fn check(world: &World, copy: &FaultStorage) {
    let name = format!("{}, a snapshot", world.name());
    let db = Db::open(world.options_on(copy)).unwrap_or_else(|error| panic!("{name}: {error}"));
    let (found, warnings) =
        reading::everything(&db).unwrap_or_else(|error| panic!("{name}: {error}"));
    world.oracle.check(&found).unwrap_or_else(|what| panic!("{name}: {what}"));
    assert!(warnings.is_empty() || world.lacks_unsynced, "{name}: {warnings:?}");
}
