//! Appending: the samples of one request, routed to their shards.

use std::fmt;
use std::ops::AddAssign;
use std::sync::Arc;
use std::time::Duration;

use nunatak_index::{Labels, LabelsBuilder};
use parking_lot::RwLockReadGuard;

use super::admission::Admitted;
use super::gate::SeriesGate;
use super::open::Inner;
use super::tenant::Tenant;
use super::uncommitted::Uncommitted;
use crate::batch::Outcome;
use crate::error::Result;
use crate::known::{Notation, Place};
use crate::limits::{Limits, RefusalReason, check};
use crate::log::Position;
use crate::refusals::Refusals;
use crate::shard::{Gate, Row, SeriesRef, WriteRequest, Written, shard_of};

/// Bytes that a sample is counted with in the queue.
const ROW_BYTES: u64 = size_of::<Row>() as u64;

/// Nobody makes room while the caller waits.
const NO_TIME: Duration = Duration::ZERO;

/// Why a decoder refuses a series: the reason, and an example in words.
type ParseResult = std::result::Result<(), (RefusalReason, String)>;

/// A series inside one [`Appender`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AppendSeries(u32);

/// A series of the request and where its samples go.
#[derive(Debug)]
enum Route {
    Shard { shard: u16, series: SeriesRef, key: u128 },
    Refused(RefusalReason),
}

/// What a request has stored.
#[derive(Debug, Default)]
struct Stored {
    samples: u64,
    new_series: u64,
    /// Where the last of it is in the log, if it is not committed yet.
    last: Option<Position>,
    /// Its room in the queue until then.
    admitted: Option<Admitted>,
}

impl AddAssign for Stored {
    fn add_assign(&mut self, other: Self) {
        self.samples += other.samples;
        self.new_series += other.new_series;
        self.last = self.last.max(other.last);
        self.admitted = other.admitted.or(self.admitted.take());
    }
}

impl From<Written> for Stored {
    fn from(written: Written) -> Self {
        let Written { stored, new_series, position, .. } = written;
        Self { samples: stored, new_series, last: position, admitted: None }
    }
}

impl Route {
    /// Whether the series may be new.
    fn is_unknown(&self) -> bool {
        matches!(self, Self::Shard { series: SeriesRef::Labels(_), .. })
    }
}

/// Collects the samples of one request. Series are named by raw bytes that identify their label
/// set inside the caller's protocol: bytes seen before are not parsed again.
///
/// While an appender holds series, series that went idle are not removed; commit soon.
pub struct Appender<'db> {
    tenant: &'db Tenant,
    /// Known references stay valid while this is held.
    references_in_use: Option<RwLockReadGuard<'db, ()>>,
    routes: Vec<Route>,
    rows: Vec<Vec<Row>>,
    builder: LabelsBuilder,
    refusals: Refusals,
    canonical: Vec<u8>,
    limits: Arc<Limits>,
    /// Whether a series had to be parsed: it may be new.
    may_bring_new: bool,
}

impl fmt::Debug for Appender<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Appender").field("series", &self.routes.len()).finish_non_exhaustive()
    }
}

impl<'db> Appender<'db> {
    pub(super) fn new(tenant: &'db Tenant) -> Self {
        Self {
            tenant,
            references_in_use: None,
            routes: Vec::new(),
            rows: Vec::new(),
            builder: LabelsBuilder::default(),
            refusals: Refusals::default(),
            canonical: Vec::new(),
            limits: tenant.inner().limits_of(tenant.name()),
            may_bring_new: false,
        }
    }

    /// Finds the series that `raw` stands for; `parse` is called only if it is not known. The
    /// same `raw` must always mean the same label set.
    ///
    /// If `parse` refuses (with the reason and an example in words) or a limit does, the series
    /// takes samples all the same and each is counted as refused.
    pub fn series(
        &mut self,
        raw: &[u8],
        parse: impl FnOnce(&mut LabelsBuilder) -> ParseResult,
    ) -> AppendSeries {
        self.resolve(Notation::Raw, raw, parse)
    }

    /// As [`series`](Self::series) for many at once, whose series are added to `found`; `parse` is
    /// told which of them it is called for. That takes less than one after the other: memory is
    /// waited for several times at once.
    pub fn all_series(
        &mut self,
        raw: &[&[u8]],
        mut parse: impl FnMut(usize, &mut LabelsBuilder) -> ParseResult,
        found: &mut Vec<AppendSeries>,
    ) {
        let known = &self.use_references().state().known;
        let keys: Vec<u128> = raw.iter().map(|raw| known.key(Notation::Raw, raw)).collect();
        let places = known.get_all(&keys);
        for (i, (key, place)) in keys.into_iter().zip(places).enumerate() {
            found.push(self.route(key, place, |builder| parse(i, builder)));
        }
    }

