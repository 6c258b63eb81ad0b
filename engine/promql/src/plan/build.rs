//! From tree to plan.

use std::cell::Cell;

use nunatak::Grouping;
use nunatak_index::{METRIC_NAME, MatchOp, Matcher};

use super::duration::resolve;
use super::{
    AggregateParam, AggregatePlan, MixedPlan, PairPlan, Plan, RangePlan, ScalarPlan, Scan,
    SelectPlan, SubqueryInput, SubqueryPlan, VectorPlan,
};
use crate::ast::{
    AggregateExpr, AggregateOp, AtModifier, BinaryExpr, Call, Expr, ExprKind, Span, UnaryOp,
    ValueType, VectorSelector,
};
use crate::binary::apply;
use crate::error::{QueryError, Result};
use crate::functions::FunctionId;
use crate::key::is_metadata;
use crate::parser::{quote, quote_bytes};

/// When a query runs.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_field_names, reason = "the unit is part of each name")]
pub(crate) struct Query {
    pub(crate) start_ms: i64,
    pub(crate) end_ms: i64,
    /// 0 for an instant query.
    pub(crate) step_ms: i64,
    /// The step of subqueries that don't name one.
    pub(crate) subquery_step_ms: i64,
}

impl Query {
    pub(super) fn step_seconds(&self) -> f64 {
        self.step_ms as f64 / 1000.0
    }

    pub(super) fn range_seconds(&self) -> f64 {
        self.end_ms.saturating_sub(self.start_ms) as f64 / 1000.0
    }

    pub(super) fn at(&self, at: Option<AtModifier>) -> Option<i64> {
        at.map(|at| match at {
            AtModifier::Timestamp(t) => t,
            AtModifier::Start => self.start_ms,
            AtModifier::End => self.end_ms,
        })
    }
}

/// The plan of an expression.
pub(crate) fn build(expr: &Expr, query: &Query) -> Result<Plan> {
    let builder = Builder { query, pattern_bytes: Cell::new(0), parts_only: Cell::new(false) };
    let expr = expr.unwrap_parens();
    Ok(match expr.value_type() {
        ValueType::Scalar => Plan::Scalar(builder.scalar(expr)?.once()),
        ValueType::String => Plan::String(string(expr)?),
        ValueType::Vector => {
            // The answer is sorted when it is there.
            let above = Above { scan: Scan::Output, ..Above::default() };
            Plan::Vector(builder.vector(expr, &above)?.once())
        }
        ValueType::Matrix => Plan::Range(builder.range(expr, &Above::default())?.plan),
    })
}

/// A plan, and whether it gives the same at every step.
pub(super) struct Built<T> {
    pub(super) plan: T,
    pub(super) invariant: bool,
}

impl<T> Built<T> {
    pub(super) fn new(plan: T, invariant: bool) -> Self {
        Self { plan, invariant }
    }
}

impl Built<ScalarPlan> {
    /// Evaluated once if that is enough.
    pub(super) fn once(self) -> ScalarPlan {
        match self.plan {
            plan if !self.invariant => plan,
            ScalarPlan::Number(number) => ScalarPlan::Number(number),
            plan => ScalarPlan::Invariant(Box::new(plan)),
        }
    }
}

impl Built<VectorPlan> {
    /// Evaluated once if that is enough.
    pub(super) fn once(self) -> VectorPlan {
        if self.invariant { VectorPlan::Invariant(Box::new(self.plan)) } else { self.plan }
    }
}

/// What stands above a selector, as a hint to the storage.
#[derive(Default, Clone)]
pub(super) struct Above {
    function: Option<&'static str>,
    grouping: Option<Grouping>,
    /// What an aggregation does with the order and the labels of series.
    scan: Scan,
    /// Whether it counts series, whatever their values.
    counts: bool,
}

impl Above {
    pub(super) fn function(name: &'static str) -> Self {
        Self { function: Some(name), ..Self::default() }
    }

    /// A function of windows under what is above it. Series lose their names there, so the labels
    /// of the aggregation are enough only if no two series differ in their names alone.
    pub(super) fn window(call: &Call, outer: &Self) -> Self {
        let counts =
            matches!(call.func.id, FunctionId::CountOverTime | FunctionId::PresentOverTime);
        let scan = match &outer.scan {
            Scan::By(by) if by.iter().any(|label| is_metadata(label)) => Scan::Sorted,
            scan => scan.clone(),
        };
        Self { scan, counts, ..Self::function(call.func.name) }
    }
}

