//! Guards the answers: a real Prometheus and nunatak get the same samples and are asked the same, and
//! whatever they say must be equal: type, labels, values, order, remarks, errors and status.
//!
//! `NUNATAK_DIFFERENTIAL_SEEDS=5000` draws so many queries, `NUNATAK_DIFFERENTIAL_FIRST` says from
//! which seed on.

#[path = "differential/data.rs"]
mod data;
#[path = "differential/dice.rs"]
mod dice;
#[path = "differential/grammar.rs"]
mod grammar;
#[path = "differential/verdict.rs"]
mod verdict;

use std::fmt::Write as _;
use std::io::Write as _;

use data::BEGIN;
use verdict::{Order, Reply, Rules, differ};

use super::nunatak::Nunatak;
use super::prometheus::Prometheus;
use super::web::Web;

/// Queries that differed once, each with what was wrong above it.
const KEPT: &str = include_str!("differential/kept.txt");
/// Queries by hand, by category.
const QUERIES: &str = include_str!("differential/queries.txt");
/// Queries that rank equal values.
const RANKINGS: &str = include_str!("differential/rankings.txt");
/// Requests of the API.
const REQUESTS: &str = include_str!("differential/requests.txt");
/// What is meant to differ, each with the reason above it.
const ON_PURPOSE: &str = include_str!("differential/on_purpose.txt");

/// Start, end and step of range queries, in ms after the begin of the data: on the grid of minutes, off
/// it, from before the data until after it, and second by second around a gap.
const RANGES: &[(i64, i64, i64)] = &[
    (1_000_000, 5_020_000, 60_000),
    (777_777, 5_000_500, 37_013),
    (-900_000, 7_200_000, 333_000),
    (2_900_000, 3_140_000, 1_000),
];
const INSTANT: i64 = 4_000_123;
/// More would be read by nobody.
const MOST_FAILURES: usize = 1_000;

#[test]
fn prometheus_and_nunatak_answer_alike() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let both = Both {
        web: Web::default(),
        nunatak: Nunatak::start(folder.path()),
        prometheus: Prometheus::start_receiver(folder.path()),
    };
    both.fill();
    let (first, seeds) = (number("FIRST", 0), number("SEEDS", 600));
    let mut asked = Asked::default();
    for line in [KEPT, QUERIES, REQUESTS].into_iter().flat_map(lines) {
        both.ask(&line, &mut asked);
    }
    for seed in first..first + seeds {
        both.ask(&grammar::query(seed), &mut asked);
    }
    asked.ranks = true;
    for line in lines(RANKINGS) {
        both.ask(&line, &mut asked);
    }
    asked.judge();
    for line in lines(ON_PURPOSE) {
        let mut asked = Asked { strict: true, ..Asked::default() };
        both.ask(&line, &mut asked);
        assert!(!asked.failures.is_empty(), "{line} does not differ any more");
    }
}

fn number(name: &str, default: u64) -> u64 {
    let text = std::env::var(format!("NUNATAK_DIFFERENTIAL_{name}")).ok();
    text.map_or(default, |text| text.parse().expect("a number"))
}

/// The lines that are no comments; `⏎` stands for a line break. What begins with a slash is a request
/// below `/api/v1`, the rest are queries.
fn lines(text: &str) -> impl Iterator<Item = String> {
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with("# "));
    lines.map(|line| line.replace('⏎', "\n"))
}

/// Two servers with the same samples.
struct Both {
    web: Web,
    nunatak: Nunatak,
    prometheus: Prometheus,
}

impl Both {
    fn fill(&self) {
        for body in data::requests() {
            for base in [self.nunatak.base(), self.prometheus.base()] {
                self.web.write(&format!("{base}/api/v1/write"), &body).expect("samples are taken");
            }
        }
    }

