//! How much a folder holds.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// Lengths of files, not the blocks that the file system gives them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FolderSize {
    /// Bytes of all files.
    pub bytes: u64,
    /// Files.
    pub files: u64,
}

/// Sums up the files below `path`; `skip` names files and folders that don't count, by their path
/// below `path`. A file that goes away meanwhile counts nothing. Hard links count once each.
///
/// # Errors
/// If `path` can't be listed.
pub fn folder_size(path: &Path, skip: &dyn Fn(&Path) -> bool) -> Result<FolderSize> {
    let mut size = FolderSize::default();
    visit_files(path, skip, &mut |_, length| {
        size.bytes += length;
        size.files += 1;
    })?;
    Ok(size)
}

/// Calls `visit` with the path and the length of each file that is not skipped.
pub(super) fn visit_files(
    path: &Path,
    skip: &dyn Fn(&Path) -> bool,
    visit: &mut dyn FnMut(&Path, u64),
) -> Result<()> {
    let mut folders = vec![path.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let entries = match std::fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(_) if folder != path => continue,
            Err(error) => return Err(Error::io(format!("listing {}", folder.display()))(error)),
        };
        for entry in entries.flatten() {
            let inside = entry.path();
            if skip(inside.strip_prefix(path).unwrap_or(&inside)) {
                continue;
            }
            match entry.metadata() {
                Ok(metadata) if metadata.is_dir() => folders.push(inside),
                Ok(metadata) => visit(&inside, metadata.len()),
                Err(_) => {}
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skipped_folders_do_not_count() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("log")).unwrap();
        std::fs::create_dir_all(folder.path().join("shard-00/block")).unwrap();
        std::fs::write(folder.path().join("log/1"), [0; 100]).unwrap();
        std::fs::write(folder.path().join("shard-00/block/index"), [0; 20]).unwrap();
        std::fs::write(folder.path().join("shard-00/manifest"), [0; 3]).unwrap();
        let size = folder_size(folder.path(), &|path| path.starts_with("log")).unwrap();
        assert_eq!(size, FolderSize { bytes: 23, files: 2 });
        assert_eq!(folder_size(folder.path(), &|_| false).unwrap().bytes, 123);
    }
}
