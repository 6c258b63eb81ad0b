//! `nunatak serve`: from the port to the last sync.

use std::fmt;
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use nunatak::{Clock as _, Db};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use crate::app::App;
use crate::cli::ServeArgs;
use crate::commits::Commits;
use crate::config::{Settings, format_bytes};
use crate::connections;
use crate::flood;
use crate::http::router;
use crate::listener::listen;
use crate::logging::LogControl;
use crate::metrics::Metrics;

/// How long requests may take to finish after a signal to stop; closing comes on top.
const GRACE: Duration = Duration::from_secs(6);

/// Why the server does not run, in one line.
#[derive(Debug)]
#[non_exhaustive]
pub enum ServeError {
    /// It could not start (exit code 2).
    Start(String),
    /// It failed while it ran (exit code 1).
    Run(String),
}

impl fmt::Display for ServeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Start(text) | Self::Run(text)) = self;
        f.write_str(text)
    }
}

impl std::error::Error for ServeError {}

fn start_error(error: impl fmt::Display) -> ServeError {
    ServeError::Start(error.to_string())
}

/// Runs the server until a signal stops it.
///
/// # Errors
/// [`ServeError`] if it can't start, or fails.
pub fn serve(args: ServeArgs) -> Result<(), ServeError> {
    let settings = Settings::resolve(&args).map_err(start_error)?;
    let log = LogControl::start(settings.log_format, &settings.log_level).map_err(start_error)?;
    let (listener, note) = listen(&settings.listen).map_err(start_error)?;
    check_folder(&settings.data_dir).map_err(start_error)?;
    let address = listener.local_addr().map_err(start_error)?;
    let metrics = Metrics::new().map_err(start_error)?;
    let flood = flood::threads().map_err(start_error)?;
    let commits = Commits::start().map_err(start_error)?;
    let app = App::new(args, settings, address, log, metrics, flood.handle().clone(), commits);
    let app = Arc::new(app);
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(start_error)?;
    let result = runtime.block_on(run(&app, listener, note));
    // Queries that still run must not hold the process.
    runtime.shutdown_timeout(Duration::from_millis(500));
    flood.shutdown_background();
    result
}

/// The folder must be there, or be makeable, and writable.
fn check_folder(path: &Path) -> Result<(), String> {
    let fail = |what: &str, error: std::io::Error| {
        let path = path.display();
        Err(format!("data folder {path} {what}: {error}; choose another with --data-dir"))
    };
    if let Err(error) = std::fs::create_dir_all(path) {
        return fail("can't be made", error);
    }
    let probe = path.join(format!(".writable-{}", std::process::id()));
    match std::fs::write(&probe, b"") {
        Ok(()) => drop(std::fs::remove_file(&probe)),
        // Disk full is for the engine to say: reading still works.
        Err(error) if error.kind() == std::io::ErrorKind::StorageFull => {}
        Err(error) => return fail("is not writable", error),
    }
    Ok(())
}

fn announce(app: &App, note: Option<String>) {
    let settings = &app.settings;
    if let Some(note) = note {
        tracing::warn!("{note}");
    }
    tracing::info!(
        address = %app.address, "nunatak {} listens on http://localhost:{}/",
        env!("CARGO_PKG_VERSION"), app.address.port()
    );
    let folder = std::path::absolute(&settings.data_dir).unwrap_or(settings.data_dir.clone());
    tracing::info!(folder = %folder.display(), "data folder");
    tracing::info!(
        retention = %settings.retention_text(),
        budget = %settings.memory_budget.map_or("half of the memory".to_owned(), format_bytes),
        durability = %settings.durability_text(),
        "retention, memory budget, durability"
    );
}

async fn run(
    app: &Arc<App>,
    listener: TcpListener,
    note: Option<String>,
) -> Result<(), ServeError> {
    // First of all: from here on no signal ends the process, or is lost.
    let hangups = signal(SignalKind::hangup()).map_err(start_error)?;
    let mut stop_signal = std::pin::pin!(stop_signal().map_err(start_error)?);
    let hangup = tokio::spawn(reload_on_hangup(Arc::clone(app), hangups));
    announce(app, note);
    let (stop, stopped) = watch::channel(false);
    let listener = tokio::net::TcpListener::from_std(listener).map_err(start_error)?;
    let most = app.settings.max_connections;
    let server = tokio::spawn(connections::serve(listener, router(app), most, stopped));
    let db = tokio::select! {
        biased;
        signal = &mut stop_signal => {
            tracing::info!("{signal} while the database was being opened");
            return Ok(());
        }
        opened = open(app) => opened?,
    };
    let own = tokio::spawn(crate::own_metrics::store(Arc::clone(app)));
    let signal = stop_signal.await;
    tracing::info!("{signal}: finishing requests");
    own.abort();
    hangup.abort();
    app.query_places.close();
    stop.send_replace(true);
    if tokio::time::timeout(GRACE, server).await.is_err() {
        tracing::warn!("some requests did not finish within {} s and are cut off", GRACE.as_secs());
    }
    close(db).await
}

/// Opens the database while requests are already answered with 503.
async fn open(app: &Arc<App>) -> Result<Db, ServeError> {
    let options = app.settings.options().start_progress(&app.start);
    let opened = tokio::task::spawn_blocking(move || Db::open(options)).await;
    let db = opened.map_err(|error| ServeError::Run(error.to_string()))?.map_err(start_error)?;
    app.opened(db.clone());
    let took = nunatak::SystemClock.now_ms() - app.started_ms;
    let stats = db.stats();
    tracing::info!(
        ms = took, series = stats.active_series, blocks = stats.blocks,
        budget = %format_bytes(stats.memory_budget), "ready"
    );
    for what in &stats.quarantined {
        tracing::error!("quarantined: {what}");
    }
    Ok(db)
}

async fn close(db: Db) -> Result<(), ServeError> {
    let closing = tokio::task::spawn_blocking(move || db.close());
    match tokio::time::timeout(Duration::from_secs(3), closing).await {
        Ok(Ok(Ok(()))) => {
            tracing::info!("stopped; everything is synced");
            Ok(())
        }
        Ok(Ok(Err(error))) => Err(ServeError::Run(format!("the last sync failed: {error}"))),
        Ok(Err(error)) => Err(ServeError::Run(error.to_string())),
        Err(_) => Err(ServeError::Run("closing the database took longer than 3 s".to_owned())),
    }
}

async fn reload_on_hangup(app: Arc<App>, mut hangups: Signal) {
    while hangups.recv().await.is_some() {
        // The outcome is logged.
        drop(app.reload());
    }
}

/// Listens for signals to stop from the call on; the future waits for the first, and names it.
fn stop_signal() -> std::io::Result<impl Future<Output = &'static str>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        }
    })
}
