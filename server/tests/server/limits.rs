//! A limit refuses new series with a text that says what to do, and a reload changes it.

use crate::support::{Server, ago, series};

#[test]
fn a_reload_changes_the_limits() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("n.yml");
    let limit = |n: u64| std::fs::write(&file, format!("limits:\n  series_per_metric: {n}\n"));
    limit(1).unwrap();
    let server = Server::start_in(folder.path(), &["--config", file.to_str().unwrap()]);
    let t = ago(60);
    let write = |id: &str| server.write(&series(&[("__name__", "m"), ("id", id)], &[(t, 1.0)]));
    assert_eq!(write("a").status, 204);
    let reply = write("b");
    assert_eq!(reply.status, 400);
    let text = "new series m{id=\"b\"}: metric m has its limit of 1 series (series_per_metric)";
    assert!(reply.text.contains(text), "{}", reply.text);
    assert_eq!(write("a").status, 204, "series that are there go on");

    limit(2).unwrap();
    let reply = server.post("/-/reload", &[], b"");
    assert!(reply.text.contains("the limits are others"), "{}", reply.text);
    assert_eq!(write("b").status, 204);
    assert_eq!(write("c").status, 400);
    let flags = server.api("status/flags").1;
    assert_eq!(flags["data"]["limits.series-per-metric"], "2");
    let metrics = server.get("/metrics").1;
    // Among all samples that are refused are some of the server's own metrics.
    let counted = "nunatak_remote_write_refused_total{reason=\"too_many_series_of_metric\"} 2\n";
    assert!(metrics.contains(counted), "{metrics}");
}
