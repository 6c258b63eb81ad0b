//! What a history does: one arm for each operation, one row for how often.
//!
//! A new operation is a variant, an arm in [`Operation::run`] that calls a function in a file of
//! its own, and a row at the END of [`TABLE`]: the rows before are what the seeds in
//! `regressions.rs` were drawn from.

use std::time::Duration;

use nunatak::Db;

use crate::append;
use crate::copies;
use crate::deletes;
use crate::dice::Dice;
use crate::imports;
use crate::reading;
use crate::tiers;
use crate::world::World;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

/// One step of a history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    /// Samples of several series of one tenant, in and out of order, some repeated.
    Append,
    /// Samples that must be refused, among some that must not.
    AppendRefused,
    /// A sample of any age of one series.
    Backfill,
    /// Heads into blocks, compaction, trimming of the log.
    Flush,
    /// A round of background work.
    Maintain,
    /// Everything is read and held against the record.
    Read,
    /// Hours pass, so that windows are over.
    Wait,
    /// The clock jumps, ahead by days or back.
    Jump,
    /// Some series of a tenant are hidden, over all or some of their time.
    Delete,
    /// A delete is taken back.
    Undelete,
    /// The bytes of all deletes are given back.
    CleanDeletes,
    /// A snapshot is made, and a copy of it read.
    Snapshot,
    /// Samples of any age are imported in bulk.
    Import,
    /// Windows are read, from tiers where there are some, and held against the samples.
    Windows,
}

/// How often each operation comes, relative to the others. Rows are only added, at the end.
pub(crate) const TABLE: &[(u64, Operation)] = &[
    (24, Operation::Append),
    (3, Operation::Flush),
    (3, Operation::Maintain),
    (3, Operation::Wait),
    (1, Operation::Jump),
    (2, Operation::Backfill),
    (1, Operation::AppendRefused),
    (1, Operation::Read),
    (3, Operation::Delete),
    (2, Operation::Undelete),
    (1, Operation::CleanDeletes),
    (1, Operation::Snapshot),
    (1, Operation::Import),
    (2, Operation::Windows),
];

impl Operation {
    /// Draws one of the rows.
    pub(crate) fn draw(table: &[(u64, Self)], dice: &mut Dice) -> Self {
        let all: u64 = table.iter().map(|(weight, _)| weight).sum();
        let mut rest = dice.below(all);
        for &(weight, operation) in table {
            if rest < weight {
                return operation;
            }
            rest -= weight;
        }
        unreachable!("the weights add up")
    }

    /// Does it, and tells the oracle what was acknowledged.
    pub(crate) fn run(self, world: &mut World, db: &Db, dice: &mut Dice) {
        match self {
            Self::Append => append::several(world, db, dice),
            Self::AppendRefused => append::refused(world, db, dice),
            Self::Backfill => append::backfill(world, db, dice),
            Self::Flush => flush(world, db),
            Self::Maintain => drop(db.maintain(Duration::from_secs(1))),
            Self::Read => reading::while_open(world, db),
            Self::Wait => world.advance(3 * HOUR),
            Self::Jump => jump(world, dice),
            Self::Delete => deletes::delete(world, db, dice),
            Self::Undelete => deletes::undelete(world, db, dice),
            Self::CleanDeletes => drop(db.clean_deletes()),
            Self::Snapshot => copies::snapshot(world, db, dice),
            Self::Import => imports::import(world, db, dice),
            Self::Windows => tiers::while_open(world, db),
        }
    }
}

fn flush(world: &mut World, db: &Db) {
    if db.flush().is_ok() {
        world.oracle.synced();
    }
}

/// Back by up to two hours, or ahead by up to four days.
fn jump(world: &mut World, dice: &mut Dice) {
    let back = -(dice.below(2 * HOUR as u64) as i64);
    let ahead = dice.below(96 * HOUR as u64) as i64;
    world.advance(if dice.one_in(2) { back } else { ahead });
}
