//! A fleet of hosts, each scraped at its own moment of the interval.

use super::random::Random;
use super::signal::{Signal, State};
use super::template::{self, Row};

/// Which fleet, and when.
#[derive(Debug, Clone, Copy)]
pub struct FleetOptions {
    /// Series in all; the last host may have fewer than the others, of the same mix.
    pub series: usize,
    /// Equal seeds make equal series, times and values.
    pub seed: u64,
    /// Time of the first scrape of the host that comes first, ms since the epoch.
    pub start_ms: i64,
    /// Between two scrapes of one host, ms.
    pub interval_ms: i64,
    /// How much later than due a scrape may be, ms; less than half the interval.
    pub jitter_ms: i64,
}

/// One series: its labels sorted by name.
#[derive(Debug, Clone)]
pub struct Series {
    /// Names and values, `__name__` among them.
    pub labels: Vec<(String, String)>,
    signal: Signal,
}

impl Series {
    /// Bytes of all names and values.
    #[must_use]
    pub fn label_bytes(&self) -> usize {
        self.labels.iter().map(|(name, value)| name.len() + value.len()).sum()
    }
}

#[derive(Debug)]
struct Host {
    instance: String,
    series: std::ops::Range<usize>,
    offset_ms: i64,
    jitter: Random,
}

/// Hosts with about a thousand series each; makes their samples in the order of scrapes.
#[derive(Debug)]
pub struct Fleet {
    options: FleetOptions,
    hosts: Vec<Host>,
    series: Vec<Series>,
    states: Vec<State>,
}

impl Fleet {
    /// The fleet before its first scrape.
    #[must_use]
    pub fn new(options: FleetOptions) -> Self {
        let rows = template::rows();
        let count = options.series.div_ceil(rows.len());
        let mut random = Random::new(options.seed, 0);
        let interval = options.interval_ms.max(1).unsigned_abs();
        let mut offsets: Vec<i64> =
            (0..count).map(|_| random.below(interval).cast_signed()).collect();
        // Hosts are numbered in the order in which they are scraped, so that time never goes
        // back from request to request.
        offsets.sort_unstable();
        let mut fleet = Self {
            options,
            hosts: Vec::with_capacity(count),
            series: Vec::with_capacity(options.series),
            states: Vec::with_capacity(options.series),
        };
        for (number, offset_ms) in offsets.into_iter().enumerate() {
            fleet.add_host(number, offset_ms, &rows);
        }
        fleet
    }

    fn add_host(&mut self, number: usize, offset_ms: i64, rows: &[Row]) {
        let from = self.series.len();
        let common = common_labels(number, self.options.seed);
        let left = self.options.series - from;
        for row in template::spread(rows, rows.len().min(left)) {
            let stream = self.series.len() as u64 + 1;
            let state = State::new(row.signal, Random::new(self.options.seed, stream));
            self.states.push(state);
            self.series.push(Series { labels: labels(row, &common), signal: row.signal });
        }
        let series = from..self.series.len();
        let jitter = Random::new(self.options.seed ^ 0x3177_e125, number as u64);
        self.hosts.push(Host { instance: instance(number), series, offset_ms, jitter });
    }

    /// All series, host after host.
    #[must_use]
    pub fn series(&self) -> &[Series] {
        &self.series
    }

    /// Hosts in the fleet.
    #[must_use]
    pub fn hosts(&self) -> usize {
        self.hosts.len()
    }

    /// The value of the label `instance` of a host, and how many series it has.
    ///
    /// # Panics
    /// If there is no such host.
    #[must_use]
    pub fn host(&self, host: usize) -> (&str, usize) {
        let host = &self.hosts[host];
        (&host.instance, host.series.len())
    }