    /// Asks a query at once and over each range, or a request.
    fn ask(&self, query: &str, asked: &mut Asked) {
        asked.queries += 1;
        if let Some(request) = query.strip_prefix('/') {
            return self.compare(&escape(request), query, None, Order::Open, asked);
        }
        let form = [("query", query.to_owned()), ("time", seconds(INSTANT))];
        self.compare("query", query, Some(&form), order(query), asked);
        for &(start, end, step) in RANGES {
            let form = [
                ("query", query.to_owned()),
                ("start", seconds(start)),
                ("end", seconds(end)),
                ("step", format!("{}", step as f64 / 1e3)),
            ];
            self.compare("query_range", query, Some(&form), Order::OfSeries, asked);
        }
    }

    fn compare(
        &self,
        path: &str,
        what: &str,
        form: Option<&[(&str, String)]>,
        order: Order,
        asked: &mut Asked,
    ) {
        asked.requests += 1;
        let reply = |base: &str| -> Reply {
            let url = format!("{base}/api/v1/{path}");
            self.web.ask(&url, form).unwrap_or_else(|error| panic!("{url}: {what}: {error}"))
        };
        let (ours, theirs) = (reply(self.nunatak.base()), reply(self.prometheus.base()));
        asked.found += usize::from(theirs.1.contains("metric"));
        let rules = Rules {
            order,
            strict: asked.strict,
            merges: what.contains("label_"),
            ties: !asked.ranks && (what.contains("topk") || what.contains("bottomk")),
            noise: noise(what),
        };
        if let Some(difference) = differ(&ours, &theirs, rules) {
            let times: Vec<&str> =
                form.into_iter().flatten().skip(1).map(|(_, v)| v.as_str()).collect();
            asked.failures.push((what.to_owned(), format!("{path} {times:?}\n    {difference}")));
        }
    }
}

/// Escapes what can't stand in a URL; what is escaped already stays.
fn escape(request: &str) -> String {
    let mut url = String::new();
    for byte in request.bytes() {
        match byte {
            byte if byte.is_ascii_alphanumeric() || b"%/?&=.-_+(),:*!".contains(&byte) => {
                url.push(char::from(byte));
            }
            other => drop(write!(url, "%{other:02X}")),
        }
    }
    url
}

/// The order of an instant vector is that of the values if the query sorts, else open.
fn order(query: &str) -> Order {
    let sorts = ["sort(", "sort_desc(", "topk(", "bottomk("];
    if sorts.iter().any(|word| query.starts_with(word)) { Order::ByValue } else { Order::Open }
}

/// Times of now have few digits behind the point, and the spread of a few of them fewer.
fn noise(query: &str) -> f64 {
    match (query.contains("std"), query.contains("time")) {
        (false, _) => 0.0,
        (true, false) => 1e-8,
        (true, true) => 1e-5,
    }
}

fn seconds(after_begin: i64) -> String {
    let ms = BEGIN + after_begin;
    format!("{}.{:03}", ms / 1_000, ms % 1_000)
}

#[derive(Default)]
struct Asked {
    strict: bool,
    /// Of equal values the same must be kept.
    ranks: bool,
    queries: usize,
    requests: usize,
    /// Replies with at least one series.
    found: usize,
    failures: Vec<(String, String)>,
}

impl Asked {
    fn judge(self) {
        // Printed although the test passes.
        let _ = writeln!(
            std::io::stdout(),
            "{} queries, {} requests, {} of them found something; {} differ",
            self.queries,
            self.requests,
            self.found,
            self.failures.len()
        );
        let mut text = String::new();
        let mut last = "";
        for (query, what) in self.failures.iter().take(MOST_FAILURES) {
            if query != last {
                let _ = writeln!(text, "{query}");
            }
            let _ = writeln!(text, "  {what}");
            last = query;
        }
        assert!(self.failures.is_empty(), "{} requests differ:\n{text}", self.failures.len());
        assert!(self.found * 3 > self.requests, "only {} replies held anything", self.found);
    }
}
