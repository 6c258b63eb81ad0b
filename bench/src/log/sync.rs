//! What the disk alone takes.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

use crate::measure::Durations;
use crate::{Error, Result};

/// Bytes of each append: about a request of 2,000 samples in the log.
const BYTES: usize = 8 * 1024;
const TIMES: usize = 300;

/// Times of `fdatasync` after an append.
pub(super) fn measure(folder: &Path) -> Result<Durations> {
    let failed = || Error::io("measuring fdatasync");
    let path = tempfile::NamedTempFile::new_in(folder).map_err(failed())?;
    let mut file: File = path.reopen().map_err(failed())?;
    let mut times = Durations::default();
    for _ in 0..TIMES {
        file.write_all(&[0x5a; BYTES]).map_err(failed())?;
        let begun = Instant::now();
        file.sync_data().map_err(failed())?;
        times.push(begun.elapsed());
    }
    Ok(times)
}