pub(super) struct Builder<'a> {
    pub(super) query: &'a Query,
    /// What the patterns of `label_replace` take so far.
    pub(super) pattern_bytes: Cell<usize>,
    /// Whether the function around takes only counts and sums from native histograms.
    pub(super) parts_only: Cell<bool>,
}

impl Builder<'_> {
    pub(super) fn scalar(&self, expr: &Expr) -> Result<Built<ScalarPlan>> {
        match &expr.kind {
            ExprKind::Paren(inner) => self.scalar(inner),
            ExprKind::Number(number) => Ok(Built::new(ScalarPlan::Number(number.value), true)),
            ExprKind::Unary(unary) => {
                let inner = self.scalar(&unary.expr)?;
                Ok(match (unary.op, inner.plan) {
                    (UnaryOp::Plus, plan) => Built::new(plan, inner.invariant),
                    (UnaryOp::Minus, ScalarPlan::Number(n)) => {
                        Built::new(ScalarPlan::Number(-n), true)
                    }
                    (UnaryOp::Minus, plan) => {
                        Built::new(ScalarPlan::Negate(Box::new(plan)), inner.invariant)
                    }
                })
            }
            ExprKind::Binary(binary) => self.scalar_binary(binary),
            ExprKind::Call(call) => self.scalar_call(call),
            _ => Err(unexpected(expr)),
        }
    }

    fn scalar_binary(&self, binary: &BinaryExpr) -> Result<Built<ScalarPlan>> {
        let (lhs, rhs) = (self.scalar(&binary.lhs)?, self.scalar(&binary.rhs)?);
        if let (ScalarPlan::Number(a), ScalarPlan::Number(b)) = (&lhs.plan, &rhs.plan) {
            return Ok(Built::new(ScalarPlan::Number(apply::scalars(binary.op, *a, *b)), true));
        }
        let invariant = lhs.invariant && rhs.invariant;
        let (lhs, rhs) = if invariant { (lhs.plan, rhs.plan) } else { (lhs.once(), rhs.once()) };
        let plan = ScalarPlan::Binary(binary.op, Box::new(lhs), Box::new(rhs));
        Ok(Built::new(plan, invariant))
    }

    fn scalar_call(&self, call: &Call) -> Result<Built<ScalarPlan>> {
        let seconds = |ms: i64| Built::new(ScalarPlan::Number(ms as f64 / 1000.0), true);
        Ok(match call.func.id {
            FunctionId::Pi => Built::new(ScalarPlan::Number(std::f64::consts::PI), true),
            FunctionId::Time => Built::new(ScalarPlan::Time, false),
            FunctionId::Start => seconds(self.query.start_ms),
            FunctionId::End => seconds(self.query.end_ms),
            FunctionId::Step => seconds(self.query.step_ms),
            FunctionId::Range => seconds(self.query.end_ms.saturating_sub(self.query.start_ms)),
            FunctionId::Scalar => {
                let inner = self.vector(argument(call, 0)?, &Above::function("scalar"))?;
                let plan = |input| ScalarPlan::OfVector(Box::new(input));
                Built::new(plan(inner.plan), inner.invariant)
            }
            FunctionId::MinOf | FunctionId::MaxOf => {
                let (a, b) = (self.scalar(argument(call, 0)?)?, self.scalar(argument(call, 1)?)?);
                let invariant = a.invariant && b.invariant;
                let (a, b) = (Box::new(a.once()), Box::new(b.once()));
                let max = call.func.id == FunctionId::MaxOf;
                Built::new(ScalarPlan::Extreme { max, a, b }, invariant)
            }
            _ => return Err(QueryError::execution(format!("unknown function {}", call.func.name))),
        })
    }

    pub(super) fn vector(&self, expr: &Expr, above: &Above) -> Result<Built<VectorPlan>> {
        match &expr.kind {
            ExprKind::Paren(inner) => self.vector(inner, above),
            ExprKind::VectorSelector(selector) => {
                let mut select = self.select(selector, above)?;
                select.scan.clone_from(&above.scan);
                select.span = expr.span;
                let invariant = select.at.is_some();
                Ok(Built::new(VectorPlan::Select(Box::new(select)), invariant))
            }
            ExprKind::Unary(unary) => {
                let inner = self.vector(&unary.expr, above)?;
                Ok(match unary.op {
                    UnaryOp::Plus => inner,
                    UnaryOp::Minus => {
                        Built::new(VectorPlan::Negate(Box::new(inner.plan)), inner.invariant)
                    }
                })
            }
            ExprKind::Binary(binary) => self.vector_binary(binary, expr),
            ExprKind::Aggregate(aggregate) => self.aggregate(aggregate),
            ExprKind::Call(call) => self.vector_call(call, expr, above),
            _ => Err(unexpected(expr)),
        }
    }

    fn vector_binary(&self, binary: &BinaryExpr, expr: &Expr) -> Result<Built<VectorPlan>> {
        let above = Above { scan: Scan::SortedLater, ..Above::default() };
        let (op, return_bool, span) = (binary.op, binary.return_bool, expr.span);
        let (left, right) = (binary.lhs.value_type(), binary.rhs.value_type());
        if left == ValueType::Vector && right == ValueType::Vector {
            let lhs = self.vector(&binary.lhs, &above)?;
            let rhs = self.vector(&binary.rhs, &above)?;
            let invariant = lhs.invariant && rhs.invariant;
            let (lhs, rhs) =
                if invariant { (lhs.plan, rhs.plan) } else { (lhs.once(), rhs.once()) };
            let matching = binary.matching.clone().unwrap_or_default();
            let plan = PairPlan { op, lhs, rhs, matching, return_bool, span };
            return Ok(Built::new(VectorPlan::Pair(Box::new(plan)), invariant));
        }
        let scalar_left = left == ValueType::Scalar;
        let (scalar, vector) =
            if scalar_left { (&binary.lhs, &binary.rhs) } else { (&binary.rhs, &binary.lhs) };
        let (scalar, vector) = (self.scalar(scalar)?, self.vector(vector, &Above::default())?);
        let invariant = scalar.invariant && vector.invariant;
        let (scalar, vector) =
            if invariant { (scalar.plan, vector.plan) } else { (scalar.once(), vector.once()) };
        let plan = MixedPlan { op, vector, scalar, scalar_left, return_bool, span };
        Ok(Built::new(VectorPlan::Mixed(Box::new(plan)), invariant))
    }

    fn aggregate(&self, aggregate: &AggregateExpr) -> Result<Built<VectorPlan>> {
        let mut grouping = aggregate.grouping.clone();
        grouping.sort_unstable();
        grouping.dedup();
        let hint = grouping.clone();
        let hint = if aggregate.without { Grouping::Without(hint) } else { Grouping::By(hint) };
        let scan = match ignores_order(aggregate.op) {
            false => Scan::Sorted,
            true if aggregate.without => Scan::Unsorted,
            true => Scan::By(grouping.clone()),
        };
        let counts = matches!(aggregate.op, AggregateOp::Count | AggregateOp::Group);
        let function = Some(aggregate.op.name());
        let above = Above { function, grouping: Some(hint), scan, counts };
        let input = self.vector(aggregate.expr.unwrap_parens(), &above)?;
        let mut invariant = input.invariant;
        let param = match &aggregate.param {
            None => None,
            Some(param) if aggregate.op == AggregateOp::CountValues => {
                Some(AggregateParam::Label(label_name(param)?))
            }
            Some(param) => {
                let param = param.unwrap_parens();
                let number = self.scalar(param)?;
                invariant &= number.invariant;
                Some(AggregateParam::Number(number.once(), param.span))
            }
        };
        let input = if invariant { input.plan } else { input.once() };
        let (op, without) = (aggregate.op, aggregate.without);
        let span = aggregate.expr.span;
        let plan = AggregatePlan { op, input, param, grouping, without, span };
        Ok(Built::new(VectorPlan::Aggregate(Box::new(plan)), invariant))
    }

    pub(super) fn range(&self, expr: &Expr, above: &Above) -> Result<Built<RangePlan>> {
        let expr = expr.unwrap_parens();
        match &expr.kind {
            ExprKind::MatrixSelector(matrix) => {
                let mut select = self.select(&matrix.selector, above)?;
                if has_one_name(&select.matchers) {
                    select.scan.clone_from(&above.scan);
                }
                let computed = matrix.range_expr.as_deref();
                let range_ms = resolve(matrix.range_ms, computed, false, self.query)?;
                let invariant = select.at.is_some();
                Ok(Built::new(RangePlan::Select(Box::new(select), range_ms), invariant))
            }
            ExprKind::Subquery(subquery) => {
                let above = &Above { scan: Scan::Sorted, ..above.clone() };
                // Its steps may leave out samples: resets are looked for in what it returns.
                let input = self.with_parts_only(false, || {
                    Ok(match subquery.expr.value_type() {
                        ValueType::Scalar => {
                            SubqueryInput::Scalar(self.scalar(&subquery.expr)?.once())
                        }
                        _ => SubqueryInput::Vector(self.vector(&subquery.expr, above)?.once()),
                    })
                })?;
                let offset = subquery.offset_expr.as_deref();
                let default_step = self.query.subquery_step_ms;
                let step = subquery.step_ms.filter(|&step| step > 0).unwrap_or(default_step);
                let plan = SubqueryPlan {
                    input,
                    range_ms: resolve(
                        subquery.range_ms,
                        subquery.range_expr.as_deref(),
                        false,
                        self.query,
                    )?,
                    step_ms: resolve(step, subquery.step_expr.as_deref(), false, self.query)?,
                    offset_ms: resolve(subquery.offset_ms, offset, true, self.query)?,
                    at: self.query.at(subquery.at),
                };
                let invariant = plan.at.is_some();
                Ok(Built::new(RangePlan::Subquery(Box::new(plan)), invariant))
            }
            _ => Err(unexpected(expr)),
        }
    }

    /// Builds something of which a function around takes only counts and sums of native
    /// histograms, or not.
    pub(super) fn with_parts_only<T>(
        &self,
        parts_only: bool,
        build: impl FnOnce() -> Result<T>,
    ) -> Result<T> {
        let around = self.parts_only.replace(parts_only);
        let built = build();
        self.parts_only.set(around);
        built
    }

    pub(super) fn select(&self, selector: &VectorSelector, above: &Above) -> Result<SelectPlan> {
        let offset = selector.offset_expr.as_deref();
        Ok(SelectPlan {
            matchers: selector.matchers.clone(),
            offset_ms: resolve(selector.offset_ms, offset, true, self.query)?,
            at: self.query.at(selector.at),
            mode: selector.mode,
            function: above.function,
            grouping: above.grouping.clone(),
            scan: Scan::Sorted,
            presence_only: above.counts && selector.mode.is_none(),
            parts_only: self.parts_only.get(),
            span: Span::default(),
        })
    }
}