    /// Finds the series with this label set.
    pub fn labels(&mut self, labels: &Labels) -> AppendSeries {
        let mut canonical = std::mem::take(&mut self.canonical);
        canonical.clear();
        for (name, value) in labels.iter() {
            for part in [name, value] {
                canonical.extend_from_slice(part.as_bytes());
                canonical.push(0xFF);
            }
        }
        let series = self.resolve(Notation::Canonical, &canonical, |builder| {
            labels.iter().for_each(|(name, value)| builder.push(name, value));
            Ok(())
        });
        self.canonical = canonical;
        series
    }

    fn resolve(
        &mut self,
        notation: Notation,
        raw: &[u8],
        parse: impl FnOnce(&mut LabelsBuilder) -> ParseResult,
    ) -> AppendSeries {
        let known = &self.use_references().state().known;
        let key = known.key(notation, raw);
        self.route(key, known.get(key), parse)
    }

    /// References stay valid until the commit.
    fn use_references(&mut self) -> &'db Tenant {
        let tenant = self.tenant;
        self.references_in_use.get_or_insert_with(|| tenant.inner().references_in_use.read());
        tenant
    }

    fn route(
        &mut self,
        key: u128,
        place: Option<Place>,
        parse: impl FnOnce(&mut LabelsBuilder) -> ParseResult,
    ) -> AppendSeries {
        let route = match place {
            Some(Place { shard, reference }) => {
                Route::Shard { shard, series: SeriesRef::Known(reference), key }
            }
            None => self.parse(key, parse),
        };
        self.routes.push(route);
        AppendSeries((self.routes.len() - 1) as u32)
    }

    fn parse(&mut self, key: u128, parse: impl FnOnce(&mut LabelsBuilder) -> ParseResult) -> Route {
        let inner = self.tenant.inner();
        self.may_bring_new = true;
        self.builder.clear();
        let labels = parse(&mut self.builder).and_then(|()| {
            let built = self.builder.build();
            let labels =
                built.map_err(|error| (RefusalReason::InvalidLabels, error.to_string()))?;
            check(labels, &self.limits)
        });
        match labels {
            Ok(labels) => {
                let shard = shard_of(self.tenant.name(), &labels, inner.shard_count());
                Route::Shard { shard, series: SeriesRef::Labels(labels), key }
            }
            Err((reason, example)) => {
                self.refusals.add(reason, 0, || example);
                Route::Refused(reason)
            }
        }
    }

    /// Adds a sample: `t` in ms since the epoch, `v` kept bit for bit.
    pub fn push(&mut self, series: AppendSeries, t: i64, v: f64) {
        let shard = match self.routes.get(series.0 as usize) {
            Some(Route::Shard { shard, .. }) => usize::from(*shard),
            Some(Route::Refused(reason)) => return self.refusals.add(*reason, 1, String::new),
            None => return self.refuse(RefusalReason::InvalidLabels, 1, "series of another call"),
        };
        if self.rows.len() <= shard {
            self.rows.resize_with(shard + 1, Vec::new);
        }
        self.rows[shard].push(Row { series: series.0, time: t, value: v });
    }

    /// Counts samples that the decoder itself refuses.
    pub fn refuse(&mut self, reason: RefusalReason, samples: u64, example: impl Into<String>) {
        self.refusals.add(reason, samples, || example.into());
    }

    /// Stores what was collected and empties the appender; as [`Db::append`](crate::Db::append).
    ///
    /// # Errors
    /// As [`Db::append`](crate::Db::append).
    pub fn commit(&mut self) -> Result<Outcome> {
        self.append()?.commit()
    }

    /// Stores what was collected and empties the appender, but does not wait for the disk: that is
    /// left to what it returns. Until then it takes room in the queue of samples that are under way.
    ///
    /// # Errors
    /// As [`Db::append`](crate::Db::append); [`Error::Overloaded`](crate::Error::Overloaded) also if
    /// too much was appended and is not committed.
    pub fn append(&mut self) -> Result<Uncommitted> {
        let stored = self.write();
        self.routes.clear();
        self.rows.iter_mut().for_each(Vec::clear);
        self.references_in_use = None;
        let mut refused = self.refusals.take();
        refused.retain(|refusal| refusal.samples > 0);
        let Stored { samples, new_series, last, admitted } = stored?;
        let outcome = Outcome { stored: samples, new_series, refused };
        Ok(Uncommitted { inner: Arc::clone(self.tenant.inner()), last, admitted, outcome })
    }

    /// Writes everything; returns what was stored.
    fn write(&mut self) -> Result<Stored> {
        let rows = std::mem::take(&mut self.rows);
        let stored = self.write_pieces(&rows);
        self.rows = rows;
        stored
    }

    /// Writes all at once if the memory has room for the new series. If not, the others go first,
    /// so that they are not held up.
    fn write_pieces(&mut self, rows: &[Vec<Row>]) -> Result<Stored> {
        let inner = self.tenant.inner();
        let _open = inner.enter()?;
        let fresh = self.routes.iter().filter(|route| route.is_unknown()).count();
        let room = inner.pressure.try_enter(fresh);
        if fresh == 0 || room.is_some() {
            return self.write_rows(rows, true);
        }
        self.recognize()?;
        let mut stored = self.write_rows(&self.rows_of(rows, false), false)?;
        let fresh = self.routes.iter().filter(|route| route.is_unknown()).count();
        if fresh == 0 {
            return Ok(stored);
        }
        // The rest may wait for long.
        commit(inner, &mut stored)?;
        let patience = if inner.has_background() { inner.options.append_deadline } else { NO_TIME };
        let room = inner.pressure.enter(fresh, patience)?;
        self.references_in_use = Some(inner.references_in_use.read());
        stored += self.write_rows(&self.rows_of(rows, true), room.is_some())?;
        Ok(stored)
    }

    /// Looks in the heads for series that are unknown: after a start all are, and those that were
    /// there before shall not wait.
    fn recognize(&mut self) -> Result<()> {
        let (inner, state) = (self.tenant.inner(), self.tenant.state());
        for route in &mut self.routes {
            let Route::Shard { shard, series, key } = route else { continue };
            let SeriesRef::Labels(labels) = &*series else { continue };
            let part = inner.shard(usize::from(*shard)).tenant(self.tenant.name())?;
            let head = part.head().read();
            if let Some(reference) = head.find(head.hash(labels), labels) {
                state.known.insert(*key, Place { shard: *shard, reference });
                *series = SeriesRef::Known(reference);
            }
        }
        inner.measure_known();
        Ok(())
    }

    /// The rows of series that were unknown when the request came, or of the others.
    fn rows_of(&self, rows: &[Vec<Row>], unknown: bool) -> Vec<Vec<Row>> {
        let is_meant = |row: &&Row| {
            self.routes.get(row.series as usize).is_some_and(|r| r.is_unknown() == unknown)
        };
        rows.iter().map(|rows| rows.iter().filter(is_meant).copied().collect()).collect()
    }

    /// Writes shard by shard; returns what it stored.
    fn write_rows(&mut self, rows: &[Vec<Row>], takes_new_series: bool) -> Result<Stored> {
        let inner = self.tenant.inner();
        let bytes = rows.iter().map(Vec::len).sum::<usize>() as u64 * ROW_BYTES;
        inner.space.admit(bytes)?;
        let admitted = inner.admission.enter(bytes)?;
        let bounds = inner.time_bounds(self.tenant.state());
        let gate = takes_new_series && std::mem::take(&mut self.may_bring_new);
        let gate = gate.then(|| SeriesGate::new(self.tenant, &self.limits, bounds.now));
        let mut stored = Stored { admitted: Some(admitted), ..Stored::default() };
        for (id, rows) in rows.iter().enumerate().filter(|(_, rows)| !rows.is_empty()) {
            let gate = gate.as_ref().map(|gate| gate as &dyn Gate);
            let limits = &self.limits;
            let request = WriteRequest { rows, limits, bounds, takes_new_series, gate };
            match write_shard(self.tenant, id, &request, &self.routes, &mut self.refusals) {
                Ok(written) => stored += written.into(),
                Err(error) => {
                    self.references_in_use = None;
                    // What was appended is committed in any case: nobody else may come to do it.
                    commit(inner, &mut stored)?;
                    return Err(error);
                }
            }
        }
        // References are in the log now; eviction need not wait for the disk.
        self.references_in_use = None;
        Ok(stored)
    }
}

