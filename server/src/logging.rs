//! Log lines: to standard error, as text or JSON, with a level that can change.

use std::fmt;
use std::io::IsTerminal as _;

use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _, Registry, fmt as lines, reload};

use crate::config::LogFormat;

/// Changes what is logged.
#[derive(Clone)]
pub(crate) struct LogControl(reload::Handle<EnvFilter, Registry>);

impl fmt::Debug for LogControl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LogControl")
    }
}

impl LogControl {
    /// Starts logging.
    pub(crate) fn start(format: LogFormat, level: &str) -> Result<Self, String> {
        let (filter, handle) = reload::Layer::new(parse(level)?);
        let colour = std::io::stderr().is_terminal();
        let layer = lines::layer().with_writer(std::io::stderr).with_target(false);
        let layer = match format {
            LogFormat::Text => layer.with_ansi(colour).boxed(),
            LogFormat::Json => layer.json().flatten_event(true).boxed(),
        };
        let subscriber = tracing_subscriber::registry().with(filter).with(layer);
        subscriber.try_init().map_err(|error| error.to_string())?;
        Ok(Self(handle))
    }

    /// One that nothing listens to.
    #[cfg(test)]
    pub(crate) fn silent() -> Self {
        let (_, handle) = reload::Layer::new(EnvFilter::new("off"));
        Self(handle)
    }

    /// Changes what is logged.
    pub(crate) fn set_level(&self, level: &str) -> Result<(), String> {
        self.0.reload(parse(level)?).map_err(|error| error.to_string())
    }
}

/// A level, or the notation of `EnvFilter`.
fn parse(level: &str) -> Result<EnvFilter, String> {
    EnvFilter::try_new(level)
        .map_err(|_| format!("log_level: {level:?} is none of error, warn, info, debug, trace"))
}
