//! PromQL for nunatak: parser, plan and series-major execution over the `Source` trait.
#![forbid(unsafe_code)]

mod aggregate;
pub mod ast;
mod binary;
mod buckets;
mod calendar;
mod column;
mod engine;
mod error;
mod eval;
mod functions;
mod grid;
mod key;
mod math;
mod memory;
mod notes;
mod number;
mod parser;
mod plan;
mod print;
mod value;
mod window;

pub use engine::{Engine, EngineOptions, QueryParams, query, query_range};
pub use error::QueryError;
pub use functions::{Function, FunctionId, Variadic};
pub use memory::MemorySource;
pub use number::format_float;
pub use parser::{ParseError, ParserOptions, parse, parse_duration, parse_metric_selector};
pub use print::prettify;
pub use value::{MatrixSeries, QueryResult, QueryStats, Value, VectorSample};
