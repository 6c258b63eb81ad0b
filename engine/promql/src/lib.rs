//! PromQL for nunatak: parser, plan and series-major execution over the `Source` trait.
//!
//! A query goes three ways. [`parse`] makes a typed tree of it, with the place of each part in the
//! text and Prometheus' errors. The plan resolves modifiers, folds constants and marks what gives
//! the same at every step. The execution then takes one series at a time through *all* steps: its
//! samples are read once, a function of windows fills a column (one value for each step, and a set
//! of the steps that have one), functions of values change the column in place, and an aggregation
//! folds it into its groups. Series are kept only where an operation needs more than one of them.
//!
//! Prometheus 3 is the reference for values, labels, order, errors, warnings and infos. A series may
//! hold floats and native histograms; what takes one of them alone never looks at the other.
//! `docs/promql.md` says what is supported and how it is tested.
//!
//! ```
//! use nunatak_index::labels;
//! use nunatak_promql::{Engine, EngineOptions, MemorySource, Value};
//!
//! let mut source = MemorySource::new();
//! let requests = labels! { "__name__" => "requests_total", "job" => "api" };
//! for minute in 0..10 {
//!     source.push(&requests, minute * 60_000, 30.0 * minute as f64);
//! }
//! let engine = Engine::new(EngineOptions::default().lookback_ms(60_000));
//! let result = engine.instant(&source, "sum by (job) (rate(requests_total[5m]))", 540_000)?;
//! let Value::Vector(samples) = result.value else { panic!("an instant vector") };
//! assert_eq!(samples[0].labels, labels! { "job" => "api" });
//! assert_eq!(samples[0].v, 0.5);
//! # Ok::<(), nunatak_promql::QueryError>(())
//! ```
#![forbid(unsafe_code)]

mod aggregate;
pub mod ast;
mod binary;
mod buckets;
mod budget;
mod calendar;
mod column;
mod engine;
mod error;
mod eval;
mod functions;
mod grid;
mod histogram;
mod key;
mod math;
mod memory;
mod notes;
mod number;
mod parser;
mod plan;
mod print;
mod profile;
mod runs;
mod value;
mod watch;
mod window;

pub use budget::{MemoryShare, QueryMemory};
pub use engine::{Engine, EngineOptions, QueryParams, query, query_range};
pub use error::QueryError;
pub use functions::{Function, FunctionId, Variadic};
pub use memory::MemorySource;
pub use number::format_float;
pub use parser::{ParseError, ParserOptions, parse, parse_duration, parse_metric_selector};
pub use print::prettify;
pub use profile::OperatorStats;
pub use value::{MatrixSeries, QueryResult, QueryStats, Value, VectorSample};
