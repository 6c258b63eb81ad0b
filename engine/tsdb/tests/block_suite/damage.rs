//! A damaged block is an error, never a panic and never another answer.

use std::collections::BTreeMap;
use std::sync::Arc;

use nunatak::block::{Block, clean_temporary, open_all, rebuild_manifest};
use nunatak::storage::{MemoryStorage, Storage};
use nunatak::{Error, Result, TimeRange};

use crate::support::{Model, PARENT, files, metric, place, read, sample_model, spec, write};

fn small_model() -> Model {
    let mut model = sample_model();
    model.retain(|labels, _| labels.get("instance") != Some("c"));
    model
}

struct Written {
    name: String,
    files: BTreeMap<String, Vec<u8>>,
    model: Model,
}

fn written() -> Written {
    let storage: Arc<dyn Storage> = Arc::new(MemoryStorage::new());
    let model = small_model();
    let block = write(&storage, spec(1, 1), &model).unwrap().unwrap();
    Written { name: block.meta().name.clone(), files: files(&*storage, &block), model }
}

/// Opens a block with these files, reads all of it and verifies it.
fn use_all(name: &str, files: &BTreeMap<String, Vec<u8>>) -> (Result<Model>, Result<()>) {
    let storage: Arc<dyn Storage> = Arc::new(MemoryStorage::new());
    place(&*storage, name, files);
    match Block::open(storage, PARENT, name) {
        Ok(block) => (read(&block, &[], TimeRange::ALL), block.verify().map(|_| ())),
        Err(error) => {
            let same = Error::Invalid { what: error.to_string() };
            (Err(error), Err(same))
        }
    }
}

#[test]
fn any_changed_byte_of_any_file_is_an_error_and_no_wrong_data() {
    let Written { name, files, model } = written();
    assert_eq!(use_all(&name, &files).0.unwrap(), model);
    for file in ["data", "index", "manifest"] {
        let mut refused = 0;
        for at in 0..files[file].len() {
            let mut bad = files.clone();
            bad.get_mut(file).unwrap()[at] ^= 1 << (at % 8);
            let (got, verified) = use_all(&name, &bad);
            assert!(verified.is_err(), "{file} byte {at} is not verified");
            match got {
                Ok(got) => assert_eq!(got, model, "{file} byte {at}"),
                Err(_) => refused += 1,
            }
        }
        assert!(refused * 2 > files[file].len(), "{file}: reading notices {refused} only");
    }
}

#[test]
fn files_that_are_cut_lengthened_or_missing_are_errors() {
    let Written { name, files, .. } = written();
    for file in ["data", "index", "manifest"] {
        let full = files[file].len();
        for len in (0..full).step_by(7).chain([full - 1, full + 1]) {
            let mut bad = files.clone();
            bad.get_mut(file).unwrap().resize(len, 0);
            let error = use_all(&name, &bad).0.unwrap_err();
            assert!(matches!(error, Error::Corrupt { .. }), "{file} cut to {len}: {error}");
        }
        let mut bad = files.clone();
        bad.remove(file);
        assert!(matches!(use_all(&name, &bad).0, Err(Error::Corrupt { .. })), "no {file}");
    }
}

#[test]
fn another_version_says_so_and_what_to_do() {
    let Written { name, files, .. } = written();
    let mut newer = files.clone();
    newer.get_mut("data").unwrap()[8] = 3;
    let error = use_all(&name, &newer).0.unwrap_err();
    assert!(matches!(error, Error::Version { found: 3, supported: 0, .. }), "{error}");
    assert!(error.to_string().contains("export"), "{error}");
    let mut newer = files;
    let text = String::from_utf8(newer["manifest"].clone()).unwrap();
    newer.insert("manifest".into(), text.replacen("block 0", "block 9", 1).into_bytes());
    let error = use_all(&name, &newer).0.unwrap_err();
    assert!(matches!(error, Error::Version { found: 9, .. }), "{error}");
}

#[test]
fn the_files_of_two_blocks_are_not_mixed() {
    let first = written();
    let storage: Arc<dyn Storage> = Arc::new(MemoryStorage::new());
    let mut other = small_model();
    other.get_mut(&metric("up", "a")).unwrap().insert(0, 2f64.to_bits());
    let block = write(&storage, spec(1, 1), &other).unwrap().unwrap();
    let second = files(&*storage, &block);
    for file in ["data", "manifest"] {
        let mut mixed = first.files.clone();
        mixed.insert(file.to_owned(), second[file].clone());
        assert!(use_all(&first.name, &mixed).1.is_err(), "{file}");
    }
}

