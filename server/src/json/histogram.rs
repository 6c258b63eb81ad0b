//! Native histograms as Prometheus' HTTP API writes them.

use nunatak::{Bucket, Histogram};

use super::{list, timestamp, value};

/// Writes `[t,{"count":"…","sum":"…","buckets":[[kind,"lower","upper","count"],…]}]`. Empty buckets
/// are left out, and the list if there is no other.
pub(crate) fn histogram(out: &mut Vec<u8>, ms: i64, h: &Histogram) {
    out.push(b'[');
    timestamp(out, ms);
    out.extend_from_slice(br#",{"count":"#);
    value(out, h.count);
    out.extend_from_slice(br#","sum":"#);
    value(out, h.sum);
    let buckets: Vec<_> = h.buckets().filter(|bucket| bucket.count != 0.0).collect();
    if !buckets.is_empty() {
        out.extend_from_slice(br#","buckets":"#);
        list(out, &buckets, bucket);
    }
    out.extend_from_slice(b"}]");
}

fn bucket(out: &mut Vec<u8>, bucket: &Bucket) {
    // Which borders belong to the bucket: the upper one, the lower one, none, both.
    let kind = match (bucket.lower_inclusive, bucket.upper_inclusive) {
        (false, true) => b'0',
        (true, false) => b'1',
        (false, false) => b'2',
        (true, true) => b'3',
    };
    out.extend_from_slice(&[b'[', kind]);
    for number in [bucket.lower, bucket.upper, bucket.count] {
        out.push(b',');
        value(out, number);
    }
    out.push(b']');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(h: &Histogram) -> String {
        let mut out = Vec::new();
        histogram(&mut out, 1_500, h);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn buckets_say_which_borders_are_theirs() {
        let h = Histogram {
            count: 7.0,
            sum: 2.5,
            zero_count: 2.0,
            zero_threshold: 0.001,
            positive: vec![(0, 0.0), (1, 3.5)],
            negative: vec![(2, 1.5)],
            ..Histogram::default()
        };
        let expected = concat!(
            r#"[1.500,{"count":"7","sum":"2.5","buckets":[[1,"-4","-2","1.5"],"#,
            r#"[3,"-0.001","0.001","2"],[0,"1","2","3.5"]]}]"#
        );
        assert_eq!(written(&h), expected);
        serde_json::from_str::<serde_json::Value>(&written(&h)).unwrap();
    }

    #[test]
    fn without_observations_there_is_no_list() {
        assert_eq!(written(&Histogram::default()), r#"[1.500,{"count":"0","sum":"0"}]"#);
    }

    #[test]
    fn custom_buckets_reach_to_infinity() {
        let h = Histogram {
            schema: nunatak::CUSTOM_SCHEMA,
            count: 3.0,
            sum: 1.0,
            positive: vec![(0, 1.0), (1, 2.0)],
            bounds: [5.0].into(),
            ..Histogram::default()
        };
        let buckets = r#""buckets":[[3,"-Inf","5","1"],[0,"5","+Inf","2"]]"#;
        assert!(written(&h).contains(buckets), "{}", written(&h));
    }
}
