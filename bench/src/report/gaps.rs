//! Numbers in JSON, which has no word for NaN: what is not finite is `null` there, and NaN again
//! when it is read.
//!
//! A repetition without a figure keeps its place in this way, so that the repetitions of two
//! targets still pair.

use serde::{Deserializer, Serializer};

fn number(value: Option<f64>) -> f64 {
    value.unwrap_or(f64::NAN)
}

fn gap(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}

/// For a list of numbers.
pub(super) mod numbers {
    use super::{Deserializer, Serializer, gap, number};
    use serde::Deserialize as _;

    pub(in crate::report) fn serialize<S: Serializer>(
        values: &[f64],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(values.iter().map(|value| gap(*value)))
    }

    pub(in crate::report) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<f64>, D::Error> {
        let values = Vec::<Option<f64>>::deserialize(deserializer)?;
        Ok(values.into_iter().map(number).collect())
    }
}

/// For a list of points.
pub(super) mod points {
    use super::{Deserializer, Serializer, gap, number};
    use serde::Deserialize as _;

    pub(in crate::report) fn serialize<S: Serializer>(
        points: &[(f64, f64)],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(points.iter().map(|(x, y)| (gap(*x), gap(*y))))
    }

    pub(in crate::report) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<(f64, f64)>, D::Error> {
        let points = Vec::<(Option<f64>, Option<f64>)>::deserialize(deserializer)?;
        Ok(points.into_iter().map(|(x, y)| (number(x), number(y))).collect())
    }
}

#[cfg(test)]
mod tests {
    use crate::report::model::{Cell, Line};

    #[test]
    fn a_repetition_without_a_figure_keeps_its_place() {
        let cell =
            Cell { target: "a".into(), values: vec![1.5, f64::NAN, f64::INFINITY], mark: None };
        let json = serde_json::to_string(&cell).unwrap();
        assert_eq!(json, r#"{"target":"a","values":[1.5,null,null]}"#);
        let back: Cell = serde_json::from_str(&json).unwrap();
        assert_eq!(back.values[0], 1.5);
        assert!(back.values[1].is_nan() && back.values[2].is_nan());
    }

    #[test]
    fn a_point_may_lack_its_height() {
        let line = Line { target: "a".into(), points: vec![(1.0, f64::NAN), (2.0, 3.0)] };
        let json = serde_json::to_string(&line).unwrap();
        assert_eq!(json, r#"{"target":"a","points":[[1.0,null],[2.0,3.0]]}"#);
        let back: Line = serde_json::from_str(&json).unwrap();
        assert!(back.points[0].1.is_nan());
        assert_eq!(back.points[1], (2.0, 3.0));
    }
}
