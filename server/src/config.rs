//! Configuration: flag, then environment, then file, then default.

mod file;
mod limits;
mod units;

use std::path::{Path, PathBuf};
use std::time::Duration;

use nunatak::{Durability, Options, RetentionRule};

pub(crate) use limits::LimitSettings;
pub(crate) use units::{format_bytes, format_duration, parse_bytes, parse_duration};

use crate::cli::ServeArgs;

/// In what time all blocks are read once if nothing is said.
const SCRUB_INTERVAL: Duration = Duration::from_hours(7 * 24);

/// A setting that can't be used, in one line.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file can't be read or says something that can't be.
    #[error("configuration file {}: {what}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong and where.
        what: String,
    },
    /// A value can't be.
    #[error("{key}: {what}")]
    Value {
        /// The setting.
        key: &'static str,
        /// What is wrong with it.
        what: String,
    },
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// All settings of the server.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Folder of the database.
    pub data_dir: PathBuf,
    /// `host:port` to listen on.
    pub listen: String,
    /// How long samples are kept; `None` for ever.
    pub retention: Option<Duration>,
    /// The most bytes that blocks may take; `None` for no limit.
    pub retention_bytes: Option<u64>,
    /// Series that are kept for less long.
    pub retention_rules: Vec<RetentionRule>,
    /// How long a delete can be taken back.
    pub delete_grace: Duration,
    /// Bytes that the engine may use; `None` for half of what the machine has.
    pub memory_budget: Option<u64>,
    /// When a write counts as done.
    pub durability: Durability,
    /// Free bytes below which samples are refused; `None` for the engine's default.
    pub low_space: Option<u64>,
    /// In what time all blocks are read once; `None` for never.
    pub scrub_interval: Option<Duration>,
    /// Age from which blocks get tiers; `None` for no tiers.
    pub downsample_after: Option<Duration>,
    /// Whether `/api/v1/admin/…` is open.
    pub admin_api: bool,
    /// How long a query may take.
    pub query_timeout: Duration,
    /// How many queries may run at once.
    pub query_concurrency: usize,
    /// How many connections there may be at once.
    pub max_connections: usize,
    /// How far an instant selector looks back.
    pub lookback: Duration,
    /// Queries that take longer are logged.
    pub slow_query: Duration,
    /// How log lines look.
    pub log_format: LogFormat,
    /// Which log lines are written, in the notation of `tracing`'s `EnvFilter`.
    pub log_level: String,
    /// What may be stored.
    pub limits: LimitSettings,
    /// The file, if there is one.
    pub config: Option<PathBuf>,
    /// The file's text.
    pub config_text: String,
}

