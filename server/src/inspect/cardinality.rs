//! `nunatak inspect cardinality`: who has the most series in a stopped database.

use std::fmt::Write as _;
use std::io::Write as _;

use nunatak::{BlockCardinality, Cardinality, Db, Options};

use crate::cli::CardinalityArgs;

/// Opens the database as a start does, but does no work on it, and prints what is largest.
///
/// # Errors
/// One line that says why it could not look.
pub(super) fn inspect_cardinality(args: &CardinalityArgs) -> Result<(), String> {
    let path = &args.data_dir;
    if !path.join("DATABASE").is_file() {
        return Err(format!("{} is no database", path.display()));
    }
    let one_line = |error: nunatak::Error| error.to_string();
    let db = Db::open(Options::new(path).threads(0).scrub_every(None)).map_err(one_line)?;
    let tenant = db.tenant(&args.tenant).map_err(one_line)?;
    let heads = tenant.cardinality(args.limit);
    let blocks = tenant.block_cardinality(args.limit).map_err(one_line)?;
    let text = text(&heads, &blocks);
    drop(tenant);
    db.close().map_err(one_line)?;
    // A reader that went away is no failure.
    drop(std::io::stdout().write_all(text.as_bytes()));
    Ok(())
}

fn text(heads: &Cardinality, blocks: &[BlockCardinality]) -> String {
    let mut text = format!("in memory when it starts: {} series\n", heads.series);
    list(&mut text, "metric", "series", &heads.series_by_metric);
    list(&mut text, "label", "values", &heads.values_by_label);
    list(&mut text, "pair", "series", &heads.series_by_pair);
    let time = |ms| {
        jiff::Timestamp::from_millisecond(ms).map_or_else(|_| ms.to_string(), |t| t.to_string())
    };
    for block in blocks {
        let (from, to) = (time(block.start_ms), time(block.end_ms.saturating_add(1)));
        // Writing to a string can't fail.
        let _ = writeln!(text, "blocks from {from} to {to}: {} series", block.series);
        list(&mut text, "metric", "series", &block.series_by_metric);
        list(&mut text, "label", "values", &block.values_by_label);
    }
    text
}

fn list(text: &mut String, name: &str, count: &str, rows: &[(String, u64)]) {
    if rows.is_empty() {
        return;
    }
    let _ = writeln!(text, "  {count:>12}  {name}");
    for (name, count) in rows {
        let _ = writeln!(text, "  {count:>12}  {name}");
    }
}

#[cfg(test)]
mod tests {
    use nunatak::{Batch, labels};

    use super::*;

    #[test]
    fn heads_and_blocks_of_a_stopped_folder_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let args = |data_dir: &std::path::Path| CardinalityArgs {
            data_dir: data_dir.to_path_buf(),
            tenant: "default".to_owned(),
            limit: 2,
        };
        assert!(inspect_cardinality(&args(folder.path())).unwrap_err().ends_with("is no database"));
        let db = Db::open(Options::new(folder.path()).threads(0)).unwrap();
        let mut batch = Batch::new();
        for id in 0..5 {
            let set = labels! { "__name__" => "m", "id" => &id.to_string() };
            let series = batch.series(&set).unwrap();
            batch.push(series, 1_700_000_000_000, 1.0);
        }
        db.append(&batch).unwrap();
        db.flush().unwrap();
        let (heads, blocks) = (db.cardinality(2), db.block_cardinality(2).unwrap());
        let text = text(&heads, &blocks);
        assert!(text.starts_with("in memory when it starts: 5 series\n"), "{text}");
        let block = "blocks from 2023-11-14T22:00:00Z to 2023-11-15T00:00:00Z: 5 series\n";
        assert!(text.contains(block), "{text}");
        assert!(
            text.ends_with(
                "5  m\n        values  label\n             5  id\n             1  __name__\n"
            ),
            "{text}"
        );
        let open = inspect_cardinality(&args(folder.path())).unwrap_err();
        assert!(open.contains("in use"), "{open}");
        db.close().unwrap();
        inspect_cardinality(&args(folder.path())).unwrap();
    }
}
