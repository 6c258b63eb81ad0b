//! Label names, label values, series and metadata.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use nunatak::{Charge, Db, Matcher, Selector, Source, TimeRange};
use nunatak_promql::MemoryShare;

use super::client::Asking;
use super::params::Params;
use super::query::{CancelOnDrop, blocking, wait_for_turn};
use super::reply::{ApiError, ErrorKind, json_response, success, success_with};
use super::search::{Found, Search};
use super::stream::{Out, reply};
use crate::app::App;
use crate::json::{self, LabelsWriter};
use crate::turns::Place;
use crate::{promql, quick};

/// So many label sets are written at once by the thread that read the request.
const FEW: usize = 1000;

/// `labels`
pub(super) async fn names(
    State(app): State<Arc<App>>,
    asking: Asking,
    params: Params,
) -> Result<Response, ApiError> {
    texts(&app, &asking, &params, Db::label_names_charged).await
}

/// `label/{name}/values`
pub(super) async fn values(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    asking: Asking,
    params: Params,
) -> Result<Response, ApiError> {
    let name = unescape(&name);
    if name.is_empty() {
        return Err(ApiError::bad_data("invalid label name: \"\""));
    }
    texts(&app, &asking, &params, move |db, selector, limit, charge| {
        db.label_values_charged(&name, selector, limit, charge)
    })
    .await
}

/// Names or values of all selectors together, sorted, cut at `limit`.
async fn texts(
    app: &App,
    asking: &Asking,
    params: &Params,
    ask: impl Fn(&Db, &Selector, usize, Charge<'_>) -> nunatak::Result<Vec<String>> + Send + 'static,
) -> Result<Response, ApiError> {
    let db = app.db()?;
    let limit = params.limit()?;
    let selectors = selectors(params, ApiError::bad_data)?;
    let timeout = app.settings.query_timeout;
    let begun = Instant::now();
    let permit = wait_for_turn(app, asking, timeout).await?;
    let share = MemoryShare::new(app.query_memory());
    // Nothing stops it half-way, so it never runs where requests are read.
    let work = blocking(move || {
        let _permit = permit;
        let ask = |selector: &Selector, most, charge: Charge<'_>| ask(&db, selector, most, charge);
        let texts = one_more_than(limit, &selectors, &share, ask)?;
        let range = selectors.first().map_or(TimeRange::ALL, |selector| selector.range);
        Ok::<_, ApiError>((texts, db.warnings(range), share))
    });
    let late = |_| ApiError::new(ErrorKind::Timeout, "the search for labels timed out");
    let left = timeout.saturating_sub(begun.elapsed());
    let (mut texts, mut warnings, _share) =
        tokio::time::timeout(left, work).await.map_err(late)???;
    warnings.extend(truncate(&mut texts, limit));
    Ok(success_with(&warnings, |out| json::strings(out, &texts)))
}

/// What is the same when a request comes again later: its selectors, and how long its time is.
fn shape<'a>(params: &'a Params, selectors: &[Selector]) -> (Vec<&'a str>, Option<i64>) {
    let length = |selector: &Selector| selector.range.end.saturating_sub(selector.range.start);
    (params.all("match[]").collect(), selectors.first().map(length))
}

