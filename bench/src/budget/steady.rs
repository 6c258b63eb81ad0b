//! A fleet that is scraped in real time, whatever else happens.

use std::time::{Duration, Instant};

use parking_lot::Mutex;
use serde::Serialize;

use crate::client::{Answer, Client};
use crate::requests::{Stream, Writer, encode_labels};
use crate::workload::{Fleet, FleetOptions};
use crate::{Error, Result};

pub(super) const INTERVAL_MS: i64 = 15_000;
/// Scrapes that are there before the clock starts: what the dashboard looks back on.
const HISTORY: usize = 24;

/// How the steady writes went.
#[derive(Debug, Default, Serialize)]
pub(super) struct Writes {
    pub(super) requests: u64,
    pub(super) samples: u64,
    /// Requests that were not answered with success.
    pub(super) refused: u64,
    pub(super) first_refusal: Option<String>,
    /// The longest time that one took, ms.
    pub(super) longest_ms: f64,
}

impl Writes {
    fn note(&mut self, took: Duration, samples: usize, answer: &Answer) {
        self.longest_ms = self.longest_ms.max(took.as_secs_f64() * 1e3);
        self.requests += 1;
        if answer.is_ok() {
            self.samples += samples as u64;
        } else {
            self.refused += 1;
            self.first_refusal.get_or_insert_with(|| answer.to_string());
        }
    }
}

/// The fleet and the moment at which its next scrapes are due.
pub(super) struct Steady {
    fleet: Fleet,
    labels: Vec<Vec<u8>>,
    start_ms: i64,
    /// Due times of the hosts within an interval, ms.
    offsets: Vec<i64>,
}

impl Steady {
    /// A fleet whose history ends now.
    pub(super) fn new(series: usize, now_ms: i64) -> Self {
        let start_ms = now_ms - HISTORY as i64 * INTERVAL_MS;
        let options =
            FleetOptions { series, seed: 1, start_ms, interval_ms: INTERVAL_MS, jitter_ms: 0 };
        let fleet = Fleet::new(options);
        let labels = fleet.series().iter().map(|one| encode_labels(&one.labels)).collect();
        Self { offsets: vec![0; fleet.hosts()], fleet, labels, start_ms }
    }

    fn request(&mut self, host: usize, scrape: usize) -> (i64, Stream) {
        let (mut writer, mut time) = (Writer::new(usize::MAX), 0);
        let labels = &self.labels;
        self.fleet.scrape(host, scrape, |series, t, v| {
            time = t;
            writer.add(&labels[series], t, v);
        });
        (time, writer.finish())
    }

    /// Writes the history.
    pub(super) fn write_history(&mut self, client: &Client, url: &str) -> Result<()> {
        for scrape in 0..HISTORY {
            for host in 0..self.offsets.len() {
                let (time, requests) = self.request(host, scrape);
                self.offsets[host] = time - self.start_ms - scrape as i64 * INTERVAL_MS;
                for request in requests {
                    let answer = client.write(url, &request.body)?;
                    if !answer.is_ok() {
                        return Err(Error::Target(format!("{url}: {answer}")));
                    }
                }
            }
        }
        Ok(())
    }

    /// Sends each scrape when it is due, until `is_over`; `begun` is when the history ended.
    pub(super) fn write(
        &mut self,
        url: &str,
        begun: Instant,
        is_over: impl Fn() -> bool,
        writes: &Mutex<Writes>,
    ) -> Result<()> {
        let client = Client::default();
        for scrape in HISTORY.. {
            for host in 0..self.offsets.len() {
                let since = (scrape - HISTORY) as i64 * INTERVAL_MS + self.offsets[host];
                let due = Duration::from_millis(since.max(0).unsigned_abs());
                // What is overdue is caught up with, not left out.
                let (_, requests) = self.request(host, scrape);
                std::thread::sleep(due.saturating_sub(begun.elapsed()));
                if is_over() {
                    return Ok(());
                }
                for request in requests {
                    let sent = Instant::now();
                    let answer = client.write(url, &request.body)?;
                    writes.lock().note(sent.elapsed(), request.samples, &answer);
                }
            }
        }
        Ok(())
    }
}
