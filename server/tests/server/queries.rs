//! A heavy query harms nobody else: it ends when its client goes, it has its share of the memory,
//! and it does not keep others out.

use std::io::Write as _;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::support::{Server, ago, series};

/// Works for minutes on a single sample.
const ENDLESS: &str = "sum_over_time(sum_over_time(vector(1)[24h:1s])[100h:1s])";

fn encoded(query: &str) -> String {
    form_urlencoded::byte_serialize(query.as_bytes()).collect()
}

/// Sends a request for a query and does not wait for the answer.
fn ask(server: &Server, query: &str) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
    let query = encoded(query);
    write!(stream, "GET /api/v1/query?query={query} HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    stream
}

#[test]
fn a_query_ends_when_its_client_goes() {
    let server = Server::start(&["--query-concurrency", "1"]);
    let client = ask(&server, ENDLESS);
    std::thread::sleep(Duration::from_millis(300));
    drop(client);
    // Its place is free again long before it would be done.
    let gone = Instant::now();
    let (status, body) = server.get("/api/v1/query?query=vector(1)&timeout=30s");
    println!("the place was free {:?} after the client went", gone.elapsed());
    assert_eq!(status, 200, "{body}");
}

#[test]
fn a_query_above_the_memory_for_queries_fails_alone() {
    let server = Server::start(&["--memory-budget", "64MiB"]);
    let now = ago(0);
    let samples: Vec<_> = (0..600).map(|i| (now - i * 100, i as f64)).rev().collect();
    for n in 0..100 {
        let labels = [("__name__", "m"), ("n", &n.to_string())];
        assert_eq!(server.write(&series(&labels, &samples)).status, 204);
    }
    // A hundred columns of 11,000 steps are above 8 MiB.
    let heavy = encoded("m or -m");
    let (start, end) = (now / 1000 - 10_000, now / 1000);
    let path = format!(
        "/api/v1/query_range?query={heavy}&start={start}&end={end}&step=1&lookback_delta=3h"
    );
    let (status, body) = server.get(&path);
    assert_eq!(status, 422, "{body}");
    assert!(body.contains("more memory than one query may use"), "{body}");
    assert_eq!(server.write(&series(&[("__name__", "other")], &[(now, 1.0)])).status, 204);
    let (status, body) = server.get("/api/v1/query?query=count(m)");
    assert!(status == 200 && body.contains("\"100\""), "{body}");
}

#[test]
fn one_client_does_not_keep_another_one_out() {
    let server = Server::start(&["--query-concurrency", "2"]);
    // As many as there are places and more, of one user.
    let clients: Vec<_> = (0..4)
        .map(|_| {
            let mut stream = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
            let query = encoded(ENDLESS);
            let head = format!("GET /api/v1/query?query={query} HTTP/1.1\r\nHost: x\r\n");
            write!(stream, "{head}X-Grafana-User: ada\r\n\r\n").unwrap();
            stream
        })
        .collect();
    std::thread::sleep(Duration::from_millis(300));
    let (status, body) = server.get("/api/v1/query?query=vector(1)&timeout=30s");
    assert_eq!(status, 200, "{body}");
    drop(clients);
}

#[test]
fn a_question_that_was_quick_has_the_same_answer_again() {
    let server = Server::start(&[]);
    let now = ago(0);
    for n in 0..3 {
        let labels = [("__name__", "again"), ("n", &n.to_string())];
        assert_eq!(server.write(&series(&labels, &[(now - 1000, 0.5), (now, 1.0)])).status, 204);
    }
    let (start, end) = (now / 1000 - 60, now / 1000);
    for path in [
        format!("/api/v1/query?query=again&time={end}"),
        format!("/api/v1/query?query=sum(&time={end}"),
        format!("/api/v1/query_range?query=sum(again)&start={start}&end={end}&step=1"),
        // What one request found must not be taken for another's.
        format!("/api/v1/query_range?query=sum(again)&start={start}&end={end}&step=2"),
        "/api/v1/series?match[]=again".to_owned(),
        "/api/v1/series?match[]=again&limit=1".to_owned(),
        "/api/v1/label/n/values?match[]=again".to_owned(),
        "/api/v1/label/__name__/values?match[]=again".to_owned(),
        "/api/v1/labels?match[]=again".to_owned(),
    ] {
        let first = server.get(&path);
        for _ in 0..3 {
            assert_eq!(server.get(&path), first, "{path}");
        }
    }
    // New samples are seen by those who asked before.
    let path = format!("/api/v1/query?query=count(again)&time={end}");
    for _ in 0..2 {
        assert!(server.get(&path).1.contains("\"3\""));
    }
    let late = series(&[("__name__", "again"), ("n", "4")], &[(end * 1000 - 1, 1.0)]);
    assert_eq!(server.write(&late).status, 204);
    assert!(server.get(&path).1.contains("\"4\""));
}

#[test]
fn all_statistics_say_where_the_time_went() {
    let server = Server::start(&[]);
    // Not `up`: the server has one of its own.
    assert_eq!(server.write(&series(&[("__name__", "asked")], &[(ago(0), 1.0)])).status, 204);
    let (_, plain) = server.api("query?query=sum(asked)&stats=true");
    assert!(plain["data"]["stats"]["operators"].is_null(), "{plain}");
    let (status, all) = server.api("query?query=sum(asked)&stats=all");
    assert_eq!(status, 200, "{all}");
    let operators = &all["data"]["stats"]["operators"];
    assert_eq!(operators[0]["operator"], "sum");
    assert_eq!(operators[1]["operator"], "{__name__=\"asked\"}");
    assert_eq!(operators[1]["samplesRead"], 1);
}
