//! The YAML file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::ConfigError;

/// The file's keys; all may be left out. Values that have a notation of their own are read later,
/// together with those of flags and environment.
#[derive(Debug, Clone, Default, Deserialize, PartialEq)]
#[serde(default)]
pub(super) struct File {
    pub(super) data_dir: Option<PathBuf>,
    pub(super) listen: Option<String>,
    pub(super) retention: Option<String>,
    pub(super) retention_bytes: Option<String>,
    pub(super) retention_rules: Vec<RuleFile>,
    pub(super) delete_grace: Option<String>,
    pub(super) memory_budget: Option<String>,
    pub(super) durability: Option<String>,
    pub(super) sync_interval: Option<String>,
    pub(super) low_space: Option<String>,
    pub(super) scrub_interval: Option<String>,
    pub(super) downsample_after: Option<String>,
    pub(super) enable_admin_api: Option<bool>,
    pub(super) query_timeout: Option<String>,
    pub(super) query_concurrency: Option<usize>,
    pub(super) max_connections: Option<usize>,
    pub(super) lookback_delta: Option<String>,
    pub(super) slow_query: Option<String>,
    pub(super) log_format: Option<String>,
    pub(super) log_level: Option<String>,
    pub(super) limits: LimitsFile,
    pub(super) tenant_limits: BTreeMap<String, LimitsFile>,
    pub(super) global_limits: GlobalLimitsFile,
}

/// An entry of `retention_rules`.
#[derive(Debug, Clone, Deserialize, PartialEq)]
pub(super) struct RuleFile {
    /// A selector.
    #[serde(rename = "match")]
    pub(super) matches: String,
    pub(super) keep: String,
}

/// The section `limits`.
#[derive(Debug, Clone, Default, Deserialize, PartialEq)]
#[serde(default)]
pub(super) struct LimitsFile {
    pub(super) labels_per_series: Option<usize>,
    pub(super) label_name_bytes: Option<usize>,
    pub(super) label_value_bytes: Option<usize>,
    pub(super) future: Option<String>,
    pub(super) out_of_order: Option<String>,
    pub(super) active_series: Option<u64>,
    pub(super) series_per_metric: Option<u64>,
    pub(super) values_per_label: Option<u64>,
    pub(super) new_series_per_second: Option<u64>,
}

/// The section `global_limits`.
#[derive(Debug, Clone, Default, Deserialize, PartialEq)]
#[serde(default)]
pub(super) struct GlobalLimitsFile {
    pub(super) active_series: Option<u64>,
    pub(super) new_series_per_second: Option<u64>,
}

const KEYS: [&str; 23] = [
    "data_dir",
    "listen",
    "retention",
    "retention_bytes",
    "retention_rules",
    "delete_grace",
    "memory_budget",
    "durability",
    "sync_interval",
    "low_space",
    "scrub_interval",
    "downsample_after",
    "enable_admin_api",
    "query_timeout",
    "query_concurrency",
    "max_connections",
    "lookback_delta",
    "slow_query",
    "log_format",
    "log_level",
    "limits",
    "tenant_limits",
    "global_limits",
];

const RULE_KEYS: [&str; 2] = ["match", "keep"];

const LIMIT_KEYS: [&str; 9] = [
    "labels_per_series",
    "label_name_bytes",
    "label_value_bytes",
    "future",
    "out_of_order",
    "active_series",
    "series_per_metric",
    "values_per_label",
    "new_series_per_second",
];

const GLOBAL_LIMIT_KEYS: [&str; 2] = ["active_series", "new_series_per_second"];

/// Reads the file; returns its text, too.
pub(super) fn read(path: &Path) -> Result<(File, String), ConfigError> {
    let fail = |what: String| ConfigError::File { path: path.to_path_buf(), what };
    let text = std::fs::read_to_string(path).map_err(|error| fail(error.to_string()))?;
    let file = parse(&text).map_err(fail)?;
    Ok((file, text))
}

