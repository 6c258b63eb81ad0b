//! A table of Markdown: targets as columns, figures as rows.

use super::Run;

/// The middle of `values`, and their ends if there are several.
pub(super) fn spread(values: &[f64], show: &dyn Fn(f64) -> String) -> String {
    let mut sorted: Vec<f64> = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    match sorted.as_slice() {
        [] => "–".to_owned(),
        [only] => show(*only),
        [first, .., last] => {
            let middle = f64::midpoint(sorted[(sorted.len() - 1) / 2], sorted[sorted.len() / 2]);
            format!("{} ({}–{})", show(middle), show(*first), show(*last))
        }
    }
}

/// A figure: its words, how to get it from a run, how to show it.
pub(super) struct Figure {
    pub(super) words: &'static str,
    pub(super) value: Box<dyn Fn(&Run) -> f64>,
    pub(super) show: fn(f64) -> String,
}

/// One column for each target, in the order of their first runs.
pub(super) fn table(runs: &[Run], figures: &[Figure]) -> String {
    let mut targets: Vec<&str> = Vec::new();
    for run in runs {
        if !targets.contains(&run.target.as_str()) {
            targets.push(&run.target);
        }
    }
    let mut lines = vec![row("", targets.iter().map(|name| (*name).to_owned()))];
    lines.push(format!("|---|{}", "---:|".repeat(targets.len())));
    for figure in figures {
        let cells = targets.iter().map(|target| {
            let values: Vec<f64> =
                runs.iter().filter(|run| run.target == *target).map(&figure.value).collect();
            spread(&values, &figure.show)
        });
        lines.push(row(figure.words, cells));
    }
    lines.join("\n")
}

fn row(head: &str, cells: impl Iterator<Item = String>) -> String {
    cells.fold(format!("| {head} |"), |line, cell| format!("{line} {cell} |"))
}

/// A whole number with its thousands apart.
pub(super) fn whole(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Two decimals.
pub(super) fn decimal(value: f64) -> String {
    format!("{value:.2}")
}

/// Three decimals, for seconds.
pub(super) fn seconds(value: f64) -> String {
    format!("{value:.3}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_apart() {
        assert_eq!(whole(0.4), "0");
        assert_eq!(whole(999.0), "999");
        assert_eq!(whole(1_234_567.0), "1,234,567");
    }

    #[test]
    fn several_values_show_their_ends() {
        assert_eq!(spread(&[2.0], &decimal), "2.00");
        assert_eq!(spread(&[3.0, 1.0, 2.0], &decimal), "2.00 (1.00–3.00)");
        assert_eq!(spread(&[4.0, 1.0], &decimal), "2.50 (1.00–4.00)");
    }
}
