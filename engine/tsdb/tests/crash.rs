//! Guards the first promise: whatever happens to the machine, every acknowledged sample is there
//! exactly once, bit for bit, and nothing is there that was never written.
//!
//! Each seed drives a database on a fault-injecting storage through a random history: appends in
//! and out of order, overwrites, flushes, maintenance, clean and unclean reopening, errors of the
//! disk, and crashes at any operation after which unsynced data is lost, torn or reordered.
//! `NUNATAK_CRASH_SEEDS` sets how many seeds run; `NUNATAK_CRASH_FIRST` the first one.
#![expect(clippy::unwrap_used, reason = "a test that can't go on has failed")]

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use nunatak::storage::{Crash, FaultStorage};
use nunatak::{
    Batch, Db, Durability, Labels, ManualClock, Options, SampleBatch, Selector, TimeRange, labels,
};

const SEEDS: u64 = 400;
const START: i64 = 1_700_000_000_000;
const SERIES: u64 = 12;

/// SplitMix64 (Steele et al. 2014).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let x = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        x ^ (x >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    fn one_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    fn value(&mut self) -> f64 {
        match self.below(6) {
            0 => f64::from_bits(0x7ff0_0000_0000_0002),
            1 => f64::from_bits(self.next()),
            2 => -0.0,
            _ => self.below(1000) as f64 / 10.0,
        }
    }
}

/// What may be found at one time of one series: the last acknowledged value, or any that was
/// written after it without an acknowledgement.
#[derive(Debug, Default, Clone)]
struct Slot {
    acknowledged: Option<u64>,
    maybe: Vec<u64>,
}

type Model = BTreeMap<(u64, i64), Slot>;

struct World {
    seed: u64,
    dice: Dice,
    storage: FaultStorage,
    clock: Arc<ManualClock>,
    now: i64,
    durability: Durability,
    /// 0 saves the heads in every round of maintenance.
    replay_target: Duration,
    model: Model,
    /// Newest time that each series may have.
    newest: BTreeMap<u64, i64>,
}

fn series(number: u64) -> Labels {
    let (instance, metric) = (format!("host-{}", number / 3), format!("metric_{}", number % 3));
    labels! { "__name__" => &metric, "instance" => &instance, "job" => "crash" }
}

impl World {
    fn new(seed: u64) -> Self {
        let mut dice = Dice(seed);
        let durability = match dice.below(3) {
            0 => Durability::Os,
            1 => Durability::Interval(Duration::from_secs(1)),
            _ => Durability::Fsync,
        };
        let replay_target = Duration::from_secs(if dice.one_in(3) { 2 } else { 0 });
        Self {
            seed,
            replay_target,
            dice,
            storage: FaultStorage::new(seed),
            clock: Arc::new(ManualClock::new(START)),
            now: START,
            durability,
            model: Model::new(),
            newest: BTreeMap::new(),
        }
    }

    fn options(&self) -> Options {
        Options::new("crash")
            .storage(Arc::new(self.storage.clone()))
            .clock(self.clock.clone())
            .threads(0)
            .shards(2)
            .segment_bytes(64 * 1024)
            .durability(self.durability)
            .replay_target(self.replay_target)
    }

    /// One life of the database: opened, used, and ended in some way.
    fn live(&mut self) {
        if !self.dice.one_in(4) {
            let operation = self.storage.operations() + 1 + self.dice.below(120);
            self.storage.crash_at(operation);
        } else if self.durability == Durability::Fsync {
            // A sync that fails loses what it should have synced: without `Fsync` that may have
            // been acknowledged, as with a power failure.
            let kinds = [ErrorKind::StorageFull, ErrorKind::Other];
            let kind = kinds[self.dice.below(2) as usize];
            let operation = self.storage.operations() + 1 + self.dice.below(60);
            self.storage.fail_at(operation, kind);
        }
        if let Ok(db) = Db::open(self.options()) {
            for _ in 0..self.dice.below(40) {
                if self.storage.is_crashed() {
                    break;
                }
                self.act(&db);
            }
            if self.dice.one_in(2) {
                let _ = db.close();
            }
        }
        // Without a sync the power must not fail: that is what the option says.
        let power = self.durability == Durability::Fsync && self.dice.one_in(2);
        let crash = if power { Crash::PowerLoss } else { Crash::Process };
        self.storage = self.storage.recover(crash, self.dice.next());
    }

