//! A saved head that may be anything, with right and with wrong checksums: loading it never panics
//! and never takes memory without bound, and what was loaded can be read.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nunatak::fuzzing::{load_file, load_pages};

fuzz_target!(|input: &[u8]| {
    match input.split_first() {
        Some((0, rest)) => drop(load_file(rest)),
        Some((_, rest)) => drop(load_pages(rest)),
        None => {}
    }
});
