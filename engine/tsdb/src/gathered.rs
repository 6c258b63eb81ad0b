//! All samples of one series after the other, in memory that is used again.
//!
//! Series of one scrape have the same times. So the times of the series before stay where they
//! are, and as long as the next one names the same parts of the same timestamp streams, nothing is
//! copied; what was computed from times alone is still true while the
//! [version](Gathered::version) is the same.

use std::sync::Arc;

use nunatak_codec::Histogram;

use crate::source::{SampleBatch, StreamId};

/// From which index up to before which one of which stream; no stream for times that stand alone.
pub type Piece = (Option<StreamId>, usize, usize);

/// The samples of a series.
#[derive(Debug, Default)]
pub struct Gathered {
    times: Vec<i64>,
    values: Vec<f64>,
    /// By row, ascending.
    histograms: Vec<(usize, Arc<Histogram>)>,
    /// What `times` is made of, and where each piece ends in it.
    pieces: Vec<Piece>,
    piece_ends: Vec<usize>,
    /// Pieces at the front that belong to this series.
    used: usize,
    version: u64,
    batch: SampleBatch,
}

impl Gathered {
    /// Begins the next series.
    pub fn begin(&mut self) {
        self.values.clear();
        self.histograms.clear();
        self.used = 0;
    }

    /// Ends the series: from here on [`times`](Self::times) are its own.
    pub fn end(&mut self) {
        self.drop_unused();
    }

    /// Times of the series, ascending.
    #[must_use]
    pub fn times(&self) -> &[i64] {
        &self.times
    }

    /// Values of the series, as many as times; of no meaning where a histogram is.
    #[must_use]
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// Native histograms of the series by the number of their row, ascending.
    #[must_use]
    pub fn histograms(&self) -> &[(usize, Arc<Histogram>)] {
        &self.histograms
    }

    /// Changes when the times do.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// What the times are made of; equal pieces of which none stands alone are equal times.
    #[must_use]
    pub fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    /// Adds the times of a stream from index `from` up to before `to`; the caller adds as many
    /// [values](Self::values_mut).
    pub fn push_shared(&mut self, stream: StreamId, (from, to): (usize, usize), times: &[i64]) {
        let piece = (Some(stream), from, to);
        if self.pieces.get(self.used) == Some(&piece) {
            self.used += 1;
            return;
        }
        self.add(piece, times.get(from..to).unwrap_or_default());
    }

    /// Adds times that stand alone; the caller adds as many [values](Self::values_mut).
    pub fn push_times(&mut self, times: &[i64]) {
        self.add((None, 0, 0), times);
    }

    /// Adds a batch.
    pub fn push_batch(&mut self, batch: &SampleBatch) {
        match batch.stream {
            Some(stream) => self.push_shared(stream, (0, batch.len()), &batch.times),
            None => self.push_times(&batch.times),
        }
        let before = self.values.len();
        let rows = batch.histograms.iter().map(|(row, h)| (before + row, Arc::clone(h)));
        self.histograms.extend(rows);
        self.values.extend_from_slice(&batch.values);
    }

    /// Where values are added.
    pub fn values_mut(&mut self) -> &mut Vec<f64> {
        &mut self.values
    }

    /// Adds a native histogram; the caller adds its time.
    pub fn push_histogram(&mut self, histogram: Arc<Histogram>) {
        self.histograms.push((self.values.len(), histogram));
        self.values.push(f64::NAN);
    }

    /// Puts others in the place of all histograms.
    pub fn set_histograms(&mut self, histograms: Vec<(usize, Arc<Histogram>)>) {
        self.histograms = histograms;
    }

    /// Keeps the samples whose value `keep` accepts. Call it after [`end`](Self::end).
    pub fn retain(&mut self, keep: impl Fn(f64) -> bool) {
        // Counted to the end and not searched, because that is done for several at a time.
        if self.values.iter().filter(|&&value| !keep(value)).count() == 0 {
            return;
        }
        let mut dropped =
            self.values.iter().enumerate().filter(|&(_, &v)| !keep(v)).map(|(i, _)| i);
        let (mut next, mut before) = (dropped.next(), 0);
        self.histograms.retain_mut(|(row, _)| {
            while next.is_some_and(|i| i < *row) {
                (next, before) = (dropped.next(), before + 1);
            }
            let kept = next != Some(*row);
            *row -= before;
            kept
        });
        let mut values = self.values.iter();
        self.times.retain(|_| values.next().is_some_and(|&value| keep(value)));
        self.values.retain(|&value| keep(value));
        self.pieces.clear();
        self.piece_ends.clear();
        self.pieces.push((None, 0, 0));
        self.piece_ends.push(self.times.len());
        self.used = 1;
        self.version += 1;
    }

