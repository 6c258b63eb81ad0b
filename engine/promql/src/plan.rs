//! The plan: what is to be computed, with everything known before the first sample is read.
//!
//! A plan is typed (scalars, vectors and windows are different trees), its modifiers are resolved
//! (`@ start()`, computed durations), its constants are folded, and what gives the same at every
//! step is marked, to be evaluated once.

mod build;
mod calls;
mod duration;

use nunatak::Grouping;
use nunatak_index::{Labels, METRIC_NAME, MatchOp, Matcher, Pattern};

use crate::ast::{AggregateOp, BinaryOp, RangeMode, Span, VectorMatching};
use crate::functions::FunctionId;

pub(crate) use build::{Query, build, has_one_name};

/// A whole query.
#[derive(Debug)]
pub(crate) enum Plan {
    Scalar(ScalarPlan),
    String(String),
    Vector(VectorPlan),
    Range(RangePlan),
}

/// One number for each step.
#[derive(Debug)]
pub(crate) enum ScalarPlan {
    Number(f64),
    /// The time of the step, in seconds.
    Time,
    /// `scalar(v)`
    OfVector(Box<VectorPlan>),
    Negate(Box<ScalarPlan>),
    Binary(BinaryOp, Box<ScalarPlan>, Box<ScalarPlan>),
    /// `min_of`, `max_of`
    Extreme {
        max: bool,
        a: Box<ScalarPlan>,
        b: Box<ScalarPlan>,
    },
    /// The same at every step.
    Invariant(Box<ScalarPlan>),
}

/// At most one sample for each series and step.
#[derive(Debug)]
pub(crate) enum VectorPlan {
    Select(Box<SelectPlan>),
    /// A function of windows.
    Window(Box<WindowCall>),
    /// A function of each value alone.
    Map(Box<MapCall>),
    /// `timestamp` of a selector: the sample's own time.
    Timestamp(Box<SelectPlan>),
    /// `vector(s)`
    OfScalar(ScalarPlan),
    /// `hour()` and the like without argument.
    Clock(FunctionId),
    /// `absent`: the labels that its result has.
    Absent(Box<VectorPlan>, Labels),
    AbsentOverTime(RangePlan, Labels),
    Labels(Box<LabelCall>),
    Sort(Box<SortCall>),
    Histogram(Box<HistogramCall>),
    Info(Box<InfoCall>),
    /// A function of what is not stored: the input is evaluated, the result empty.
    Nothing(Box<VectorPlan>),
    Negate(Box<VectorPlan>),
    Aggregate(Box<AggregatePlan>),
    /// A vector and a scalar.
    Mixed(Box<MixedPlan>),
    /// Two vectors.
    Pair(Box<PairPlan>),
    /// The same at every step.
    Invariant(Box<VectorPlan>),
}

impl VectorPlan {
    /// Whether the series come in the storage's own order, and not sorted by labels.
    pub(crate) fn is_unsorted(&self) -> bool {
        let select = match self {
            Self::Select(select) => select,
            Self::Window(call) => match &call.range {
                RangePlan::Select(select, _) => select,
                RangePlan::Subquery(_) => return false,
            },
            Self::Invariant(inner) | Self::Negate(inner) => return inner.is_unsorted(),
            _ => return false,
        };
        select.scan.is_unsorted()
    }
}

/// Series at instants.
#[derive(Debug, Clone)]
pub(crate) struct SelectPlan {
    pub(crate) matchers: Vec<Matcher>,
    pub(crate) offset_ms: i64,
    /// The time that `@` pins the evaluation to.
    pub(crate) at: Option<i64>,
    pub(crate) mode: Option<RangeMode>,
    /// What is done with the samples, for the storage.
    pub(crate) function: Option<&'static str>,
    pub(crate) grouping: Option<Grouping>,
    /// What is done with the order and the labels of the series.
    pub(crate) scan: Scan,
    /// Whether only the marks of ends matter of the values.
    pub(crate) presence_only: bool,
    /// Whether count and sum are all that is wanted of native histograms.
    pub(crate) parts_only: bool,
    pub(crate) span: Span,
}

impl SelectPlan {
    /// The metric's name of a series for remarks. A scan may leave it out of the labels, but then
    /// the selector asks for it, or no name is known.
    pub(crate) fn metric_name<'a>(&'a self, labels: &'a Labels) -> &'a str {
        let named = |m: &&Matcher| m.name() == METRIC_NAME && m.op() == MatchOp::Equal;
        match (&self.scan, self.matchers.iter().find(named)) {
            (Scan::By(_), Some(matcher)) => matcher.value(),
            _ => labels.metric_name(),
        }
    }
}

/// Whether series have to be sorted, and have all their labels.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Scan {
    /// Sorted, with all labels.
    #[default]
    Sorted,
    /// The same, but whoever asks keeps all of them: they may be sorted when they are there.
    SortedLater,
    /// In any order, with all labels; nobody looks at the metric's name.
    Unsorted,
    /// In any order, with the labels that the answer shows.
    Output,
    /// In any order; only these labels are looked at.
    By(Vec<String>),
}

