//! Label values of some series, and what they say about all of which they are a sample.

use std::collections::BTreeMap;

use hashbrown::HashMap;

use super::cardinality::largest;
use crate::cardinality::MetricSource;

/// Series that were looked at, for more that were not.
#[derive(Debug, Default)]
pub(super) struct Sample {
    /// How often each value was seen, by label name.
    labels: BTreeMap<String, HashMap<String, u64>>,
    sources: HashMap<(String, String), u64>,
    series: u64,
    looked_at: u64,
}

impl Sample {
    /// All series, not only those that were looked at.
    pub(super) fn series(&self) -> u64 {
        self.series
    }

    /// Says that `looked_at` series that are added stand for `series`.
    pub(super) fn stand_for(&mut self, series: u64, looked_at: u64) {
        self.series += series;
        self.looked_at += looked_at;
    }

    /// Adds a series by its labels.
    pub(super) fn add<'a>(&mut self, pairs: impl Iterator<Item = (&'a str, &'a str)>) {
        let (mut job, mut instance) = ("", "");
        for (name, value) in pairs {
            if !self.labels.contains_key(name) {
                self.labels.insert(name.to_owned(), HashMap::new());
            }
            if let Some(values) = self.labels.get_mut(name) {
                *values.entry_ref(value).or_default() += 1;
            }
            match name {
                "job" => job = value,
                "instance" => instance = value,
                _ => {}
            }
        }
        if !job.is_empty() || !instance.is_empty() {
            *self.sources.entry((job.to_owned(), instance.to_owned())).or_default() += 1;
        }
    }

    /// The label names that were seen.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.labels.keys().map(String::as_str)
    }

    /// The values of a label among all series, by those that were seen once or twice (A. Chao,
    /// Nonparametric estimation of the number of classes in a population, 1984, in the form without
    /// bias); exact if all series were looked at.
    pub(super) fn values(&self, name: &str) -> u64 {
        let Some(values) = self.labels.get(name) else { return 0 };
        let seen = values.len() as u64;
        if self.looked_at == self.series {
            return seen;
        }
        let times = |n: u64| values.values().filter(|&&count| count == n).count() as u64;
        let (once, twice) = (times(1), times(2));
        let unseen = once * once.saturating_sub(1) / (2 * (twice + 1));
        let with_label: u64 = values.values().sum();
        (seen + unseen).min(self.scaled(with_label)).max(seen)
    }

    /// The values that most of the series have.
    pub(super) fn top(&self, name: &str, top: usize) -> Vec<(String, u64)> {
        let values = self.labels.get(name).into_iter().flatten();
        largest(values.map(|(value, &seen)| (value.clone(), self.scaled(seen))).collect(), top)
    }

    /// Where most of the series come from.
    pub(super) fn sources(&self, top: usize) -> Vec<MetricSource> {
        let mut all: Vec<_> = self.sources.iter().collect();
        all.sort_by(|a, b| b.1.cmp(a.1).then_with(|| a.0.cmp(b.0)));
        let source = |((job, instance), &seen): (&(String, String), &u64)| MetricSource {
            job: job.clone(),
            instance: instance.clone(),
            series: self.scaled(seen),
        };
        all.into_iter().take(top).map(source).collect()
    }

    fn scaled(&self, seen: u64) -> u64 {
        seen * self.series / self.looked_at.max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(series: u64, looked_at: u64, value: impl Fn(u64) -> u64) -> Sample {
        let mut sample = Sample::default();
        sample.stand_for(series, looked_at);
        for number in 0..looked_at {
            let id = value(number).to_string();
            sample.add([("id", id.as_str()), ("job", "node")].into_iter());
        }
        sample
    }

    #[test]
    fn what_was_seen_whole_is_exact() {
        let sample = sample(1000, 1000, |number| number % 300);
        assert_eq!((sample.values("id"), sample.values("job"), sample.values("x")), (300, 1, 0));
        assert_eq!(sample.top("id", 1), [("0".to_owned(), 4)]);
    }

    #[test]
    fn identifiers_and_jobs_are_told_from_a_part() {
        let ids = sample(1_000_000, 4000, |number| number);
        assert_eq!((ids.values("id"), ids.values("job")), (1_000_000, 1));
        assert_eq!(ids.sources(5)[0].series, 1_000_000);
        // A mixing function spreads 5,000 values over the sample.
        let some = sample(1_000_000, 4000, |n| ((n * n * 2_654_435_761) >> 7) % 5000);
        assert!((4000..6500).contains(&some.values("id")), "{}", some.values("id"));
    }
}
