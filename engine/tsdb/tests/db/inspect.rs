//! Whatever lies in a database's folder is named with its version, damaged or not.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use nunatak::{
    Db, Fact, Inspection, ManualClock, MatchOp, Matcher, Options, Selector, TimeRange, inspect,
    labels,
};

use crate::common::{NOW, append};

fn database(path: &Path) {
    let options = Options::new(path).clock(Arc::new(ManualClock::new(NOW))).threads(0).shards(1);
    let db = Db::open(options).unwrap();
    let samples: Vec<_> = (0..1000).map(|i| (NOW + i, (i as f64).sqrt())).collect();
    append(&db, &labels! { "__name__" => "up" }, &samples).unwrap();
    append(&db, &labels! { "__name__" => "gone" }, &[(NOW, 1.0)]).unwrap();
    let gone = Matcher::new("__name__", MatchOp::Equal, "gone").unwrap();
    db.delete(&Selector::new(vec![gone], TimeRange::ALL)).unwrap();
    db.flush().unwrap();
    append(&db, &labels! { "__name__" => "up" }, &[(NOW + 2000, 1.0)]).unwrap();
    db.snapshot("copy").unwrap();
    db.close().unwrap();
}

fn all(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all(&path, found);
        }
        found.push(path);
    }
}

fn count(found: &Inspection, name: &str) -> Option<u64> {
    found.facts.iter().find(|(fact, _)| *fact == name).and_then(|(_, fact)| match fact {
        Fact::Count(count) => Some(*count),
        _ => None,
    })
}

#[test]
fn every_file_and_folder_is_named() {
    let folder = tempfile::tempdir().unwrap();
    database(folder.path());
    let found = inspect(folder.path()).unwrap();
    assert_eq!((found.kind.as_str(), found.version), ("database", Some(0)));
    assert_eq!(count(&found, "samples in blocks"), Some(1001));
    assert_eq!(found.problems, Vec::<String>::new());
    let found = inspect(folder.path().join("snapshots/copy")).unwrap();
    assert_eq!((found.kind.as_str(), found.problems.len()), ("snapshot", 0));

    let mut paths = Vec::new();
    all(folder.path(), &mut paths);
    let mut kinds = std::collections::BTreeSet::new();
    for path in paths {
        let found = inspect(&path).unwrap();
        let name = path.file_name().unwrap().to_str().unwrap();
        if name == "LOCK" || name == "snapshots" {
            continue;
        }
        assert_eq!(found.problems, Vec::<String>::new(), "{}", path.display());
        let is_plain = matches!(found.kind.as_str(), "log" | "folder of blocks");
        assert!(found.version == Some(0) || is_plain, "{}: {found:?}", path.display());
        kinds.insert(found.kind);
    }
    assert_eq!(kinds.len(), 12, "{kinds:?}");
    let found = inspect(folder.path().join("shard-00/default/tombstones")).unwrap();
    assert_eq!((found.kind.as_str(), count(&found, "deletes")), ("tombstones", Some(1)));
}

#[test]
fn damage_is_told_and_never_a_panic() {
    let folder = tempfile::tempdir().unwrap();
    database(folder.path());
    let mut paths = Vec::new();
    all(&folder.path().join("log"), &mut paths);
    all(&folder.path().join("shard-00"), &mut paths);
    for path in paths.iter().filter(|path| path.is_file()) {
        let whole = fs::read(path).unwrap();
        for step in 0..40 {
            let at = step * (whole.len() - 1) / 39;
            let mut bytes = whole.clone();
            bytes[at] ^= 0x55;
            let copy = tempfile::tempdir_in(path.parent().unwrap()).unwrap();
            let copy = copy.path().join(path.file_name().unwrap());
            fs::write(&copy, &bytes).unwrap();
            let found = inspect(&copy).unwrap();
            assert!(!found.kind.is_empty());
            if at == 0 {
                assert!(!found.problems.is_empty(), "{}: {found:?}", path.display());
                assert_ne!(found.kind, "unknown", "its name tells");
            }
            fs::write(&copy, &whole[..at]).unwrap();
            assert!(!inspect(&copy).unwrap().kind.is_empty());
        }
    }
}

#[test]
fn another_version_and_foreign_files_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        inspect(&path).unwrap()
    };
    let found = write("data", b"nunablk\n\x07\x00\x00\x00\x00\x00\x00\x00");
    assert_eq!((found.kind.as_str(), found.version), ("data of a block", Some(7)));
    assert!(found.problems[0].contains("version 7"), "{:?}", found.problems);
    assert_eq!(write("manifest", b"nunatak-block 9\n").version, Some(9));
    assert_eq!(write("DATABASE", b"nunatak\nversion 3\nshards 1\n").version, Some(3));
    let found = write("notes.txt", b"hello");
    assert_eq!((found.kind.as_str(), found.problems.len()), ("unknown", 1));
    assert_eq!(write("empty", b"").kind, "unknown");
    inspect(folder.path().join("missing")).unwrap_err();
}
