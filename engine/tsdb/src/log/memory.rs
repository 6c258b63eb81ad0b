//! A log in memory, the double of the one on disk for tests.

use parking_lot::Mutex;

use super::frame::Frame;
use super::replay::definitions_only;
use super::{Position, ReplayReport, WriteLog};
use crate::error::{Error, Result};

/// Keeps frames in memory; everything is durable at once, as long as the log lives.
#[derive(Debug, Default)]
pub struct MemoryLog {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    last: u64,
    frames: Vec<(u64, Frame)>,
    checkpoint: Option<(u64, Vec<Frame>)>,
}

impl MemoryLog {
    /// An empty log.
    pub fn new() -> Self {
        Self::default()
    }
}

impl WriteLog for MemoryLog {
    fn append(&self, frame: &Frame) -> Result<Position> {
        let mut state = self.state.lock();
        state.last += 1;
        let position = state.last;
        state.frames.push((position, frame.clone()));
        Ok(Position(position))
    }

    fn commit(&self, position: Position) -> Result<()> {
        let last = self.state.lock().last;
        if position.0 > last {
            let what = format!("position {} is behind the log's end {last}", position.0);
            return Err(Error::Invalid { what });
        }
        Ok(())
    }

    fn sync(&self) -> Result<()> {
        Ok(())
    }

    fn seal(&self) -> Result<Position> {
        Ok(self.last())
    }

    fn replay(
        &self,
        from: Position,
        visit: &mut dyn FnMut(Position, Frame) -> Result<()>,
    ) -> Result<ReplayReport> {
        let (frames, checkpoint) = {
            let state = self.state.lock();
            (state.frames.clone(), state.checkpoint.clone())
        };
        let mut report = ReplayReport::default();
        let mut start = 1;
        if let Some((at, definitions)) = checkpoint {
            start = from.0.min(at + 1);
            report.checkpoint = Some(Position(at));
            for frame in definitions {
                report.frames += 1;
                visit(Position(at), frame)?;
            }
        }
        for (position, frame) in frames.into_iter().filter(|(position, _)| *position >= start) {
            let frame = if position < from.0 { definitions_only(frame) } else { Some(frame) };
            if let Some(frame) = frame {
                report.frames += 1;
                visit(Position(position), frame)?;
            }
        }
        Ok(report)
    }

    fn checkpoint(
        &self,
        at: Position,
        keep_from: Position,
        frames: &mut dyn Iterator<Item = Frame>,
    ) -> Result<()> {
        self.commit(at)?;
        let frames = frames.collect();
        let mut state = self.state.lock();
        state.checkpoint = Some((at.0, frames));
        let keep_from = keep_from.0.min(at.0 + 1);
        state.frames.retain(|(position, _)| *position >= keep_from);
        Ok(())
    }

    fn first(&self) -> Result<Position> {
        let state = self.state.lock();
        let first = state.frames.first().map(|(position, _)| *position);
        Ok(Position(first.unwrap_or(state.last + 1)))
    }

    fn last(&self) -> Position {
        Position(self.state.lock().last)
    }

    fn pending_bytes(&self) -> u64 {
        0
    }

    fn written_bytes(&self) -> u64 {
        0
    }
}
