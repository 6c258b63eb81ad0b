//! Contestants that take turns.

use std::collections::BTreeMap;
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};
use serde::Serialize;

use crate::{Error, Result};

/// A turn repeats its work until it takes about as long, so that the clock does not count.
const TURN: Duration = Duration::from_millis(3);

/// Bytes of a sample in memory: its time and its value.
const SAMPLE_BYTES: f64 = 16.0;

/// How fast samples are decoded.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Speed {
    /// Nanoseconds for each sample.
    pub ns_per_sample: f64,
    /// Gigabytes (10^9) of samples a second, 16 bytes each, whatever part of them is decoded.
    pub gb_per_s: f64,
}

impl Speed {
    pub(super) fn of_ns(ns_per_sample: f64) -> Self {
        Self { ns_per_sample, gb_per_s: SAMPLE_BYTES / ns_per_sample }
    }
}

/// Work that is timed.
pub(super) struct Contestant<'a> {
    name: String,
    samples: usize,
    work: Box<dyn FnMut() -> Result<()> + 'a>,
}

impl<'a> Contestant<'a> {
    /// `work` goes once through so many samples.
    pub(super) fn new(
        name: impl Into<String>,
        samples: usize,
        work: impl FnMut() -> Result<()> + 'a,
    ) -> Self {
        Self { name: name.into(), samples, work: Box::new(work) }
    }

    fn time(&mut self, times: u32) -> Result<Duration> {
        let begun = processor_time()?;
        for _ in 0..times {
            (self.work)()?;
        }
        Ok(processor_time()?.saturating_sub(begun))
    }

    /// How often the work fits into a turn.
    fn calibrate(&mut self) -> Result<u32> {
        self.time(1)?;
        let once = self.time(1)?.max(Duration::from_nanos(1));
        Ok((TURN.as_nanos() / once.as_nanos()).clamp(1, 10_000) as u32)
    }
}

/// The median nanoseconds for each sample, by the contestants' names.
pub(super) type Times = BTreeMap<String, f64>;

/// Lets every contestant take a turn in each of `rounds`.
pub(super) fn race(mut contestants: Vec<Contestant<'_>>, rounds: usize) -> Result<Times> {
    let repeats: Vec<u32> =
        contestants.iter_mut().map(Contestant::calibrate).collect::<Result<_>>()?;
    let mut turns = vec![Vec::with_capacity(rounds); contestants.len()];
    for _ in 0..rounds {
        for ((contestant, &repeat), turns) in contestants.iter_mut().zip(&repeats).zip(&mut turns) {
            let time = contestant.time(repeat)?.as_secs_f64() * 1e9;
            turns.push(time / (f64::from(repeat) * contestant.samples as f64));
        }
    }
    let medians = turns.into_iter().map(median);
    Ok(contestants.into_iter().map(|contestant| contestant.name).zip(medians).collect())
}

/// Processor time of this thread: other processes may have the processor in between, and their
/// share must not count.
fn processor_time() -> Result<Duration> {
    let now = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID);
    now.map(Duration::from).map_err(|error| Error::io("the thread's clock")(error.into()))
}

/// The middle one; the upper of two.
fn median(mut turns: Vec<f64>) -> f64 {
    turns.sort_unstable_by(f64::total_cmp);
    turns.get(turns.len() / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[test]
    fn contestants_alternate() {
        let order = RefCell::new(String::new());
        let busy = |name: char| {
            let order = &order;
            Contestant::new(name, 1, move || {
                order.borrow_mut().push(name);
                let begun = processor_time()?;
                while processor_time()? < begun + TURN {}
                Ok(())
            })
        };
        let times = race(vec![busy('a'), busy('b')], 3).unwrap();
        assert_eq!(times.keys().collect::<Vec<_>>(), ["a", "b"]);
        // Each is calibrated by two runs; a run that takes a whole turn is not repeated.
        assert_eq!(*order.borrow(), "aabbababab");
    }

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(vec![9.0, 1.0, 2.0]), 2.0);
        assert_eq!(Speed::of_ns(0.5).gb_per_s, 32.0);
    }
}
