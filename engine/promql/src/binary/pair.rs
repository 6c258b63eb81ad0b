//! Arithmetic and comparisons of two vectors.
//!
//! The series are matched by their labels once. What may go wrong depends on which of them are
//! there at the same step, so errors are found as the earliest step of an overlap of columns, and
//! the first one in time is reported, as an evaluation step by step would.

use std::sync::Arc;

use nunatak_index::{Labels, LabelsBuilder};

use super::apply::{arithmetic, changes_meaning, compares, is_trim};
use super::matching::{Signatures, match_labels};
use crate::ast::{MatchCardinality, VectorMatching};
use crate::column::{Bits, Column, Matrix, Series};
use crate::error::{QueryError, Result};
use crate::eval::{Exec, Sink};
use crate::grid::Grid;
use crate::histogram::operate::{Operand, Outcome, operate};
use crate::key::{Interner, braced, is_metadata, without_metadata};
use crate::plan::PairPlan;

pub(crate) fn pair(exec: &Exec, plan: &PairPlan, grid: &Grid, sink: Sink) -> Result<()> {
    let lhs = exec.collect(&plan.lhs, grid)?;
    let rhs = exec.collect(&plan.rhs, grid)?;
    let swapped = plan.matching.card == MatchCardinality::OneToMany;
    let (many, one) = if swapped { (rhs, lhs) } else { (lhs, rhs) };
    let signatures = Signatures::new(&plan.matching, &many.series, &one.series);
    let mut join = Join::new(exec, plan, grid, swapped, &signatures, &many.series, &one.series);
    if join.active.is_empty() {
        return Ok(());
    }
    join.find_duplicates(&one.series);
    for (i, series) in many.series.iter().enumerate() {
        exec.tick()?;
        join.match_many(i, series, signatures.left[i], &one.series)?;
    }
    join.fill_unmatched(&one.series, &signatures.right)?;
    let Join { out, failure, .. } = join;
    if let Some((.., error)) = failure {
        return Err(error);
    }
    drop((many, one));
    let merged = exec.merge_unless_instant(out, grid)?;
    exec.replay(merged, sink)
}

/// What a series meets on the "one" side.
enum Partner<'a> {
    Column(&'a Column),
    Number(f64),
}

impl Partner<'_> {
    fn has_histograms(&self) -> bool {
        matches!(self, Self::Column(column) if !column.histograms.is_empty())
    }

    fn histogram_steps(&self) -> impl Iterator<Item = usize> + '_ {
        let column = match self {
            Self::Column(column) => Some(column),
            Self::Number(_) => None,
        };
        column.into_iter().flat_map(|column| column.histograms.keys().copied())
    }

    fn float(&self, step: usize) -> f64 {
        match self {
            Self::Column(column) => column.values[step],
            Self::Number(number) => *number,
        }
    }

    fn operand(&self, step: usize) -> Operand<'_> {
        match self {
            Self::Column(column) => operand(column, step),
            Self::Number(number) => Operand::Float(*number),
        }
    }
}

fn operand(column: &Column, step: usize) -> Operand<'_> {
    let histogram = column.histograms.get(&step);
    histogram.map_or(Operand::Float(column.values[step]), Operand::Histogram)
}

/// Step, phase of the evaluation of a step, number of the series, and what went wrong there.
type Failure = (usize, u8, usize, QueryError);

struct Join<'a, 'e> {
    exec: &'a Exec<'e>,
    plan: &'a PairPlan,
    grid: &'a Grid,
    /// Whether the "many" side is the right one.
    swapped: bool,
    /// For each signature its series of the "one" side.
    ones: Vec<Vec<usize>>,
    /// The steps at which anything can match.
    active: Bits,
    /// For each signature the steps at which it was matched.
    matched: Vec<Option<Bits>>,
    /// For many-to-one matching: the result's labels that each signature had, and when.
    results: Vec<(Interner, Vec<Bits>)>,
    failure: Option<Failure>,
    out: Matrix,
}

impl<'a, 'e> Join<'a, 'e> {
    fn new(
        exec: &'a Exec<'e>,
        plan: &'a PairPlan,
        grid: &'a Grid,
        swapped: bool,
        signatures: &Signatures,
        many: &[Series],
        one: &[Series],
    ) -> Self {
        let mut ones = vec![Vec::new(); signatures.count];
        for (i, &signature) in signatures.right.iter().enumerate() {
            ones[signature].push(i);
        }
        let union = |series: &[Series]| {
            let mut all = Bits::new(grid.count);
            for series in series {
                all.union(&series.column.there());
            }
            all
        };
        let (mut active, other) = (union(many), union(one));
        let fills = plan.matching.fill_left.is_some() || plan.matching.fill_right.is_some();
        if fills {
            active.union(&other);
        } else {
            active.intersect(&other);
        }
        let (matched, results) = (vec![None; signatures.count], Vec::new());
        let out = Matrix { series: Vec::new(), held: exec.held() };
        let mut join =
            Self { exec, plan, grid, swapped, ones, active, matched, results, failure: None, out };
        join.results.resize_with(signatures.count, Default::default);
        join
    }

