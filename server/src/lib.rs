//! The nunatak server: protocols in, Prometheus' HTTP API out, around one [`nunatak::Db`].
//!
//! The library exists so that tests and fuzzers reach the parts; the program is `src/main.rs`.
#![forbid(unsafe_code)]

pub mod remote_write;
