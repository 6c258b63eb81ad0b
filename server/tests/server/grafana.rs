//! What Grafana asks, in its order, and what it must get.

use crate::support::Server;

#[test]
fn save_and_test() {
    let server = Server::start(&[]);
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let reply = server.post("/api/v1/query?time=4", &form, b"query=1%2B1");
    assert_eq!(reply.status, 200);
    let expected = r#"{"status":"success","data":{"resultType":"scalar","result":[4,"2"]}}"#;
    assert_eq!(reply.text, expected);

    let (status, info) = server.api("status/buildinfo");
    assert_eq!(status, 200);
    assert!(info["data"]["features"].is_null());
    let version: Vec<u32> =
        info["data"]["version"].as_str().unwrap().split('.').map(|n| n.parse().unwrap()).collect();
    assert!(version.len() == 3 && version >= vec![2, 24, 0]);
}

#[test]
fn start_up_probes() {
    let server = Server::start(&[]);
    let (status, rules) = server.api("rules");
    assert_eq!((status, &rules["data"]["groups"]), (200, &serde_json::json!([])));
    let path = "query_exemplars?query=test&start=1700000000000&end=1700003600000";
    let (status, exemplars) = server.api(path);
    assert_eq!((status, &exemplars["data"]), (200, &serde_json::json!([])));
    assert_eq!(server.get("/").0, 200, "some clients check that there is a page");
}

#[test]
fn variables_and_autocomplete() {
    let server = Server::start(&[]);
    server.wait_for("the own metrics", || {
        server.api("query?query=up").1["data"]["result"][0]["value"][1] == "1"
    });
    let (_, reply) = server.api("label/job/values?match[]=up&limit=40000&start=1&end=9999999999");
    assert_eq!(reply["data"], serde_json::json!(["nunatak"]));
    let (_, reply) = server.api("label/U______name____/values?match[]=up");
    assert_eq!(reply["data"], serde_json::json!(["up"]));
    let (_, reply) = server.api("series?match[]=up&limit=40000");
    let instance = format!("localhost:{}", server.port);
    let expected = serde_json::json!([{
        "__name__": "up", "instance": instance, "job": "nunatak",
    }]);
    assert_eq!(reply["data"], expected);
    let (_, reply) = server.api("labels?limit=2");
    assert_eq!(reply["data"], serde_json::json!(["__name__", "code"]));
    assert_eq!(reply["warnings"], serde_json::json!(["results truncated due to limit"]));
    assert_eq!(server.api("metadata?limit=5").0, 200);
}
