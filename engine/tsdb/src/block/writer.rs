//! Writes a block: series by series into a temporary folder that gets its name at the end.

use std::sync::Arc;

use nunatak_codec::CHUNK_SAMPLES;
use nunatak_index::Labels;

use crate::error::{Error, Result};
use crate::storage::{Storage, steps};
use crate::time::TimeRange;

use super::Block;
use super::data::{DataBytes, DataWriter};
use super::difference::histogram_of;
use super::folder::TEMPORARY;
use super::index_writer::{IndexWriter, Member};
use super::manifest::{BlockMeta, Coverage, MAX_MANIFEST, Manifest, content_hash};
use super::name::{BlockId, BlockName};
use super::output::{Output, write_file};
use crate::storage::join;

/// What the writer of a block must know before the first sample.
#[derive(Debug, Clone)]
pub struct BlockSpec {
    /// The window that the block stands for: no sample may lie outside.
    pub range: TimeRange,
    /// Higher than that of every block that was written before in the same shard and tenant.
    pub sequence: u64,
    /// Which log positions the block will hold.
    pub coverage: Vec<Coverage>,
    /// Whether pages are compressed: for blocks that are seldom read.
    pub zstd: bool,
}

/// Writes one block.
///
/// The bytes depend on the samples alone: chunks are cut every 480 samples of a series, whatever
/// the pieces in which the samples come. Nothing is visible before [`finish`](Self::finish); a
/// writer that is dropped removes what it has written.
#[derive(Debug)]
pub struct BlockWriter {
    storage: Arc<dyn Storage>,
    parent: String,
    temporary: Temporary,
    spec: BlockSpec,
    parents: Vec<BlockId>,
    /// Widths of the buckets of a tier.
    resolutions: Vec<i64>,
    data: DataWriter,
    index: IndexWriter,
    series: u32,
    /// Runs of chunks that were ended: one a series, or the columns of a tier.
    runs: u32,
    /// The series that is being written, once it has begun, and the histogram that it belongs to.
    labels: Option<Labels>,
    histogram: Option<u64>,
    /// Its samples that are not yet a chunk, and whether one of its chunks is written.
    times: Vec<i64>,
    values: Vec<f64>,
    has_chunks: bool,
    last: Option<i64>,
}

impl BlockWriter {
    /// Begins a block in the folder `parent`, which is made if it is missing.
    ///
    /// # Errors
    /// If the files can't be made.
    pub fn new(storage: Arc<dyn Storage>, parent: &str, spec: BlockSpec) -> Result<Self> {
        let TimeRange { start, end } = spec.range;
        let name = format!("{TEMPORARY}{start}-{end}-{}", spec.sequence);
        let temporary = Temporary::create(Arc::clone(&storage), join(parent, &name))?;
        let output = Output::create(&*storage, join(&temporary.path, "data"))?;
        Ok(Self {
            data: DataWriter::new(output, spec.zstd)?,
            storage,
            parent: parent.to_owned(),
            temporary,
            spec,
            parents: Vec::new(),
            resolutions: Vec::new(),
            index: IndexWriter::default(),
            series: 0,
            runs: 0,
            labels: None,
            histogram: None,
            times: Vec::with_capacity(CHUNK_SAMPLES),
            values: Vec::with_capacity(CHUNK_SAMPLES),
            has_chunks: false,
            last: None,
        })
    }

    /// Names the blocks that this one stands for: a start removes those that are still there.
    #[must_use]
    pub fn parents(mut self, parents: Vec<BlockId>) -> Self {
        self.parents = parents;
        self
    }

    /// Says that each series comes from some of these blocks: its labels are taken from there, and
    /// begun with [`begin_merged`](Self::begin_merged).
    pub(crate) fn merging(mut self, blocks: Vec<Block>) -> Result<Self> {
        self.index = IndexWriter::merging(blocks)?;
        Ok(self)
    }

