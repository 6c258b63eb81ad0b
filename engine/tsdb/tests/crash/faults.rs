//! What happens to a database in one life, and how it ends.

use std::io::ErrorKind;

use nunatak::storage::{Crash, FaultStorage};

use crate::dice::Dice;

/// The plan for one life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plan {
    /// Nothing fails.
    Calm,
    /// Everything stops in the middle of one change of the disk.
    Crash,
    /// Some changes of the disk fail, with a full disk or another error.
    Failures,
    /// Some reads fail.
    ReadFailures,
}

impl Plan {
    pub(crate) fn draw(dice: &mut Dice) -> Self {
        match dice.below(8) {
            0 => Self::Calm,
            1..=2 => Self::Failures,
            3 => Self::ReadFailures,
            _ => Self::Crash,
        }
    }

    /// Arranges it on the storage of the life that begins.
    pub(crate) fn arrange(self, storage: &FaultStorage, dice: &mut Dice) {
        let soon = |within, dice: &mut Dice| storage.operations() + 1 + dice.below(within);
        match self {
            Self::Calm => {}
            Self::Crash => storage.crash_at(soon(120, dice)),
            Self::ReadFailures => {
                for _ in 0..3 {
                    let read = storage.reads() + 1 + dice.below(200);
                    storage.fail_read_at(read, ErrorKind::Other);
                }
            }
            Self::Failures => {
                storage.fail_at(soon(60, dice), ErrorKind::StorageFull);
                storage.fail_at(soon(120, dice), ErrorKind::Other);
            }
        }
    }
}

/// How the life ends.
pub(crate) fn ending(dice: &mut Dice) -> Crash {
    if dice.one_in(2) { Crash::PowerLoss } else { Crash::Process }
}
