//! `nunatak snapshot`: of a running server through its admin API, or of a stopped database.

use std::io::Write as _;

use nunatak::{Clock as _, Db, Options, SystemClock};
use serde_json::Value;

use crate::ask::{AskError, post};
use crate::cli::SnapshotArgs;
use crate::http::new_snapshot_name;

/// Makes a snapshot and prints where it is.
///
/// # Errors
/// One line that says what went wrong.
pub fn snapshot(args: &SnapshotArgs) -> Result<(), AskError> {
    let made = match &args.data_dir {
        Some(_) => of_folder(args)?,
        None => of_server(args)?,
    };
    // A reader that went away is no failure of the snapshot.
    drop(writeln!(std::io::stdout(), "{made}"));
    Ok(())
}

fn of_server(args: &SnapshotArgs) -> Result<String, AskError> {
    let url = format!("{}/api/v1/admin/tsdb/snapshot", args.url.trim_end_matches('/'));
    let form = args.name.iter().map(|name| ("name", name.clone())).collect();
    let reply: Value = serde_json::from_str(&post(&url, &form)?).unwrap_or_default();
    match reply["data"]["name"].as_str() {
        Some(name) => Ok(format!("snapshots/{name} in the server's data folder")),
        None => Err(AskError::Server(format!("{url}: the reply names no snapshot"))),
    }
}

fn of_folder(args: &SnapshotArgs) -> Result<String, AskError> {
    let folder = args.data_dir.as_deref().unwrap_or_else(|| ".".as_ref());
    if !folder.join("DATABASE").is_file() {
        let text = format!("{} is no folder of a database", folder.display());
        return Err(AskError::Arguments(text));
    }
    let name = args.name.clone().unwrap_or_else(|| new_snapshot_name(SystemClock.now_ms()));
    let make = || {
        let db = Db::open(Options::new(folder).threads(0))?;
        let made = db.snapshot(&name)?;
        db.close()?;
        Ok(made)
    };
    match make() {
        Ok(made) => Ok(folder.join(made.path).display().to_string()),
        Err(error @ (nunatak::Error::Invalid { .. } | nunatak::Error::InUse { .. })) => {
            Err(AskError::Arguments(error.to_string()))
        }
        Err(error) => Err(AskError::Server(error.to_string())),
    }
}
