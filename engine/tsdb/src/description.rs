//! The file that says what a folder is: `DATABASE`, three lines of text.

use crate::error::{Error, Result};
use crate::options::MAX_SHARDS;
use crate::storage::{Storage, steps};

const NAME: &str = "DATABASE";
/// The version of the layout of a folder.
pub(crate) const VERSION: u32 = 0;
/// The description is a few lines; what is longer is none.
const LONGEST: u64 = 4096;

/// Reads the number of shards, or writes a new description with `wanted` shards.
pub(crate) fn shard_count(storage: &dyn Storage, wanted: usize) -> Result<usize> {
    if let Some(text) = read(storage)? {
        return parse(&text);
    }
    let text = format!("nunatak\nversion {VERSION}\nshards {wanted}\n");
    steps::replace(storage, NAME, &format!("{NAME}.tmp"), text.as_bytes())?;
    Ok(wanted)
}

/// Reads the number of shards of a database that is there.
pub(crate) fn existing(storage: &dyn Storage) -> Result<usize> {
    let Some(text) = read(storage)? else {
        let what = format!("there is no database here: the file {NAME} is missing");
        return Err(Error::Invalid { what });
    };
    parse(&text)
}

fn read(storage: &dyn Storage) -> Result<Option<String>> {
    let bytes = steps::read(storage, NAME, LONGEST)?;
    Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
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
