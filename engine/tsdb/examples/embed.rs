//! Embeds the engine: writes a few samples, reads them back, and opens the folder again.
//!
//! `cargo run --example embed`

use nunatak::{Batch, Db, MatchOp, Matcher, Options, SampleBatch, Selector, TimeRange, labels};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let db = Db::open(Options::new(folder.path()))?;

    let mut batch = Batch::new();
    let idle = batch.series(&labels! { "__name__" => "cpu_seconds_total", "mode" => "idle" })?;
    let user = batch.series(&labels! { "__name__" => "cpu_seconds_total", "mode" => "user" })?;
    for minute in 0..60 {
        let time = 1_700_000_000_000 + minute * 60_000;
        batch.push(idle, time, minute as f64 * 55.5);
        batch.push(user, time, minute as f64 * 4.5);
    }
    let outcome = db.append(&batch)?;
    print(&format!("stored {} samples, refused {}", outcome.stored, outcome.refused_samples()));
    db.close()?;

    let db = Db::open(Options::new(folder.path()))?;
    let matchers = vec![Matcher::new("__name__", MatchOp::Equal, "cpu_seconds_total")?];
    let mut samples = SampleBatch::default();
    for mut series in db.select(&Selector::new(matchers, TimeRange::ALL))?.series {
        let mut count = 0;
        while series.cursor.next_batch(&mut samples)? {
            count += samples.len();
        }
        print(&format!("{} has {count} samples", series.labels));
    }
    db.close()?;
    Ok(())
}

#[expect(clippy::print_stdout, reason = "an example shows what it does")]
fn print(line: &str) {
    println!("{line}");
}
