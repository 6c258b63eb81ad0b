//! A real Prometheus that scrapes itself and nunatak every second.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::process::{Process, free_port};
use super::web::{Web, wait_for};

/// A running Prometheus.
#[derive(Debug)]
pub(crate) struct Prometheus {
    _process: Process,
    config: PathBuf,
    target: String,
    base: String,
}

impl Prometheus {
    /// Starts one that writes to and scrapes the server at `target`.
    pub(crate) fn start(folder: &Path, target: &str) -> Self {
        let address = format!("127.0.0.1:{}", free_port());
        let config = folder.join("prometheus.yml");
        write_config(&config, target, Some(&address));
        Self::run(folder, target, &address, config)
    }

    /// Starts one that scrapes nothing and takes what it is sent.
    pub(crate) fn start_receiver(folder: &Path) -> Self {
        let address = format!("127.0.0.1:{}", free_port());
        let config = folder.join("prometheus.yml");
        std::fs::write(&config, "global: {}\n").expect("the configuration of Prometheus");
        Self::run(folder, "", &address, config)
    }

    fn run(folder: &Path, target: &str, address: &str, config: PathBuf) -> Self {
        let mut command = Command::new(fetch());
        command
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", folder.join("prometheus").display()))
            .arg(format!("--web.listen-address={address}"))
            .args(["--web.enable-remote-write-receiver", "--web.enable-admin-api"])
            .args(["--web.enable-lifecycle", "--log.level=warn"]);
        let mut process = Process::start(command, &folder.join("prometheus.log"));
        let base = format!("http://{address}");
        let web = Web::default();
        wait_for("Prometheus to be ready", Duration::from_secs(30), || {
            process.assert_running();
            web.get(&format!("{base}/-/ready")).ok()
        });
        Self { _process: process, config, target: target.to_owned(), base }
    }

    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// Takes the scrapes out of its configuration; the sender stays as it is.
    pub(crate) fn stop_scraping(&self) {
        write_config(&self.config, &self.target, None);
        Web::default().post(&format!("{}/-/reload", self.base)).expect("Prometheus reloads");
    }

    /// Waits until everything that was scraped has been sent and acknowledged.
    pub(crate) fn wait_until_drained(&self, web: &Web) {
        let mut calm = 0;
        wait_for("Prometheus to send everything", Duration::from_mins(1), || {
            let pending = self.metric(web, "prometheus_remote_storage_samples_pending");
            let stored = "prometheus_remote_storage_highest_timestamp_in_seconds";
            let sent = "prometheus_remote_storage_queue_highest_sent_timestamp_seconds";
            let behind = self.metric(web, stored) - self.metric(web, sent);
            // Twice, a second apart: between its log and its queue a sample is in neither figure.
            calm = if pending == 0.0 && behind <= 0.0 { calm + 1 } else { 0 };
            std::thread::sleep(Duration::from_millis(500));
            (calm >= 3).then_some(())
        });
    }

    /// A number from its own page of metrics, summed over label sets.
    pub(crate) fn metric(&self, web: &Web, name: &str) -> f64 {
        self.counted(web, name).unwrap_or_else(|| panic!("Prometheus has no metric {name}"))
    }

    /// The same; none if it has no label set yet, as a counter by reason before its first event.
    pub(crate) fn counted(&self, web: &Web, name: &str) -> Option<f64> {
        let page = web.get(&format!("{}/metrics", self.base)).expect("Prometheus' metrics");
        let values: Vec<f64> = page
            .lines()
            .filter(|line| line.split(['{', ' ']).next() == Some(name))
            .filter_map(|line| line.rsplit(' ').next()?.parse().ok())
            .collect();
        (!values.is_empty()).then(|| values.iter().sum())
    }
}

/// The cached program, fetched by the project's script when it is missing. There is no skipping:
/// without a Prometheus the test fails and says why.
fn fetch() -> PathBuf {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/peer.sh");
    let output = Command::new(&script)
        .arg("prometheus")
        .stderr(Stdio::inherit())
        .output()
        .unwrap_or_else(|error| panic!("{}: {error}", script.display()));
    assert!(output.status.success(), "no Prometheus to test with: {} failed", script.display());
    PathBuf::from(String::from_utf8_lossy(&output.stdout).trim())
}

fn write_config(path: &Path, target: &str, scrape_self: Option<&str>) {
    let scrapes = scrape_self.map_or_else(String::new, |address| {
        format!(
            "scrape_configs:\n\
             - job_name: prometheus\n  static_configs: [{{targets: ['{address}']}}]\n\
             - job_name: scraped\n  static_configs: [{{targets: ['{target}']}}]\n"
        )
    });
    let text = format!(
        "global: {{scrape_interval: 1s, scrape_timeout: 1s}}\n\
         remote_write:\n\
         - url: http://{target}/api/v1/write\n\
         \x20 queue_config: {{batch_send_deadline: 500ms, min_backoff: 30ms, max_backoff: 500ms}}\n\
         {scrapes}"
    );
    std::fs::write(path, text).expect("the configuration of Prometheus");
}
