//! The text of a histogram, as `count_values` puts it into a label.

use nunatak::{Bucket, Histogram};

use crate::number::format_general;

/// Count, sum and the buckets that something is in.
pub(crate) fn describe(h: &Histogram) -> String {
    let mut text = format!("{{count:{}, sum:{}", format_general(h.count), format_general(h.sum));
    for bucket in h.buckets().filter(|bucket| bucket.count != 0.0) {
        text.push_str(", ");
        text.push_str(&bucket_text(&bucket));
    }
    text.push('}');
    text
}

fn bucket_text(bucket: &Bucket) -> String {
    let open = if bucket.lower_inclusive { '[' } else { '(' };
    let close = if bucket.upper_inclusive { ']' } else { ')' };
    let [lower, upper, count] = [bucket.lower, bucket.upper, bucket.count].map(format_general);
    format!("{open}{lower},{upper}{close}:{count}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_buckets_are_left_out() {
        let h = Histogram {
            count: 3.0,
            sum: 2.5,
            zero_count: 1.0,
            zero_threshold: 0.5,
            positive: vec![(0, 0.0), (1, 1.0)],
            negative: vec![(1, 1.0)],
            ..Histogram::default()
        };
        assert_eq!(describe(&h), "{count:3, sum:2.5, [-2,-1):1, [-0.5,0.5]:1, (1,2]:1}");
    }
}