    fn act(&mut self, db: &Db) {
        match self.dice.below(12) {
            0 => drop(db.flush()),
            1 => drop(db.maintain(Duration::from_secs(1))),
            2 => self.advance(3 * 3_600_000),
            _ => self.append(db),
        }
    }

    fn advance(&mut self, ms: i64) {
        self.now += ms;
        self.clock.set(self.now);
    }

    fn append(&mut self, db: &Db) {
        self.advance(15_000);
        let mut batch = Batch::new();
        let mut written = Vec::new();
        for number in 0..SERIES {
            if self.dice.one_in(3) {
                continue;
            }
            let handle = batch.series(&series(number)).unwrap();
            for _ in 0..=self.dice.below(3) {
                let (time, value) = (self.time(number), self.dice.value());
                batch.push(handle, time, value);
                written.push(((number, time), value.to_bits()));
            }
        }
        let outcome = db.append(&batch);
        if let Ok(outcome) = &outcome {
            assert_eq!(outcome.refused, [], "seed {}", self.seed);
            assert_eq!(outcome.stored, written.len() as u64, "seed {}", self.seed);
        }
        for (place, bits) in written {
            let slot = self.model.entry(place).or_default();
            match outcome {
                Ok(_) => *slot = Slot { acknowledged: Some(bits), maybe: Vec::new() },
                Err(_) => slot.maybe.push(bits),
            }
        }
    }

    /// Mostly a new time, sometimes a late or a repeated one, within the out-of-order window.
    fn time(&mut self, number: u64) -> i64 {
        let newest = self.newest.entry(number).or_insert(self.now);
        let time = match self.dice.below(5) {
            0 => *newest - self.dice.below(3_000_000) as i64,
            1 => *newest,
            _ => self.now + self.dice.below(10) as i64,
        };
        *newest = (*newest).max(time);
        time
    }

    fn check(&mut self) {
        let seed = self.seed;
        let db = Db::open(self.options()).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        let mut found = read(&db, seed);
        for (place, slot) in &self.model {
            let bits = found.remove(place);
            let allowed = match bits {
                Some(bits) => slot.acknowledged == Some(bits) || slot.maybe.contains(&bits),
                None => slot.acknowledged.is_none(),
            };
            assert!(allowed, "seed {seed}: {place:?} has {bits:x?}, expected {slot:x?}");
        }
        assert!(found.is_empty(), "seed {seed}: never written: {found:x?}");
        let stats = db.stats();
        assert!(stats.quarantined.is_empty(), "seed {seed}: {:?}", stats.quarantined);
        db.close().unwrap();
    }
}

fn read(db: &Db, seed: u64) -> BTreeMap<(u64, i64), u64> {
    let numbers: BTreeMap<Labels, u64> = (0..SERIES).map(|n| (series(n), n)).collect();
    let selection = db.select(&Selector::new(Vec::new(), TimeRange::ALL)).unwrap();
    assert!(selection.warnings.is_empty(), "seed {seed}: {:?}", selection.warnings);
    let mut found = BTreeMap::new();
    let mut batch = SampleBatch::default();
    for mut series in selection.series {
        let number = numbers[&series.labels];
        let mut last = None;
        while series.cursor.next_batch(&mut batch).unwrap() {
            for (&time, value) in batch.times.iter().zip(&batch.values) {
                assert!(last < Some(time), "seed {seed}: {time} after {last:?}");
                last = Some(time);
                found.insert((number, time), value.to_bits());
            }
        }
    }
    found
}

fn number_from(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[test]
fn acknowledged_samples_survive_whatever_happens() {
    let first = number_from("NUNATAK_CRASH_FIRST", 0);
    let mut lives = 0;
    for seed in first..first + number_from("NUNATAK_CRASH_SEEDS", SEEDS) {
        let mut world = World::new(seed);
        for _ in 0..=world.dice.below(5) {
            world.live();
            world.check();
            lives += 1;
        }
    }
    println!("{lives} lives of databases ended and were checked");
    assert!(lives > 0);
}
