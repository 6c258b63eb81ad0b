//! What `diff` prints.

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};

use super::compare::{Comparison, Pair, Verdict};

/// Warnings, the table of what changed, counts, and what only one of the runs has.
pub(super) fn text(comparison: &Comparison, warnings: &[String]) -> String {
    let changed: Vec<&Pair> =
        comparison.pairs.iter().filter(|pair| pair.verdict != Verdict::Same).collect();
    let mut parts = Vec::new();
    if !warnings.is_empty() {
        parts.push(list("Warning: the runs were not made alike.", warnings));
    }
    if !changed.is_empty() {
        parts.push(table(&changed));
    }
    parts.push(counts(comparison));
    for (head, names) in
        [("Only before:", &comparison.only_before), ("Only after:", &comparison.only_after)]
    {
        if !names.is_empty() {
            parts.push(list(head, names));
        }
    }
    parts.join("\n\n")
}

fn list(head: &str, lines: &[String]) -> String {
    lines.iter().fold(head.to_owned(), |text, line| format!("{text}\n  {line}"))
}

fn table(pairs: &[&Pair]) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_header(["figure", "target", "before", "after", "change", ""]);
    for pair in pairs {
        table.add_row([
            pair.figure.clone(),
            pair.target.clone(),
            pair.unit.show_spread(&pair.before),
            pair.unit.show_spread(&pair.after),
            percent(pair.percent),
            pair.verdict.words().to_owned(),
        ]);
    }
    for column in table.column_iter_mut().skip(2).take(3) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

fn percent(value: f64) -> String {
    if value.is_finite() { format!("{value:+.1} %") } else { "from 0".to_owned() }
}

fn counts(comparison: &Comparison) -> String {
    let count = |verdict| comparison.count(verdict);
    format!(
        "{} figures in both: {} better, {} worse, {} changed, {} within the noise, {} within {} %.",
        comparison.pairs.len(),
        count(Verdict::Better),
        count(Verdict::Worse),
        count(Verdict::Changed),
        count(Verdict::Noise),
        count(Verdict::Same),
        comparison.threshold,
    )
}
