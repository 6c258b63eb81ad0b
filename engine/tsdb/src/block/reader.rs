//! An open block: its manifest, its footer, its index, and pages on demand.

use std::io;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use nunatak_codec::PADDING;
use nunatak_index::{Labels, Matcher, NameCount, PairCount};

use crate::error::{Error, Result};
use crate::log::Position;
use crate::source::StreamId;
use crate::storage::{File, Storage};
use crate::time::TimeRange;

use super::answers::FEW;
use super::damage::Damage;
use super::directory::DirectoryPage;
use super::manifest::{BlockMeta, MAX_MANIFEST, Manifest};
use super::page::Page;
use super::selection::{BlockSeries, Selected};
use super::series::{Labelling, SeriesIndex};
use super::streams::StreamPage;
use super::table::{FOOTER, Footer, HEADER, PageTable, Place, check_header};
use crate::storage::join;

/// Blocks that this process has opened: makes stream ids unique over all of them.
static OPENED: AtomicU64 = AtomicU64::new(0);

/// A selection of so many series has read a good part of the index, which nobody needs soon again.
const MANY_SERIES: u64 = 4096;

/// What is read of the end of a data file at once: besides the footer mostly the page table, and in a
/// small block what the first query wants next, the last pages of times and of the directory. A disk
/// takes as long for it as for the footer alone.
const TAIL: u64 = 32 << 10;

/// An open block. Cloning makes another handle on the same one.
#[derive(Debug, Clone)]
pub struct Block(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    storage: Arc<dyn Storage>,
    manifest: Manifest,
    path: String,
    data_path: String,
    file: Arc<dyn File>,
    footer: Footer,
    /// Read and checked at first use, if it did not come with the footer.
    table: OnceLock<PageTable>,
    index: SeriesIndex,
    number: u64,
    damage: Damage,
    /// Selections that were counted so far.
    selections: AtomicU32,
}

impl Block {
    /// Opens the block in the folder `name` of `parent`.
    ///
    /// # Errors
    /// [`Error::Corrupt`] if a file is missing, has the wrong length or does not begin or end as
    /// it should; [`Error::Version`] if another version wrote it; else if it can't be read. What
    /// lies inside is checked when it is read, or by [`verify`](Self::verify).
    pub fn open(storage: Arc<dyn Storage>, parent: &str, name: &str) -> Result<Self> {
        let path = join(parent, name);
        let manifest = read_manifest(&*storage, &join(&path, "manifest"), name)?;
        let data_path = join(&path, "data");
        let file = storage.open(&data_path).map_err(|e| missing("open", &data_path, e))?;
        let (footer, tail) = read_footer(&*file, &data_path, &manifest)?;
        let index = SeriesIndex::open(&*storage, join(&path, "index"), &manifest)?;
        let number = OPENED.fetch_add(1, Ordering::Relaxed);
        let table = table_in(&footer, &data_path, &tail).map_or_else(OnceLock::new, OnceLock::from);
        let inner = Inner {
            storage,
            manifest,
            path,
            data_path,
            file,
            footer,
            table,
            index,
            number,
            damage: Damage::default(),
            selections: AtomicU32::new(0),
        };
        Ok(Self(Arc::new(inner)))
    }

    /// What is known of the block without reading it.
    pub fn meta(&self) -> &BlockMeta {
        &self.0.manifest.meta
    }

    /// As [`BlockMeta::precedence`].
    pub fn precedence(&self) -> (Position, u64) {
        self.meta().precedence()
    }

    /// The block's folder, relative to the storage's root.
    pub fn path(&self) -> &str {
        &self.0.path
    }

    /// The first damage that a reader has met, in words with the file's name. A selection that
    /// begins afterwards leaves out what can't be read.
    pub fn damage(&self) -> Option<&str> {
        self.0.damage.what()
    }

    /// Passes a result on and remembers damage.
    pub(crate) fn noted<T>(&self, result: Result<T>) -> Result<T> {
        result.inspect_err(|error| self.0.damage.note(error))
    }