impl Settings {
    /// Puts together flags and environment (both in `args`), the file and the defaults.
    ///
    /// # Errors
    /// [`ConfigError`] if the file or a value can't be used.
    pub fn resolve(args: &ServeArgs) -> Result<Self, ConfigError> {
        let (file, config_text) = match &args.config {
            Some(path) => file::read(path)?,
            None => Default::default(),
        };
        let pick = |flag: &Option<String>, file: &Option<String>| flag.clone().or(file.clone());
        let duration = |key, flag: &Option<String>, file: &Option<String>, default: u64| {
            value(key, pick(flag, file), parse_duration)
                .map(|d| d.unwrap_or(Duration::from_millis(default)))
        };
        let sync_interval =
            duration("sync_interval", &args.sync_interval, &file.sync_interval, 1000)?;
        let query_concurrency = args.query_concurrency.or(file.query_concurrency).unwrap_or(20);
        at_least_one("query_concurrency", query_concurrency, "no query could run")?;
        let max_connections = args.max_connections.or(file.max_connections).unwrap_or(512);
        at_least_one("max_connections", max_connections, "nobody could reach the server")?;
        let query_timeout =
            duration("query_timeout", &args.query_timeout, &file.query_timeout, 120_000)?;
        not_zero("query_timeout", query_timeout, "no query could ever answer")?;
        let lookback =
            duration("lookback_delta", &args.lookback_delta, &file.lookback_delta, 300_000)?;
        not_zero("lookback_delta", lookback, "no query could find a sample")?;
        Ok(Self {
            data_dir: args
                .data_dir
                .clone()
                .or(file.data_dir.clone())
                .unwrap_or_else(|| "./nunatak-data".into()),
            listen: pick(&args.listen, &file.listen).unwrap_or_else(|| "[::]:9099".to_owned()),
            retention: value("retention", pick(&args.retention, &file.retention), retention)?
                .flatten(),
            retention_bytes: value(
                "retention_bytes",
                pick(&args.retention_bytes, &file.retention_bytes),
                parse_bytes,
            )?,
            retention_rules: file.retention_rules.iter().map(rule).collect::<Result<_, _>>()?,
            delete_grace: duration(
                "delete_grace",
                &args.delete_grace,
                &file.delete_grace,
                86_400_000,
            )?,
            memory_budget: value(
                "memory_budget",
                pick(&args.memory_budget, &file.memory_budget),
                parse_bytes,
            )?,
            durability: value("durability", pick(&args.durability, &file.durability), |text| {
                durability(text, sync_interval)
            })?
            .unwrap_or_default(),
            low_space: value("low_space", pick(&args.low_space, &file.low_space), parse_bytes)?,
            scrub_interval: value(
                "scrub_interval",
                pick(&args.scrub_interval, &file.scrub_interval),
                unless_off,
            )?
            .unwrap_or(Some(SCRUB_INTERVAL)),
            downsample_after: value(
                "downsample_after",
                pick(&args.downsample_after, &file.downsample_after),
                unless_off,
            )?
            .flatten(),
            admin_api: args.enable_admin_api.or(file.enable_admin_api).unwrap_or(false),
            query_timeout,
            query_concurrency,
            max_connections,
            lookback,
            slow_query: duration("slow_query", &args.slow_query, &file.slow_query, 5_000)?,
            log_format: value("log_format", pick(&args.log_format, &file.log_format), log_format)?
                .unwrap_or(LogFormat::Text),
            log_level: pick(&args.log_level, &file.log_level).unwrap_or_else(|| "info".to_owned()),
            limits: LimitSettings::resolve(&args.limits, &file)?,
            config: args.config.clone(),
            config_text,
        })
    }

    /// The engine's options.
    #[must_use]
    pub fn options(&self) -> Options {
        let mut options = Options::new(&self.data_dir)
            .durability(self.durability)
            .limits(self.limits.rules())
            .scrub_every(self.scrub_interval)
            .downsample_after(self.downsample_after);
        if let Some(bytes) = self.low_space {
            options = options.low_space(bytes);
        }
        options =
            options.retention_rules(self.retention_rules.clone()).delete_grace(self.delete_grace);
        if let Some(bytes) = self.retention_bytes {
            options = options.retention_bytes(bytes);
        }
        if let Some(retention) = self.retention {
            options = options.retention(retention);
        }
        if let Some(bytes) = self.memory_budget {
            options = options.memory_budget(bytes);
        }
        options
    }

