//! Durations as Prometheus writes them: `1h30m`.

use super::quote::quote;

/// Unit, nanoseconds.
const UNITS: [(&str, u64); 7] = [
    ("y", 365 * 24 * 3600 * 1_000_000_000),
    ("w", 7 * 24 * 3600 * 1_000_000_000),
    ("d", 24 * 3600 * 1_000_000_000),
    ("h", 3600 * 1_000_000_000),
    ("m", 60 * 1_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
];

/// Reads a duration such as `1h30m` into milliseconds; `0` needs no unit.
///
/// # Errors
/// The text of Prometheus' `model.ParseDuration`: not a duration, an unknown unit, or more than
/// about 292 years.
pub fn parse_duration(text: &str) -> Result<i64, String> {
    match text {
        "0" => return Ok(0),
        "" => return Err("empty duration string".into()),
        _ => {}
    }
    let invalid = || format!("not a valid duration string: {}", quote(text));
    let mut rest = text;
    let mut nanos = 0_u64;
    let mut next_unit = 0;
    while !rest.is_empty() {
        let (digits, after) = split(rest, |c| !c.is_ascii_digit());
        let count: u64 = digits.parse().map_err(|_| invalid())?;
        let (unit, after) = split(after, |c| c.is_ascii_digit());
        if unit.is_empty() {
            return Err(invalid());
        }
        let Some((place, &(_, size))) = UNITS.iter().enumerate().find(|(_, u)| u.0 == unit) else {
            return Err(format!("unknown unit {} in duration {}", quote(unit), quote(text)));
        };
        // Each unit at most once, from the biggest to the smallest.
        if place < next_unit {
            return Err(invalid());
        }
        next_unit = place + 1;
        nanos = count
            .checked_mul(size)
            .and_then(|more| nanos.checked_add(more))
            .filter(|&sum| i64::try_from(sum).is_ok())
            .ok_or("duration out of range")?;
        rest = after;
    }
    Ok((nanos / 1_000_000) as i64)
}

fn split(text: &str, at: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(at).unwrap_or(text.len()))
}

/// Writes milliseconds as a duration. Years and weeks are used only if nothing is left over,
/// because `90d` is easier to read than `12w6d`.
pub(crate) fn format_duration(ms: i64) -> String {
    use std::fmt::Write;
    if ms == 0 {
        return "0s".into();
    }
    let mut out = String::from(if ms < 0 { "-" } else { "" });
    let mut left = ms.unsigned_abs();
    for (unit, nanos) in UNITS {
        let size = nanos / 1_000_000;
        let count = left / size;
        if count == 0 || (matches!(unit, "y" | "w") && !left.is_multiple_of(size)) {
            continue;
        }
        // Writing into a String can't fail.
        let _ = write!(out, "{count}{unit}");
        left -= count * size;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_durations() {
        let all = ["0", "0s", "1y2w3d4h5m6s7ms", "90m", "15250w"];
        let values: Vec<i64> = all.iter().map(|text| parse_duration(text).unwrap()).collect();
        assert_eq!(values, [0, 0, 33_019_506_007, 5_400_000, 9_223_200_000_000]);
    }

    #[test]
    fn refuses_durations() {
        let error = |text| parse_duration(text).unwrap_err();
        assert_eq!(error(""), "empty duration string");
        assert_eq!(error("1"), "not a valid duration string: \"1\"");
        assert_eq!(error("1m1h"), "not a valid duration string: \"1m1h\"");
        assert_eq!(error("1s1s"), "not a valid duration string: \"1s1s\"");
        assert_eq!(error("1x"), "unknown unit \"x\" in duration \"1x\"");
        assert_eq!(error("300y"), "duration out of range");
        assert_eq!(error("292y100w"), "duration out of range");
        assert_eq!(error("99999999999999999999s"), {
            "not a valid duration string: \"99999999999999999999s\""
        });
    }

    #[test]
    fn writes_durations() {
        let all = [0, 1, -90_000, 5_400_000, 604_800_000, 31_536_000_000, 7_776_000_000];
        let texts: Vec<String> = all.map(format_duration).into();
        assert_eq!(texts, ["0s", "1ms", "-1m30s", "1h30m", "1w", "1y", "90d"]);
    }
}
