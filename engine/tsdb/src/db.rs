//! The public face: a database in a folder.

mod admission;
mod append;
mod background;
mod backup;
mod blocks;
mod budget;
mod cardinality;
mod damage;
mod deletes;
mod distinct;
mod drop_saved;
mod gate;
mod growth;
mod importer;
mod load;
mod maintain;
mod metric;
mod numbers;
mod open;
mod pressure;
mod query;
mod relieve;
mod replay;
mod sample;
mod save;
mod tenant;
mod uncommitted;
mod usage;

use std::sync::Arc;
use std::time::Duration;

use crate::aggregate::{Aggregation, VisitRollups, Windows};
use crate::backup::Snapshot;
use crate::batch::{Batch, Outcome};
use crate::cardinality::{
    BlockCardinality, Cardinality, Growth, LimitUsage, MetricCardinality, RankBy,
    RefusedSeriesCount,
};
use crate::delete::{Delete, DeleteId};
use crate::error::Result;
use crate::limits::LimitRules;
use crate::log::ReplayReport;
use crate::options::Options;
use crate::sorted_texts::Charge;
use crate::source::{Hints, Selection, Selector, Source, Visit};
use crate::stats::Stats;
use crate::time::TimeRange;
use crate::verify::Verification;
pub use append::{AppendSeries, Appender};
use background::Background;
pub use importer::{ImportOptions, ImportReport, ImportSeries, Importer};
use open::Inner;
pub use tenant::Tenant;
pub use uncommitted::Uncommitted;

/// An open database. Cheap to clone; all clones are the same database.
///
/// Its own methods are those of the default tenant; [`tenant`](Self::tenant) gives another one.
/// When the last clone is dropped, and the last [`Tenant`] and [`Importer`], the threads stop and the
/// log is synced; [`close`](Self::close) does the same at once and also reports errors.
#[derive(Debug, Clone)]
pub struct Db {
    main: Tenant,
}

impl Db {
    /// Opens the database in the options' folder, making it if it is missing, and replays its
    /// log.
    ///
    /// ```
    /// use nunatak::{Batch, Db, Options, labels};
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path();
    /// let db = Db::open(Options::new(path))?;
    /// let mut batch = Batch::new();
    /// let up = batch.series(&labels! { "__name__" => "up", "job" => "node" })?;
    /// batch.push(up, 1_700_000_000_000, 1.0);
    /// assert_eq!(db.append(&batch)?.stored, 1);
    /// db.close()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If an option is wrong, the folder is in use or can't be read, or a version does not fit.
    pub fn open(options: Options) -> Result<Self> {
        let threads = options.threads.unwrap_or(1);
        let inner = Arc::new(Inner::open(options)?);
        let background = Arc::new(Background::start(&inner, threads)?);
        Ok(Self { main: Tenant::new(background, &inner, "") })
    }

    /// A handle on the tenant `name`: 1 to 64 of the characters `A-Z a-z 0-9 _ -`; "default" is
    /// the tenant of `Db` itself. Nothing is made before its first sample.
    ///
    /// # Errors
    /// [`Error::Invalid`](crate::Error::Invalid) if the name is not allowed.
    pub fn tenant(&self, name: &str) -> Result<Tenant> {
        self.main.sibling(name)
    }

    /// Stores samples and returns when they are as durable as the options say.
    ///
    /// # Errors
    /// If samples could not be stored for a passing reason
    /// ([`Error::is_retryable`](crate::Error::is_retryable)); repeating the call is then safe:
    /// what was stored already is not stored twice.
    pub fn append(&self, batch: &Batch) -> Result<Outcome> {
        self.main.append(batch)
    }