    /// A batch to read into, lent until it is [given back](Self::give_back).
    pub(crate) fn lend_batch(&mut self) -> SampleBatch {
        std::mem::take(&mut self.batch)
    }

    pub(crate) fn give_back(&mut self, batch: SampleBatch) {
        self.batch = batch;
    }

    fn add(&mut self, piece: Piece, times: &[i64]) {
        self.drop_unused();
        self.version += 1;
        self.times.extend_from_slice(times);
        self.pieces.push(piece);
        self.piece_ends.push(self.times.len());
        self.used += 1;
    }

    /// Drops what only the series before had.
    fn drop_unused(&mut self) {
        if self.used < self.pieces.len() {
            let kept = self.used.checked_sub(1).and_then(|last| self.piece_ends.get(last));
            self.times.truncate(kept.map_or(0, |&end| end));
            self.pieces.truncate(self.used);
            self.piece_ends.truncate(self.used);
            self.version += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gathers pieces of streams whose times are `stream × 100 + index`; a stream 0 stands alone.
    fn gather(all: &mut Gathered, pieces: &[(u64, usize, usize)]) {
        all.begin();
        for &(stream, from, to) in pieces {
            let times: Vec<i64> = (0..10).map(|i| stream as i64 * 100 + i).collect();
            match stream {
                0 => all.push_times(&times[from..to]),
                _ => all.push_shared(StreamId(stream), (from, to), &times),
            }
            all.values_mut().extend((from..to).map(|i| i as f64));
        }
        all.end();
        let expected: Vec<i64> = pieces
            .iter()
            .flat_map(|&(stream, from, to)| (from..to).map(move |i| stream as i64 * 100 + i as i64))
            .collect();
        assert_eq!(all.times(), expected);
        assert_eq!(all.values().len(), expected.len());
    }

    #[test]
    fn the_version_stays_as_long_as_the_times_do() {
        let mut all = Gathered::default();
        gather(&mut all, &[(1, 2, 10), (2, 0, 5)]);
        let version = all.version();
        gather(&mut all, &[(1, 2, 10), (2, 0, 5)]);
        assert_eq!(all.version(), version);
        for other in [&[(1, 2, 10)][..], &[(1, 2, 10), (2, 0, 5)], &[(1, 3, 10), (2, 0, 5)], &[]] {
            let before = all.version();
            gather(&mut all, other);
            assert_ne!(all.version(), before, "{other:?}");
        }
    }

    #[test]
    fn times_that_stand_alone_are_never_taken_for_others() {
        let mut all = Gathered::default();
        for pieces in [&[(0, 0, 4), (1, 4, 8)][..], &[(0, 1, 5), (1, 4, 8)], &[(1, 4, 8)]] {
            let before = all.version();
            gather(&mut all, pieces);
            assert_ne!(all.version(), before);
        }
    }

    #[test]
    fn histograms_keep_their_rows() {
        let mut all = Gathered::default();
        all.begin();
        let histogram = |sum| Arc::new(Histogram { sum, ..Histogram::default() });
        let mut batch = SampleBatch::default();
        batch.push(1, 0.0);
        batch.push_histogram(2, histogram(2.0));
        batch.push(3, 5.0);
        batch.push_histogram(4, histogram(4.0));
        all.push_batch(&batch);
        all.push_times(&[5]);
        all.push_histogram(histogram(5.0));
        all.end();
        all.retain(|value| value != 0.0 && value != 5.0);
        let rows: Vec<_> = all.histograms().iter().map(|(row, h)| (*row, h.sum)).collect();
        assert_eq!(
            (rows.as_slice(), all.times()),
            (&[(0, 2.0), (1, 4.0), (2, 5.0)][..], &[2, 4, 5][..])
        );
        all.begin();
        assert!(all.histograms().is_empty());

        batch.trim(crate::time::TimeRange::new(2, 3));
        let rows: Vec<_> = batch.histograms.iter().map(|(row, h)| (*row, h.sum)).collect();
        assert_eq!((rows.as_slice(), batch.times.as_slice()), (&[(0, 2.0)][..], &[2, 3][..]));
    }

    #[test]
    fn what_is_not_kept_is_gone_for_the_next_series_too() {
        let mut all = Gathered::default();
        gather(&mut all, &[(1, 0, 4)]);
        let version = all.version();
        all.retain(|value| value != 2.0);
        assert_eq!((all.times(), all.values()), (&[100, 101, 103][..], &[0.0, 1.0, 3.0][..]));
        assert_ne!(all.version(), version);
        gather(&mut all, &[(1, 0, 4)]);
        gather(&mut all, &[(1, 0, 4), (1, 4, 6)]);
    }
}
