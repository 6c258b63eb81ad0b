//! All samples of one series after the other, in memory that is used again.
//!
//! Series of one scrape have the same times. So the times of the series before stay where they
//! are, and as long as the next one names the same parts of the same timestamp streams, nothing is
//! copied; what was computed from times alone is still true while the
//! [version](Gathered::version) is the same. Times of streams are written down only if somebody
//! [looks at them](Gathered::times): who knows what follows from [the streams](Gathered::pieces)
//! does not.

use std::cell::{OnceCell, RefCell};
use std::sync::Arc;

use nunatak_codec::Histogram;

use crate::source::{SampleBatch, StreamId};
use crate::stream_times::StreamTimes;

/// From which index up to before which one of which stream; no stream for times that stand alone.
pub type Piece = (Option<StreamId>, usize, usize);

/// The samples of a series.
#[derive(Debug, Default)]
pub struct Gathered {
    values: Vec<f64>,
    /// By row, ascending.
    histograms: Vec<(usize, Arc<Histogram>)>,
    /// What the times are made of, and where those of each piece are.
    pieces: Vec<Piece>,
    places: Vec<Place>,
    /// Pieces at the front that belong to this series.
    used: usize,
    /// Times that are in no stream, or not in one that is at hand.
    own: Vec<i64>,
    /// All times, once somebody has looked at them, and memory for them.
    times: OnceCell<Vec<i64>>,
    spare: RefCell<Vec<i64>>,
    version: u64,
    batch: SampleBatch,
    may_be_stale: bool,
    may_fall: bool,
}

/// Where the times of a piece are.
#[derive(Debug)]
enum Place {
    Stream(StreamTimes),
    /// In [`Gathered::own`] up to before this index.
    Own(usize),
}

impl Gathered {
    /// Begins the next series.
    pub fn begin(&mut self) {
        self.values.clear();
        self.histograms.clear();
        self.used = 0;
        self.may_be_stale = false;
        self.may_fall = false;
    }

    /// Ends the series: from here on [`times`](Self::times) are its own.
    pub fn end(&mut self) {
        self.drop_unused();
    }

    /// Times of the series, ascending.
    #[must_use]
    pub fn times(&self) -> &[i64] {
        if let Some(times) = self.times.get() {
            return times;
        }
        match (self.pieces.as_slice(), self.places.as_slice()) {
            (_, places) if places.iter().all(|place| matches!(place, Place::Own(_))) => &self.own,
            (&[(_, from, to)], [Place::Stream(stream)]) if stream.listed((from, to)).is_some() => {
                stream.listed((from, to)).unwrap_or_default()
            }
            _ => self.times.get_or_init(|| self.written_down()),
        }
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

    /// Whether there can be marks of ends among the values; `false` only if there are none.
    #[must_use]
    pub fn may_be_stale(&self) -> bool {
        self.may_be_stale
    }

    /// Whether a value may be below the one before it, or no number; `false` only if none is.
    #[must_use]
    pub fn may_fall(&self) -> bool {
        self.may_fall
    }

    /// Adds the times of a stream from index `from` up to before `to`, behind as many values. The
    /// caller [says](Self::doubt) what these may be.
    pub(crate) fn push_stream(
        &mut self,
        stream: StreamId,
        (from, to): (usize, usize),
        times: &StreamTimes,
    ) {
        let piece = (Some(stream), from, to);
        if !self.goes_on_with(piece) {
            self.add(piece, Place::Stream(times.clone()));
        }
    }

    /// Says what the last values may be.
    pub(crate) fn doubt(&mut self, may_be_stale: bool, may_fall: bool) {
        self.may_be_stale |= may_be_stale;
        self.may_fall |= may_fall;
    }

    /// Adds times that stand alone; the caller adds as many [values](Self::values_mut).
    pub fn push_times(&mut self, times: &[i64]) {
        self.doubt(true, true);
        self.add_own((None, 0, 0), times);
    }

    /// Adds a batch.
    pub fn push_batch(&mut self, batch: &SampleBatch) {
        self.doubt(true, true);
        let piece = (batch.stream, 0, batch.len());
        match batch.stream {
            Some(_) if self.goes_on_with(piece) => {}
            Some(_) => self.add_own(piece, &batch.times),
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
        let times = self.times().iter().zip(&self.values);
        let times = times.filter(|&(_, &value)| keep(value)).map(|(&t, _)| t).collect();
        self.values.retain(|&value| keep(value));
        self.pieces.clear();
        self.places.clear();
        self.own = times;
        self.used = 0;
        self.add((None, 0, 0), Place::Own(self.own.len()));
    }

    /// A batch to read into, lent until it is [given back](Self::give_back).
    pub(crate) fn lend_batch(&mut self) -> SampleBatch {
        std::mem::take(&mut self.batch)
    }

    pub(crate) fn give_back(&mut self, batch: SampleBatch) {
        self.batch = batch;
    }

    /// All times, one after the other.
    fn written_down(&self) -> Vec<i64> {
        let mut times = self.spare.take();
        let mut own = 0;
        for (&(_, from, to), place) in self.pieces.iter().zip(&self.places) {
            match place {
                Place::Stream(stream) => stream.append_to((from, to), &mut times),
                Place::Own(end) => {
                    times.extend_from_slice(self.own.get(own..*end).unwrap_or_default());
                    own = *end;
                }
            }
        }
        times
    }

    /// Whether the series before had this piece here, too.
    fn goes_on_with(&mut self, piece: Piece) -> bool {
        let is_same = self.pieces.get(self.used) == Some(&piece);
        self.used += usize::from(is_same);
        is_same
    }

    fn add_own(&mut self, piece: Piece, times: &[i64]) {
        self.drop_unused();
        self.own.extend_from_slice(times);
        self.add(piece, Place::Own(self.own.len()));
    }

    fn add(&mut self, piece: Piece, place: Place) {
        self.drop_unused();
        self.change();
        self.pieces.push(piece);
        self.places.push(place);
        self.used += 1;
    }

    /// Drops what only the series before had.
    fn drop_unused(&mut self) {
        if self.used < self.pieces.len() {
            self.pieces.truncate(self.used);
            self.places.truncate(self.used);
            let own = self.places.iter().rev().find_map(|place| match place {
                Place::Own(end) => Some(*end),
                Place::Stream(_) => None,
            });
            self.own.truncate(own.unwrap_or(0));
            self.change();
        }
    }

    /// The times are others.
    fn change(&mut self) {
        self.version += 1;
        if let Some(mut times) = self.times.take() {
            times.clear();
            self.spare.replace(times);
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
                1 => {
                    let regular = StreamTimes::Regular { first: 100, step: 1, count: 10 };
                    all.push_stream(StreamId(stream), (from, to), &regular);
                }
                _ => {
                    let listed = StreamTimes::Listed(times.into());
                    all.push_stream(StreamId(stream), (from, to), &listed);
                }
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
