//! Seeds that failed once. Each says what it found; a test of its own, beside the code that was
//! mended, says the same without chance.

/// A seed with the rows of the table of operations that it was drawn from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Regression {
    pub(crate) seed: u64,
    pub(crate) rows: usize,
}

/// All of them.
pub(crate) const ALL: &[Regression] = &[
    // Samples of a series that was evicted and came back were orphans after a replay (found by
    // the same seed of an earlier generator).
    Regression { seed: 28, rows: 8 },
    // A block that could not be read at one start hid samples at the next: positions that it
    // covers were given again.
    Regression { seed: 8600, rows: 8 },
    // Frames that the log had let go of defined series that had left the heads: a replay reported
    // their samples as lacking a definition,
    Regression { seed: 8523, rows: 8 },
    // and samples that came after it were lost, when a power loss brought saved heads back that a
    // flush had removed.
    Regression { seed: 100_898, rows: 8 },
    // A segment whose header had never been synced was taken for proof of a gap at the start
    // after the next.
    Regression { seed: 101_964, rows: 8 },
    // A block that could not be read at one start came back under one that was cut from a log
    // that had lost its end.
    Regression { seed: 102_234, rows: 8 },
    // A block was renamed, the process killed before its folder was synced, and the log let go
    // at a later start; then a power loss took the rename back.
    Regression { seed: 104_830, rows: 8 },
    // Positions that were passed over were reported as missing, because the first segment behind
    // them was begun and got no frame.
    Regression { seed: 3216, rows: 11 },
    // A block that could not be opened after its rename was in no list, so the deletes that hid
    // its samples were forgotten: the next start took it in.
    Regression { seed: 3655, rows: 11 },
    // A saved head was cut as of the end of the log where a newer block was lacking.
    Regression { seed: 6969, rows: 11 },
    // All saved heads of a tenant were damaged: what the log had let go of for them was lacking, and
    // no answer warned.
    Regression { seed: 106_957, rows: 8 },
    // What was replayed from before a loss of the log's end was cut as of after it, above a block
    // that was lacking and had newer values from that end.
    Regression { seed: 21_679, rows: 11 },
    Regression { seed: 24_345, rows: 11 },
    // A look at a block that failed in passing kept an import's block out of the list, and the
    // import was acknowledged.
    Regression { seed: 1410, rows: 13 },
    // A spill file without its beginning stayed in the folder, and a snapshot listed it.
    Regression { seed: 3086, rows: 13 },
    // The same older value again, with other blocks, and out of a saved head whose removal a flush
    // had not synced.
    Regression { seed: 103_748, rows: 8 },
    Regression { seed: 103_803, rows: 8 },
    // The record forgot a sample of an import that had failed when a delete hid it.
    Regression { seed: 5389, rows: 13 },
    // A spill file of a head that could not be saved stayed, and a snapshot listed it.
    Regression { seed: 10_062, rows: 13 },
    // Series that had left a head were merged into an older block and lifted it above what the log
    // had of other series from between the two.
    Regression { seed: 36_251, rows: 13 },
    Regression { seed: 39_236, rows: 13 },
    // The record did not know that a sample whose request had failed may be the newest of its series,
    // so that older ones are refused.
    Regression { seed: 42_033, rows: 13 },
    // What was written after one delete and hidden by another, which was taken back, had been merged
    // into a block that ranked below the first.
    Regression { seed: 110_216, rows: 14 },
    // A window was merged with a newer one while the head had more of it; the merged block could not
    // be read at one start, after the log had lost its end, and came back above what was cut then.
    Regression { seed: 214_009, rows: 14 },
    // After a failed sync series left the head for a block that held what the log had not: it was
    // there after one start, and gone after the next.
    Regression { seed: 218_571, rows: 14 },
    // A start warned of a sample whose definition a power loss had taken before it was synced.
    Regression { seed: 229_702, rows: 14 },
    // A block that could not be read at one start kept a wide one out of merges, and two others were
    // merged that overlap it, one of them from below it.
    Regression { seed: 419_707, rows: 14 },
    // A saved head that a flush had given up but not removed came back, and the next checkpoint
    // claimed frames that the one before had let go of.
    Regression { seed: 701_663, rows: 14 },
];
