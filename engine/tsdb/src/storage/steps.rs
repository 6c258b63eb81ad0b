//! What is done with files again and again: no error if it is done already, and for good when it
//! returns.

use std::io;

use super::{Entry, Storage};
use crate::error::{Error, Result};

/// `None` for what is not there.
///
/// # Errors
/// Any other: what can't be looked at now may be there.
pub(crate) fn if_there<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        result => result.map(Some),
    }
}

/// Removes a file or a folder.
///
/// # Errors
/// If it can't be removed; one that is not there is fine.
pub(crate) fn remove(storage: &dyn Storage, path: &str) -> Result<()> {
    if_there(storage.remove(path)).map_err(|e| Error::io("remove", path, e)).map(drop)
}

/// Names in a folder, sorted; none if it is not there.
///
/// # Errors
/// If it can't be listed.
pub(crate) fn list(storage: &dyn Storage, folder: &str) -> Result<Vec<Entry>> {
    let entries = if_there(storage.list(folder)).map_err(|e| Error::io("list", folder, e))?;
    Ok(entries.unwrap_or_default())
}

/// Whether a folder is there.
///
/// # Errors
/// If it can't be listed: it may be there.
pub(crate) fn has_folder(storage: &dyn Storage, path: &str) -> Result<bool> {
    let there = if_there(storage.list(path)).map_err(|e| Error::io("list", path, e))?;
    Ok(there.is_some())
}

/// The bytes of a file; `None` if it is not there.
///
/// # Errors
/// If it can't be read, or has more than `longest` bytes.
pub(crate) fn read(storage: &dyn Storage, path: &str, longest: u64) -> Result<Option<Vec<u8>>> {
    let failed = |error| Error::io("read", path, error);
    let Some(file) = if_there(storage.open(path)).map_err(failed)? else { return Ok(None) };
    let len = file.len().map_err(failed)?;
    if len > longest {
        let what = format!("{len} bytes; such a file has {longest} at most");
        return Err(Error::corrupt(path, longest, what));
    }
    let mut bytes = vec![0; len as usize];
    file.read_at(0, &mut bytes).map_err(failed)?;
    Ok(Some(bytes))
}

/// Puts a file with these bytes in the place of the one at `path`, in one step. It is made at
/// `temporary`, in the same folder.
///
/// # Errors
/// If it can't be written or synced; before the rename the old one stays.
pub(crate) fn replace(
    storage: &dyn Storage,
    path: &str,
    temporary: &str,
    bytes: &[u8],
) -> Result<()> {
    remove(storage, temporary)?;
    let write = || {
        let file = storage.create(temporary)?;
        file.append(bytes)?;
        file.sync()?;
        storage.rename(temporary, path)
    };
    write().map_err(|error| Error::io("write", path, error))?;
    sync(storage, parent(path))
}

/// Makes the names in a folder last; one that is not there has none.
///
/// # Errors
/// If it can't be synced.
pub(crate) fn sync(storage: &dyn Storage, folder: &str) -> Result<()> {
    if_there(storage.sync_folder(folder)).map_err(|e| Error::io("sync", folder, e)).map(drop)
}

/// The same for the folders above as well, the root too: they may be as new.
///
/// # Errors
/// If one can't be synced.
pub(crate) fn sync_up(storage: &dyn Storage, folder: &str) -> Result<()> {
    let folders =
        std::iter::successors(Some(folder), |&below| (!below.is_empty()).then(|| parent(below)));
    folders.into_iter().try_for_each(|folder| sync(storage, folder))
}

/// The folder that something lies in; the root's is the root.
pub(crate) fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::{Crash, FaultStorage};

    #[test]
    fn what_is_not_there_is_no_error_and_what_fails_is_one() {
        let storage = FaultStorage::new(1);
        remove(&storage, "a/b").unwrap();
        assert!(list(&storage, "a").unwrap().is_empty() && !has_folder(&storage, "a").unwrap());
        assert_eq!(read(&storage, "a/b", 9).unwrap(), None);
        sync_up(&storage, "a/b").unwrap();
        let looks: [fn(&dyn Storage) -> Result<()>; 3] = [
            |storage| list(storage, "a").map(drop),
            |storage| has_folder(storage, "a").map(drop),
            |storage| read(storage, "a/b", 9).map(drop),
        ];
        for look in looks {
            storage.fail_read_at(storage.reads() + 1, io::ErrorKind::Other);
            assert!(matches!(look(&storage), Err(Error::Io { .. })));
        }
    }

    #[test]
    fn a_file_is_replaced_for_good() {
        let storage = FaultStorage::new(1);
        storage.create_folder("a/b").unwrap();
        sync_up(&storage, "a/b").unwrap();
        for bytes in [b"old".as_slice(), b"newer"] {
            replace(&storage, "a/b/c", "a/b/c.tmp", bytes).unwrap();
            for seed in 0..20 {
                let left = storage.recover(Crash::PowerLoss, seed);
                assert_eq!(read(&left, "a/b/c", 5).unwrap().unwrap(), bytes);
            }
        }
        let error = read(&storage, "a/b/c", 4).unwrap_err();
        assert!(error.to_string().contains("5 bytes; such a file has 4 at most"), "{error}");
    }
}
