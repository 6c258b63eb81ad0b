//! Health and readiness.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;

use super::reply::text_response;
use crate::app::App;

/// The process answers.
pub(super) async fn healthy() -> Response {
    text_response(StatusCode::OK, "nunatak is healthy.")
}

/// The database is open; until then the answer says how far the start is.
pub(super) async fn ready(State(app): State<Arc<App>>) -> Response {
    match app.db() {
        Ok(_) => text_response(StatusCode::OK, "nunatak is ready."),
        Err(error) => {
            let mut response = text_response(StatusCode::SERVICE_UNAVAILABLE, error.message);
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
            response
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::response::IntoResponse as _;
    use nunatak::{Db, Options};

    #[tokio::test]
    async fn it_is_ready_when_the_database_is_open() {
        let app = App::unopened();
        let come_again = |response: &Response| {
            assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
            assert_eq!(response.headers()[header::RETRY_AFTER], "1");
        };
        come_again(&ready(State(Arc::clone(&app))).await);
        come_again(&app.db().unwrap_err().into_response());
        assert!(app.db().unwrap_err().message.contains("(opening files)"), "it says how far");
        assert_eq!(healthy().await.status(), StatusCode::OK);

        let folder = tempfile::tempdir().unwrap();
        app.opened(Db::open(Options::new(folder.path()).threads(0)).unwrap());
        assert_eq!(ready(State(app)).await.status(), StatusCode::OK);
    }

    #[tokio::test(start_paused = true)]
    async fn a_write_waits_for_the_database_but_not_for_ever() {
        let app = App::unopened();
        let began = tokio::time::Instant::now();
        assert!(app.db_soon().await.is_err());
        assert_eq!(began.elapsed().as_secs(), 10);

        let folder = tempfile::tempdir().unwrap();
        let waiting = tokio::spawn({
            let app = Arc::clone(&app);
            async move { app.db_soon().await.map(drop) }
        });
        tokio::task::yield_now().await;
        app.opened(Db::open(Options::new(folder.path()).threads(0)).unwrap());
        waiting.await.unwrap().unwrap();
    }
}
