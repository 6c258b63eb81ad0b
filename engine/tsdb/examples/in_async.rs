//! Uses the engine inside an async program: an append may block for a sync, so it belongs on a
//! thread that may block.
//!
//! `cargo run --example in_async`

use nunatak::{Batch, Db, Options, labels};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().to_path_buf();
    let db = tokio::task::spawn_blocking(move || Db::open(Options::new(path))).await??;

    let mut writers = Vec::new();
    for worker in 0..4_i64 {
        let db = db.clone();
        writers.push(tokio::task::spawn_blocking(move || -> nunatak::Result<u64> {
            let mut batch = Batch::new();
            let name = worker.to_string();
            let jobs = batch.series(&labels! { "__name__" => "jobs_total", "worker" => &name })?;
            for second in 0..100 {
                batch.push(jobs, 1_700_000_000_000 + second * 1_000, second as f64);
            }
            Ok(db.append(&batch)?.stored)
        }));
    }
    let mut stored = 0;
    for writer in writers {
        stored += writer.await??;
    }
    print(&format!("{stored} samples of 4 writers are durable"));
    tokio::task::spawn_blocking(move || db.close()).await??;
    Ok(())
}

#[expect(clippy::print_stdout, reason = "an example shows what it does")]
fn print(line: &str) {
    println!("{line}");
}
