//! Who is measured, where, and in which order.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use indicatif::ProgressBar;

use super::plan::Plan;
use crate::cli::{Compare, Part, Peer};
use crate::client::Client;
use crate::measure::{Ingest, measure_ingest};
use crate::output::Steps;
use crate::prepared::{Packing, Prepared};
use crate::report::Machine;
use crate::target::{InfluxDb, Nunatak, Prometheus, Server, Target, VictoriaMetrics, pin};
use crate::{Error, Result};

/// Quiet time between a start and the first measurement.
const WARM_UP: Duration = Duration::from_secs(1);

/// Samples in a request, and one connection: what an agent sends by default.
const PACKING: Packing = Packing { samples_per_request: 2_000, connections: 1 };

/// The interval of all scrapes, ms.
pub(super) const INTERVAL_MS: i64 = 15_000;

/// Everything that the parts share.
#[derive(Debug)]
pub(super) struct Bench {
    pub(super) targets: Vec<Box<dyn Target>>,
    pub(super) machine: Machine,
    /// Processor of the servers, if there is one to spare for the generator.
    pub(super) cpu: Option<usize>,
    /// How many processors the servers have when queries are asked once more.
    pub(super) query_cores: Option<usize>,
    pub(super) plan: Plan,
    pub(super) client: Client,
    pub(super) seed: u64,
    pub(super) start: Option<i64>,
    pub(super) jitter_ms: i64,
    pub(super) capture: PathBuf,
    parts: Vec<Part>,
    work_dir: PathBuf,
    steps: Steps,
}

/// A folder of a target's data that goes away when dropped; what the target prints is beside it.
#[derive(Debug)]
pub(super) struct DataFolder(tempfile::TempDir);

impl DataFolder {
    pub(super) fn data(&self) -> PathBuf {
        self.0.path().join("data")
    }
}

impl Bench {
    pub(super) fn new(arguments: &Compare) -> Result<Self> {
        make_folder(&arguments.work_dir)?;
        let machine = Machine::this(&arguments.work_dir);
        let targets = targets(arguments)?;
        let mut plan = if arguments.quick { Plan::QUICK } else { Plan::FULL };
        plan.repeat = arguments.repeat.unwrap_or(plan.repeat).max(1);
        Ok(Self {
            targets,
            cpu: place(arguments.cpu, machine.processors)?,
            query_cores: arguments.query_cores,
            machine,
            plan,
            client: Client::default(),
            seed: arguments.seed,
            start: arguments.start,
            jitter_ms: arguments.jitter,
            capture: arguments.capture.clone(),
            parts: arguments.only.clone(),
            work_dir: arguments.work_dir.clone(),
            steps: Steps::new(),
        })
    }

    /// Whether a part is wanted.
    pub(super) fn does(&self, part: Part) -> bool {
        self.parts.is_empty() || self.parts.contains(&part)
    }

    /// Encodes a workload; the bar shows how far it is.
    pub(super) fn prepare(
        &self,
        what: &str,
        encode: impl FnOnce(Packing, &ProgressBar) -> Prepared,
    ) -> Prepared {
        encode(PACKING, &self.steps.bar(&format!("encoding: {what}"), 0))
    }

    /// Lets the targets take turns, repetition after repetition.
    pub(super) fn in_turns<R>(
        &self,
        what: &str,
        mut measure: impl FnMut(&dyn Target) -> Result<R>,
    ) -> Result<Vec<(String, R)>> {
        let mut runs = Vec::new();
        for repetition in 1..=self.plan.repeat {
            for target in &self.targets {
                let (name, of) = (target.name(), self.plan.repeat);
                self.say(&format!("{what}: {name}, {repetition} of {of}"));
                let run = measure(target.as_ref())?;
                runs.push((name, run));
            }
        }
        Ok(runs)
    }

