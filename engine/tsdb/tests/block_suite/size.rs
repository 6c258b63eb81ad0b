//! How many bytes a sample costs: a bound that a change of the format must not break unseen.

use std::sync::Arc;

use nunatak::TimeRange;
use nunatak::block::{BlockSpec, BlockWriter};
use nunatak::storage::{MemoryStorage, Storage};

use crate::support::{PARENT, metric, spec};

const SERIES: u64 = 1000;
const SAMPLES: u64 = 480;

/// A number that looks random and is the same in each run (SplitMix64).
fn noise(x: u64) -> u64 {
    let mut z = x.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(0x1234_5678);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z ^ (z >> 27)
}

/// Half constants, a quarter counters, a quarter gauges with two decimals; ten scrape targets.
fn value(series: u64, i: u64, counter: &mut u64) -> f64 {
    match series % 4 {
        0 | 1 => (series % 7) as f64,
        2 => {
            *counter += noise(series << 20 | i) % 40;
            *counter as f64
        }
        _ => (5000 + noise(series << 20 | i) % 300) as f64 / 100.0,
    }
}

#[test]
fn a_fleet_costs_what_it_should() {
    for zstd in [false, true] {
        let storage: Arc<dyn Storage> = Arc::new(MemoryStorage::new());
        let range = TimeRange::new(0, 7_199_999);
        let spec = BlockSpec { zstd, range, ..spec(1, 1) };
        let mut writer = BlockWriter::new(Arc::clone(&storage), PARENT, spec).unwrap();
        for series in 0..SERIES {
            let target = series % 10;
            let labels = metric(&format!("metric_{:03}", series / 10), &format!("host-{target}"));
            let times: Vec<i64> =
                (0..SAMPLES).map(|i| (i * 15_000 + target * 1000 + noise(i) % 3) as i64).collect();
            let mut counter = 1_000_000;
            let values: Vec<f64> = (0..SAMPLES).map(|i| value(series, i, &mut counter)).collect();
            writer.add_series(&labels, &times, &values).unwrap();
        }
        let (block, bytes) = writer.finish_with_bytes().unwrap().unwrap();
        let data = bytes.values + bytes.times + bytes.directory + bytes.rest;
        let index = block.meta().bytes - data;
        let per = |bytes: u64| bytes as f64 / (SERIES * SAMPLES) as f64;
        println!(
            "zstd {zstd}: values {:.4}, times {:.4}, directory {:.4}, rest {:.4}, index {:.4}, \
             all {:.4} bytes per sample",
            per(bytes.values),
            per(bytes.times),
            per(bytes.directory),
            per(bytes.rest),
            per(index),
            per(block.meta().bytes),
        );
        assert!(per(bytes.times) < 0.02 && per(bytes.directory) < 0.012);
        assert!(per(bytes.rest) < 0.001 && per(block.meta().bytes) < 0.8);
    }
}
