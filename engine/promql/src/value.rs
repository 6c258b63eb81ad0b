//! What a query returns.

use std::sync::Arc;

use nunatak::Histogram;
use nunatak_index::Labels;

use crate::budget::MemoryShare;
use crate::profile::OperatorStats;

/// The answer to a query.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct QueryResult {
    /// The value.
    pub value: Value,
    /// What may be wrong with the answer, each text once, with its place in the query.
    pub warnings: Vec<String>,
    /// What may be wrong with the query, each text once, with its place in the query.
    pub infos: Vec<String>,
    /// What the query cost.
    pub stats: QueryStats,
    /// What each operator of the plan did, each behind the one above it; empty if that was not
    /// asked for.
    pub operators: Vec<OperatorStats>,
    /// The result is part of the memory of all queries.
    #[expect(dead_code, reason = "given back when the result is dropped")]
    pub(crate) memory: Option<Arc<MemoryShare>>,
}

/// The value of a query.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Value {
    /// A number (instant queries only).
    Scalar {
        /// The time of the query, in ms since the epoch.
        t: i64,
        /// The number.
        v: f64,
    },
    /// A text (instant queries only).
    String {
        /// The time of the query, in ms since the epoch.
        t: i64,
        /// The text.
        s: String,
    },
    /// One sample for each series, in the order that the query asks for (instant queries only).
    Vector(Vec<VectorSample>),
    /// Samples of series, sorted by labels.
    Matrix(Vec<MatrixSeries>),
}

impl Value {
    /// The name of the type in Prometheus' HTTP API.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Scalar { .. } => "scalar",
            Self::String { .. } => "string",
            Self::Vector(_) => "vector",
            Self::Matrix(_) => "matrix",
        }
    }
}

/// A series at one time.
#[derive(Debug, Clone, PartialEq)]
pub struct VectorSample {
    /// Its labels.
    pub labels: Labels,
    /// The time of the query, in ms since the epoch.
    pub t: i64,
    /// Its value; not a number if it is a histogram.
    pub v: f64,
    /// Its native histogram, if it is one.
    pub histogram: Option<Arc<Histogram>>,
}

/// A series over time, as two columns of the same length.
#[derive(Debug, Clone, PartialEq)]
pub struct MatrixSeries {
    /// Its labels.
    pub labels: Labels,
    /// Milliseconds since the epoch, ascending.
    pub times: Vec<i64>,
    /// The value at each time.
    pub values: Vec<f64>,
    /// Native histograms with their times, ascending; none of the times above is among them.
    pub histograms: Vec<(i64, Arc<Histogram>)>,
}

/// Points of a series, histograms by the number of their point.
#[derive(Debug, Default)]
pub(crate) struct Points {
    pub(crate) times: Vec<i64>,
    pub(crate) values: Vec<f64>,
    pub(crate) histograms: Vec<(usize, Arc<Histogram>)>,
}

impl Points {
    /// The series with floats and histograms apart.
    pub(crate) fn into_series(self, labels: Labels) -> MatrixSeries {
        let Self { mut times, mut values, histograms } = self;
        let moved = histograms.into_iter().rev().filter_map(|(i, h)| {
            (i < times.len()).then(|| {
                values.remove(i);
                (times.remove(i), h)
            })
        });
        let mut histograms: Vec<_> = moved.collect();
        histograms.reverse();
        MatrixSeries { labels, times, values, histograms }
    }
}

/// What a query cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct QueryStats {
    /// Samples read from the storage.
    pub samples: u64,
    /// Series read from the storage; a series that two selectors read counts twice.
    pub series: u64,
    /// The most samples that were in memory at one time.
    pub peak_samples: u64,
    /// The most bytes that they and the labels of the series read took.
    pub peak_bytes: u64,
}
