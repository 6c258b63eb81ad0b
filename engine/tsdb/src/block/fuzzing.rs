//! Blocks whose checksums are right and whose content may be anything: for fuzzing only.

use nunatak_index::{Labels, SegmentWriter};

use crate::error::Result;
use crate::storage::Storage;
use crate::time::TimeRange;

use super::bytes::ByteReader;
use super::manifest::{BlockMeta, FileEntry, Manifest, content_hash};
use super::name::BlockName;
use super::page::{MAX_PAGE, PageKind, seal};
use super::reader::Block;
use super::table::{Footer, TableBuilder, VERSION, header};
use crate::storage::join;

/// Name and files of a block.
#[derive(Debug)]
pub struct Files {
    /// The folder's name.
    pub name: String,
    /// The data file.
    pub data: Vec<u8>,
    /// The index file.
    pub index: Vec<u8>,
    /// The manifest.
    pub manifest: Vec<u8>,
}

impl Files {
    /// A block of these files with a manifest that fits them as far as it can.
    #[must_use]
    pub fn with_manifest(data: Vec<u8>, index: Vec<u8>) -> Self {
        let entry = |bytes: &[u8]| FileEntry {
            len: bytes.len() as u64,
            digest: xxhash_rust::xxh3::xxh3_128(bytes),
        };
        let (data_entry, index_entry) = (entry(&data), entry(&index));
        let tail = data.len().saturating_sub(super::table::FOOTER);
        let end = data.get(tail..).unwrap_or_default();
        let footer = Footer::decode("data", data.len() as u64, end).ok();
        let hash = content_hash(&data_entry, &index_entry);
        let name = BlockName { range: TimeRange::ALL, sequence: 1, hash }.to_string();
        let meta = BlockMeta {
            name: name.clone(),
            range: TimeRange::ALL,
            min_t: footer.as_ref().map_or(0, |f| f.min_t),
            max_t: footer.as_ref().map_or(0, |f| f.max_t),
            sequence: 1,
            hash,
            coverage: Vec::new(),
            parents: Vec::new(),
            resolutions: Vec::new(),
            samples: footer.as_ref().map_or(0, |f| f.samples),
            series: footer.as_ref().map_or(0, |f| u64::from(f.series)),
            bytes: data_entry.len + index_entry.len,
        };
        let manifest = Manifest { meta, data: data_entry, index: index_entry }.encode();
        Self { name, data, index, manifest: manifest.into_bytes() }
    }

    /// Reads counts and raw pages from `input` and puts right checksums around them.
    #[must_use]
    pub fn assemble(input: &[u8]) -> Self {
        let mut reader = ByteReader::new(input);
        let series = u32::from(reader.u8().unwrap_or(1));
        let mut footer = Footer {
            table_offset: 0,
            table_len: 0,
            table_crc: 0,
            pages: 0,
            series,
            streams: reader.u32().unwrap_or(1),
            chunks: reader.u64().unwrap_or(1),
            samples: reader.u64().unwrap_or(1),
            min_t: reader.u64().unwrap_or(0) as i64,
            max_t: reader.u64().unwrap_or(0) as i64,
        };
        let mut data = header().to_vec();
        let mut table = TableBuilder::default();
        let mut firsts = [0u32; 4];
        while let Some((kind, delta, raw)) = next_page(&mut reader) {
            if let Some(first) = firsts.get_mut(kind.code() as usize) {
                *first = first.saturating_add(delta);
                let before = data.len();
                // Without zstd sealing can't fail.
                let _ = seal(raw, false, &mut data);
                table.push(kind, data.len() - before, *first);
            }
        }
        let (table, pages) = table.finish();
        footer.pages = pages;
        footer.table_offset = data.len() as u64;
        footer.table_len = table.len() as u32;
        footer.table_crc = crc32c::crc32c(&table);
        data.extend_from_slice(&table);
        data.extend_from_slice(&footer.encode());
        Self::with_manifest(data, index_of(series))
    }

    /// Puts the files into the folder of their name in `parent`.
    ///
    /// # Errors
    /// What the storage says.
    pub fn place(&self, storage: &dyn Storage, parent: &str) -> std::io::Result<()> {
        let folder = join(parent, &self.name);
        storage.create_folder(&folder)?;
        let files = [("data", &self.data), ("index", &self.index), ("manifest", &self.manifest)];
        for (name, bytes) in files {
            storage.create(&join(&folder, name))?.append(bytes)?;
        }
        Ok(())
    }
}

/// `kind:u8 delta:u16 len:u16 raw`
fn next_page<'a>(reader: &mut ByteReader<'a>) -> Option<(PageKind, u32, &'a [u8])> {
    let kind = PageKind::from_code(u64::from(reader.u8()? % 3))?;
    let delta = u32::from(reader.u16()?);
    let len = usize::from(reader.u16()?).min(MAX_PAGE);
    Some((kind, delta, reader.take(len)?))
}

fn index_of(series: u32) -> Vec<u8> {
    let mut writer = SegmentWriter::new();
    for id in 0..series {
        let labels = Labels::from_pairs([("id", format!("{id:03}"))]).unwrap_or_default();
        let _ = writer.add(&labels);
    }
    writer.finish().unwrap_or_default()
}

/// The input of [`Files::assemble`] that makes the data of `block` again: a seed.
///
/// # Errors
/// If the block can't be read.
pub fn explode(block: &Block) -> Result<Vec<u8>> {
    debug_assert_eq!(VERSION, 0);
    let footer = block.footer();
    let mut out = vec![footer.series as u8];
    out.extend_from_slice(&footer.streams.to_le_bytes());
    for number in [footer.chunks, footer.samples, footer.min_t as u64, footer.max_t as u64] {
        out.extend_from_slice(&number.to_le_bytes());
    }
    let table = block.table()?;
    let mut put = |kind: PageKind, delta: u32, place| -> Result<()> {
        let page = block.page(place)?;
        out.push(kind.code() as u8);
        out.extend_from_slice(&(delta as u16).to_le_bytes());
        out.extend_from_slice(&(page.raw().len() as u16).to_le_bytes());
        out.extend_from_slice(page.raw());
        Ok(())
    };
    for &place in &table.values {
        put(PageKind::Values, 0, place)?;
    }
    for (kind, pages) in [(PageKind::Times, &table.times), (PageKind::Directory, &table.directory)]
    {
        let mut before = 0;
        for page in pages {
            put(kind, page.first - before, page.place)?;
            before = page.first;
        }
    }
    Ok(out)
}
