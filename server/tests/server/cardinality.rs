//! Who makes the series, over HTTP and of a stopped folder.

use crate::support::{Server, ago, run, series};

#[test]
fn the_culprit_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start_in(folder.path(), &["--limit-series-per-metric", "50"]);
    let t = ago(60);
    for id in 0..60 {
        let id = id.to_string();
        let labels = [("__name__", "flood"), ("instance", "shop-1"), ("job", "shop"), ("id", &id)];
        let status = server.write(&series(&labels, &[(t, 1.0)])).status;
        assert_eq!(status, if id.parse::<u32>().unwrap() < 50 { 204 } else { 400 });
    }
    let data = |path: &str| server.api(path).1["data"].clone();
    let all = data("cardinality?limit=500&by=1h");
    let metrics = all["seriesCountByMetricName"].as_array().unwrap();
    let flood = metrics.iter().find(|metric| metric["name"] == "flood").unwrap();
    assert_eq!(flood["value"], 50);
    assert_eq!(
        (&all["refused"][0]["metric"], &all["refused"][0]["samples"]),
        (&"flood".into(), &10.into())
    );
    assert_eq!(all["refused"][0]["reason"], "too_many_series_of_metric");
    assert_eq!(
        (&all["clients"][0]["address"], &all["clients"][0]["newSeries"]),
        (&"127.0.0.1".into(), &50.into())
    );
    let limits = all["limits"].as_array().unwrap();
    assert!(limits.iter().any(|limit| limit["limit"] == "memory_budget"), "{limits:?}");

    let one = data("cardinality?metric=flood");
    assert_eq!((&one["series"], &one["labels"][0]["name"]), (&50.into(), &"id".into()));
    assert_eq!(one["sources"][0]["job"], "shop");
    let (status, reply) = server.api("cardinality?by=week");
    assert_eq!((status, &reply["errorType"]), (400, &"bad_data".into()));

    let tsdb = data("status/tsdb?topN=3&focusLabel=job");
    assert_eq!(tsdb["seriesCountByMetricName"].as_array().unwrap().len(), 3);
    let jobs = tsdb["seriesCountByFocusLabelValue"].as_array().unwrap();
    assert!(jobs.iter().any(|job| job["name"] == "shop" && job["value"] == 50), "{jobs:?}");

    let dir = folder.path().join("data");
    let dir = dir.to_str().unwrap();
    let look = ["inspect", "cardinality", "--data-dir", dir, "--limit", "3"];
    assert_eq!(run(&look).status.code(), Some(2), "the server has it open");
    server.signal("TERM");
    server.wait();
    let output = run(&look);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        text.contains("            50  flood\n") || text.contains("            50  id\n"),
        "{text}"
    );
}
