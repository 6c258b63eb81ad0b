//! The write path of a shard: resolve, refuse, log, apply.

use hashbrown::{HashMap, HashTable};
use nunatak_index::Labels;

use super::newcomers::Gate;
use super::{LOCK_PIECE, Shard, TenantShard};
use crate::error::Result;
use crate::head::Head;
use crate::limits::{Limits, RefusalReason, RefusedSeries};
use crate::log::{Definition, Frame, Position, Record, Samples, WriteLog};
use crate::refusals::Refusals;

/// A sample of a request: which of the request's series, when, what.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row {
    pub(crate) series: u32,
    pub(crate) time: i64,
    pub(crate) value: f64,
}

/// A series of a request.
#[derive(Debug)]
pub(crate) enum SeriesRef {
    /// The shard has it under this reference.
    Known(u64),
    /// To be looked up by its label set, and defined if it is new.
    Labels(Labels),
}

/// What bounds the times of samples, in ms.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TimeBounds {
    /// The clock.
    pub(crate) now: i64,
    /// Nothing older is kept.
    pub(crate) oldest: i64,
}

/// What one write did.
#[derive(Debug, Default)]
pub(crate) struct Written {
    /// Where it is in the log, `None` if all samples were refused.
    pub(crate) position: Option<Position>,
    /// Samples that were stored.
    pub(crate) stored: u64,
    /// Time of the newest of them.
    pub(crate) newest: Option<i64>,
    /// Series that are new.
    pub(crate) new_series: u64,
    /// Series that were given as labels, and their references.
    pub(crate) resolved: Vec<(u32, u64)>,
}

impl Shard {
    /// Stores the rows of one request. `series` gives a row's series by its number.
    pub(crate) fn write<'a>(
        &self,
        tenant: &TenantShard,
        log: &dyn WriteLog,
        request: &WriteRequest<'_>,
        series: impl Fn(u32) -> &'a SeriesRef,
        refusals: &mut Refusals,
    ) -> Result<Written> {
        log.make_room()?;
        let mut writer = self.writer.lock();
        let stamp = writer.advance(request.bounds.now);
        let mut plan = Plan::new(request);
        plan.ask_gate(tenant, &series);
        for rows in request.rows.chunks(LOCK_PIECE) {
            plan.add(&tenant.head().read(), rows, &series, refusals);
        }
        let mut written = plan.written();
        if plan.samples.times.is_empty() {
            return Ok(written);
        }
        let Plan { definitions, hashes, samples, .. } = plan;
        let record = Record::Write { definitions, samples };
        let frame = Frame { shard: self.id, tenant: tenant.name(), stamp, record };
        let position = log.append(&frame)?;
        tenant.apply_write(position, &frame, &hashes);
        written.position = Some(position);
        Ok(written)
    }
}

/// The rows of a request that belong to one shard, and what bounds them.
pub(crate) struct WriteRequest<'a> {
    pub(crate) rows: &'a [Row],
    pub(crate) limits: &'a Limits,
    pub(crate) bounds: TimeBounds,
    /// Whether the memory budget has room for new series.
    pub(crate) takes_new_series: bool,
    /// Asked about series that are new, if there may be some.
    pub(crate) gate: Option<&'a dyn Gate>,
}

/// The frame in the making.
pub(super) struct Plan<'a> {
    pub(super) request: &'a WriteRequest<'a>,
    /// New series that a limit does not let in.
    pub(super) refused: HashMap<Labels, RefusedSeries>,
    next_reference: Option<u64>,
    defined: HashMap<u32, u64>,
    /// Hashes and places of the definitions.
    by_labels: HashTable<(u64, usize)>,
    definitions: Vec<Definition>,
    /// Of their label sets.
    hashes: Vec<u64>,
    samples: Samples,
    resolved: Vec<(u32, u64)>,
    newest: Option<i64>,
    /// The slot behind that of the last row's series, which mostly is the next row's.
    next_slot: u32,
}

impl<'a> Plan<'a> {
    fn new(request: &'a WriteRequest<'a>) -> Self {
        let rows = request.rows.len();
        let samples = Samples {
            references: Vec::with_capacity(rows),
            times: Vec::with_capacity(rows),
            values: Vec::with_capacity(rows),
        };
        Self {
            request,
            refused: HashMap::default(),
            next_reference: None,
            defined: HashMap::default(),
            by_labels: HashTable::new(),
            definitions: Vec::new(),
            hashes: Vec::new(),
            samples,
            resolved: Vec::new(),
            newest: None,
            next_slot: 0,
        }
    }

    fn written(&mut self) -> Written {
        Written {
            position: None,
            stored: self.samples.times.len() as u64,
            newest: self.newest,
            new_series: self.definitions.len() as u64,
            resolved: std::mem::take(&mut self.resolved),
        }
    }

