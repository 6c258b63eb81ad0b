//! The steps at which an expression is evaluated.

/// `count` times, `step` apart, in milliseconds since the epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Grid {
    pub(crate) start: i64,
    /// At least 1.
    pub(crate) step: i64,
    pub(crate) count: usize,
}

impl Grid {
    /// A single step.
    pub(crate) fn instant(at: i64) -> Self {
        Self { start: at, step: 1, count: 1 }
    }

    /// The steps from `start` to at most `end`; none if `end < start`.
    pub(crate) fn range(start: i64, end: i64, step: i64) -> Self {
        let step = step.max(1);
        let count = match end.checked_sub(start) {
            Some(length) if length >= 0 => {
                usize::try_from((length / step).saturating_add(1)).unwrap_or(usize::MAX)
            }
            Some(_) => 0,
            None => usize::MAX,
        };
        Self { start, step, count }
    }

    /// The time of a step.
    pub(crate) fn time(&self, step: usize) -> i64 {
        self.start.saturating_add(self.step.saturating_mul(step as i64))
    }

    /// The time of the last step.
    pub(crate) fn end(&self) -> i64 {
        self.time(self.count.saturating_sub(1))
    }

    /// The first step alone.
    pub(crate) fn first(&self) -> Self {
        Self { count: self.count.min(1), ..*self }
    }

    /// The steps of a subquery: multiples of `step` in (first − range, last], both moved by
    /// `offset` into the past, or all pinned to `at`.
    pub(crate) fn subquery(&self, at: Option<i64>, offset: i64, range: i64, step: i64) -> Self {
        let step = step.max(1);
        let first = at.unwrap_or(self.start).saturating_sub(offset).saturating_sub(range);
        let last = at.unwrap_or_else(|| self.end()).saturating_sub(offset);
        let aligned = first.div_euclid(step).saturating_add(1).saturating_mul(step);
        Self::range(aligned, last, step)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_steps() {
        assert_eq!(Grid::range(0, 10, 5).count, 3);
        assert_eq!(Grid::range(0, 9, 5).count, 2);
        assert_eq!(Grid::range(1, 0, 5).count, 0);
        assert_eq!(Grid::range(0, 9, 5).end(), 5);
        assert_eq!(Grid::range(0, i64::MAX, 1).count, i64::MAX as usize);
    }

    #[test]
    fn aligns_subqueries_to_multiples_of_their_step() {
        let grid = Grid::instant(100);
        assert_eq!(grid.subquery(None, 0, 60, 20), Grid { start: 60, step: 20, count: 3 });
        assert_eq!(grid.subquery(None, 0, 61, 20), Grid { start: 40, step: 20, count: 4 });
        assert_eq!(grid.subquery(None, 150, 60, 20), Grid { start: -100, step: 20, count: 3 });
        assert_eq!(grid.subquery(Some(40), 0, 60, 20), Grid { start: 0, step: 20, count: 3 });
    }
}
