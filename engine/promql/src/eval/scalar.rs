//! Scalars: one number for each step.

use super::Exec;
use crate::binary::apply;
use crate::error::Result;
use crate::grid::Grid;
use crate::plan::ScalarPlan;

/// The numbers of a scalar at all steps.
#[derive(Debug, Clone)]
pub(crate) enum ScalarColumn {
    /// The same at every step.
    Constant(f64),
    Steps(Vec<f64>),
}

impl ScalarColumn {
    pub(crate) fn get(&self, step: usize) -> f64 {
        match self {
            Self::Constant(value) => *value,
            Self::Steps(values) => values[step],
        }
    }

    /// The numbers of `count` steps.
    pub(crate) fn into_values(self, count: usize) -> Vec<f64> {
        match self {
            Self::Constant(value) => vec![value; count],
            Self::Steps(values) => values,
        }
    }

    /// The numbers, a constant once.
    pub(crate) fn distinct(&self) -> &[f64] {
        match self {
            Self::Constant(value) => std::slice::from_ref(value),
            Self::Steps(values) => values,
        }
    }

    fn map(self, f: impl Fn(f64) -> f64) -> Self {
        match self {
            Self::Constant(value) => Self::Constant(f(value)),
            Self::Steps(values) => Self::Steps(values.into_iter().map(f).collect()),
        }
    }

    fn combine(&self, other: &Self, count: usize, f: impl Fn(f64, f64) -> f64) -> Self {
        if let (Self::Constant(a), Self::Constant(b)) = (self, other) {
            return Self::Constant(f(*a, *b));
        }
        Self::Steps((0..count).map(|step| f(self.get(step), other.get(step))).collect())
    }
}

impl Exec<'_> {
    /// The numbers of a scalar at the steps of `grid`.
    pub(crate) fn scalar(&self, plan: &ScalarPlan, grid: &Grid) -> Result<ScalarColumn> {
        self.watch.work(grid.count)?;
        Ok(match plan {
            ScalarPlan::Number(value) => ScalarColumn::Constant(*value),
            ScalarPlan::Time => {
                let seconds = |step| grid.time(step) as f64 / 1000.0;
                ScalarColumn::Steps((0..grid.count).map(seconds).collect())
            }
            ScalarPlan::Negate(inner) => self.scalar(inner, grid)?.map(|value| -value),
            ScalarPlan::Binary(op, lhs, rhs) => {
                // One side waits for the other, at each level of a high tree.
                let mut held = self.held();
                self.take(&mut held, grid.count.div_ceil(2))?;
                let (lhs, rhs) = (self.scalar(lhs, grid)?, self.scalar(rhs, grid)?);
                lhs.combine(&rhs, grid.count, |a, b| apply::scalars(*op, a, b))
            }
            ScalarPlan::Extreme { max, a, b } => {
                let mut held = self.held();
                self.take(&mut held, grid.count.div_ceil(2))?;
                let (a, b) = (self.scalar(a, grid)?, self.scalar(b, grid)?);
                a.combine(&b, grid.count, |a, b| extreme(*max, a, b))
            }
            ScalarPlan::Invariant(inner) => {
                ScalarColumn::Constant(self.scalar(inner, &grid.first())?.get(0))
            }
            ScalarPlan::OfVector(vector) => {
                let mut values = vec![f64::NAN; grid.count];
                let mut found = vec![0_u8; grid.count];
                self.stream(vector, grid, &mut |row| {
                    for (step, value) in row.column.iter() {
                        values[step] = if found[step] == 0 { value } else { f64::NAN };
                        found[step] = 1;
                    }
                    Ok(())
                })?;
                ScalarColumn::Steps(values)
            }
        })
    }
}

/// The smaller or larger number; NaN if one is NaN.
fn extreme(max: bool, a: f64, b: f64) -> f64 {
    match (a.is_nan() || b.is_nan(), max) {
        (true, _) => f64::NAN,
        (_, true) => a.max(b),
        (_, false) => a.min(b),
    }
}