#[test]
fn a_damaged_block_is_put_aside_and_the_others_serve() {
    let storage: Arc<dyn Storage> = Arc::new(MemoryStorage::new());
    let good = write(&storage, spec(2, 1), &small_model()).unwrap().unwrap();
    let mut bad = written();
    bad.files.get_mut("data").unwrap().pop();
    place(&*storage, &bad.name, &bad.files);
    storage.create_folder(&format!("{PARENT}/something-else")).unwrap();
    for _ in 0..3 {
        let opened = open_all(&storage, PARENT).unwrap();
        assert_eq!(opened.blocks.len(), 1);
        assert_eq!(opened.blocks[0].meta(), good.meta());
        assert_eq!(opened.quarantined.len(), 1);
        assert_eq!(opened.quarantined[0].name, bad.name);
        assert_eq!(opened.quarantined[0].range, spec(1, 1).range);
        assert!(matches!(opened.quarantined[0].error, Error::Corrupt { .. }));
        let names: Vec<String> =
            storage.list(PARENT).unwrap().into_iter().map(|entry| entry.name).collect();
        assert!(names.contains(&format!("quarantine-{}", bad.name)), "{names:?}");
        assert!(!names.contains(&bad.name));
    }
}

#[test]
fn a_block_of_another_version_stays_where_it_is() {
    let storage: Arc<dyn Storage> = Arc::new(MemoryStorage::new());
    let mut newer = written();
    newer.files.get_mut("data").unwrap()[8] = 1;
    place(&*storage, &newer.name, &newer.files);
    let opened = open_all(&storage, PARENT).unwrap();
    assert!(opened.blocks.is_empty());
    assert!(matches!(opened.quarantined[0].error, Error::Version { .. }));
    assert_eq!(storage.list(PARENT).unwrap()[0].name, newer.name);
}

#[test]
fn leftovers_go_and_a_missing_folder_is_empty() {
    let storage: Arc<dyn Storage> = Arc::new(MemoryStorage::new());
    clean_temporary(&*storage, PARENT).unwrap();
    assert!(open_all(&storage, PARENT).unwrap().blocks.is_empty());
    let good = write(&storage, spec(2, 1), &small_model()).unwrap().unwrap();
    let half = written();
    place(&*storage, "tmp-1-2-3", &half.files);
    clean_temporary(&*storage, PARENT).unwrap();
    let names: Vec<String> =
        storage.list(PARENT).unwrap().into_iter().map(|entry| entry.name).collect();
    assert_eq!(names, [good.meta().name.clone()]);
}

#[test]
fn a_lost_manifest_is_made_again_of_the_folder() {
    for manifest in [None, Some(b"nonsense".to_vec())] {
        let storage: Arc<dyn Storage> = Arc::new(MemoryStorage::new());
        let Written { name, mut files, model } = written();
        files.remove("manifest");
        files.extend(manifest.map(|bytes| ("manifest".to_owned(), bytes)));
        place(&*storage, &name, &files);
        assert_eq!(open_all(&storage, PARENT).unwrap().quarantined.len(), 1);
        let block = rebuild_manifest(&storage, PARENT, &name).unwrap();
        assert_eq!(read(&block, &[], TimeRange::ALL).unwrap(), model);
        assert_eq!(block.precedence(), (nunatak::log::Position(0), 1));
        let opened = open_all(&storage, PARENT).unwrap();
        assert_eq!((opened.blocks.len(), opened.quarantined.len()), (1, 0));
        opened.blocks[0].verify().unwrap();
    }
}

#[test]
fn a_manifest_is_not_made_again_over_damaged_data() {
    for file in ["data", "index"] {
        let storage: Arc<dyn Storage> = Arc::new(MemoryStorage::new());
        let Written { name, mut files, .. } = written();
        files.remove("manifest");
        files.get_mut(file).unwrap()[40] ^= 1;
        place(&*storage, &name, &files);
        let error = rebuild_manifest(&storage, PARENT, &name).unwrap_err();
        assert!(matches!(error, Error::Corrupt { .. }), "{error}");
    }
}
