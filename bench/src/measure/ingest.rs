//! Sending requests, and what that costs the one who takes them.

use std::thread;
use std::time::{Duration, Instant};

use indicatif::ProgressBar;
use serde::{Deserialize, Serialize};

use super::durations::Durations;
use super::process::{Process, Usage};
use crate::client::Client;
use crate::requests::{Request, Stream};
use crate::{Error, Result};

/// How often one request is sent again after an answer that asks for it.
const RETRIES: usize = 200;
const RETRY_PAUSE: Duration = Duration::from_millis(50);

/// How a load went, seen from the sender.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SendReport {
    /// Samples in requests that were answered with success.
    pub samples: u64,
    /// Requests sent, repetitions not counted.
    pub requests: u64,
    /// Bytes of their bodies, compressed.
    pub body_bytes: u64,
    /// From the first request to the last answer.
    pub seconds: f64,
    /// Time from request to answer, half of them; ms.
    pub latency_p50_ms: f64,
    /// The same, 99 of 100 requests; ms.
    pub latency_p99_ms: f64,
    /// Requests that were answered with 4xx.
    pub refused_requests: u64,
    /// Answers that asked for repetition.
    pub retries: u64,
    /// The first answer that was no success.
    pub first_refusal: Option<String>,
}

impl SendReport {
    /// Acknowledged samples a second.
    #[must_use]
    pub fn samples_per_second(&self) -> f64 {
        self.samples as f64 / self.seconds
    }

    /// What a reader of `target`'s figures must know, if anything was refused or repeated.
    #[must_use]
    pub fn trouble(&self, target: &str) -> Option<String> {
        (self.refused_requests > 0 || self.retries > 0).then(|| {
            format!(
                "{target}: {} requests refused, {} repeated; the first answer: {}",
                self.refused_requests,
                self.retries,
                self.first_refusal.as_deref().unwrap_or("–")
            )
        })
    }
}

/// Sends each stream over a connection of its own, request after request.
///
/// # Errors
/// If a request can't be delivered.
pub fn send(url: &str, streams: &[Stream], progress: &ProgressBar) -> Result<SendReport> {
    let begun = Instant::now();
    let parts: Vec<Result<(SendReport, Durations)>> = thread::scope(|scope| {
        let senders: Vec<_> = streams
            .iter()
            .map(|stream| scope.spawn(move || send_stream(url, stream, progress)))
            .collect();
        senders
            .into_iter()
            .map(|sender| {
                sender.join().unwrap_or_else(|_| Err(Error::Target("a sender died".to_owned())))
            })
            .collect()
    });
    let seconds = begun.elapsed().as_secs_f64();
    let mut report = SendReport::default();
    let mut latencies = Durations::default();
    for part in parts {
        let (part, times) = part?;
        report.samples += part.samples;
        report.requests += part.requests;
        report.body_bytes += part.body_bytes;
        report.refused_requests += part.refused_requests;
        report.retries += part.retries;
        report.first_refusal = report.first_refusal.or(part.first_refusal);
        latencies.extend(times);
    }
    report.seconds = seconds;
    report.latency_p50_ms = latencies.quantile_ms(0.5);
    report.latency_p99_ms = latencies.quantile_ms(0.99);
    Ok(report)
}

fn send_stream(
    url: &str,
    stream: &[Request],
    progress: &ProgressBar,
) -> Result<(SendReport, Durations)> {
    let client = Client::default();
    let mut report = SendReport::default();
    let mut latencies = Durations::default();
    for request in stream {
        let begun = Instant::now();
        send_one(&client, url, request, &mut report)?;
        latencies.push(begun.elapsed());
        report.requests += 1;
        report.body_bytes += request.body.len() as u64;
        progress.inc(request.samples as u64);
    }
    Ok((report, latencies))
}

fn send_one(client: &Client, url: &str, request: &Request, report: &mut SendReport) -> Result<()> {
    for _ in 0..RETRIES {
        let answer = client.write(url, &request.body)?;
        if answer.is_ok() {
            report.samples += request.samples as u64;
            return Ok(());
        }
        report.first_refusal.get_or_insert_with(|| answer.to_string());
        if !answer.is_retryable() {
            report.refused_requests += 1;
            return Ok(());
        }
        report.retries += 1;
        thread::sleep(RETRY_PAUSE);
    }
    Err(Error::Target(format!("{url} asked {RETRIES} times to repeat a request")))
}

/// A load and what it cost the process that took it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ingest {
    /// The sender's side.
    pub sent: SendReport,
    /// The process before the first request.
    pub before: Usage,
    /// The process when it had settled after the last answer.
    pub after: Usage,
    /// How long it was left alone after the last answer. Work that is put off until then counts
    /// all the same.
    pub settle_seconds: f64,
}

impl Ingest {
    /// Processor seconds of the process per million acknowledged samples.
    #[must_use]
    pub fn cpu_seconds_per_million(&self) -> f64 {
        (self.after.cpu_seconds - self.before.cpu_seconds) * 1e6 / self.sent.samples as f64
    }

    /// Bytes handed to write calls per acknowledged sample.
    #[must_use]
    pub fn written_bytes_per_sample(&self) -> f64 {
        (self.after.written_bytes - self.before.written_bytes) as f64 / self.sent.samples as f64
    }

    /// Bytes that the kernel sends to the disk per acknowledged sample.
    #[must_use]
    pub fn disk_bytes_per_sample(&self) -> f64 {
        (self.after.disk_bytes - self.before.disk_bytes) as f64 / self.sent.samples as f64
    }

    /// Resident memory of the whole process per series.
    #[must_use]
    pub fn rss_per_series(&self, series: usize) -> f64 {
        self.after.rss_bytes as f64 / series as f64
    }

    /// Growth of the resident memory per series.
    #[must_use]
    pub fn rss_growth_per_series(&self, series: usize) -> f64 {
        self.after.rss_bytes.saturating_sub(self.before.rss_bytes) as f64 / series as f64
    }
}

/// Sends `streams` and watches `process` meanwhile.
///
/// # Errors
/// If a request can't be delivered or the process goes away.
pub fn measure_ingest(
    url: &str,
    streams: &[Stream],
    process: Process,
    settle: Duration,
    progress: &ProgressBar,
) -> Result<Ingest> {
    let before = process.usage()?;
    let sent = send(url, streams, progress)?;
    thread::sleep(settle);
    let after = process.usage()?;
    Ok(Ingest { sent, before, after, settle_seconds: settle.as_secs_f64() })
}
