use super::{METHOD, page};
use crate::report::Machine;
use crate::report::model::{
    Better, Cell, Curve, Figure, Line, Report, Section, Table, TargetNote, Unit,
};
use crate::report::plot::Plots;

fn target(name: &str, is_ours: bool, durability: &str) -> TargetNote {
    let (name, durability) = (name.to_owned(), durability.to_owned());
    TargetNote { name, is_ours, version: "1.0".to_owned(), durability }
}

fn cell(target: &str, values: &[f64], mark: Option<&str>) -> Cell {
    Cell { target: target.to_owned(), values: values.to_vec(), mark: mark.map(str::to_owned) }
}

fn figure(id: &str, unit: Unit, better: Better, headline: bool, cells: Vec<Cell>) -> Figure {
    Figure { id: id.to_owned(), words: id.replace('-', " "), unit, better, headline, cells }
}

fn writing() -> Table {
    let (ours, fast, slow) = ("ours", "fast*", "slow");
    let figures = vec![
        figure(
            "samples-a-second",
            Unit::Count,
            Better::Higher,
            true,
            vec![
                cell(ours, &[1e6, 3e6, 2e6], None),
                cell(fast, &[2e6, 5e6, 5e6], None),
                cell(slow, &[1e5, 1e5, 1e5], None),
            ],
        ),
        figure(
            "memory",
            Unit::Bytes,
            Better::Lower,
            true,
            vec![cell(ours, &[700.0], None), cell(slow, &[2_100.0], None)],
        ),
        figure(
            "rate(x[5m])",
            Unit::Milliseconds,
            Better::Lower,
            false,
            vec![
                cell(ours, &[2.0], None),
                cell(fast, &[1.5], Some("≠")),
                cell(slow, &[f64::NAN], Some("✗")),
            ],
        ),
        figure(
            "written",
            Unit::Count,
            Better::Neither,
            false,
            vec![cell(ours, &[5.0], None), cell(fast, &[6.0], None)],
        ),
    ];
    Table { title: "Writing".to_owned(), figures, plotted: false }
}

fn report() -> Report {
    let spike = Curve {
        id: "latency".to_owned(),
        title: "Latency".to_owned(),
        x: "seconds".to_owned(),
        y: "ms".to_owned(),
        lines: vec![Line { target: "ours".to_owned(), points: vec![(0.0, 1.0), (1.0, 2.0)] }],
    };
    Report {
        date: "2026-01-31".to_owned(),
        command: "nunatak-bench compare".to_owned(),
        seconds: 600.0,
        machine: Machine {
            processor: "Abacus".to_owned(),
            processors: 2,
            memory_mib: 4_096,
            kernel: "Linux 6.1".to_owned(),
            file_system: "ext4".to_owned(),
        },
        server_cpu: Some(0),
        targets: vec![
            target("ours", true, "synced"),
            target("fast*", false, "in memory"),
            target("slow", false, "written"),
        ],
        sections: vec![Section {
            id: "ingest".to_owned(),
            title: "Ingest".to_owned(),
            method: "Many samples.".to_owned(),
            tables: vec![writing()],
            curves: vec![spike],
            notes: vec!["Nothing was refused.".to_owned()],
        }],
    }
}

const EXPECTED: &str = "\
## At a glance

|  | ours | best peer |
|---|---:|---:|
| **Ingest** |  |  |
| samples a second | 2,000,000 (1,000,000–3,000,000)<br>2.50× worse (1.67–2.50) | \
5,000,000 (2,000,000–5,000,000)<br>fast\\* |
| memory, bytes | 700<br>3.00× better | 2,100<br>slow |

Each figure stands beside the best peer's, whichever that is. *2× better* and *2× worse* are ratios \
of medians; in brackets stand the smallest and the largest ratio of single repetitions, paired in \
the order in which they ran, and below 1 they point the other way.

- ours: better than the best peer in 1 of 2, worse in 1, equal in 0.

## Machine, versions, durability

- Machine: Abacus, **2 cores**, 4,096 MiB of memory, Linux 6.1, ext4; servers are pinned to core 0, \
the generator to another.
- Day: 2026-01-31 (UTC); the run took 10 minutes.

|  | version | what an acknowledged write is |
|---|---|---|
| ours | 1.0 | synced |
| fast\\* | 1.0 | in memory |
| slow | 1.0 | written |

```
nunatak-bench compare
```

## Ingest

Many samples.

### Writing

|  | ours | fast\\* | slow |
|---|---:|---:|---:|
| samples a second | 2,000,000 (1,000,000–3,000,000) | **5,000,000 (2,000,000–5,000,000)** | 100,000 |
| memory, bytes | **700** | – | 2,100 |
| rate(x\\[5m\\]), ms | 2.00 | **1.50 ≠** | – ✗ |
| written | 5 | 6 | – |

### Latency

![Lines: Latency; ms over seconds](benchmarks/ingest-1.svg)

Nothing was refused.

<!-- codec -->
## Codec

Small.
<!-- end of codec -->";

#[test]
fn the_page_is_the_report() {
    let report = report();
    let text = page(&report, &Plots::draw(&report).unwrap(), Some("## Codec\n\nSmall.\n"));
    let (head, rest) = text.split_once("## At a glance").unwrap();
    assert!(head.starts_with("# Benchmarks\n\nEvery figure on this page"));
    let rest = format!("## At a glance{rest}");
    let (body, end) = rest.split_once(METHOD.trim()).unwrap();
    assert_eq!(body.trim_end(), EXPECTED);
    assert_eq!(
        end.trim(),
        "All figures of each repetition: [2026-01-31.json](benchmarks/2026-01-31.json). Two such \
         files are compared by `nunatak-bench diff`."
    );
}

#[test]
fn without_headlines_and_codec_their_parts_are_absent() {
    let mut report = report();
    for figure in &mut report.sections[0].tables[0].figures {
        figure.headline = false;
    }
    let text = page(&report, &Plots::default(), None);
    assert!(!text.contains("At a glance") && !text.contains("codec -->"));
    assert!(!text.contains(".svg"));
}

#[test]
fn alone_nunatak_has_no_ratio() {
    let mut report = report();
    report.targets.truncate(1);
    for figure in &mut report.sections[0].tables[0].figures {
        figure.cells.truncate(1);
    }
    let text = page(&report, &Plots::default(), None);
    assert!(text.contains("| memory, bytes | 700 | – |"), "{text}");
    // With nobody to be better than, nothing is bold.
    assert!(text.contains("| memory, bytes | 700 |\n"), "{text}");
    assert!(text.contains("- ours: better than the best peer in 0 of 0"), "{text}");
}

#[test]
fn a_figure_that_only_the_peer_has_is_not_passed_over() {
    let mut report = report();
    report.sections[0].tables[0].figures[1].cells[0].values = vec![f64::NAN];
    let text = page(&report, &Plots::default(), None);
    assert!(text.contains("| memory, bytes | – | 2,100<br>slow |"), "{text}");
    let count = "- ours: better than the best peer in 0 of 2, worse in 1, equal in 0, without a \
                 ratio in 1.";
    assert!(text.contains(count), "{text}");
}