    /// For decoders of protocols: series are found by their raw bytes, without parsing them.
    #[must_use]
    pub fn appender(&self) -> Appender<'_> {
        self.main.appender()
    }

    /// Begins or continues a bulk import: samples of any time become blocks directly.
    ///
    /// # Errors
    /// As [`Tenant::importer`].
    pub fn importer(&self, options: ImportOptions) -> Result<Importer> {
        self.main.importer(options)
    }

    /// Writes everything in the heads, of all tenants, into blocks, compacts them and makes
    /// the tiers that are due; returns when that is done.
    ///
    /// # Errors
    /// If the blocks can't be written; nothing is lost, the samples stay in the heads.
    pub fn flush(&self) -> Result<()> {
        self.main.inner().flush()
    }

    /// Does background work (cuts, compaction, retention, log trimming) for about `budget`, of
    /// all tenants; `true` if more is due. Only needed with
    /// [`Options::threads`](crate::Options::threads)`(0)`.
    ///
    /// # Errors
    /// The first failure; the rest of the work is done all the same.
    pub fn maintain(&self, budget: Duration) -> Result<bool> {
        self.main.inner().maintain(budget)
    }

    /// Reads the series of the default tenant that `selector` selects.
    ///
    /// # Errors
    /// If the storage can't be read.
    pub fn select(&self, selector: &Selector) -> Result<Selection> {
        Source::select(self, selector, &Hints::default())
    }

    /// Checks every byte on disk while everything goes on: blocks, and the log up to this moment.
    /// What is damaged stays where it is; see [`verify`](crate::verify()) for a database that is not
    /// open.
    ///
    /// # Errors
    /// If the log can't be synced or the folder can't be listed. Damage is no error: it is in the
    /// result.
    pub fn verify(&self) -> Result<Verification> {
        let inner = self.main.inner();
        let _open = inner.enter()?;
        let sealed = inner.log().seal()?;
        crate::verify::run(&inner.storage, Some(sealed.0), &|_, _| {})
    }

    /// Makes a snapshot of all tenants in the folder `snapshots/<name>` of the database, of hard
    /// links: it takes hardly any time or space. What was acknowledged before the call is in it. To
    /// restore it, open a database on that folder, or on a copy of it.
    ///
    /// ```
    /// use nunatak::{Db, Options};
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path();
    /// let db = Db::open(Options::new(path))?;
    /// let snapshot = db.snapshot("before-upgrade")?;
    /// let copy = Db::open(Options::new(path.join(&snapshot.path)))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Invalid`](crate::Error::Invalid) if the name is not allowed or taken, or the file
    /// system has no hard links; else if the log can't be synced or a link can't be made.
    pub fn snapshot(&self, name: &str) -> Result<Snapshot> {
        self.main.inner().snapshot(name)
    }

    /// Hides the selected samples of the default tenant that were written before this call, at
    /// once; what is written later is shown, even at the same times. Returns when the delete is
    /// as durable as the options say.
    ///
    /// It can be taken back for a while ([`Options::delete_grace`](crate::Options::delete_grace),
    /// a day); then the bytes are given back by the background work. Names and values of labels
    /// may be listed until then. A delete that fails may be in force in part: see
    /// [`deletes`](Self::deletes), take it back or repeat it.
    ///
    /// # Errors
    /// [`Error::Invalid`](crate::Error::Invalid) if there is no matcher, or more than 64, or if
    /// 1,024 deletes, or 64 MiB of their matchers, wait for their bytes to be given back; else as
    /// [`append`](Self::append).
    pub fn delete(&self, selector: &Selector) -> Result<DeleteId> {
        self.main.delete(selector)
    }

    /// Takes a delete of the default tenant back: what it hid is there again.
    ///
    /// # Errors
    /// [`Error::Invalid`](crate::Error::Invalid) if there is no such delete, or it is final; else
    /// as [`append`](Self::append).
    pub fn undelete(&self, id: DeleteId) -> Result<()> {
        self.main.undelete(id)
    }

    /// The deletes of the default tenant whose bytes are not all given back, the oldest first.
    ///
    /// # Errors
    /// If the database is closed.
    pub fn deletes(&self) -> Result<Vec<Delete>> {
        self.main.deletes()
    }

    /// Gives back the bytes of all deletes, of all tenants, and returns when that is done. They
    /// can't be taken back any more.
    ///
    /// # Errors
    /// If blocks can't be written; what is deleted stays hidden.
    pub fn clean_deletes(&self) -> Result<()> {
        self.main.inner().clean_deletes()
    }

    /// Puts other limits in the place of those that the database has; they hold for calls that begin
    /// after this one. What is stored stays.
    pub fn set_limits(&self, limits: impl Into<LimitRules>) {
        *self.main.inner().limits.write() = limits.into();
    }

    /// The limits that hold.
    #[must_use]
    pub fn limits(&self) -> LimitRules {
        self.main.inner().limits.read().clone()
    }

    /// Counters and sizes, of all tenants.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.main.inner().stats()
    }

    /// The `top` largest metrics, labels and pairs in the default tenant's heads.
    #[must_use]
    pub fn cardinality(&self, top: usize) -> Cardinality {
        self.main.cardinality(top)
    }

    /// Who grows in the default tenant's heads; as [`Tenant::growth`].
    #[must_use]
    pub fn growth(&self, top: usize, by: RankBy) -> Growth {
        self.main.growth(top, by)
    }

    /// One metric of the default tenant; as [`Tenant::metric_cardinality`].
    #[must_use]
    pub fn metric_cardinality(&self, metric: &str, top: usize) -> MetricCardinality {
        self.main.metric_cardinality(metric, top)
    }

    /// The largest values of a label of the default tenant; as [`Tenant::largest_values`].
    #[must_use]
    pub fn largest_values(&self, label: &str, top: usize) -> Vec<(String, u64)> {
        self.main.largest_values(label, top)
    }

    /// The largest of the default tenant's blocks; as [`Tenant::block_cardinality`].
    ///
    /// # Errors
    /// As [`Tenant::block_cardinality`].
    pub fn block_cardinality(&self, top: usize) -> Result<Vec<BlockCardinality>> {
        self.main.block_cardinality(top)
    }

    /// How near the limits on series are, of all tenants. Those of single metrics and labels are
    /// looked at once a minute.
    #[must_use]
    pub fn limit_usage(&self) -> Vec<LimitUsage> {
        self.main.inner().limit_usage()
    }

    /// The metrics and labels whose new series limits or the memory budget refused since the
    /// database was opened, of all tenants; of very many only those that were refused most.
    #[must_use]
    pub fn refused_series(&self) -> Vec<RefusedSeriesCount> {
        self.main.inner().watch.culprits()
    }

    /// What the start met in the log besides good frames.
    #[must_use]
    pub fn replay_report(&self) -> &ReplayReport {
        self.main.inner().replay_report()
    }

    /// Stops the threads, syncs, and gives the folder free. Other clones then answer
    /// [`Error::Closed`](crate::Error::Closed).
    ///
    /// # Errors
    /// If the last sync fails.
    pub fn close(self) -> Result<()> {
        self.main.background().stop();
        self.main.inner().close()
    }
}

