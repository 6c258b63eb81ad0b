//! Starting: defaults, precedence, one clear line and exit code 2 when it can't be.

use std::net::{TcpListener, TcpStream};

use crate::support::{Server, get, nunatak, run};

fn refused(args: &[&str]) -> String {
    let output = run(args);
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{text}");
    let last = text.lines().last().unwrap_or_default().to_owned();
    assert!(last.starts_with("nunatak: "), "{text}");
    last
}

fn checked(text: &str, args: &[&str], env: &[(&str, &str)]) -> (Option<i32>, String) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("nunatak.yml");
    std::fs::write(&file, text).unwrap();
    let mut command = nunatak(&["check-config", "--config", file.to_str().unwrap()]);
    let output = command.args(args).envs(env.iter().copied()).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(text).unwrap())
}

fn setting(text: &str, key: &str) -> String {
    let line = text.lines().find(|line| line.split(' ').next() == Some(key)).unwrap();
    line[key.len()..].trim().to_owned()
}

#[test]
fn it_works_without_arguments() {
    if TcpListener::bind("[::]:9099").is_err() {
        return; // Somebody else has the default port.
    }
    let folder = tempfile::tempdir().unwrap();
    let mut command = nunatak(&["serve"]);
    command.current_dir(folder.path());
    let server = Server::spawn(command);
    assert_eq!(server.port, 9099);
    assert!(folder.path().join("nunatak-data").is_dir());
    let log = server.log.lock().unwrap();
    for word in ["9099", "nunatak-data", "retention=forever", "budget=", "durability=fsync"] {
        assert!(log.contains(word), "{word} in {log}");
    }
}

#[test]
fn a_value_that_is_none_of_several_is_answered_with_them() {
    let env = [("NUNATAK_ENABLE_ADMIN_API", "1")];
    let (code, text) = checked("", &[], &env);
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("'1'") && text.contains("[possible values: true, false]"), "{text}");
}

#[test]
fn retention_rules_are_told_as_they_are() {
    let rule = |keep: &str| format!("retention_rules:\n- match: 'm{{a=\"b\"}}'\n  keep: {keep}\n");
    let text = |file: &str| setting(&checked(file, &[], &[]).1, "retention-rules");
    assert_eq!(text(&rule("30d")), r#"{a="b",__name__="m"}: 30d"#);
    assert_eq!(text(&rule("40d")), r#"{a="b",__name__="m"}: 40d"#);
    assert_eq!(text(""), "none");
}

#[test]
fn flag_then_environment_then_file_then_default() {
    let (code, text) = checked(
        "retention: 1d\nlisten: '127.0.0.1:1'\nlog_level: debug\n",
        &["--retention", "3d"],
        &[("NUNATAK_RETENTION", "2d"), ("NUNATAK_LISTEN", "127.0.0.1:2")],
    );
    assert_eq!(code, Some(0), "{text}");
    assert_eq!(setting(&text, "retention"), "3d");
    assert_eq!(setting(&text, "listen"), "127.0.0.1:2");
    assert_eq!(setting(&text, "log-level"), "debug");
    assert_eq!(setting(&text, "durability"), "fsync");
}

#[test]
fn an_unknown_key_is_refused_with_the_nearest() {
    let (code, text) = checked("retentoin: 1d\n", &[], &[]);
    assert_eq!(code, Some(2));
    assert!(
        text.contains("line 1: unknown key \"retentoin\"; did you mean \"retention\"?"),
        "{text}"
    );
}

#[test]
fn a_taken_port_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let dir = tempfile::tempdir().unwrap();
    let line =
        refused(&["serve", "--listen", &address, "--data-dir", dir.path().to_str().unwrap()]);
    assert!(line.contains(&format!("port {} is taken", taken.local_addr().unwrap().port())));
}

#[test]
fn a_folder_in_use_is_named() {
    let server = Server::start(&[]);
    let folder = server.folder.as_ref().unwrap().path().join("data");
    let line =
        refused(&["serve", "--listen", "127.0.0.1:0", "--data-dir", folder.to_str().unwrap()]);
    assert!(line.contains("is in use by another nunatak"), "{line}");
}

#[test]
fn a_folder_that_can_not_be_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, "x").unwrap();
    let folder = file.join("data");
    let line =
        refused(&["serve", "--listen", "127.0.0.1:0", "--data-dir", folder.to_str().unwrap()]);
    assert!(line.contains("can't be made"), "{line}");
}

#[test]
fn bad_flags_are_one_line() {
    for (args, word) in [
        (&["serve", "--retenton", "1d"][..], "--retenton"),
        (&["serve", "--retention", "soon"], "retention: \"soon\" is not a duration"),
        (&["serve", "--durability", "maybe"], "none of fsync, interval, os"),
        (&["serve", "--memory-budget", "much"], "memory_budget"),
        (&["serve", "--listen", "nowhere"], "is no address"),
        (&["serve", "--config", "/nowhere.yml"], "/nowhere.yml"),
        (&["serve", "--log-level", "loud=="], "log_level"),
    ] {
        let line = refused(args);
        assert!(line.contains(word), "{line}");
    }
}

#[test]
fn ipv6_and_ipv4_reach_it() {
    let server = Server::start(&["--listen", "[::]:0"]);
    assert_eq!(server.get("/-/healthy").0, 200);
    if TcpStream::connect(("::1", server.port)).is_ok() {
        assert_eq!(get(&format!("http://[::1]:{}/-/healthy", server.port)).0, 200);
    } else {
        let log = server.log.lock().unwrap();
        assert!(log.contains("no IPv6"), "{log}");
    }
}
