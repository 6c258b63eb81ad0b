//! `info`: adds the labels of info metrics to the series of the same instance and job.

use nunatak_index::{Labels, LabelsBuilder, METRIC_NAME, MatchOp, Matcher};

use super::labels::built;
use super::{Exec, Sink};
use crate::column::{Bits, Column, Held, Matrix, Row, Series};
use crate::error::{QueryError, Result};
use crate::grid::Grid;
use crate::key::{Interner, braced};
use crate::plan::{InfoCall, SelectPlan};

/// The labels that tie a series to its info series.
const IDENTIFYING: [&str; 2] = ["instance", "job"];

/// The info metric that is meant if none is named.
const DEFAULT_METRIC: &str = "target_info";

/// What the second argument asks for.
struct Wanted {
    names: Vec<Matcher>,
    data: Vec<Matcher>,
}

/// An info series: its values are the times of its samples.
struct InfoSeries {
    labels: Labels,
    /// Equal for info series of the same metric that tie to the same series.
    signature: usize,
    times: Column,
}

impl Exec<'_> {
    pub(super) fn info(&self, call: &InfoCall, grid: &Grid, sink: Sink) -> Result<()> {
        let base = self.collect(&call.input, grid)?;
        let wanted = Wanted::new(call.matchers.as_deref())?;
        let mut held = self.held();
        let infos = self.info_series(&base, &wanted, &call.select, grid, &mut held)?;
        let infos = newest(infos, grid)?;
        let mut out = Matrix { series: Vec::new(), held: self.held() };
        for series in &base.series {
            self.tick()?;
            if wanted.is_info(&series.labels) {
                self.take(&mut out.held, series.column.cost())?;
                out.series.push(Series { drop_name: false, ..series.clone() });
                continue;
            }
            self.enrich(series, &infos, &wanted, &mut out)?;
        }
        self.replay(self.merge_equal(out)?, sink)
    }

    /// One output series for each combination of info series that meet at some step.
    fn enrich(
        &self,
        base: &Series,
        infos: &[InfoSeries],
        wanted: &Wanted,
        out: &mut Matrix,
    ) -> Result<()> {
        let mine: Vec<_> = infos.iter().filter(|info| ties(&info.labels, &base.labels)).collect();
        let mut rest = base.column.there().into_owned();
        while let Some(step) = rest.first() {
            let here: Vec<_> =
                mine.iter().filter(|info| info.times.present.contains(step)).copied().collect();
            let steps = same_steps(&rest, &mine, step);
            rest.subtract(&steps);
            if here.is_empty() && !wanted.data.iter().all(|matcher| matcher.matches("")) {
                continue;
            }
            let labels = combine(&base.labels, &here, wanted)?;
            let mut column = base.column.clone();
            column.keep(&steps);
            self.take(&mut out.held, column.cost())?;
            self.take_text(&labels, &base.labels)?;
            out.series.push(Series { labels, drop_name: false, column });
        }
        Ok(())
    }

    fn info_series(
        &self,
        base: &Matrix,
        wanted: &Wanted,
        select: &SelectPlan,
        grid: &Grid,
        held: &mut Held,
    ) -> Result<Vec<InfoSeries>> {
        let plain = base.series.iter().filter(|series| !wanted.is_info(&series.labels));
        let mut matchers = Vec::new();
        for name in IDENTIFYING {
            let mut values: Vec<_> =
                plain.clone().filter_map(|series| series.labels.get(name)).collect();
            values.sort_unstable();
            values.dedup();
            if !values.is_empty() {
                let pattern: Vec<_> = values.iter().map(|value| quote(value)).collect();
                matchers.push(matcher(name, MatchOp::Regex, &pattern.join("|"))?);
            }
        }
        if matchers.is_empty() {
            return Ok(Vec::new());
        }
        matchers.extend(wanted.names.iter().chain(&wanted.data).cloned());
        if wanted.names.is_empty() {
            matchers.push(matcher(METRIC_NAME, MatchOp::Equal, DEFAULT_METRIC)?);
        }
        let select = SelectPlan { matchers, ..select.clone() };
        let mut numbers = Interner::default();
        let mut infos = Vec::new();
        self.timestamps(&select, grid, &mut |row| {
            let tied = |name: &str| name == METRIC_NAME || IDENTIFYING.contains(&name);
            let signature = numbers.number(&row.labels, tied).0;
            self.take(held, row.column.cost())?;
            let times = std::mem::take(row.column);
            infos.push(InfoSeries { labels: row.labels, signature, times });
            Ok(())
        })?;
        Ok(infos)
    }
}

