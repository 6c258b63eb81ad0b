//! The sender of new series: a process of its own, so that it can have the lowest priority.

use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::Arguments;
use crate::client::Client;
use crate::prepared::SPIKE_METRIC;
use crate::requests::{Request, Writer, encode_labels};
use crate::workload::{Fleet, FleetOptions, Random};
use crate::{Error, Result, output};

/// Between an answer that asks for repetition and the next try.
const PAUSE: Duration = Duration::from_millis(500);
/// Series of the fleet whose hosts the new series come from.
const HOSTS_OF: usize = 20_000;

/// How the new series were taken.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
pub(super) struct Flood {
    pub(super) seconds: f64,
    /// Series in requests that were answered with success.
    pub(super) taken: u64,
    /// Series in requests that were refused for good, at least in part.
    pub(super) refused: u64,
    /// Answers that asked for repetition.
    pub(super) repeated: u64,
    pub(super) first_refusal: Option<String>,
    pub(super) label_bytes_per_series: f64,
}

/// Starts the sender at the lowest priority.
pub(super) fn start(arguments: &Arguments, url: &str) -> Result<Child> {
    let program = std::env::current_exe().map_err(Error::io("find this program"))?;
    let mut command = Command::new("nice");
    command.args(["-n", "19"]).arg(program).args(["budget", "--flood", url]);
    command.args(["--series", &arguments.series.to_string()]);
    command.args(["--connections", &arguments.connections.to_string()]);
    command.args(["--per-request", &arguments.per_request.to_string()]);
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    command.spawn().map_err(Error::io("start the sender"))
}

/// What a sender that has ended has said.
pub(super) fn told(child: Child) -> Result<Flood> {
    let output = child.wait_with_output().map_err(Error::io("listen to the sender"))?;
    serde_json::from_slice(&output.stdout)
        .map_err(|error| Error::Target(format!("what the sender said: {error}")))
}

/// Sends all new series, each with one sample of the moment.
pub(super) fn run(arguments: &Arguments, url: &str) -> Result<()> {
    let begun = Instant::now();
    let connections = arguments.connections.max(1);
    let parts: Vec<Result<Flood>> = thread::scope(|scope| {
        let send = |part| move || send(arguments, url, part, connections);
        let senders: Vec<_> = (0..connections).map(|part| scope.spawn(send(part))).collect();
        let died = |_| Err(Error::Target("a sender died".to_owned()));
        senders.into_iter().map(|sender| sender.join().unwrap_or_else(died)).collect()
    });
    let mut all = Flood::default();
    for part in parts {
        let part = part?;
        all.taken += part.taken;
        all.refused += part.refused;
        all.repeated += part.repeated;
        all.first_refusal = all.first_refusal.or(part.first_refusal);
        all.label_bytes_per_series += part.label_bytes_per_series / connections as f64;
    }
    all.seconds = begun.elapsed().as_secs_f64();
    let line = serde_json::to_string(&all).map_err(|error| Error::Target(error.to_string()))?;
    output::result(&line)
}

fn send(arguments: &Arguments, url: &str, part: usize, of: usize) -> Result<Flood> {
    let (client, mut flood) = (Client::default(), Flood::default());
    let mut source = Source::new(part as u64);
    let mut left = arguments.series / of + usize::from(part < arguments.series % of);
    while left > 0 {
        let count = left.min(arguments.per_request.max(1));
        left -= count;
        for request in source.request(count) {
            deliver(&client, url, &request, &mut flood)?;
        }
    }
    flood.label_bytes_per_series = source.label_bytes as f64 / source.made.max(1) as f64;
    Ok(flood)
}

fn deliver(client: &Client, url: &str, request: &Request, flood: &mut Flood) -> Result<()> {
    loop {
        let answer = client.write(url, &request.body)?;
        if answer.is_ok() {
            flood.taken += request.samples as u64;
            return Ok(());
        }
        flood.first_refusal.get_or_insert_with(|| answer.to_string());
        if !answer.is_retryable() {
            flood.refused += request.samples as u64;
            return Ok(());
        }
        flood.repeated += 1;
        thread::sleep(PAUSE);
    }
}

/// Makes series: the labels of a fleet's hosts, a metric, and a request id that is never the same.
struct Source {
    hosts: Vec<Vec<(String, String)>>,
    random: Random,
    made: usize,
    label_bytes: usize,
}

impl Source {
    fn new(part: u64) -> Self {
        let fleet = Fleet::new(FleetOptions {
            series: HOSTS_OF,
            seed: 1,
            start_ms: 0,
            interval_ms: 15_000,
            jitter_ms: 0,
        });
        let hosts = (0..fleet.hosts()).map(|host| fleet.common_labels(host)).collect();
        Self { hosts, random: Random::new(0x000f_f1ce, part), made: 0, label_bytes: 0 }
    }

    fn request(&mut self, series: usize) -> Vec<Request> {
        let mut writer = Writer::new(usize::MAX);
        let now = now_ms();
        for _ in 0..series {
            writer.add(&encode_labels(&self.labels()), now, 1.0);
        }
        writer.finish()
    }

    fn labels(&mut self) -> Vec<(String, String)> {
        let mut labels = self.hosts[self.made % self.hosts.len()].clone();
        self.made += 1;
        labels.push(("__name__".to_owned(), SPIKE_METRIC.to_owned()));
        labels.push(("request_id".to_owned(), self.random.uuid()));
        labels.sort_unstable();
        self.label_bytes += labels.iter().map(|(n, v)| n.len() + v.len()).sum::<usize>();
        labels
    }
}

pub(super) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_millis() as i64
}

#[cfg(test)]
mod tests {
    use super::Source;

    #[test]
    fn no_series_is_made_twice() {
        let mut seen = std::collections::HashSet::new();
        for part in 0..2 {
            let mut source = Source::new(part);
            (0..1000).for_each(|_| assert!(seen.insert(source.labels())));
        }
    }
}
