//! How far an import is: a bar on a terminal, else a line every ten seconds.

use std::io::{IsTerminal as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use indicatif::{HumanCount, ProgressBar, ProgressStyle};
use parking_lot::Mutex;

/// How often a line is written where there is no terminal.
const EVERY: Duration = Duration::from_secs(10);
/// Samples between two looks at the clock.
const LOOK_EVERY: u64 = 65_536;

/// Shows how far an import is. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Progress(Option<Arc<Shown>>);

#[derive(Debug)]
struct Shown {
    bar: Option<ProgressBar>,
    total: u64,
    done: AtomicU64,
    samples: AtomicU64,
    begun: Instant,
    last: Mutex<Instant>,
}

impl Progress {
    /// Nothing is shown.
    pub(super) fn silent() -> Self {
        Self(None)
    }

    /// Shows progress up to `total`, which are bytes or, for blocks, samples; 0 if it is not known.
    pub(super) fn start(total: u64) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| bar(total));
        let now = Instant::now();
        let (done, samples) = Default::default();
        Self(Some(Arc::new(Shown { bar, total, done, samples, begun: now, last: Mutex::new(now) })))
    }

    /// Counts what was read.
    pub(super) fn advance(&self, units: u64) {
        let Some(shown) = &self.0 else { return };
        shown.done.fetch_add(units, Ordering::Relaxed);
        if let Some(bar) = &shown.bar {
            bar.inc(units);
        }
    }

    /// Counts samples and shows, now and then, where the import is.
    pub(super) fn samples(&self, count: u64) {
        let Some(shown) = &self.0 else { return };
        let before = shown.samples.fetch_add(count, Ordering::Relaxed);
        if before / LOOK_EVERY != (before + count) / LOOK_EVERY {
            shown.look();
        }
    }

    /// Says that something takes longer.
    pub(super) fn say(&self, what: &str) {
        if let Some(bar) = self.0.as_ref().and_then(|shown| shown.bar.as_ref()) {
            bar.set_message(what.to_owned());
        }
    }

    /// How long it has taken so far.
    pub(super) fn elapsed(&self) -> Duration {
        self.0.as_ref().map_or(Duration::ZERO, |shown| shown.begun.elapsed())
    }

    /// Takes the bar away.
    pub(super) fn end(&self) {
        if let Some(bar) = self.0.as_ref().and_then(|shown| shown.bar.as_ref()) {
            bar.finish_and_clear();
        }
    }
}

impl Shown {
    fn look(&self) {
        let samples = self.samples.load(Ordering::Relaxed);
        let rate = samples as f64 / self.begun.elapsed().as_secs_f64().max(1e-3);
        let text = format!("{} samples, {}/s", HumanCount(samples), HumanCount(rate as u64));
        if let Some(bar) = &self.bar {
            return bar.set_message(text);
        }
        let mut last = self.last.lock();
        if last.elapsed() >= EVERY {
            *last = Instant::now();
            let part = self.done.load(Ordering::Relaxed) as f64 / self.total.max(1) as f64 * 100.0;
            let percent =
                if self.total > 0 { format!("{:.0} %, ", part.min(100.0)) } else { String::new() };
            // Nobody reads along: no reason to stop.
            drop(writeln!(std::io::stderr(), "nunatak: {percent}{text}"));
        }
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn bar(total: u64) -> ProgressBar {
    let (bar, template) = if total > 0 {
        let template = "{elapsed_precise} {bar:30} {percent:>3} % (ready in {eta}) {msg}";
        (ProgressBar::new(total), template)
    } else {
        (ProgressBar::no_length(), "{elapsed_precise} {spinner} {msg}")
    };
    let style = ProgressStyle::with_template(template);
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}
