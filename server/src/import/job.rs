//! Puts inputs, sink and progress together.

use std::hash::Hasher as _;
use std::io::{self, Write as _};
use std::time::{SystemTime, UNIX_EPOCH};

use nunatak::{Db, ImportOptions, ImportReport, Importer, Labels, Refusal, RefusalReason, Tenant};
use xxhash_rust::xxh3::Xxh3;

use super::args::{Format, ImportArgs};
use super::influx::{Context, Naming};
use super::input::{Input, InputKind, collect};
use super::lines::Lines;
use super::openmetrics::Dialect;
use super::progress::Progress;
use super::prometheus::Skipped;
use super::sink::{Counter, Mark, Sink};
use super::summary::{Notes, Summary};
use super::{ImportError, blocks, detect, influx, text};
use crate::cli::ServeArgs;
use crate::config::{LogFormat, Settings};
use crate::logging::LogControl;

/// Imports what the arguments name, and prints a summary to standard output. `true` if everything was
/// taken; `false` if lines or samples were refused.
///
/// # Errors
/// One line that says what went wrong and what to do. What was committed before stays; the same
/// command continues behind it.
pub fn import(args: &ImportArgs) -> Result<bool, ImportError> {
    // Only what an operator must know; the progress has the rest. A second start is a test's.
    let _ = LogControl::start(LogFormat::Text, "warn");
    let inputs = collect(&args.paths, args.format == Format::Prometheus)?;
    let formats = formats(args, &inputs)?;
    let total =
        if inputs.iter().any(Input::is_stdin) { 0 } else { inputs.iter().map(Input::size).sum() };
    let mut notes = Notes::default();
    let (report, elapsed) = if args.dry_run {
        dry_run(args, &inputs, &formats, total, &mut notes)?
    } else {
        let settings = settings(args)?;
        let db = open(&settings)?;
        let outcome = into_database(args, &db, &inputs, &formats, total, &mut notes);
        let closed = db.close();
        let Some(done) = outcome? else {
            closed?;
            say("imported before, nothing to do; --again imports it once more\n");
            return Ok(true);
        };
        closed?;
        done
    };
    say(&Summary { report: &report, notes: &notes, elapsed, dry_run: args.dry_run }.text());
    Ok(report.refused.is_empty() && notes.bad_lines == 0)
}

fn say(text: &str) {
    // A reader that went away is no failure of the import.
    drop(io::stdout().write_all(text.as_bytes()));
}

fn settings(args: &ImportArgs) -> Result<Settings, ImportError> {
    let serve = ServeArgs {
        data_dir: args.data_dir.clone(),
        config: args.config.clone(),
        memory_budget: args.memory_budget.clone(),
        ..ServeArgs::default()
    };
    Settings::resolve(&serve).map_err(|error| ImportError::Arguments(error.to_string()))
}

/// Opens the database without upkeep: tiers, deletes and blocks that are due are the server's, whose
/// settings an import does not have.
fn open(settings: &Settings) -> Result<Db, ImportError> {
    Db::open(settings.options().threads(0)).map_err(|error| match error {
        nunatak::Error::InUse { path } => {
            let what = "a server has it open; stop the server, import, and start it again";
            ImportError::Arguments(format!("{}: {what}", path.display()))
        }
        other => other.into(),
    })
}

/// The format of each input; every text is looked at before anything is imported.
fn formats(args: &ImportArgs, inputs: &[Input]) -> Result<Vec<Format>, ImportError> {
    let format_of = |input: &Input| match (&input.kind, args.format) {
        (InputKind::Block(_), Format::Auto | Format::Prometheus) => Ok(Format::Prometheus),
        (InputKind::Block(_), _) => Err("is a block of Prometheus: --format prometheus"),
        (InputKind::Text, Format::Prometheus) => Err("is no folder with blocks of Prometheus"),
        (InputKind::Text, Format::Auto) if input.is_stdin() => {
            Err("say with --format what standard input is")
        }
        (InputKind::Text, Format::Auto) => {
            let front = input.peek(detect::FRONT).map_err(|_| "can't be read")?;
            detect::detect(&input.path, &front).ok_or("what is it? say it with --format")
        }
        (InputKind::Text, format) => Ok(format),
    };
    let named = |input: &Input| {
        format_of(input).map_err(|what| ImportError::Arguments(format!("{}: {what}", input.name())))
    };
    inputs.iter().map(named).collect()
}

