//! How many cases pass, by version, file and group.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// Group and tags of a case by file and line.
pub(crate) type Groups = HashMap<(String, usize), (String, String)>;

/// Reads the list of cases.
pub(crate) fn groups(path: &Path) -> Groups {
    let text = fs::read_to_string(path).unwrap_or_default();
    let mut groups = Groups::new();
    for line in text.lines().skip(1) {
        let fields: Vec<_> = line.split('\t').collect();
        if let [file, line, _, group, tags, ..] = fields[..]
            && let Ok(line) = line.parse()
        {
            groups.insert((file.to_owned(), line), (group.to_owned(), tags.to_owned()));
        }
    }
    groups
}

/// Passed cases and all cases.
type Score = (usize, usize);

#[derive(Default)]
pub(crate) struct Tally {
    by_group: BTreeMap<(String, String), Score>,
    by_file: BTreeMap<(String, String, String), Score>,
}

impl Tally {
    pub(crate) fn add(&mut self, version: &str, file: &str, group: &str, passed: bool) {
        let file_key = (version.to_owned(), file.to_owned(), group.to_owned());
        let group_key = (version.to_owned(), group.to_owned());
        for score in
            [self.by_file.entry(file_key).or_default(), self.by_group.entry(group_key).or_default()]
        {
            score.0 += usize::from(passed);
            score.1 += 1;
        }
    }

    pub(crate) fn print(&self) {
        for ((version, file, group), (passed, all)) in &self.by_file {
            println!("{version:8} {file:28} {group:13} {passed:4} of {all:4}");
        }
        for ((version, group), (passed, all)) in &self.by_group {
            println!("{version:8} {:28} {group:13} {passed:4} of {all:4}", "all files");
        }
    }

    /// Fails if fewer cases pass than the baseline says.
    pub(crate) fn check(&self, path: &Path) {
        let text = fs::read_to_string(path).unwrap_or_default();
        let mut fallen = Vec::new();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let fields: Vec<_> = line.split_whitespace().collect();
            let [version, group, wanted] = fields[..] else { continue };
            let wanted: usize = wanted.parse().expect("the baseline holds numbers");
            let key = (version.to_owned(), group.to_owned());
            let passed = self.by_group.get(&key).map_or(0, |score| score.0);
            if passed < wanted {
                fallen.push(format!("{version} {group}: {passed} pass, {wanted} did"));
            } else if passed > wanted {
                println!("{version} {group}: {passed} pass now, raise the baseline from {wanted}");
            }
        }
        let rewriting = std::env::var_os("NUNATAK_WRITE_CONFORMANCE").is_some();
        assert!(fallen.is_empty() || rewriting, "{}", fallen.join("\n"));
    }

    pub(crate) fn write(&self, path: &Path) {
        let mut text = "# version, group, cases that pass at least\n".to_owned();
        for ((version, group), (passed, _)) in &self.by_group {
            let _ = writeln!(text, "{version} {group} {passed}");
        }
        fs::write(path, text).expect("the baseline can be written");
    }

    /// Writes the table between the markers of a document.
    pub(crate) fn document(&self, path: &Path) {
        let text = fs::read_to_string(path).unwrap_or_default();
        let (start, end) = ("<!-- conformance -->", "<!-- /conformance -->");
        let Some((before, rest)) = text.split_once(start) else { return };
        let Some((_, after)) = rest.split_once(end) else { return };
        let mut table =
            String::from("\n\n| scripts of | group | cases | pass |\n|---|---|---|---|\n");
        for ((version, group), (passed, all)) in &self.by_group {
            let _ = writeln!(table, "| {version} | {group} | {all} | {passed} |");
        }
        fs::write(path, format!("{before}{start}{table}\n{end}{after}"))
            .expect("it can be written");
    }
}
