//! The grammar of expressions.
//!
//! The parser alternates between two states: it wants an operand, or it has one. What is begun and
//! not finished (parentheses, calls, operators that wait for their right side) lies on a stack.

use hashbrown::HashMap;
use nunatak_index::{MatchOp, Matcher};

use super::error::ParseError;
use super::lexer::Lexer;
use super::literal;
use super::options::ParserOptions;
use super::token::{Keyword, Preprocessor, Token, TokenKind};
use crate::ast::{
    AggregateOp, BinaryExpr, BinaryOp, Expr, ExprKind, NumberLiteral, Span, UnaryExpr, UnaryOp,
    ValueType, VectorMatching,
};

mod aggregate;
mod braces;
mod brackets;
mod call;
mod durations;
mod matching;
mod modifiers;

use matching::BinaryModifiers;

type Result<T> = std::result::Result<T, ParseError>;

/// The state of the parser.
#[derive(Debug)]
pub(super) struct Parser<'a> {
    input: &'a str,
    options: &'a ParserOptions,
    lexer: Lexer<'a>,
    peeked: Option<Token>,
    /// The end of the last token that was taken.
    last_end: usize,
    /// How many parts the query has so far.
    parts: usize,
    patterns: Patterns,
    /// How many aggregations are open: they name themselves in errors.
    open_aggregations: usize,
    frames: Vec<Frame>,
}

/// The matchers with a pattern so far: one that is repeated is not compiled again.
#[derive(Debug, Default)]
struct Patterns {
    known: HashMap<(String, MatchOp, String), Matcher>,
    /// What compiling them cost.
    bytes: usize,
}

/// An expression and the height of its tree.
#[derive(Debug)]
struct Tree {
    expr: Expr,
    height: usize,
}

/// Something that is begun and waits for an operand.
#[derive(Debug)]
enum Frame {
    Paren { start: usize },
    Call { name: Token, args: Vec<Tree> },
    Aggregate { op: AggregateOp, start: usize, grouping: Option<Grouping>, args: Vec<Tree> },
    Unary { op: UnaryOp, start: usize },
    Binary { lhs: Tree, op: BinaryOp, modifiers: BinaryModifiers },
}

/// `by (…)` or `without (…)`.
#[derive(Debug)]
struct Grouping {
    labels: Vec<String>,
    without: bool,
}

/// How tightly a sign binds its operand: as multiplication.
const UNARY_PRECEDENCE: u8 = 5;

impl<'a> Parser<'a> {
    pub(super) fn new(input: &'a str, options: &'a ParserOptions) -> Result<Self> {
        let (length, limit) = (input.len(), options.max_length);
        if length > limit {
            let message = format!("query of {length} bytes is longer than the limit of {limit}");
            return Err(ParseError::new(input, Span::default(), message));
        }
        Ok(Self {
            input,
            options,
            lexer: Lexer::new(input),
            peeked: None,
            last_end: 0,
            parts: 0,
            patterns: Patterns::default(),
            open_aggregations: 0,
            frames: Vec::new(),
        })
    }

    /// Reads the whole input as one expression.
    pub(super) fn query(&mut self) -> Result<Expr> {
        if self.peek()?.kind == TokenKind::Eof {
            return Err(self.error(Span::default(), "no expression found in input"));
        }
        loop {
            // A sign, a parenthesis or the start of a call only pushes a frame.
            let Some(operand) = self.operand()? else { continue };
            if let Some(tree) = self.after_operand(operand)? {
                return Ok(tree.expr);
            }
        }
    }

    /// Takes an operand, or pushes the frame that it begins.
    fn operand(&mut self) -> Result<Option<Tree>> {
        let token = self.peek()?;
        self.count_part(token)?;
        match token.kind {
            TokenKind::Number | TokenKind::Duration => return self.number().map(Some),
            TokenKind::String => return self.string().map(Some),
            TokenKind::LeftBrace => return self.selector(None).map(Some),
            TokenKind::LeftParen => {
                self.take()?;
                self.push(Frame::Paren { start: token.span.start }, token)?;
            }
            TokenKind::Op(op @ (BinaryOp::Add | BinaryOp::Sub)) => {
                self.take()?;
                let op = if op == BinaryOp::Add { UnaryOp::Plus } else { UnaryOp::Minus };
                self.push(Frame::Unary { op, start: token.span.start }, token)?;
            }
            TokenKind::Aggregator(op) => return self.aggregator(op),
            TokenKind::Identifier | TokenKind::Preprocessor(_) => {
                self.take()?;
                if self.peek()?.kind == TokenKind::LeftParen {
                    return self.begin_call(token);
                }
                return self.selector(Some(token)).map(Some);
            }
            kind if kind.is_metric_name() => {
                self.take()?;
                return self.selector(Some(token)).map(Some);
            }
            _ => return Err(self.unexpected("", "")),
        }
        Ok(None)
    }

