//! Queries.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use nunatak::Db;
use nunatak_promql::QueryResult;

use super::client::Asking;
use super::params::{Params, parse_step};
use super::reply::{ApiError, ErrorKind, json_response, success, success_value};
use super::stream::{Out, reply};
use crate::app::App;
use crate::promql::{self, Question, When};
use crate::quick;
use crate::turns::{NoPlace, Place};

/// `query`
pub(super) async fn instant(
    State(app): State<Arc<App>>,
    asking: Asking,
    params: Params,
) -> Result<Response, ApiError> {
    let limit = params.limit()?;
    let when = When::At(match params.time("time")? {
        Some(time) => time,
        None => app.now_ms(),
    });
    run(&app, asking, &params, when, limit).await
}

/// `query_range`
pub(super) async fn range(
    State(app): State<Arc<App>>,
    asking: Asking,
    params: Params,
) -> Result<Response, ApiError> {
    let limit = params.limit()?;
    let start = params.required_time("start")?;
    let end = params.required_time("end")?;
    if end < start {
        let what = "end timestamp must not be before start time";
        return Err(ApiError::parameter("end", what));
    }
    let step = parse_step(params.get("step")).map_err(|what| ApiError::parameter("step", what))?;
    if step <= 0 {
        let what = "zero or negative query resolution step widths are not accepted. \
                    Try a positive integer";
        return Err(ApiError::parameter("step", what));
    }
    // As Prometheus counts: a rest smaller than a step is no point.
    if (i128::from(end) - i128::from(start)) / i128::from(step) > 11_000 {
        return Err(ApiError::bad_data(
            "exceeded maximum resolution of 11,000 points per timeseries. \
             Try decreasing the query resolution (?step=XX)",
        ));
    }
    run(&app, asking, &params, When::Range { start, end, step }, limit).await
}

/// `format_query`
pub(super) async fn format(params: Params) -> Result<Response, ApiError> {
    let text = promql::format_query(params.get("query"))?;
    Ok(success(|out| crate::json::string(out, &text)))
}

/// `parse_query`
pub(super) async fn parse(params: Params) -> Result<Response, ApiError> {
    Ok(success_value(&promql::parse_query(params.get("query"))?))
}

async fn run(
    app: &Arc<App>,
    asking: Asking,
    params: &Params,
    when: When,
    limit: usize,
) -> Result<Response, ApiError> {
    let db = app.db()?;
    let begun = Instant::now();
    let timeout = query_timeout(app, params)?;
    let stats = params.get("stats");
    let (stats, profile) = (!stats.is_empty(), stats == "all");
    let lookback_ms = lookback(app, params)?;
    let cancel = CancelOnDrop::default();
    let question = Question {
        text: params.get("query").to_owned(),
        when,
        lookback_ms,
        deadline: begun + timeout,
        cancel: cancel.flag(),
        profile,
    };
    let place = wait_for_turn(app, &asking, timeout).await?;
    let app = Arc::clone(app);
    let task = Task { app, db, asking, question, limit, stats, begun, place };
    Ok(task.run().await)
}

/// A query whose turn it is.
struct Task {
    app: Arc<App>,
    db: Db,
    asking: Asking,
    question: Question,
    limit: usize,
    /// Whether the reply says what the query has cost.
    stats: bool,
    begun: Instant,
    place: Place,
}

impl Task {
    async fn run(self) -> Response {
        let key = self.app.quick.key((&self.question.text, self.question.when.shape()));
        let answer = if self.app.quick.knows(key) { self.at_once() } else { None };
        match answer {
            Some(answer) if answer.as_ref().is_ok_and(|answer| !promql::is_large(answer)) => {
                let mut out = Out::whole();
                match self.finish(&mut out, key, answer) {
                    Ok(()) => json_response(StatusCode::OK, out.buffer),
                    Err(error) => error.into_response(),
                }
            }
            answer => {
                reply(move |out| {
                    let ask = || promql::ask(&self.db, self.app.query_memory(), &self.question);
                    let answer = answer.unwrap_or_else(ask);
                    self.finish(out, key, answer)
                })
                .await
            }
        }
    }

