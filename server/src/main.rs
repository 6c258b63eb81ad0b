//! The `nunatak` binary.
#![forbid(unsafe_code)]

fn main() {}