/// Parses the text of a file; an error is one line.
fn parse(text: &str) -> Result<File, String> {
    let is_content = |line: &str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
    if !text.lines().any(is_content) {
        return Ok(File::default());
    }
    let one_line = |error: serde_saphyr::Error| {
        let text = error.to_string();
        text.lines().next().unwrap_or("not YAML").trim_start_matches("error: ").to_owned()
    };
    let tree: serde_json::Value = serde_saphyr::from_str(text).map_err(one_line)?;
    let top = tree.as_object().ok_or("expected `key: value` lines")?;
    for key in top.keys() {
        known(key, &KEYS, text)?;
    }
    let keys_of = |section: Option<&serde_json::Value>| -> Vec<String> {
        section.and_then(|s| s.as_object()).into_iter().flat_map(|s| s.keys().cloned()).collect()
    };
    let tenants = top.get("tenant_limits").and_then(|tenants| tenants.as_object());
    let sections = top.get("limits").into_iter().chain(tenants.iter().flat_map(|t| t.values()));
    for key in sections.flat_map(|section| keys_of(Some(section))) {
        known(&key, &LIMIT_KEYS, text)?;
    }
    for key in keys_of(top.get("global_limits")) {
        known(&key, &GLOBAL_LIMIT_KEYS, text)?;
    }
    let rules = top.get("retention_rules").and_then(|rules| rules.as_array());
    let rules = rules.into_iter().flatten().filter_map(|rule| rule.as_object());
    for key in rules.flat_map(|rule| rule.keys()) {
        known(key, &RULE_KEYS, text)?;
    }
    serde_saphyr::from_str(text).map_err(one_line)
}

/// Refuses a key that does not exist, naming its line and the nearest that does.
fn known(key: &str, keys: &[&str], text: &str) -> Result<(), String> {
    if keys.contains(&key) {
        return Ok(());
    }
    let is_here = |line: &str| {
        line.trim_start().strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with(':'))
    };
    let line =
        text.lines().position(is_here).map_or(String::new(), |i| format!("line {}: ", i + 1));
    let nearest = keys
        .iter()
        .max_by(|a, b| strsim::jaro_winkler(key, a).total_cmp(&strsim::jaro_winkler(key, b)));
    let nearest = nearest.copied().unwrap_or_default();
    Err(format!("{line}unknown key {key:?}; did you mean {nearest:?}?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_is_there() {
        let file = parse("listen: ':9100'\nlimits:\n  labels_per_series: 5\n").unwrap();
        assert_eq!(file.listen.as_deref(), Some(":9100"));
        assert_eq!(file.limits.labels_per_series, Some(5));
        let file = parse("retention_rules:\n  - match: up\n    keep: 7d\n").unwrap();
        assert_eq!((file.retention_rules[0].keep.as_str(), file.retention_rules.len()), ("7d", 1));
        let error = parse("retention_rules:\n  - match: up\n    kep: 7d\n").unwrap_err();
        assert_eq!(error, "line 3: unknown key \"kep\"; did you mean \"keep\"?");
        assert_eq!(parse("# nothing\n\n").unwrap(), File::default());
    }

    #[test]
    fn names_the_nearest_key_and_the_line() {
        assert_eq!(
            parse("# x\nretension: 30d\n").unwrap_err(),
            "line 2: unknown key \"retension\"; did you mean \"retention\"?"
        );
        assert_eq!(
            parse("limits:\n  labels_per_serie: 3\n").unwrap_err(),
            "line 2: unknown key \"labels_per_serie\"; did you mean \"labels_per_series\"?"
        );
    }

    #[test]
    fn every_limit_is_known_to_the_check() {
        for key in LIMIT_KEYS {
            let value = if matches!(key, "future" | "out_of_order") { "1s" } else { "3" };
            for section in ["limits:\n", "tenant_limits:\n  a:\n"] {
                let text = format!("{section}    {key}: {value}\n");
                assert_ne!(parse(&text).unwrap(), File::default(), "{text}");
                let wrong = format!("{section}    {key}x: {value}\n");
                assert!(parse(&wrong).unwrap_err().contains(&format!("did you mean {key:?}")));
            }
        }
        for key in GLOBAL_LIMIT_KEYS {
            let text = format!("global_limits:\n  {key}: 3\n");
            assert_ne!(parse(&text).unwrap(), File::default(), "{text}");
        }
        let error = parse("global_limits:\n  series_per_metric: 3\n").unwrap_err();
        assert!(error.starts_with("line 2: unknown key"), "{error}");
    }

    #[test]
    fn every_key_is_known_to_the_check() {
        let number = ["query_concurrency", "max_connections"];
        for key in KEYS.iter().filter(|k| !k.ends_with("limits") && **k != "retention_rules") {
            let value = match *key {
                "enable_admin_api" => "true",
                key if number.contains(&key) => "3",
                _ => "'1s'",
            };
            assert_ne!(parse(&format!("{key}: {value}")).unwrap(), File::default(), "{key}");
        }
    }

    #[test]
    fn wrong_types_and_broken_yaml_are_one_line() {
        for text in ["query_concurrency: many\n", "a: [1\n", "- 1\n", "just text\n"] {
            let error = parse(text).unwrap_err();
            assert!(!error.is_empty() && !error.contains('\n'), "{error}");
        }
    }
}
