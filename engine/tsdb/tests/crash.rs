//! Guards the first promise: whatever happens to the machine, every acknowledged sample is there
//! exactly once, bit for bit, and nothing is there that was never written. What is deleted stays
//! deleted until that is taken back, and what was written later stays.
//!
//! Each seed drives a database on a fault-injecting storage through a random history: see
//! `crash/operation.rs` for what it does, `crash/faults.rs` for what happens to it, and
//! `crash/oracle.rs` for what must then be there.
//! `NUNATAK_CRASH_SEEDS` sets how many seeds run; `NUNATAK_CRASH_FIRST` the first one.
#![expect(clippy::unwrap_used, reason = "a test that can't go on has failed")]

#[path = "crash/append.rs"]
mod append;
#[path = "crash/copies.rs"]
mod copies;
#[path = "crash/damage.rs"]
mod damage;
#[path = "crash/deletes.rs"]
mod deletes;
#[path = "crash/dice.rs"]
mod dice;
#[path = "crash/faults.rs"]
mod faults;
#[path = "crash/imports.rs"]
mod imports;
#[path = "crash/operation.rs"]
mod operation;
#[path = "crash/oracle.rs"]
mod oracle;
#[path = "crash/reading.rs"]
mod reading;
#[path = "crash/regressions.rs"]
mod regressions;
#[path = "crash/run.rs"]
mod run;
#[path = "crash/tiers.rs"]
mod tiers;
#[path = "support/windows.rs"]
mod windows;
#[path = "crash/world.rs"]
mod world;

/// Seeds that run with the tests.
const SEEDS: u64 = 2_000;

#[test]
fn acknowledged_samples_survive_whatever_happens() {
    let first = run::number_from("NUNATAK_CRASH_FIRST", 0);
    let seeds = run::number_from("NUNATAK_CRASH_SEEDS", SEEDS);
    let tally = run::seeds(first..first + seeds, operation::TABLE);
    println!("{seeds} seeds: {tally}");
    assert!(tally.lives > 0);
}

#[test]
fn seeds_that_failed_once_hold() {
    for regression in regressions::ALL {
        let table = &operation::TABLE[..regression.rows];
        run::seeds(regression.seed..regression.seed + 1, table);
    }
}