impl Wanted {
    fn new(matchers: Option<&[Matcher]>) -> Result<Self> {
        let Some(matchers) = matchers else {
            let names = vec![matcher(METRIC_NAME, MatchOp::Equal, DEFAULT_METRIC)?];
            return Ok(Self { names, data: Vec::new() });
        };
        let is_name = |matcher: &Matcher| matcher.name() == METRIC_NAME;
        let (mut names, data): (Vec<_>, _) = matchers.iter().cloned().partition(is_name);
        let positive = |matcher: &Matcher| matches!(matcher.op(), MatchOp::Equal | MatchOp::Regex);
        if !names.is_empty() && !names.iter().any(positive) {
            // Names that are excluded alone are excluded from all that look like info metrics.
            names.push(matcher(METRIC_NAME, MatchOp::Regex, ".+_info")?);
        }
        Ok(Self { names, data })
    }

    /// Whether the labels are those of an info series itself.
    fn is_info(&self, labels: &Labels) -> bool {
        let name = labels.metric_name();
        !self.names.is_empty() && self.names.iter().all(|matcher| matcher.matches(name))
    }
}

fn matcher(name: &str, op: MatchOp, value: &str) -> Result<Matcher> {
    Matcher::new(name, op, value).map_err(|error| QueryError::execution(error.to_string()))
}

/// Makes a text a pattern that matches it alone.
fn quote(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len());
    for c in text.chars() {
        if r"\.+*?()|[]{}^$".contains(c) {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern
}

fn ties(info: &Labels, base: &Labels) -> bool {
    IDENTIFYING.iter().all(|name| info.get(name) == base.get(name))
}

/// The steps out of `rest` at which the same info series are there as at `step`.
fn same_steps(rest: &Bits, infos: &[&InfoSeries], step: usize) -> Bits {
    let mut steps = rest.clone();
    for info in infos {
        let present = &info.times.present;
        if present.contains(step) { steps.intersect(present) } else { steps.subtract(present) }
    }
    steps
}

/// Of info series with the same signature the one with the newest sample counts at each step.
fn newest(mut infos: Vec<InfoSeries>, grid: &Grid) -> Result<Vec<InfoSeries>> {
    for step in 0..grid.count {
        let mut best: hashbrown::HashMap<
            usize,
            usize,
            std::hash::BuildHasherDefault<crate::key::KeyHasher>,
        > = hashbrown::HashMap::default();
        for i in 0..infos.len() {
            let Some(time) = infos[i].times.get(step) else { continue };
            let Some(&other) = best.get(&infos[i].signature) else {
                best.insert(infos[i].signature, i);
                continue;
            };
            let other_time = infos[other].times.get(step).unwrap_or(f64::NEG_INFINITY);
            if other_time == time {
                return Err(duplicate(&infos[other].labels, &infos[i].labels, time));
            }
            let loser = if other_time > time { i } else { other };
            infos[loser].times.present.remove(step);
            if loser == other {
                best.insert(infos[i].signature, i);
            }
        }
    }
    Ok(infos)
}

fn duplicate(a: &Labels, b: &Labels, seconds: f64) -> QueryError {
    let t = (seconds * 1000.0).round() as i64;
    let (a, b) = (braced(a), braced(b));
    let text = format!("found duplicate series for info metric: existing {a} @ {t}, new {b} @ {t}");
    QueryError::execution(text)
}

/// The base labels with the wanted labels of the info series; the base series' own win.
fn combine(base: &Labels, infos: &[&InfoSeries], wanted: &Wanted) -> Result<Labels> {
    let mut added = LabelsBuilder::default();
    let mut builder = LabelsBuilder::from_labels(base);
    for info in infos {
        for (name, value) in info.labels.iter().filter(|(name, _)| *name != METRIC_NAME) {
            let asked =
                wanted.data.is_empty() || wanted.data.iter().any(|matcher| matcher.name() == name);
            if !asked {
                continue;
            }
            if added.get(name).is_some_and(|other| other != value) {
                return Err(QueryError::execution(format!("conflicting label: {name}")));
            }
            if base.get(name).is_none() {
                added.set(name, value);
                builder.set(name, value);
            }
        }
    }
    built(&mut builder)
}

impl Exec<'_> {
    /// The times of the samples that an instant selector sees, in seconds, with all labels.
    fn timestamps(&self, select: &SelectPlan, grid: &Grid, sink: Sink) -> Result<()> {
        self.sample_times(select, grid, true, &mut |labels, column| {
            sink(Row { labels: labels.clone(), drop_name: false, column })
        })
    }
}
