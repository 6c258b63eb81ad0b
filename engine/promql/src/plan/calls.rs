//! From function calls to plans.

use nunatak_index::{Labels, LabelsBuilder, METRIC_NAME, MatchOp, Matcher, Pattern};

use super::build::{Above, Builder, Built, argument, string};
use super::duration::resolve;
use super::{
    HistogramCall, HistogramKind, InfoCall, LabelCall, LabelEdit, MapCall, ScalarPlan, Scan,
    SelectPlan, SortCall, VectorPlan, WindowCall,
};
use crate::ast::{Call, Expr, ExprKind, ValueType};
use crate::error::{QueryError, Result};
use crate::functions::FunctionId;

/// Bytes that the patterns of all `label_replace` in a query may take.
const MOST_PATTERN_BYTES: usize = 32 << 20;

impl Builder<'_> {
    pub(super) fn vector_call(
        &self,
        call: &Call,
        expr: &Expr,
        outer: &Above,
    ) -> Result<Built<VectorPlan>> {
        use FunctionId as F;
        let above = Above::function(call.func.name);
        let input = |index| self.vector(argument(call, index)?, &above);
        match call.func.id {
            F::Vector => {
                let scalar = self.scalar(argument(call, 0)?)?;
                Ok(Built::new(VectorPlan::OfScalar(scalar.plan), scalar.invariant))
            }
            F::Absent => {
                let labels = absent_labels(argument(call, 0)?)?;
                let inner = input(0)?;
                Ok(Built::new(VectorPlan::Absent(Box::new(inner.plan), labels), inner.invariant))
            }
            F::AbsentOverTime => {
                let labels = absent_labels(argument(call, 0)?)?;
                let range = self.range(argument(call, 0)?, &above)?;
                Ok(Built::new(VectorPlan::AbsentOverTime(range.plan, labels), range.invariant))
            }
            F::Timestamp => self.timestamp(call, &above),
            F::LabelReplace | F::LabelJoin => {
                let inner = input(0)?;
                let plan = LabelCall { input: inner.plan, edit: self.label_edit(call)? };
                Ok(Built::new(VectorPlan::Labels(Box::new(plan)), inner.invariant))
            }
            F::Sort | F::SortDesc | F::SortByLabel | F::SortByLabelDesc => {
                let inner = input(0)?;
                let by_label = matches!(call.func.id, F::SortByLabel | F::SortByLabelDesc);
                let labels = by_label.then(|| strings(call, 1)).transpose()?;
                let descending = matches!(call.func.id, F::SortDesc | F::SortByLabelDesc);
                let plan = SortCall { input: inner.plan, labels, descending, span: expr.span };
                Ok(Built::new(VectorPlan::Sort(Box::new(plan)), inner.invariant))
            }
            F::HistogramQuantile | F::HistogramFraction | F::HistogramQuantiles => {
                self.with_parts_only(false, || self.histogram(call, &above))
            }
            F::HistogramAvg | F::HistogramCount | F::HistogramSum if !self.parts_only.get() => {
                self.with_parts_only(true, || self.vector_call(call, expr, outer))
            }
            F::HistogramStddev | F::HistogramStdvar if self.parts_only.get() => {
                self.with_parts_only(false, || self.vector_call(call, expr, outer))
            }
            F::StartTimestamp => {
                let inner = input(0)?;
                Ok(Built::new(VectorPlan::Nothing(Box::new(inner.plan)), inner.invariant))
            }
            F::Info => self.info(call, &above),
            id if call.args.is_empty() => Ok(Built::new(VectorPlan::Clock(id), false)),
            _ if call.func.args.contains(&ValueType::Matrix) => {
                self.window(call, &Above::window(call, outer))
            }
            func => {
                let inner = input(0)?;
                let (params, constant) = self.params(call, 1)?;
                let invariant = inner.invariant && constant;
                let input = if invariant { inner.plan } else { inner.once() };
                let plan = MapCall { func, input, params };
                Ok(Built::new(VectorPlan::Map(Box::new(plan)), invariant))
            }
        }
    }

    /// The scalar arguments from `first` on, and whether all are the same at every step.
    fn params(&self, call: &Call, first: usize) -> Result<(Vec<ScalarPlan>, bool)> {
        let mut constant = true;
        let mut params = Vec::new();
        for arg in call.args.iter().skip(first) {
            let scalar = self.scalar(arg)?;
            constant &= scalar.invariant;
            params.push(scalar.once());
        }
        Ok((params, constant))
    }

    fn window(&self, call: &Call, above: &Above) -> Result<Built<VectorPlan>> {
        let mut invariant = call.func.id != FunctionId::PredictLinear;
        let mut params = Vec::new();
        let mut range = None;
        for arg in &call.args {
            if arg.value_type() == ValueType::Matrix {
                let built = self.range(arg, above)?;
                invariant &= built.invariant;
                range = Some(built.plan);
            } else {
                let scalar = self.scalar(arg)?;
                invariant &= scalar.invariant;
                params.push(scalar.once());
            }
        }
        let range = range.ok_or_else(|| QueryError::execution("missing range vector"))?;
        let span = argument(call, 0)?.span;
        let plan = WindowCall { func: call.func.id, range, params, span };
        Ok(Built::new(VectorPlan::Window(Box::new(plan)), invariant))
    }

    fn timestamp(&self, call: &Call, above: &Above) -> Result<Built<VectorPlan>> {
        let arg = argument(call, 0)?;
        if let ExprKind::VectorSelector(selector) = &arg.kind {
            let select = self.select(selector, above)?;
            return Ok(Built::new(VectorPlan::Timestamp(Box::new(select)), false));
        }
        let input = self.vector(arg, above)?.once();
        let plan = MapCall { func: FunctionId::Timestamp, input, params: Vec::new() };
        Ok(Built::new(VectorPlan::Map(Box::new(plan)), false))
    }

    fn histogram(&self, call: &Call, above: &Above) -> Result<Built<VectorPlan>> {
        let vector_at = match call.func.id {
            FunctionId::HistogramQuantile => 1,
            FunctionId::HistogramFraction => 2,
            _ => 0,
        };
        let vector = argument(call, vector_at)?;
        let inner = self.vector(vector, above)?;
        let mut invariant = inner.invariant;
        let mut number = |index| -> Result<(ScalarPlan, crate::ast::Span)> {
            let arg = argument(call, index)?;
            let scalar = self.scalar(arg)?;
            invariant &= scalar.invariant;
            Ok((scalar.once(), arg.span))
        };
        let kind = match call.func.id {
            FunctionId::HistogramQuantile => {
                let (q, span) = number(0)?;
                HistogramKind::Quantile(q, span)
            }
            FunctionId::HistogramFraction => {
                let ((lower, span), (upper, _)) = (number(0)?, number(1)?);
                HistogramKind::Fraction(lower, upper, span)
            }
            _ => {
                let label = string(argument(call, 1)?)?;
                let quantiles = (2..call.args.len()).map(number).collect::<Result<_>>()?;
                HistogramKind::Quantiles(label, quantiles)
            }
        };
        let input = if invariant { inner.plan } else { inner.once() };
        let plan = HistogramCall { input, input_span: vector.span, kind };
        Ok(Built::new(VectorPlan::Histogram(Box::new(plan)), invariant))
    }

    fn info(&self, call: &Call, above: &Above) -> Result<Built<VectorPlan>> {
        let base = argument(call, 0)?;
        let inner = self.vector(base, above)?;
        let matchers = match call.args.get(1).map(|arg| &arg.unwrap_parens().kind) {
            Some(ExprKind::VectorSelector(selector)) => Some(selector.matchers.clone()),
            _ => None,
        };
        let mut first = None;
        base.walk(&mut |expr| {
            let selector = match &expr.kind {
                ExprKind::VectorSelector(selector) => Some(&**selector),
                ExprKind::MatrixSelector(matrix) => Some(&matrix.selector),
                _ => None,
            };
            first = first.or(selector);
        });
        let (offset_ms, at) = match first {
            None => (0, None),
            Some(selector) => {
                let offset = selector.offset_expr.as_deref();
                let offset = resolve(selector.offset_ms, offset, true, self.query)?;
                (offset, self.query.at(selector.at))
            }
        };
        let function = Some("info");
        let (mode, grouping, none) = (None, None, Vec::new());
        let (scan, presence_only, parts_only) = (Scan::Sorted, false, false);
        let select = SelectPlan {
            matchers: none,
            offset_ms,
            at,
            mode,
            function,
            grouping,
            scan,
            presence_only,
            parts_only,
            span: base.span,
        };
        let plan = InfoCall { input: inner.plan, matchers, select };
        Ok(Built::new(VectorPlan::Info(Box::new(plan)), inner.invariant))
    }

    fn label_edit(&self, call: &Call) -> Result<LabelEdit> {
        let text = |index| string(argument(call, index)?);
        let name = call.func.name;
        for (kind, index) in [("destination", 1), ("source", 3)] {
            if let Some(ExprKind::Bytes(bytes)) =
                call.args.get(index).map(|arg| &arg.unwrap_parens().kind)
                && (kind == "destination" || call.func.id == FunctionId::LabelJoin)
            {
                let bytes = String::from_utf8_lossy(bytes);
                let text = format!("invalid {kind} label name in {name}(): {bytes}");
                return Err(QueryError::execution(text));
            }
        }
        if call.func.id == FunctionId::LabelJoin {
            let (dst, separator, src) = (text(1)?, text(2)?, strings(call, 3)?);
            if src.iter().any(String::is_empty) {
                return Err(QueryError::execution("invalid source label name in label_join(): "));
            }
            if dst.is_empty() {
                return Err(QueryError::execution(
                    "invalid destination label name in label_join(): ",
                ));
            }
            return Ok(LabelEdit::Join { dst, separator, src });
        }
        let (dst, replacement, src, regex) = (text(1)?, text(2)?, text(3)?, text(4)?);
        if dst.is_empty() {
            return Err(QueryError::execution(
                "invalid destination label name in label_replace(): ",
            ));
        }
        let pattern = self.pattern(&regex)?;
        Ok(LabelEdit::Replace { dst, replacement, src, pattern })
    }

    /// Compiles a pattern of `label_replace`; a query with many must not take all memory.
    fn pattern(&self, text: &str) -> Result<Pattern> {
        let pattern = Pattern::new(text).map_err(|_| {
            let message = format!("invalid regular expression in label_replace(): {text}");
            QueryError::execution(message)
        })?;
        self.pattern_bytes.set(self.pattern_bytes.get() + pattern.compiled_bytes());
        if self.pattern_bytes.get() > MOST_PATTERN_BYTES {
            let message =
                format!("patterns of label_replace() need more than {MOST_PATTERN_BYTES} bytes");
            return Err(QueryError::execution(message));
        }
        Ok(pattern)
    }
}

fn strings(call: &Call, first: usize) -> Result<Vec<String>> {
    call.args.iter().skip(first).map(string).collect()
}

/// The labels that the missing series would have had: those that exactly one matcher names, with
/// `=`.
fn absent_labels(expr: &Expr) -> Result<Labels> {
    let matchers: &[Matcher] = match &expr.kind {
        ExprKind::VectorSelector(selector) => &selector.matchers,
        ExprKind::MatrixSelector(matrix) => &matrix.selector.matchers,
        _ => &[],
    };
    let mut builder = LabelsBuilder::default();
    let mut seen: Vec<&str> = Vec::new();
    for matcher in matchers.iter().filter(|matcher| matcher.name() != METRIC_NAME) {
        if matcher.op() == MatchOp::Equal && !seen.contains(&matcher.name()) {
            builder.set(matcher.name(), matcher.value());
            seen.push(matcher.name());
        } else {
            builder.remove(matcher.name());
        }
    }
    builder.build().map_err(|error| QueryError::execution(error.to_string()))
}
