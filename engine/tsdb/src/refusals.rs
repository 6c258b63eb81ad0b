//! Collects refusals by reason.

use crate::limits::{Refusal, RefusalReason};

/// Refusals of one request, one entry a reason, with the first example of each.
#[derive(Debug, Default)]
pub(crate) struct Refusals(Vec<Refusal>);

impl Refusals {
    /// Counts `samples` refused samples; `example` is asked only for the first of its reason.
    pub(crate) fn add(
        &mut self,
        reason: RefusalReason,
        samples: u64,
        example: impl FnOnce() -> String,
    ) {
        match self.0.iter_mut().find(|refusal| refusal.reason == reason) {
            Some(refusal) => refusal.samples += samples,
            None => self.0.push(Refusal::new(reason, samples, example())),
        }
    }

    /// What was collected so far.
    pub(crate) fn all(&self) -> &[Refusal] {
        &self.0
    }

    /// Takes what was collected.
    pub(crate) fn take(&mut self) -> Vec<Refusal> {
        std::mem::take(&mut self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_first_example_of_each_reason() {
        let mut refusals = Refusals::default();
        refusals.add(RefusalReason::TooOld, 2, || "first".to_owned());
        refusals.add(RefusalReason::TooOld, 3, || "second".to_owned());
        refusals.add(RefusalReason::TooFarAhead, 1, || "other".to_owned());
        let taken = refusals.take();
        assert_eq!(taken[0], Refusal::new(RefusalReason::TooOld, 5, "first".to_owned()));
        assert_eq!(taken.len(), 2);
    }
}
