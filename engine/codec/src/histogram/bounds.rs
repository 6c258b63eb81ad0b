//! Upper bounds of buckets.

/// The upper bound of an exponential bucket: 2^(index / 2^schema).
///
/// The largest finite number lies between two bounds; the bucket that holds it ends there, so that
/// infinity has the next bucket for itself.
pub(super) fn exponential(index: i32, schema: i32) -> f64 {
    let index = i64::from(index);
    let (whole, part) = match u32::try_from(schema) {
        Ok(schema) => {
            let steps = 1_i64 << schema.min(30);
            (index.div_euclid(steps), index.rem_euclid(steps) as f64 / steps as f64)
        }
        Err(_) => (index << schema.unsigned_abs().min(30), 0.0),
    };
    if whole == 1024 && part == 0.0 {
        return f64::MAX;
    }
    part.exp2() * (whole as f64).exp2()
}

/// The upper bound of a custom bucket.
pub(super) fn custom(index: i32, bounds: &[f64]) -> f64 {
    match usize::try_from(index) {
        Ok(index) => bounds.get(index).copied().unwrap_or(f64::INFINITY),
        Err(_) => f64::NEG_INFINITY,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_of_two_are_exact() {
        for index in [-1022, -1, 0, 1, 7, 1023] {
            assert_eq!(exponential(index, 0), f64::from(index).exp2());
            assert_eq!(exponential(index << 3, 3), f64::from(index).exp2());
        }
        assert_eq!(exponential(3, -2), 4096.0);
        assert!((exponential(1, 1) - 2_f64.sqrt()).abs() < 1e-15);
        assert!((exponential(-1, 8) - (-1.0 / 256.0_f64).exp2()).abs() < 1e-15);
    }

    #[test]
    fn the_last_bucket_ends_at_the_largest_number() {
        assert_eq!(exponential(1024, 0), f64::MAX);
        assert_eq!(exponential(1025, 0), f64::INFINITY);
        assert_eq!(exponential(64, -4), f64::MAX);
        assert_eq!(exponential(i32::MAX, -4), f64::INFINITY);
        assert_eq!(exponential(i32::MIN, 0), 0.0);
    }

    #[test]
    fn custom_bounds_are_closed_by_infinity() {
        assert_eq!(
            [-1, 0, 1, 9].map(|i| custom(i, &[5.0])),
            [f64::NEG_INFINITY, 5.0, f64::INFINITY, f64::INFINITY]
        );
    }
}
