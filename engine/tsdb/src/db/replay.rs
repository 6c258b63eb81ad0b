//! Replaying the end of the log into the shards, in parallel.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::error::{Error, Result};
use crate::log::{Frame, LetGo, Position, Record, ReplayReport, Wants, WriteLog};
use crate::shard::Shard;
use crate::start_progress::{Phase, StartProgress};

/// Frames that may wait for one worker: bounds the memory of a replay.
const WAITING_FRAMES: usize = 64;
/// Most bytes of samples that heads hold back meanwhile: eight samples each of a million series.
const HELD_BYTES: u64 = 64 << 20;
/// After so many samples they are asked how much they hold.
const ASK_EVERY: usize = 1 << 16;
/// How often the log (of events) hears of it.
const TELL_EVERY: Duration = Duration::from_secs(1);

/// How much a start has replayed.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Replayed {
    /// Bytes of frames that no saved head had.
    pub(super) bytes: u64,
    pub(super) took: Duration,
}

/// Applies every frame of the log that the heads do not have. One thread reads and decodes, the
/// others apply; the frames of a shard all go to the same worker, in order.
pub(super) fn replay(
    log: &dyn WriteLog,
    shards: &[Shard],
    parallel: bool,
    memory_budget: u64,
    progress: &StartProgress,
) -> Result<(ReplayReport, Replayed)> {
    let room = (memory_budget / 16).min(HELD_BYTES) as usize;
    let began = Instant::now();
    // Where positions are missing, what is before them may be older than a block that is lacking.
    let lacks_blocks = shards.iter().any(Shard::lacks_blocks);
    let mut watch = Watch::new(log.last(), progress);
    // Asked beforehand: the heads are busy while they are written to.
    let saved: Vec<_> = shards.iter().map(Shard::saved_starts).collect();
    let mut wants = |position: Position, address: Option<(u16, &str)>, bytes: usize| {
        let is_saved = |(shard, tenant): (u16, &str)| {
            let start = saved.get(usize::from(shard)).and_then(|tenants| tenants.get(tenant));
            start.is_some_and(|&start| position <= start)
        };
        let is_wanted = !address.is_some_and(is_saved);
        if lacks_blocks && watch.is_behind_gap(position) {
            let last = Position(watch.seen);
            for shard in shards {
                shard.cut_replayed(last, i64::MIN);
            }
        }
        watch.see(position, if is_wanted { bytes } else { 0 });
        is_wanted
    };
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let (mut report, orphans) = if parallel && cores > 1 && !lacks_blocks {
        // Reading takes a small part of a core.
        replay_parallel(log, shards, cores.min(shards.len()), room, &mut wants)?
    } else {
        let full = AtomicU64::new(0);
        let mut worker = Worker::new(shards, 0, 1, room, &full);
        let mut visit = |position, frame| worker.apply(position, frame);
        let report = log.replay_wanted(let_go(shards), &mut wants, &mut visit)?;
        (report, worker.finish())
    };
    report.orphans = orphans;
    if report.orphans > 0 {
        tracing::warn!(samples = report.orphans, "samples in the log whose series is not defined");
    }
    let replayed = Replayed { bytes: watch.bytes, took: began.elapsed() };
    let (frames, ms) = (report.frames, replayed.took.as_millis());
    tracing::info!(frames, bytes = replayed.bytes, %ms, "replayed the log");
    Ok((report, replayed))
}

/// Frames that were let go of are replayed only where a saved head is damaged. Otherwise a frame
/// could define a series that has left its head since: samples that then come for it would name it
/// by that frame, which the next start need not see.
fn let_go(shards: &[Shard]) -> LetGo {
    if shards.iter().any(Shard::lacks_saved_heads) { LetGo::Visit } else { LetGo::Skip }
}

/// Tells how far a replay is.
struct Watch<'a> {
    first: Option<u64>,
    /// The last position that was met.
    seen: u64,
    last: u64,
    bytes: u64,
    told: Instant,
    progress: &'a StartProgress,
}

impl<'a> Watch<'a> {
    fn new(last: Position, progress: &'a StartProgress) -> Self {
        progress.begin(Phase::Log, 0);
        Self { first: None, seen: 0, last: last.0, bytes: 0, told: Instant::now(), progress }
    }

    /// Whether positions are missing between the last one that was met and this one.
    fn is_behind_gap(&self, position: Position) -> bool {
        self.first.is_some() && position.0 > self.seen + 1
    }