    /// The series that all `matchers` accept, in the order of series, each a cursor over its
    /// samples in `range`. No sample is read before a cursor is; a series may turn out to have
    /// none in the range.
    ///
    /// # Errors
    /// If the index can't be read.
    pub fn select(&self, matchers: &[Matcher], range: TimeRange) -> Result<Vec<BlockSeries>> {
        let times = TimeRange::new(self.meta().min_t, self.meta().max_t);
        if !times.overlaps(&range) {
            return Ok(Vec::new());
        }
        let ids = self.selected(matchers)?;
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let selected = Arc::new(Selected::new(self.clone(), range).for_query());
        let mut labelling = self.0.index.labelling(None)?;
        let is_small = ids.len() <= FEW;
        let mut labels = |id| {
            if is_small {
                self.labels_of_few(id, || labelling.whole(id))
            } else {
                labelling.whole(id)
            }
        };
        let series = |id| Ok(BlockSeries::new(labels(id)?, id, Arc::clone(&selected)));
        let series = ids.iter().map(series).collect();
        if ids.len() >= MANY_SERIES {
            self.give_back();
        }
        series
    }

    /// Names of the labels of the series that all `matchers` accept, sorted.
    ///
    /// # Errors
    /// If the index can't be read.
    pub fn label_names(&self, matchers: &[Matcher]) -> Result<Vec<String>> {
        self.0.index.label_names(matchers)
    }

    /// Values of the label `name` of the series that all `matchers` accept, sorted; at most
    /// `limit` (0: all).
    ///
    /// # Errors
    /// If the index can't be read.
    pub fn label_values(
        &self,
        name: &str,
        matchers: &[Matcher],
        limit: usize,
    ) -> Result<Vec<String>> {
        let mut values = Vec::new();
        self.with_label_values(name, matchers, limit, |found| values.extend_from_slice(found))?;
        Ok(values)
    }

    /// All label names with their values and series.
    pub(crate) fn name_counts(&self) -> Result<Vec<NameCount>> {
        self.0.index.name_counts()
    }

    /// The `top` values of a label that the most series have.
    pub(crate) fn largest_values(&self, name: &str, top: usize) -> Result<Vec<PairCount>> {
        self.0.index.largest_values(name, top)
    }

    /// Gives back the memory of what was read of the index.
    pub(crate) fn give_back(&self) {
        self.0.index.give_back();
    }

