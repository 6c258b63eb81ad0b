//! PromQL for nunatak: parser, plan and series-major execution over the `Source` trait.
#![forbid(unsafe_code)]

pub mod ast;
mod functions;
mod parser;
mod print;

pub use functions::{Function, FunctionId, Variadic};
pub use parser::{ParseError, ParserOptions, parse, parse_duration, parse_metric_selector};
pub use print::prettify;