    /// Makes it a tier with buckets of these widths, ascending: each series has all of its
    /// [columns](Self::column) in place of samples.
    pub(super) fn tier(mut self, resolutions: Vec<i64>) -> Self {
        self.resolutions = resolutions;
        self
    }

    /// Adds the next column to the series that was begun last: times that ascend, as many values.
    pub(super) fn column(&mut self, times: &[i64], values: &[f64]) -> Result<()> {
        self.last = None;
        self.append(times, values)?;
        if !self.times.is_empty() {
            self.end_chunk()?;
        }
        self.runs += 1;
        Ok(())
    }

    /// Adds a series with all its samples; one without samples is left out.
    ///
    /// # Errors
    /// [`Error::Invalid`] if the series does not come after the one before, or a time is not
    /// after the one before or not in the block's range; else if the file can't be written.
    /// After an error the block can't be finished.
    pub fn add_series(&mut self, labels: &Labels, times: &[i64], values: &[f64]) -> Result<()> {
        self.begin_series(labels)?;
        self.append(times, values)
    }

    /// Begins the next series; its samples follow with [`append`](Self::append).
    ///
    /// # Errors
    /// As [`add_series`](Self::add_series).
    pub fn begin_series(&mut self, labels: &Labels) -> Result<()> {
        self.end_series()?;
        if let Some(before) = &self.labels
            && before.series_cmp(labels).is_ge()
        {
            let what = format!("series {labels} does not come after series {before}");
            return Err(Error::Invalid { what });
        }
        self.labels = Some(labels.clone());
        self.histogram = histogram_of(labels);
        Ok(())
    }

    /// As [`begin_series`](Self::begin_series), for one that these parts have.
    pub(crate) fn begin_merged(&mut self, labels: &Labels, members: &[Member]) -> Result<()> {
        self.begin_series(labels)?;
        self.index.comes_from(members);
        Ok(())
    }

    /// Adds samples to the series that was begun last, after those that it has.
    ///
    /// # Errors
    /// As [`add_series`](Self::add_series).
    pub fn append(&mut self, times: &[i64], values: &[f64]) -> Result<()> {
        self.check(times, values)?;
        let mut taken = 0;
        while taken < times.len() {
            let room = CHUNK_SAMPLES - self.times.len();
            let end = times.len().min(taken + room);
            self.times.extend_from_slice(times.get(taken..end).unwrap_or_default());
            self.values.extend_from_slice(values.get(taken..end).unwrap_or_default());
            taken = end;
            if self.times.len() == CHUNK_SAMPLES {
                self.end_chunk()?;
            }
        }
        Ok(())
    }

    fn check(&mut self, times: &[i64], values: &[f64]) -> Result<()> {
        let Some(labels) = &self.labels else {
            return Err(Error::Invalid { what: "samples without a series".to_owned() });
        };
        if times.len() != values.len() {
            let what = format!("{} times but {} values", times.len(), values.len());
            return Err(Error::Invalid { what: format!("series {labels}: {what}") });
        }
        for &t in times {
            if self.last.is_some_and(|last| t <= last) || !self.spec.range.contains(t) {
                let TimeRange { start, end } = self.spec.range;
                let last = self.last.map_or(String::new(), |last| format!(" after {last}"));
                let what = format!("series {labels}: time {t} is not in {start}..={end}{last}");
                return Err(Error::Invalid { what });
            }
            self.last = Some(t);
        }
        Ok(())
    }

    fn end_chunk(&mut self) -> Result<()> {
        self.data.chunk(self.runs, self.histogram, &self.times, &self.values)?;
        self.has_chunks = true;
        self.times.clear();
        self.values.clear();
        Ok(())
    }

    /// Writes what is left of the series and its index entry.
    fn end_series(&mut self) -> Result<()> {
        if !self.times.is_empty() {
            self.end_chunk()?;
        }
        self.last = None;
        if !std::mem::take(&mut self.has_chunks) {
            return Ok(());
        }
        if let Some(labels) = &self.labels {
            self.index.add(labels)?;
        }
        self.series += 1;
        self.runs += u32::from(self.resolutions.is_empty());
        Ok(())
    }

