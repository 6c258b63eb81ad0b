//! Snapshot, restore and verification through the binary.

use std::path::Path;

use crate::support::{Server, nunatak, run};

fn verify(folder: &Path) -> (Option<i32>, String) {
    let output = run(&["verify", "--data-dir", folder.to_str().unwrap()]);
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

#[test]
fn a_snapshot_is_restored_by_a_start_on_it() {
    let server = Server::start(&["--enable-admin-api"]);
    server.wait_for("own metrics", || {
        server.api("query?query=up").1["data"]["result"].as_array().is_some_and(|r| !r.is_empty())
    });
    let output = run(&["snapshot", "--url", &server.url(""), "--name", "first"]);
    assert!(output.status.success(), "{output:?}");
    assert!(String::from_utf8(output.stdout).unwrap().starts_with("snapshots/first "));
    let again = run(&["snapshot", "--url", &server.url(""), "--name", "first"]);
    assert_eq!(again.status.code(), Some(1), "{again:?}");
    let reply = server.post("/api/v1/admin/tsdb/snapshot?skip_head=true", &[], b"");
    assert!(
        reply.text.starts_with(r#"{"data":{"name":"20"#) || reply.text.contains(r#""name":"20"#)
    );

    let data = server.folder.as_ref().unwrap().path().join("data");
    assert_eq!(verify(&data).0, Some(2), "a server has it open");
    let first = data.join("snapshots/first");
    let (code, text) = verify(&first);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.starts_with("clean: "), "{text}");
    // A server adds `data` to the folder.
    let restored = server.folder.as_ref().unwrap().path().join("restored");
    std::fs::create_dir(&restored).unwrap();
    std::fs::rename(&first, restored.join("data")).unwrap();
    let copy = Server::start_in(&restored, &[]);
    let path = format!("query?query=up%7Binstance%3D%22localhost%3A{}%22%7D", server.port);
    let (status, found) = copy.api(&path);
    assert_eq!(status, 200);
    assert!(!found["data"]["result"].as_array().unwrap().is_empty(), "{found}");
}

#[test]
fn of_a_folder_whatever_server_the_environment_names() {
    let mut server = Server::start(&[]);
    server.signal("TERM");
    assert!(server.wait().success());
    let data = server.folder.as_ref().unwrap().path().join("data");
    let mut command = nunatak(&["snapshot", "--name", "first", "--data-dir"]);
    let output = command.arg(&data).env("NUNATAK_URL", "http://localhost:1").output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(verify(&data.join("snapshots/first")).0, Some(0));
}

#[test]
fn without_the_admin_api_there_is_no_snapshot() {
    let server = Server::start(&[]);
    assert_eq!(server.post("/api/v1/admin/tsdb/snapshot", &[], b"").status, 403);
    let output = run(&["snapshot", "--url", &server.url("")]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("--enable-admin-api"));
}

#[test]
fn a_stopped_database_is_snapshot_and_verified() {
    let mut server = Server::start(&["--enable-admin-api"]);
    server
        .wait_for("own metrics", || !server.api("labels").1["data"].as_array().unwrap().is_empty());
    assert_eq!(server.post("/api/v1/admin/tsdb/flush", &[], b"").status, 200);
    server.signal("TERM");
    server.wait();
    let data = server.folder.as_ref().unwrap().path().join("data");
    let output = run(&["snapshot", "--data-dir", data.to_str().unwrap(), "--name", "cold"]);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(verify(&data.join("snapshots/cold")).0, Some(0));

    let mut shards = (0..8).map(|shard| data.join(format!("shard-{shard:02}")));
    let manifest = shards.find_map(|shard| manifest_in(&shard)).unwrap();
    let mut bytes = std::fs::read(&manifest).unwrap();
    bytes[20] ^= 1;
    std::fs::remove_file(&manifest).unwrap();
    std::fs::write(&manifest, bytes).unwrap();
    let (code, text) = verify(&data);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("damaged: shard-0") && text.contains("checksum"), "{text}");
    assert_eq!(verify(&data.join("snapshots/cold")).0, Some(0), "the link has the old bytes");

    let nothing = run(&["snapshot", "--data-dir", data.join("log").to_str().unwrap()]);
    assert_eq!(nothing.status.code(), Some(2));
    assert_eq!(verify(&data.join("log")).0, Some(2));
}

/// The manifest of a block of the default tenant.
fn manifest_in(shard: &Path) -> Option<std::path::PathBuf> {
    let block = std::fs::read_dir(shard.join("default")).ok()?.next()?.ok()?;
    Some(block.path().join("manifest"))
}
