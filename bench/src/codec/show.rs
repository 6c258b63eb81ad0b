//! The report for readers: tables, as text or as Markdown.

use std::collections::BTreeMap;

use super::measured::ratio;
use super::{Demand, Report, Sizes, Speed, write};

/// A table: its first row is the head, its first column words.
struct Table {
    title: &'static str,
    rows: Vec<Vec<String>>,
}

/// Tables with their columns aligned.
pub(super) fn text(report: &Report) -> String {
    let mut parts = vec![introduction(report)];
    for table in tables(report) {
        let width = |column: usize| {
            let cells = table.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let lines = table.rows.iter().map(|row| {
            let cells = row.iter().enumerate().map(|(column, cell)| match column {
                0 => format!("{cell:0$}", width(0)),
                _ => format!("{cell:>0$}", width(column)),
            });
            cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        });
        let lines: Vec<String> = lines.collect();
        parts.push(format!("{}\n\n{}", table.title, lines.join("\n")));
    }
    parts.join("\n\n")
}

/// The section of docs/benchmarks.md.
pub(super) fn markdown(report: &Report) -> String {
    let machine = &report.machine;
    let mut parts = vec![
        "## Codec".to_owned(),
        format!("{}, {}, one core.", machine.processor, machine.kernel),
        introduction(report),
        format!("```\n{}\n```", report.command),
    ];
    for table in tables(report) {
        let mut lines = table.rows.iter().map(|row| format!("| {} |", row.join(" | ")));
        let columns = table.rows.first().map_or(0, Vec::len);
        let head = lines.next().unwrap_or_default();
        let rule = format!("|---|{}", "---:|".repeat(columns.saturating_sub(1)));
        let rest: Vec<String> = lines.collect();
        parts.push(format!("### {}\n\n{head}\n{rule}\n{}", table.title, rest.join("\n")));
    }
    parts.join("\n\n")
}

fn introduction(report: &Report) -> String {
    let every = match report.every {
        1 => String::new(),
        every => format!(" (one of every {every})"),
    };
    format!(
        "{}: {} series, {} samples{every} in chunks of {}, {} of them in chunks whose values are \
         not all the same. Every decoder gave back every bit. Decoded chunk by chunk into the same \
         buffers; contestants took turns, medians of the processor time of {} rounds. The fastest kernel here is {}; \
         Prometheus' codecs are Rust ports. A gigabyte is 10^9 bytes of samples of 16 bytes.",
        report.data,
        report.series,
        report.measured.samples,
        report.chunk,
        report.measured.non_constant_samples,
        report.rounds,
        report.kernel,
    )
}

fn tables(report: &Report) -> Vec<Table> {
    let mut tables: Vec<Table> = report.demands.as_deref().map(demands).into_iter().collect();
    tables.extend([sizes(report), decoding(report), writing(report)]);
    tables
}

fn head(cells: &[&str]) -> Vec<String> {
    cells.iter().map(|cell| (*cell).to_owned()).collect()
}

fn demands(demands: &[Demand]) -> Table {
    let mut rows = vec![head(&["", "measured", "demand", ""])];
    rows.extend(demands.iter().map(|demand| {
        let sign = if demand.at_least { '≥' } else { '≤' };
        let figure = demand.figure.map(|figure| format!("{} {}", number(figure), demand.unit));
        let met = match demand.met {
            Some(true) => "met",
            Some(false) => "missed",
            None => "not in this build or on this machine",
        };
        vec![
            demand.what.to_owned(),
            figure.unwrap_or_else(dash),
            format!("{sign} {}", demand.limit),
            met.to_owned(),
        ]
    }));
    Table { title: "What the codec must reach, on the whole capture", rows }
}

/// One of the sizes.
type Part = fn(&Sizes) -> f64;

fn sizes(report: &Report) -> Table {
    let measured = &report.measured;
    let parts: [(&str, Part); 7] = [
        ("values", |sizes| sizes.values),
        ("values, zstd-1 on pages of 64 KiB", |sizes| sizes.values_zstd),
        ("times, a stream for each chunk", |sizes| sizes.timestamps_own),
        ("times, interned, with references", |sizes| sizes.timestamps_interned),
        ("all, own times", |sizes| sizes.total_own),
        ("all, interned times", |sizes| sizes.total_interned),
        ("all, interned times, zstd-1", |sizes| sizes.total_interned_zstd),
    ];
    let mut rows = vec![head(&["bytes per sample", "all chunks", "non-constant chunks"])];
    rows.extend(parts.iter().map(|(words, part)| {
        let some = measured.non_constant.as_ref().map_or_else(dash, |sizes| number(part(sizes)));
        vec![(*words).to_owned(), number(part(&measured.bytes_per_sample)), some]
    }));
    rows.extend(
        measured
            .prometheus_bytes_per_sample
            .iter()
            .map(|(name, bytes)| vec![name.clone(), number(*bytes), dash()]),
    );
    Table { title: "Size", rows }
}

fn decoding(report: &Report) -> Table {
    let measured = &report.measured;
    let mut rows = vec![head(&[
        "decoding",
        "ns/sample",
        "GB/s",
        "fastest kernel ×",
        "non-constant: ns/sample",
        "fastest kernel ×",
    ])];
    let row = |words: String, name: &str, all: &Speeds, some: &Speeds| {
        let times = |speeds| ratio(speeds, report.kernel, name).map_or_else(dash, number);
        let speed = all.get(name);
        vec![
            words,
            speed.map_or_else(dash, |speed| number(speed.ns_per_sample)),
            speed.map_or_else(dash, |speed| number(speed.gb_per_s)),
            times(all),
            some.get(name).map_or_else(dash, |speed| number(speed.ns_per_sample)),
            times(some),
        ]
    };
    for name in measured.decode.keys() {
        rows.push(row(name.clone(), name, &measured.decode, &measured.non_constant_decode));
    }
    for name in measured.values_only.keys() {
        let words = format!("values only, {name}");
        rows.push(row(words, name, &measured.values_only, &measured.non_constant_values_only));
    }
    let sum = measured.fused_sum;
    let figures = [number(sum.ns_per_sample), number(sum.gb_per_s), dash(), dash(), dash()];
    rows.push([vec![format!("fused sum, {}", report.kernel)], figures.to_vec()].concat());
    Table { title: "Decoding", rows }
}

type Speeds = BTreeMap<String, Speed>;

fn writing(report: &Report) -> Table {
    let measured = &report.measured;
    let names = [
        ("append, series by series, ns/sample", write::APPEND),
        ("append, scrape by scrape over 25,000 series, ns/sample", write::SCRAPE_APPEND),
        ("raw store, the same way, ns/sample", write::SCRAPE_RAW),
        ("seal with own times, ns/sample", write::SEAL),
        ("seal with times of another series, ns/sample", write::SEAL_VALUES),
        ("prometheus_xor encode, ns/sample", write::XOR_ENCODE),
        ("prometheus_xor2 encode, ns/sample", write::XOR2_ENCODE),
    ];
    let mut rows = vec![head(&["", ""])];
    rows.extend(names.iter().map(|(words, name)| {
        vec![(*words).to_owned(), measured.write_ns.get(*name).copied().map_or_else(dash, number)]
    }));
    let one = measured.read_one_chunk_us;
    let bytes = measured.open_chunk_bytes.map_or_else(dash, number);
    for (words, figure) in [
        ("read one chunk in random order, mean, µs", number(one.mean)),
        ("the same, all but 1 %, µs", number(one.p99)),
        ("the same, slowest chunk, µs", number(one.slowest)),
        ("open chunk up to 120 samples, mean over time, bytes", bytes),
    ] {
        rows.push(vec![words.to_owned(), figure]);
    }
    Table { title: "Writing, single chunks, memory", rows }
}

fn dash() -> String {
    "–".to_owned()
}

/// Three significant digits or so.
fn number(x: f64) -> String {
    match x.abs() {
        size if size < 1.0 => format!("{x:.3}"),
        size if size < 100.0 => format!("{x:.2}"),
        _ => format!("{x:.0}"),
    }
}