    /// Reads all labels of series, one after the other.
    pub(crate) fn labelling(&self) -> Result<Labelling<'_>> {
        self.0.index.labelling(None)
    }

    /// The series with this number and these labels, over all of its samples.
    pub(crate) fn series(labels: Labels, id: u32, selected: &Arc<Selected>) -> BlockSeries {
        BlockSeries::new(labels, id, Arc::clone(selected))
    }

    pub(super) fn manifest(&self) -> &Manifest {
        &self.0.manifest
    }

    pub(super) fn footer(&self) -> &Footer {
        &self.0.footer
    }

    pub(super) fn storage(&self) -> &dyn Storage {
        &*self.0.storage
    }

    pub(super) fn index(&self) -> &SeriesIndex {
        &self.0.index
    }

    /// The block's number in this process.
    pub(super) fn number(&self) -> u64 {
        self.0.number
    }

    pub(super) fn stream_id(&self, stream: u32) -> StreamId {
        StreamId(self.0.number << 32 | u64::from(stream))
    }

    /// Counts a selection; whether fewer than so many came before it.
    pub(super) fn is_among_first_selections(&self, first: u32) -> bool {
        let selections = &self.0.selections;
        let is_first = selections.load(Ordering::Relaxed) < first;
        is_first && selections.fetch_add(1, Ordering::Relaxed) < first
    }

    /// Damage in the data file.
    pub(super) fn corrupt(&self, offset: u64, what: impl Into<String>) -> Error {
        Error::corrupt(&self.0.data_path, offset, what)
    }

    /// The page table, read at first use.
    pub(super) fn table(&self) -> Result<&PageTable> {
        if let Some(table) = self.0.table.get() {
            return Ok(table);
        }
        let footer = &self.0.footer;
        let mut bytes = vec![0; footer.table_len as usize];
        self.read(footer.table_offset, &mut bytes)?;
        let table = decode_table(footer, &self.0.data_path, &bytes)?;
        Ok(self.0.table.get_or_init(|| table))
    }

    pub(super) fn read(&self, offset: u64, bytes: &mut [u8]) -> Result<()> {
        let result = self.0.file.read_at(offset, bytes);
        result.map_err(|e| missing("read", &self.0.data_path, e))
    }

    /// Reads a page and checks it.
    pub(super) fn page(&self, place: Place) -> Result<Page> {
        self.page_into(place, Vec::new())
    }

    /// As [`page`](Self::page), in memory that was used before.
    fn page_into(&self, place: Place, mut bytes: Vec<u8>) -> Result<Page> {
        let len = place.len as usize;
        if bytes.capacity() < len + PADDING {
            // Fresh memory is mostly zero already, and is then not touched before it is read into.
            bytes = vec![0; len + PADDING];
        }
        // What was there before is overwritten, and need not be cleared.
        bytes.resize(len, 0);
        self.read(place.offset, &mut bytes)?;
        Page::unseal(bytes).map_err(|what| self.corrupt(place.offset, what))
    }

    /// Value page number `page`.
    pub(super) fn value_page(&self, page: u32) -> Result<Page> {
        self.value_page_into(page, Vec::new())
    }

    /// As [`value_page`](Self::value_page), in memory that was used before.
    pub(super) fn value_page_into(&self, page: u32, bytes: Vec<u8>) -> Result<Page> {
        let place = self.table()?.values.get(page as usize).copied();
        let no_page = || self.corrupt(0, format!("there is no value page {page}"));
        self.page_into(place.ok_or_else(no_page)?, bytes)
    }

    /// Says that the value pages from one to another are going to be read; how many bytes they have.
    pub(super) fn ask_for_value_pages(&self, first: u32, last: u32) -> Result<u64> {
        let pages = &self.table()?.values;
        let (Some(first), Some(last)) = (pages.get(first as usize), pages.get(last as usize))
        else {
            return Ok(0);
        };
        Ok(self.ask_between(*first, *last))
    }

    /// Says that all pages from one to another are going to be read; how many bytes they have.
    pub(super) fn ask_between(&self, first: Place, last: Place) -> u64 {
        let len = (last.offset + u64::from(last.len)).saturating_sub(first.offset);
        self.0.file.will_read(first.offset, len);
        len
    }

    /// Says that a page is going to be read.
    pub(super) fn ask_for(&self, place: Place) {
        self.0.file.will_read(place.offset, u64::from(place.len));
    }

    /// Page number `page` of the timestamp streams.
    pub(super) fn stream_page(&self, page: u32) -> Result<StreamPage> {
        let place = self.table()?.times.get(page as usize).map(|keyed| keyed.place);
        let place = place.ok_or_else(|| self.corrupt(0, "there is no such page of streams"))?;
        let parsed = StreamPage::parse(self.page(place)?);
        parsed.ok_or_else(|| self.corrupt(place.offset, "not a page of timestamp streams"))
    }

    /// Page number `page` of the directory.
    pub(super) fn directory_page(&self, page: u32) -> Result<DirectoryPage> {
        let keyed = self.table()?.directory.get(page as usize).copied();
        let keyed = keyed.ok_or_else(|| self.corrupt(0, "there is no such directory page"))?;
        let parsed = DirectoryPage::parse(&self.page(keyed.place)?, keyed.first);
        parsed.ok_or_else(|| self.corrupt(keyed.place.offset, "not a page of the directory"))
    }
}

