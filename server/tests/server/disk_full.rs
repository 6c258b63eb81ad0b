//! A disk that is nearly full stops writers alone, and says what to do.

use crate::support::{Server, ago, run, series};

#[test]
fn writers_are_told_to_come_again_and_queries_go_on() {
    let server = Server::start(&["--low-space", "1000000TiB", "--enable-admin-api"]);
    let message = series(&[("__name__", "m")], &[(ago(60), 1.0)]);
    let reply = server.write(&message);
    assert_eq!((reply.status, reply.retry_after.is_some()), (503, true), "{reply:?}");
    assert!(reply.text.contains("nearly full") && reply.text.contains("remove files"), "{reply:?}");
    assert_eq!(server.api("query?query=m").0, 200);
    let (_, metrics) = server.get("/metrics");
    assert!(metrics.contains("nunatak_read_only 1\n"), "{metrics}");
    assert!(!metrics.contains("nunatak_disk_free_bytes 0\n"), "{metrics}");
    assert!(server.log.lock().unwrap().contains("the disk is nearly full"));
    assert_eq!(server.post("/api/v1/admin/tsdb/snapshot", &[], b"").status, 200);
}

#[test]
fn inspect_names_what_is_there() {
    let mut server = Server::start(&[]);
    let data = server.folder.as_ref().unwrap().path().join("data");
    let output = run(&["inspect", data.to_str().unwrap()]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && text.starts_with("database, version 0\n"), "{text}");
    server.signal("TERM");
    server.wait();
    std::fs::write(data.join("log/00000000000000000001.log"), b"rubbish").unwrap();
    let output = run(&["inspect", data.join("log/00000000000000000001.log").to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert_eq!(run(&["inspect", "/nowhere"]).status.code(), Some(2));
}
