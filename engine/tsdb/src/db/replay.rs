//! Replaying the log into the shards, in parallel.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::error::{Error, Result};
use crate::log::{Frame, Position, ReplayReport, WriteLog};
use crate::shard::Shard;

/// Frames that may wait for one worker: bounds the memory of a replay.
const WAITING_FRAMES: usize = 64;

/// Applies every frame of the log. One thread reads and decodes, the others apply; the frames of
/// a shard all go to the same worker, in order.
pub(super) fn replay(log: &dyn WriteLog, shards: &[Shard], parallel: bool) -> Result<ReplayReport> {
    let orphans = AtomicU64::new(0);
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let mut report = if parallel && cores > 1 {
        replay_parallel(log, shards, (cores - 1).min(shards.len()), &orphans)?
    } else {
        log.replay(Position(0), &mut |position, frame| apply(shards, position, frame, &orphans))?
    };
    report.orphans = orphans.into_inner();
    if report.orphans > 0 {
        tracing::warn!(samples = report.orphans, "samples in the log whose series is not defined");
    }
    Ok(report)
}

fn apply(shards: &[Shard], position: Position, frame: Frame, orphans: &AtomicU64) -> Result<()> {
    let Some(shard) = shards.get(usize::from(frame.shard)) else {
        let (id, count) = (frame.shard, shards.len());
        let what = format!("frame {} is for shard {id}, there are {count}", position.0);
        return Err(Error::corrupt("log", 0, what));
    };
    orphans.fetch_add(shard.replay(position, frame)?, Ordering::Relaxed);
    Ok(())
}

fn replay_parallel(
    log: &dyn WriteLog,
    shards: &[Shard],
    workers: usize,
    orphans: &AtomicU64,
) -> Result<ReplayReport> {
    thread::scope(|scope| {
        let mut senders: Vec<Sender<(Position, Frame)>> = Vec::with_capacity(workers);
        let mut threads = Vec::with_capacity(workers);
        for _ in 0..workers {
            let (sender, receiver) = bounded(WAITING_FRAMES);
            senders.push(sender);
            threads.push(scope.spawn(move || work(shards, &receiver, orphans)));
        }
        let read = log.replay(Position(0), &mut |position, frame| {
            let sender = &senders[usize::from(frame.shard) % workers];
            // A worker that is gone has failed: its error is reported below.
            sender.send((position, frame)).map_err(|_| Error::Closed)
        });
        drop(senders);
        for thread in threads {
            let panicked = |_| Err(Error::corrupt("log", 0, "a worker of the replay panicked"));
            thread.join().unwrap_or_else(panicked)?;
        }
        read
    })
}

fn work(shards: &[Shard], frames: &Receiver<(Position, Frame)>, orphans: &AtomicU64) -> Result<()> {
    frames.iter().try_for_each(|(position, frame)| apply(shards, position, frame, orphans))
}