    /// Goes on behind an operand: `None` if another one is wanted, the whole tree at the end.
    fn after_operand(&mut self, mut operand: Tree) -> Result<Option<Tree>> {
        loop {
            operand = self.modifiers(operand)?;
            let token = self.peek()?;
            if let TokenKind::Op(op) = token.kind {
                self.binary_operator(operand, op)?;
                return Ok(None);
            }
            operand = self.reduce(operand, 0, false)?;
            match self.frames.last() {
                None if token.kind == TokenKind::Eof => return Ok(Some(operand)),
                None => return Err(self.unexpected("", "")),
                Some(_) => match self.close_frame(operand, token)? {
                    Some(closed) => operand = closed,
                    None => return Ok(None),
                },
            }
        }
    }

    /// Goes on behind an operand inside parentheses: the whole parenthesis if it ends here, `None`
    /// if another argument comes.
    fn close_frame(&mut self, operand: Tree, token: Token) -> Result<Option<Tree>> {
        let closes = token.kind == TokenKind::RightParen;
        let comma = token.kind == TokenKind::Comma;
        match self.frames.last_mut() {
            Some(Frame::Paren { start }) if closes => {
                let span = Span { start: *start, end: token.span.end };
                self.frames.pop();
                self.take()?;
                self.tree(ExprKind::Paren(Box::new(operand.expr)), span, operand.height).map(Some)
            }
            Some(Frame::Call { args, .. } | Frame::Aggregate { args, .. }) if closes || comma => {
                args.push(operand);
                self.take()?;
                if comma {
                    return self.want_argument(token).map(|()| None);
                }
                self.close_call()
            }
            _ => Err(self.unexpected("", "")),
        }
    }

    fn want_argument(&mut self, comma: Token) -> Result<()> {
        if self.peek()?.kind.starts_expression() {
            return Ok(());
        }
        Err(self.error(comma.span, "trailing commas not allowed in function call args"))
    }

    /// Ends the call or aggregation on top of the stack, whose closing parenthesis was taken.
    fn close_call(&mut self) -> Result<Option<Tree>> {
        match self.frames.pop() {
            Some(Frame::Call { name, args }) => self.call(name, args).map(Some),
            Some(Frame::Aggregate { op, start, grouping, args }) => {
                self.aggregation(op, start, grouping, args).map(Some)
            }
            _ => Err(self.unexpected("", "")),
        }
    }

    /// Takes an operator and its modifiers, behind its left operand.
    fn binary_operator(&mut self, operand: Tree, op: BinaryOp) -> Result<()> {
        let lhs = self.reduce(operand, op.precedence(), op == BinaryOp::Pow)?;
        let token = self.take()?;
        let modifiers = self.binary_modifiers()?;
        self.push(Frame::Binary { lhs, op, modifiers }, token)
    }

    /// Ends the waiting operators that bind tighter than `precedence`, and equally tight ones
    /// unless the operator that comes is right-associative.
    fn reduce(&mut self, mut operand: Tree, precedence: u8, right: bool) -> Result<Tree> {
        let waits = |bound: u8| bound > precedence || (bound == precedence && !right);
        loop {
            operand = match self.frames.pop() {
                Some(Frame::Unary { op, start }) if waits(UNARY_PRECEDENCE) => {
                    self.unary(op, start, operand)?
                }
                Some(Frame::Binary { lhs, op, modifiers }) if waits(op.precedence()) => {
                    self.binary(lhs, op, modifiers, operand)?
                }
                Some(other) => {
                    self.frames.push(other);
                    return Ok(operand);
                }
                None => return Ok(operand),
            };
        }
    }

    fn unary(&mut self, op: UnaryOp, start: usize, operand: Tree) -> Result<Tree> {
        let Tree { mut expr, height } = operand;
        let span = Span { start, end: expr.span.end };
        if let ExprKind::Number(number) = &mut expr.kind {
            if op == UnaryOp::Minus {
                number.value = -number.value;
            }
            return Ok(Tree { expr: Expr { kind: expr.kind, span }, height });
        }
        self.tree(ExprKind::Unary(Box::new(UnaryExpr { op, expr })), span, height)
    }

    fn binary(
        &mut self,
        lhs: Tree,
        op: BinaryOp,
        modifiers: BinaryModifiers,
        rhs: Tree,
    ) -> Result<Tree> {
        let span = Span::merge(lhs.expr.span, rhs.expr.span);
        let BinaryModifiers { return_bool, matching } = modifiers;
        if has_fill(&matching) && !self.options.fill_modifiers {
            return Err(self.error(span, "binop fill modifiers are experimental and not enabled"));
        }
        let height = lhs.height.max(rhs.height);
        let (lhs, rhs) = (lhs.expr, rhs.expr);
        let value_type = match (lhs.value_type(), rhs.value_type()) {
            (ValueType::Scalar, ValueType::Scalar) => ValueType::Scalar,
            _ => ValueType::Vector,
        };
        let binary = BinaryExpr { op, lhs, rhs, return_bool, matching: Some(matching), value_type };
        self.tree(ExprKind::Binary(Box::new(binary)), span, height)
    }

