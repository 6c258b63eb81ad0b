//! The file that says what a folder is: `DATABASE`, three lines of text.

use std::io;

use crate::error::{Error, Result};
use crate::options::MAX_SHARDS;
use crate::storage::Storage;

const NAME: &str = "DATABASE";
/// The version of the layout of a folder.
pub(crate) const VERSION: u32 = 0;
/// The description is a few lines; what is longer is none.
const LONGEST: u64 = 4096;

/// Reads the number of shards, or writes a new description with `wanted` shards.
pub(crate) fn shard_count(storage: &dyn Storage, wanted: usize) -> Result<usize> {
    match read(storage) {
        Ok(text) => parse(&text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let text = format!("nunatak\nversion {VERSION}\nshards {wanted}\n");
            write(storage, &text).map_err(|error| Error::io("create", NAME, error))?;
            Ok(wanted)
        }
        Err(error) => Err(Error::io("read", NAME, error)),
    }
}

/// Reads the number of shards of a database that is there.
pub(crate) fn existing(storage: &dyn Storage) -> Result<usize> {
    match read(storage) {
        Ok(text) => parse(&text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let what = format!("there is no database here: the file {NAME} is missing");
            Err(Error::Invalid { what })
        }
        Err(error) => Err(Error::io("read", NAME, error)),
    }
}

fn read(storage: &dyn Storage) -> io::Result<String> {
    let file = storage.open(NAME)?;
    let mut bytes = vec![0; file.len()?.min(LONGEST) as usize];
    file.read_at(0, &mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn write(storage: &dyn Storage, text: &str) -> io::Result<()> {
    let temporary = format!("{NAME}.tmp");
    match storage.remove(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let file = storage.create(&temporary)?;
    file.append(text.as_bytes())?;
    file.sync()?;
    storage.rename(&temporary, NAME)?;
    storage.sync_folder("")
}

fn parse(text: &str) -> Result<usize> {
    let field = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|rest| rest.trim().parse::<u32>().ok())
    };
    let bad = |what: &str| Error::corrupt(NAME, 0, what);
    if !text.starts_with("nunatak\n") {
        return Err(bad("it does not begin with \"nunatak\": not a database of nunatak"));
    }
    let found = field("version ").ok_or_else(|| bad("no version"))?;
    if found != VERSION {
        let hint = "use the build that wrote it, or export and import the data";
        return Err(Error::Version { path: NAME.into(), found, supported: VERSION, hint });
    }
    let shards = field("shards ").ok_or_else(|| bad("no number of shards"))? as usize;
    if !shards.is_power_of_two() || shards > MAX_SHARDS {
        return Err(bad("the number of shards is no power of two up to 1024"));
    }
    Ok(shards)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_description_and_refuses_others() {
        assert_eq!(parse("nunatak\nversion 0\nshards 16\n").unwrap(), 16);
        let version = parse("nunatak\nversion 7\nshards 16\n").unwrap_err();
        assert!(matches!(version, Error::Version { found: 7, .. }), "{version}");
        for text in ["", "other\n", "nunatak\nversion 0\n", "nunatak\nversion 0\nshards 3\n"] {
            assert!(matches!(parse(text), Err(Error::Corrupt { .. })), "{text:?}");
        }
    }
}
