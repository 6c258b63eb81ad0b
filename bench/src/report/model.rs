//! What a comparison found, in a form that tables, plots, ratios and `diff` are all made of.

use serde::{Deserialize, Serialize};

use super::Machine;

/// One whole run of `compare`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The day in UTC, `2026-01-31`.
    pub date: String,
    /// The command that made it.
    pub command: String,
    /// How long the run took, seconds.
    pub seconds: f64,
    /// Where it ran.
    pub machine: Machine,
    /// Processor that the servers were pinned to; none if the machine has one only.
    pub server_cpu: Option<usize>,
    /// Who was measured, nunatak first.
    pub targets: Vec<TargetNote>,
    /// The parts, in the order of the page.
    pub sections: Vec<Section>,
}

/// A target in a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetNote {
    /// Name; figures refer to it.
    pub name: String,
    /// Whether it is nunatak itself, not a peer.
    pub is_ours: bool,
    /// Version, as it or its package says.
    pub version: String,
    /// What an acknowledged write means to it.
    pub durability: String,
}

/// One part of a report: one piece of work, and what was seen of it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Section {
    /// A stable name, `ingest`; unique in a report.
    pub id: String,
    /// The heading.
    pub title: String,
    /// What was done and how, as Markdown.
    pub method: String,
    /// The figures, table by table.
    pub tables: Vec<Table>,
    /// Courses in time.
    pub curves: Vec<Curve>,
    /// What a reader must know of these figures (refusals, losses), a paragraph each.
    pub notes: Vec<String>,
}

/// Figures that stand in one table.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Table {
    /// What stands above it; may be empty.
    pub title: String,
    /// The rows.
    pub figures: Vec<Figure>,
    /// Whether a plot shows its rows as bars.
    pub plotted: bool,
}

/// One figure of every target.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// A stable name, `cpu_seconds_per_million`; unique in its section.
    pub id: String,
    /// The row's head.
    pub words: String,
    /// How it is shown.
    pub unit: Unit,
    /// Which end is the good one.
    pub better: Better,
    /// Whether its ratio to the best peer is told at the top of the page.
    pub headline: bool,
    /// One for each target that has it.
    pub cells: Vec<Cell>,
}

/// A figure of one target.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Cell {
    /// The target's name.
    pub target: String,
    /// One value a repetition; NaN where a repetition has none, so that the others keep theirs.
    #[serde(with = "super::gaps::numbers")]
    pub values: Vec<f64>,
    /// Stands behind the value in the table, e.g. `≠` where an answer differs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mark: Option<String>,
}

/// What a value counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Whole things.
    Count,
    /// A number with two decimals, its unit in the words of the figure.
    Number,
    /// Seconds.
    Seconds,
    /// Milliseconds.
    Milliseconds,
    /// Microseconds.
    Microseconds,
    /// Bytes, or a part of one.
    Bytes,
    /// MiB.
    Mebibytes,
}

/// Which end of a figure is the good one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Better {
    /// Less is better.
    Lower,
    /// More is better.
    Higher,
    /// It says nothing of better or worse.
    Neither,
}

/// A course in time of every target.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Curve {
    /// A stable name, unique in its section.
    pub id: String,
    /// The heading.
    pub title: String,
    /// Name and unit of the axis to the right.
    pub x: String,
    /// Name and unit of the axis upwards, which is logarithmic.
    pub y: String,
    /// One for each target.
    pub lines: Vec<Line>,
}

/// A course of one target.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// The target's name.
    pub target: String,
    /// The points, in the order of x; a point that is not finite is a gap.
    #[serde(with = "super::gaps::points")]
    pub points: Vec<(f64, f64)>,
}
