//! Stopping loses nothing, and a bad configuration changes nothing.

use crate::support::{Server, ago, series};

#[test]
fn signals_stop_it_cleanly_and_nothing_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let t = ago(60);
    for (round, signal) in ["TERM", "INT"].into_iter().enumerate() {
        let mut server = Server::start_in(folder.path(), &[]);
        let v = round as f64;
        let name = format!("m{round}");
        assert_eq!(server.write(&series(&[("__name__", &name)], &[(t, v)])).status, 204);
        server.signal(signal);
        assert_eq!(server.wait().code(), Some(0));
        let log = server.log.lock().unwrap();
        assert!(log.contains("everything is synced"), "{log}");
    }
    let server = Server::start_in(folder.path(), &[]);
    let (_, reply) = server.api(&format!("query?query=m0%2Bon()m1&time={}", t / 1000));
    assert_eq!(reply["data"]["result"][0]["value"][1], "1");
}

#[test]
fn an_acknowledged_write_survives_kill() {
    let folder = tempfile::tempdir().unwrap();
    let t = ago(60);
    let mut server = Server::start_in(folder.path(), &[]);
    assert_eq!(server.write(&series(&[("__name__", "m")], &[(t, 7.0)])).status, 204);
    server.signal("KILL");
    server.wait();
    let server = Server::start_in(folder.path(), &[]);
    let (_, reply) = server.api(&format!("query?query=m&time={}", t / 1000));
    assert_eq!(reply["data"]["result"][0]["value"][1], "7");
}

#[test]
fn a_reload_changes_the_log_level_and_a_bad_file_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("n.yml");
    std::fs::write(&file, "log_level: info\n").unwrap();
    let server = Server::start_in(folder.path(), &["--config", file.to_str().unwrap()]);
    let reload = || server.post("/-/reload", &[], b"");

    std::fs::write(&file, "log_level: debug\nretention: 9d\n").unwrap();
    let reply = reload();
    assert_eq!(reply.status, 200);
    assert!(reply.text.contains("log level is debug; these need a restart: retention"));

    std::fs::write(&file, "log_levle: info\n").unwrap();
    let reply = reload();
    assert_eq!(reply.status, 500);
    assert!(reply.text.starts_with("nothing changed: "), "{}", reply.text);
    server.signal("HUP");
    server.wait_for("the report", || {
        server.log.lock().unwrap().matches("was not reloaded").count() == 2
    });
}
