//! Starts the binary, speaks to it.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// A command without the environment's settings.
pub(crate) fn nunatak(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nunatak"));
    command.args(args);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("NUNATAK_")) {
        command.env_remove(name);
    }
    command
}

/// Runs a command that ends by itself.
pub(crate) fn run(args: &[&str]) -> Output {
    nunatak(args).output().unwrap()
}

pub(crate) struct Server {
    child: Child,
    pub(crate) port: u16,
    pub(crate) log: Arc<Mutex<String>>,
    pub(crate) folder: Option<TempDir>,
}

impl Server {
    /// A server in a new folder.
    pub(crate) fn start(args: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut server = Self::start_in(folder.path(), args);
        server.folder = Some(folder);
        server
    }

    pub(crate) fn start_in(folder: &Path, args: &[&str]) -> Self {
        let folder = folder.join("data");
        let mut all = vec!["serve", "--data-dir", folder.to_str().unwrap()];
        if !args.contains(&"--listen") {
            all.extend(["--listen", "127.0.0.1:0"]);
        }
        all.extend(args);
        Self::spawn(nunatak(&all))
    }

    /// Runs the command and waits until it is ready.
    pub(crate) fn spawn(mut command: Command) -> Self {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let log = Arc::new(Mutex::new(String::new()));
        let port = loop {
            let line = lines.next().expect("the server said its port").unwrap();
            writeln!(log.lock().unwrap(), "{line}").unwrap();
            if let Some((_, rest)) = line.split_once("http://localhost:") {
                break rest.split('/').next().unwrap().parse().unwrap();
            }
        };
        std::thread::spawn({
            let log = Arc::clone(&log);
            move || {
                for line in lines.map_while(Result::ok) {
                    writeln!(log.lock().unwrap(), "{line}").unwrap();
                }
            }
        });
        let server = Self { child, port, log, folder: None };
        server.wait_for("readiness", || server.get("/-/ready").0 == 200);
        server
    }

    pub(crate) fn wait_for(&self, what: &str, done: impl Fn() -> bool) {
        let begun = Instant::now();
        while !done() {
            let log = self.log.lock().unwrap();
            assert!(begun.elapsed() < Duration::from_mins(1), "waited for {what}; log:\n{log}");
            drop(log);
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    pub(crate) fn get(&self, path: &str) -> (u16, String) {
        get(&self.url(path))
    }

    /// An endpoint below `/api/v1/` as JSON.
    pub(crate) fn api(&self, path: &str) -> (u16, Value) {
        let (status, text) = self.get(&format!("/api/v1/{path}"));
        (status, serde_json::from_str(&text).unwrap_or_else(|_| panic!("no JSON: {text}")))
    }

    pub(crate) fn post(&self, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
        let mut request = agent().post(self.url(path));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut response = request.send(body).unwrap();
        let header =
            |name: &str| response.headers().get(name).map(|v| v.to_str().unwrap().to_owned());
        let retry_after = header("retry-after");
        let text = response.body_mut().read_to_string().unwrap();
        Reply { status: response.status().as_u16(), text, retry_after }
    }

    /// Remote write of a message.
    pub(crate) fn write(&self, message: &[u8]) -> Reply {
        let body = snap::raw::Encoder::new().compress_vec(message).unwrap();
        let headers = [("content-type", "application/x-protobuf"), ("content-encoding", "snappy")];
        self.post("/api/v1/write", &headers, &body)
    }

    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status();
        assert!(status.unwrap().success());
    }

    /// Waits for the end, at most 10 s.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(begun.elapsed() < Duration::from_secs(10), "the server did not stop");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) text: String,
    pub(crate) retry_after: Option<String>,
}

pub(crate) fn agent() -> ureq::Agent {
    ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(Duration::from_secs(30)))
        .build()
        .into()
}

pub(crate) fn get(url: &str) -> (u16, String) {
    let Ok(mut response) = agent().get(url).call() else { return (0, String::new()) };
    (response.status().as_u16(), response.body_mut().read_to_string().unwrap())
}

fn field(number: u8, content: &[u8]) -> Vec<u8> {
    assert!(content.len() < 16_384, "two bytes of length");
    let len = content.len() as u16;
    let mut out = vec![number << 3 | 2, (len & 0x7f) as u8 | 0x80, (len >> 7) as u8];
    out.extend_from_slice(content);
    out
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// A `TimeSeries` field of a `WriteRequest`.
pub(crate) fn series(labels: &[(&str, &str)], samples: &[(i64, f64)]) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, value) in labels {
        out.extend(field(1, &[field(1, name.as_bytes()), field(2, value.as_bytes())].concat()));
    }
    for (t, v) in samples {
        let mut sample = vec![0x09];
        sample.extend_from_slice(&v.to_le_bytes());
        sample.push(0x10);
        varint(&mut sample, *t as u64);
        out.extend(field(2, &sample));
    }
    field(1, &out)
}

/// A series with one native histogram.
pub(crate) fn histogram(name: &str) -> Vec<u8> {
    let label = field(1, &[field(1, b"__name__"), field(2, name.as_bytes())].concat());
    field(1, &[label, field(4, &[])].concat())
}

/// A `MetricMetadata` field of a `WriteRequest`: a counter.
pub(crate) fn metadata(name: &str, help: &str) -> Vec<u8> {
    field(3, &[vec![0x08, 1], field(2, name.as_bytes()), field(4, help.as_bytes())].concat())
}

/// Seconds ago, in ms since the epoch and whole seconds.
pub(crate) fn ago(seconds: i64) -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    (now.as_secs() as i64 - seconds) * 1000
}