    fn add<'s>(
        &mut self,
        head: &Head,
        rows: &[Row],
        series: &impl Fn(u32) -> &'s SeriesRef,
        refusals: &mut Refusals,
    ) {
        for row in rows {
            let series = series(row.series);
            if let Err(reason) = self.check_time(row) {
                refusals.add(reason, 1, || self.describe_time(reason, head, series, row));
                continue;
            }
            match self.reference(head, row.series, series) {
                Ok(reference) => self.add_row(head, reference, row, refusals),
                Err(refused) => self.refuse_new(series, &refused, refusals),
            }
        }
    }

    fn refuse_new(&self, series: &SeriesRef, refused: &RefusedSeries, refusals: &mut Refusals) {
        let SeriesRef::Labels(labels) = series else { return };
        refusals.add(refused.reason, 1, || refused.describe(labels));
        if let Some(gate) = self.request.gate {
            gate.note_refused(labels, refused);
        }
    }

    fn add_row(&mut self, head: &Head, reference: u64, row: &Row, refusals: &mut Refusals) {
        // A series of this request has none, and need not be looked for.
        let newest = if self.is_new(reference) { None } else { self.newest_of(head, reference) };
        let window = self.request.limits.out_of_order_ms;
        if newest.is_some_and(|newest| row.time < newest.saturating_sub(window)) {
            let reason = RefusalReason::TooOld;
            let series = SeriesRef::Known(reference);
            refusals.add(reason, 1, || self.describe_time(reason, head, &series, row));
            return;
        }
        self.samples.references.push(reference);
        self.samples.times.push(row.time);
        self.samples.values.push(row.value);
        self.newest = self.newest.max(Some(row.time));
    }

    /// Time of the newest sample of a series in the head.
    fn newest_of(&mut self, head: &Head, reference: u64) -> Option<i64> {
        let (slot, newest) = head.newest_near(reference, self.next_slot)?;
        self.next_slot = slot + 1;
        newest
    }

    /// The reference of a series of the request: known, found, or given now.
    fn reference(
        &mut self,
        head: &Head,
        number: u32,
        series: &SeriesRef,
    ) -> std::result::Result<u64, RefusedSeries> {
        let labels = match series {
            SeriesRef::Known(reference) => return Ok(*reference),
            SeriesRef::Labels(labels) => labels,
        };
        if let Some(&reference) = self.defined.get(&number) {
            return Ok(reference);
        }
        let hash = head.hash(labels);
        let known = head.find(hash, labels).or_else(|| self.defined_here(hash, labels));
        let reference = match known {
            Some(reference) => reference,
            None => self.admit(head, hash, labels)?,
        };
        self.defined.insert(number, reference);
        self.resolved.push((number, reference));
        Ok(reference)
    }

    /// Defines a new series if budget and limits let it in.
    fn admit(
        &mut self,
        head: &Head,
        hash: u64,
        labels: &Labels,
    ) -> std::result::Result<u64, RefusedSeries> {
        if !self.request.takes_new_series {
            return Err(RefusedSeries::new(RefusalReason::MemoryBudget, 0));
        }
        match self.refused.get(labels) {
            Some(refused) => Err(refused.clone()),
            None => Ok(self.define(head, hash, labels)),
        }
    }

    fn is_new(&self, reference: u64) -> bool {
        self.definitions.first().is_some_and(|first| reference >= first.reference)
    }

    /// The reference that this request has given to a label set.
    fn defined_here(&self, hash: u64, labels: &Labels) -> Option<u64> {
        let definition = |place: usize| self.definitions.get(place);
        let same = |&(own, place): &(u64, usize)| {
            own == hash && definition(place).is_some_and(|found| found.labels == *labels)
        };
        let &(_, place) = self.by_labels.find(hash, same)?;
        definition(place).map(|found| found.reference)
    }

    fn define(&mut self, head: &Head, hash: u64, labels: &Labels) -> u64 {
        let reference = match self.next_reference {
            Some(next) => next,
            None => self.expect_new(head),
        };
        self.next_reference = Some(reference + 1);
        self.by_labels.insert_unique(hash, (hash, self.definitions.len()), |&(hash, _)| hash);
        self.definitions.push(Definition { reference, labels: labels.clone() });
        self.hashes.push(hash);
        reference
    }

    /// Makes room for new series, of which one mostly is not alone; returns the first reference.
    fn expect_new(&mut self, head: &Head) -> u64 {
        let series = self.request.rows.len().min(LOCK_PIECE);
        self.defined.reserve(series);
        self.by_labels.reserve(series, |&(hash, _)| hash);
        self.definitions.reserve(series);
        self.hashes.reserve(series);
        self.resolved.reserve(series);
        head.next_reference()
    }

    pub(super) fn check_time(&self, row: &Row) -> std::result::Result<(), RefusalReason> {
        let bounds = self.request.bounds;
        let latest = bounds.now.saturating_add(self.request.limits.future_ms);
        // No cut reaches the very last millisecond.
        if row.time > latest || row.time == i64::MAX {
            return Err(RefusalReason::TooFarAhead);
        }
        if row.time < bounds.oldest {
            return Err(RefusalReason::BeyondRetention);
        }
        Ok(())
    }

    fn describe_time(
        &self,
        reason: RefusalReason,
        head: &Head,
        series: &SeriesRef,
        row: &Row,
    ) -> String {
        let bounds = self.request.bounds;
        let name = match series {
            SeriesRef::Labels(labels) => labels.to_string(),
            SeriesRef::Known(reference) => {
                head.labels_of(*reference).map_or_else(String::new, |labels| labels.to_string())
            }
        };
        let why = match reason {
            RefusalReason::TooFarAhead => format!(
                "is more than {} ms ahead of the clock ({})",
                self.request.limits.future_ms, bounds.now
            ),
            RefusalReason::BeyondRetention => {
                format!("is older than the retention, which begins at {}", bounds.oldest)
            }
            _ => format!(
                "is more than {} ms behind the newest sample of its series",
                self.request.limits.out_of_order_ms
            ),
        };
        format!("sample of {name} at {} {why}", row.time)
    }
}
