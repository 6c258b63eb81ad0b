//! A sender of remote write that keeps a record of what it sent and what was acknowledged.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use super::Found;
use super::dice::Dice;
use crate::support::{agent, ago, series};

/// Samples are sent from so many seconds ago on.
const BEGIN: i64 = 4 * 3600;
/// Milliseconds between two requests of a sender, in the samples' time.
const STEP: i64 = 200;
/// How far behind late samples may be.
const LATE: u64 = 30 * 60 * 1000;
/// Series at the beginning; now and then one is added.
const SERIES: u64 = 20;
/// A pause between requests: the record and its check stay small.
const PAUSE: Duration = Duration::from_millis(5);

/// What one sender knows.
#[derive(Debug)]
pub(super) struct Record {
    sender: u64,
    /// Series → time → bits of the value, and whether it was acknowledged.
    sent: BTreeMap<u64, BTreeMap<i64, (u64, bool)>>,
}

impl Record {
    pub(super) fn sender(&self) -> u64 {
        self.sender
    }

    pub(super) fn acknowledged(&self) -> usize {
        self.sent.values().flat_map(BTreeMap::values).filter(|(_, known)| *known).count()
    }

    /// The first difference in words.
    pub(super) fn check(&self, found: &Found) -> Result<(), String> {
        let none = BTreeMap::new();
        for (series, sent) in &self.sent {
            let found = found.get(series).unwrap_or(&none);
            for (time, (bits, acknowledged)) in sent {
                match found.get(time) {
                    Some(there) if there == bits => {}
                    None if !acknowledged => {}
                    there => return Err(format!("{series} at {time}: {there:?}, sent {bits}")),
                }
            }
        }
        let known = |series, time| self.sent.get(series).is_some_and(|s| s.contains_key(time));
        for (series, samples) in found {
            if let Some(time) = samples.keys().find(|time| !known(series, time)) {
                return Err(format!("{series} at {time} was never sent"));
            }
        }
        Ok(())
    }
}

/// One request: its samples, and its body.
#[derive(Debug)]
struct Request {
    samples: Vec<(u64, i64)>,
    body: Vec<u8>,
}

/// A sender.
#[derive(Debug)]
pub(super) struct Sender {
    dice: Dice,
    record: Record,
    now: i64,
    series: u64,
    /// A request without an answer that is sent again, as senders do.
    again: Option<Request>,
}

impl Sender {
    pub(super) fn new(number: u64) -> Self {
        let record = Record { sender: number, sent: BTreeMap::new() };
        Self { dice: Dice::new(number), record, now: ago(BEGIN), series: SERIES, again: None }
    }

    pub(super) fn record(&self) -> &Record {
        &self.record
    }

    /// Sends until there is no server any more.
    pub(super) fn send_until(&mut self, port: u16, ended: &AtomicBool) {
        let url = format!("http://127.0.0.1:{port}/api/v1/write");
        let agent = agent();
        while !ended.load(Ordering::Relaxed) {
            let request = self.again.take().unwrap_or_else(|| self.request());
            let answer = agent
                .post(&url)
                .header("content-type", "application/x-protobuf")
                .header("content-encoding", "snappy")
                .send(&request.body[..]);
            match answer {
                Ok(answer) if answer.status().is_success() => self.acknowledge(&request),
                Ok(answer) => assert!(answer.status().as_u16() >= 500, "{answer:?}"),
                // Without an answer it may be stored or not. Most requests are sent again, which
                // must change nothing; some never.
                Err(_) => self.again = (!self.dice.one_in(4)).then_some(request),
            }
            thread::sleep(PAUSE);
        }
    }

    fn acknowledge(&mut self, request: &Request) {
        for (series, time) in &request.samples {
            let sent = self.record.sent.get_mut(series).and_then(|sent| sent.get_mut(time));
            sent.unwrap().1 = true;
        }
    }

    /// Samples of some series: mostly the next ones, some late, at times of a new series.
    fn request(&mut self) -> Request {
        self.now += STEP;
        if self.dice.one_in(10) {
            self.series += 1;
        }
        let (mut message, mut samples) = (Vec::new(), Vec::new());
        for _ in 0..=self.dice.below(30) {
            let number = self.dice.below(self.series);
            let late = if self.dice.one_in(3) { self.dice.below(LATE) as i64 } else { 0 };
            let time = self.now - late;
            let sent = self.record.sent.entry(number).or_default();
            if sent.contains_key(&time) {
                continue;
            }
            let value = f64::from_bits(self.dice.next());
            let value = if value.is_finite() { value } else { -0.0 };
            sent.insert(time, (value.to_bits(), false));
            samples.push((number, time));
            let (sender, series_number) = (self.record.sender.to_string(), number.to_string());
            let labels = [
                ("__name__", "killed"),
                ("sender", sender.as_str()),
                ("series", series_number.as_str()),
            ];
            message.extend(series(&labels, &[(time, value)]));
        }
        let body = snap::raw::Encoder::new().compress_vec(&message).unwrap();
        Request { samples, body }
    }
}
