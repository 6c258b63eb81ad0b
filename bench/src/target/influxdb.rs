//! InfluxDB 1.x, the database that nunatak's first users come from.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use super::{Target, ask, fetch, package_version, size_at_rest};
use crate::client::Client;
use crate::measure::{FolderSize, folder_size};
use crate::prepared::Prepared;
use crate::question::{Question, encoded};
use crate::{Error, Result};

/// A real InfluxDB from Debian's packages. It takes the same remote-write requests as the others,
/// and is asked in InfluxQL.
#[derive(Debug, Clone)]
pub struct InfluxDb {
    program: PathBuf,
}

/// The database that the samples go into.
const DATABASE: &str = "prom";

/// How long a shard is left alone before it is compacted as a whole.
const COLD: &str = "5s";

impl InfluxDb {
    /// Fetches it if it is not in the cache.
    ///
    /// # Errors
    /// If it can't be had.
    pub fn new() -> Result<Self> {
        Ok(Self { program: fetch("influxdb")? })
    }
}

impl Target for InfluxDb {
    fn name(&self) -> String {
        "InfluxDB".to_owned()
    }

    fn version(&self) -> Result<String> {
        package_version(&self.program, "version")
    }

    fn durability(&self) -> String {
        "synced to the disk (its default)".to_owned()
    }

    fn command(&self, data: &Path, port: u16) -> Result<Command> {
        let mut command = Command::new(&self.program);
        command
            .args(["run", "-config", "/dev/null"])
            .env("INFLUXDB_META_DIR", data.join("meta"))
            .env("INFLUXDB_DATA_DIR", data.join("data"))
            .env("INFLUXDB_DATA_WAL_DIR", data.join("wal"))
            .env("INFLUXDB_DATA_INDEX_VERSION", "tsi1")
            .env("INFLUXDB_DATA_MAX_SERIES_PER_DATABASE", "0")
            .env("INFLUXDB_DATA_MAX_VALUES_PER_TAG", "0")
            .env("INFLUXDB_DATA_CACHE_MAX_MEMORY_SIZE", "8g")
            .env("INFLUXDB_DATA_CACHE_SNAPSHOT_WRITE_COLD_DURATION", COLD)
            .env("INFLUXDB_DATA_COMPACT_FULL_WRITE_COLD_DURATION", COLD)
            .env("INFLUXDB_DATA_QUERY_LOG_ENABLED", "false")
            .env("INFLUXDB_HTTP_BIND_ADDRESS", format!("127.0.0.1:{port}"))
            // Its second port, for backups, must not be the fixed default; 0 takes a free one.
            .env("INFLUXDB_BIND_ADDRESS", "127.0.0.1:0")
            .env("INFLUXDB_HTTP_LOG_ENABLED", "false")
            .env("INFLUXDB_HTTP_MAX_BODY_SIZE", "0")
            .env("INFLUXDB_MONITOR_STORE_ENABLED", "false")
            .env("INFLUXDB_REPORTING_DISABLED", "true")
            .env("INFLUXDB_LOGGING_LEVEL", "warn");
        Ok(command)
    }

    fn ready_path(&self) -> &'static str {
        "/ping"
    }

    fn set_up(&self, client: &Client, base: &str) -> Result<()> {
        ask(client, &format!("{base}/query?q={}", encoded(&format!("CREATE DATABASE {DATABASE}"))))
            .map(drop)
    }

    fn write_path(&self) -> &'static str {
        "/api/v1/prom/write?db=prom"
    }

    fn ask_path(&self, question: &Question) -> Option<String> {
        question.influxql.as_ref().map(|text| query_path(text))
    }

    fn answers_promql(&self) -> bool {
        false
    }

    fn count(&self, client: &Client, base: &str, work: &Prepared) -> Result<u64> {
        let (from, to) = (work.extent.from_ms, work.extent.to_ms);
        let text =
            format!("SELECT count(value) FROM /.+/ WHERE time >= {from}ms AND time <= {to}ms");
        let url = format!("{base}{}", query_path(&text));
        let answer = client.get(&url)?;
        let parsed: Value = serde_json::from_str(&answer.text).unwrap_or(Value::Null);
        if !answer.is_ok() || parsed.pointer("/results/0/error").is_some() {
            return Err(Error::Target(format!("{text} at {url}: {answer}")));
        }
        let series = parsed.pointer("/results/0/series").and_then(Value::as_array);
        let count = |one: &Value| one.pointer("/values/0/1").and_then(Value::as_u64);
        Ok(series.map_or(0, |series| series.iter().filter_map(count).sum()))
    }

    /// There is no flush. What is in memory is written after [`COLD`] without writes, and compacted
    /// after as long again.
    fn flush(&self, _client: &Client, _base: &str, data: &Path) -> Result<FolderSize> {
        size_at_rest(data, Duration::from_secs(12), &|path| path.starts_with("wal"))
    }

    fn log_size(&self, data: &Path) -> Result<FolderSize> {
        folder_size(data, &|path| !path.starts_with("wal"))
    }
}

fn query_path(text: &str) -> String {
    format!("/query?db={DATABASE}&epoch=ms&q={}", encoded(text))
}
