//! Label sets one after the other.

use nunatak::Labels;

use super::{escaped, is_plain};

/// Writes label sets that mostly begin like the one before, as those of a sorted answer do: what they
/// share is copied at once.
#[derive(Debug)]
pub(crate) struct LabelsWriter {
    last: Labels,
    /// What was written last up to the quote before the next name: `{"name":"value","`.
    json: Vec<u8>,
    /// Where each label ends in it, together with that quote.
    ends: Vec<usize>,
}

/// What stands before the first name.
const OPEN: &[u8] = b"{\"";
/// What stands between a value and the next name.
const NEXT: &[u8] = b"\",\"";

impl LabelsWriter {
    pub(crate) fn new() -> Self {
        Self { last: Labels::empty(), json: OPEN.to_vec(), ends: Vec::new() }
    }

    /// Writes `{"name":"value",…}`.
    pub(crate) fn write(&mut self, out: &mut Vec<u8>, labels: Labels) {
        let (_, same) = self.last.cmp_behind(&labels, 0);
        self.ends.truncate(same / 2);
        self.json.truncate(self.ends.last().copied().unwrap_or(OPEN.len()));
        // What there is of its text behind them decides how all of that is written.
        let (text, new) = labels.behind(self.ends.len());
        // Two pairs of quotes, a colon and a comma for each.
        self.json.reserve(text.len() + 6 * new.len());
        if is_plain(text.as_bytes()) {
            self.add(new, |out, text| out.extend_from_slice(text.as_bytes()));
        } else {
            self.add(new, escaped);
        }
        self.last = labels;
        match self.json.strip_suffix(NEXT) {
            Some(json) => {
                out.extend_from_slice(json);
                out.extend_from_slice(b"\"}");
            }
            None => out.extend_from_slice(b"{}"),
        }
    }

    fn add<'a>(
        &mut self,
        pairs: impl Iterator<Item = (&'a str, &'a str)>,
        write: impl Fn(&mut Vec<u8>, &str),
    ) {
        for (name, value) in pairs {
            write(&mut self.json, name);
            self.json.extend_from_slice(b"\":\"");
            write(&mut self.json, value);
            self.json.extend_from_slice(NEXT);
            self.ends.push(self.json.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use nunatak::labels;
    use proptest::prelude::*;

    use super::*;

    /// What is written of label sets that come one after the other.
    fn written(sets: &[Labels]) -> Vec<String> {
        let mut writer = LabelsWriter::new();
        let one = |set: &Labels| {
            let mut out = Vec::new();
            writer.write(&mut out, set.clone());
            String::from_utf8(out).unwrap()
        };
        sets.iter().map(one).collect()
    }

    #[test]
    fn label_sets() {
        let sets = [
            labels! { "__name__" => "up", "path" => "a\"b\\\n" },
            labels! { "__name__" => "up", "path" => "/a" },
            Labels::empty(),
        ];
        let wanted =
            [r#"{"__name__":"up","path":"a\"b\\\n"}"#, r#"{"__name__":"up","path":"/a"}"#, "{}"];
        assert_eq!(written(&sets), wanted);
    }

    proptest! {
        #[test]
        fn each_set_reads_back(
            sets in prop::collection::vec(
                prop::collection::btree_map("[ab\"]{1,2}", "[xy\n\\\\]{1,2}", 0..4), 0..6,
            ),
        ) {
            let labels: Vec<_> = sets.iter().map(|set| Labels::from_pairs(set).unwrap()).collect();
            for (json, set) in written(&labels).iter().zip(&sets) {
                let read: std::collections::BTreeMap<String, String> =
                    serde_json::from_str(json).unwrap();
                prop_assert_eq!(&read, set);
            }
        }
    }
}