    /// Ends the block and makes it visible; `None` if it has no samples.
    ///
    /// # Errors
    /// If it can't be written. Nothing of it is then left behind, unless the very last step, the
    /// sync of the folder above, was what failed: the block is then met at the next start.
    pub fn finish(self) -> Result<Option<Block>> {
        Ok(self.finish_with_bytes()?.map(|(block, _)| block))
    }

    /// As [`finish`](Self::finish), and says what the bytes of the data file are for.
    ///
    /// # Errors
    /// As [`finish`](Self::finish).
    pub fn finish_with_bytes(mut self) -> Result<Option<(Block, DataBytes)>> {
        self.end_series()?;
        if self.data.samples() == 0 {
            return Ok(None);
        }
        let (samples, (min_t, max_t)) = (self.data.samples(), self.data.times());
        let (output, bytes) = self.data.finish(self.runs)?;
        let data = output.finish()?;
        let folder = &self.temporary.path;
        let mut output = Output::create(&*self.storage, join(folder, "index"))?;
        self.index.image()?.write(|piece| output.write(piece))?;
        let index = output.finish()?;
        let hash = content_hash(&data, &index);
        let BlockSpec { range, sequence, mut coverage, .. } = self.spec;
        coverage.sort_unstable();
        let name = BlockName { range, sequence, hash }.to_string();
        let meta = BlockMeta {
            name: name.clone(),
            range,
            min_t,
            max_t,
            sequence,
            hash,
            coverage,
            parents: self.parents,
            resolutions: self.resolutions,
            samples,
            series: u64::from(self.series),
            bytes: data.len + index.len,
        };
        let manifest = Manifest { meta, data, index }.encode();
        write_file(&*self.storage, join(folder, "manifest"), manifest.as_bytes())?;
        self.temporary.publish(&self.parent, &name)?;
        Ok(Some((Block::open(self.storage, &self.parent, &name)?, bytes)))
    }
}

/// A folder that is removed again unless it is published.
#[derive(Debug)]
struct Temporary {
    storage: Arc<dyn Storage>,
    path: String,
    published: bool,
}

impl Temporary {
    fn create(storage: Arc<dyn Storage>, path: String) -> Result<Self> {
        steps::remove(storage.as_ref(), &path)?;
        storage.create_folder(&path).map_err(|e| Error::io("create folder", &path, e))?;
        Ok(Self { storage, path, published: false })
    }

    /// Gives the folder its name, in one step and for good.
    fn publish(&mut self, parent: &str, name: &str) -> Result<()> {
        let target = join(parent, name);
        let io = |op, path: &str| {
            let path = path.to_owned();
            move |e| Error::io(op, path, e)
        };
        if self.storage.list(&target).is_ok() {
            // An attempt that failed after its rename has left the very same block.
            if self.manifest(&target)? != self.manifest(&self.path)? {
                return Err(Error::Invalid { what: format!("block {target} is already there") });
            }
        } else {
            self.storage.sync_folder(&self.path).map_err(io("sync", &self.path))?;
            self.storage.rename(&self.path, &target).map_err(io("rename", &self.path))?;
            self.published = true;
        }
        steps::sync_up(self.storage.as_ref(), parent)
    }

    /// The bytes of the manifest in a block's folder.
    fn manifest(&self, folder: &str) -> Result<Vec<u8>> {
        let path = join(folder, "manifest");
        let read = || {
            let file = self.storage.open(&path)?;
            let mut bytes = vec![0; file.len()?.min(MAX_MANIFEST) as usize];
            file.read_at(0, &mut bytes)?;
            Ok(bytes)
        };
        read().map_err(|e| Error::io("read", &path, e))
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.published {
            // What can't be removed now goes when the folder is opened next.
            let _ = self.storage.remove(&self.path);
        }
    }
}
