//! How many times better a target is than another one.

use super::model::{Better, Cell, Figure};
use super::spread::Spread;
use super::unit::grouped;

/// How many times better; below 1 it is worse.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Ratio {
    /// By the medians. 0 or infinite if one of them is 0.
    middle: f64,
    /// The ends of the ratios of each repetition, if several repetitions have one.
    ends: Option<(f64, f64)>,
}

impl Ratio {
    /// Of `ours` to `peer`; none if a value is missing, below 0, or neither good nor bad.
    ///
    /// The n-th repetition of one is compared with the n-th of the other: they ran next to each
    /// other, so that a slow moment of the machine hit both.
    pub(crate) fn of(better: Better, ours: &Cell, peer: &Cell) -> Option<Self> {
        let medians = (Spread::of(&ours.values)?.median, Spread::of(&peer.values)?.median);
        let middle = gain(better, medians.0, medians.1)?;
        let pairs = ours.values.iter().zip(&peer.values);
        let gains: Vec<f64> = pairs.filter_map(|(ours, peer)| gain(better, *ours, *peer)).collect();
        let spread = Spread::of(&gains).filter(|spread| spread.repetitions > 1);
        Some(Self { middle, ends: spread.map(|spread| (spread.least, spread.most)) })
    }

    /// Whether it is better (`Greater`), worse (`Less`), or shown as equal.
    pub(crate) fn ordering(&self) -> std::cmp::Ordering {
        if number(self.middle.max(1.0 / self.middle)) == "1.00" {
            return std::cmp::Ordering::Equal;
        }
        self.middle.total_cmp(&1.0)
    }

    /// `2.1× better (1.9–2.3)`, `1.3× worse (1.2–1.4)`, `equal (0.98–1.02)`.
    pub(crate) fn words(&self) -> String {
        let (word, is_worse) = match self.ordering() {
            std::cmp::Ordering::Greater => ("better", false),
            std::cmp::Ordering::Less => ("worse", true),
            std::cmp::Ordering::Equal => ("equal", false),
        };
        let turned = |value: f64| if is_worse { 1.0 / value } else { value };
        let middle = turned(self.middle);
        // Against nothing at all there is no number of times.
        let head = if word == "equal" || !middle.is_finite() {
            word.to_owned()
        } else {
            format!("{}× {word}", number(middle))
        };
        let Some((least, most)) = self.ends.filter(|(least, _)| *least > 0.0) else { return head };
        let (low, high) = if is_worse { (turned(most), turned(least)) } else { (least, most) };
        let (low, high) = (number(low), number(high));
        if low == high { head } else { format!("{head} ({low}–{high})") }
    }
}

/// Three digits, or the whole number.
fn number(value: f64) -> String {
    let decimals = match value {
        value if value >= 100.0 => 0,
        value if value >= 10.0 => 1,
        _ => 2,
    };
    grouped(value, decimals)
}

/// How many times better `ours` is.
fn gain(better: Better, ours: f64, peer: f64) -> Option<f64> {
    let is_number = |value: f64| value.is_finite() && value >= 0.0;
    if !is_number(ours) || !is_number(peer) {
        return None;
    }
    match better {
        Better::Neither => None,
        _ if ours == peer => Some(1.0),
        Better::Lower => Some(peer / ours),
        Better::Higher => Some(ours / peer),
    }
}

/// The best of `names` by its median, and the first of them if several are.
pub(crate) fn best<'a>(figure: &Figure, names: &[&'a str]) -> Option<(&'a str, Spread)> {
    names
        .iter()
        .filter_map(|name| Some((*name, figure.spread(name)?)))
        .reduce(|a, b| if figure.better.prefers(b.1.median, a.1.median) { b } else { a })
        .filter(|_| figure.better != Better::Neither)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::model::Unit;

    fn cell(target: &str, values: &[f64]) -> Cell {
        Cell { target: target.into(), values: values.to_vec(), mark: None }
    }

    fn words(better: Better, ours: &[f64], peer: &[f64]) -> Option<String> {
        Ratio::of(better, &cell("ours", ours), &cell("peer", peer)).map(|ratio| ratio.words())
    }

    #[test]
    fn better_and_worse_are_told_alike() {
        assert_eq!(words(Better::Lower, &[2.0], &[5.0]).unwrap(), "2.50× better");
        assert_eq!(words(Better::Lower, &[5.0], &[2.0]).unwrap(), "2.50× worse");
        assert_eq!(words(Better::Higher, &[5.0], &[2.0]).unwrap(), "2.50× better");
        assert_eq!(words(Better::Higher, &[2.0], &[5.0]).unwrap(), "2.50× worse");
        assert_eq!(words(Better::Lower, &[1.0], &[123.4]).unwrap(), "123× better");
        assert_eq!(words(Better::Lower, &[12.34], &[1.0]).unwrap(), "12.3× worse");
    }

    #[test]
    fn repetitions_pair_by_their_place() {
        // Medians 2 and 4. Pairs: 8/2, 4/1, 3/4.
        let text = words(Better::Lower, &[2.0, 1.0, 4.0], &[8.0, 4.0, 3.0]).unwrap();
        assert_eq!(text, "2.00× better (0.75–4.00)");
        let text = words(Better::Higher, &[2.0, 1.0, 4.0], &[8.0, 4.0, 3.0]).unwrap();
        assert_eq!(text, "2.00× worse (0.75–4.00)");
    }

    #[test]
    fn a_repetition_without_a_value_takes_part_in_no_pair() {
        let text = words(Better::Lower, &[f64::NAN, 1.0, 1.0], &[9.0, 2.0, 3.0]).unwrap();
        assert_eq!(text, "3.00× better (2.00–3.00)");
    }

    #[test]
    fn next_to_nothing_is_equal() {
        assert_eq!(words(Better::Lower, &[1.001], &[1.0]).unwrap(), "equal");
        assert_eq!(words(Better::Lower, &[0.0], &[0.0]).unwrap(), "equal");
        assert_eq!(words(Better::Lower, &[0.0, 0.0], &[0.0, 0.0]).unwrap(), "equal");
        assert_eq!(words(Better::Lower, &[1.0, 1.0], &[0.9, 1.1]).unwrap(), "equal (0.90–1.10)");
    }

    #[test]
    fn against_zero_there_is_no_number_of_times() {
        assert_eq!(words(Better::Lower, &[0.0], &[5.0]).unwrap(), "better");
        assert_eq!(words(Better::Lower, &[5.0], &[0.0]).unwrap(), "worse");
    }

    #[test]
    fn what_can_not_be_compared_has_no_ratio() {
        assert_eq!(words(Better::Neither, &[1.0], &[2.0]), None);
        assert_eq!(words(Better::Lower, &[-1.0], &[2.0]), None);
        assert_eq!(words(Better::Lower, &[f64::NAN], &[2.0]), None);
        assert_eq!(words(Better::Lower, &[1.0], &[]), None);
    }

    #[test]
    fn the_best_has_the_best_median() {
        let figure = |better| Figure {
            id: "f".into(),
            words: "f".into(),
            unit: Unit::Number,
            better,
            headline: true,
            cells: vec![cell("a", &[3.0]), cell("b", &[1.0, 9.0, 2.0]), cell("c", &[f64::NAN])],
        };
        let best = |better| best(&figure(better), &["a", "b", "c", "d"]).map(|(name, _)| name);
        assert_eq!(best(Better::Lower), Some("b"));
        assert_eq!(best(Better::Higher), Some("a"));
        assert_eq!(best(Better::Neither), None);
    }
}
