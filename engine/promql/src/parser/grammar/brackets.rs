//! Ranges and subqueries: what stands in brackets behind an operand.

use super::durations::{COMPUTED, Duration, LITERAL};
use super::{Parser, Result, Token, TokenKind, Tree};
use crate::ast::{AtModifier, Expr, ExprKind, MatrixSelector, Span, Subquery};

impl Parser<'_> {
    pub(super) fn brackets(&mut self, operand: Tree) -> Result<Tree> {
        let open = self.take()?;
        let range = if self.options.duration_expressions {
            self.duration_expr("subquery or range selector", COMPUTED)?
        } else {
            self.duration_expr("subquery selector", LITERAL)?
        };
        self.want_positive(&range)?;
        match self.peek()?.kind {
            TokenKind::RightBracket => self.matrix(operand, &open, range),
            TokenKind::Colon => self.subquery(operand, range),
            _ => Err(self.unexpected("subquery or range", "\":\" or \"]\"")),
        }
    }

    fn matrix(&mut self, operand: Tree, open: &Token, range: Duration) -> Result<Tree> {
        let close = self.take()?;
        let Tree { expr: Expr { kind, span }, height } = operand;
        let brackets = Span::merge(open.span, close.span);
        let ExprKind::VectorSelector(selector) = kind else {
            return Err(self.error(brackets, "ranges only allowed for vector selectors"));
        };
        if selector.offset_ms != 0 || selector.offset_expr.is_some() {
            return Err(self.error(brackets, "no offset modifiers allowed before range"));
        }
        // Prometheus forgets to look for `@ start()` and `@ end()`.
        if matches!(selector.at, Some(AtModifier::Timestamp(_))) {
            return Err(self.error(brackets, "no @ modifiers allowed before range"));
        }
        let (range_ms, range_expr) = range.split();
        let matrix =
            MatrixSelector { selector: *selector, selector_span: span, range_ms, range_expr };
        let kind = ExprKind::MatrixSelector(Box::new(matrix));
        self.tree(kind, Span::merge(span, close.span), height)
    }

    fn subquery(&mut self, operand: Tree, range: Duration) -> Result<Tree> {
        const CONTEXT: &str = "subquery selector";
        self.take()?;
        let step = if self.peek()?.kind == TokenKind::RightBracket {
            None
        } else {
            let expected = if self.options.duration_expressions {
                "number, duration, step(), range(), or \"]\""
            } else {
                "number or duration or \"]\""
            };
            let step = self.duration_expr(CONTEXT, expected)?;
            self.want_positive(&step)?;
            Some(step)
        };
        if self.peek()?.kind != TokenKind::RightBracket {
            return Err(self.unexpected(CONTEXT, "\"]\""));
        }
        let close = self.take()?;
        let span = Span::merge(operand.expr.span, close.span);
        let (range_ms, range_expr) = range.split();
        let (step_ms, step_expr) = step.map_or((0, None), Duration::split);
        let subquery = Subquery {
            expr: operand.expr,
            range_ms,
            range_expr,
            // Below a millisecond nothing is left: the default, as in Prometheus.
            step_ms: (step_ms > 0).then_some(step_ms),
            step_expr,
            offset_ms: 0,
            offset_expr: None,
            at: None,
        };
        self.tree(ExprKind::Subquery(Box::new(subquery)), span, operand.height)
    }
}
