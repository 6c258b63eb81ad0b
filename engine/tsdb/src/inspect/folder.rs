//! One folder: a database, a snapshot, a log, a block, or blocks of a shard or a tenant.

use std::sync::Arc;

use super::{Fact, Inspection, file};
use crate::backup::SnapshotList;
use crate::block::{Block, BlockMeta, BlockName, DataBytes, QUARANTINE};
use crate::description;
use crate::error::{Error, Result};
use crate::log;
use crate::shard::TIERS;
use crate::storage::{Entry, Storage};

/// Looks at a folder: `storage` has it as its root, `beside` the folder above, and `name` is its name.
pub(super) fn inspect(
    storage: &Arc<dyn Storage>,
    beside: &Arc<dyn Storage>,
    name: &str,
) -> Result<Inspection> {
    let entries = list(storage.as_ref(), "")?;
    let has = |wanted: &str| entries.iter().any(|entry| entry.name == wanted);
    let is_log = |entry: &Entry| {
        log::segment_of(&entry.name).or_else(|| log::checkpoint_of(&entry.name)).is_some()
    };
    if has("DATABASE") {
        return database(storage);
    }
    let plain = name.strip_prefix(QUARANTINE).unwrap_or(name);
    if BlockName::parse(plain).is_some() {
        return block(storage, beside, name, plain, &entries);
    }
    if entries.iter().any(is_log) {
        let mut found = Inspection::new("log");
        log_folder(&mut found, &entries);
        return Ok(found);
    }
    let mut sums = Sums::default();
    sums.blocks_below(storage, "", 2)?;
    let is_ours = sums.blocks > 0 || !sums.problems.is_empty();
    let mut found = Inspection::new(if is_ours { "folder of blocks" } else { "unknown" });
    if is_ours {
        sums.facts(&mut found);
    } else {
        found.problems.push("no folder of this version of nunatak".to_owned());
    }
    Ok(found)
}

fn list(storage: &dyn Storage, folder: &str) -> Result<Vec<Entry>> {
    storage.list(folder).map_err(|error| Error::io("list", folder, error))
}

fn database(storage: &Arc<dyn Storage>) -> Result<Inspection> {
    let snapshot = SnapshotList::read(storage.as_ref());
    let is_snapshot = !matches!(snapshot, Ok(None));
    let mut found = Inspection::new(if is_snapshot { "snapshot" } else { "database" });
    if let Some(Some(list)) = found.found(snapshot) {
        file::snapshot_facts(&mut found, &list);
        let defects = list.defects(storage.as_ref())?;
        found.problems.extend(defects.into_iter().map(|(path, _, what)| format!("{path}: {what}")));
    }
    if let Some(shards) = found.found(description::existing(storage.as_ref())) {
        found.version = Some(description::VERSION);
        found.count("shards", shards as u64);
    }
    let mut sums = Sums::default();
    for entry in list(storage.as_ref(), "")? {
        if entry.is_folder && entry.name.starts_with("shard-") {
            sums.blocks_below(storage, &entry.name, 1)?;
        }
    }
    sums.facts(&mut found);
    match storage.list("log") {
        Ok(entries) => log_folder(&mut found, &entries),
        Err(error) => found.problems.push(format!("log: {error}")),
    }
    Ok(found)
}

fn log_folder(found: &mut Inspection, entries: &[Entry]) {
    let of = |is: fn(&str) -> bool| -> (u64, u64) {
        let own = entries.iter().filter(|entry| is(&entry.name));
        own.fold((0, 0), |(count, bytes), entry| (count + 1, bytes + entry.len))
    };
    let segments = of(|name| log::segment_of(name).is_some());
    let checkpoints = of(|name| log::checkpoint_of(name).is_some());
    let aside = of(|name| name.starts_with(QUARANTINE));
    found.count("log segments", segments.0);
    found.bytes("bytes of log segments", segments.1);
    found.count("log checkpoints", checkpoints.0);
    found.bytes("bytes of log checkpoints", checkpoints.1);
    if aside.0 > 0 {
        found.problems.push(format!("{} stretches of the log are damaged", aside.0));
    }
}

fn block(
    storage: &Arc<dyn Storage>,
    beside: &Arc<dyn Storage>,
    name: &str,
    plain: &str,
    entries: &[Entry],
) -> Result<Inspection> {
    let mut found = Inspection::new("block");
    if name != plain {
        "block that was put aside as damaged".clone_into(&mut found.kind);
        for entry in entries {
            let part = file::inspect(storage.as_ref(), &entry.name, name)?;
            found.version = found.version.or(part.version);
            let problems = part.problems.iter().map(|what| format!("{}: {what}", entry.name));
            found.problems.extend(problems);
        }
        return Ok(found);
    }
    let opened = found.found(Block::open(Arc::clone(beside), "", plain));
    let Some(block) = opened else { return Ok(found) };
    found.version = Some(0);
    if !block.meta().resolutions.is_empty() {
        "tier".clone_into(&mut found.kind);
    }
    block_facts(&mut found, block.meta());
    if let Some(parts) = found.found(block.data_bytes()) {
        part_facts(&mut found, parts, block.index_bytes());
    }
    Ok(found)
}