    fn matching(&self) -> &'a VectorMatching {
        &self.plan.matching
    }

    /// Keeps the failure that an evaluation step by step would meet first.
    fn fail(&mut self, step: usize, phase: u8, series: usize, error: impl FnOnce() -> QueryError) {
        let key = (step, phase, series);
        if self.failure.as_ref().is_none_or(|(s, p, i, _)| key < (*s, *p, *i)) {
            self.failure = Some((step, phase, series, error()));
        }
    }

    /// Two series of the "one" side that match the same series may not meet.
    fn find_duplicates(&mut self, one: &[Series]) {
        for signature in 0..self.ones.len() {
            let group = std::mem::take(&mut self.ones[signature]);
            if group.len() > 1 {
                let mut seen = Bits::new(self.grid.count);
                for &i in &group {
                    let mut here = one[i].column.there().into_owned();
                    here.intersect(&self.active);
                    if let Some(step) = seen.first_common(&here) {
                        let first = group.iter().find(|&&j| one[j].column.there().contains(step));
                        let first = first.copied().unwrap_or(i);
                        let error = self.duplicate(&one[i].labels, &one[first].labels);
                        self.fail(step, 0, i, || error);
                    }
                    seen.union(&here);
                }
            }
            self.ones[signature] = group;
        }
    }

    fn duplicate(&self, series: &Labels, first: &Labels) -> QueryError {
        let side = if self.swapped { "left" } else { "right" };
        let group = braced(&match_labels(self.matching(), series));
        let (series, first) = (braced(series), braced(first));
        QueryError::execution(format!(
            "found duplicate series for the match group {group} on the {side} hand-side of the \
             operation: [{series}, {first}];many-to-many matching not allowed: matching labels \
             must be unique on one side"
        ))
    }

    /// Joins one series of the "many" side with its partners.
    fn match_many(
        &mut self,
        i: usize,
        many: &Series,
        signature: usize,
        one: &[Series],
    ) -> Result<()> {
        let mut unmatched = many.column.there().into_owned();
        let mut whole: Option<(Labels, Column)> = None;
        for k in 0..self.ones[signature].len() {
            let partner = &one[self.ones[signature][k]];
            let mut steps = unmatched.clone();
            steps.intersect(&partner.column.there());
            if steps.is_empty() {
                continue;
            }
            unmatched.subtract(&steps);
            let labels = self.result_labels(&many.labels, &partner.labels)?;
            let column = self.operate(&many.column, &Partner::Column(&partner.column), &steps);
            self.note_match(i, signature, &labels, &steps);
            match &mut whole {
                Some((known, sum)) if *known == labels => sum.absorb(&column),
                _ => {
                    if let Some((labels, column)) = whole.replace((labels, column)) {
                        self.push(labels, column)?;
                    }
                }
            }
        }
        if let Some((labels, column)) = whole {
            self.push(labels, column)?;
        }
        if let Some(fill) = self.fill(false)
            && !unmatched.is_empty()
        {
            let partner = match_labels(self.matching(), &many.labels);
            let labels = self.result_labels(&many.labels, &partner)?;
            let column = self.operate(&many.column, &Partner::Number(fill), &unmatched);
            self.note_match(i, signature, &labels, &unmatched);
            self.push(labels, column)?;
        }
        Ok(())
    }

    /// The value that stands in for a missing series of the "many" or the "one" side. With
    /// `group_right` the sides are swapped but not their values: so does Prometheus.
    fn fill(&self, many: bool) -> Option<f64> {
        if many { self.matching().fill_left } else { self.matching().fill_right }
    }

    /// Series of the "one" side that nothing matched meet the fill value.
    fn fill_unmatched(&mut self, one: &[Series], signatures: &[usize]) -> Result<()> {
        let Some(fill) = self.fill(true) else { return Ok(()) };
        for (i, series) in one.iter().enumerate() {
            let signature = signatures[i];
            let mut steps = series.column.there().into_owned();
            if let Some(matched) = &self.matched[signature] {
                steps.subtract(matched);
            }
            if steps.is_empty() {
                continue;
            }
            let many = match_labels(self.matching(), &series.labels);
            let labels = self.result_labels(&many, &series.labels)?;
            let filled = Column::full(vec![fill; self.grid.count]);
            let column = self.operate(&filled, &Partner::Column(&series.column), &steps);
            self.push(labels, column)?;
        }
        Ok(())
    }

    /// Remembers what matched when; the same twice is an error.
    fn note_match(&mut self, i: usize, signature: usize, labels: &Labels, steps: &Bits) {
        let count = self.grid.count;
        let one_to_one = self.matching().card == MatchCardinality::OneToOne;
        let matched = self.matched[signature].get_or_insert_with(|| Bits::new(count));
        let mut conflict = None;
        if one_to_one {
            let text = "multiple matches for labels: many-to-one matching must be explicit \
                        (group_left/group_right)";
            conflict = matched.first_common(steps).map(|step| (step, text));
        }
        matched.union(steps);
        if !one_to_one {
            let (numbers, seen) = &mut self.results[signature];
            let (number, new) = numbers.whole(labels);
            if new {
                seen.push(Bits::new(count));
            }
            let text = "multiple matches for labels: grouping labels must ensure unique matches";
            conflict = seen[number].first_common(steps).map(|step| (step, text));
            seen[number].union(steps);
        }
        if let Some((step, text)) = conflict {
            self.fail(step, 1, i, || QueryError::execution(text));
        }
    }

    /// The operator at some steps.
    fn operate(&self, many: &Column, one: &Partner, steps: &Bits) -> Column {
        if many.histograms.is_empty() && !one.has_histograms() {
            return self.operate_floats(many, one, steps);
        }
        let mut floats = steps.clone();
        many.histograms.keys().for_each(|&step| floats.remove(step));
        one.histogram_steps().for_each(|step| floats.remove(step));
        let mut column = self.operate_floats(many, one, &floats);
        let mut mixed = steps.clone();
        mixed.subtract(&floats);
        let (op, notes, span) = (self.plan.op, &self.exec.notes, self.plan.span);
        for step in mixed.iter() {
            let sides = (operand(many, step), one.operand(step));
            let (a, b) = if self.swapped { (sides.1, sides.0) } else { sides };
            match operate(op, a, b, notes, span) {
                Some(Outcome::Histogram(result)) => column.set_histogram(step, result),
                Some(Outcome::Holds(holds)) if self.plan.return_bool => {
                    column.set(step, f64::from(u8::from(holds)));
                }
                Some(Outcome::Holds(true)) => {
                    if let Operand::Histogram(h) = a {
                        column.set_histogram(step, Arc::clone(h));
                    }
                }
                Some(Outcome::Holds(false)) | None => {}
            }
        }
        column
    }

    fn operate_floats(&self, many: &Column, one: &Partner, steps: &Bits) -> Column {
        let op = self.plan.op;
        let mut column = Column::new(self.grid.count);
        if is_trim(op) {
            if !steps.is_empty() {
                self.exec.notes.incompatible_types("float", op, "float", self.plan.span);
            }
            return column;
        }
        for step in steps.iter() {
            let (m, o) = (many.values[step], one.float(step));
            let (a, b) = if self.swapped { (o, m) } else { (m, o) };
            if !op.is_comparison() {
                column.set(step, arithmetic(op, a, b));
            } else if self.plan.return_bool {
                column.set(step, f64::from(u8::from(compares(op, a, b))));
            } else if compares(op, a, b) {
                column.set(step, a);
            }
        }
        column
    }

    fn result_labels(&self, many: &Labels, one: &Labels) -> Result<Labels> {
        let matching = self.matching();
        let drops = changes_meaning(self.plan.op);
        let one_to_one = matching.card == MatchCardinality::OneToOne;
        let mut labels = many.filtered(|name| {
            let named = matching.labels.iter().any(|label| label == name);
            !(drops && is_metadata(name)) && (!one_to_one || named == matching.on)
        });
        if !matching.include.is_empty() {
            let mut builder = LabelsBuilder::from_labels(&labels);
            for name in &matching.include {
                builder.set(name, one.get(name).unwrap_or(""));
            }
            labels = builder.build().map_err(|error| QueryError::execution(error.to_string()))?;
            self.exec.take_text(&labels, many)?;
        }
        if self.plan.return_bool && !self.exec.delayed_names {
            labels = without_metadata(&labels);
        }
        Ok(labels)
    }

    fn push(&mut self, labels: Labels, column: Column) -> Result<()> {
        if !column.is_empty() {
            self.exec.take(&mut self.out.held, column.cost())?;
            self.out.series.push(Series { labels, drop_name: self.plan.return_bool, column });
        }
        Ok(())
    }
}
