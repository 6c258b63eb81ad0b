//! Bulk import: samples become blocks directly, past the log and the heads.

mod options;
mod parallel;
mod publish;
mod table;

use std::sync::Arc;

use nunatak_index::Labels;

use super::tenant::Tenant;
use crate::error::{Error, Result};
use crate::import::{self, Place, Stager, State, Windows};
use crate::limits::{Refusal, RefusalReason, check};
use crate::refusals::Refusals;
use crate::shard::{DEFAULT_TENANT, Prepared, shard_of};
use crate::storage::Storage;
pub use options::{ImportOptions, ImportReport};
use parallel::in_parallel;
use table::SeriesTable;

/// A part with so many runs in a shard is full: a merge reads all of them at once.
const MOST_RUNS: u32 = 32;

/// A series inside one [`Importer`]; ends with its [`generation`](Importer::generation).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImportSeries {
    generation: u32,
    place: SeriesPlace,
}

/// Where the samples of a series go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SeriesPlace {
    Shard { shard: u16, series: u32 },
    Refused(RefusalReason),
}

/// Writes samples of any time into blocks, without the log and the heads, some ten times faster than
/// [`Db::append`](crate::Db::append).
///
/// Samples are taken in any order and kept in a quarter of the memory budget; what is more goes into
/// temporary files in the database's folder. A [`commit`](Self::commit) makes everything since the
/// last one, a *part*, durable and visible at once, together with a *mark*: the caller's note of how
/// far its source was read. An import that was interrupted, by a crash too, is continued by an
/// importer with the same id: it begins behind the last part, and [`mark`](Self::mark) says where
/// that is. So nothing is lost and nothing doubled.
///
/// **Order.** A part counts as written at the moment of its commit: on equal series and time it wins
/// over everything that was written before, and loses to everything written later. Inside a part
/// the later push wins.
///
/// Limits on label sets hold as for any write. The out-of-order window and the limit on times ahead
/// of the clock do not; samples that the retention would remove at once are refused.
#[derive(Debug)]
pub struct Importer {
    tenant: Tenant,
    storage: Arc<dyn Storage>,
    /// The import's folder in the database's folder.
    folder: String,
    state: State,
    generation: u32,
    table: SeriesTable,
    /// One for each shard.
    shards: Vec<Stager>,
    refusals: Refusals,
    report: ImportReport,
    /// Samples of this part, and how often they were moved into runs.
    part_samples: u64,
    part_runs: u32,
    /// Nothing older is taken.
    oldest: i64,
    options: ImportOptions,
    memory: usize,
    threads: usize,
    /// A part was lost half-way: only a new importer can continue.
    failed: bool,
    /// The state says, or may say, that blocks count which lie in the import's folder.
    moving: bool,
}

impl Tenant {
    /// Begins or continues a bulk import of this tenant; as [`Db::importer`](crate::Db::importer).
    ///
    /// # Errors
    /// [`Error::Option`] if the id is not allowed or an import with it is under way;
    /// [`Error::Closed`]; else if the state of an earlier part can't be read.
    pub fn importer(&self, options: ImportOptions) -> Result<Importer> {
        Importer::new(self.clone(), options)
    }
}

