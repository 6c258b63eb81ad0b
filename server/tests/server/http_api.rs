//! Shapes and errors of the query API are Prometheus'.

use serde_json::json;

use crate::support::{Server, agent, ago, run, series};

fn filled() -> (Server, i64) {
    let server = Server::start(&[]);
    let t = ago(600);
    let points: Vec<_> = (0..5).map(|i| (t + i * 15_000, i as f64)).collect();
    let message = ["x", "y"].map(|job| series(&[("__name__", "m"), ("job", job)], &points));
    assert_eq!(server.write(&message.concat()).status, 204);
    (server, t / 1000)
}

#[test]
fn ranges() {
    let (server, t) = filled();
    let (status, reply) =
        server.api(&format!("query_range?query=m&start={t}&end={}&step=30s", t + 60));
    assert_eq!(status, 200);
    let values = json!([[t, "0"], [t + 30, "2"], [t + 60, "4"]]);
    let row = |job: &str| json!({ "metric": { "__name__": "m", "job": job }, "values": values });
    let data = json!({ "resultType": "matrix", "result": [row("x"), row("y")] });
    assert_eq!(reply, json!({ "status": "success", "data": data }));
}

#[test]
fn a_limit_cuts_and_warns() {
    let (server, t) = filled();
    let (_, reply) = server.api(&format!("query?query=m&time={t}&limit=1&stats=all"));
    assert_eq!(reply["data"]["result"].as_array().unwrap().len(), 1);
    assert_eq!(reply["warnings"], json!(["results truncated due to limit"]));
    assert!(reply["data"]["stats"]["samples"]["totalQueryableSamples"].is_u64());
}

#[test]
fn long_answers_are_whole() {
    let (server, _) = filled();
    let query = "query_range?query=vector(time()/7)&start=1000000&end=1011000.9&step=1";
    let (status, reply) = server.api(query);
    assert_eq!(status, 200);
    assert_eq!(reply["data"]["result"][0]["values"].as_array().unwrap().len(), 11_001);
    for encoding in ["gzip", "zstd"] {
        let packed = agent()
            .get(server.url(&format!("/api/v1/{query}")))
            .header("accept-encoding", encoding)
            .call()
            .unwrap();
        assert_eq!(packed.headers()["content-encoding"], encoding);
    }
}

#[test]
fn errors() {
    let (server, t) = filled();
    let no_match = format!("query?query=m%2Bignoring(job)m&time={t}");
    for (path, status, kind, text) in [
        ("query?query=sum(", 400, "bad_data", "invalid parameter \"query\": 1:5: parse error: "),
        (
            "query?query=1&time=x",
            400,
            "bad_data",
            "invalid parameter \"time\": invalid time value for 'time': cannot parse \"x\" to a valid timestamp",
        ),
        (
            "query_range?query=1&start=2&end=1&step=1",
            400,
            "bad_data",
            "invalid parameter \"end\": end timestamp must not be before start time",
        ),
        (
            "query_range?query=1&start=1&end=2&step=0",
            400,
            "bad_data",
            "invalid parameter \"step\": zero or negative query resolution step widths are not accepted. Try a positive integer",
        ),
        (
            "query_range?query=1&start=0&end=11001&step=1",
            400,
            "bad_data",
            "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)",
        ),
        (&no_match[..], 422, "execution", "found duplicate series for the match group"),
        ("series", 400, "bad_data", "no match[] parameter provided"),
        (
            "labels?match[]={a=\"\"}",
            400,
            "bad_data",
            "match[] must contain at least one non-empty matcher",
        ),
        ("query?query=m&timeout=0s", 503, "timeout", "query timed out in "),
        ("nothing", 404, "not_found", "there is no /api/v1/nothing here"),
    ] {
        let (got, reply) =
            server.api(&path.replace('{', "%7B").replace('}', "%7D").replace('"', "%22"));
        assert_eq!((got, reply["errorType"].as_str()), (status, Some(kind)), "{path}: {reply}");
        let error = reply["error"].as_str().unwrap();
        assert!(error.starts_with(text), "{path}: {error}");
    }
}

#[test]
fn flush_is_for_administrators() {
    let (server, _) = filled();
    let reply = server.post("/api/v1/admin/tsdb/flush", &[], b"");
    assert_eq!(reply.status, 403);
    assert!(reply.text.contains("--enable-admin-api"), "{}", reply.text);
    let server = Server::start(&["--enable-admin-api"]);
    assert_eq!(server.post("/api/v1/admin/tsdb/flush", &[], b"").status, 200);
}

#[test]
fn pages_from_elsewhere_may_read_only() {
    let (server, _) = filled();
    let options = |path: &str| {
        let request = agent().options(server.url(path)).header("origin", "http://elsewhere");
        request.call().unwrap()
    };
    let reply = options("/api/v1/query");
    assert_eq!(reply.status(), 204);
    assert_eq!(reply.headers()["access-control-allow-origin"], "*");
    let reply = options("/api/v1/write");
    assert!(reply.headers().get("access-control-allow-origin").is_none());
}

#[test]
fn status_and_own_metrics() {
    let (server, _) = filled();
    let (_, tsdb) = server.api("status/tsdb?limit=3");
    assert!(tsdb["data"]["headStats"]["numSeries"].as_u64().unwrap() >= 2);
    assert!(tsdb["data"]["seriesCountByMetricName"].as_array().unwrap().len() <= 3);
    assert_eq!(server.api("status/flags").1["data"]["durability"], "fsync");
    for path in ["status/config", "status/runtimeinfo", "targets", "alerts", "alertmanagers"] {
        assert_eq!(server.api(path).1["status"], "success", "{path}");
    }
    let (status, text) = server.get("/metrics");
    assert_eq!(status, 200);
    assert!(text.contains("nunatak_remote_write_samples_total 10\n"), "{text}");
}

#[test]
fn the_command_line_asks() {
    let (server, t) = filled();
    let url = server.url("");
    let output = run(&["query", "m", "--time", &t.to_string(), "--url", &url]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(text.contains("m{job=\"x\"}") && text.contains("m{job=\"y\"}"), "{text}");
    let output = run(&["query", "sum(", "--url", &url]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("parse error"));
}

#[test]
fn pages_from_elsewhere_change_nothing() {
    let server = Server::start(&["--enable-admin-api"]);
    let form = ("content-type", "application/x-www-form-urlencoded");
    let delete = "/api/v1/admin/tsdb/delete_series?match[]=up";
    for path in ["/api/v1/write", delete, "/-/reload"] {
        for foreign in [("origin", "http://elsewhere"), ("sec-fetch-site", "cross-site")] {
            let reply = server.post(path, &[form, foreign], b"");
            assert_eq!(reply.status, 403, "{path}: {}", reply.text);
        }
    }
    let own = ("origin", server.url(""));
    let reply = server.post(delete, &[form, (own.0, &own.1)], b"");
    assert_eq!(reply.status, 204, "{}", reply.text);
    assert_eq!(server.post("/-/reload", &[], b"").status, 200);
}