impl Db {
    /// As [`Tenant::label_names_charged`], of the default tenant.
    ///
    /// # Errors
    /// If the storage can't be read.
    pub fn label_names_charged(
        &self,
        selector: &Selector,
        limit: usize,
        charge: Charge<'_>,
    ) -> Result<Vec<String>> {
        self.main.label_names_charged(selector, limit, charge)
    }

    /// As [`Tenant::label_values_charged`], of the default tenant.
    ///
    /// # Errors
    /// If the storage can't be read.
    pub fn label_values_charged(
        &self,
        name: &str,
        selector: &Selector,
        limit: usize,
        charge: Charge<'_>,
    ) -> Result<Vec<String>> {
        self.main.label_values_charged(name, selector, limit, charge)
    }
}

impl Source for Db {
    fn select(&self, selector: &Selector, hints: &Hints) -> Result<Selection> {
        self.main.select(selector, hints)
    }

    fn scan(&self, selector: &Selector, hints: &Hints, visit: Visit) -> Result<Vec<String>> {
        self.main.scan(selector, hints, visit)
    }

    fn has_rollups(&self, range: TimeRange, windows: &Windows<'_>) -> bool {
        self.main.has_rollups(range, windows)
    }

    fn rollups(
        &self,
        selector: &Selector,
        windows: &Windows<'_>,
        wanted: Aggregation,
        visit: VisitRollups<'_>,
    ) -> Result<Vec<String>> {
        self.main.rollups(selector, windows, wanted, visit)
    }

    fn label_names(&self, selector: &Selector, limit: usize) -> Result<Vec<String>> {
        self.main.label_names(selector, limit)
    }

    fn label_values(&self, name: &str, selector: &Selector, limit: usize) -> Result<Vec<String>> {
        self.main.label_values(name, selector, limit)
    }

    fn warnings(&self, range: TimeRange) -> Vec<String> {
        self.main.warnings(range)
    }
}
