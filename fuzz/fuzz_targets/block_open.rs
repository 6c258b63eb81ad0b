//! Three files that may be anything: opening, selecting, reading and verifying a block never
//! panics, never takes memory without bound, and what verifies can be read to the end.
#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use nunatak::block::fuzzing::Files;
use nunatak::block::{Block, open_all};
use nunatak::storage::{MemoryStorage, Storage};
use nunatak::{Cursor, MatchOp, Matcher, Result, SampleBatch, TimeRange};

fn files(input: &[u8]) -> Files {
    let Some((&mode, rest)) = input.split_first() else { return Files::assemble(&[]) };
    let cut = rest.len() / 2;
    match mode % 4 {
        0 => {
            let mut files = Files::assemble(&[]);
            files.manifest = rest.to_vec();
            files
        }
        1 => Files::with_manifest(rest[..cut].to_vec(), rest[cut..].to_vec()),
        _ => Files::assemble(rest),
    }
}

fn read(block: &Block, matchers: &[Matcher], range: TimeRange) -> Result<u64> {
    let mut samples = 0;
    let mut batch = SampleBatch::default();
    for mut series in block.select(matchers, range)? {
        while series.next_batch(&mut batch)? {
            assert_eq!(batch.times.len(), batch.values.len());
            assert!(batch.times.iter().all(|&t| range.contains(t)));
            samples += batch.len() as u64;
            if samples > 1 << 22 {
                return Ok(samples);
            }
        }
    }
    Ok(samples)
}

fuzz_target!(|input: &[u8]| {
    let storage: Arc<dyn Storage> = Arc::new(MemoryStorage::new());
    let files = files(input);
    if files.place(&*storage, "blocks").is_err() {
        return;
    }
    if let Ok(block) = Block::open(Arc::clone(&storage), "blocks", &files.name) {
        let middle = TimeRange::new(block.meta().min_t.saturating_add(1000), i64::MAX - 1);
        let one = Matcher::new("id", MatchOp::NotEqual, "001").expect("a plain value");
        let _ = read(&block, std::slice::from_ref(&one), middle);
        let _ = (block.label_names(&[one]), block.label_values("id", &[], 3));
        let all = read(&block, &[], TimeRange::ALL);
        if let Ok(report) = block.verify() {
            let all = all.expect("what verifies can be read");
            assert!(all == report.samples || all > 1 << 22);
        }
    }
    open_all(&storage, "blocks").expect("a bad block is not fatal");
});
