//! Embeds the engine without a background thread: the program itself says when there is time for
//! maintenance. For programs that must not have threads, and for simulations.
//!
//! `cargo run --example no_threads`

use std::sync::Arc;
use std::time::Duration;

use nunatak::{Batch, Db, ManualClock, Options, labels};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let clock = Arc::new(ManualClock::new(0));
    let options = Options::new(folder.path()).threads(0).shards(1).clock(clock.clone());
    let db = Db::open(options)?;

    // Six hours of a sensor, one sample a minute; the clock is the simulation's.
    let mut batch = Batch::new();
    let sensor =
        batch.series(&labels! { "__name__" => "temperature_celsius", "room" => "cellar" })?;
    for minute in 0..360 {
        let time = minute * 60_000;
        clock.set(time);
        batch.clear_samples();
        batch.push(sensor, time, 12.0 + (minute % 7) as f64 / 10.0);
        db.append(&batch)?;
        // Now and then there is time: `true` means that more work is due.
        if minute % 30 == 0 {
            while db.maintain(Duration::from_millis(5))? {}
        }
    }
    let stats = db.stats();
    print(&format!("{} samples went into {} blocks", stats.block_samples, stats.blocks));
    db.close()?;
    Ok(())
}

#[expect(clippy::print_stdout, reason = "an example shows what it does")]
fn print(line: &str) {
    println!("{line}");
}
