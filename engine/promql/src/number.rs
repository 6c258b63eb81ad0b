//! Numbers as Go prints them: what clients of Prometheus compare byte for byte.

/// The number as Prometheus' HTTP API writes it inside its JSON strings: shortest digits that read
/// back as the same value, an exponent below 1e-6 and from 1e21, `+Inf`, `-Inf`, `NaN`.
///
/// ```
/// use nunatak_promql::format_float;
/// assert_eq!(format_float(0.1), "0.1");
/// assert_eq!(format_float(1e21), "1e+21");
/// assert_eq!(format_float(f64::INFINITY), "+Inf");
/// ```
#[must_use]
pub fn format_float(value: f64) -> String {
    let magnitude = value.abs();
    if magnitude != 0.0 && !(1e-6..1e21).contains(&magnitude) && value.is_finite() {
        return format_exponent(value);
    }
    format_plain(value)
}

/// Go's `strconv.FormatFloat(v, 'f', -1, 64)`.
pub(crate) fn format_plain(value: f64) -> String {
    if value.is_nan() {
        "NaN".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 { "+Inf".to_owned() } else { "-Inf".to_owned() }
    } else {
        format!("{value}")
    }
}

/// Go's `%g` and `%v`: an exponent below -4 or of 6 and more is written as such.
pub(crate) fn format_general(value: f64) -> String {
    if !value.is_finite() || value == 0.0 {
        return format_plain(value);
    }
    let exponent = decimal_exponent(value);
    if (-4..6).contains(&exponent) { format_plain(value) } else { format_exponent(value) }
}

/// The number as a label value of OpenMetrics: integers carry `.0`.
pub(crate) fn format_open_metrics(value: f64) -> String {
    let text = format_general(value);
    if value.is_finite() && !text.contains(['e', '.']) { format!("{text}.0") } else { text }
}

/// Go's `'e'` format: at least two digits of exponent, always with a sign.
fn format_exponent(value: f64) -> String {
    let text = format!("{value:e}");
    let Some((digits, exponent)) = text.split_once('e') else { return text };
    let (sign, exponent) = match exponent.strip_prefix('-') {
        Some(rest) => ('-', rest),
        None => ('+', exponent),
    };
    format!("{digits}e{sign}{exponent:0>2}")
}

fn decimal_exponent(value: f64) -> i32 {
    let text = format!("{value:e}");
    text.split_once('e').and_then(|(_, exponent)| exponent.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_json_numbers_like_go() {
        let cases = [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (0.000_001, "0.000001"),
            (0.000_000_9, "9e-07"),
            (1e20, "100000000000000000000"),
            (1.5e21, "1.5e+21"),
            (f64::MAX, "1.7976931348623157e+308"),
            (f64::MIN_POSITIVE, "2.2250738585072014e-308"),
            (5e-324, "5e-324"),
            (f64::NEG_INFINITY, "-Inf"),
            (f64::NAN, "NaN"),
            (0.1 + 0.2, "0.30000000000000004"),
        ];
        for (value, text) in cases {
            assert_eq!(format_float(value), text);
        }
    }

    #[test]
    fn prints_general_numbers_like_go() {
        let cases = [(0.0001, "0.0001"), (0.00001, "1e-05"), (123_456.0, "123456"), (1e6, "1e+06")];
        for (value, text) in cases {
            assert_eq!(format_general(value), text);
        }
        assert_eq!(format_open_metrics(1.0), "1.0");
        assert_eq!(format_open_metrics(0.5), "0.5");
    }
}
