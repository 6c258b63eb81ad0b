//! Any pattern compiles or is refused; where RE2's and the regex crate's syntax agree so do the
//! answers; and head and segment select the values that the matcher accepts one by one.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nunatak_index::{HeadIndex, Labels, MatchOp, Matcher, Segment, SegmentWriter};

fuzz_target!(|input: (&str, Vec<&str>)| {
    let (pattern, values) = input;
    if pattern.len() > 64 {
        return;
    }
    let Ok(matcher) = Matcher::new("l", MatchOp::Regex, pattern) else { return };
    if is_common(pattern) {
        let model = regex_automata::meta::Regex::new(&format!("^(?s:{pattern})$"));
        let model = model.expect("the regex crate must take what both understand");
        for value in &values {
            assert_eq!(model.is_match(value), matcher.matches(value), "{pattern:?} {value:?}");
        }
    }
    select(pattern, &matcher, values);
});

/// Whether the pattern has only what means the same in both syntaxes.
fn is_common(pattern: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b" .*+?()|^$".contains(&b);
    pattern.bytes().all(plain) && !pattern.contains("(?")
}

fn select(pattern: &str, matcher: &Matcher, mut values: Vec<&str>) {
    values.truncate(50);
    values.sort_unstable();
    values.dedup();
    let (mut head, mut writer) = (HeadIndex::new(), SegmentWriter::new());
    let mut accepted = (Vec::new(), Vec::new());
    for value in values {
        let Ok(labels) = Labels::from_pairs([("l", value)]) else { continue };
        let Ok(id) = writer.add(&labels) else { continue };
        head.insert(id, &labels);
        if matcher.matches(value) { accepted.0.push(id) } else { accepted.1.push(id) }
    }
    let Ok(image) = writer.finish() else { return };
    let segment = Segment::open(image).expect("a fresh image must open");
    for (op, expected) in [(MatchOp::Regex, accepted.0), (MatchOp::NotRegex, accepted.1)] {
        let matchers = [Matcher::new("l", op, pattern).expect("it compiled before")];
        assert_eq!(head.select(&matchers).iter().collect::<Vec<_>>(), expected);
        let found = segment.select(&matchers).expect("a fresh image must be readable");
        assert_eq!(found.iter().collect::<Vec<_>>(), expected);
    }
}
