//! What targets are asked: questions as dashboards ask them, and what to make of the answers.

mod answer;
mod catalog;

pub use answer::{Answers, number};
pub use catalog::{deep, steady, wide};

/// A question to all targets.
#[derive(Debug, Clone, PartialEq)]
pub struct Question {
    /// A short name, stable between runs.
    pub id: &'static str,
    /// What is asked in Prometheus' API.
    pub ask: Ask,
    /// The same in InfluxQL, if that has words for it. It is close in meaning, never equal: a
    /// window ends where another begins, and there is no extrapolation.
    pub influxql: Option<String>,
}

/// A request of Prometheus' HTTP API. Times are in ms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// A query at one time.
    Instant {
        /// PromQL.
        query: String,
        /// When.
        at_ms: i64,
    },
    /// A query at each step of a range.
    Range {
        /// PromQL.
        query: String,
        /// The first step.
        start_ms: i64,
        /// The last step is at or before it.
        end_ms: i64,
        /// From step to step.
        step_ms: i64,
    },
    /// The values of a label.
    LabelValues {
        /// The label's name.
        label: String,
        /// Which series; all if absent.
        selector: Option<String>,
        /// From.
        start_ms: i64,
        /// To.
        end_ms: i64,
    },
    /// The label sets of series.
    Series {
        /// Which.
        selector: String,
        /// From.
        start_ms: i64,
        /// To.
        end_ms: i64,
    },
}

impl Question {
    /// Path and query of the request in Prometheus' API.
    #[must_use]
    pub fn prometheus_path(&self) -> String {
        match &self.ask {
            Ask::Instant { query, at_ms } => {
                format!("/api/v1/query?query={}&time={}", encoded(query), seconds(*at_ms))
            }
            Ask::Range { query, start_ms, end_ms, step_ms } => format!(
                "/api/v1/query_range?query={}&start={}&end={}&step={}",
                encoded(query),
                seconds(*start_ms),
                seconds(*end_ms),
                seconds(*step_ms)
            ),
            Ask::LabelValues { label, selector, start_ms, end_ms } => {
                let (start, end) = (seconds(*start_ms), seconds(*end_ms));
                let path = format!("/api/v1/label/{label}/values?start={start}&end={end}");
                selector.as_ref().map_or(path.clone(), |selector| {
                    format!("{path}&match[]={}", encoded(selector))
                })
            }
            Ask::Series { selector, start_ms, end_ms } => format!(
                "/api/v1/series?match[]={}&start={}&end={}",
                encoded(selector),
                seconds(*start_ms),
                seconds(*end_ms)
            ),
        }
    }

    /// Whether the language leaves open which of equal series an answer has.
    #[must_use]
    pub fn is_ranking(&self) -> bool {
        let (Ask::Instant { query, .. } | Ask::Range { query, .. }) = &self.ask else {
            return false;
        };
        query.contains("topk(") || query.contains("bottomk(")
    }

    /// The question in a few words for a table.
    #[must_use]
    pub fn words(&self) -> String {
        let minutes = |ms: i64| match ms / 60_000 {
            minutes if minutes % 60 == 0 => format!("{} h", minutes / 60),
            minutes => format!("{minutes} min"),
        };
        match &self.ask {
            Ask::Instant { query, .. } => format!("`{query}` at one time"),
            Ask::Range { query, start_ms, end_ms, step_ms } => {
                format!("`{query}` over {}, step {} s", minutes(end_ms - start_ms), step_ms / 1_000)
            }
            Ask::LabelValues { label, selector: None, .. } => format!("values of `{label}`"),
            Ask::LabelValues { label, selector: Some(selector), .. } => {
                format!("values of `{label}` in `{selector}`")
            }
            Ask::Series { selector, .. } => format!("series `{selector}`"),
        }
    }
}

/// `text` as part of a URL's query.
#[must_use]
pub fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

fn seconds(ms: i64) -> String {
    format!("{}.{:03}", ms.div_euclid(1_000), ms.rem_euclid(1_000))
}

#[cfg(test)]
mod tests {
    use super::{Ask, Question};

    #[test]
    fn a_path_carries_the_question() {
        let ask = Ask::Range {
            query: "rate(a{b=\"c\"}[5m])".to_owned(),
            start_ms: 1_500,
            end_ms: 3_601_500,
            step_ms: 15_000,
        };
        let question = Question { id: "q", ask, influxql: None };
        assert_eq!(
            question.prometheus_path(),
            "/api/v1/query_range?query=rate%28a%7Bb%3D%22c%22%7D%5B5m%5D%29\
             &start=1.500&end=3601.500&step=15.000"
        );
        assert_eq!(question.words(), "`rate(a{b=\"c\"}[5m])` over 1 h, step 15 s");
    }
}