type Done = (ImportReport, std::time::Duration);

fn dry_run(
    args: &ImportArgs,
    inputs: &[Input],
    formats: &[Format],
    total: u64,
    notes: &mut Notes,
) -> Result<Done, ImportError> {
    let mut sink = Counter::default();
    let progress = Progress::start(total);
    read_all(args, inputs, formats, &mut sink, &progress, notes, &Mark::default())?;
    progress.end();
    let mut report = ImportReport::default();
    (report.samples, report.series) = (sink.samples, sink.series());
    let refused = sink.refused.into_iter();
    report.refused = refused.map(|(reason, n, example)| Refusal::new(reason, n, example)).collect();
    Ok((report, progress.elapsed()))
}

/// `None` if this import has been done before.
fn into_database(
    args: &ImportArgs,
    db: &Db,
    inputs: &[Input],
    formats: &[Format],
    total: u64,
    notes: &mut Notes,
) -> Result<Option<Done>, ImportError> {
    let tenant: Tenant = db.tenant(args.tenant.as_deref().unwrap_or("default"))?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut options = ImportOptions::new(id(args, inputs)).threads(cores);
    if let Some(samples) = args.part_samples {
        options = options.part_samples(samples);
    }
    let mut importer: Importer = tenant.importer(options)?;
    if importer.is_done() {
        return Ok(None);
    }
    let from = match importer.mark() {
        [] => Mark::default(),
        mark => serde_json::from_slice(mark).map_err(|_| {
            ImportError::Arguments("another build began this import; use --again".into())
        })?,
    };
    let progress = Progress::start(total);
    read_all(args, inputs, formats, &mut importer, &progress, notes, &from)?;
    progress.say("writing blocks");
    let report = importer.finish()?;
    progress.end();
    Ok(Some((report, progress.elapsed())))
}

/// The import's id: a hash of the inputs and of all that decides what becomes of them.
fn id(args: &ImportArgs, inputs: &[Input]) -> String {
    let mut hasher = Xxh3::new();
    let mut add = |text: &str| {
        hasher.update(text.as_bytes());
        hasher.update(&[0xFF]);
    };
    for input in inputs {
        add(&input.identity());
    }
    let options =
        (args.format, args.precision, &args.separator, &args.database_label, args.skip_invalid);
    add(&format!("{options:?}"));
    if args.again || inputs.iter().any(Input::is_stdin) {
        // Never the same twice: standard input can't be continued.
        add(&format!("{:?} {}", SystemTime::now().duration_since(UNIX_EPOCH), std::process::id()));
    }
    format!("{:016x}", hasher.finish())
}

fn read_all<S: Sink>(
    args: &ImportArgs,
    inputs: &[Input],
    formats: &[Format],
    sink: &mut S,
    progress: &Progress,
    notes: &mut Notes,
    from: &Mark,
) -> Result<(), ImportError> {
    let naming = Naming {
        precision: args.precision,
        separator: args.separator.clone(),
        database_label: args.database_label.clone(),
    };
    for (number, (input, format)) in inputs.iter().zip(formats).enumerate() {
        if number < from.input {
            progress.advance(input.size());
            continue;
        }
        let begin = || Mark { input: number, ..Mark::default() };
        let from = if number == from.input { from.clone() } else { begin() };
        let skip_invalid = args.skip_invalid;
        let mut reader = Reader { sink, input, number, progress, notes, skip_invalid };
        match (&input.kind, format) {
            (InputKind::Block(block), _) => blocks::read(&mut reader, block, from.offset)?,
            (InputKind::Text, Format::Influx) => {
                let mut lines = open_lines(input, progress, &from)?;
                influx::read(&mut reader, &mut lines, &naming, from.context)?;
            }
            (InputKind::Text, format) => {
                let dialect = match format {
                    Format::PrometheusText => Dialect::Prometheus,
                    _ => Dialect::OpenMetrics,
                };
                text::read(&mut reader, &mut open_lines(input, progress, &from)?, dialect)?;
            }
        }
    }
    Ok(())
}

