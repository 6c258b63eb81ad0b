//! Labels, matchers, postings and index segments of nunatak.
#![forbid(unsafe_code)]

mod labels;
mod matcher;

pub use labels::{LabelError, Labels, LabelsBuilder, METRIC_NAME};
pub use matcher::{MatchOp, Matcher, MatcherError};
