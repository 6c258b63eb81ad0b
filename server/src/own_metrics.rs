//! Stores the server's own metrics, so that a fresh server has something to show at once.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use crate::app::App;

const EVERY: Duration = Duration::from_secs(15);

/// The first waits: a rate needs two samples, and who has just started a server looks at once.
const FIRST: [Duration; 5] = [
    Duration::from_secs(1),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
    Duration::from_secs(7),
];

/// Stores a batch every 15 s, in the beginning more often, for ever; buffers that nobody needs go then,
/// too.
pub(crate) async fn store(app: Arc<App>) {
    for wait in waits() {
        let storing = Arc::clone(&app);
        drop(tokio::task::spawn_blocking(move || store_once(&storing)).await);
        app.ingest().forget_idle();
        sleep(wait).await;
    }
}

fn waits() -> impl Iterator<Item = Duration> {
    FIRST.into_iter().chain(std::iter::repeat(EVERY))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_two_samples_after_a_second() {
        assert_eq!(waits().next(), Some(Duration::from_secs(1)));
        assert_eq!(waits().take(FIRST.len()).sum::<Duration>(), EVERY);
        assert_eq!(waits().nth(FIRST.len()), Some(EVERY));
    }
}
