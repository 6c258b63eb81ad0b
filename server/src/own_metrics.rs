//! Stores the server's own metrics, so that a fresh server has something to show at once.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use crate::app::App;

const EVERY: Duration = Duration::from_secs(15);

/// Stores a batch every 15 s, for ever.
pub(crate) async fn store(app: Arc<App>) {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        ticks.tick().await;
        let app = Arc::clone(&app);
        drop(tokio::task::spawn_blocking(move || store_once(&app)).await);
    }
}

fn store_once(app: &App) {
    let Ok(db) = app.db() else { return };
    let batch = app.metrics.batch(&db.stats(), &app.instance(), app.now_ms());
    match db.append(&batch) {
        Ok(outcome) if !outcome.refused.is_empty() => {
            let why: Vec<_> = outcome.refused.iter().map(ToString::to_string).collect();
            tracing::warn!("own metrics were partly refused: {}", why.join("; "));
        }
        Ok(_) | Err(nunatak::Error::Closed) => {}
        Err(error) => tracing::warn!("own metrics were not stored: {error}"),
    }
}
