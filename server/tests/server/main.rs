//! The real binary, from the outside: one promise a file.

mod grafana;
mod http_api;
mod remote_write;
mod start;
mod stop;
mod support;
