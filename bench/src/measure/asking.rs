//! Asking several servers the same question in turns.

use std::time::{Duration, Instant};

use super::durations::Durations;
use super::process::Process;
use crate::Result;
use crate::client::{Answer, Client};

/// The fewest times that a question is asked, however long an answer takes.
const FEWEST: usize = 3;

/// A server to ask, and what it answered so far.
#[derive(Debug)]
pub struct Asker {
    url: String,
    process: Process,
    asked: Asked,
}

/// How a question was answered.
#[derive(Debug, Default)]
pub struct Asked {
    /// From request to the answer's last byte.
    pub latencies: Durations,
    /// Processor time of the process for all of them.
    pub cpu: Duration,
    /// The first answer, which is not timed.
    pub first: Option<Answer>,
}

impl Asked {
    /// Processor time of one answer, ms.
    #[must_use]
    pub fn cpu_ms(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e3 / self.latencies.len().max(1) as f64
    }
}

impl Asker {
    /// Asks `url`, which `process` serves.
    #[must_use]
    pub fn new(url: String, process: Process) -> Self {
        Self { url, process, asked: Asked::default() }
    }

    fn warm_up(&mut self, client: &Client) -> Result<()> {
        self.asked.first = Some(client.get(&self.url)?);
        Ok(())
    }

    /// Whether the answers so far have taken so long that they are enough.
    fn is_done(&self, longest: Duration) -> bool {
        self.asked.latencies.len() >= FEWEST && self.asked.latencies.sum() > longest
    }

    fn ask(&mut self, client: &Client) -> Result<()> {
        let before = self.process.cpu()?;
        let begun = Instant::now();
        client.get(&self.url)?;
        self.asked.latencies.push(begun.elapsed());
        self.asked.cpu += self.process.cpu()?.saturating_sub(before);
        Ok(())
    }
}

/// Asks each server once without looking, then `times` times in turns, so that a slow moment of
/// the machine slows all. Who has taken longer than `longest` in all is not asked again.
///
/// # Errors
/// If a request can't be sent or a process goes away.
pub fn ask_in_turns(
    client: &Client,
    mut askers: Vec<Asker>,
    times: usize,
    longest: Duration,
) -> Result<Vec<Asked>> {
    for asker in &mut askers {
        asker.warm_up(client)?;
    }
    for _ in 0..times {
        for asker in askers.iter_mut().filter(|asker| !asker.is_done(longest)) {
            asker.ask(client)?;
        }
    }
    Ok(askers.into_iter().map(|asker| asker.asked).collect())
}
