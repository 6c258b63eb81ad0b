//! Room for decoded numbers that is not initialised yet. Filling it with zeros first would take a
//! good part of the time that decoding takes.
#![expect(unsafe_code, reason = "safe code can't write a column without initialising it before")]

use std::mem::MaybeUninit;

use crate::{CHUNK_SAMPLES, MAX_SAMPLES};

/// Kernels write whole groups: the room must have so many more slots than there are numbers.
pub(crate) const SLACK: usize = 16;

/// Appends numbers to a room of fixed size. What does not fit is dropped; `len` counts only what
/// was written, so that no caller can make it lie.
#[derive(Debug)]
pub(crate) struct Sink<'a, T> {
    slots: &'a mut [MaybeUninit<T>],
    /// Slots from the start that are initialised.
    len: usize,
}

impl<'a, T: Copy> Sink<'a, T> {
    pub(crate) fn new(slots: &'a mut [MaybeUninit<T>]) -> Self {
        Self { slots, len: 0 }
    }

    /// Numbers written so far.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The numbers written so far.
    pub(crate) fn filled(&mut self) -> &mut [T] {
        let (filled, _) = self.slots.split_at_mut(self.len);
        // SAFETY: the first `len` slots are initialised; only the methods below raise `len`.
        unsafe { filled.assume_init_mut() }
    }

    /// As [`filled`](Self::filled), for as long as the room lives.
    pub(crate) fn into_filled(self) -> &'a mut [T] {
        let (filled, _) = self.slots.split_at_mut(self.len);
        // SAFETY: as in `filled`.
        unsafe { filled.assume_init_mut() }
    }

    /// Appends what the iterator yields.
    #[inline]
    pub(crate) fn extend(&mut self, numbers: impl Iterator<Item = T>) {
        let (_, room) = self.slots.split_at_mut(self.len);
        let mut written = 0;
        for (slot, number) in room.iter_mut().zip(numbers) {
            slot.write(number);
            written += 1;
        }
        self.len += written;
    }

    /// Appends `count` times `number`.
    #[inline]
    pub(crate) fn fill(&mut self, count: usize, number: T) {
        let (_, room) = self.slots.split_at_mut(self.len);
        let count = count.min(room.len());
        let (room, _) = room.split_at_mut(count);
        room.fill(MaybeUninit::new(number));
        self.len += count;
    }

    /// Appends `count` numbers in groups of `L`, group i being what `group(i)` returns. The last
    /// group is written as a whole, into the slack if need be, and counted in part.
    #[inline]
    pub(crate) fn groups<const L: usize>(
        &mut self,
        count: usize,
        mut group: impl FnMut(usize) -> [T; L],
    ) {
        let (_, room) = self.slots.split_at_mut(self.len);
        let (groups, _) = room.as_chunks_mut::<L>();
        let wanted = count.div_ceil(L).min(groups.len());
        let (groups, _) = groups.split_at_mut(wanted);
        for (i, slots) in groups.iter_mut().enumerate() {
            // SAFETY: an array of slots has the layout of an array of numbers.
            unsafe { slots.as_mut_ptr().cast::<[T; L]>().write(group(i)) };
        }
        let written = wanted * L;
        debug_assert!(written >= count, "the room has no slack");
        self.len += written.min(count);
    }
}

/// Room for `N` numbers on the stack.
#[derive(Debug)]
pub(crate) struct Scratch<T, const N: usize>([MaybeUninit<T>; N]);

impl<T: Copy, const N: usize> Scratch<T, N> {
    #[inline]
    pub(crate) fn new() -> Self {
        Self([const { MaybeUninit::uninit() }; N])
    }

    #[inline]
    pub(crate) fn sink(&mut self) -> Sink<'_, T> {
        Sink::new(&mut self.0)
    }
}

/// Calls `work` with room on the stack for `n` values, at most [`MAX_SAMPLES`].
///
/// Most chunks have at most [`CHUNK_SAMPLES`], and theirs is small: every page of a larger frame is
/// touched when a function is entered.
#[inline]
pub(crate) fn with_room<R>(n: usize, work: impl FnOnce(Sink<'_, f64>) -> R) -> R {
    if n <= CHUNK_SAMPLES {
        room_of::<{ CHUNK_SAMPLES + SLACK }, R>(work)
    } else {
        room_of::<{ MAX_SAMPLES + SLACK }, R>(work)
    }
}

#[inline(never)]
fn room_of<const N: usize, R>(work: impl FnOnce(Sink<'_, f64>) -> R) -> R {
    let mut room = Scratch::<f64, N>::new();
    work(room.sink())
}

/// Lets `decode` append at most `n` numbers to `out`; after an error `out` is as it was.
pub(crate) fn append<T: Copy, R, E>(
    out: &mut Vec<T>,
    n: usize,
    decode: impl FnOnce(&mut Sink<'_, T>) -> Result<R, E>,
) -> Result<R, E> {
    out.reserve(n + SLACK);
    let mut sink = Sink::new(out.spare_capacity_mut());
    let result = decode(&mut sink)?;
    let written = sink.len();
    // SAFETY: the sink wrote to the slots behind the vector's elements and has initialised
    // `written` of them, all within its capacity.
    unsafe { out.set_len(out.len() + written) };
    Ok(result)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_go_into_the_slack_and_count_in_part() {
        let mut scratch = Scratch::<u64, 12>::new();
        let mut sink = scratch.sink();
        sink.fill(3, 9);
        sink.groups(5, |i| [10 * i as u64; 4]);
        assert_eq!(sink.filled(), [9, 9, 9, 0, 0, 0, 0, 10]);
        sink.extend([7].into_iter());
        assert_eq!(sink.filled(), [9, 9, 9, 0, 0, 0, 0, 10, 7]);
    }

    #[test]
    fn what_does_not_fit_is_dropped() {
        let mut scratch = Scratch::<u8, 2>::new();
        let mut sink = scratch.sink();
        sink.extend([1, 2, 3].into_iter());
        sink.fill(4, 5);
        assert_eq!(sink.filled(), [1, 2]);
    }

    #[test]
    fn a_vector_is_as_it_was_after_an_error() {
        let mut out = vec![1u8];
        let result: Result<(), ()> = append(&mut out, 2, |sink| {
            sink.fill(2, 4);
            Err(())
        });
        assert_eq!((result, out.as_slice()), (Err(()), &[1][..]));
        let result: Result<u32, ()> = append(&mut out, 2, |sink| {
            sink.fill(2, 4);
            Ok(3)
        });
        assert_eq!((result, out.as_slice()), (Ok(3), &[1, 4, 4][..]));
    }
}
