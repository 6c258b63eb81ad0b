//! Made samples: pure kinds of series, to see what each costs.

use super::Synthetic;
use super::data::{Column, DataSet};
use crate::workload::Random;

const SERIES: u64 = 200;
const SAMPLES: usize = 4_800;

/// The samples of a kind: 200 series of 4,800 samples, 15 s apart.
pub(super) fn data(kind: Synthetic) -> DataSet {
    let columns = (0..SERIES).map(|series| {
        let mut random = Random::new(1, series);
        Column { times: times(kind, &mut random), values: values(kind, &mut random) }
    });
    DataSet { columns: columns.collect() }
}

fn times(kind: Synthetic, random: &mut Random) -> Vec<i64> {
    let jitter = if kind == Synthetic::Jitter { 100 } else { 1 };
    let times =
        (0..SAMPLES as i64).map(|i| 1_700_000_000_000 + i * 15_000 + random.below(jitter) as i64);
    times.collect()
}

fn values(kind: Synthetic, random: &mut Random) -> Vec<f64> {
    let mut level = random.below(1_000_000) as f64;
    let values = (0..SAMPLES).map(|_| match kind {
        Synthetic::Counter => {
            level += random.below(1_000) as f64;
            level
        }
        Synthetic::Gauge | Synthetic::Jitter => random.below(10_000) as f64 / 100.0,
        Synthetic::Walk => {
            level += random.between(-1.0, 1.0);
            level
        }
        Synthetic::Constant => level,
    });
    values.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_what_it_says() {
        let first = |kind| data(kind).columns.swap_remove(0);
        let steps = |times: &[i64]| times.windows(2).map(|t| t[1] - t[0]).collect::<Vec<_>>();
        let counter = first(Synthetic::Counter);
        assert!(counter.values.is_sorted() && counter.values.iter().all(|v| v.fract() == 0.0));
        assert!(steps(&counter.times).iter().all(|step| *step == 15_000));
        let jitter = first(Synthetic::Jitter);
        assert!(steps(&jitter.times).iter().any(|step| *step != 15_000));
        assert!(jitter.times.is_sorted());
        assert!(first(Synthetic::Walk).values.iter().any(|v| v.fract() != 0.0));
        let constant = first(Synthetic::Constant).values;
        assert!(constant.iter().all(|v| *v == constant[0]));
    }
}
