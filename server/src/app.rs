//! What all requests share.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use nunatak::{Clock as _, Db, StartProgress, SystemClock};
use nunatak_promql::QueryMemory;
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::watch;

use crate::cli::ServeArgs;
use crate::clients::{Clients, Sender};
use crate::commits::Commits;
use crate::config::Settings;
use crate::flood;
use crate::http::{ApiError, ErrorKind, MAX_FORM};
use crate::ingest::Ingest;
use crate::logging::LogControl;
use crate::metadata::MetadataStore;
use crate::metrics::Metrics;
use crate::quick::Quick;
use crate::room::Rooms;
use crate::turns::Turns;

/// How long a write waits for the database to be open.
const OPENING_PATIENCE: Duration = Duration::from_secs(10);

/// The state of the server.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) settings: Settings,
    pub(crate) address: SocketAddr,
    pub(crate) metrics: Metrics,
    pub(crate) metadata: MetadataStore,
    pub(crate) clients: Clients,
    pub(crate) query_places: Arc<Turns>,
    pub(crate) quick: Quick,
    /// Room for the forms of requests.
    pub(crate) forms: Rooms,
    query_memory: OnceLock<Arc<QueryMemory>>,
    pub(crate) started_ms: i64,
    /// How far the opening of the database is.
    pub(crate) start: StartProgress,
    is_open: watch::Sender<bool>,
    args: ServeArgs,
    log: LogControl,
    clock: SystemClock,
    db: OnceLock<Db>,
    ingest: OnceLock<Ingest>,
    /// The threads of senders that flood.
    flood_threads: Handle,
    pub(crate) commits: Commits,
    /// What the last reload has read.
    reloaded: Mutex<Option<Settings>>,
    reloaded_ms: AtomicI64,
    reload_succeeded: AtomicBool,
}

impl App {
    pub(crate) fn new(
        args: ServeArgs,
        settings: Settings,
        address: SocketAddr,
        log: LogControl,
        metrics: Metrics,
        flood_threads: Handle,
        commits: Commits,
    ) -> Self {
        let now = SystemClock.now_ms();
        Self {
            query_places: Arc::new(Turns::new(settings.query_concurrency)),
            quick: Quick::default(),
            forms: Rooms::new(2 * MAX_FORM, MAX_FORM),
            query_memory: OnceLock::new(),
            ingest: OnceLock::new(),
            flood_threads,
            commits,
            settings,
            address,
            metrics,
            metadata: MetadataStore::default(),
            clients: Clients::default(),
            started_ms: now,
            start: StartProgress::new(),
            is_open: watch::Sender::new(false),
            args,
            log,
            clock: SystemClock,
            db: OnceLock::new(),
            reloaded: Mutex::new(None),
            reloaded_ms: AtomicI64::new(now),
            reload_succeeded: AtomicBool::new(true),
        }
    }

    /// A server whose database is not open yet.
    #[cfg(test)]
    pub(crate) fn unopened() -> Arc<Self> {
        let args = ServeArgs::default();
        let settings = Settings::resolve(&args).unwrap();
        let (address, metrics) = (([127, 0, 0, 1], 9099).into(), Metrics::new().unwrap());
        let (log, threads) = (LogControl::silent(), Handle::current());
        let commits = Commits::start().unwrap();
        Arc::new(Self::new(args, settings, address, log, metrics, threads, commits))
    }

    /// The database, or an error that says to come again while it is being opened.
    pub(crate) fn db(&self) -> Result<Db, ApiError> {
        self.db.get().cloned().ok_or_else(|| {
            let text = format!("the database is being opened ({}); try again", self.start);
            ApiError::new(ErrorKind::Unavailable, text)
        })
    }

    /// As [`db`](Self::db), for writes: while the database is being opened they wait for a while,
    /// so that a short start costs senders nothing.
    pub(crate) async fn db_soon(&self) -> Result<Db, ApiError> {
        let mut is_open = self.is_open.subscribe();
        let opened = is_open.wait_for(|is_open| *is_open);
        // Whether it is open or still not after this is what `db` says.
        let _ = tokio::time::timeout(OPENING_PATIENCE, opened).await;
        self.db()
    }

