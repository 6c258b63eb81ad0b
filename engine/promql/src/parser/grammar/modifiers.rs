//! What stands behind an operand and binds tighter than any operator: ranges, `offset`, `@`.

use super::{Keyword, Parser, Preprocessor, Result, TokenKind, Tree};
use crate::ast::{AtModifier, DurationExpr, Expr, ExprKind, RangeMode, VectorSelector};

/// A place in the tree that `offset` and `@` can be put to.
struct Target<'a> {
    offset_ms: &'a mut i64,
    offset_expr: &'a mut Option<Box<DurationExpr>>,
    at: &'a mut Option<AtModifier>,
}

impl Parser<'_> {
    pub(super) fn modifiers(&mut self, mut operand: Tree) -> Result<Tree> {
        loop {
            match self.peek()?.kind {
                TokenKind::LeftBracket => operand = self.brackets(operand)?,
                TokenKind::At => self.at_modifier(&mut operand.expr)?,
                TokenKind::Keyword(Keyword::Offset) => self.offset(&mut operand.expr)?,
                TokenKind::Keyword(Keyword::Anchored) => {
                    self.range_mode(&mut operand.expr, RangeMode::Anchored)?;
                }
                TokenKind::Keyword(Keyword::Smoothed) => {
                    self.range_mode(&mut operand.expr, RangeMode::Smoothed)?;
                }
                _ => return Ok(operand),
            }
        }
    }

    fn offset(&mut self, expr: &mut Expr) -> Result<()> {
        self.take()?;
        let duration = self.offset_duration()?;
        let span = expr.span;
        let Some(target) = target(expr) else {
            return Err(self.error(
                span,
                "offset modifier must be preceded by an instant vector selector or range vector \
                 selector or a subquery",
            ));
        };
        if *target.offset_ms != 0 || target.offset_expr.is_some() {
            return Err(self.error(span, "offset may not be set multiple times"));
        }
        (*target.offset_ms, *target.offset_expr) = duration.split();
        expr.span.end = self.last_end;
        Ok(())
    }

    fn at_modifier(&mut self, expr: &mut Expr) -> Result<()> {
        self.take()?;
        let span = expr.span;
        let at = self.at_value(expr)?;
        let Some(target) = target(expr) else {
            return Err(self.error(
                span,
                "@ modifier must be preceded by an instant vector selector or range vector \
                 selector or a subquery",
            ));
        };
        if target.at.is_some() {
            return Err(self.error(span, "@ <timestamp> may not be set multiple times"));
        }
        *target.at = Some(at);
        expr.span.end = self.last_end;
        Ok(())
    }

    fn at_value(&mut self, expr: &Expr) -> Result<AtModifier> {
        let at = match self.peek()?.kind {
            TokenKind::Preprocessor(Preprocessor::Start) => AtModifier::Start,
            TokenKind::Preprocessor(Preprocessor::End) => AtModifier::End,
            _ => return self.timestamp(expr),
        };
        self.take()?;
        for kind in [TokenKind::LeftParen, TokenKind::RightParen] {
            if !self.take_if(kind)? {
                return Err(self.unexpected("@", "timestamp"));
            }
        }
        Ok(at)
    }

    fn timestamp(&mut self, expr: &Expr) -> Result<AtModifier> {
        let Some(seconds) = self.signed_number()? else {
            return Err(self.unexpected("@", "timestamp"));
        };
        // The bounds of i64, taken for seconds as Prometheus does.
        if !(seconds < i64::MAX as f64 && seconds > i64::MIN as f64) {
            let text = fixed(seconds);
            let message = format!("timestamp out of bounds for @ modifier: {text}");
            return Err(self.error(expr.span, message));
        }
        Ok(AtModifier::Timestamp((seconds * 1000.0).round() as i64))
    }

    fn range_mode(&mut self, expr: &mut Expr, mode: RangeMode) -> Result<()> {
        let word = if mode == RangeMode::Anchored { "anchored" } else { "smoothed" };
        let span = expr.span;
        self.take()?;
        if !self.options.extended_range_selectors {
            let message = format!("{word} modifier is experimental and not enabled");
            return Err(self.error(span, message));
        }
        let selector: &mut VectorSelector = match &mut expr.kind {
            ExprKind::VectorSelector(selector) => selector,
            ExprKind::MatrixSelector(matrix) => &mut matrix.selector,
            ExprKind::Subquery(_) => {
                let message = format!("{word} modifier is not supported for subqueries");
                return Err(self.error(span, message));
            }
            _ => return Err(self.error(span, format!("{word} modifier not implemented"))),
        };
        if selector.mode.is_some_and(|other| other != mode) {
            let message = "anchored and smoothed modifiers cannot be used together";
            return Err(self.error(span, message));
        }
        selector.mode = Some(mode);
        expr.span.end = self.last_end;
        Ok(())
    }
}

fn target(expr: &mut Expr) -> Option<Target<'_>> {
    Some(match &mut expr.kind {
        ExprKind::VectorSelector(selector) => selector_target(selector),
        ExprKind::MatrixSelector(matrix) => selector_target(&mut matrix.selector),
        ExprKind::Subquery(subquery) => Target {
            offset_ms: &mut subquery.offset_ms,
            offset_expr: &mut subquery.offset_expr,
            at: &mut subquery.at,
        },
        _ => return None,
    })
}

fn selector_target(selector: &mut VectorSelector) -> Target<'_> {
    Target {
        offset_ms: &mut selector.offset_ms,
        offset_expr: &mut selector.offset_expr,
        at: &mut selector.at,
    }
}

/// Go's `%f`.
fn fixed(value: f64) -> String {
    if value.is_nan() {
        return "NaN".into();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.into();
    }
    format!("{value:.6}")
}
