//! Tenants share the log and nothing else.

use nunatak::storage::{FaultStorage, Storage};
use nunatak::{Batch, Db, Error, labels};

use crate::common::{NOW, append, options, read};

#[test]
fn tenants_do_not_see_each_other() {
    let storage = FaultStorage::new(1);
    let up = labels! { "__name__" => "up" };
    for round in 0..2 {
        let db = Db::open(options(&storage)).unwrap();
        let other = db.tenant("team-a").unwrap();
        if round == 0 {
            append(&db, &up, &[(NOW, 1.0)]).unwrap();
            let mut batch = Batch::new();
            let series = batch.series(&up).unwrap();
            batch.push(series, NOW, 2.0);
            other.append(&batch).unwrap();
        }
        assert_eq!(read(&db)[&up], [(NOW, 1.0)]);
        assert_eq!(read(&other)[&up], [(NOW, 2.0)]);
        assert_eq!(read(&db.tenant("default").unwrap())[&up], [(NOW, 1.0)]);
        assert!(read(&db.tenant("idle").unwrap()).is_empty());
        db.flush().unwrap();
        assert_eq!(read(&other)[&up], [(NOW, 2.0)], "round {round}");
        db.close().unwrap();
    }
}

#[test]
fn a_tenant_without_samples_leaves_no_trace() {
    let storage = FaultStorage::new(1);
    let db = Db::open(options(&storage)).unwrap();
    db.tenant("idle").unwrap();
    db.flush().unwrap();
    let names: Vec<_> = storage.list("").unwrap().into_iter().map(|entry| entry.name).collect();
    assert!(!names.iter().any(|name| name.starts_with("shard")), "{names:?}");
}

#[test]
fn names_that_could_leave_the_folder_are_refused() {
    let storage = FaultStorage::new(1);
    let db = Db::open(options(&storage)).unwrap();
    let long = "x".repeat(65);
    for name in ["", "..", "a/b", "ä", "a b", &long] {
        let refused = db.tenant(name).unwrap_err();
        assert!(matches!(refused, Error::Invalid { .. }), "{name}: {refused}");
    }
}
