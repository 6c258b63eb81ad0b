//! The course of one spike: a dashboard that asks, agents that write, and then the explosion.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use indicatif::ProgressBar;

use super::{Run, Steady, Work};
use crate::client::Client;
use crate::compare::bench::{Bench, INTERVAL_MS};
use crate::measure::{Durations, Process, SendReport, Usage, send};
use crate::question::steady;
use crate::requests::Request;
use crate::target::{Server, Target};
use crate::{Error, Result};

/// Between an answer and the next question.
const PAUSE: Duration = Duration::from_millis(200);

/// A question that waits longer is given up, and counts as so long.
const PATIENCE: Duration = Duration::from_mins(1);

/// One target in its steady state, about to meet the spike.
pub(super) struct Scene<'a> {
    target: &'a dyn Target,
    base: &'a str,
    process: Process,
    work: &'a Work,
    begun: Instant,
    over: AtomicBool,
}

/// A question that was asked.
struct Asked {
    at: Duration,
    took: Duration,
    is_answered: bool,
}

/// What was seen at the borders of the three phases.
struct Phases {
    spike: SendReport,
    spike_begins: Duration,
    spike_ends: Duration,
    start: Usage,
    before: Usage,
    after: Usage,
    end: Usage,
}

impl<'a> Scene<'a> {
    /// The clock starts here.
    pub(super) fn new(target: &'a dyn Target, server: &'a Server, work: &'a Work) -> Self {
        let (base, process) = (server.base(), server.process());
        Self { target, base, process, work, begun: Instant::now(), over: false.into() }
    }

    /// Lets it happen.
    pub(super) fn play(&self, bench: &Bench, future: &[Request]) -> Result<Run> {
        thread::scope(|scope| {
            let asker = scope.spawn(|| self.ask());
            let writer = scope.spawn(|| self.write_steadily(future));
            let phases = self.pass_phases(bench);
            self.over.store(true, Ordering::Relaxed);
            let died = || Error::Target("a thread of the generator died".to_owned());
            let asked = asker.join().map_err(|_| died())?;
            let steady = writer.join().map_err(|_| died())??;
            Ok(phases?.run(&asked, steady, self.work.spike.extent.series))
        })
    }

    /// Calm, spike, calm.
    fn pass_phases(&self, bench: &Bench) -> Result<Phases> {
        let watch = bench.plan.spike.watch;
        let start = self.process.usage()?;
        thread::sleep(watch);
        let (before, spike_begins) = (self.process.usage()?, self.begun.elapsed());
        let url = format!("{}{}", self.base, self.target.write_path());
        let spike = send(&url, &self.work.spike.streams, &ProgressBar::hidden())?;
        let (after, spike_ends) = (self.process.usage()?, self.begun.elapsed());
        thread::sleep(watch);
        let end = self.process.usage()?;
        Ok(Phases { spike, spike_begins, spike_ends, start, before, after, end })
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    /// Asks the base question again and again.
    fn ask(&self) -> Vec<Asked> {
        let client = Client::new(PATIENCE);
        let mut asked = Vec::new();
        while !self.is_over() {
            let at = self.begun.elapsed();
            // The last scrape that all hosts have surely sent.
            let now = self.work.begin_ms + at.as_millis() as i64 - INTERVAL_MS;
            let question = steady(now.div_euclid(INTERVAL_MS) * INTERVAL_MS);
            let path = self.target.ask_path(&question).unwrap_or_default();
            let answer = client.get(&format!("{}{path}", self.base));
            let took = self.begun.elapsed().saturating_sub(at);
            asked.push(Asked { at, took, is_answered: answer.is_ok_and(|answer| answer.is_ok()) });
            thread::sleep(PAUSE);
        }
        asked
    }

    /// Sends each request when its scrapes are due.
    fn write_steadily(&self, requests: &[Request]) -> Result<Steady> {
        let url = format!("{}{}", self.base, self.target.write_path());
        let client = Client::default();
        let series = self.work.steady.extent.series as f64;
        let (mut steady, mut samples) = (Steady::default(), 0);
        for request in requests {
            samples += request.samples;
            let due = INTERVAL_MS as f64 / 1e3 * samples as f64 / series;
            let wait = Duration::from_secs_f64(due).saturating_sub(self.begun.elapsed());
            thread::sleep(wait);
            if self.is_over() {
                break;
            }
            let begun = Instant::now();
            let answer = client.write(&url, &request.body)?;
            steady.latencies.push(begun.elapsed());
            steady.refused += u64::from(!answer.is_ok());
        }
        Ok(steady)
    }
}

impl Phases {
    fn run(self, asked: &[Asked], steady: Steady, new_series: usize) -> Run {
        let phase = |from: Duration, to: Duration| {
            let mut latencies = Durations::default();
            asked
                .iter()
                .filter(|one| (from..to).contains(&one.at))
                .for_each(|one| latencies.push(one.took));
            latencies
        };
        let calm = phase(Duration::ZERO, self.spike_begins);
        let during = phase(self.spike_begins, self.spike_ends);
        let seconds = |from: &Usage, to: &Usage| to.cpu_seconds - from.cpu_seconds;
        // By answers, not by time: where the dashboard alone fills the processor, the spike takes
        // its time from the dashboard.
        let each = seconds(&self.start, &self.before) / calm.len().max(1) as f64;
        let cpu = seconds(&self.before, &self.after) - each * during.len() as f64;
        Run {
            calm,
            during,
            after: phase(self.spike_ends, Duration::MAX),
            course: asked
                .iter()
                .map(|one| (one.at.as_secs_f64(), one.took.as_secs_f64() * 1e3))
                .collect(),
            unanswered: asked.iter().filter(|one| !one.is_answered).count() as u64,
            steady,
            spike: self.spike,
            new_series,
            found: 0.0,
            before: self.before,
            end: self.end,
            cpu: Duration::from_secs_f64(cpu.max(0.0)),
        }
    }
}
