//! Parts of dates in UTC, of seconds since the epoch.

/// The second with which Go's calendar begins, in the year −292277022400.
const FIRST_SECOND: i128 = -9_223_372_028_741_760_000;

/// Days since the epoch and seconds of the day. Go truncates the fraction toward zero; what does
/// not fit an i64 becomes its smallest value there, as on x86-64, and is so early that Go's
/// calendar takes it for the end of time.
fn split(seconds: f64) -> (i64, i64) {
    let fits = seconds >= i64::MIN as f64 && seconds < i64::MAX as f64;
    let mut seconds = i128::from(if fits { seconds as i64 } else { i64::MIN });
    if seconds < FIRST_SECOND {
        seconds += 1 << 64;
    }
    (seconds.div_euclid(86_400) as i64, seconds.rem_euclid(86_400) as i64)
}

/// Year, month and day of a day since the epoch (the algorithm of Howard Hinnant's
/// `civil_from_days`: years begin in March, eras have 400 years).
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn month_length(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if is_leap(year) => 29,
        2 => 28,
        _ => 31,
    }
}

pub(crate) fn minute(seconds: f64) -> f64 {
    (split(seconds).1 / 60 % 60) as f64
}

pub(crate) fn hour(seconds: f64) -> f64 {
    (split(seconds).1 / 3600) as f64
}

/// Sunday is 0.
pub(crate) fn day_of_week(seconds: f64) -> f64 {
    (split(seconds).0 + 4).rem_euclid(7) as f64
}

pub(crate) fn day_of_month(seconds: f64) -> f64 {
    civil(split(seconds).0).2 as f64
}

pub(crate) fn day_of_year(seconds: f64) -> f64 {
    let (year, month, day) = civil(split(seconds).0);
    ((1..month).map(|month| month_length(year, month)).sum::<i64>() + day) as f64
}

pub(crate) fn days_in_month(seconds: f64) -> f64 {
    let (year, month, _) = civil(split(seconds).0);
    month_length(year, month) as f64
}

pub(crate) fn month(seconds: f64) -> f64 {
    civil(split(seconds).0).1 as f64
}

pub(crate) fn year(seconds: f64) -> f64 {
    civil(split(seconds).0).0 as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_known_ones() {
        // 2024-02-29 23:59:58 UTC, a Thursday.
        let t = 1_709_251_198.0;
        let parts = [year(t), month(t), day_of_month(t), day_of_week(t), day_of_year(t)];
        assert_eq!(parts, [2024.0, 2.0, 29.0, 4.0, 60.0]);
        assert_eq!([hour(t), minute(t), days_in_month(t)], [23.0, 59.0, 29.0]);
    }

    #[test]
    fn dates_before_the_epoch_count_backwards() {
        let parts = [year(-1.0), month(-1.0), day_of_month(-1.0), hour(-1.0), minute(-1.0)];
        assert_eq!(parts, [1969.0, 12.0, 31.0, 23.0, 59.0]);
    }

    #[test]
    fn what_is_no_date_is_the_end_of_time() {
        for t in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e300] {
            let parts = [year(t), month(t), day_of_month(t), day_of_week(t), hour(t), minute(t)];
            assert_eq!(parts, [292_277_026_596.0, 12.0, 4.0, 0.0, 15.0, 30.0]);
        }
    }
}
