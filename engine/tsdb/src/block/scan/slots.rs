//! A small memory of what was found last, by number.

/// Each number has one place, which it shares with others; who came last is in it.
#[derive(Debug)]
pub(super) struct Slots<T>(Vec<Option<(u32, T)>>);

impl<T: Clone> Slots<T> {
    /// Room for so many, or a few more.
    pub(super) fn new(places: usize) -> Self {
        Self(vec![None; places.next_power_of_two()])
    }

    pub(super) fn get(&self, number: u32) -> Option<&T> {
        match self.0.get(self.place(number)) {
            Some(Some((held, value))) if *held == number => Some(value),
            _ => None,
        }
    }

    pub(super) fn put(&mut self, number: u32, value: T) {
        let place = self.place(number);
        if let Some(slot) = self.0.get_mut(place) {
            *slot = Some((number, value));
        }
    }

    fn place(&self, number: u32) -> usize {
        // As many places as a power of two.
        number as usize & (self.0.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_share_a_place_are_told_apart() {
        let mut slots = Slots::new(3);
        slots.put(1, 'a');
        slots.put(2, 'b');
        assert_eq!((slots.get(1), slots.get(2), slots.get(5)), (Some(&'a'), Some(&'b'), None));
        slots.put(5, 'c');
        assert_eq!((slots.get(1), slots.get(2), slots.get(5)), (None, Some(&'b'), Some(&'c')));
    }
}
