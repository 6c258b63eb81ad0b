//! Durations in brackets and behind `offset`: a literal, or (experimental) an expression.

use super::{Parser, Preprocessor, Result, Token, TokenKind};
use crate::ast::{BinaryOp, DurationExpr, DurationExprKind, DurationOp, NumberLiteral, Span};

/// How deep durations may be nested.
const MAX_DEPTH: usize = 100;

/// 2⁶³ ns in seconds: no duration is longer.
const MAX_SECONDS: f64 = (1_u64 << 63) as f64 / 1e9;

/// What may stand where a duration has to be, for errors.
pub(super) const LITERAL: &str = "number or duration";
/// The same where durations may be computed.
pub(super) const COMPUTED: &str = "number, duration, step(), or range()";

/// A duration that was read.
#[derive(Debug)]
pub(super) struct Duration(DurationExpr);

impl Duration {
    /// Milliseconds of a literal, or 0 and the expression.
    pub(super) fn split(self) -> (i64, Option<Box<DurationExpr>>) {
        match self.0.kind {
            DurationExprKind::Number(number) => (milliseconds(number.value), None),
            _ => (0, Some(Box::new(self.0))),
        }
    }
}

/// Prometheus counts nanoseconds, its engine whole milliseconds of them.
fn milliseconds(seconds: f64) -> i64 {
    (seconds * 1e9).round() as i64 / 1_000_000
}

/// What an error inside a duration names.
#[derive(Debug, Clone, Copy)]
struct Context<'a> {
    context: &'a str,
    expected: &'a str,
}

