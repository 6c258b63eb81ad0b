//! A cardinality explosion beside steady work: who slows down, who refuses, who grows.

mod figures;
mod scene;

use std::thread;
use std::time::Duration;

use scene::Scene;

use super::bench::{Bench, INTERVAL_MS};
use crate::client::Client;
use crate::measure::{Durations, SendReport, Usage};
use crate::prepared::{FleetWork, Prepared, SPIKE_METRIC, Spike};
use crate::question::{Ask, Question, number};
use crate::report::model::Section;
use crate::requests::Request;
use crate::target::{Server, Target};
use crate::workload::{FleetOptions, start_ms};
use crate::{Error, Result};

/// What is written.
struct Work {
    steady: Prepared,
    spike: Prepared,
    /// Samples of the steady series that are there before the clock starts.
    history: u64,
    /// Time of the data when the clock starts, ms since the epoch.
    begin_ms: i64,
}

/// One target.
struct Run {
    /// The base question's latencies before, during and after the spike.
    calm: Durations,
    during: Durations,
    after: Durations,
    /// The same in the course of time: seconds, ms.
    course: Vec<(f64, f64)>,
    /// Base questions that were not answered with success.
    unanswered: u64,
    /// How the steady writes went meanwhile.
    steady: Steady,
    /// How the spike was taken.
    spike: SendReport,
    new_series: usize,
    /// Samples of the spike that are there in the end.
    found: f64,
    before: Usage,
    end: Usage,
    /// Processor time of the spike, without that of the dashboard's answers in that time.
    cpu: Duration,
}

/// How the steady writes went.
#[derive(Debug, Default)]
struct Steady {
    latencies: Durations,
    refused: u64,
}

/// Measures each target once.
pub(super) fn run(bench: &Bench) -> Result<Section> {
    let work = prepare(bench);
    let mut runs = Vec::new();
    for target in bench.distinct() {
        bench.say(&format!("spike: {}", target.name()));
        runs.push((target.name(), measure(bench, target, &work)?));
    }
    Ok(figures::section(bench, &work, &runs))
}

fn prepare(bench: &Bench) -> Work {
    let plan = bench.plan.spike;
    // Longer than the slowest target takes; what is not due by then is not sent.
    let future = (2 * plan.watch + Duration::from_mins(6)).as_millis() as i64 / INTERVAL_MS;
    let scrapes = plan.history + future as usize;
    let start_ms = start_ms(bench.start, scrapes, INTERVAL_MS);
    let begin_ms = start_ms + plan.history as i64 * INTERVAL_MS;
    let fleet = FleetWork {
        fleet: FleetOptions {
            series: plan.steady,
            seed: bench.seed,
            start_ms,
            interval_ms: INTERVAL_MS,
            jitter_ms: bench.jitter_ms,
        },
        scrapes,
        late: None,
    };
    let spike = Spike {
        series: plan.new,
        rounds: plan.rounds,
        interval_ms: INTERVAL_MS,
        start_ms: begin_ms,
        seed: bench.seed,
    };
    Work {
        steady: bench
            .prepare("steady series", |packing, bar| Prepared::fleet(&fleet, packing, bar)),
        spike: bench.prepare("the spike", |packing, bar| Prepared::spike(&spike, packing, bar)),
        history: (plan.steady * plan.history) as u64,
        begin_ms,
    }
}

fn measure(bench: &Bench, target: &dyn Target, work: &Work) -> Result<Run> {
    let (server, _folder) = bench.start_empty(target)?;
    let (history, future) = split(&work.steady, work.history);
    write_history(&server, target, history)?;
    thread::sleep(bench.plan.settle);
    let mut run = Scene::new(target, &server, work).play(bench, future)?;
    run.found = count(bench, target, &server, work)?;
    server.kill()?;
    Ok(run)
}

/// The requests before and after the clock starts.
fn split(steady: &Prepared, history: u64) -> (&[Request], &[Request]) {
    let requests = steady.streams.first().map_or(&[][..], Vec::as_slice);
    let mut samples = 0;
    let end = requests.iter().position(|request| {
        samples += request.samples as u64;
        samples > history
    });
    requests.split_at(end.unwrap_or(requests.len()))
}

fn write_history(server: &Server, target: &dyn Target, requests: &[Request]) -> Result<()> {
    let url = format!("{}{}", server.base(), target.write_path());
    let client = Client::default();
    for request in requests {
        let answer = client.write(&url, &request.body)?;
        if !answer.is_ok() {
            return Err(Error::Target(format!("{url}: {answer}")));
        }
    }
    Ok(())
}

/// Samples of the spike that the target has.
fn count(bench: &Bench, target: &dyn Target, server: &Server, work: &Work) -> Result<f64> {
    let extent = &work.spike.extent;
    let range = extent.to_ms - extent.from_ms + 1;
    let question = Question {
        id: "spike",
        ask: Ask::Instant {
            query: format!("sum(count_over_time({SPIKE_METRIC}[{range}ms]))"),
            at_ms: extent.to_ms,
        },
        influxql: Some(format!("SELECT count(value) FROM {SPIKE_METRIC}")),
    };
    let path = target.ask_path(&question).unwrap_or_default();
    let answer = bench.client.get(&format!("{}{path}", server.base()))?;
    // Who can't say how many there are has none to show.
    Ok(number(&answer.text).unwrap_or(0.0))
}
