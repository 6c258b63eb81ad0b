//! The HTTP API.

mod admin;
mod body;
mod cardinality;
mod client;
mod labels;
mod middleware;
mod params;
mod query;
mod ready;
mod reply;
mod rules;
mod search;
mod snapshot;
mod status;
mod stream;
mod ui;
mod write;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};
use tower_http::compression::CompressionLayer;

pub(crate) use params::{MAX_FORM, parse_step, parse_time};
pub(crate) use reply::{ApiError, ErrorKind};
pub(crate) use snapshot::new_name as new_snapshot_name;
pub(crate) use stream::Out;

use crate::app::App;

/// Every route of the server.
pub(crate) fn router(app: &Arc<App>) -> Router {
    let read = Router::new()
        .route("/query", get(query::instant).post(query::instant))
        .route("/query_range", get(query::range).post(query::range))
        .route("/query_exemplars", get(rules::exemplars).post(rules::exemplars))
        .route("/format_query", get(query::format).post(query::format))
        .route("/parse_query", get(query::parse).post(query::parse))
        .route("/labels", get(labels::names).post(labels::names))
        .route("/label/{name}/values", get(labels::values))
        .route("/series", get(labels::series).post(labels::series))
        .route("/metadata", get(labels::metadata))
        .route("/targets", get(rules::targets))
        .route("/rules", get(rules::rules))
        .route("/alerts", get(rules::alerts))
        .route("/alertmanagers", get(rules::alertmanagers))
        .route("/status/buildinfo", get(status::build_info))
        .route("/status/runtimeinfo", get(status::runtime_info))
        .route("/status/flags", get(status::flags))
        .route("/status/config", get(status::config))
        .route("/status/tsdb", get(status::tsdb))
        .route("/cardinality", get(cardinality::cardinality).post(cardinality::cardinality))
        .layer(CompressionLayer::new());
    let changes = Router::new()
        .route("/write", post(write::write))
        .route("/admin/tsdb/delete_series", post(admin::delete_series).put(admin::delete_series))
        .route(
            "/admin/tsdb/clean_tombstones",
            post(admin::clean_tombstones).put(admin::clean_tombstones),
        )
        .route("/admin/tsdb/deletes", get(admin::deletes))
        .route("/admin/tsdb/undelete", post(admin::undelete).put(admin::undelete))
        .route("/admin/tsdb/flush", post(admin::flush).put(admin::flush))
        .route("/admin/tsdb/snapshot", post(snapshot::snapshot).put(snapshot::snapshot))
        .layer(axum::middleware::from_fn(middleware::no_foreign_pages));
    let api = read
        .merge(changes)
        .fallback(middleware::no_such_endpoint)
        .method_not_allowed_fallback(middleware::no_such_method)
        .layer(axum::middleware::from_fn(middleware::cors));
    Router::new()
        .nest("/api/v1", api)
        .route("/-/healthy", get(ready::healthy))
        .route("/-/ready", get(ready::ready))
        .route(
            "/-/reload",
            post(admin::reload)
                .put(admin::reload)
                .layer(axum::middleware::from_fn(middleware::no_foreign_pages)),
        )
        .route("/metrics", get(status::metrics).layer(CompressionLayer::new()))
        .route("/", get(ui::page))
        .route("/favicon.ico", get(ui::icon))
        .layer(axum::middleware::from_fn_with_state(Arc::clone(app), middleware::measure))
        .with_state(Arc::clone(app))
}
