//! What the index is asked.

use std::time::{Duration, Instant};

use nix::time::{ClockId, clock_gettime};
use nunatak::{Db, Hints, MatchOp, Matcher, Selector, Source, TimeRange};

use super::made::Made;
use super::report::Answer;
use super::{failed, ms};
use crate::measure::Durations;
use crate::{Error, Result};

/// Asks everything.
pub(super) fn ask(db: &Db, made: Made, repeat: usize) -> Result<Vec<Answer>> {
    let id = Made::id(made.in_blocks() / 2 / 1000 * 1000 + 950).unwrap_or_default();
    let one = selector(&[("id", MatchOp::Equal, &id)])?;
    let thousand = selector(&[
        ("__name__", MatchOp::Equal, "node_metric_007_total"),
        ("instance", MatchOp::Regex, "host-000.*"),
        ("mode", MatchOp::NotEqual, "mode-3"),
    ])?;
    let few = selector(&[("id", MatchOp::Regex, "[0-8]+")])?;
    let cluster = selector(&[("cluster", MatchOp::Equal, "production-2")])?;
    let all = Selector::new(Vec::new(), TimeRange::ALL);
    let series = |selector: &Selector| {
        let found = Source::select(db, selector, &Hints::default()).map_err(failed)?;
        Ok(found.series.len() as u64)
    };
    let mut answers = vec![
        measure("one series by equality", repeat, || series(&one))?,
        measure("equality, prefix and unequal", repeat, || series(&thousand))?,
        measure("a pattern without a literal", repeat, || series(&few))?,
        measure("1,000 values with match[]", repeat, || {
            Ok(db.label_values("id", &cluster, 1000).map_err(failed)?.len() as u64)
        })?,
        measure("label names", repeat, || {
            Ok(db.label_names(&all, 0).map_err(failed)?.len() as u64)
        })?,
        measure("cardinality, 10 of each", repeat, || Ok(db.cardinality(10).series))?,
        measure("growth, 10 of each", repeat, || {
            Ok(db.growth(10, nunatak::RankBy::Growth(1)).series.count)
        })?,
        measure("cardinality of a metric", repeat, || {
            Ok(db.metric_cardinality("node_metric_007_total", 10).series.count)
        })?,
    ];
    answers.retain(|answer| answer.found > 0);
    Ok(answers)
}

fn selector(matchers: &[(&str, MatchOp, &str)]) -> Result<Selector> {
    let made = matchers.iter().map(|(name, op, value)| Matcher::new(name, *op, value));
    let made: std::result::Result<Vec<_>, _> = made.collect();
    Ok(Selector::new(made.map_err(failed)?, TimeRange::ALL))
}

/// The first answer and the median of the others; all must find the same.
fn measure(name: &'static str, repeat: usize, ask: impl Fn() -> Result<u64>) -> Result<Answer> {
    let timed = || -> Result<_> {
        let (began, cpu) = (Instant::now(), thread_cpu()?);
        let found = ask()?;
        Ok((found, began.elapsed(), thread_cpu()?.saturating_sub(cpu)))
    };
    let (found, first, first_cpu) = timed()?;
    let (mut later, mut later_cpu) = (Durations::default(), Durations::default());
    for _ in 0..repeat {
        let (again, took, cpu) = timed()?;
        if again != found {
            return Err(Error::Target(format!("{name}: {found}, then {again}")));
        }
        later.push(took);
        later_cpu.push(cpu);
    }
    Ok(Answer {
        name,
        found,
        first_ms: ms(first),
        first_cpu_ms: ms(first_cpu),
        p50_ms: later.quantile_ms(0.5),
        p50_cpu_ms: later_cpu.quantile_ms(0.5),
    })
}

/// Processor time of this thread, which answers alone: what a machine that others use as well does
/// not change.
fn thread_cpu() -> Result<Duration> {
    let time = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID);
    time.map(Duration::from).map_err(|error| Error::io("processor time")(error.into()))
}
