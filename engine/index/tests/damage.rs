//! A damaged segment gives errors, never a panic and never a wrong answer without one.
#![expect(clippy::unwrap_used, reason = "a test may stop")]

use nunatak_index::{
    Labels, MatchOp, Matcher, RoaringBitmap, Segment, SegmentError, SegmentWriter,
};
use proptest::prelude::*;

fn image() -> Vec<u8> {
    image_of(600)
}

fn image_of(hosts: usize) -> Vec<u8> {
    let mut sets = Vec::new();
    for i in 0..hosts {
        let (metric, host) = (format!("m{}", i % 7), format!("host-{i}"));
        sets.push(Labels::from_pairs([("__name__", &metric), ("host", &host)]).unwrap());
    }
    sets.sort_by(Labels::series_cmp);
    let mut writer = SegmentWriter::new();
    for labels in &sets {
        writer.add(labels).unwrap();
    }
    writer.finish().unwrap()
}

fn queries() -> Vec<Vec<Matcher>> {
    let m = |name, op, value| vec![Matcher::new(name, op, value).unwrap()];
    vec![
        vec![],
        m("__name__", MatchOp::Equal, "m3"),
        m("host", MatchOp::Regex, "host-(1|2)[0-9]*"),
        m("host", MatchOp::Regex, ".*7"),
        m("host", MatchOp::NotRegex, "host-1.*"),
        m("none", MatchOp::Equal, ""),
    ]
}

/// Every answer that the segment can give.
struct Answers {
    selections: Vec<Result<RoaringBitmap, SegmentError>>,
    labels: Vec<Result<Labels, SegmentError>>,
    names: Result<Vec<String>, SegmentError>,
    values: Result<Vec<String>, SegmentError>,
}

fn answers(bytes: &[u8]) -> Option<Answers> {
    let segment = Segment::open(bytes).ok()?;
    let some: RoaringBitmap = (0..9).collect();
    let mut reader = segment.labels_reader();
    Some(Answers {
        selections: queries().iter().map(|query| segment.select(query)).collect(),
        labels: (0..segment.series_count().min(700)).map(|id| reader.labels(id)).collect(),
        names: segment.label_names(Some(&some)),
        values: segment.label_values("host", Some(&some), 0),
    })
}

fn is_right<T: PartialEq>(
    found: &Result<T, SegmentError>,
    expected: &Result<T, SegmentError>,
) -> bool {
    found.is_err() || found == expected
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn flipped_bits_are_found(
        flips in prop::collection::vec((any::<prop::sample::Index>(), 0u8..8), 1..4),
    ) {
        let good = image();
        let expected = answers(&good).unwrap();
        let mut bad = good.clone();
        for (at, bit) in flips {
            bad[at.index(good.len())] ^= 1 << bit;
        }
        prop_assume!(bad != good);
        prop_assert!(Segment::open(&bad[..]).is_err() || Segment::open(&bad[..]).unwrap().verify().is_err());
        if let Some(found) = answers(&bad) {
            let pairs = found.selections.iter().zip(&expected.selections);
            prop_assert!(pairs.into_iter().all(|(f, e)| is_right(f, e)));
            prop_assert!(found.labels.iter().zip(&expected.labels).all(|(f, e)| is_right(f, e)));
            prop_assert!(is_right(&found.names, &expected.names));
            prop_assert!(is_right(&found.values, &expected.values));
        }
    }

    #[test]
    fn cut_and_foreign_bytes_are_refused(at in any::<prop::sample::Index>(), noise in prop::collection::vec(any::<u8>(), 0..300)) {
        let good = image();
        prop_assert!(Segment::open(&good[..at.index(good.len())]).is_err());
        prop_assert!(Segment::open(&noise[..]).is_err());
        let longer = [&good[..], &noise[..]].concat();
        prop_assert!(noise.is_empty() || Segment::open(&longer[..]).is_err());
    }
}

/// With all checksums made right again the decoders alone must hold: they may answer wrongly, but
/// they return.
#[test]
fn forged_bytes_end_in_an_answer() {
    let good = image();
    let footer = good.len() - 96;
    let start =
        |i: usize| u64::from_le_bytes(good[footer + i * 8..][..8].try_into().unwrap()) as usize;
    let body_end = start(8);
    let mut random = 1u64;
    for _ in 0..3_000 {
        random =
            random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let at = 16 + (random >> 33) as usize % (body_end - 16);
        let mut bad = good.clone();
        bad[at] = bad[at].wrapping_add((random >> 20) as u8 | 1);
        seal(&mut bad, footer, body_end);
        let segment = Segment::open(&bad[..]).unwrap();
        segment.verify().unwrap();
        assert!(answers(&bad).is_some());
    }
}

fn seal(image: &mut [u8], footer: usize, body_end: usize) {
    let table: Vec<u8> = image[..body_end]
        .chunks(4096)
        .flat_map(|page| crc32c::crc32c(page).to_le_bytes())
        .collect();
    image[body_end..footer].copy_from_slice(&table);
    let table_crc = crc32c::crc32c(&table).to_le_bytes();
    image[footer + 84..footer + 88].copy_from_slice(&table_crc);
    let crc = crc32c::crc32c(&image[footer..footer + 88]).to_le_bytes();
    image[footer + 88..footer + 92].copy_from_slice(&crc);
}

#[test]
fn errors_say_what_and_where() {
    let mut other = image();
    other[8] = 9;
    let crc = crc32c::crc32c(&other[..12]).to_le_bytes();
    other[12..16].copy_from_slice(&crc);
    let error = Segment::open(other).unwrap_err();
    assert_eq!(error, SegmentError::Version { found: 9, supported: 0 });
    let segment = Segment::open(image()).unwrap();
    assert_eq!(segment.labels(600), Err(SegmentError::NoSuchSeries { id: 600, count: 600 }));
    let text = Segment::open(&b"PK\x03\x04"[..]).unwrap_err().to_string();
    assert_eq!(text, "not an index segment: it begins with [50, 4b, 03, 04]");
}

/// Damage harms what lies on its page, and nothing else.
#[test]
fn the_rest_is_served() {
    let mut bad = image_of(6_000);
    let last_series = Segment::open(&bad[..]).unwrap().series_count() - 1;
    let footer = bad.len() - 96;
    let start = |i: usize| u64::from_le_bytes(bad[footer + i * 8..][..8].try_into().unwrap());
    // The last whole page of the series, which has nothing else.
    let page = (start(4) / 4096 - 1) * 4096;
    assert!(page >= start(3));
    bad[page as usize + 4000] ^= 1;
    let segment = Segment::open(bad).unwrap();
    let damage = (0..=last_series).rev().find_map(|id| segment.labels(id).err()).unwrap();
    assert!(matches!(damage, SegmentError::Corrupt { offset, .. } if offset == page));
    assert_eq!(segment.select(&[]).unwrap().len(), u64::from(last_series) + 1);
    let metric = Matcher::new("__name__", MatchOp::Equal, "m3").unwrap();
    assert!(segment.verify().is_err());
    assert!(segment.select(&[metric]).is_ok());
}
