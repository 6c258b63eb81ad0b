//! Deletes over HTTP: as Prometheus has them, and one can take them back.

use super::support::{Server, agent, ago, series};

/// A server with samples of `m{job="x"}` and `m{job="y"}`.
fn filled(args: &[&str]) -> Server {
    let server = Server::start(args);
    for job in ["x", "y"] {
        let samples = [(ago(120), 1.0), (ago(60), 2.0)];
        let message = series(&[("__name__", "m"), ("job", job)], &samples);
        assert_eq!(server.write(&message).status, 204);
    }
    server
}

fn count(server: &Server) -> String {
    let reply = server.api("query?query=sum(count_over_time(m%5B1h%5D))").1;
    reply["data"]["result"][0]["value"][1].as_str().unwrap_or("none").to_owned()
}

#[test]
fn what_was_deleted_can_be_taken_back_until_it_is_cleaned() {
    let server = filled(&["--enable-admin-api"]);
    assert_eq!(count(&server), "4");
    let delete = "/api/v1/admin/tsdb/delete_series?match[]=m%7Bjob%3D%22x%22%7D";
    let reply = agent().put(server.url(delete)).send_empty().unwrap();
    assert_eq!(reply.status().as_u16(), 204);
    let id = reply.headers().get("x-nunatak-delete-ids").unwrap().to_str().unwrap().to_owned();
    assert_eq!(count(&server), "2");
    let list = server.api("admin/tsdb/deletes").1;
    assert_eq!(list["data"][0]["id"], id.as_str());
    assert_eq!(list["data"][0]["undoable"], true);
    assert_eq!(list["data"][0]["match"], "{job=\"x\",__name__=\"m\"}");

    let undelete = format!("/api/v1/admin/tsdb/undelete?id={id}");
    assert_eq!(server.post(&undelete, &[], b"").status, 204);
    assert_eq!(count(&server), "4");
    assert_eq!(server.post(&undelete, &[], b"").status, 400, "it is taken back already");

    let form = [("content-type", "application/x-www-form-urlencoded")];
    let body = format!("match[]=m&start={}", ago(90) / 1000);
    let reply = server.post("/api/v1/admin/tsdb/delete_series", &form, body.as_bytes());
    assert_eq!((reply.status, count(&server)), (204, "2".to_owned()));
    assert_eq!(server.post("/api/v1/admin/tsdb/clean_tombstones", &[], b"").status, 204);
    assert_eq!(count(&server), "2");
    assert_eq!(server.api("admin/tsdb/deletes").1["data"].as_array().unwrap().len(), 0);
}

#[test]
fn refusals_say_what_is_missing() {
    let server = filled(&["--enable-admin-api"]);
    let post = |path: &str| server.post(&format!("/api/v1/admin/tsdb/{path}"), &[], b"");
    let reply = post("delete_series");
    assert_eq!(reply.status, 400);
    assert!(reply.text.contains("no match[] parameter provided"), "{}", reply.text);
    for bad in ["delete_series?match[]=%7Ba%3D%22%22%7D", "delete_series?match[]=m&start=x"] {
        assert_eq!(post(bad).status, 400, "{bad}");
    }
    assert_eq!(post("undelete?id=x").status, 400);
    assert_eq!(count(&server), "4");
}

#[test]
fn deletes_are_for_administrators() {
    let server = filled(&[]);
    for path in ["delete_series?match[]=m", "clean_tombstones", "undelete?id=1"] {
        let reply = server.post(&format!("/api/v1/admin/tsdb/{path}"), &[], b"");
        assert_eq!(reply.status, 403, "{path}");
    }
    assert_eq!((server.api("admin/tsdb/deletes").0, count(&server)), (403, "4".to_owned()));
}