    /// Every setting as text, in the order of the documentation.
    #[must_use]
    pub fn describe(&self) -> Vec<(&'static str, String)> {
        let file = self.config.as_deref().map_or(String::new(), |p: &Path| p.display().to_string());
        let budget = self.memory_budget.map_or("half of the memory".to_owned(), format_bytes);
        let mut all = vec![
            ("config", file),
            ("data-dir", self.data_dir.display().to_string()),
            ("listen", self.listen.clone()),
            ("retention", self.retention_text()),
            ("retention-bytes", self.retention_bytes.map_or("no limit".to_owned(), format_bytes)),
            ("retention-rules", rules_text(&self.retention_rules)),
            ("delete-grace", format_duration(self.delete_grace)),
            ("memory-budget", budget),
            ("durability", self.durability_text()),
            ("low-space", self.low_space.map_or("by the heads".to_owned(), format_bytes)),
            ("scrub-interval", self.scrub_interval.map_or("off".to_owned(), format_duration)),
            ("downsample-after", self.downsample_after.map_or("off".to_owned(), format_duration)),
            ("enable-admin-api", self.admin_api.to_string()),
            ("query-timeout", format_duration(self.query_timeout)),
            ("query-concurrency", self.query_concurrency.to_string()),
            ("max-connections", self.max_connections.to_string()),
            ("lookback-delta", format_duration(self.lookback)),
            ("slow-query", format_duration(self.slow_query)),
            ("log-format", format!("{:?}", self.log_format).to_lowercase()),
            ("log-level", self.log_level.clone()),
        ];
        all.extend(self.limits.describe());
        all
    }

    /// The retention in words.
    #[must_use]
    pub fn retention_text(&self) -> String {
        self.retention.map_or("forever".to_owned(), format_duration)
    }

    /// The durability in words.
    #[must_use]
    pub fn durability_text(&self) -> String {
        match self.durability {
            Durability::Fsync => "fsync".to_owned(),
            Durability::Interval(every) => format!("interval of {}", format_duration(every)),
            _ => "os".to_owned(),
        }
    }
}

/// An entry of `retention_rules`: a selector, and how long its series are kept.
fn rule(file: &file::RuleFile) -> Result<RetentionRule, ConfigError> {
    let bad = |what: String| ConfigError::Value { key: "retention_rules", what };
    let matchers = crate::promql::selector(&file.matches).map_err(bad)?;
    if matchers.iter().all(|matcher| matcher.matches("")) {
        return Err(bad(format!("{:?} selects every series; use retention", file.matches)));
    }
    Ok(RetentionRule::new(matchers, parse_duration(&file.keep).map_err(bad)?))
}

fn rules_text(rules: &[RetentionRule]) -> String {
    let text = |rule: &RetentionRule| {
        let matchers: Vec<_> = rule.matchers().iter().map(ToString::to_string).collect();
        format!("{{{}}}: {}", matchers.join(","), format_duration(rule.keep()))
    };
    let rules: Vec<_> = rules.iter().map(text).collect();
    if rules.is_empty() { "none".to_owned() } else { rules.join("; ") }
}

fn value<T>(
    key: &'static str,
    text: Option<String>,
    parse: impl FnOnce(&str) -> Result<T, String>,
) -> Result<Option<T>, ConfigError> {
    text.map(|text| parse(&text)).transpose().map_err(|what| ConfigError::Value { key, what })
}

fn at_least_one(key: &'static str, number: usize, why: &str) -> Result<(), ConfigError> {
    if number > 0 {
        Ok(())
    } else {
        Err(ConfigError::Value { key, what: format!("must be at least 1: {why}") })
    }
}

/// Times are counted in ms.
fn not_zero(key: &'static str, duration: Duration, why: &str) -> Result<(), ConfigError> {
    if duration.as_millis() > 0 {
        return Ok(());
    }
    Err(ConfigError::Value { key, what: format!("must be at least 1ms: {why}") })
}

fn retention(text: &str) -> Result<Option<Duration>, String> {
    match text.trim() {
        "forever" | "0" => Ok(None),
        other => parse_duration(other).map(Some),
    }
}

fn unless_off(text: &str) -> Result<Option<Duration>, String> {
    match text.trim() {
        "off" | "0" => Ok(None),
        other => parse_duration(other).map(Some),
    }
}

fn durability(text: &str, interval: Duration) -> Result<Durability, String> {
    match text {
        "fsync" => Ok(Durability::Fsync),
        "interval" => Ok(Durability::Interval(interval)),
        "os" => Ok(Durability::Os),
        other => Err(format!("{other:?} is none of fsync, interval, os")),
    }
}

