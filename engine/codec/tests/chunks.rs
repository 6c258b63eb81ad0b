//! What the crate promises, one promise a file.
#![expect(clippy::unwrap_used, reason = "a test fails by its panic")]

#[path = "chunks/golden.rs"]
mod golden;
#[path = "chunks/kernels.rs"]
mod kernels;
#[path = "chunks/open_chunk.rs"]
mod open_chunk;
#[path = "chunks/sealed_times.rs"]
mod sealed_times;
#[path = "chunks/sealed_values.rs"]
mod sealed_values;
#[path = "chunks/shapes.rs"]
mod shapes;
