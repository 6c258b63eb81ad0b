//! Benches of the index.
fn main() {}
