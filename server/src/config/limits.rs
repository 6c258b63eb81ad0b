//! The settings of what may be stored.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use nunatak::{GlobalLimits, LimitRules, Limits};

use super::file::{File, LimitsFile};
use super::{ConfigError, format_duration, parse_duration, value};
use crate::cli::LimitArgs;

/// The limits of every tenant, of single ones, and of all together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LimitSettings {
    /// Of every tenant that has none of its own.
    pub every: Limits,
    /// Of single tenants, by name.
    pub tenants: BTreeMap<String, Limits>,
    /// Of all tenants together.
    pub global: GlobalLimits,
}

impl LimitSettings {
    /// Puts together flags and environment, the file and the defaults.
    pub(super) fn resolve(args: &LimitArgs, file: &File) -> Result<Self, ConfigError> {
        let mut own = file.limits.clone();
        own.active_series = args.active_series.or(own.active_series);
        own.series_per_metric = args.series_per_metric.or(own.series_per_metric);
        own.values_per_label = args.values_per_label.or(own.values_per_label);
        own.new_series_per_second = args.new_series_per_second.or(own.new_series_per_second);
        let every = with(&Limits::default(), &own)?;
        let tenant = |(name, file): (&String, &LimitsFile)| Ok((name.clone(), with(&every, file)?));
        let tenants: Result<_, ConfigError> = file.tenant_limits.iter().map(tenant).collect();
        let mut global = GlobalLimits::default();
        global.active_series = count(file.global_limits.active_series, None);
        global.new_series_per_second = count(file.global_limits.new_series_per_second, None);
        Ok(Self { tenants: tenants?, global, every })
    }

    /// The engine's rules.
    #[must_use]
    pub fn rules(&self) -> LimitRules {
        let rules = LimitRules::from(self.every.clone()).global(self.global.clone());
        self.tenants.iter().fold(rules, |rules, (name, limits)| rules.tenant(name, limits.clone()))
    }

    /// Every limit as text.
    pub(super) fn describe(&self) -> Vec<(&'static str, String)> {
        let mut all = facts(&self.every);
        let mut tenants = String::new();
        for (name, limits) in &self.tenants {
            let own = facts(limits).into_iter().zip(facts(&self.every));
            for ((key, own), _) in own.filter(|(own, every)| own != every) {
                let _ = write!(tenants, "{name} {}={own} ", key.trim_start_matches("limits."));
            }
        }
        all.push(("tenant-limits", tenants.trim_end().to_owned()));
        all.push(("global-limits.active-series", count_text(self.global.active_series)));
        let rate = count_text(self.global.new_series_per_second);
        all.push(("global-limits.new-series-per-second", rate));
        all
    }
}

/// A tenant's limits: those of the file, else those of `base`.
fn with(base: &Limits, file: &LimitsFile) -> Result<Limits, ConfigError> {
    let ms = |key, text: &Option<String>, default| {
        value(key, text.clone(), parse_duration)
            .map(|d| d.map_or(default, |d| i64::try_from(d.as_millis()).unwrap_or(i64::MAX)))
    };
    let mut limits = base.clone();
    limits.future_ms = ms("limits.future", &file.future, limits.future_ms)?;
    limits.out_of_order_ms = ms("limits.out_of_order", &file.out_of_order, limits.out_of_order_ms)?;
    limits.labels_per_series = file.labels_per_series.unwrap_or(limits.labels_per_series);
    limits.label_name_bytes = file.label_name_bytes.unwrap_or(limits.label_name_bytes);
    limits.label_value_bytes = file.label_value_bytes.unwrap_or(limits.label_value_bytes);
    limits.active_series = count(file.active_series, limits.active_series);
    limits.series_per_metric = count(file.series_per_metric, limits.series_per_metric);
    limits.values_per_label = count(file.values_per_label, limits.values_per_label);
    limits.new_series_per_second = count(file.new_series_per_second, limits.new_series_per_second);
    Ok(limits)
}

/// 0 is no limit.
fn count(own: Option<u64>, base: Option<u64>) -> Option<u64> {
    own.or(base).filter(|&limit| limit > 0)
}

fn facts(limits: &Limits) -> Vec<(&'static str, String)> {
    let ms = |ms: i64| format_duration(Duration::from_millis(ms.max(0) as u64));
    vec![
        ("limits.labels-per-series", limits.labels_per_series.to_string()),
        ("limits.label-name-bytes", limits.label_name_bytes.to_string()),
        ("limits.label-value-bytes", limits.label_value_bytes.to_string()),
        ("limits.future", ms(limits.future_ms)),
        ("limits.out-of-order", ms(limits.out_of_order_ms)),
        ("limits.active-series", count_text(limits.active_series)),
        ("limits.series-per-metric", count_text(limits.series_per_metric)),
        ("limits.values-per-label", count_text(limits.values_per_label)),
        ("limits.new-series-per-second", count_text(limits.new_series_per_second)),
    ]
}

fn count_text(limit: Option<u64>) -> String {
    limit.map_or("none".to_owned(), |limit| limit.to_string())
}

#[cfg(test)]
mod tests {
    use super::super::file;
    use super::*;

    fn settings(text: &str, args: &LimitArgs) -> LimitSettings {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("n.yml");
        std::fs::write(&path, text).unwrap();
        LimitSettings::resolve(args, &file::read(&path).unwrap().0).unwrap()
    }

    #[test]
    fn a_tenant_has_the_limits_of_all_but_for_its_own() {
        let text = "limits:\n  active_series: 10\n  series_per_metric: 5\n  out_of_order: 2h\n\
                    tenant_limits:\n  team-a:\n    active_series: 0\n    labels_per_series: 7\n\
                    global_limits:\n  active_series: 99\n";
        let args = LimitArgs { series_per_metric: Some(6), ..LimitArgs::default() };
        let settings = settings(text, &args);
        let rules = settings.rules();
        let (every, team) = (rules.of("x"), rules.of("team-a"));
        assert_eq!((every.active_series, team.active_series), (Some(10), None));
        assert_eq!((every.series_per_metric, team.series_per_metric), (Some(6), Some(6)));
        assert_eq!((every.labels_per_series, team.labels_per_series), (128, 7));
        assert_eq!(team.out_of_order_ms, 7_200_000);
        assert_eq!(rules.of_all().active_series, Some(99));
        let told = settings.describe();
        let tenants = "team-a labels-per-series=7 team-a active-series=none".to_owned();
        assert!(told.contains(&("tenant-limits", tenants)), "{told:?}");
    }
}