impl Importer {
    fn new(tenant: Tenant, options: ImportOptions) -> Result<Self> {
        options.validate()?;
        let inner = Arc::clone(tenant.inner());
        let _open = inner.enter()?;
        let storage = Arc::clone(inner.storage());
        let name = if tenant.name().is_empty() { DEFAULT_TENANT } else { tenant.name() };
        let folder = format!("{}/{name}.{}", import::FOLDER, options.id);
        if !inner.imports.lock().insert(folder.clone()) {
            let what = format!("an import with the id {} is under way", options.id);
            return Err(Error::Option { option: "id", what });
        }
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        let default = || if inner.options.threads == Some(0) { 1 } else { cores() };
        let windows = Windows::new(inner.now());
        let stager = |shard| {
            let place = Place { folder: format!("{folder}/{}", part_folder(shard)) };
            Stager::new(Arc::clone(&storage), place, windows)
        };
        let mut importer = Self {
            state: State::default(),
            generation: 0,
            table: SeriesTable::default(),
            shards: (0..inner.shard_count()).map(stager).collect(),
            refusals: Refusals::default(),
            report: ImportReport::default(),
            part_samples: 0,
            part_runs: 0,
            oldest: inner.oldest_kept(tenant.state()),
            memory: options.memory_or(inner.memory_budget / 4),
            threads: options.threads.unwrap_or_else(default),
            failed: false,
            moving: true,
            storage,
            folder,
            tenant,
            options,
        };
        importer.resume()?;
        Ok(importer)
    }

