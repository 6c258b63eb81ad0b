//! Killed with -9 at any moment under load, the server keeps every acknowledged sample, once and
//! bit for bit, and shows nothing that was never sent. The record is the senders' own.
//!
//! `NUNATAK_KILLS` sets how often it is killed. The same is held to power losses with `fsync`.

mod dice;
mod power;
mod sender;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::support::{Server, agent};
use dice::Dice;
use sender::{Record, Sender};

/// Kills in the ordinary run of the tests.
const KILLS: u64 = 20;
const SENDERS: u64 = 4;
/// Everything is read after so many kills, and at the end.
const CHECK_EVERY: u64 = 10;

#[test]
fn nothing_acknowledged_is_lost_by_kills_under_load() {
    let kills = number_from("NUNATAK_KILLS", KILLS);
    let folder = tempfile::tempdir().unwrap();
    let mut load = Load::new(kills);
    for kill in 1..=kills {
        // Any durability survives a kill, and it may change between two starts.
        let durability = *load.dice.pick(&["fsync", "os", "interval"]);
        load.live(folder.path(), durability, |server| server.signal("KILL"));
        if kill % CHECK_EVERY == 0 || kill == kills {
            load.check(folder.path());
        }
    }
    println!("{kills} kills, {} acknowledged samples are there", load.acknowledged());
    assert!(load.acknowledged() > 0);
}

/// `scripts/power-loss.sh` makes the disk, and runs this.
#[test]
#[ignore = "needs root and a loop device; scripts/power-loss.sh runs it"]
fn nothing_acknowledged_is_lost_by_power_losses_under_load() {
    let times = number_from("NUNATAK_POWER_LOSSES", 10);
    let disk = power::Disk::from_environment();
    let mut load = Load::new(times);
    for _ in 0..times {
        load.live(disk.folder(), "fsync", |server| {
            // Without power nothing runs on: a sync that the shut file system lets through must
            // not be acknowledged.
            server.signal("STOP");
            disk.lose_power();
            server.signal("KILL");
        });
        disk.start_again();
        load.check(disk.folder());
    }
    println!("{times} power losses, {} acknowledged samples are there", load.acknowledged());
    assert!(load.acknowledged() > 0);
}

fn number_from(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Senders, and the port that they send to.
struct Load {
    dice: Dice,
    senders: Vec<Sender>,
    port: u16,
}

impl Load {
    fn new(seed: u64) -> Self {
        Self { dice: Dice::new(seed), senders: (0..SENDERS).map(Sender::new).collect(), port: 0 }
    }

    fn start(&self, folder: &Path, durability: &str) -> Server {
        let listen = format!("127.0.0.1:{}", self.port);
        let settings = ["--durability", durability, "--enable-admin-api"];
        Server::start_in(folder, &[&["--listen", &listen][..], &settings].concat())
    }

    /// One life under load, which `end` ends at some moment.
    fn live(&mut self, folder: &Path, durability: &str, end: impl Fn(&Server)) {
        let mut server = self.start(folder, durability);
        self.port = server.port;
        let (port, ended) = (server.port, AtomicBool::new(false));
        let life = Duration::from_millis(50 + self.dice.below(700));
        let flush_after = self.dice.one_in(3).then(|| life / 100 * self.dice.below(100) as u32);
        thread::scope(|scope| {
            for sender in &mut self.senders {
                scope.spawn(|| sender.send_until(port, &ended));
            }
            if let Some(after) = flush_after {
                scope.spawn(move || {
                    thread::sleep(after);
                    let flush = format!("http://127.0.0.1:{port}/api/v1/admin/tsdb/flush");
                    // It may end meanwhile: that is the point.
                    drop(agent().post(&flush).send_empty());
                });
            }
            thread::sleep(life);
            end(&server);
            ended.store(true, Ordering::Relaxed);
            server.wait();
        });
    }

    /// Reads everything and holds it against the senders' records.
    fn check(&self, folder: &Path) {
        let mut server = self.start(folder, "fsync");
        for record in self.senders.iter().map(Sender::record) {
            let found = read(&server, record.sender());
            let checked = record.check(&found);
            let log = server.log.lock().unwrap();
            checked.unwrap_or_else(|what| panic!("sender {}: {what}\n{log}", record.sender()));
        }
        server.signal("KILL");
        server.wait();
    }

    fn acknowledged(&self) -> usize {
        self.senders.iter().map(Sender::record).map(Record::acknowledged).sum()
    }
}

/// Series → time → bits of the value.
type Found = BTreeMap<u64, BTreeMap<i64, u64>>;

/// Everything of one sender.
fn read(server: &Server, sender: u64) -> Found {
    let query = format!("query?query=%7Bsender=%22{sender}%22%7D%5B1d%5D");
    let (status, reply) = server.api(&query);
    assert_eq!(status, 200, "{reply}");
    assert_eq!(reply.get("warnings"), None);
    let mut found = Found::new();
    for series in reply["data"]["result"].as_array().unwrap() {
        let number = series["metric"]["series"].as_str().unwrap().parse().unwrap();
        let samples = found.entry(number).or_default();
        for sample in series["values"].as_array().unwrap() {
            let time = (sample[0].as_f64().unwrap() * 1000.0).round() as i64;
            let value: f64 = sample[1].as_str().unwrap().parse().unwrap();
            assert_eq!(samples.insert(time, value.to_bits()), None, "twice: {number} at {time}");
        }
    }
    found
}
