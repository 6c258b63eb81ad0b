//! Calm, flood, calm again, and what was seen meanwhile.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::report::{Asked, Memory, Report};
use super::steady::{INTERVAL_MS, Steady, Writes};
use super::target::Budgeted;
use super::{Arguments, flood};
use crate::client::Client;
use crate::measure::Process;
use crate::output::Steps;
use crate::prepared::SPIKE_METRIC;
use crate::question::steady as question;
use crate::target::{Server, Target as _};
use crate::{Error, Result};

/// Between an answer and the next question.
const PAUSE: Duration = Duration::from_millis(200);
/// A question that waits longer is given up, and counts as so long.
const PATIENCE: Duration = Duration::from_mins(1);
/// Between two looks at the memory.
const LOOK: Duration = Duration::from_millis(100);

pub(super) struct Scene<'a> {
    arguments: &'a Arguments,
    target: &'a Budgeted,
    base: String,
    url: String,
    process: Process,
    begun: Instant,
    begun_ms: i64,
    over: AtomicBool,
    asked: Mutex<Vec<Asked>>,
    memory: Mutex<Vec<Memory>>,
    writes: Mutex<Writes>,
}

impl<'a> Scene<'a> {
    pub(super) fn new(arguments: &'a Arguments, server: &Server, target: &'a Budgeted) -> Self {
        Self {
            arguments,
            target,
            base: server.base().to_owned(),
            url: format!("{}{}", server.base(), target.write_path()),
            process: server.process(),
            begun: Instant::now(),
            begun_ms: flood::now_ms(),
            over: false.into(),
            asked: Mutex::default(),
            memory: Mutex::default(),
            writes: Mutex::default(),
        }
    }

    /// Lets it happen.
    pub(super) fn play(mut self) -> Result<Report> {
        let steps = Steps::new();
        steps.begin("writing the steady series' history");
        let mut fleet = Steady::new(self.arguments.steady, flood::now_ms());
        (self.begun, self.begun_ms) = (Instant::now(), flood::now_ms());
        fleet.write_history(&Client::default(), &self.url)?;
        thread::scope(|scope| {
            let writer =
                scope.spawn(|| fleet.write(&self.url, self.begun, || self.is_over(), &self.writes));
            let asker = scope.spawn(|| self.ask());
            let looker = scope.spawn(|| self.look());
            let report = self.pass(&steps);
            self.over.store(true, Ordering::Relaxed);
            let died = || Error::Target("a thread of the generator died".to_owned());
            writer.join().map_err(|_| died())??;
            asker.join().map_err(|_| died())?;
            looker.join().map_err(|_| died())??;
            report
        })
    }

    fn pass(&self, steps: &Steps) -> Result<Report> {
        // The history's own waves have passed when its time has.
        thread::sleep(Duration::from_secs(5));
        steps.begin("calm");
        let calm_from = self.begun.elapsed();
        thread::sleep(Duration::from_secs(self.arguments.calm));
        *self.writes.lock() = Writes::default();
        let flood_from = self.begun.elapsed();
        let cpu_before = self.process.cpu()?;
        steps.begin("the flood");
        let flood = flood::told(flood::start(self.arguments, &self.url)?)?;
        let flood_to = self.begun.elapsed();
        let cpu = self.process.cpu()?.saturating_sub(cpu_before);
        let account = self.metrics()?;
        steps.begin("watching what comes after");
        thread::sleep(self.arguments.after());
        let after = self.process.usage()?;
        let account_after = self.metrics()?;
        let writes = std::mem::take(&mut *self.writes.lock());
        let counted_from = self.begun.elapsed();
        steps.begin("counting");
        let found = self.count()?;
        Ok(Report::new(
            self.arguments,
            (calm_from, flood_from, flood_to, counted_from),
            (flood, found, cpu),
            (&self.asked.lock(), &self.memory.lock()),
            (writes, after, [&account, &account_after]),
        ))
    }

    fn metrics(&self) -> Result<String> {
        Ok(Client::default().get(&format!("{}/metrics", self.base))?.text)
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    /// Asks the dashboard's question again and again.
    fn ask(&self) {
        let client = Client::new(PATIENCE);
        while !self.is_over() {
            let at = self.begun.elapsed();
            let now = self.begun_ms + at.as_millis() as i64 - INTERVAL_MS;
            let question = question(now.div_euclid(INTERVAL_MS) * INTERVAL_MS);
            let path = self.target.ask_path(&question).unwrap_or_default();
            let answer = client.get(&format!("{}{path}", self.base));
            let took = self.begun.elapsed().saturating_sub(at);
            let is_answered = answer.is_ok_and(|a| a.is_ok() && a.text.contains("values"));
            self.asked.lock().push(Asked { at, took, is_answered });
            thread::sleep(PAUSE);
        }
    }

    /// Looks at the memory.
    fn look(&self) -> Result<()> {
        while !self.is_over() {
            let usage = self.process.usage()?;
            let (rss, anonymous) = (usage.rss_bytes, usage.rss_anonymous_bytes);
            self.memory.lock().push(Memory { at: self.begun.elapsed(), rss, anonymous });
            thread::sleep(LOOK);
        }
        Ok(())
    }

    /// How many of the new series are found, part by part: no answer may be larger than a query's
    /// memory.
    fn count(&self) -> Result<u64> {
        let (client, mut found) = (Client::new(PATIENCE * 10), 0.0);
        let range = self.begun.elapsed().as_secs() + 60;
        let now = self.begun_ms as f64 / 1e3 + self.begun.elapsed().as_secs_f64();
        for part in 0..256 {
            let query = format!(
                "count(last_over_time({SPIKE_METRIC}{{request_id=~\"{part:02x}.*\"}}[{range}s]))"
            );
            let result = client.query(&self.base, &query, now)?;
            let value = result.pointer("/0/value/1").and_then(serde_json::Value::as_str);
            found += value.and_then(|value| value.parse::<f64>().ok()).unwrap_or(0.0);
        }
        Ok(found as u64)
    }
}
