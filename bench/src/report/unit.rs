//! How values are shown.

use super::model::{Better, Figure, Unit};
use super::spread::Spread;

/// Stands where a target has no value.
pub(crate) const ABSENT: &str = "–";

impl Unit {
    /// Its name, to stand behind the words of a figure; none where the words say it.
    pub(crate) fn name(self) -> Option<&'static str> {
        match self {
            Self::Count | Self::Number => None,
            Self::Seconds => Some("s"),
            Self::Milliseconds => Some("ms"),
            Self::Microseconds => Some("µs"),
            Self::Bytes => Some("bytes"),
            Self::Mebibytes => Some("MiB"),
        }
    }

    /// A value with as many decimals as the unit is worth, and two digits at least.
    pub(crate) fn show(self, value: f64) -> String {
        let (decimals, whole_from) = match self {
            Self::Count => return grouped(value, 0),
            Self::Seconds => (3, 1e3),
            Self::Number | Self::Milliseconds | Self::Microseconds => (2, 1e3),
            Self::Bytes => (2, 1e2),
            Self::Mebibytes => (1, 1e2),
        };
        let size = value.abs();
        if size >= whole_from {
            grouped(value, 0)
        } else if size == 0.0 {
            "0".to_owned()
        } else {
            let for_two_digits = 1.0 - size.log10().floor();
            grouped(value, (for_two_digits as usize).clamp(decimals, 12))
        }
    }

    /// The median, and the ends if they show another value.
    pub(crate) fn show_spread(self, spread: &Spread) -> String {
        let (median, least, most) =
            (self.show(spread.median), self.show(spread.least), self.show(spread.most));
        if least == most { median } else { format!("{median} ({least}–{most})") }
    }
}

impl Better {
    /// Whether `a` is better than `b`.
    pub(crate) fn prefers(self, a: f64, b: f64) -> bool {
        match self {
            Self::Lower => a < b,
            Self::Higher => a > b,
            Self::Neither => false,
        }
    }

    /// What a reader of a plot must know; none if it says nothing of better or worse.
    pub(crate) fn words(self) -> Option<&'static str> {
        match self {
            Self::Lower => Some("less is better"),
            Self::Higher => Some("more is better"),
            Self::Neither => None,
        }
    }
}

impl Figure {
    /// The head of its row: words and unit.
    pub(crate) fn head(&self) -> String {
        match self.unit.name() {
            Some(unit) => format!("{}, {unit}", self.words),
            None => self.words.clone(),
        }
    }
}

/// A number with its thousands apart and so many decimals.
pub(crate) fn grouped(value: f64, decimals: usize) -> String {
    let text = format!("{:.decimals$}", value.abs());
    let (whole, part) = text.split_at(text.find('.').unwrap_or(text.len()));
    let mut out = String::new();
    if value < 0.0 && text.bytes().any(|byte| (b'1'..=b'9').contains(&byte)) {
        out.push('−');
    }
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out.push_str(part);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_apart() {
        assert_eq!(grouped(999.0, 0), "999");
        assert_eq!(grouped(1_234_567.0, 0), "1,234,567");
        assert_eq!(grouped(-123_456.0, 0), "−123,456");
        assert_eq!(grouped(-0.2, 0), "0");
        assert_eq!(grouped(1_234.567, 2), "1,234.57");
    }

    #[test]
    fn a_unit_decides_the_decimals() {
        assert_eq!(Unit::Count.show(10_000_000.4), "10,000,000");
        assert_eq!(Unit::Number.show(4.724), "4.72");
        assert_eq!(Unit::Seconds.show(1.2345), "1.234");
        assert_eq!(Unit::Bytes.show(1.877), "1.88");
        assert_eq!(Unit::Bytes.show(4_269.4), "4,269");
        assert_eq!(Unit::Mebibytes.show(75.26), "75.3");
        assert_eq!(Unit::Milliseconds.show(12_345.6), "12,346");
    }

    #[test]
    fn small_values_keep_two_digits() {
        assert_eq!(Unit::Number.show(0.0123), "0.012");
        assert_eq!(Unit::Milliseconds.show(0.000_456), "0.00046");
        assert_eq!(Unit::Number.show(0.0), "0");
    }

    #[test]
    fn several_repetitions_show_their_ends() {
        let show = |values: &[f64]| Unit::Number.show_spread(&Spread::of(values).unwrap());
        assert_eq!(show(&[2.0]), "2.00");
        assert_eq!(show(&[3.0, 1.0, 2.0]), "2.00 (1.00–3.00)");
        assert_eq!(show(&[2.001, 2.002, 2.003]), "2.00");
    }

    #[test]
    fn neither_prefers_nothing() {
        assert!(Better::Lower.prefers(1.0, 2.0) && !Better::Lower.prefers(2.0, 2.0));
        assert!(Better::Higher.prefers(2.0, 1.0) && !Better::Higher.prefers(1.0, 2.0));
        assert!(!Better::Neither.prefers(1.0, 2.0) && !Better::Neither.prefers(2.0, 1.0));
    }
}
