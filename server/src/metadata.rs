//! What senders say about metric families: kept in memory, bounded, lost at a restart (senders
//! repeat it every minute).

use std::collections::BTreeMap;

use parking_lot::RwLock;

use crate::json;
use crate::remote_write::FamilyMetadata;

/// Families that are kept; more are not.
const MAX_FAMILIES: usize = 20_000;
/// Different entries that are kept of one family.
const MAX_ENTRIES: usize = 10;
/// Bytes of a text that are kept.
const MAX_TEXT: usize = 1024;

#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    kind: &'static str,
    help: Box<str>,
    unit: Box<str>,
}

/// Metadata by metric family.
#[derive(Debug, Default)]
pub(crate) struct MetadataStore {
    families: RwLock<BTreeMap<Box<str>, Vec<Entry>>>,
}

impl MetadataStore {
    /// Remembers an entry.
    pub(crate) fn set(&self, said: &FamilyMetadata<'_>) {
        let (help, unit) = (cut(&said.help), cut(&said.unit));
        let is_same = |e: &Entry| e.kind == said.kind && *e.help == *help && *e.unit == *unit;
        if said.name.is_empty() || said.name.len() > MAX_TEXT {
            return;
        }
        if self.families.read().get(&*said.name).is_some_and(|list| list.iter().any(is_same)) {
            return;
        }
        let mut families = self.families.write();
        if families.len() >= MAX_FAMILIES && !families.contains_key(&*said.name) {
            return;
        }
        let list = families.entry((*said.name).into()).or_default();
        if list.len() >= MAX_ENTRIES {
            list.remove(0);
        }
        list.push(Entry { kind: said.kind, help: help.into(), unit: unit.into() });
    }

    /// Writes `{"name":[{"type":…,"help":…,"unit":…}]}`: one family if `metric` is not empty, at
    /// most `limit` families and `per_metric` entries of each (0: all).
    pub(crate) fn write_json(
        &self,
        out: &mut Vec<u8>,
        metric: &str,
        limit: usize,
        per_metric: usize,
    ) {
        let all = |n: usize| if n == 0 { usize::MAX } else { n };
        let families = self.families.read();
        let chosen = families.iter().filter(|(name, _)| metric.is_empty() || ***name == *metric);
        out.push(b'{');
        for (i, (name, list)) in chosen.take(all(limit)).enumerate() {
            if i > 0 {
                out.push(b',');
            }
            json::string(out, name);
            out.push(b':');
            json::list(out, &list[..list.len().min(all(per_metric))], |out, entry| {
                out.extend_from_slice(br#"{"type":"#);
                json::string(out, entry.kind);
                out.extend_from_slice(br#","help":"#);
                json::string(out, &entry.help);
                out.extend_from_slice(br#","unit":"#);
                json::string(out, &entry.unit);
                out.push(b'}');
            });
        }
        out.push(b'}');
    }
}

/// The first bytes of a text.
fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_TEXT)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(name: &str, help: &str) -> FamilyMetadata<'static> {
        FamilyMetadata {
            name: name.to_owned().into(),
            kind: "counter",
            help: help.to_owned().into(),
            unit: "".into(),
        }
    }

    fn written(store: &MetadataStore, limit: usize, per_metric: usize) -> String {
        let mut out = Vec::new();
        store.write_json(&mut out, "", limit, per_metric);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn repeats_are_kept_once_and_limits_hold() {
        let store = MetadataStore::default();
        for (name, help) in [("a", "x"), ("a", "x"), ("a", "y"), ("b", "z")] {
            store.set(&said(name, help));
        }
        let a = r#"{"type":"counter","help":"x","unit":""}"#;
        assert_eq!(written(&store, 1, 1), format!(r#"{{"a":[{a}]}}"#));
        assert_eq!(written(&store, 0, 0).matches("type").count(), 3);
    }

    #[test]
    fn it_is_bounded() {
        let store = MetadataStore::default();
        for i in 0..MAX_FAMILIES + 10 {
            store.set(&said(&format!("m{i}"), ""));
        }
        for i in 0..MAX_ENTRIES + 10 {
            store.set(&said("m0", &format!("{i}é").repeat(MAX_TEXT)));
        }
        let families = store.families.read();
        assert_eq!(families.len(), MAX_FAMILIES);
        assert_eq!(families["m0"].len(), MAX_ENTRIES);
        assert!(families["m0"].iter().all(|e| e.help.len() <= MAX_TEXT));
    }
}
