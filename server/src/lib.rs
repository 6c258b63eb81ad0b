//! The nunatak server: protocols in, Prometheus' HTTP API out, around one [`nunatak::Db`].
//!
//! The library exists so that tests and fuzzers reach the parts; the program is `src/main.rs`.
//! In reading order: [`serve()`] starts everything, `http` routes, `http/write` and
//! [`remote_write`] take samples in, `http/query` and `promql` answer.
#![forbid(unsafe_code)]

mod app;
mod ask;
pub mod cli;
mod clients;
mod commits;
mod config;
mod connections;
mod flood;
mod http;
pub mod import;
mod ingest;
mod inspect;
mod json;
mod listener;
mod logging;
mod metadata;
mod metrics;
mod own_metrics;
mod promql;
mod quick;
pub mod remote_write;
mod room;
mod serve;
mod snapshot;
mod turns;
mod verify;

pub use ask::{AskError, ask};
pub use config::{ConfigError, LogFormat, Settings};
pub use inspect::inspect;
pub use serve::{ServeError, serve};
pub use snapshot::snapshot;
pub use verify::verify;
