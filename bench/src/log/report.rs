//! Medians over the rounds, as a table or as data.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::measure::Durations;

/// One load.
#[derive(Debug, Clone, Copy)]
pub(super) struct Run {
    pub(super) samples_per_second: f64,
    pub(super) p50_ms: f64,
    pub(super) p99_ms: f64,
    pub(super) cpu_per_million: f64,
}

/// All loads, by connections and durability.
#[derive(Debug)]
pub(super) struct Report {
    fdatasync: Durations,
    runs: BTreeMap<(usize, String), Vec<Run>>,
}

/// Medians of one kind of load.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    connections: usize,
    durability: String,
    samples_per_second: f64,
    /// Median of the ratios to `os` within each round; `None` without `os`.
    part_of_os: Option<f64>,
    p50_ms: f64,
    p99_ms: f64,
    cpu_seconds_per_million: f64,
    fdatasync_p50_ms: f64,
    fdatasync_p99_ms: f64,
}

impl Report {
    pub(super) fn new(fdatasync: Durations) -> Self {
        Self { fdatasync, runs: BTreeMap::new() }
    }

    pub(super) fn add(&mut self, connections: usize, durability: &str, run: Run) {
        self.runs.entry((connections, durability.to_owned())).or_default().push(run);
    }

    pub(super) fn rows(&self) -> Vec<Row> {
        self.runs
            .iter()
            .map(|((connections, name), runs)| self.row(*connections, name, runs))
            .collect()
    }

    fn row(&self, connections: usize, durability: &str, runs: &[Run]) -> Row {
        let of = |figure: fn(&Run) -> f64| median(runs.iter().map(figure).collect());
        let os = self.runs.get(&(connections, "os".to_owned()));
        let part_of_os = os.map(|os| {
            let pairs = runs.iter().zip(os);
            median(pairs.map(|(run, os)| run.samples_per_second / os.samples_per_second).collect())
        });
        Row {
            connections,
            durability: durability.to_owned(),
            samples_per_second: of(|run| run.samples_per_second),
            part_of_os,
            p50_ms: of(|run| run.p50_ms),
            p99_ms: of(|run| run.p99_ms),
            cpu_seconds_per_million: of(|run| run.cpu_per_million),
            fdatasync_p50_ms: self.fdatasync.quantile_ms(0.5),
            fdatasync_p99_ms: self.fdatasync.quantile_ms(0.99),
        }
    }

    pub(super) fn table(&self) -> String {
        let mut table = comfy_table::Table::new();
        table.set_header([
            "connections",
            "durability",
            "samples/s",
            "of os",
            "ack p50 ms",
            "ack p99 ms",
            "CPU s per M",
        ]);
        for row in self.rows() {
            let part = row.part_of_os.map_or_else(String::new, |part| format!("{part:.2}"));
            table.add_row([
                row.connections.to_string(),
                row.durability.clone(),
                format!("{:.0}", row.samples_per_second),
                part,
                format!("{:.2}", row.p50_ms),
                format!("{:.2}", row.p99_ms),
                format!("{:.3}", row.cpu_seconds_per_million),
            ]);
        }
        let (p50, p99) = (self.fdatasync.quantile_ms(0.5), self.fdatasync.quantile_ms(0.99));
        format!("{table}\none bare fdatasync: p50 {p50:.2} ms, p99 {p99:.2} ms")
    }
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_taken_within_a_round() {
        let run = |samples_per_second| Run {
            samples_per_second,
            p50_ms: 1.0,
            p99_ms: 2.0,
            cpu_per_million: 0.5,
        };
        let mut report = Report::new(Durations::default());
        // The machine was slower in the second and third round; the ratio was the same.
        for (fsync, os) in [(90.0, 100.0), (45.0, 50.0), (9.0, 10.0)] {
            report.add(8, "fsync", run(fsync));
            report.add(8, "os", run(os));
        }
        let rows = report.rows();
        assert_eq!(rows[0].durability, "fsync");
        assert!((rows[0].part_of_os.unwrap() - 0.9).abs() < 1e-9, "{:?}", rows[0]);
        assert_eq!(rows[1].samples_per_second, 50.0);
    }
}