    /// From now on requests are served.
    pub(crate) fn opened(&self, db: Db) {
        if let Some(reloaded) = &*self.reloaded.lock() {
            db.set_limits(reloaded.limits.rules());
        }
        let budget = db.stats().memory_budget;
        self.ingest.get_or_init(|| Ingest::new(budget));
        self.query_memory.get_or_init(|| Arc::new(QueryMemory::new(budget / 4)));
        drop(self.db.set(db));
        self.is_open.send_replace(true);
    }

    /// The gate for requests that write, as large as the engine's memory budget says.
    pub(crate) fn ingest(&self) -> &Ingest {
        self.ingest.get_or_init(|| Ingest::new(self.settings.memory_budget.unwrap_or(1 << 30)))
    }

    /// The threads on which a sender's request is to be stored. One that floods first waits until no
    /// query runs, but not for long.
    pub(crate) async fn threads_for(&self, sender: &Sender) -> Handle {
        if !self.clients.is_flooding(sender, self.now_ms()) {
            return Handle::current();
        }
        self.query_places.wait_for_rest(flood::PATIENCE).await;
        self.flood_threads.clone()
    }

    /// The memory for queries, a quarter of the engine's budget.
    pub(crate) fn query_memory(&self) -> Arc<QueryMemory> {
        let budget = self.settings.memory_budget.unwrap_or(1 << 30);
        Arc::clone(self.query_memory.get_or_init(|| Arc::new(QueryMemory::new(budget / 4))))
    }

    pub(crate) fn now_ms(&self) -> i64 {
        self.clock.now_ms()
    }

    /// The `instance` of the server's own metrics.
    pub(crate) fn instance(&self) -> String {
        format!("localhost:{}", self.address.port())
    }

    /// Every setting that holds, as text.
    pub(crate) fn describe(&self) -> Vec<(&'static str, String)> {
        let mut all = self.settings.describe();
        if let Some(reloaded) = &*self.reloaded.lock() {
            let new = all.iter_mut().zip(reloaded.describe());
            new.filter(|(_, (key, _))| changes_at_once(key)).for_each(|(old, new)| *old = new);
        }
        all
    }

    /// Reads the configuration again. What can change without a restart are the limits and the log
    /// level; a bad file changes nothing.
    pub(crate) fn reload(&self) -> Result<String, String> {
        let result = Settings::resolve(&self.args)
            .map_err(|error| error.to_string())
            .and_then(|settings| self.log.set_level(&settings.log_level).map(|()| settings));
        self.reload_succeeded.store(result.is_ok(), Ordering::Relaxed);
        match result {
            Ok(settings) => {
                self.reloaded_ms.store(self.now_ms(), Ordering::Relaxed);
                let text = self.what_changed(&settings);
                tracing::info!("{text}");
                if let Some(db) = self.db.get() {
                    db.set_limits(settings.limits.rules());
                }
                *self.reloaded.lock() = Some(settings);
                Ok(text)
            }
            Err(error) => {
                tracing::error!("the configuration was not reloaded, nothing changed: {error}");
                Err(format!("nothing changed: {error}"))
            }
        }
    }

    fn what_changed(&self, settings: &Settings) -> String {
        let (old, new) = (self.describe(), settings.describe());
        let limits = old.iter().zip(&new).any(|(old, new)| old.0.contains("limits") && old != new);
        let waits = |((key, old), (_, new)): (&(&'static str, String), &(_, String))| {
            (old != new && !changes_at_once(key)).then_some(*key)
        };
        let later: Vec<_> = old.iter().zip(&new).filter_map(waits).collect();
        let mut text = format!("configuration reloaded; log level is {}", settings.log_level);
        if limits {
            text.push_str("; the limits are others");
        }
        if !later.is_empty() {
            let _ = write!(text, "; these need a restart: {}", later.join(", "));
        }
        text
    }

    pub(crate) fn reload_succeeded(&self) -> bool {
        self.reload_succeeded.load(Ordering::Relaxed)
    }

    pub(crate) fn reloaded_ms(&self) -> i64 {
        self.reloaded_ms.load(Ordering::Relaxed)
    }
}

/// Whether a reload makes the setting hold.
fn changes_at_once(key: &str) -> bool {
    key == "log-level" || key.contains("limits")
}
