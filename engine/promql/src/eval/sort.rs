//! `sort` and its kin: the order of an instant query's result.

use std::cmp::Ordering;

use super::{Exec, Sink};
use crate::column::Series;
use crate::error::Result;
use crate::grid::Grid;
use crate::plan::SortCall;

impl Exec<'_> {
    /// Orders the series; ranges are ordered by labels at the end, whatever is done here.
    pub(super) fn sort(&self, call: &SortCall, grid: &Grid, sink: Sink) -> Result<()> {
        if self.is_range_query {
            self.notes.sort_of_range(call.span);
        }
        let mut input = |sink: Sink| {
            self.stream(&call.input, grid, &mut |row| {
                if call.labels.is_none() {
                    // They have no order.
                    row.column.histograms.clear();
                }
                sink(row)
            })
        };
        if grid.count != 1 {
            return input(sink);
        }
        let mut matrix = self.gather(&mut input)?;
        match &call.labels {
            None => matrix.series.sort_by(|a, b| by_value(a, b, call.descending)),
            Some(labels) => {
                matrix.series.sort_by(|a, b| {
                    let order = by_labels(a, b, labels);
                    if call.descending { order.reverse() } else { order }
                });
            }
        }
        self.replay(matrix, sink)
    }
}

/// NaN is last in both directions.
fn by_value(a: &Series, b: &Series, descending: bool) -> Ordering {
    let (a, b) = (a.column.values[0], b.column.values[0]);
    let order = match (a.is_nan(), b.is_nan()) {
        (false, false) => a.partial_cmp(&b).unwrap_or(Ordering::Equal),
        (a_nan, b_nan) => return a_nan.cmp(&b_nan),
    };
    if descending { order.reverse() } else { order }
}

fn by_labels(a: &Series, b: &Series, labels: &[String]) -> Ordering {
    for label in labels {
        let (x, y) = (a.labels.get(label).unwrap_or(""), b.labels.get(label).unwrap_or(""));
        if x != y {
            return natural(x, y);
        }
    }
    a.labels.cmp(&b.labels)
}

/// Order in which runs of digits count as numbers: `a2` comes before `a10`.
fn natural(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (pieces(a), pieces(b));
    loop {
        let order = match (a.next(), b.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some(x), Some(y)) => compare_pieces(x, y),
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

fn compare_pieces(x: &str, y: &str) -> Ordering {
    let is_number = |piece: &str| piece.starts_with(|c: char| c.is_ascii_digit());
    if !(is_number(x) && is_number(y)) {
        return x.cmp(y);
    }
    let (digits_x, digits_y) = (x.trim_start_matches('0'), y.trim_start_matches('0'));
    let by_size = digits_x.len().cmp(&digits_y.len()).then_with(|| digits_x.cmp(digits_y));
    by_size.then_with(|| x.len().cmp(&y.len()))
}

/// Cuts a text into runs of digits and of other characters.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let digit = rest.chars().next()?.is_ascii_digit();
        let end = rest.find(|c: char| c.is_ascii_digit() != digit).unwrap_or(rest.len());
        let (piece, tail) = rest.split_at(end);
        rest = tail;
        Some(piece)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_count_as_numbers() {
        let mut names = ["a10", "a2", "a1b3", "a1b20", "b", "a", "4.10", "4.9"];
        names.sort_by(|a, b| natural(a, b));
        assert_eq!(names, ["4.9", "4.10", "a", "a1b3", "a1b20", "a2", "a10", "b"]);
    }
}
