//! Function calls.

use super::{Frame, Parser, Result, Token, TokenKind, Tree};
use crate::ast::{Call, ExprKind, Span};
use crate::functions::Function;
use crate::parser::quote::quote;

impl Parser<'_> {
    /// Begins a call whose name was taken and whose parenthesis comes.
    pub(super) fn begin_call(&mut self, name: Token) -> Result<Option<Tree>> {
        self.take()?;
        self.push(Frame::Call { name, args: Vec::new() }, name)?;
        if self.take_if(TokenKind::RightParen)? {
            return self.close_call();
        }
        Ok(None)
    }

    /// Makes a call of its arguments; the closing parenthesis was taken.
    pub(super) fn call(&mut self, name: Token, args: Vec<Tree>) -> Result<Tree> {
        let text = self.text(name.span);
        let Some(func) = Function::by_name(text) else {
            let message = format!("unknown function with name {}", quote(text));
            return Err(self.error(name.span, message));
        };
        if func.experimental && !self.options.experimental_functions {
            let message = format!("function {} is not enabled", quote(text));
            return Err(self.error(name.span, message));
        }
        let height = args.iter().map(|arg| arg.height).max().unwrap_or(0);
        let args = args.into_iter().map(|arg| arg.expr).collect();
        let span = Span { start: name.span.start, end: self.last_end };
        self.tree(ExprKind::Call(Box::new(Call { func, args })), span, height)
    }
}