fn commit(inner: &Inner, stored: &mut Stored) -> Result<()> {
    stored.last.take().map_or(Ok(()), |last| inner.log().commit(last))?;
    stored.admitted = None;
    Ok(())
}

/// Writes the rows of one shard and remembers where their series live.
fn write_shard(
    tenant: &Tenant,
    id: usize,
    request: &WriteRequest<'_>,
    routes: &[Route],
    refusals: &mut Refusals,
) -> Result<Written> {
    /// No series has this reference; rows are only made for routes to shards.
    const NOWHERE: &SeriesRef = &SeriesRef::Known(0);
    let inner = tenant.inner();
    let shard = inner.shard(id);
    let part = shard.tenant(tenant.name())?;
    let series = |number: u32| match routes.get(number as usize) {
        Some(Route::Shard { series, .. }) => series,
        _ => NOWHERE,
    };
    let written = shard.write(&part, inner.log(), request, series, refusals)?;
    inner.pressure.add_head(part.account());
    tenant.state().note_newest(written.newest);
    let is_new = !written.resolved.is_empty();
    for &(number, reference) in &written.resolved {
        if let Some(Route::Shard { key, shard, .. }) = routes.get(number as usize) {
            tenant.state().known.insert(*key, Place { shard: *shard, reference });
        }
    }
    if is_new {
        inner.measure_known();
    }
    Ok(written)
}
