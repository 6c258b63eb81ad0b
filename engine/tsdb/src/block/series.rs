//! The index file: which series the block has.

use std::sync::Arc;

use nunatak_index::{
    Labels, LabelsReader, Matcher, NameCount, PairCount, ProjectedReader, RoaringBitmap, Segment,
    SegmentError,
};

use crate::error::{Error, Result};
use crate::storage::{Mapped, Storage};

use super::manifest::Manifest;
use super::reader::{check_len, missing};
use super::table::VERSION_HINT;

/// The index is the only file of a block that is mapped: value pages are read, since a read error
/// under a map would kill the process.
#[derive(Debug)]
pub(super) struct Image(Arc<dyn Mapped>);

impl AsRef<[u8]> for Image {
    fn as_ref(&self) -> &[u8] {
        (*self.0).as_ref()
    }
}

#[derive(Debug)]
pub(super) struct SeriesIndex {
    path: String,
    segment: Segment<Image>,
    map: Arc<dyn Mapped>,
}

impl SeriesIndex {
    pub(super) fn open(storage: &dyn Storage, path: String, manifest: &Manifest) -> Result<Self> {
        let map = storage.map(&path).map_err(|e| missing("map", &path, e))?;
        let image = Image(Arc::clone(&map));
        check_len(&path, image.as_ref().len() as u64, manifest.index.len)?;
        let segment = Segment::open(image).map_err(|e| damage(&path, e))?;
        if u64::from(segment.series_count()) != manifest.meta.series {
            return Err(Error::corrupt(path, 0, "index and manifest do not agree"));
        }
        Ok(Self { path, segment, map })
    }

    /// Gives back the memory of what was read of the file.
    pub(super) fn give_back(&self) {
        self.map.give_back();
    }

    pub(super) fn segment(&self) -> &Segment<Image> {
        &self.segment
    }

    /// An error of the segment as one of this file.
    pub(super) fn damage(&self, error: SegmentError) -> Error {
        damage(&self.path, error)
    }

    /// The path of the file.
    pub(super) fn select(&self, matchers: &[Matcher]) -> Result<RoaringBitmap> {
        self.segment.select(matchers).map_err(|e| damage(&self.path, e))
    }

    pub(super) fn series_count(&self) -> u32 {
        self.segment.series_count()
    }

    /// Reads the labels of series: those with these names, or all.
    pub(super) fn labelling(&self, names: Option<&[String]>) -> Result<Labelling<'_>> {
        let projected = names.map(|names| self.segment.projected_reader(names)).transpose();
        let projected = projected.map_err(|e| damage(&self.path, e))?;
        Ok(Labelling { path: &self.path, whole: self.segment.labels_reader(), projected })
    }

    pub(super) fn label_names(&self, matchers: &[Matcher]) -> Result<Vec<String>> {
        let selected = self.selected(matchers)?;
        self.segment.label_names(selected.as_ref()).map_err(|e| damage(&self.path, e))
    }

    pub(super) fn label_values(
        &self,
        name: &str,
        matchers: &[Matcher],
        limit: usize,
    ) -> Result<Vec<String>> {
        let selected = self.selected(matchers)?;
        let values = self.segment.label_values(name, selected.as_ref(), limit);
        values.map_err(|e| damage(&self.path, e))
    }

    pub(super) fn name_counts(&self) -> Result<Vec<NameCount>> {
        self.segment.name_counts().map_err(|e| damage(&self.path, e))
    }

    pub(super) fn largest_values(&self, name: &str, top: usize) -> Result<Vec<PairCount>> {
        self.segment.largest_values(name, top).map_err(|e| damage(&self.path, e))
    }

    pub(super) fn verify(&self) -> Result<()> {
        let verified = self.segment.verify().and_then(|()| self.segment.verify_order());
        verified.map_err(|e| damage(&self.path, e))
    }

    /// `None` stands for all series, which the index answers without looking at any.
    fn selected(&self, matchers: &[Matcher]) -> Result<Option<RoaringBitmap>> {
        if matchers.is_empty() { Ok(None) } else { self.select(matchers).map(Some) }
    }
}

/// Reads the labels of series, one after the other.
pub(crate) struct Labelling<'a> {
    path: &'a str,
    whole: LabelsReader<'a, Image>,
    projected: Option<ProjectedReader<'a, Image>>,
}

impl Labelling<'_> {
    /// The labels of a series that are wanted.
    pub(crate) fn labels(&mut self, id: u32) -> Result<Labels> {
        match &mut self.projected {
            Some(projected) => projected.labels(id).map_err(|e| damage(self.path, e)),
            None => self.whole(id),
        }
    }

    /// All labels of a series.
    pub(super) fn whole(&mut self, id: u32) -> Result<Labels> {
        self.whole.labels(id).map_err(|e| damage(self.path, e))
    }

    /// A hash of all labels of a series.
    pub(super) fn identity(&mut self, id: u32, seed: u64) -> Result<u128> {
        self.whole.identity(id, seed).map_err(|e| damage(self.path, e))
    }
}

pub(super) fn damage(path: &str, error: SegmentError) -> Error {
    match error {
        SegmentError::Version { found, supported } => Error::Version {
            path: path.into(),
            found: u32::from(found),
            supported: u32::from(supported),
            hint: VERSION_HINT,
        },
        SegmentError::Corrupt { offset, what } => Error::corrupt(path, offset, what),
        other => Error::corrupt(path, 0, other.to_string()),
    }
}
