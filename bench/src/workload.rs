//! What is written: series with labels, and values that move as real ones do.

mod capture;
mod fleet;
mod random;
mod signal;
mod start;
mod template;

pub use capture::{CAPTURE, Capture, CaptureError, CapturedSeries};
pub use fleet::{Fleet, FleetOptions, Series};
pub use random::Random;
pub use signal::Signal;
pub use start::start_ms;
