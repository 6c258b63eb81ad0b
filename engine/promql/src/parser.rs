//! From text to tree.
//!
//! A hand-written scanner, operator precedence with a stack of our own (so that no query can
//! overflow the thread's), and a check of types. Error texts and places are those of Prometheus
//! 3.x; of several mistakes the one that it would report is reported. See `docs/promql-parser.md`.

mod check;
mod duration;
mod error;
mod grammar;
mod lexer;
mod literal;
mod options;
mod patterns;
mod quote;
mod token;

pub(crate) use duration::format_duration;
pub use duration::parse_duration;
pub use error::ParseError;
pub use options::ParserOptions;
pub(crate) use quote::{quote, quote_bytes};

use crate::ast::Expr;
use grammar::Parser;
use nunatak_index::Matcher;

/// Reads a query.
///
/// ```
/// use nunatak_promql::{ParserOptions, parse};
/// let expr = parse("sum by (job) (rate(errors[5m])) > 0", &ParserOptions::default())?;
/// assert_eq!(expr.to_string(), "sum by (job) (rate(errors[5m])) > 0");
/// let error = parse("sum(up", &ParserOptions::default()).unwrap_err();
/// assert_eq!(error.to_string(), "1:7: parse error: unclosed left parenthesis");
/// # Ok::<(), nunatak_promql::ParseError>(())
/// ```
///
/// # Errors
/// [`ParseError`] with Prometheus' text and the place.
pub fn parse(input: &str, options: &ParserOptions) -> Result<Expr, ParseError> {
    let mut parser = Parser::new(input, options)?;
    let mut expr = parser.query()?;
    check::check(&mut expr).map_err(|fault| fault.into_error(input))?;
    Ok(expr)
}

/// Reads a selector without modifiers, as `match[]` takes it. It may be empty (`{}`), and may set
/// the metric name twice: whoever calls decides what is enough.
///
/// # Errors
/// [`ParseError`] with Prometheus' text and the place.
pub fn parse_metric_selector(input: &str) -> Result<Vec<Matcher>, ParseError> {
    let options = ParserOptions::default();
    Parser::new(input, &options)?.metric_selector()
}
