//! Label names, label values, series and metadata.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use nunatak::{Db, Hints, Labels, Matcher, Selector, Source, TimeRange};

use super::client::Asking;
use super::params::Params;
use super::query::{quick_or_blocking, wait_for_turn};
use super::reply::{ApiError, success, success_with};
use crate::app::App;
use crate::{json, promql};

/// `labels`
pub(super) async fn names(
    State(app): State<Arc<App>>,
    asking: Asking,
    params: Params,
) -> Result<Response, ApiError> {
    texts(&app, &asking, &params, "", Source::label_names).await
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
    let key = name.clone();
    texts(&app, &asking, &params, &key, move |db, selector, limit| {
        db.label_values(&name, selector, limit)
    })
    .await
}

/// Names or values of all selectors together, sorted, cut at `limit`; `what` tells the one from the
/// other.
async fn texts(
    app: &Arc<App>,
    asking: &Asking,
    params: &Params,
    what: &str,
    ask: impl Fn(&Db, &Selector, usize) -> nunatak::Result<Vec<String>> + Send + 'static,
) -> Result<Response, ApiError> {
    let db = app.db()?;
    let limit = params.limit()?;
    let selectors = selectors(params, ApiError::bad_data)?;
    let permit = wait_for_turn(app, asking, app.settings.query_timeout).await?;
    let key = app.quick.key(("texts", what, shape(params, &selectors)));
    let (mut texts, mut warnings) = quick_or_blocking(app, key, move || {
        let _permit = permit;
        let texts = one_more_than(limit, &selectors, |selector, most| ask(&db, selector, most))?;
        let range = selectors.first().map_or(TimeRange::ALL, |selector| selector.range);
        Ok::<_, ApiError>((texts, db.warnings(range)))
    })
    .await??;
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
    ask: impl Fn(&Selector, usize) -> nunatak::Result<Vec<String>>,
) -> Result<Vec<String>, ApiError> {
    let most = if limit == 0 { 0 } else { limit.saturating_add(1) };
    if let [only] = selectors {
        return Ok(ask(only, most)?);
    }
    let mut all = BTreeSet::new();
    for selector in selectors {
        all.extend(ask(selector, most)?);
    }
    Ok(all.into_iter().collect())
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
    let permit = wait_for_turn(&app, &asking, app.settings.query_timeout).await?;
    let key = app.quick.key(("series", shape(&params, &selectors)));
    let (mut sets, mut warnings) = quick_or_blocking(&app, key, move || {
        let _permit = permit;
        label_sets(&db, &selectors, limit)
    })
    .await??;
    warnings.extend(truncate(&mut sets, limit));
    Ok(success_with(&warnings, |out| json::list(out, &sets, json::labels)))
}

fn label_sets(
    db: &Db,
    selectors: &[Selector],
    limit: usize,
) -> Result<(Vec<Labels>, Vec<String>), ApiError> {
    let most = if limit == 0 { 0 } else { limit.saturating_add(1) };
    let hints = Hints { labels_only: true, ..Hints::default() };
    let (mut sets, mut warnings) = (Vec::new(), Vec::new());
    for selector in selectors {
        warnings.extend(Source::scan(db, selector, &hints, &mut |labels, _| {
            sets.push(labels.clone());
            true
        })?);
    }
    sets.sort();
    sets.dedup();
    if most > 0 {
        sets.truncate(most);
    }
    Ok((sets, warnings))
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
