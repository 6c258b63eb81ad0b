//! Benches of nunatak.
#![forbid(unsafe_code)]

fn main() {}
