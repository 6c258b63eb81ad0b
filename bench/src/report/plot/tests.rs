use super::{Origin, Plots};
use crate::report::model::{Report, Unit};

fn report() -> Report {
    serde_json::from_str(include_str!("../../../tests/fixtures/report.json")).unwrap()
}

fn svg(report: &Report, file: &str) -> String {
    let plots = Plots::draw(report).unwrap();
    let found = plots.iter().find(|plot| plot.file == file);
    found.unwrap_or_else(|| panic!("no {file}")).svg.clone()
}

/// The texts of a picture, in the order of drawing.
fn texts(svg: &str) -> Vec<String> {
    let parts = svg.split("<text").skip(1);
    let inner = parts.filter_map(|part| part.split_once('>')?.1.split_once("</text>"));
    inner.map(|(text, _)| text.trim().to_owned()).collect()
}

#[test]
fn bars_tell_words_figures_marks_and_unit() {
    let texts = texts(&svg(&report(), "queries-1.svg"));
    for expected in [
        "Range queries, 24 h",
        "nunatak (fsync)",
        "VictoriaMetrics",
        "avg_over_time(node_load1[1h])",
        "41.83 ≠",
        "– ✗",
        "ms, less is better, logarithmic axis",
    ] {
        assert!(texts.iter().any(|text| text == expected), "no {expected} in {texts:?}");
    }
    assert!(!texts.iter().any(|text| text == "InfluxDB"), "it has no figure here");
}

#[test]
fn lines_tell_both_axes() {
    let texts = texts(&svg(&report(), "spike-2.svg"));
    for expected in ["latency, ms, logarithmic axis", "seconds since the start", "InfluxDB"] {
        assert!(texts.iter().any(|text| text == expected), "no {expected} in {texts:?}");
    }
}

#[test]
fn figures_of_other_units_have_pictures_of_their_own() {
    let plots = Plots::draw(&report()).unwrap();
    let files: Vec<&str> =
        plots.of("ingest", Origin::Table(0)).map(|plot| plot.file.as_str()).collect();
    assert_eq!(files, ["ingest-1.svg", "ingest-2.svg", "ingest-3.svg", "ingest-4.svg"]);
    assert_eq!(plots.of("ingest", Origin::Table(1)).count(), 0, "that table is not plotted");
}

#[test]
fn a_gap_breaks_the_line() {
    let lines = |report: &Report| svg(report, "spike-2.svg").matches("<polyline").count();
    let mut whole = report();
    for line in &mut whole.sections[2].curves[0].lines {
        line.points.retain(|(_, y)| y.is_finite());
    }
    assert_eq!(lines(&report()), lines(&whole) + 1);
}

#[test]
fn close_values_have_a_linear_axis_from_zero() {
    let axis = |svg: &str| texts(svg).iter().any(|text| text.contains("logarithmic"));
    assert!(!axis(&svg(&report(), "spike-1.svg")));
    let mut wide = report();
    wide.sections[2].tables[0].figures[0].cells[0].values = vec![1.0];
    assert!(axis(&svg(&wide, "spike-1.svg")));
}

#[test]
fn zeros_and_values_below_zero_can_be_drawn() {
    let mut odd = report();
    let figure = &mut odd.sections[2].tables[0].figures[0];
    figure.unit = Unit::Number;
    for (cell, value) in figure.cells.iter_mut().zip([0.0, 1e6, -5.0, f64::NAN]) {
        cell.values = vec![value];
    }
    let texts = texts(&svg(&odd, "spike-1.svg"));
    assert!(texts.iter().any(|text| text == "−5.00"), "{texts:?}");
}

#[test]
fn what_has_no_value_has_no_picture() {
    let mut empty = report();
    for cell in empty.sections[2].tables[0].figures.iter_mut().flat_map(|f| &mut f.cells) {
        cell.values.clear();
    }
    for line in &mut empty.sections[2].curves[0].lines {
        line.points = vec![(1.0, 0.0), (f64::NAN, 3.0)];
    }
    let plots = Plots::draw(&empty).unwrap();
    assert_eq!(plots.iter().filter(|plot| plot.file.starts_with("spike")).count(), 0);
}