    /// The targets that are asked and meet the spike: nunatak with one durability, and the peers.
    pub(super) fn distinct(&self) -> impl Iterator<Item = &dyn Target> {
        let first = self.targets.iter().position(|target| target.is_ours());
        self.targets
            .iter()
            .enumerate()
            .filter(move |(index, target)| !target.is_ours() || Some(*index) == first)
            .map(|(_, target)| target.as_ref())
    }

    /// Says what happens now.
    pub(super) fn say(&self, what: &str) {
        self.steps.begin(what);
    }

    /// Starts a target on an empty folder of its own.
    pub(super) fn start_empty(&self, target: &dyn Target) -> Result<(Server, DataFolder)> {
        let folder = tempfile::tempdir_in(&self.work_dir);
        let folder = DataFolder(folder.map_err(Error::io("a data folder"))?);
        make_folder(&folder.data())?;
        let server = self.start(target, &folder)?;
        target.set_up(&self.client, server.base())?;
        std::thread::sleep(WARM_UP);
        Ok((server, folder))
    }

    /// Starts a target on the data that it left.
    pub(super) fn start(&self, target: &dyn Target, folder: &DataFolder) -> Result<Server> {
        self.start_on(target, folder, 1)
    }

    /// The same with so many processors, from that of the servers on.
    pub(super) fn start_on(
        &self,
        target: &dyn Target,
        folder: &DataFolder,
        cores: usize,
    ) -> Result<Server> {
        let all = self.machine.processors;
        let next = |first: usize| (first..first + cores.min(all)).map(|cpu| cpu % all);
        let cpus: Vec<usize> = self.cpu.into_iter().flat_map(next).collect();
        Server::start(target, &folder.data(), &cpus)
    }

    /// Writes a workload and watches the server meanwhile.
    pub(super) fn load(
        &self,
        target: &dyn Target,
        server: &Server,
        work: &Prepared,
    ) -> Result<Ingest> {
        let progress = self.steps.bar("writing", work.extent.samples);
        let url = format!("{}{}", server.base(), target.write_path());
        let settle = self.plan.settle;
        let ingest = measure_ingest(&url, &work.streams, server.process(), settle, &progress);
        progress.finish_and_clear();
        ingest
    }
}

/// Pins the generator away from the servers; `None` if there is one processor only.
fn place(cpu: usize, processors: usize) -> Result<Option<usize>> {
    if processors < 2 {
        return Ok(None);
    }
    pin(&[(cpu + 1) % processors])?;
    Ok(Some(cpu))
}

fn targets(arguments: &Compare) -> Result<Vec<Box<dyn Target>>> {
    let program = arguments.server.clone().map_or_else(build_server, Ok)?;
    let mut targets: Vec<Box<dyn Target>> = Vec::new();
    for durability in &arguments.durability {
        let (program, durability) = (program.clone(), durability.clone());
        targets.push(Box::new(Nunatak { program, durability }));
    }
    let peers = if arguments.no_peers { &[][..] } else { &arguments.peers };
    for peer in peers {
        targets.push(match peer {
            Peer::Prometheus => Box::new(Prometheus::new()?),
            Peer::VictoriaMetrics => Box::new(VictoriaMetrics::new()?),
            Peer::InfluxDb => Box::new(InfluxDb::new()?),
        });
    }
    Ok(targets)
}

/// Builds the server of these sources, so that what is measured is what is here.
fn build_server() -> Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let arguments = ["build", "--release", "--locked", "-p", "nunatak-server"];
    let status = Command::new(cargo).args(arguments).status().map_err(Error::io("cargo"))?;
    if !status.success() {
        return Err(Error::Target(format!("cargo {} failed", arguments.join(" "))));
    }
    let folder = std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
    Ok(Path::new(&folder).join("release").join("nunatak"))
}

fn make_folder(path: &Path) -> Result<()> {
    std::fs::create_dir_all(path).map_err(Error::io(path.display().to_string()))
}
