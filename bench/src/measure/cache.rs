//! Making files cold.

use std::fs::File;
use std::path::Path;

use nix::fcntl::{PosixFadviseAdvice, posix_fadvise};

use super::folder::visit_files;
use crate::Result;

/// Asks the kernel to forget the pages of all files below `folder`, so that the next reader finds
/// them on the disk. Works for files that nobody has mapped or open for writing; needs no rights.
///
/// # Errors
/// If the folder can't be listed.
pub fn drop_from_cache(folder: &Path) -> Result<()> {
    visit_files(folder, &|_| false, &mut |path, _| {
        // A page that is not yet on the disk can't be forgotten.
        if let Ok(file) = File::open(path)
            && file.sync_all().is_ok()
        {
            // It is advice: a file system without it leaves the file warm.
            let _ = posix_fadvise(&file, 0, 0, PosixFadviseAdvice::POSIX_FADV_DONTNEED);
        }
    })
}