    /// Asks without changing the thread; `None` if that takes too long.
    fn at_once(&self) -> Option<Result<QueryResult, ApiError>> {
        let soon = Instant::now() + quick::PATIENCE;
        let deadline = soon.min(self.question.deadline);
        let question = Question { deadline, ..self.question.clone() };
        let answer = promql::ask(&self.db, self.app.query_memory(), &question);
        let late = |error: &ApiError| error.kind == ErrorKind::Timeout;
        (!answer.as_ref().is_err_and(late)).then_some(answer)
    }

    /// Writes the answer, and notes what it has cost.
    fn finish(
        self,
        out: &mut Out,
        key: quick::Key,
        answer: Result<QueryResult, ApiError>,
    ) -> Result<(), ApiError> {
        let took = self.begun.elapsed();
        self.app.metrics.query(took, answer.is_ok());
        if took >= self.app.settings.slow_query {
            log_slow(&self.asking, &self.question, took, answer.as_ref().err());
        }
        let stats = self.stats.then_some(took.as_secs_f64());
        promql::write(out, answer?, self.limit, stats);
        self.app.quick.note(key, self.begun.elapsed());
        // Not earlier: an answer that is being sent is still in memory.
        drop(self.place);
        Ok(())
    }
}

/// The parameter `lookback_delta`, in ms; the server's if it is not positive.
fn lookback(app: &App, params: &Params) -> Result<i64, ApiError> {
    let default = app.settings.lookback.as_millis() as i64;
    match params.get("lookback_delta") {
        "" => Ok(default),
        text => parse_step(text).map(|ms| if ms > 0 { ms } else { default }).map_err(|what| {
            ApiError::bad_data(format!("error parsing lookback delta duration: {what}"))
        }),
    }
}

/// The parameter `timeout`, at most the server's.
fn query_timeout(app: &App, params: &Params) -> Result<Duration, ApiError> {
    let most = app.settings.query_timeout;
    Ok(match params.duration("timeout")? {
        Some(ms) => most.min(Duration::from_millis(ms.max(0) as u64)),
        None => most,
    })
}

/// Waits until one of the places for queries is free and it is the client's turn.
pub(super) async fn wait_for_turn(
    app: &App,
    asking: &Asking,
    timeout: Duration,
) -> Result<Place, ApiError> {
    match tokio::time::timeout(timeout, app.query_places.wait(&asking.client)).await {
        Ok(Ok(place)) => Ok(place),
        Ok(Err(NoPlace::Closed)) => Err(ApiError::new(ErrorKind::Unavailable, "the server stops")),
        Ok(Err(NoPlace::Full)) => {
            let text = "too many queries wait already; try again";
            Err(ApiError::new(ErrorKind::Unavailable, text))
        }
        Err(_) => Err(ApiError::new(ErrorKind::Timeout, "query timed out in query queue")),
    }
}

/// Runs `work` on a thread that may block.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, ApiError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| ApiError::new(ErrorKind::Internal, "the request failed; see the server's log"))
}

/// Stops the query when the client goes: its request is then dropped.
#[derive(Debug, Default)]
pub(super) struct CancelOnDrop(Arc<AtomicBool>);

impl CancelOnDrop {
    /// What the query looks at.
    pub(super) fn flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.0)
    }
}

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn log_slow(asking: &Asking, question: &Question, took: Duration, error: Option<&ApiError>) {
    tracing::warn!(
        query = %question.text.chars().take(1000).collect::<String>(),
        when = ?question.when,
        ms = took.as_millis() as u64,
        client = %asking.client,
        dashboard = %asking.dashboard,
        panel = %asking.panel,
        error = error.map_or("", |error| &error.message),
        "slow query"
    );
}
