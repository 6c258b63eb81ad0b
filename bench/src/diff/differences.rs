//! What makes two runs unlike, so that their figures may differ for another reason than the code.

use std::fmt::Display;

use crate::report::model::{Report, Section};

/// A line each; none if the runs were made alike.
pub(super) fn warnings(before: &Report, after: &Report) -> Vec<String> {
    let mut found = Vec::new();
    found.extend(machines(before, after));
    found.extend(targets(before, after));
    found.extend(sizes(before, after));
    found
}

fn unlike<T: PartialEq + Display>(what: &str, before: &T, after: &T) -> Option<String> {
    (before != after).then(|| format!("{what}: {before} → {after}"))
}

fn machines(before: &Report, after: &Report) -> Vec<String> {
    let cpu = |report: &Report| report.server_cpu.map_or("none".to_owned(), |cpu| cpu.to_string());
    let (a, b) = (&before.machine, &after.machine);
    [
        unlike("processor", &a.processor, &b.processor),
        unlike("cores", &a.processors, &b.processors),
        unlike("memory in MiB", &a.memory_mib, &b.memory_mib),
        unlike("kernel", &a.kernel, &b.kernel),
        unlike("file system", &a.file_system, &b.file_system),
        unlike("core of the servers", &cpu(before), &cpu(after)),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn targets(before: &Report, after: &Report) -> Vec<String> {
    let mut found = Vec::new();
    for a in &before.targets {
        let Some(b) = after.targets.iter().find(|b| b.name == a.name) else { continue };
        found.extend(unlike(&format!("version of {}", a.name), &a.version, &b.version));
        found.extend(unlike(&format!("durability of {}", a.name), &a.durability, &b.durability));
    }
    found
}

/// The work is described by the sections' methods; the command says what was asked for.
fn sizes(before: &Report, after: &Report) -> Vec<String> {
    let mut found: Vec<String> =
        unlike("command", &before.command, &after.command).into_iter().collect();
    for a in &before.sections {
        let Some(b) = after.sections.iter().find(|b| b.id == a.id) else { continue };
        if a.method != b.method {
            found.push(format!(
                "work of {}:\n    {}\n  → {}",
                a.id,
                one_line(&a.method),
                one_line(&b.method)
            ));
        }
        found.extend(unlike(&format!("repetitions of {}", a.id), &repetitions(a), &repetitions(b)));
    }
    found
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The most that a figure of the section has.
fn repetitions(section: &Section) -> usize {
    let figures = section.tables.iter().flat_map(|table| &table.figures);
    let cells = figures.flat_map(|figure| &figure.cells);
    cells.map(|cell| cell.values.len()).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::model::Report;

    fn report() -> Report {
        serde_json::from_str(include_str!("../../tests/fixtures/report.json")).unwrap()
    }

    #[test]
    fn equal_runs_give_no_warning() {
        assert_eq!(warnings(&report(), &report()), Vec::<String>::new());
    }

    #[test]
    fn another_machine_version_or_size_gives_one() {
        let mut after = report();
        after.machine.processors = 64;
        after.server_cpu = None;
        after.targets[2].version = "3.6.0".to_owned();
        after.sections[1].method = "Two days\nof it.".to_owned();
        after.sections[2].tables[0].figures[0].cells[0].values.push(1.0);
        let found = warnings(&report(), &after);
        assert_eq!(
            found[..3],
            [
                "cores: 2 → 64",
                "core of the servers: 0 → none",
                "version of Prometheus: 3.5.3 → 3.6.0"
            ]
        );
        assert!(found[3].starts_with("work of queries:\n    A day of"), "{}", found[3]);
        assert!(found[3].ends_with("\n  → Two days of it."), "{}", found[3]);
        assert_eq!(found[4..], ["repetitions of spike: 3 → 4"]);
    }
}
