//! Series of blocks one after the other, read with one set of buffers.
//!
//! A selection of a hundred thousand series as a list costs an object, a label set and a place in a
//! sort for each. A scan has none of that: it walks the series in their order, and where several
//! blocks hold a series, it joins them on the way. Blocks of one shard mostly hold the same series,
//! so joining compares a number for each series, its [identity](Labelling::identity), and looks at
//! labels only where the numbers differ.

mod join;
mod part;
mod reader;
mod slots;

use nunatak_index::Labels;

use crate::error::{Error, Result};
use crate::source::{Hints, Selector, Visit};

use super::reader::Block;
use join::Join;
use part::Part;

/// Hands the series that the blocks hold to `visit`, in the order of series; the blocks come with
/// the highest precedence first. Blocks that can't be read are left out. Whether `visit` wants
/// more.
///
/// # Errors
/// If the storage fails.
pub(crate) fn scan_blocks(
    blocks: &[Block],
    selector: &Selector,
    hints: &Hints,
    visit: Visit,
) -> Result<bool> {
    let parts = parts(blocks, selector, hints)?;
    let mut join = Join::new(parts.into_iter().map(|(_, part)| part).collect());
    while join.next_series()? {
        let Some(labels) = join.labels()? else { continue };
        if !visit(labels, &mut join) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Takes the labels of a series and its members: places of blocks, and its number in each.
pub(super) type VisitMembers<'a> = &'a mut dyn FnMut(&Labels, &[(usize, u32)]) -> Result<bool>;

/// As [`scan_blocks`], but hands on all labels of a series, the places of the blocks that have it,
/// and its number in them.
///
/// # Errors
/// If the storage fails, or with what `visit` returns.
pub(super) fn join_blocks(
    blocks: &[Block],
    selector: &Selector,
    visit: VisitMembers<'_>,
) -> Result<bool> {
    let parts = parts(blocks, selector, &Hints::default())?;
    let (places, parts): (Vec<_>, Vec<_>) = parts.into_iter().unzip();
    let mut join = Join::new(parts);
    let mut members = Vec::new();
    while join.next_series()? {
        let Some(labels) = join.labels()? else { continue };
        let numbers = places.iter().zip(join.current());
        members.clear();
        members.extend(numbers.filter_map(|(&place, &id)| Some((place, id?))));
        if !visit(&labels, &members)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The blocks that have series that are selected, each with its place in `blocks`.
fn parts<'a>(
    blocks: &'a [Block],
    selector: &Selector,
    hints: &Hints,
) -> Result<Vec<(usize, Part<'a>)>> {
    let mut parts = Vec::with_capacity(blocks.len());
    for (place, block) in blocks.iter().enumerate() {
        let found = block.noted(block.selected(&selector.matchers));
        let ids = unless_damaged(found)?.unwrap_or_default();
        if !ids.is_empty() {
            let part = block.noted(Part::new(block, ids, selector, hints));
            parts.extend(unless_damaged(part)?.map(|part| (place, part)));
        }
    }
    Ok(parts)
}

fn unless_damaged<T>(result: Result<T>) -> Result<Option<T>> {
    match result {
        Err(Error::Corrupt { .. }) => Ok(None),
        result => result.map(Some),
    }
}
