//! Aggregations.

use super::{Frame, Grouping, Keyword, Parser, Result, TokenKind, Tree};
use crate::ast::{AggregateExpr, AggregateOp, ExprKind, Span};

impl Parser<'_> {
    /// Takes an aggregator: it begins an aggregation if parentheses or labels follow, else it is
    /// the name of a metric.
    pub(super) fn aggregator(&mut self, op: AggregateOp) -> Result<Option<Tree>> {
        let name = self.take()?;
        let aggregates = matches!(
            self.peek()?.kind,
            TokenKind::LeftParen | TokenKind::Keyword(Keyword::By | Keyword::Without)
        );
        if !aggregates {
            return self.selector(Some(name)).map(Some);
        }
        let grouping = self.grouping()?;
        if self.peek()?.kind != TokenKind::LeftParen {
            return Err(self.unexpected("aggregation", ""));
        }
        self.take()?;
        let start = name.span.start;
        self.push(Frame::Aggregate { op, start, grouping, args: Vec::new() }, name)?;
        if self.take_if(TokenKind::RightParen)? {
            return self.close_call();
        }
        Ok(None)
    }

    /// Takes `by (…)` or `without (…)` if it is there.
    fn grouping(&mut self) -> Result<Option<Grouping>> {
        let without = self.take_keyword(Keyword::Without)?;
        if !without && !self.take_keyword(Keyword::By)? {
            return Ok(None);
        }
        Ok(Some(Grouping { labels: self.grouping_labels()?, without }))
    }

    /// Makes an aggregation of its arguments; the closing parenthesis was taken, the labels may
    /// still come.
    pub(super) fn aggregation(
        &mut self,
        op: AggregateOp,
        start: usize,
        grouping: Option<Grouping>,
        args: Vec<Tree>,
    ) -> Result<Tree> {
        let grouping = match grouping {
            Some(grouping) => Some(grouping),
            None => self.grouping()?,
        };
        self.open_aggregations -= 1;
        let span = Span { start, end: self.last_end };
        let (expr, param) = self.aggregation_args(op, span, args)?;
        let height = param.as_ref().map_or(0, |param| param.height).max(expr.height);
        let Grouping { labels, without } =
            grouping.unwrap_or(Grouping { labels: Vec::new(), without: false });
        let aggregate = AggregateExpr {
            op,
            expr: expr.expr,
            param: param.map(|param| param.expr),
            grouping: labels,
            without,
        };
        self.tree(ExprKind::Aggregate(Box::new(aggregate)), span, height)
    }

    fn aggregation_args(
        &mut self,
        op: AggregateOp,
        span: Span,
        args: Vec<Tree>,
    ) -> Result<(Tree, Option<Tree>)> {
        let count = args.len();
        if count == 0 {
            return Err(self.error(span, "no arguments for aggregate expression provided"));
        }
        if op.is_experimental() && !self.options.experimental_functions {
            let message = format!(
                "{op}() is experimental and must be enabled with \
                 --enable-feature=promql-experimental-functions"
            );
            return Err(self.error(span, message));
        }
        let wanted = 1 + usize::from(op.has_param());
        let mut args = args.into_iter();
        let param = if op.has_param() { args.next() } else { None };
        match args.next() {
            Some(expr) if count == wanted => Ok((expr, param)),
            _ => {
                let message = format!(
                    "wrong number of arguments for aggregate expression provided, \
                     expected {wanted}, got {count}"
                );
                Err(self.error(span, message))
            }
        }
    }
}