impl Scan {
    /// Whether series may come in any order.
    pub(crate) fn is_unsorted(&self) -> bool {
        matches!(self, Self::Unsorted | Self::Output | Self::By(_))
    }
}

/// Windows of samples.
#[derive(Debug)]
pub(crate) enum RangePlan {
    Select(Box<SelectPlan>, i64),
    Subquery(Box<SubqueryPlan>),
}

impl RangePlan {
    /// The length of the windows in ms.
    pub(crate) fn range_ms(&self) -> i64 {
        match self {
            Self::Select(_, range_ms) => *range_ms,
            Self::Subquery(subquery) => subquery.range_ms,
        }
    }

    /// Where the windows end at a step of the time `t`.
    pub(crate) fn window_end(&self, t: i64) -> i64 {
        let (at, offset) = match self {
            Self::Select(select, _) => (select.at, select.offset_ms),
            Self::Subquery(subquery) => (subquery.at, subquery.offset_ms),
        };
        at.unwrap_or(t).saturating_sub(offset)
    }

    pub(crate) fn mode(&self) -> Option<RangeMode> {
        match self {
            Self::Select(select, _) => select.mode,
            Self::Subquery(_) => None,
        }
    }
}

/// An expression evaluated at many steps.
#[derive(Debug)]
pub(crate) struct SubqueryPlan {
    pub(crate) input: SubqueryInput,
    pub(crate) range_ms: i64,
    pub(crate) step_ms: i64,
    pub(crate) offset_ms: i64,
    pub(crate) at: Option<i64>,
}

#[derive(Debug)]
pub(crate) enum SubqueryInput {
    Scalar(ScalarPlan),
    Vector(VectorPlan),
}

/// A function of windows.
#[derive(Debug)]
pub(crate) struct WindowCall {
    pub(crate) func: FunctionId,
    pub(crate) range: RangePlan,
    pub(crate) params: Vec<ScalarPlan>,
    /// Of the first argument.
    pub(crate) span: Span,
}

/// A function of each value alone.
#[derive(Debug)]
pub(crate) struct MapCall {
    pub(crate) func: FunctionId,
    pub(crate) input: VectorPlan,
    pub(crate) params: Vec<ScalarPlan>,
}

/// A function of labels.
#[derive(Debug)]
pub(crate) struct LabelCall {
    pub(crate) input: VectorPlan,
    pub(crate) edit: LabelEdit,
}

#[derive(Debug)]
pub(crate) enum LabelEdit {
    Replace { dst: String, replacement: String, src: String, pattern: Pattern },
    Join { dst: String, separator: String, src: Vec<String> },
}

/// `sort` and its kin.
#[derive(Debug)]
pub(crate) struct SortCall {
    pub(crate) input: VectorPlan,
    /// The labels to sort by; `None` sorts by value.
    pub(crate) labels: Option<Vec<String>>,
    pub(crate) descending: bool,
    pub(crate) span: Span,
}

/// A function of histograms: classic ones, and native ones.
#[derive(Debug)]
pub(crate) struct HistogramCall {
    pub(crate) input: VectorPlan,
    pub(crate) input_span: Span,
    pub(crate) kind: HistogramKind,
}

#[derive(Debug)]
pub(crate) enum HistogramKind {
    Quantile(ScalarPlan, Span),
    Fraction(ScalarPlan, ScalarPlan, Span),
    /// The label, and each quantile with its span.
    Quantiles(String, Vec<(ScalarPlan, Span)>),
}

/// `info`
#[derive(Debug)]
pub(crate) struct InfoCall {
    pub(crate) input: VectorPlan,
    /// The matchers of the second argument, if there is one.
    pub(crate) matchers: Option<Vec<Matcher>>,
    /// The offset and `@` of the first selector of the input.
    pub(crate) select: SelectPlan,
}

/// An aggregation.
#[derive(Debug)]
pub(crate) struct AggregatePlan {
    pub(crate) op: AggregateOp,
    pub(crate) input: VectorPlan,
    pub(crate) param: Option<AggregateParam>,
    /// Sorted.
    pub(crate) grouping: Vec<String>,
    pub(crate) without: bool,
    /// Of the input.
    pub(crate) span: Span,
}

#[derive(Debug)]
pub(crate) enum AggregateParam {
    Number(ScalarPlan, Span),
    Label(String),
}

/// A vector and a scalar.
#[derive(Debug)]
pub(crate) struct MixedPlan {
    pub(crate) op: BinaryOp,
    pub(crate) vector: VectorPlan,
    pub(crate) scalar: ScalarPlan,
    /// Whether the scalar is the left operand.
    pub(crate) scalar_left: bool,
    pub(crate) return_bool: bool,
    pub(crate) span: Span,
}

/// Two vectors.
#[derive(Debug)]
pub(crate) struct PairPlan {
    pub(crate) op: BinaryOp,
    pub(crate) lhs: VectorPlan,
    pub(crate) rhs: VectorPlan,
    pub(crate) matching: VectorMatching,
    pub(crate) return_bool: bool,
    pub(crate) span: Span,
}
