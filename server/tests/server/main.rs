//! The real binary, from the outside: one promise a file.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking, its helpers too"
)]

mod backup;
mod cardinality;
mod deletes;
mod disk_full;
mod grafana;
mod http_api;
mod import;
mod kills;
mod limits;
mod queries;
mod remote_write;
mod start;
mod stop;
mod support;
mod tiers;
