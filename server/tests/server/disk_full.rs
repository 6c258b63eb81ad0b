//! A disk that is nearly full stops writers alone, and says what to do.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use crate::support::{Reply, Server, ago, run, series};

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

/// Series of a request, and samples of each.
const SERIES: usize = 8;
const SAMPLES: usize = 400;

/// Request number `number`: series of its own, with values that don't become small.
fn request(number: usize) -> Vec<u8> {
    let mut noise = number as u64;
    let mut value = || {
        noise =
            noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        f64::from_bits(0x3FF0 << 48 | noise >> 12)
    };
    let mut message = Vec::new();
    for n in 0..SERIES {
        let samples: Vec<_> = (0..SAMPLES).map(|i| (ago(3600) + i as i64, value())).collect();
        let (number, n) = (number.to_string(), n.to_string());
        message.extend(series(&[("__name__", "m"), ("n", &n), ("request", &number)], &samples));
    }
    message
}

/// How many series of each request have all of their samples.
fn whole_series(server: &Server) -> BTreeMap<usize, usize> {
    let (status, answer) = server.api("query?query=count_over_time(m[1d])");
    assert_eq!(status, 200, "{answer}");
    let (mut whole, expected) = (BTreeMap::new(), SAMPLES.to_string());
    for series in answer["data"]["result"].as_array().unwrap() {
        let request: usize = series["metric"]["request"].as_str().unwrap().parse().unwrap();
        let is_whole = series["value"][1].as_str() == Some(&expected);
        *whole.entry(request).or_default() += usize::from(is_whole);
    }
    whole
}

fn assert_all_there(server: &Server, acknowledged: &[usize]) {
    let whole = whole_series(server);
    for request in acknowledged {
        assert_eq!(whole.get(request), Some(&SERIES), "request {request}");
    }
}

/// Takes all room that is left.
fn fill(path: &Path) {
    let mut file = File::create(path).unwrap();
    for size in [1 << 20, 1 << 12, 1] {
        let error = std::iter::repeat_with(|| file.write_all(&vec![1; size]).err());
        let error = error.flatten().next().unwrap();
        assert_eq!(error.kind(), ErrorKind::StorageFull, "{error}");
    }
}

fn assert_sent_away(reply: &Reply) {
    assert_eq!((reply.status, reply.retry_after.is_some()), (503, true), "{reply:?}");
}

/// `scripts/full-disk.sh` makes the disk, and runs this.
#[test]
#[ignore = "needs root and a loop device; scripts/full-disk.sh runs it"]
fn a_disk_that_fills_up_costs_nothing_that_was_acknowledged() {
    let disk = PathBuf::from(std::env::var_os("NUNATAK_SMALL_DISK").expect("a folder on it"));
    let ballast = disk.join("ballast");
    std::fs::write(&ballast, vec![1; 16 << 20]).unwrap();
    let args = ["--low-space", "8MiB"];
    let mut server = Server::start_in(&disk, &args);
    let (mut acknowledged, mut next) = (Vec::new(), 0..100_000);
    // By its own writes: they end before the last byte.
    let refused = next.by_ref().map(|number| (number, server.write(&request(number))));
    for (number, reply) in refused {
        if reply.status != 204 {
            assert_sent_away(&reply);
            break;
        }
        acknowledged.push(number);
    }
    let (_, metrics) = server.get("/metrics");
    assert!(metrics.contains("nunatak_read_only 1\n"), "{metrics}");
    assert!(!metrics.contains("nunatak_disk_free_bytes 0\n"), "{metrics}");
    println!("{} requests were stored before the low-water mark", acknowledged.len());

    // Others write on it, too, until nothing is left.
    let filler = disk.join("filler");
    fill(&filler);
    for _ in 0..2 {
        assert_sent_away(&server.write(&request(next.next().unwrap())));
        assert_eq!(server.get("/-/ready").0, 200);
        assert_all_there(&server, &acknowledged);
        // Also a start serves.
        server.signal("KILL");
        server.wait();
        server = Server::start_in(&disk, &args);
    }

    // It goes on by itself, and was not torn anywhere.
    std::fs::remove_file(&filler).unwrap();
    std::fs::remove_file(&ballast).unwrap();
    let number = next.next().unwrap();
    server.wait_for("the first write", || server.write(&request(number)).status == 204);
    acknowledged.push(number);
    server.signal("TERM");
    assert!(server.wait().success());
    let server = Server::start_in(&disk, &args);
    assert_all_there(&server, &acknowledged);
    println!("{} acknowledged samples are there", acknowledged.len() * SERIES * SAMPLES);
}
