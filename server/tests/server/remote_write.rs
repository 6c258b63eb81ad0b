//! Remote write: the good is stored, the bad is named.

use std::io::Write as _;
use std::net::TcpStream;

use crate::support::{Server, ago, histogram, metadata, series};

#[test]
fn samples_come_back_bit_for_bit() {
    let server = Server::start(&[]);
    let t = ago(600);
    let samples = [(t, 1.5), (t + 1000, -0.0), (t + 2000, 5e-324), (t + 3000, f64::INFINITY)];
    let message = [
        series(&[("job", "b"), ("__name__", "m"), ("empty", "")], &samples),
        series(&[("__name__", "m"), ("job", "a")], &[(t, f64::NAN)]),
        metadata("m", "what it is"),
    ]
    .concat();
    assert_eq!(server.write(&message).status, 204);
    assert_eq!(server.write(&message).status, 204, "a repeat is no harm");
    let (status, reply) = server.api(&format!("query?query=m[1h]&time={}", t / 1000 + 3));
    assert_eq!(status, 200);
    let s = t / 1000;
    let expected = serde_json::json!([
        { "metric": { "__name__": "m", "job": "a" }, "values": [[s, "NaN"]] },
        { "metric": { "__name__": "m", "job": "b" },
          "values": [[s, "1.5"], [s + 1, "-0"], [s + 2, "5e-324"], [s + 3, "+Inf"]] },
    ]);
    assert_eq!(reply["data"]["result"], expected);
    let (_, reply) = server.api("metadata");
    let entry = serde_json::json!([{ "type": "counter", "help": "what it is", "unit": "" }]);
    assert_eq!(reply["data"]["m"], entry);
}

/// A connection that announces a body of so many bytes and sends one.
fn begun(server: &Server, announced: usize) -> TcpStream {
    let mut connection = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
    let head =
        format!("POST /api/v1/write HTTP/1.1\r\nHost: x\r\nContent-Length: {announced}\r\n\r\nx");
    connection.write_all(head.as_bytes()).unwrap();
    connection
}

#[test]
fn who_announces_and_does_not_send_keeps_nobody_out() {
    let server = Server::start(&["--memory-budget", "64MiB"]);
    let mut slow = vec![begun(&server, 8 << 20)];
    slow.extend((0..80).map(|_| begun(&server, 1000)));
    let reply = server.write(&series(&[("__name__", "m")], &[(ago(60), 1.0)]));
    assert_eq!(reply.status, 204, "{}", reply.text);
}

#[test]
fn the_good_part_is_stored_and_the_bad_named() {
    let server = Server::start(&[]);
    let t = ago(60);
    let message = [
        series(&[("__name__", "good")], &[(t, 1.0)]),
        series(&[("__name__", "twice"), ("a", "1"), ("a", "2")], &[(t, 1.0), (t + 1, 1.0)]),
        series(&[("__name__", "future")], &[(ago(-3600), 1.0)]),
        histogram("native"),
    ]
    .concat();
    for _ in 0..2 {
        let reply = server.write(&message);
        assert_eq!(reply.status, 400, "{}", reply.text);
        for part in [
            "1 samples stored, 4 of 5 refused",
            "invalid_labels (2 samples): ",
            "too_far_ahead (1 samples): ",
            "unsupported (1 samples): native histograms are not stored yet: native",
        ] {
            assert!(reply.text.contains(part), "{part} in {}", reply.text);
        }
    }
    let (_, reply) = server.api("query?query=good");
    assert_eq!(reply["data"]["result"][0]["value"][1], "1");
}

#[test]
fn what_can_not_be_read_is_refused_whole() {
    let server = Server::start(&[]);
    let good = series(&[("__name__", "m")], &[(ago(60), 1.0)]);
    let reply = server.write(&[&good[..], &[0x0a, 0x7f]].concat());
    assert_eq!(reply.status, 400);
    let at = good.len() + 1;
    assert!(reply.text.starts_with(&format!("invalid protobuf at byte {at}: ")), "{}", reply.text);
    let headers = [("content-type", "application/x-protobuf"), ("content-encoding", "snappy")];
    let reply = server.post("/api/v1/write", &headers, b"\x05hello");
    assert_eq!(reply.status, 400);
    assert!(reply.text.contains("is not a snappy block"), "{}", reply.text);
    let reply = server.post("/api/v1/write", &headers, &[0xff, 0xff, 0xff, 0xff, 0x0f, 0x00]);
    assert!(reply.status == 400 && reply.text.contains("at most"), "{reply:?}");
    let (_, reply) = server.api("query?query=m");
    assert_eq!(reply["data"]["result"], serde_json::json!([]));
}

#[test]
fn other_messages_and_encodings_are_415() {
    let server = Server::start(&[]);
    let v2 = "application/x-protobuf;proto=io.prometheus.write.v2.Request";
    for (content_type, encoding) in
        [(v2, "snappy"), ("application/x-protobuf", "zstd"), ("text/plain", "snappy")]
    {
        let headers = [("content-type", content_type), ("content-encoding", encoding)];
        let reply = server.post("/api/v1/write", &headers, b"");
        assert_eq!(reply.status, 415, "{}", reply.text);
        assert!(reply.text.contains("is not supported; send "), "{}", reply.text);
        assert_eq!(reply.retry_after, None);
    }
}
