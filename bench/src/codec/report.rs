//! What `codec` reports.

use std::path::Path;

use serde::Serialize;

use super::data::DataSet;
use super::{Arguments, Demand, Measured};
use crate::report::Machine;

/// The figures with where they come from.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The figures.
    #[serde(flatten)]
    pub measured: Measured,
    /// The capture's file name, or the kind of made samples.
    pub data: String,
    /// Series.
    pub series: usize,
    /// Samples in a chunk.
    pub chunk: usize,
    /// Every so many-th sample was kept.
    pub every: usize,
    /// Turns of each contestant.
    pub rounds: usize,
    /// The fastest kernel of this build on this machine.
    pub kernel: &'static str,
    /// What the codec must reach, over the whole capture at its own settings; none for made samples.
    pub demands: Option<Vec<Demand>>,
    /// Where.
    pub machine: Machine,
    /// The command that made it.
    pub command: String,
}

impl Report {
    pub(super) fn new(
        arguments: &Arguments,
        data: &DataSet,
        measured: Measured,
        demands: Option<Vec<Demand>>,
    ) -> Self {
        Self {
            measured,
            data: name(arguments),
            series: data.columns.len(),
            chunk: arguments.settings().chunk,
            every: arguments.every(),
            rounds: arguments.settings().rounds,
            kernel: nunatak_codec::Kernel::detect().name(),
            demands,
            machine: Machine::this(Path::new(".")),
            command: arguments.command(),
        }
    }
}

fn name(arguments: &Arguments) -> String {
    match arguments.synthetic {
        Some(kind) => format!("synthetic {kind:?}").to_lowercase(),
        None => arguments.capture.file_name().unwrap_or_default().to_string_lossy().into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;
    use serde_json::Value;

    use super::*;
    use crate::cli::{Cli, Command};
    use crate::codec::data::Column;
    use crate::codec::show;

    /// Two short series, one of them constant.
    fn report() -> Report {
        let times: Vec<i64> = (0..50).map(|i| i * 1_000).collect();
        let moving = Column { times: times.clone(), values: (0..50).map(f64::from).collect() };
        let data = DataSet { columns: vec![moving, Column { times, values: vec![1.0; 50] }] };
        let line = ["nunatak-bench", "codec", "--synthetic", "gauge", "--chunk", "25"];
        let Command::Codec(arguments) =
            Cli::try_parse_from(line.iter().chain(&["--rounds", "1"])).unwrap().command
        else {
            panic!("it is codec")
        };
        let measured = Measured::of(&data, &arguments.settings()).unwrap();
        Report::new(&arguments, &data, measured, None)
    }

    #[test]
    fn the_json_has_the_keys_that_scripts_rely_on() {
        let json: Value = serde_json::to_value(report()).unwrap();
        let sizes = [
            "values",
            "values_zstd",
            "timestamps_own",
            "timestamps_interned",
            "total_own",
            "total_interned",
            "total_interned_zstd",
        ];
        for part in ["bytes_per_sample", "non_constant"] {
            for key in sizes {
                assert!(json[part][key].as_f64().is_some_and(|x| x > 0.0), "{part}.{key}");
            }
            assert_eq!(json[part].as_object().map(serde_json::Map::len), Some(sizes.len()));
        }
        for decoder in ["scalar", "prometheus_xor", "prometheus_xor2"] {
            for unit in ["ns_per_sample", "gb_per_s"] {
                assert!(json["decode"][decoder][unit].is_number(), "{decoder} {unit}");
            }
        }
        assert!(json["fused_sum"]["ns_per_sample"].is_number());
        assert_eq!(json["samples"], 100);
        assert_eq!(json["non_constant_samples"], 50);
        assert_eq!(json["chunk"], 25);
    }

    #[test]
    fn readers_see_the_same_figures_in_both_forms() {
        let report = report();
        let (text, markdown) = (show::text(&report), show::markdown(&report));
        for words in ["prometheus_xor2", "all, interned times, zstd-1", "seal with own times"] {
            assert!(text.contains(words) && markdown.contains(words), "{words}");
        }
        let lines: Vec<_> = markdown.lines().filter(|line| line.starts_with('|')).collect();
        let size = lines.iter().position(|line| line.contains("bytes per sample")).unwrap();
        assert_eq!(lines[size + 1], "|---|---:|---:|");
        assert_eq!(lines[size].matches('|').count(), lines[size + 2].matches('|').count());
    }
}
