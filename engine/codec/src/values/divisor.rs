//! The common divisor of integers, and exact division by it without a division for each integer.

/// A divisor d = 2^`shift` · odd. A multiple of it is divided by shifting and multiplying with the
/// odd part's inverse modulo 2^64 (Granlund and Montgomery, "Division by Invariant Integers using
/// Multiplication", 1994); any other number gives a quotient above the largest one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Divisor {
    value: u64,
    shift: u32,
    inverse: u64,
}

impl Divisor {
    /// The greatest common divisor; 1 if all are 0.
    pub(super) fn common(numbers: impl Iterator<Item = u64>) -> Self {
        let mut common = Self::new(0);
        for number in numbers {
            if !common.divides(number) {
                common = Self::new(gcd(number, common.value));
            }
            if common.value == 1 {
                break;
            }
        }
        if common.value == 0 { Self::new(1) } else { common }
    }

    /// 0 divides nothing but 0.
    fn new(divisor: u64) -> Self {
        let shift = divisor.trailing_zeros() & 63;
        let odd = divisor >> shift;
        // Right to 3 bits, and each step doubles that.
        let step =
            |inverse: u64| inverse.wrapping_mul(2u64.wrapping_sub(odd.wrapping_mul(inverse)));
        Self { value: divisor, shift, inverse: step(step(step(step(step(odd))))) }
    }

    /// The divisor.
    pub(super) fn get(self) -> u64 {
        self.value
    }

    fn divides(self, number: u64) -> bool {
        let quotient = (number >> self.shift).wrapping_mul(self.inverse);
        quotient.checked_mul(self.value) == Some(number)
    }

    /// The quotient of a multiple of the divisor.
    pub(super) fn divide(self, multiple: i64) -> i64 {
        ((multiple >> self.shift) as u64).wrapping_mul(self.inverse) as i64
    }
}

fn gcd(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn multiples_are_divided_and_others_found(
            divisor in prop_oneof![1u64..100, (0u32..50).prop_map(|e| 1 << e), 1u64..1 << 50],
            quotient in -(1i64 << 13)..1 << 13,
            other in any::<u64>(),
        ) {
            let by = Divisor::new(divisor);
            prop_assert_eq!(by.divide(quotient * divisor as i64), quotient);
            prop_assert!(by.divides(quotient.unsigned_abs() * divisor));
            prop_assert_eq!(by.divides(other), other % divisor == 0);
        }
    }

    #[test]
    fn the_common_divisor_is_the_greatest() {
        let common = |numbers: &[u64]| Divisor::common(numbers.iter().copied()).get();
        assert_eq!([common(&[]), common(&[0, 0]), common(&[0, 12, 18, 0, 30])], [1, 1, 6]);
        assert_eq!(
            [common(&[4096, 12_288]), common(&[7, 5]), common(&[1 << 52])],
            [4096, 1, 1 << 52]
        );
    }
}
