//! What a start does with imports that a crash has interrupted.

use std::collections::BTreeSet;

use super::FOLDER;
use super::state::{Move, State};
use crate::error::{Error, Result};
use crate::storage::{Storage, steps};

/// Moves the blocks of every part that counts to where they belong, and removes what else the
/// imports have left. Nothing else may use the folder: called before the shards are opened.
///
/// An import whose state can't be read is reported and left alone.
pub(crate) fn recover(storage: &dyn Storage) -> Result<()> {
    for entry in steps::list(storage, FOLDER)?.into_iter().filter(|entry| entry.is_folder) {
        let folder = format!("{FOLDER}/{}", entry.name);
        match State::read(storage, &folder) {
            Ok(state) => recover_one(storage, &folder, state.unwrap_or_default())?,
            Err(error) => {
                tracing::error!(id = error.id(), %error, "an import can't be continued");
            }
        }
    }
    Ok(())
}

fn recover_one(storage: &dyn Storage, folder: &str, mut state: State) -> Result<()> {
    if !state.moves.is_empty() {
        finish_moves(storage, folder, &state.moves)?;
        state.moves.clear();
        state.write(storage, folder)?;
    }
    remove_leftovers(storage, folder)
}

/// Moves the blocks that still lie in the import's folder. All of them are on the disk in their place
/// when it returns, also those that an earlier attempt moved.
pub(crate) fn finish_moves(storage: &dyn Storage, folder: &str, moves: &[Move]) -> Result<()> {
    let targets: BTreeSet<&str> = moves.iter().map(|step| steps::parent(&step.to)).collect();
    // A folder must have a lasting name before anything moves into it: else a power loss could forget
    // the folder and remember that the blocks have left where they were.
    for target in &targets {
        storage.create_folder(target).map_err(|e| Error::io("create folder", *target, e))?;
        steps::sync_up(storage, target)?;
    }
    let mut sources = BTreeSet::new();
    for step in moves {
        let from = format!("{folder}/{}", step.from);
        sources.insert(steps::parent(&from).to_owned());
        let renamed = steps::if_there(storage.rename(&from, &step.to));
        renamed.map_err(|error| Error::io("rename", from, error))?;
    }
    let mut touched = targets.into_iter().chain(sources.iter().map(String::as_str));
    touched.try_for_each(|folder| steps::sync(storage, folder))
}

/// Removes everything but the state from an import's folder.
pub(crate) fn remove_leftovers(storage: &dyn Storage, folder: &str) -> Result<()> {
    for entry in steps::list(storage, folder)?.into_iter().filter(|entry| entry.name != "state") {
        let path = format!("{folder}/{}", entry.name);
        storage.remove(&path).map_err(|e| Error::io("remove", path, e))?;
    }
    Ok(())
}
