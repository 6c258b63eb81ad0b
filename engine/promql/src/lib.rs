//! PromQL for nunatak: parser, plan and series-major execution over the `Source` trait.
#![forbid(unsafe_code)]

pub mod ast;
mod functions;
mod parser;

pub use functions::{Function, FunctionId, Variadic};
pub use parser::{ParseError, ParserOptions, parse};
