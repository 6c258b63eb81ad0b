//! Is everything there that was acknowledged?

use serde::{Deserialize, Serialize};

use crate::client::Client;
use crate::workload::Fleet;
use crate::{Error, Result};

/// Samples found by queries against samples acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stored {
    /// Acknowledged.
    pub expected: u64,
    /// Found.
    pub found: u64,
}

/// Counts the stored samples, host by host so that no query is large.
///
/// # Errors
/// If a query fails.
pub fn count_stored(
    client: &Client,
    base: &str,
    fleet: &Fleet,
    expected: u64,
    from_ms: i64,
    to_ms: i64,
) -> Result<Stored> {
    // A range does not hold its left end.
    let range = to_ms - from_ms + 1;
    let mut found = 0.0;
    for host in 0..fleet.hosts() {
        let (instance, _) = fleet.host(host);
        let query = format!(
            "sum(count_over_time({{instance=\"{instance}\",job=\"node-exporter\"}}[{range}ms]))"
        );
        let result = client.query(base, &query, to_ms as f64 / 1e3)?;
        found += match result.pointer("/0/value/1").and_then(serde_json::Value::as_str) {
            Some(number) => number
                .parse::<f64>()
                .map_err(|error| Error::Target(format!("{query}: {number}: {error}")))?,
            None => 0.0,
        };
    }
    Ok(Stored { expected, found: found as u64 })
}
