//! Columns of every shape, for the property tests.
use proptest::prelude::*;

/// Values of one of the shapes that the encoder tells apart.
pub(crate) fn values(max: usize) -> BoxedStrategy<Vec<f64>> {
    let bits = prop::collection::vec(any::<u64>().prop_map(f64::from_bits), 1..max);
    let special = prop::sample::select(vec![
        0.0,
        -0.0,
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::MIN_POSITIVE,
        f64::MAX,
        f64::from_bits(0x7ff0_0000_0000_0002),
        1.0,
    ]);
    let specials = prop::collection::vec(special.clone(), 1..max);
    let decimals =
        (0i32..18, 1i64..1000, -(1i64 << 52)..1 << 52).prop_flat_map(move |(e, g, base)| {
            prop::collection::vec(-2000i64..2000, 1..max).prop_map(move |ks| {
                ks.iter().map(|k| base.wrapping_add(k * g) as f64 / 10f64.powi(e)).collect()
            })
        });
    let counter = (0i32..4, prop::collection::vec(0u32..5000, 1..max)).prop_map(|(e, steps)| {
        let sum = steps.iter().scan(0i64, |sum, &step| {
            *sum += i64::from(step);
            Some(*sum as f64 / 10f64.powi(e))
        });
        sum.collect()
    });
    let accumulated = prop::collection::vec(0.0..1.0f64, 1..max).prop_map(|steps| {
        let sum = steps.iter().scan(0.0, |sum, step| {
            *sum += (step * 1e9).round() / 1e9;
            Some(*sum)
        });
        sum.collect()
    });
    let base = prop_oneof![bits, specials, decimals, counter, accumulated].boxed();
    let rare =
        (base.clone(), prop::collection::vec(1usize..40, 1..max)).prop_map(move |(vs, ls)| {
            let runs = vs.iter().zip(ls).flat_map(|(&v, len)| std::iter::repeat_n(v, len));
            runs.take(max).collect::<Vec<f64>>()
        });
    let spoilt =
        (base.clone(), special, any::<prop::sample::Index>()).prop_map(|(mut vs, s, at)| {
            let at = at.index(vs.len());
            vs[at] = s;
            vs
        });
    prop_oneof![base, rare, spoilt].boxed()
}

/// Strictly ascending times: regular, jittered, with gaps, extreme.
pub(crate) fn times(max: usize) -> BoxedStrategy<Vec<i64>> {
    let any_times =
        prop::collection::btree_set(any::<i64>(), 1..max).prop_map(|set| set.into_iter().collect());
    let regular = (any::<i64>(), 1u64..100_000, 1..max).prop_map(|(first, step, n)| {
        (0..n as u64).map_while(|i| first.checked_add_unsigned(step * i)).collect::<Vec<i64>>()
    });
    let jittered = (0i64..1 << 45, prop::collection::vec((1000i64..1100, 0u8..50), 1..max))
        .prop_map(|(first, steps)| {
            let times = steps.iter().scan(first, |time, &(step, odd)| {
                *time += if odd == 0 { step * 7919 } else { step / 50 * 50 };
                Some(*time)
            });
            times.collect()
        });
    let grid =
        (0i64..1 << 45, prop::collection::vec(-3i64..4, 1..max)).prop_map(|(first, jitter)| {
            jitter.iter().zip(0..).map(|(jitter, i)| first + i * 15_000 + jitter).collect()
        });
    let mut edges = vec![i64::MIN, i64::MIN + 1, -1, 0, 1, i64::MAX - 1, i64::MAX];
    edges.extend((8..63).flat_map(|shift| [(1i64 << shift) - 1, 1 << shift, (1 << shift) + 1]));
    edges.sort_unstable();
    edges.dedup();
    let extreme = prop::sample::subsequence(edges.clone(), 1..edges.len());
    prop_oneof![any_times, regular, jittered, grid, extreme].boxed()
}

/// A way to spoil bytes: cut them off, or change some.
#[derive(Debug, Clone)]
pub(crate) struct Damage {
    cut: Option<prop::sample::Index>,
    changes: Vec<(prop::sample::Index, u8)>,
}

/// Cuts and changes.
pub(crate) fn damage() -> impl Strategy<Value = Damage> {
    let changes = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8);
    (prop::option::of(any::<prop::sample::Index>()), changes)
        .prop_map(|(cut, changes)| Damage { cut, changes })
}

impl Damage {
    /// Spoils `bytes`, changes mostly near their start, where the headers are.
    pub(crate) fn apply(&self, bytes: &mut Vec<u8>) {
        for (i, (at, byte)) in self.changes.iter().enumerate() {
            let len = if i % 2 == 0 { bytes.len().min(24) } else { bytes.len() };
            bytes[at.index(len)] = *byte;
        }
        if let Some(cut) = self.cut {
            bytes.truncate(cut.index(bytes.len()));
        }
    }
}

/// The bit patterns of values, which unlike the values can be compared.
pub(crate) fn bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|value| value.to_bits()).collect()
}