    fn number(&mut self) -> Result<Tree> {
        let (number, span) = self.number_literal()?;
        self.tree(ExprKind::Number(number), span, 0)
    }

    /// Takes a number or a duration.
    fn number_literal(&mut self) -> Result<(NumberLiteral, Span)> {
        let token = self.take()?;
        let text = self.text(token.span);
        let is_duration = token.kind == TokenKind::Duration;
        let value = if is_duration {
            super::parse_duration(text).map(|ms| ms as f64 / 1000.0)
        } else {
            literal::number(text)
        };
        match value {
            Ok(value) => Ok((NumberLiteral { value, is_duration }, token.span)),
            Err(message) => Err(self.error(token.span, message)),
        }
    }

    fn string(&mut self) -> Result<Tree> {
        let token = self.take()?;
        let bytes = literal::unquote(self.text(token.span))
            .map_err(|message| self.error(token.span, message))?;
        let kind = match String::from_utf8(bytes) {
            Ok(text) => ExprKind::String(text),
            Err(error) => ExprKind::Bytes(error.into_bytes()),
        };
        self.tree(kind, token.span, 0)
    }

    /// The text of a string that names a label or its value: those are UTF-8.
    fn unquote(&self, token: Token) -> Result<String> {
        literal::unquote_text(self.text(token.span))
            .map_err(|message| self.error(token.span, message))
    }

    /// Makes a tree above others of at most that height.
    fn tree(&self, kind: ExprKind, span: Span, below: usize) -> Result<Tree> {
        let height = below + 1;
        if height > self.options.max_depth {
            return Err(self.too_deep(span));
        }
        Ok(Tree { expr: Expr { kind, span }, height })
    }

    fn push(&mut self, frame: Frame, token: Token) -> Result<()> {
        if self.frames.len() >= self.options.max_depth {
            return Err(self.too_deep(token.span));
        }
        self.open_aggregations += usize::from(matches!(frame, Frame::Aggregate { .. }));
        self.frames.push(frame);
        Ok(())
    }

    fn too_deep(&self, span: Span) -> ParseError {
        let limit = self.options.max_depth;
        self.error(span, format!("query is nested deeper than {limit} levels"))
    }

    fn count_part(&mut self, token: Token) -> Result<()> {
        self.parts += 1;
        let limit = self.options.max_parts;
        if self.parts > limit {
            return Err(self.error(token.span, format!("query has more than {limit} parts")));
        }
        Ok(())
    }

    /// The next token, which stays where it is.
    fn peek(&mut self) -> Result<Token> {
        if let Some(token) = self.peeked {
            return Ok(token);
        }
        let token = self.lexer.next_token().map_err(|error| {
            let span = Span { start: error.start, end: self.input.len() };
            ParseError::new(self.input, span, error.message)
        })?;
        self.peeked = Some(token);
        Ok(token)
    }

    /// Takes the next token.
    fn take(&mut self) -> Result<Token> {
        let token = self.peek()?;
        self.peeked = None;
        self.last_end = token.span.end;
        Ok(token)
    }

    fn take_if(&mut self, kind: TokenKind) -> Result<bool> {
        let fits = self.peek()?.kind == kind;
        if fits {
            self.take()?;
        }
        Ok(fits)
    }

    fn take_keyword(&mut self, word: Keyword) -> Result<bool> {
        self.take_if(TokenKind::Keyword(word))
    }

    fn text(&self, span: Span) -> &'a str {
        self.input.get(span.start..span.end).unwrap_or_default()
    }

    fn error(&self, span: Span, message: impl Into<String>) -> ParseError {
        ParseError::new(self.input, span, message.into())
    }

    /// The error for the next token: "unexpected … in …, expected …". Where nothing more is known,
    /// the innermost open aggregation names itself.
    fn unexpected(&mut self, context: &str, expected: &str) -> ParseError {
        let token = match self.peek() {
            Ok(token) => token,
            Err(error) => return error,
        };
        let mut message = format!("unexpected {}", token.describe(self.input));
        let context = match context {
            "" if self.open_aggregations > 0 => "aggregation",
            context => context,
        };
        for (word, text) in [(" in ", context), (", expected ", expected)] {
            if !text.is_empty() {
                message = message + word + text;
            }
        }
        self.error(token.span, message)
    }
}

fn has_fill(matching: &VectorMatching) -> bool {
    matching.fill_left.is_some() || matching.fill_right.is_some()
}
