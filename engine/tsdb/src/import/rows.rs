//! The samples of one shard that an import holds in memory, by series.

use std::ops::Range;

use nunatak_index::Labels;

use super::windows::Windows;

/// Bytes of a sample.
pub(super) const SAMPLE_BYTES: usize = size_of::<i64>() + size_of::<f64>();

/// Series of one shard and their samples.
#[derive(Debug, Default)]
pub(crate) struct ShardRows {
    series: Vec<Row>,
    /// Numbers of the series in their order, as far as they were sorted.
    order: Vec<u32>,
    /// Heap bytes of all samples.
    sample_bytes: usize,
}

/// One series and its samples, in the order in which they came.
#[derive(Debug)]
struct Row {
    labels: Labels,
    times: Vec<i64>,
    values: Vec<f64>,
    ascending: bool,
}

/// Samples of one series that lie in one window.
#[derive(Debug, Clone)]
pub(super) struct Segment {
    /// Start of the window.
    pub(super) window: i64,
    /// Where the series stands in the order.
    pub(super) rank: u32,
    pub(super) series: u32,
    pub(super) samples: Range<usize>,
}

impl ShardRows {
    /// Adds a series and returns its number.
    pub(crate) fn add(&mut self, labels: Labels) -> u32 {
        self.series.push(Row { labels, times: Vec::new(), values: Vec::new(), ascending: true });
        (self.series.len() - 1) as u32
    }

    pub(crate) fn labels(&self, series: u32) -> &Labels {
        &self.series[series as usize].labels
    }

    pub(crate) fn sample_bytes(&self) -> usize {
        self.sample_bytes
    }

    /// Adds samples of a series; of equal times the later one counts.
    pub(crate) fn push(&mut self, series: u32, times: &[i64], values: &[f64]) {
        let row = &mut self.series[series as usize];
        let before = row.times.capacity();
        let first_fits = row.times.last().zip(times.first()).is_none_or(|(last, t)| last < t);
        row.ascending &= first_fits && times.is_sorted_by(|a, b| a < b);
        row.times.extend_from_slice(times);
        row.values.extend_from_slice(values);
        self.sample_bytes += (row.times.capacity() - before) * SAMPLE_BYTES;
    }

    /// Forgets the samples and keeps the series.
    pub(super) fn clear_samples(&mut self) {
        for row in &mut self.series {
            (row.times, row.values, row.ascending) = (Vec::new(), Vec::new(), true);
        }
        self.sample_bytes = 0;
    }

    /// Brings series and samples into order and cuts them by window.
    pub(super) fn segments(&mut self, windows: Windows) -> Vec<Segment> {
        self.sort_series();
        let mut segments = Vec::new();
        for (rank, &number) in self.order.iter().enumerate() {
            let row = &mut self.series[number as usize];
            row.sort();
            let mut start = 0;
            while let Some(&t) = row.times.get(start) {
                let window = windows.of(t);
                let end = start + row.times[start..].partition_point(|&t| t <= window.end);
                let (rank, samples) = (rank as u32, start..end);
                segments.push(Segment { window: window.start, rank, series: number, samples });
                start = end;
            }
        }
        segments.sort_unstable_by_key(|segment| (segment.window, segment.rank));
        segments
    }

    /// Where each series stands in the order.
    pub(super) fn ranks(&mut self) -> Vec<u32> {
        self.sort_series();
        let mut ranks = vec![0; self.order.len()];
        for (rank, &number) in self.order.iter().enumerate() {
            ranks[number as usize] = rank as u32;
        }
        ranks
    }

    pub(super) fn samples(&self, segment: &Segment) -> (&[i64], &[f64]) {
        let row = &self.series[segment.series as usize];
        (&row.times[segment.samples.clone()], &row.values[segment.samples.clone()])
    }

    /// Sorts what came since the last time in between: nearly sorted, so nearly linear.
    fn sort_series(&mut self) {
        if self.order.len() < self.series.len() {
            self.order.extend(self.order.len() as u32..self.series.len() as u32);
            let series = &self.series;
            let labels = |number: &u32| &series[*number as usize].labels;
            self.order.sort_by(|a, b| labels(a).series_cmp(labels(b)));
        }
    }
}

impl Row {
    fn sort(&mut self) {
        if !self.ascending {
            sort_samples(&mut self.times, &mut self.values);
            self.ascending = true;
        }
    }
}

/// Sorts by time; of equal times the last one stays.
pub(super) fn sort_samples(times: &mut Vec<i64>, values: &mut Vec<f64>) {
    let mut pairs: Vec<(i64, f64)> = times.iter().copied().zip(values.iter().copied()).collect();
    pairs.sort_by_key(|(t, _)| *t);
    times.clear();
    values.clear();
    for (t, v) in pairs {
        if times.last() == Some(&t) {
            values.pop();
        } else {
            times.push(t);
        }
        values.push(v);
    }
}

#[cfg(test)]
mod tests {
    use nunatak_index::labels;
    use proptest::prelude::*;

    use super::*;

    const H: i64 = 3_600_000;

    #[test]
    fn segments_come_by_window_then_by_series() {
        let mut rows = ShardRows::default();
        let b = rows.add(labels! { "__name__" => "b" });
        let a = rows.add(labels! { "__name__" => "a" });
        rows.push(b, &[H, 30 * H], &[1.0, 2.0]);
        rows.push(a, &[2 * H, H], &[3.0, 4.0]);
        let segments = rows.segments(Windows::new(1000 * H));
        let found: Vec<_> = segments.iter().map(|s| (s.window, s.series)).collect();
        assert_eq!(found, [(0, a), (0, b), (24 * H, b)]);
        assert_eq!(rows.samples(&segments[0]), (&[H, 2 * H][..], &[4.0, 3.0][..]));
        let first = rows.add(labels! { "__name__" => "0" });
        assert_eq!(rows.ranks()[first as usize], 0, "new series are sorted in");
    }

    proptest! {
        #[test]
        fn of_equal_times_the_last_counts(samples in prop::collection::vec((0i64..20, 0u8..9), 0..60)) {
            let mut rows = ShardRows::default();
            let series = rows.add(labels! { "a" => "b" });
            for (t, v) in &samples {
                rows.push(series, &[*t], &[f64::from(*v)]);
            }
            let model: std::collections::BTreeMap<i64, u8> = samples.into_iter().collect();
            let segments = rows.segments(Windows::new(0));
            prop_assert_eq!(segments.len(), usize::from(!model.is_empty()));
            for segment in &segments {
                let (times, values) = rows.samples(segment);
                prop_assert!(times.iter().eq(model.keys()));
                prop_assert!(values.iter().eq(model.values().map(|&v| f64::from(v)).collect::<Vec<_>>().iter()));
            }
        }
    }
}