    fn see(&mut self, position: Position, bytes: usize) {
        let (progress, last) = (self.progress, self.last);
        let first = *self.first.get_or_insert_with(|| {
            progress.begin(Phase::Log, (last + 1).saturating_sub(position.0));
            position.0
        });
        self.seen = self.seen.max(position.0);
        self.progress.set(position.0.saturating_sub(first));
        self.bytes += bytes as u64;
        if self.told.elapsed() >= TELL_EVERY {
            self.told = Instant::now();
            tracing::info!(per_cent = self.progress.per_cent(), "replaying the log");
        }
    }
}

/// Applies the frames of some of the shards.
struct Worker<'a> {
    /// All shards.
    shards: &'a [Shard],
    /// Its own are this one and each `of`-th after it.
    number: usize,
    of: usize,
    /// Bytes of samples that their heads may hold back.
    room: usize,
    /// Samples since the heads were asked how much that is.
    unasked: usize,
    /// How often any worker had no room left. All insert then what they hold: one alone would soon
    /// have as many frames waiting as it may, and so keep the reader from feeding the others.
    full: &'a AtomicU64,
    /// How often it has inserted for that.
    emptied: u64,
    orphans: u64,
}

impl<'a> Worker<'a> {
    fn new(
        shards: &'a [Shard],
        number: usize,
        of: usize,
        room: usize,
        full: &'a AtomicU64,
    ) -> Self {
        let room = room / of;
        Self { shards, number, of, room, unasked: 0, full, emptied: 0, orphans: 0 }
    }

    fn own(&self) -> impl Iterator<Item = &'a Shard> {
        self.shards.iter().skip(self.number).step_by(self.of)
    }

    fn apply(&mut self, position: Position, frame: Frame) -> Result<()> {
        let Some(shard) = self.shards.get(usize::from(frame.shard)) else {
            let (id, count) = (frame.shard, self.shards.len());
            let what = format!("frame {} is for shard {id}, there are {count}", position.0);
            return Err(Error::corrupt("log", 0, what));
        };
        if let Record::Write { samples, .. } = &frame.record {
            self.unasked += samples.times.len();
        }
        self.orphans += shard.replay(position, frame)?;
        if self.unasked >= ASK_EVERY {
            self.unasked = 0;
            let held: usize = self.own().map(Shard::held_bytes).sum();
            if held >= self.room {
                self.full.fetch_add(1, Ordering::Relaxed);
            }
        }
        let full = self.full.load(Ordering::Relaxed);
        if full != self.emptied {
            self.own().for_each(Shard::insert_held);
            self.emptied = full;
        }
        Ok(())
    }

    /// Ends its work; returns how many samples have no series.
    fn finish(self) -> u64 {
        self.own().for_each(Shard::insert_held);
        self.orphans
    }
}

fn replay_parallel(
    log: &dyn WriteLog,
    shards: &[Shard],
    count: usize,
    room: usize,
    wants: &mut Wants<'_>,
) -> Result<(ReplayReport, u64)> {
    let full = AtomicU64::new(0);
    thread::scope(|scope| {
        let mut senders: Vec<Sender<(Position, Frame)>> = Vec::with_capacity(count);
        let mut threads = Vec::with_capacity(count);
        for number in 0..count {
            let (sender, receiver) = bounded(WAITING_FRAMES);
            let worker = Worker::new(shards, number, count, room, &full);
            senders.push(sender);
            threads.push(scope.spawn(move || work(worker, &receiver)));
        }
        let read = log.replay_wanted(let_go(shards), wants, &mut |position, frame| {
            let sender = &senders[usize::from(frame.shard) % count];
            // A worker that is gone has failed: its error is reported below.
            sender.send((position, frame)).map_err(|_| Error::Closed)
        });
        drop(senders);
        let mut orphans = 0;
        for thread in threads {
            let panicked = |_| Err(Error::corrupt("log", 0, "a worker of the replay panicked"));
            orphans += thread.join().unwrap_or_else(panicked)?;
        }
        Ok((read?, orphans))
    })
}

fn work(mut worker: Worker<'_>, frames: &Receiver<(Position, Frame)>) -> Result<u64> {
    frames.iter().try_for_each(|(position, frame)| worker.apply(position, frame))?;
    Ok(worker.finish())
}
