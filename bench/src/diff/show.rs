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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::model::{Cell, Report};

    fn report() -> Report {
        serde_json::from_str(include_str!("../../tests/fixtures/report.json")).unwrap()
    }

    /// The cells of `ingest/samples_per_second`, three repetitions each.
    fn speeds(report: &mut Report) -> &mut Vec<Cell> {
        &mut report.sections[0].tables[0].figures[0].cells
    }

    #[test]
    fn equal_runs_have_no_table() {
        let comparison = Comparison::new(&report(), &report(), 5.0);
        assert_eq!(
            text(&comparison, &[]),
            "106 figures in both: 0 better, 0 worse, 0 changed, 0 within the noise, 106 within 5 %."
        );
    }

    #[test]
    fn each_change_is_a_row_and_what_one_run_lacks_is_listed() {
        let (mut before, mut after) = (report(), report());
        for (cell, (a, b)) in speeds(&mut before).iter_mut().zip([
            ([1e6, 1.1e6, 1.2e6], [2e6, 2.1e6, 2.2e6]),
            ([1e6, 1.1e6, 1.2e6], [5e5, 6e5, 7e5]),
            ([1e6, 1.1e6, 1.2e6], [1e6, 1.19e6, 1.3e6]),
        ]) {
            cell.values = a.to_vec();
            let other = speeds(&mut after).iter_mut().find(|other| other.target == cell.target);
            other.unwrap().values = b.to_vec();
        }
        speeds(&mut before).truncate(4);
        speeds(&mut after)[3].values = vec![f64::NAN];
        let comparison = Comparison::new(&before, &after, 5.0);
        let expected = "\
Warning: the runs were not made alike.
  cores: 2 → 4

 figure                     target                                    before                            after   change
 ingest/samples_per_second  nunatak (fsync)  1,100,000 (1,000,000–1,200,000)  2,100,000 (2,000,000–2,200,000)  +90.9 %  better
 ingest/samples_per_second  nunatak (os)     1,100,000 (1,000,000–1,200,000)        600,000 (500,000–700,000)  -45.5 %  WORSE
 ingest/samples_per_second  Prometheus       1,100,000 (1,000,000–1,200,000)  1,190,000 (1,000,000–1,300,000)   +8.2 %  noise

104 figures in both: 1 better, 1 worse, 0 changed, 1 within the noise, 101 within 5 %.

Only before:
  ingest/samples_per_second (VictoriaMetrics)

Only after:
  ingest/samples_per_second (InfluxDB)";
        assert_eq!(text(&comparison, &["cores: 2 → 4".to_owned()]), expected);
    }
}