impl Parser<'_> {
    /// Takes a duration in brackets.
    pub(super) fn duration_expr(&mut self, context: &str, expected: &str) -> Result<Duration> {
        self.duration_operators(Context { context, expected }, 0, 0).map(Duration)
    }

    pub(super) fn want_positive(&mut self, duration: &Duration) -> Result<()> {
        // What comes behind it is read first, as an error there comes first.
        self.peek()?;
        match duration.0.kind {
            DurationExprKind::Number(number) if number.value <= 0.0 => {
                Err(self.error(duration.0.span, "duration must be greater than 0"))
            }
            _ => Ok(()),
        }
    }

    /// Takes the duration behind `offset`. An operator behind it belongs to the query, not to the
    /// duration, unless the duration starts with a parenthesis: `a offset 5m + 1` is a sum.
    pub(super) fn offset_duration(&mut self) -> Result<Duration> {
        let expected = if self.options.duration_expressions { COMPUTED } else { LITERAL };
        let context = Context { context: "offset", expected };
        let sign = self.sign()?;
        let next = self.peek()?;
        let operand = match (sign, next.kind) {
            (None, TokenKind::LeftParen) => self.duration_operators(context, 0, 0)?,
            (Some(_), TokenKind::Op(BinaryOp::Add | BinaryOp::Sub)) => {
                let inner = self.duration_operators(context, UNARY, 1)?;
                let lhs = self.signed(sign, inner)?;
                self.more_operators(lhs, context, 0, 0)?
            }
            (Some(_), TokenKind::Number | TokenKind::Duration) => {
                let (number, span) = self.number_literal()?;
                let kind = DurationExprKind::Number(number);
                self.signed(sign, DurationExpr { kind, span })?
            }
            _ => {
                let operand = self.duration_operand(context, 1)?;
                self.signed(sign, operand)?
            }
        };
        Ok(Duration(operand))
    }

    /// Takes operands and operators that bind at least as tight as `min`.
    fn duration_operators(
        &mut self,
        context: Context<'_>,
        min: u8,
        depth: usize,
    ) -> Result<DurationExpr> {
        let sign = self.sign()?;
        let lhs = if sign.is_some() {
            let deeper = self.deeper(depth)?;
            let operand = self.duration_operators(context, UNARY, deeper)?;
            self.signed(sign, operand)?
        } else {
            self.duration_operand(context, depth)?
        };
        self.more_operators(lhs, context, min, depth)
    }

    fn more_operators(
        &mut self,
        mut lhs: DurationExpr,
        context: Context<'_>,
        min: u8,
        depth: usize,
    ) -> Result<DurationExpr> {
        // A chain makes the tree higher, as nesting does.
        let mut height = depth;
        while let Some((op, precedence)) = duration_operator(self.peek()?.kind) {
            if precedence < min {
                break;
            }
            height = self.deeper(height)?;
            let operator = self.take()?;
            let next_min = if op == DurationOp::Pow { precedence } else { precedence + 1 };
            let rhs = self.duration_operators(context, next_min, height)?;
            self.want_enabled(lhs.span)?;
            self.want_divisor(op, operator, &rhs)?;
            let span = Span::merge(lhs.span, rhs.span);
            let (left, right) = (Box::new(lhs), Box::new(rhs));
            lhs =
                DurationExpr { kind: DurationExprKind::Binary { op, lhs: left, rhs: right }, span };
        }
        Ok(lhs)
    }

    fn want_divisor(&self, op: DurationOp, token: Token, rhs: &DurationExpr) -> Result<()> {
        let zero = matches!(rhs.kind, DurationExprKind::Number(number) if number.value == 0.0);
        match op {
            DurationOp::Div if zero => Err(self.error(token.span, "division by zero")),
            DurationOp::Mod if zero => Err(self.error(token.span, "modulo by zero")),
            _ => Ok(()),
        }
    }

    /// Takes a literal, `step()`, `range()`, `min_of(…)`, `max_of(…)`, or a parenthesis.
    fn duration_operand(&mut self, context: Context<'_>, depth: usize) -> Result<DurationExpr> {
        let token = self.peek()?;
        match token.kind {
            TokenKind::Number | TokenKind::Duration => {
                let (number, span) = self.number_literal()?;
                self.in_range(number, span, span)
            }
            TokenKind::LeftParen => self.duration_paren(context, depth),
            TokenKind::Preprocessor(Preprocessor::Step) => {
                self.query_property(DurationExprKind::Step, context)
            }
            TokenKind::Preprocessor(Preprocessor::Range) => {
                self.query_property(DurationExprKind::Range, context)
            }
            TokenKind::Identifier => match self.text(token.span).to_ascii_lowercase().as_str() {
                "min_of" => self.duration_min_max(DurationOp::MinOf, context, depth),
                "max_of" => self.duration_min_max(DurationOp::MaxOf, context, depth),
                _ => Err(self.unexpected(context.context, context.expected)),
            },
            _ => Err(self.unexpected(context.context, context.expected)),
        }
    }

    fn duration_paren(&mut self, context: Context<'_>, depth: usize) -> Result<DurationExpr> {
        let open = self.take()?;
        let depth = self.deeper(depth)?;
        let inner = self.duration_operators(context, 0, depth)?;
        let close = self.want(TokenKind::RightParen, context)?;
        self.want_enabled(inner.span)?;
        let span = Span::merge(open.span, close.span);
        Ok(DurationExpr { kind: DurationExprKind::Paren(Box::new(inner)), span })
    }

    fn query_property(
        &mut self,
        kind: DurationExprKind,
        context: Context<'_>,
    ) -> Result<DurationExpr> {
        let name = self.take()?;
        self.want(TokenKind::LeftParen, context)?;
        let close = self.want(TokenKind::RightParen, context)?;
        let span = Span::merge(name.span, close.span);
        self.want_enabled(span)?;
        Ok(DurationExpr { kind, span })
    }

    fn duration_min_max(
        &mut self,
        op: DurationOp,
        context: Context<'_>,
        depth: usize,
    ) -> Result<DurationExpr> {
        let name = self.take()?;
        self.want(TokenKind::LeftParen, context)?;
        let depth = self.deeper(depth)?;
        let lhs = Box::new(self.duration_operators(context, 0, depth)?);
        self.want(TokenKind::Comma, context)?;
        let rhs = Box::new(self.duration_operators(context, 0, depth)?);
        let close = self.want(TokenKind::RightParen, context)?;
        let span = Span::merge(name.span, close.span);
        self.want_enabled(span)?;
        Ok(DurationExpr { kind: DurationExprKind::Binary { op, lhs, rhs }, span })
    }

    fn want(&mut self, kind: TokenKind, context: Context<'_>) -> Result<Token> {
        if self.peek()?.kind != kind {
            return Err(self.unexpected(context.context, context.expected));
        }
        self.take()
    }

    fn want_enabled(&self, span: Span) -> Result<()> {
        if self.options.duration_expressions {
            return Ok(());
        }
        Err(self.error(span, "experimental duration expression is not enabled"))
    }

    /// Takes a sign if there is one.
    fn sign(&mut self) -> Result<Option<Token>> {
        match self.peek()?.kind {
            TokenKind::Op(BinaryOp::Add | BinaryOp::Sub) => self.take().map(Some),
            _ => Ok(None),
        }
    }

    /// Puts a sign to a duration; a literal takes it into its value.
    fn signed(&self, sign: Option<Token>, operand: DurationExpr) -> Result<DurationExpr> {
        let Some(sign) = sign else { return Ok(operand) };
        let minus = sign.kind == TokenKind::Op(BinaryOp::Sub);
        let span = Span::merge(sign.span, operand.span);
        match operand.kind {
            DurationExprKind::Number(number) => {
                let value = if minus { -number.value } else { number.value };
                self.in_range(NumberLiteral { value, ..number }, span, sign.span)
            }
            _ if minus => {
                Ok(DurationExpr { kind: DurationExprKind::Negate(Box::new(operand)), span })
            }
            _ => Ok(operand),
        }
    }

    fn in_range(&self, number: NumberLiteral, span: Span, blame: Span) -> Result<DurationExpr> {
        // Prometheus takes NaN, for a duration that depends on the machine.
        if number.value.is_nan() || number.value.abs() > MAX_SECONDS {
            return Err(self.error(blame, "duration out of range"));
        }
        Ok(DurationExpr { kind: DurationExprKind::Number(number), span })
    }

    fn deeper(&mut self, depth: usize) -> Result<usize> {
        if depth >= MAX_DEPTH {
            let span = self.peek()?.span;
            let message = format!("duration is nested deeper than {MAX_DEPTH} levels");
            return Err(self.error(span, message));
        }
        Ok(depth + 1)
    }
}

/// How tightly a sign binds: as multiplication, but an operand of it may be a power.
const UNARY: u8 = 3;

fn duration_operator(kind: TokenKind) -> Option<(DurationOp, u8)> {
    let TokenKind::Op(op) = kind else { return None };
    Some(match op {
        BinaryOp::Add => (DurationOp::Add, 1),
        BinaryOp::Sub => (DurationOp::Sub, 1),
        BinaryOp::Mul => (DurationOp::Mul, 2),
        BinaryOp::Div => (DurationOp::Div, 2),
        BinaryOp::Mod => (DurationOp::Mod, 2),
        BinaryOp::Pow => (DurationOp::Pow, 3),
        _ => return None,
    })
}
