//! docs/benchmarks.md: the whole page, made of a report.

mod glance;
mod run;
mod section;

use super::model::Report;
use super::plot::Plots;

/// What stands first.
const PROMISE: &str = "Every figure on this page was written here by the command below, none by \
    hand, together with the machine, the versions and the day. Run it on your machine and it \
    writes this page anew. Where nunatak loses, the page says so in the same words and the same \
    place as where it wins.";

/// How everything is measured, the same in every run.
const METHOD: &str = include_str!("page/method.md");

/// Around the part that `nunatak-bench codec --markdown` prints.
const CODEC: (&str, &str) = ("<!-- codec -->", "<!-- end of codec -->");

/// The page as Markdown.
///
/// `plots` are the pictures that it links to, `codec` what `nunatak-bench codec --markdown` prints:
/// a section with its own heading of the second level.
#[must_use]
pub(super) fn page(report: &Report, plots: &Plots, codec: Option<&str>) -> String {
    let mut parts = vec!["# Benchmarks".to_owned(), PROMISE.to_owned()];
    parts.extend(glance::glance(report));
    parts.push(run::run(report));
    parts.extend(report.sections.iter().map(|part| section::section(report, part, plots)));
    parts.extend(codec.map(|text| format!("{}\n{}\n{}", CODEC.0, text.trim(), CODEC.1)));
    parts.push(METHOD.trim().to_owned());
    parts.push(format!(
        "All figures of each repetition: [{name}](benchmarks/{name}). Two such files are compared \
         by `nunatak-bench diff`.",
        name = json_name(report)
    ));
    format!("{}\n", parts.join("\n\n"))
}

/// The headline alone, for another page: where and when, and the table.
pub(super) fn headline(report: &Report) -> Option<String> {
    let machine = &report.machine;
    let place = format!(
        "{}, {} cores, servers pinned to one of them, {}:",
        machine.processor, machine.processors, report.date
    );
    glance::headline(report).map(|table| format!("{place}\n\n{table}"))
}

/// The name of the file with all figures.
pub(super) fn json_name(report: &Report) -> String {
    format!("{}.json", report.date)
}

#[cfg(test)]
mod tests;
