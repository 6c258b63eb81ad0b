//! Blocks keep what they are given, bit for bit, or say that they can't.
#![expect(clippy::unwrap_used, reason = "a test may fail by panic")]

#[path = "block_suite/crash.rs"]
mod crash;
#[path = "block_suite/damage.rs"]
mod damage;
#[path = "block_suite/merging.rs"]
mod merging;
#[path = "block_suite/roundtrip.rs"]
mod roundtrip;
#[path = "block_suite/size.rs"]
mod size;
#[path = "block_suite/support.rs"]
mod support;