/// A file of a block that is not there, or shorter than it was, is damage, not a failed call.
pub(super) fn missing(op: &'static str, path: &str, error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::NotFound => Error::corrupt(path, 0, "the file is missing"),
        io::ErrorKind::UnexpectedEof => Error::corrupt(path, 0, "the file ends too early"),
        _ => Error::io(op, path, error),
    }
}

pub(super) fn read_manifest(storage: &dyn Storage, path: &str, name: &str) -> Result<Manifest> {
    let file = storage.open(path).map_err(|e| missing("open", path, e))?;
    let len = file.len().map_err(|e| missing("read", path, e))?;
    if len > MAX_MANIFEST {
        return Err(Error::corrupt(path, MAX_MANIFEST, format!("{len} bytes are too many")));
    }
    let mut bytes = vec![0; len as usize];
    file.read_at(0, &mut bytes).map_err(|e| missing("read", path, e))?;
    Manifest::decode(path, name, &bytes)
}

/// The page table, if the end of the file has all of it; one that is damaged is read again when it
/// is needed, for then it is somebody's.
fn table_in(footer: &Footer, path: &str, tail: &[u8]) -> Option<PageTable> {
    let behind = (footer.table_len as usize).checked_add(FOOTER)?;
    let bytes = tail.get(tail.len().checked_sub(behind)?..tail.len() - FOOTER)?;
    decode_table(footer, path, bytes).ok()
}

fn decode_table(footer: &Footer, path: &str, bytes: &[u8]) -> Result<PageTable> {
    if crc32c::crc32c(bytes) != footer.table_crc {
        let what = "the page table's checksum is wrong";
        return Err(Error::corrupt(path, footer.table_offset, what));
    }
    PageTable::decode(path, footer, bytes)
}

/// The footer, and the end of the file with it.
fn read_footer(file: &dyn File, path: &str, manifest: &Manifest) -> Result<(Footer, Vec<u8>)> {
    let len = file.len().map_err(|e| missing("read", path, e))?;
    let (footer, tail) = tail_of(file, path, len, Some(manifest.data.len))?;
    let meta = &manifest.meta;
    let runs = meta.series.saturating_mul(meta.columns());
    let counted = (meta.samples, runs, meta.min_t, meta.max_t);
    if counted != (footer.samples, u64::from(footer.series), footer.min_t, footer.max_t) {
        return Err(Error::corrupt(path, len, "footer and manifest do not agree"));
    }
    Ok((footer, tail))
}

/// Reads header and footer of a data file of `len` bytes, which should be `expected`.
pub(super) fn footer_of(
    file: &dyn File,
    path: &str,
    len: u64,
    expected: Option<u64>,
) -> Result<Footer> {
    tail_of(file, path, len, expected).map(|(footer, _)| footer)
}

/// As [`footer_of`], with the end of the file, at most [`TAIL`] bytes.
fn tail_of(
    file: &dyn File,
    path: &str,
    len: u64,
    expected: Option<u64>,
) -> Result<(Footer, Vec<u8>)> {
    let mut header = [0; HEADER];
    file.read_at(0, &mut header).map_err(|e| missing("read", path, e))?;
    check_header(path, &header)?;
    check_len(path, len, expected.unwrap_or(len))?;
    let mut tail = vec![0; len.clamp(FOOTER as u64, TAIL) as usize];
    let offset = len.saturating_sub(tail.len() as u64);
    file.read_at(offset, &mut tail).map_err(|e| missing("read", path, e))?;
    let footer = tail.get(tail.len() - FOOTER..).unwrap_or_default();
    Ok((Footer::decode(path, len, footer)?, tail))
}

/// Checks a file's length against the manifest's.
pub(super) fn check_len(path: &str, found: u64, expected: u64) -> Result<()> {
    if found == expected {
        return Ok(());
    }
    let what = format!("the file has {found} bytes, the manifest says {expected}");
    Err(Error::corrupt(path, found.min(expected), what))
}