fn open_lines(
    input: &Input,
    progress: &Progress,
    from: &Mark,
) -> Result<Lines<Box<dyn io::BufRead>>, ImportError> {
    let open = || {
        let mut lines = Lines::new(input.open(progress)?);
        lines.skip_to(from.offset, from.line)?;
        Ok(lines)
    };
    open().map_err(|e: io::Error| ImportError::Input { place: input.name(), what: e.to_string() })
}

/// What those who read an input need: where samples go, and how to complain.
pub(super) struct Reader<'a, S> {
    pub(super) sink: &'a mut S,
    input: &'a Input,
    number: usize,
    progress: &'a Progress,
    notes: &'a mut Notes,
    skip_invalid: bool,
}

impl<S: Sink> Reader<'_, S> {
    /// Hands a sample on.
    pub(super) fn push(&mut self, series: S::Series, t: i64, v: f64) -> Result<(), ImportError> {
        self.progress.samples(1);
        Ok(self.sink.push(series, &[t], &[v])?)
    }

    /// Hands all samples of a series of a block on.
    pub(super) fn push_series(
        &mut self,
        labels: &Labels,
        times: &[i64],
        values: &[f64],
    ) -> Result<(), ImportError> {
        let count = times.len() as u64;
        if count > 0 {
            let series = self.sink.series(labels);
            self.sink.push(series, times, values)?;
            self.progress.samples(count);
            self.progress.advance(count);
        }
        Ok(())
    }

    /// Makes everything durable if it is time; the input was read up to `offset` and `line`.
    pub(super) fn commit_if_full(&mut self, offset: u64, line: u64) -> Result<(), ImportError> {
        self.commit_in_context(offset, line, &Context::default())
    }

    /// As [`commit_if_full`](Self::commit_if_full), where earlier lines count for those that follow.
    pub(super) fn commit_in_context(
        &mut self,
        offset: u64,
        line: u64,
        context: &Context,
    ) -> Result<(), ImportError> {
        if self.sink.is_full() {
            self.progress.say("writing blocks");
            let context = context.clone();
            self.sink.commit(Mark { input: self.number, offset, line, context })?;
        }
        Ok(())
    }

    /// A line in words.
    pub(super) fn place(&self, line: u64) -> String {
        format!("{}:{line}", self.input.name())
    }

    /// Says that a line can't be read: the end, or one more that is skipped.
    pub(super) fn bad_line(
        &mut self,
        line: u64,
        column: usize,
        what: &str,
    ) -> Result<(), ImportError> {
        let place = format!("{}:{column}", self.place(line));
        if !self.skip_invalid {
            let what = format!("{what} (--skip-invalid counts such lines and goes on)");
            return Err(ImportError::Input { place, what });
        }
        self.notes.bad_lines += 1;
        self.notes.first_bad_line.get_or_insert_with(|| format!("{place}: {what}"));
        Ok(())
    }

    /// The line as text.
    pub(super) fn utf8<'t>(
        &mut self,
        line: &'t [u8],
        number: u64,
    ) -> Result<Option<&'t str>, ImportError> {
        match std::str::from_utf8(line) {
            Ok(text) => Ok(Some(text)),
            Err(error) => {
                self.bad_line(number, error.valid_up_to() + 1, "not UTF-8").map(|()| None)
            }
        }
    }

    pub(super) fn io(&self, error: &io::Error) -> ImportError {
        ImportError::Input { place: self.input.name(), what: error.to_string() }
    }

    pub(super) fn note_text(&mut self) {
        self.notes.texts += 1;
    }

    pub(super) fn note_exemplar(&mut self) {
        self.notes.exemplars += 1;
    }

    /// Counts what a block has and does not give.
    pub(super) fn note_skipped(&mut self, block: &str, skipped: Skipped) {
        self.notes.histograms += skipped.unsupported;
        self.notes.deleted += skipped.deleted;
        if skipped.unsupported > 0 {
            let example = format!("native histograms in the block {block}");
            self.sink.refuse(RefusalReason::Unsupported, skipped.unsupported, example);
        }
    }
}
