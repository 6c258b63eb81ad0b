//! Is everything there that was acknowledged?

use serde::{Deserialize, Serialize};

use crate::Result;
use crate::client::Client;
use crate::workload::Fleet;

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
    let mut found = 0;
    for host in 0..fleet.hosts() {
        let (instance, _) = fleet.host(host);
        // Plain samples: a function over them would drop the metric's name, and two metrics of a
        // host with otherwise equal labels are an error then.
        let query = format!("{{instance=\"{instance}\",job=\"node-exporter\"}}[{range}ms]");
        let result = client.query(base, &query, to_ms as f64 / 1e3)?;
        let series = result.as_array().map_or(&[][..], Vec::as_slice);
        found += series
            .iter()
            .filter_map(|one| one.get("values")?.as_array())
            .map(|values| values.len() as u64)
            .sum::<u64>();
    }
    Ok(Stored { expected, found })
}
