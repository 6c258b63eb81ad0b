//! Any bytes as the parts of a Prometheus block: chunks of floats, tombstones, an index, a file of
//! chunks. Never a panic, never more memory than the bytes are worth. The checksums of the index's
//! sections are made right, so that what lies behind them is reached.
#![no_main]

use std::fs;

use libfuzzer_sys::fuzz_target;
use nunatak_server::import::prometheus::{ChunkFile, Index, SeriesEntry, Tombstones, decode_xor};

/// A section of a length, its content and a checksum.
fn section(content: &[u8]) -> Vec<u8> {
    let mut out = (content.len() as u32).to_be_bytes().to_vec();
    out.extend_from_slice(content);
    out.extend(crc32c::crc32c(content).to_be_bytes());
    out
}

/// An index whose sections have these contents.
fn index(version: u8, symbols: &[u8], series: &[u8], references: &[u8], table: &[u8]) -> Vec<u8> {
    let mut out = vec![0xBA, 0xAA, 0xD7, 0x00, version];
    let symbols_at = out.len() as u64;
    out.extend(section(symbols));
    out.resize(out.len().next_multiple_of(16), 0);
    out.push(series.len().min(127) as u8);
    let entry = &series[..series.len().min(127)];
    out.extend_from_slice(entry);
    out.extend(crc32c::crc32c(entry).to_be_bytes());
    let list_at = out.len();
    out.extend(section(&[&((references.len() / 4) as u32).to_be_bytes(), references].concat()));
    let table_at = out.len() as u64;
    // One entry, all series, whose list is the one above; then whatever comes.
    let mut entry = vec![0, 0, 0, 1, 2, 0, 0];
    entry.extend([(list_at & 0x7f) as u8 | 0x80, (list_at >> 7) as u8 & 0x7f]);
    entry.extend_from_slice(table);
    out.extend(section(&entry));
    let offsets = [symbols_at, 0, 0, 0, 0, table_at].map(u64::to_be_bytes).concat();
    out.extend_from_slice(&offsets);
    out.extend(crc32c::crc32c(&offsets).to_be_bytes());
    out
}

fuzz_target!(|data: &[u8]| {
    let (mut times, mut values) = (Vec::new(), Vec::new());
    let _ = decode_xor(data, &mut times, &mut values);
    assert_eq!(times.len(), values.len());
    assert!(times.len() <= usize::from(u16::MAX));
    if let Some(tombstones) = Tombstones::parse(data) {
        tombstones.apply(1, &mut times, &mut values);
    }
    let Some((&[version, a, b, c], rest)) = data.split_first_chunk::<4>() else { return };
    let cut = |from: &mut &[u8], len: u8| {
        let (front, back) = from.split_at(usize::from(len).min(from.len()));
        *from = back;
        front.to_vec()
    };
    let mut rest = rest;
    let (symbols, series, references) = (cut(&mut rest, a), cut(&mut rest, b), cut(&mut rest, c));
    let path = std::env::temp_dir().join(format!("fuzz-import-{}", std::process::id()));
    let bytes = index(1 + version % 2, &symbols, &series, &references, rest);
    if fs::write(&path, bytes).is_ok()
        && let Ok(mut index) = Index::open(&path)
    {
        let mut entry = SeriesEntry::default();
        for number in 0..index.len().min(100) {
            if index.read_series(number, &mut entry).is_ok() {
                for (name, value) in &entry.labels {
                    let _ = (index.symbol(*name), index.symbol(*value));
                }
            }
        }
    }
    if fs::write(&path, [&[0x85, 0xBD, 0x40, 0xDD, 1, 0, 0, 0], data].concat()).is_ok()
        && let Ok(mut file) = ChunkFile::open(&path)
    {
        for offset in 0..data.len().min(64) as u64 {
            let _ = file.chunk(8 + offset).map(|chunk| chunk.samples());
        }
    }
});
