//! From matchers to series: one algorithm for the head and for sealed segments.
//!
//! A matcher's test names a set of values (see [`Test`]); its postings P are the series that have
//! such a value. What a matcher adds to a selection depends on whether it accepts the empty value,
//! for a series without the label has that one (Prometheus' rule):
//!
//! | accepts "" | comparison | the selection |
//! |---|---|---|
//! | no  | `=`, `=~`  | ∩ P |
//! | no  | `!=`, `!~` | ∩ series with the label, minus P |
//! | yes | `!=`, `!~` | minus P |
//! | yes | `=`, `=~`  | minus (series with the label minus P) |
//!
//! So no test is ever walked for what it does *not* accept, and nothing is walked when the
//! selection is empty already.

use std::borrow::Cow;

use roaring::RoaringBitmap;

use crate::labels::METRIC_NAME;
use crate::matcher::{Matcher, Test};

/// What the algorithm needs of an index.
pub(crate) trait Index {
    /// Why a part of the index can't be read.
    type Error;

    /// All series.
    fn all(&self) -> Result<Cow<'_, RoaringBitmap>, Self::Error>;

    /// The series that have the label at all.
    fn present(&self, name: &str) -> Result<Cow<'_, RoaringBitmap>, Self::Error>;

    /// The series whose label has exactly this value, which is not empty.
    fn exact(&self, name: &str, value: &str) -> Result<Cow<'_, RoaringBitmap>, Self::Error>;

    /// The series whose label has one of these values; the empty one is ignored.
    fn one_of(&self, name: &str, values: &[Box<str>]) -> Result<RoaringBitmap, Self::Error>;

    /// Those of a few series whose label has exactly this value, if that is cheaper to find than all
    /// that have it.
    fn exact_among(
        &self,
        name: &str,
        value: &str,
        series: &RoaringBitmap,
    ) -> Result<Option<RoaringBitmap>, Self::Error> {
        let _ = (name, value, series);
        Ok(None)
    }

    /// The series that have the matcher's label with a value that its test accepts. Those that are
    /// not `among` the given ones may be left out.
    fn walk(
        &self,
        matcher: &Matcher,
        among: Option<&RoaringBitmap>,
    ) -> Result<RoaringBitmap, Self::Error>;
}

/// The series that all matchers accept.
pub(crate) fn select<I: Index>(index: &I, matchers: &[Matcher]) -> Result<RoaringBitmap, I::Error> {
    let (narrowing, excluding): (Vec<_>, Vec<_>) =
        matchers.iter().partition(|matcher| !matcher.matches_empty());
    let mut selected = narrow(index, &narrowing)?;
    for matcher in excluding {
        if selected.as_ref().is_some_and(RoaringBitmap::is_empty) {
            break;
        }
        selected = Some(exclude(index, matcher, selected)?);
    }
    match selected {
        Some(selected) => Ok(selected),
        None => Ok(index.all()?.into_owned()),
    }
}

/// Intersects the matchers that do not accept the empty value; `None` if there are none.
fn narrow<I: Index>(index: &I, matchers: &[&Matcher]) -> Result<Option<RoaringBitmap>, I::Error> {
    let (exact, other): (Vec<_>, Vec<_>) =
        matchers.iter().partition(|m| !m.is_negated() && matches!(m.test(), Test::Exact(_)));
    let mut selected = intersect_exact(index, &exact)?;
    // Cheap sets first, so that the walks may see an empty or a small selection.
    let mut other: Vec<_> = other.into_iter().copied().collect();
    other.sort_by_key(|m| cost(m.test()));
    for matcher in other {
        if selected.as_ref().is_some_and(RoaringBitmap::is_empty) {
            break;
        }
        if matcher.is_negated() {
            let base = intersect(selected, index.present(matcher.name())?);
            selected = Some(minus(index, matcher, base)?);
        } else {
            let accepted = passing(index, matcher, selected.as_ref())?;
            selected = Some(intersect(selected, accepted));
        }
    }
    Ok(selected)
}

/// The metric's name first, then the smallest; nothing more is read once one is empty.
fn intersect_exact<I: Index>(
    index: &I,
    matchers: &[&&Matcher],
) -> Result<Option<RoaringBitmap>, I::Error> {
    let (names, others): (Vec<&Matcher>, Vec<&Matcher>) =
        matchers.iter().map(|matcher| **matcher).partition(|m| m.name() == METRIC_NAME);
    let mut sets = Vec::with_capacity(matchers.len());
    let mut named: Option<RoaringBitmap> = None;
    for matcher in names {
        named = Some(intersect(named, passing(index, matcher, None)?));
    }
    for matcher in others {
        if named.as_ref().is_some_and(RoaringBitmap::is_empty) {
            break;
        }
        if let (Some(series), Test::Exact(value)) = (&named, matcher.test())
            && !value.is_empty()
            && let Some(found) = index.exact_among(matcher.name(), value, series)?
        {
            named = Some(found);
            continue;
        }
        sets.push(passing(index, matcher, None)?);
    }
    sets.sort_by_key(|set| set.len());
    for set in sets {
        if named.as_ref().is_some_and(RoaringBitmap::is_empty) {
            break;
        }
        named = Some(intersect(named, set));
    }
    Ok(named)
}

/// Takes away what a matcher that accepts the empty value does not accept.
fn exclude<I: Index>(
    index: &I,
    matcher: &Matcher,
    selected: Option<RoaringBitmap>,
) -> Result<RoaringBitmap, I::Error> {
    let selected = match selected {
        Some(selected) => selected,
        None => index.all()?.into_owned(),
    };
    if matcher.is_negated() {
        return minus(index, matcher, selected);
    }
    if matches!(matcher.test(), Test::Any) {
        return Ok(selected);
    }
    let present = index.present(matcher.name())?;
    if selected.is_disjoint(&present) {
        return Ok(selected);
    }
    let labelled = &selected & &*present;
    let accepted = passing(index, matcher, Some(&labelled))?;
    Ok(selected - (labelled - &*accepted))
}

fn minus<I: Index>(
    index: &I,
    matcher: &Matcher,
    selected: RoaringBitmap,
) -> Result<RoaringBitmap, I::Error> {
    let accepted = passing(index, matcher, Some(&selected))?;
    Ok(selected - &*accepted)
}

fn intersect(selected: Option<RoaringBitmap>, set: Cow<'_, RoaringBitmap>) -> RoaringBitmap {
    match selected {
        Some(selected) => selected & &*set,
        None => set.into_owned(),
    }
}

/// The series that have the label with a value that the matcher's test accepts.
fn passing<'i, I: Index>(
    index: &'i I,
    matcher: &Matcher,
    among: Option<&RoaringBitmap>,
) -> Result<Cow<'i, RoaringBitmap>, I::Error> {
    let name = matcher.name();
    match matcher.test() {
        Test::Exact(value) if value.is_empty() => Ok(Cow::Owned(RoaringBitmap::new())),
        Test::Exact(value) => index.exact(name, value),
        Test::Set(values) => index.one_of(name, values).map(Cow::Owned),
        Test::Any | Test::NotEmpty => index.present(name),
        _ => index.walk(matcher, among).map(Cow::Owned),
    }
}

fn cost(test: &Test) -> u8 {
    match test {
        Test::Exact(_) | Test::Any | Test::NotEmpty => 0,
        Test::Set(_) => 1,
        Test::Prefix(_) => 2,
        Test::Pattern { prefix, .. } if !prefix.is_empty() => 3,
        Test::Suffix(_) | Test::Contains(_) | Test::Pattern { .. } => 4,
    }
}