fn one_more_than(
    limit: usize,
    selectors: &[Selector],
    share: &MemoryShare,
    ask: impl Fn(&Selector, usize, Charge<'_>) -> nunatak::Result<Vec<String>>,
) -> Result<Vec<String>, ApiError> {
    let most = one_more(limit);
    // Each text is there a second time in the reply.
    let cost = |text: &String| (2 * text.len() + size_of::<String>()) as u64;
    let mut bytes = 0;
    let mut ask = |selector| {
        let mut covered = Ok(());
        let texts = ask(selector, most, &mut |gathered| {
            covered = share.cover(bytes + gathered);
            covered.is_ok()
        })?;
        covered?;
        bytes += texts.iter().map(cost).sum::<u64>();
        share.cover(bytes)?;
        Ok::<_, ApiError>(texts)
    };
    if let [only] = selectors {
        return ask(only);
    }
    let mut all = BTreeSet::new();
    for selector in selectors {
        all.extend(ask(selector)?);
    }
    Ok(all.into_iter().collect())
}

/// One more than the limit, so that it is seen when something is cut off; 0 is no limit.
fn one_more(limit: usize) -> usize {
    if limit == 0 { 0 } else { limit.saturating_add(1) }
}

/// `series`
pub(super) async fn series(
    State(app): State<Arc<App>>,
    asking: Asking,
    params: Params,
) -> Result<Response, ApiError> {
    let db = app.db()?;
    if params.all("match[]").next().is_none() {
        return Err(ApiError::bad_data("no match[] parameter provided"));
    }
    let limit = params.limit()?;
    let selectors = selectors(&params, |what| ApiError::parameter("match[]", what))?;
    let key = app.quick.key(("series", shape(&params, &selectors)));
    let cancel = CancelOnDrop::default();
    let (timeout, begun) = (app.settings.query_timeout, Instant::now());
    let place = wait_for_turn(&app, &asking, timeout).await?;
    let search = Search {
        db,
        selectors,
        most: one_more(limit),
        memory: app.query_memory(),
        deadline: begun + timeout,
        cancel: cancel.flag(),
    };
    Ok(list(app, key, place, search, limit).await)
}

/// Searches where the request was read if that was quick the last time, for as long as that may take;
/// else, or if it takes longer, on a thread that may block.
async fn list(
    app: Arc<App>,
    key: quick::Key,
    place: Place,
    search: Search,
    limit: usize,
) -> Response {
    let begun = Instant::now();
    let late = |error: &ApiError| error.kind == ErrorKind::Timeout;
    let soon = search.deadline.min(begun + quick::PATIENCE);
    let found = if app.quick.knows(key) { Some(search.find(soon)) } else { None };
    let found = found.filter(|found| !found.as_ref().is_err_and(late));
    let finish = move |out: &mut Out, found: Found| {
        write_sets(out, found, limit);
        app.quick.note(key, begun.elapsed());
        // Not earlier: what is being sent is still in memory.
        drop(place);
    };
    match found {
        Some(Err(error)) => error.into_response(),
        Some(Ok(found)) if found.sets.len() <= FEW => {
            let mut out = Out::whole();
            finish(&mut out, found);
            json_response(StatusCode::OK, out.buffer)
        }
        found => {
            let find = move || found.unwrap_or_else(|| search.find(search.deadline));
            reply(move |out| {
                finish(out, find()?);
                Ok(())
            })
            .await
        }
    }
}

/// Writes label sets until nobody listens any more.
fn write_sets(out: &mut Out, found: Found, limit: usize) {
    let (mut sets, mut warnings) = (found.sets, found.warnings);
    warnings.extend(truncate(&mut sets, limit));
    out.buffer.extend_from_slice(br#"{"status":"success","data":["#);
    let mut writer = LabelsWriter::new();
    for (i, labels) in sets.into_iter().enumerate() {
        if i > 0 {
            out.buffer.push(b',');
        }
        writer.write(&mut out.buffer, labels);
        if !out.pass_on() {
            return;
        }
    }
    out.buffer.push(b']');
    if !warnings.is_empty() {
        out.buffer.extend_from_slice(br#","warnings":"#);
        json::strings(&mut out.buffer, &warnings);
    }
    out.buffer.push(b'}');
}

/// `metadata`
pub(super) async fn metadata(
    State(app): State<Arc<App>>,
    params: Params,
) -> Result<Response, ApiError> {
    let number = |name: &str| match params.get(name) {
        "" => Ok(0),
        text => text
            .parse::<i64>()
            .map(|n| n.max(0) as usize)
            .map_err(|_| ApiError::bad_data(format!("{name} must be a number"))),
    };
    let (limit, per_metric) = (number("limit")?, number("limit_per_metric")?);
    let metric = params.get("metric");
    Ok(success(|out| app.metadata.write_json(out, metric, limit, per_metric)))
}

/// One selector for each `match[]`; one for everything if there is none. `refuse` makes an error of
/// what is wrong.
pub(super) fn selectors(
    params: &Params,
    refuse: impl Fn(String) -> ApiError,
) -> Result<Vec<Selector>, ApiError> {
    let range = params.range()?;
    let mut selectors = Vec::new();
    for text in params.all("match[]") {
        let matchers = promql::selector(text).map_err(&refuse)?;
        if matchers.iter().all(|matcher: &Matcher| matcher.matches("")) {
            return Err(refuse("match[] must contain at least one non-empty matcher".to_owned()));
        }
        selectors.push(Selector::new(matchers, range));
    }
    if selectors.is_empty() {
        selectors.push(Selector::new(Vec::new(), range));
    }
    Ok(selectors)
}

/// Cuts a list at `limit` (0: none) and says so.
fn truncate<T>(items: &mut Vec<T>, limit: usize) -> Vec<String> {
    if limit == 0 || items.len() <= limit {
        return Vec::new();
    }
    items.truncate(limit);
    vec!["results truncated due to limit".to_owned()]
}

/// Undoes Prometheus' escape of names that are not plain: `U__` and then `_2e_` for a dot, `__`
/// for an underscore. What is not well-formed stays as it is.
fn unescape(name: &str) -> String {
    fn inner(escaped: &str) -> Option<String> {
        let mut plain = String::new();
        let mut rest = escaped;
        while let Some((before, after)) = rest.split_once('_') {
            plain.push_str(before);
            if let Some(after) = after.strip_prefix('_') {
                plain.push('_');
                rest = after;
                continue;
            }
            let (code, after) = after.split_once('_')?;
            plain.push(char::from_u32(u32::from_str_radix(code, 16).ok()?)?);
            rest = after;
        }
        plain.push_str(rest);
        Some(plain)
    }
    name.strip_prefix("U__").and_then(inner).unwrap_or_else(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use nunatak_promql::QueryMemory;

    #[test]
    fn lists_are_charged_while_they_grow() {
        let memory = Arc::new(QueryMemory::new(4 << 20));
        let share = MemoryShare::new(Arc::clone(&memory));
        let selectors = [Selector::new(Vec::new(), TimeRange::ALL)];
        let mebibytes = std::cell::Cell::new(0);
        let ask = |_: &Selector, _, charge: Charge<'_>| {
            while mebibytes.get() < 100 && charge(mebibytes.get() << 20) {
                mebibytes.set(mebibytes.get() + 1);
            }
            Ok(Vec::new())
        };
        let error = one_more_than(0, &selectors, &share, ask).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Execution);
        assert!(error.message.starts_with("query needs more memory"), "{}", error.message);
        // Half of the memory is one query's.
        assert_eq!((memory.used(), mebibytes.get()), (2 << 20, 3));
    }

    #[test]
    fn names_are_unescaped() {
        for (escaped, plain) in [
            ("job", "job"),
            ("U__http_2e_status", "http.status"),
            ("U__a__b_2e_c", "a_b.c"),
            ("U___1f600_", "😀"),
            ("U__broken_2e", "U__broken_2e"),
            ("U__bad_zz_", "U__bad_zz_"),
        ] {
            assert_eq!(unescape(escaped), plain);
        }
    }

    #[test]
    fn lists_are_cut_and_it_is_said() {
        let mut list = vec![1, 2, 3];
        assert!(truncate(&mut list, 0).is_empty());
        assert!(truncate(&mut list, 3).is_empty());
        assert_eq!(truncate(&mut list, 2), ["results truncated due to limit"]);
        assert_eq!(list, [1, 2]);
    }
}