    /// The labels that all series of a host carry, without the metric's name.
    #[must_use]
    pub fn common_labels(&self, host: usize) -> Vec<(String, String)> {
        let common = common_labels(host, self.options.seed);
        common.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// Makes the samples of one scrape of one host, in the order of its series, and hands each to
    /// `sink` as number of the series, time in ms, value. A host's scrapes must be made in order.
    ///
    /// # Panics
    /// If there is no such host.
    pub fn scrape(&mut self, host: usize, scrape: usize, mut sink: impl FnMut(usize, i64, f64)) {
        let host = &mut self.hosts[host];
        let late = host.jitter.below(self.options.jitter_ms.max(0).unsigned_abs() + 1);
        let due = self.options.start_ms + scrape as i64 * self.options.interval_ms;
        let t = due + host.offset_ms + late.cast_signed();
        let seconds = self.options.interval_ms as f64 / 1_000.0;
        let mut histogram = 0.0;
        for index in host.series.clone() {
            let signal = self.series[index].signal;
            sink(index, t, self.states[index].next(signal, seconds, &mut histogram));
        }
    }
}

fn instance(number: usize) -> String {
    format!("10.{}.{}.{}:9100", 20 + number / 62_500, number / 250 % 250, 1 + number % 250)
}

/// The labels that every series of a host carries, as service discovery adds them.
fn common_labels(number: usize, seed: u64) -> Vec<(&'static str, String)> {
    let mut random = Random::new(seed ^ 0x5eed, number as u64);
    let region = ["eu-central-1", "eu-west-1", "us-east-1"][number % 3];
    let address = instance(number).replace(['.', ':'], "-");
    vec![
        ("cluster", format!("production-{region}-{}", number % 4)),
        ("environment", "production".to_owned()),
        ("instance", instance(number)),
        ("job", "node-exporter".to_owned()),
        ("namespace", "monitoring".to_owned()),
        ("node", format!("ip-{address}.{region}.compute.internal")),
        ("node_uid", random.uuid()),
        ("region", region.to_owned()),
    ]
}

fn labels(row: &Row, common: &[(&'static str, String)]) -> Vec<(String, String)> {
    let name = [("__name__", row.name.to_owned())];
    let mut labels: Vec<(String, String)> = name
        .iter()
        .chain(common)
        .chain(&row.labels)
        .map(|(name, value)| ((*name).to_owned(), value.clone()))
        .collect();
    labels.sort_unstable();
    labels
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{Fleet, FleetOptions};

    const OPTIONS: FleetOptions =
        FleetOptions { series: 2_500, seed: 1, start_ms: 0, interval_ms: 15_000, jitter_ms: 0 };

    fn samples(fleet: &mut Fleet, scrapes: usize) -> Vec<(usize, i64, u64)> {
        let mut samples = Vec::new();
        for scrape in 0..scrapes {
            for host in 0..fleet.hosts() {
                fleet.scrape(host, scrape, |series, t, v| samples.push((series, t, v.to_bits())));
            }
        }
        samples
    }

    #[test]
    fn equal_seeds_make_equal_fleets() {
        let one = samples(&mut Fleet::new(OPTIONS), 3);
        let two = samples(&mut Fleet::new(OPTIONS), 3);
        let other = samples(&mut Fleet::new(FleetOptions { seed: 2, ..OPTIONS }), 3);
        assert_eq!(one.len(), 7_500);
        assert_eq!(one, two);
        assert_ne!(one, other);
    }

    #[test]
    fn labels_are_as_long_as_the_method_says() {
        let fleet = Fleet::new(FleetOptions { series: 20_000, ..OPTIONS });
        let count = fleet.series().len() as f64;
        let bytes: usize = fleet.series().iter().map(super::Series::label_bytes).sum();
        let labels: usize = fleet.series().iter().map(|series| series.labels.len()).sum();
        let (bytes, labels) = (bytes as f64 / count, labels as f64 / count);
        assert!((bytes - 272.0).abs() < 3.0, "{bytes} bytes per series");
        assert!((labels - 10.0).abs() < 0.75, "{labels} labels per series");
    }

    #[test]
    fn label_sets_are_sorted_and_unique() {
        let fleet = Fleet::new(OPTIONS);
        assert!(fleet.series().iter().all(|series| series.labels.is_sorted()));
        let unique: HashSet<_> = fleet.series().iter().map(|series| &series.labels).collect();
        assert_eq!(unique.len(), 2_500);
    }

    #[test]
    fn jitter_moves_scrapes_by_no_more_than_asked() {
        let calm = samples(&mut Fleet::new(OPTIONS), 4);
        let moved = samples(&mut Fleet::new(FleetOptions { jitter_ms: 40, ..OPTIONS }), 4);
        let late: Vec<i64> = calm.iter().zip(&moved).map(|(a, b)| b.1 - a.1).collect();
        assert!(late.iter().all(|ms| (0..=40).contains(ms)));
        assert!(late.iter().any(|ms| *ms > 0));
        assert!(calm.iter().zip(&moved).all(|(a, b)| (a.0, a.2) == (b.0, b.2)));
    }

    #[test]
    fn time_never_goes_back() {
        let times: Vec<i64> =
            samples(&mut Fleet::new(OPTIONS), 4).into_iter().map(|(_, t, _)| t).collect();
        assert!(times.is_sorted());
    }
}
