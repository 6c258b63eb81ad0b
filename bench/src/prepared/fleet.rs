//! A fleet's scrapes as requests, in the order of time or with some of them late.

use indicatif::ProgressBar;

use super::{Extent, Packing, Prepared, selectors};
use crate::requests::{Writer, encode_labels};
use crate::workload::{Fleet, FleetOptions, Random};

/// Which scrapes of a fleet are sent, and how.
#[derive(Debug, Clone, Copy)]
pub struct FleetWork {
    /// The fleet.
    pub fleet: FleetOptions,
    /// Scrapes of each host.
    pub scrapes: usize,
    /// Scrapes that are sent late; none if absent.
    pub late: Option<Late>,
}

/// Scrapes that are held back, as by an agent that had lost its connection.
#[derive(Debug, Clone, Copy)]
pub struct Late {
    /// Which part of all scrapes, 0 to 1.
    pub part: f64,
    /// The longest delay, in scrapes; each delay from 1 up to it is as likely.
    pub longest: usize,
}

/// The samples of one scrape of one host.
type Scrape = Vec<(usize, i64, f64)>;

impl Prepared {
    /// Makes and encodes scrapes of a fleet.
    #[must_use]
    pub fn fleet(work: &FleetWork, packing: Packing, progress: &ProgressBar) -> Self {
        let mut fleet = Fleet::new(work.fleet);
        let sets: Vec<_> = fleet.series().iter().map(|one| one.labels.as_slice()).collect();
        let labels: Vec<Vec<u8>> = sets.iter().map(|set| encode_labels(set)).collect();
        let mut extent = Extent::of(&sets);
        let instances = (0..fleet.hosts()).map(|host| fleet.host(host).0);
        let parts = selectors("instance", instances);
        let mut writers = packing.writers();
        let mut queue = Queue::new(work);
        progress.set_length(work.scrapes as u64);
        for scrape in 0..work.scrapes {
            for host in 0..fleet.hosts() {
                let mut samples = Scrape::new();
                fleet.scrape(host, scrape, |series, t, v| samples.push((series, t, v)));
                for (_, t, v) in &samples {
                    extent.count(*t, *v);
                }
                queue.push(host, scrape, samples);
            }
            queue.send(scrape, &mut writers, &labels);
            progress.inc(1);
        }
        queue.send(usize::MAX, &mut writers, &labels);
        progress.finish_and_clear();
        Self { streams: writers.into_iter().map(Writer::finish).collect(), parts, extent }
    }
}

/// Scrapes that wait for their turn.
struct Queue {
    late: Option<Late>,
    random: Random,
    /// When it is sent (the number of a scrape), its host, its samples.
    waiting: Vec<(usize, usize, Scrape)>,
}

impl Queue {
    fn new(work: &FleetWork) -> Self {
        let random = Random::new(work.fleet.seed ^ 0x1a7e, 0);
        Self { late: work.late, random, waiting: Vec::new() }
    }

    fn push(&mut self, host: usize, scrape: usize, samples: Scrape) {
        let delay = self.late.map_or(0, |late| {
            let is_late = self.random.unit() < late.part;
            let delay = 1 + self.random.below(late.longest.max(1) as u64) as usize;
            if is_late { delay } else { 0 }
        });
        self.waiting.push((scrape + delay, host, samples));
    }

    /// Encodes what is due at `scrape`, in the order in which it became due.
    fn send(&mut self, scrape: usize, writers: &mut [Writer], labels: &[Vec<u8>]) {
        let (mut due, waiting): (Vec<_>, Vec<_>) =
            self.waiting.drain(..).partition(|(when, ..)| *when <= scrape);
        self.waiting = waiting;
        due.sort_by_key(|(when, ..)| *when);
        let connections = writers.len();
        for (_, host, samples) in due {
            if let Some(writer) = writers.get_mut(host % connections) {
                for (series, t, v) in samples {
                    writer.add(&labels[series], t, v);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use indicatif::ProgressBar;

    use super::{FleetWork, Late, Prepared, Queue};
    use crate::prepared::Packing;
    use crate::workload::FleetOptions;

    const WORK: FleetWork = FleetWork {
        fleet: FleetOptions {
            series: 1_500,
            seed: 3,
            start_ms: 1_700_000_000_000,
            interval_ms: 15_000,
            jitter_ms: 0,
        },
        scrapes: 4,
        late: None,
    };

    fn prepare(work: &FleetWork, connections: usize) -> Prepared {
        let packing = Packing { samples_per_request: 700, connections };
        Prepared::fleet(work, packing, &ProgressBar::hidden())
    }

    #[test]
    fn every_sample_is_in_a_request() {
        let prepared = prepare(&WORK, 2);
        let sent = |stream: &Vec<crate::requests::Request>| -> usize {
            stream.iter().map(|request| request.samples).sum()
        };
        assert_eq!(prepared.streams.iter().map(sent).sum::<usize>(), 6_000);
        assert!(prepared.streams.iter().all(|stream| sent(stream) > 0));
        assert_eq!(prepared.extent.samples, 6_000);
        assert_eq!(prepared.extent.series, 1_500);
        assert!(prepared.extent.from_ms >= WORK.fleet.start_ms);
        assert!(prepared.extent.to_ms < WORK.fleet.start_ms + 4 * 15_000);
        assert_eq!(prepared.parts.len(), 2);
    }

    #[test]
    fn lateness_changes_the_order_alone() {
        let late = Late { part: 0.5, longest: 3 };
        let moved = prepare(&FleetWork { late: Some(late), ..WORK }, 1);
        let calm = prepare(&WORK, 1);
        assert_eq!(moved.extent, calm.extent);
        let bodies = |prepared: &Prepared| -> Vec<Vec<u8>> {
            prepared.streams[0].iter().map(|request| request.body.clone()).collect()
        };
        assert_ne!(bodies(&moved), bodies(&calm));
    }

    #[test]
    fn no_scrape_waits_longer_than_the_longest() {
        let late = Late { part: 0.3, longest: 5 };
        let mut queue = Queue::new(&FleetWork { late: Some(late), ..WORK });
        for scrape in 0..1_000 {
            queue.push(0, scrape, vec![]);
        }
        let delays: Vec<usize> =
            (0..).zip(&queue.waiting).map(|(scrape, (when, ..))| when - scrape).collect();
        assert_eq!(delays.iter().max(), Some(&5));
        let part = delays.iter().filter(|delay| **delay > 0).count();
        assert!((250..350).contains(&part), "{part} of 1,000 are late");
    }
}