fn log_format(text: &str) -> Result<LogFormat, String> {
    match text {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        other => Err(format!("{other:?} is none of text, json")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> (tempfile::TempDir, ServeArgs) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("n.yml");
        std::fs::write(&path, text).unwrap();
        (dir, ServeArgs { config: Some(path), ..ServeArgs::default() })
    }

    #[test]
    fn defaults() {
        let settings = Settings::resolve(&ServeArgs::default()).unwrap();
        assert_eq!(settings.data_dir, Path::new("./nunatak-data"));
        assert_eq!(settings.listen, "[::]:9099");
        assert_eq!((settings.retention, settings.memory_budget), (None, None));
        assert_eq!(settings.durability, Durability::Fsync);
        assert!(!settings.admin_api);
        assert_eq!(settings.low_space, None);
        assert_eq!(settings.scrub_interval, Some(Duration::from_hours(168)));
        assert_eq!(settings.downsample_after, None);
    }

    #[test]
    fn a_flag_wins_over_the_file() {
        let (_dir, mut args) = file("retention: 1d\ndurability: interval\nlisten: a:1\n");
        args.retention = Some("2d".to_owned());
        let settings = Settings::resolve(&args).unwrap();
        assert_eq!(settings.retention, Some(Duration::from_hours(48)));
        assert_eq!(settings.durability, Durability::Interval(Duration::from_secs(1)));
        assert_eq!(settings.listen, "a:1");
    }

    #[test]
    fn the_scrub_can_be_turned_off() {
        let (_dir, args) = file("scrub_interval: off\nlow_space: 1GiB\ndownsample_after: 7d\n");
        let settings = Settings::resolve(&args).unwrap();
        assert_eq!((settings.scrub_interval, settings.low_space), (None, Some(1 << 30)));
        assert_eq!(settings.downsample_after, Some(Duration::from_hours(168)));
    }

    #[test]
    fn retention_by_bytes_and_by_rule() {
        let rules =
            "retention_bytes: 50GiB\nretention_rules:\n  - match: '{env=\"dev\"}'\n    keep: 7d\n";
        let (_dir, args) = file(rules);
        let settings = Settings::resolve(&args).unwrap();
        assert_eq!(settings.retention_bytes, Some(50 << 30));
        let dev = nunatak::Matcher::new("env", nunatak::MatchOp::Equal, "dev").unwrap();
        let rule = RetentionRule::new(vec![dev], Duration::from_hours(7 * 24));
        assert_eq!(settings.retention_rules, [rule]);
        for bad in ["'{'", "'{env=~\".*\"}'"] {
            let (_dir, args) = file(&rules.replace("'{env=\"dev\"}'", bad));
            let error = Settings::resolve(&args).unwrap_err().to_string();
            assert!(error.starts_with("retention_rules: "), "{error}");
        }
    }

    #[test]
    fn what_stops_every_query_is_refused() {
        for (key, value) in [("query_timeout", "0s"), ("lookback_delta", "0s")] {
            let (_dir, args) = file(&format!("{key}: {value}\n"));
            let error = Settings::resolve(&args).unwrap_err().to_string();
            assert!(error.starts_with(&format!("{key}: must be at least 1ms: no ")), "{error}");
            let (_dir, args) = file(&format!("{key}: 1ms\n"));
            assert!(Settings::resolve(&args).is_ok());
        }
    }

    #[test]
    fn bad_values_are_named() {
        let (_dir, args) = file("durability: maybe\n");
        let error = Settings::resolve(&args).unwrap_err().to_string();
        assert_eq!(error, "durability: \"maybe\" is none of fsync, interval, os");
        let args = ServeArgs { config: Some("/nowhere/n.yml".into()), ..ServeArgs::default() };
        let error = Settings::resolve(&args).unwrap_err().to_string();
        assert!(error.starts_with("configuration file /nowhere/n.yml: No such file"), "{error}");
    }
}