    /// Whether an import with this id has [finished](Self::finish) before.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.state.done
    }

    /// The mark of the last commit, empty if there was none: the source is to be read from there.
    #[must_use]
    pub fn mark(&self) -> &[u8] {
        &self.state.mark
    }

    /// Finds or adds the series with this label set. One that a limit refuses takes samples all the
    /// same, and each is counted as refused.
    pub fn series(&mut self, labels: &Labels) -> ImportSeries {
        let generation = self.generation;
        if let Some((shard, series)) = self.table.find(labels, &self.shards) {
            return ImportSeries { generation, place: SeriesPlace::Shard { shard, series } };
        }
        let inner = self.tenant.inner();
        let place = match check(labels.clone(), &inner.limits_of(self.tenant.name())) {
            Ok(labels) => {
                let shard = shard_of(self.tenant.name(), &labels, inner.shard_count());
                let series = self.table.add(labels, shard, &mut self.shards);
                self.report.series += 1;
                SeriesPlace::Shard { shard, series }
            }
            Err((reason, example)) => {
                self.refusals.add(reason, 0, || example);
                SeriesPlace::Refused(reason)
            }
        };
        ImportSeries { generation, place }
    }

    /// Series are good for one generation; a commit may begin the next one to give memory back.
    #[must_use]
    pub fn generation(&self) -> u32 {
        self.generation
    }

    /// Adds samples of a series: times in ms since the epoch, in any order, values kept bit for bit.
    ///
    /// # Errors
    /// [`Error::Invalid`] if the columns differ in length or the series is of another generation;
    /// else if a temporary file can't be written. The importer is then of no more use: what was
    /// committed stays, and a new one continues from there.
    pub fn push(&mut self, series: ImportSeries, times: &[i64], values: &[f64]) -> Result<()> {
        if times.len() != values.len() || series.generation != self.generation {
            let what = "columns of different lengths, or a series of another generation";
            return Err(Error::Invalid { what: what.to_owned() });
        }
        let SeriesPlace::Shard { shard, series } = series.place else {
            if let SeriesPlace::Refused(reason) = series.place {
                self.refusals.add(reason, times.len() as u64, String::new);
            }
            return Ok(());
        };
        if self.oldest > i64::MIN && times.iter().any(|&t| t < self.oldest) {
            return self.push_kept(shard, series, times, values);
        }
        self.push_all(shard, series, times, values)
    }

    /// Adds the samples that the retention keeps.
    fn push_kept(&mut self, shard: u16, series: u32, t: &[i64], v: &[f64]) -> Result<()> {
        let kept = t.iter().zip(v).filter(|(t, _)| **t >= self.oldest);
        let (times, values): (Vec<i64>, Vec<f64>) = kept.map(|(t, v)| (*t, *v)).unzip();
        let refused = (t.len() - times.len()) as u64;
        let stager = &self.shards[usize::from(shard)];
        self.refusals.add(RefusalReason::BeyondRetention, refused, || {
            let (first, oldest) = (t.iter().min().copied().unwrap_or_default(), self.oldest);
            format!(
                "{} at {first} ms: nothing before {oldest} ms is kept",
                stager.rows.labels(series)
            )
        });
        self.push_all(shard, series, &times, &values)
    }

    fn push_all(&mut self, shard: u16, series: u32, t: &[i64], v: &[f64]) -> Result<()> {
        let rows = &mut self.shards[usize::from(shard)].rows;
        let before = rows.sample_bytes();
        rows.push(series, t, v);
        self.table.sample_bytes += rows.sample_bytes() - before;
        self.part_samples += t.len() as u64;
        self.report.samples += t.len() as u64;
        let room = self.memory.saturating_sub(self.table.bytes()).max(self.memory / 4);
        if self.table.sample_bytes > room {
            self.spill()?;
        }
        Ok(())
    }

    /// Counts samples that the caller refuses; the first example of each reason is kept.
    pub fn refuse(&mut self, reason: RefusalReason, samples: u64, example: impl Into<String>) {
        self.refusals.add(reason, samples, || example.into());
    }

    fn spill(&mut self) -> Result<()> {
        let threads = self.threads;
        in_parallel(threads, &mut self.shards, |_, shard| shard.spill()).inspect_err(|_| {
            self.failed = true;
        })?;
        self.table.sample_bytes = 0;
        self.part_runs += 1;
        Ok(())
    }

    /// Whether it is time for a [`commit`](Self::commit): the part has as many samples as the options
    /// say, or as many series or temporary files as the memory allows. A caller who goes on uses
    /// more memory.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.part_samples >= self.options.part_samples
            || self.table.bytes() > self.memory / 2
            || self.part_runs >= MOST_RUNS
    }

    /// Makes everything since the last commit durable and visible at once, with `mark`.
    ///
    /// # Errors
    /// If blocks can't be written or published. The importer is then of no more use; whether the
    /// part counts is seen by the mark of a new one.
    pub fn commit(&mut self, mark: &[u8]) -> Result<()> {
        self.end_part(mark, false)
    }

    /// Commits the rest and marks the import as done.
    ///
    /// # Errors
    /// As [`commit`](Self::commit).
    pub fn finish(mut self) -> Result<ImportReport> {
        let mark = self.state.mark.clone();
        self.end_part(&mark, true)?;
        Ok(self.report())
    }

    /// What was done so far.
    #[must_use]
    pub fn report(&self) -> ImportReport {
        let mut report = self.report.clone();
        report.refused = self.refusals.all().iter().filter(|r| r.samples > 0).cloned().collect();
        report
    }

    /// The samples that were refused so far, by reason.
    #[must_use]
    pub fn refused(&self) -> &[Refusal] {
        self.refusals.all()
    }

    fn end_part(&mut self, mark: &[u8], done: bool) -> Result<()> {
        if self.failed {
            let what = "the import has failed before; begin it again".to_owned();
            return Err(Error::Invalid { what });
        }
        self.failed = true;
        let threads = self.threads;
        let written = in_parallel(threads, &mut self.shards, |number, shard| {
            let blocks = shard.write_blocks()?;
            Ok(Prepared { folder: part_folder(number), blocks })
        })?;
        self.publish(&written, mark, done)?;
        self.failed = false;
        (self.part_samples, self.part_runs, self.table.sample_bytes) = (0, 0, 0);
        if self.table.bytes() > self.memory / 4 {
            self.forget_series();
        }
        Ok(())
    }

    fn forget_series(&mut self) {
        self.table = SeriesTable::default();
        self.shards.iter_mut().for_each(Stager::forget_rows);
        self.generation += 1;
    }
}

impl Drop for Importer {
    fn drop(&mut self) {
        if !self.moving {
            // What is left of a part that did not count; a start would remove it as well.
            let _ = import::remove_leftovers(&*self.storage, &self.folder);
        }
        self.tenant.inner().imports.lock().remove(&self.folder);
    }
}

/// The folder of one shard's files in an import's folder.
fn part_folder(shard: usize) -> String {
    format!("shard-{shard:02}")
}