pub(super) fn block_facts(found: &mut Inspection, meta: &BlockMeta) {
    found.facts.push(("window begins", Fact::Time(meta.range.start)));
    found.facts.push(("window ends", Fact::Time(meta.range.end)));
    found.count("sequence", meta.sequence);
    let is_tier = !meta.resolutions.is_empty();
    found.count(if is_tier { "numbers in columns" } else { "samples" }, meta.samples);
    found.count("series", meta.series);
    found.times(Some((meta.min_t, meta.max_t)));
    found.bytes("bytes", meta.bytes);
    if is_tier {
        found.count("resolutions", meta.resolutions.len() as u64);
        return;
    }
    found.per_sample(meta.bytes, meta.samples);
    if let Some(position) = meta.coverage.iter().map(|c| c.position.0).max() {
        found.count("covers the log up to", position);
    }
    if !meta.parents.is_empty() {
        found.count("merged of", meta.parents.len() as u64);
    }
}

fn part_facts(found: &mut Inspection, parts: DataBytes, index: u64) {
    found.bytes("bytes of values", parts.values);
    found.bytes("bytes of timestamps", parts.times);
    found.bytes("bytes of the directory", parts.directory);
    found.bytes("bytes of tables", parts.rest);
    found.bytes("bytes of the index", index);
}

/// What several blocks have together.
#[derive(Debug, Default)]
struct Sums {
    blocks: u64,
    tenants: u64,
    samples: u64,
    bytes: u64,
    times: Option<(i64, i64)>,
    parts: DataBytes,
    index: u64,
    tiers: u64,
    tier_bytes: u64,
    problems: Vec<String>,
}

impl Sums {
    /// Adds the blocks in a folder and in those `deep` levels below it.
    fn blocks_below(&mut self, storage: &Arc<dyn Storage>, folder: &str, deep: u32) -> Result<()> {
        let mut has_blocks = false;
        for entry in list(storage.as_ref(), folder)?.into_iter().filter(|entry| entry.is_folder) {
            let name = entry.name;
            let path = if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
            if BlockName::parse(&name).is_some() {
                has_blocks = true;
                match Block::open(Arc::clone(storage), folder, &name) {
                    Ok(block) => self.add(&block),
                    Err(error) => self.problems.push(error.to_string()),
                }
            } else if name.starts_with(QUARANTINE) {
                self.problems.push(format!("{path} was put aside as damaged"));
            } else if name == TIERS {
                self.tiers_in(storage, &path)?;
            } else if deep > 0 {
                self.blocks_below(storage, &path, deep - 1)?;
            }
        }
        self.tenants += u64::from(has_blocks);
        Ok(())
    }

    fn tiers_in(&mut self, storage: &Arc<dyn Storage>, folder: &str) -> Result<()> {
        for name in list(storage.as_ref(), folder)?.into_iter().map(|entry| entry.name) {
            if BlockName::parse(&name).is_none() {
                continue;
            }
            match Block::open(Arc::clone(storage), folder, &name) {
                Ok(tier) => {
                    self.tiers += 1;
                    self.tier_bytes += tier.meta().bytes;
                }
                Err(error) => self.problems.push(error.to_string()),
            }
        }
        Ok(())
    }

    fn add(&mut self, block: &Block) {
        let meta = block.meta();
        self.blocks += 1;
        self.samples += meta.samples;
        self.bytes += meta.bytes;
        let (from, to) = self.times.unwrap_or((meta.min_t, meta.max_t));
        self.times = Some((from.min(meta.min_t), to.max(meta.max_t)));
        self.index += block.index_bytes();
        match block.data_bytes() {
            Ok(parts) => {
                self.parts.values += parts.values;
                self.parts.times += parts.times;
                self.parts.directory += parts.directory;
                self.parts.rest += parts.rest;
            }
            Err(error) => self.problems.push(error.to_string()),
        }
    }

    fn facts(self, found: &mut Inspection) {
        found.count("blocks", self.blocks);
        found.count("tenants with blocks, over all shards", self.tenants);
        found.count("samples in blocks", self.samples);
        found.times(self.times);
        found.bytes("bytes of blocks", self.bytes);
        found.per_sample(self.bytes, self.samples);
        if self.blocks > 0 {
            part_facts(found, self.parts, self.index);
        }
        if self.tiers > 0 {
            found.count("tiers", self.tiers);
            found.bytes("bytes of tiers", self.tier_bytes);
        }
        found.problems.extend(self.problems);
    }
}
