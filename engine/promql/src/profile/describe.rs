//! Operators in words.

use crate::functions::{Function, FunctionId};
use crate::number::format_plain;
use crate::parser::format_duration;
use crate::plan::{
    AggregatePlan, HistogramKind, LabelEdit, RangePlan, ScalarPlan, SelectPlan, VectorPlan,
};

/// What an operator is, without its inputs; selectors are whole.
pub(super) fn operator(plan: &VectorPlan) -> String {
    match plan {
        VectorPlan::Select(select) => selector(select),
        VectorPlan::Window(call) => format!("{}({})", name(call.func), range(&call.range)),
        VectorPlan::Map(call) => name(call.func).to_owned(),
        VectorPlan::Timestamp(select) => format!("timestamp({})", selector(select)),
        VectorPlan::OfScalar(ScalarPlan::Number(number)) => {
            format!("vector({})", format_plain(*number))
        }
        VectorPlan::OfScalar(_) => "vector".to_owned(),
        VectorPlan::Clock(func) => name(*func).to_owned(),
        VectorPlan::Absent(..) => "absent".to_owned(),
        VectorPlan::AbsentOverTime(over, _) => format!("absent_over_time({})", range(over)),
        VectorPlan::Labels(call) => match call.edit {
            LabelEdit::Replace { .. } => "label_replace".to_owned(),
            LabelEdit::Join { .. } => "label_join".to_owned(),
        },
        VectorPlan::Sort(call) if call.descending => "sort, descending".to_owned(),
        VectorPlan::Sort(_) => "sort".to_owned(),
        VectorPlan::Histogram(call) => match call.kind {
            HistogramKind::Quantile(..) => "histogram_quantile".to_owned(),
            HistogramKind::Fraction(..) => "histogram_fraction".to_owned(),
            HistogramKind::Quantiles(..) => "histogram_quantiles".to_owned(),
        },
        VectorPlan::Info(_) => "info".to_owned(),
        VectorPlan::Nothing(_) => "nothing".to_owned(),
        VectorPlan::Negate(_) => "-".to_owned(),
        VectorPlan::Aggregate(plan) => aggregation(plan),
        VectorPlan::Mixed(plan) => plan.op.symbol().to_owned(),
        VectorPlan::Pair(plan) => plan.op.symbol().to_owned(),
        VectorPlan::Invariant(_) => "once for all steps".to_owned(),
    }
}

fn name(func: FunctionId) -> &'static str {
    Function::all().iter().find(|function| function.id == func).map_or("?", |found| found.name)
}

fn selector(select: &SelectPlan) -> String {
    let matchers: Vec<String> = select.matchers.iter().map(ToString::to_string).collect();
    format!("{{{}}}", matchers.join(","))
}

fn range(range: &RangePlan) -> String {
    let length = format_duration(range.range_ms());
    match range {
        RangePlan::Select(select, _) => format!("{}[{length}]", selector(select)),
        RangePlan::Subquery(inner) => {
            format!("…[{length}:{}]", format_duration(inner.step_ms))
        }
    }
}

fn aggregation(plan: &AggregatePlan) -> String {
    let (op, labels) = (plan.op.name(), plan.grouping.join(", "));
    match (plan.without, plan.grouping.is_empty()) {
        (false, true) => op.to_owned(),
        (false, false) => format!("{op} by ({labels})"),
        (true, _) => format!("{op} without ({labels})"),
    }
}
