//! A segment of arbitrary bytes gives answers or errors, and so does a valid one that was changed
//! and whose checksums were made right again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nunatak_index::{Labels, MatchOp, Matcher, RoaringBitmap, Segment, SegmentWriter};

const FOOTER: usize = 96;

fuzz_target!(|data: &[u8]| {
    ask(data);
    let Some((&cut, rest)) = data.split_first() else { return };
    let (changes, texts) = rest.split_at(rest.len().min(usize::from(cut) % 32));
    if let Some(mut image) = build(texts) {
        assert!(ask(&image), "a fresh image must open");
        change(&mut image, changes);
        assert!(ask(&image), "sealed again it must open");
    }
});

/// Asks everything; returns whether it opened.
fn ask(bytes: &[u8]) -> bool {
    let Ok(segment) = Segment::open(bytes) else { return false };
    let some: RoaringBitmap = (0..5).collect();
    let queries = [
        ("a", MatchOp::Equal, "x"),
        ("b", MatchOp::NotRegex, "x.*"),
        ("b", MatchOp::Regex, "(x|y).+"),
    ];
    for (name, op, value) in queries {
        if let Ok(matcher) = Matcher::new(name, op, value) {
            let _ = segment.select(&[matcher]);
        }
    }
    for id in 0..segment.series_count().min(100) {
        let _ = segment.labels(id);
    }
    let _ = segment.label_names(Some(&some));
    let _ = segment.label_values("a", Some(&some), 3);
    let _ = segment.label_values("b", None, 0);
    let _ = segment.verify();
    true
}

/// A segment of series made of the words in the data.
fn build(texts: &[u8]) -> Option<Vec<u8>> {
    let text = String::from_utf8_lossy(texts);
    let words: Vec<&str> = text.split(',').collect();
    let mut sets: Vec<Labels> = words
        .chunks(2)
        .filter_map(|pair| {
            let (a, b) = (pair.first()?, pair.last()?);
            Labels::from_pairs([("__name__", "m"), ("a", a), ("b", b)]).ok()
        })
        .collect();
    sets.sort_by(Labels::series_cmp);
    sets.dedup();
    let mut writer = SegmentWriter::new();
    for labels in &sets {
        writer.add(labels).ok()?;
    }
    writer.finish().ok()
}

/// Changes bytes of the body, and seals again.
fn change(image: &mut [u8], changes: &[u8]) {
    let footer = image.len() - FOOTER;
    let start = |i: usize| {
        let bytes = image[footer + i * 8..][..8].try_into().unwrap_or_default();
        u64::from_le_bytes(bytes) as usize
    };
    let end = start(8);
    for change in changes.chunks_exact(3) {
        let at = 16 + (usize::from(change[0]) << 8 | usize::from(change[1])) % (end - 16);
        image[at] = change[2];
    }
    let table: Vec<u8> =
        image[..end].chunks(4096).flat_map(|page| crc32c::crc32c(page).to_le_bytes()).collect();
    image[end..footer].copy_from_slice(&table);
    image[footer + 84..footer + 88].copy_from_slice(&crc32c::crc32c(&table).to_le_bytes());
    let crc = crc32c::crc32c(&image[footer..footer + 88]);
    image[footer + 88..footer + 92].copy_from_slice(&crc.to_le_bytes());
}
