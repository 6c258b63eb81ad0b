//! A head to pages.

use std::ops::Range;

use crate::bytes::{put_bytes, put_signed, put_varint};
use crate::head::series::stored::Base;
use crate::head::{Epoch, Head};
use crate::log::Position;

/// The numbers of the label pairs that are in a file already: a pair's text is written once.
///
/// No series may be removed meanwhile: a pair's id could become that of another one.
#[derive(Debug, Default)]
pub(crate) struct PairNumbers {
    /// By pair id: its number plus one, 0 if it has none yet.
    numbers: Vec<u32>,
    count: u32,
    new_pairs: Vec<u8>,
    new_count: u64,
    series: Vec<u8>,
}

impl PairNumbers {
    fn number(&mut self, head: &Head, pair: u32) -> u32 {
        if self.numbers.len() <= pair as usize {
            self.numbers.resize(pair as usize + 1, 0);
        }
        let slot = &mut self.numbers[pair as usize];
        if *slot == 0 {
            let (name, value) = head.index.pair(pair).unwrap_or_default();
            put_bytes(&mut self.new_pairs, name.as_bytes());
            put_bytes(&mut self.new_pairs, value.as_bytes());
            self.new_count += 1;
            self.count += 1;
            *slot = self.count;
        }
        *slot - 1
    }
}

impl Head {
    /// Writes the series in `slots` as a page; `position` is that of the last frame that was
    /// applied. Returns how many there are.
    pub(crate) fn encode_series(
        &self,
        slots: Range<u32>,
        position: Position,
        pairs: &mut PairNumbers,
        out: &mut Vec<u8>,
    ) -> u64 {
        let base = Base { time: self.newest.unwrap_or_default(), epoch: self.epochs.now };
        let mut count = 0;
        let mut body = std::mem::take(&mut pairs.series);
        body.clear();
        pairs.new_count = 0;
        pairs.new_pairs.clear();
        for slot in slots {
            let Some(series) = self.slots.get(slot) else { continue };
            let labels = self.index.pair_ids(slot);
            put_varint(&mut body, series.reference);
            put_varint(&mut body, labels.len() as u64);
            for &pair in labels {
                put_varint(&mut body, pairs.number(self, pair).into());
            }
            series.samples.encode(base, &mut body);
            count += 1;
        }
        put_varint(out, position.0);
        put_signed(out, base.time);
        put_varint(out, base.epoch.into());
        put_varint(out, pairs.new_count);
        out.extend_from_slice(&pairs.new_pairs);
        put_varint(out, count);
        out.extend_from_slice(&body);
        pairs.series = body;
        count
    }

    /// Writes all else that a head has as the last page; `series` were written before. `deletes`
    /// are the log positions of deletes, each with the last epoch of which it hides something.
    pub(crate) fn encode_end(
        &self,
        position: Position,
        series: u64,
        deletes: &[(Position, Epoch)],
        out: &mut Vec<u8>,
    ) {
        for number in [position.0, self.changed.0, series, self.next_reference] {
            put_varint(out, number);
        }
        for epoch in [self.epochs.now, self.epochs.cut, self.epochs.deleted] {
            put_varint(out, epoch.into());
        }
        put_varint(out, u64::from(self.newest.is_some()));
        put_signed(out, self.newest.unwrap_or_default());
        put_varint(out, self.aliases.len() as u64);
        for (&alias, &slot) in &self.aliases {
            put_varint(out, alias);
            put_varint(out, self.slots.get(slot).map_or(0, |series| series.reference));
        }
        self.windows.encode(out);
        self.marks.encode(out);
        put_varint(out, deletes.len() as u64);
        for &(position, epoch) in deletes {
            put_varint(out, position.0);
            put_varint(out, epoch.into());
        }
    }
}