/// Whether an aggregation gives the same for its series in any order.
fn ignores_order(op: AggregateOp) -> bool {
    use AggregateOp as Op;
    matches!(
        op,
        Op::Sum
            | Op::Avg
            | Op::Min
            | Op::Max
            | Op::Count
            | Op::Group
            | Op::Stddev
            | Op::Stdvar
            | Op::Quantile
    )
}

/// Whether only series of one metric match.
pub(crate) fn has_one_name(matchers: &[Matcher]) -> bool {
    let names = |matcher: &Matcher| {
        matcher.name() == METRIC_NAME
            && matcher.op() == MatchOp::Equal
            && !matcher.value().is_empty()
    };
    matchers.iter().any(names)
}

pub(super) fn argument(call: &Call, index: usize) -> Result<&Expr> {
    let missing = || QueryError::execution(format!("missing argument of {}", call.func.name));
    call.args.get(index).map(Expr::unwrap_parens).ok_or_else(missing)
}

pub(super) fn string(expr: &Expr) -> Result<String> {
    match &expr.unwrap_parens().kind {
        ExprKind::String(text) => Ok(text.clone()),
        ExprKind::Bytes(bytes) => Ok(String::from_utf8_lossy(bytes).into_owned()),
        _ => Err(unexpected(expr)),
    }
}

fn unexpected(expr: &Expr) -> QueryError {
    QueryError::execution(format!("unexpected {} expression", expr.value_type().documented()))
}

/// The label that `count_values` is to set.
fn label_name(expr: &Expr) -> Result<String> {
    let invalid = |name: String| QueryError::execution(format!("invalid label name {name}"));
    match &expr.unwrap_parens().kind {
        ExprKind::Bytes(bytes) => Err(invalid(quote_bytes(bytes))),
        ExprKind::String(name) if name.is_empty() => Err(invalid(quote(name))),
        _ => string(expr),
    }
}
