//! What answers cost, and whether they are right.

use std::time::Duration;

use super::bench::{Bench, DataFolder};
use super::cold;
use super::ingest::Data;
use crate::measure::{Asked, Asker, Durations, ask_in_turns};
use crate::question::{Answers, Question, deep, wide};
use crate::report::model::{Better, Cell, Figure, Section, Table, Unit};
use crate::target::{Server, Target};
use crate::{Error, Result};

/// Quiet time after the servers have started.
const QUIET: Duration = Duration::from_secs(3);

/// Whose answers the others are compared with.
const REFERENCE: &str = "Prometheus";

/// A question and what each target made of it.
struct Asking {
    question: Question,
    replies: Vec<Reply>,
}

struct Reply {
    target: String,
    /// What stands beside its figures; nothing if the answer is as it should be.
    mark: Option<&'static str>,
    latencies: Durations,
    cpu_ms: f64,
}

/// Asks all targets about the data of both workloads.
pub(super) fn run(bench: &Bench, shallow: &Data, long: &Data) -> Result<Section> {
    let (mut notes, mut cold) = (Vec::new(), Vec::new());
    let of_shallow = wide(&shallow.work.extent);
    cold.extend(cold::ask(bench, shallow, &of_shallow)?);
    let mut askings = ask_all(bench, shallow, of_shallow, 1, &mut notes)?;
    let of_long = deep(&long.work.extent);
    cold.extend(cold::ask(bench, long, &of_long)?);
    askings.extend(ask_all(bench, long, of_long, 1, &mut notes)?);
    let mut tables = tables(bench, &askings);
    if let Some(cores) = bench.query_cores {
        // What is to be said about the answers has been said.
        let mut said = Vec::new();
        let of_both = [(shallow, wide(&shallow.work.extent)), (long, deep(&long.work.extent))];
        let mut askings = Vec::new();
        for (data, questions) in of_both {
            askings.extend(ask_all(bench, data, questions, cores, &mut said)?);
        }
        tables.extend(on_cores(bench, cores, &askings));
    }
    tables.push(cold::table(&cold));
    Ok(Section {
        id: "queries".to_owned(),
        title: "Queries".to_owned(),
        method: method(bench, &askings),
        tables,
        curves: Vec::new(),
        notes,
    })
}

/// Asks servers that have so many processors.
fn ask_all(
    bench: &Bench,
    data: &Data,
    questions: Vec<Question>,
    cores: usize,
    notes: &mut Vec<String>,
) -> Result<Vec<Asking>> {
    let servers = start_all(bench, &data.folders, cores)?;
    std::thread::sleep(QUIET);
    questions
        .into_iter()
        .map(|question| {
            bench.say(&format!("queries on {cores}: {}", question.id));
            let replies = ask(bench, &servers, &question, notes)?;
            Ok(Asking { question, replies })
        })
        .collect()
}

type Running<'a> = Vec<(&'a dyn Target, Server)>;

fn start_all<'a>(
    bench: &'a Bench,
    folders: &[(String, DataFolder)],
    cores: usize,
) -> Result<Running<'a>> {
    bench
        .distinct()
        .filter_map(|target| {
            let (_, folder) = folders.iter().find(|(name, _)| *name == target.name())?;
            Some(bench.start_on(target, folder, cores).map(|server| (target, server)))
        })
        .collect()
}

fn ask(
    bench: &Bench,
    servers: &Running<'_>,
    question: &Question,
    notes: &mut Vec<String>,
) -> Result<Vec<Reply>> {
    let asked: Vec<_> = servers
        .iter()
        .filter_map(|(target, server)| {
            let url = format!("{}{}", server.base(), target.ask_path(question)?);
            Some((*target, Asker::new(url, server.process())))
        })
        .collect();
    let (targets, askers): (Vec<_>, Vec<_>) = asked.into_iter().unzip();
    let asked = ask_in_turns(&bench.client, askers, bench.plan.asked, bench.plan.longest)?;
    let right = targets
        .iter()
        .zip(&asked)
        .find(|(target, _)| target.name() == REFERENCE)
        .map(|(_, asked)| reference(question, asked))
        .transpose()?;
    Ok(targets
        .iter()
        .zip(asked)
        .map(|(target, asked)| {
            let mark = judge(*target, &asked, right.as_ref(), question, notes);
            let cpu_ms = asked.cpu_ms();
            Reply { target: target.name(), mark, latencies: asked.latencies, cpu_ms }
        })
        .collect())
}

/// The reference's answer, which must be one: a question that finds nothing measures nothing.
fn reference(question: &Question, asked: &Asked) -> Result<Answers> {
    let text = asked.first.as_ref().map_or("", |answer| answer.text.as_str());
    let answers = Answers::parse(text)?;
    if answers.is_empty() {
        return Err(Error::Target(format!("{}: {REFERENCE} finds nothing", question.words())));
    }
    Ok(answers)
}

fn judge(
    target: &dyn Target,
    asked: &Asked,
    right: Option<&Answers>,
    question: &Question,
    notes: &mut Vec<String>,
) -> Option<&'static str> {
    let answer = asked.first.as_ref()?;
    if !answer.is_ok() {
        notes.push(format!("{} does not answer {}: {answer}", target.name(), question.id));
        return Some("error");
    }
    if !target.answers_promql() {
        return None;
    }
    let is_right = |answers: &Answers, right: &Answers| {
        answers.agrees_with(right) || (question.is_ranking() && answers.agrees_as_ranking(right))
    };
    let agrees = Answers::parse(&answer.text)
        .is_ok_and(|answers| right.is_none_or(|right| is_right(&answers, right)));
    if agrees { None } else { Some("≠") }
}

fn tables(bench: &Bench, askings: &[Asking]) -> Vec<Table> {
    let mut summary = summary(bench, askings);
    summary.figures.push(Figure {
        id: "agreeing".to_owned(),
        words: "answers that agree with Prometheus'".to_owned(),
        unit: Unit::Count,
        better: Better::Higher,
        headline: false,
        cells: agreeing(bench, askings),
    });
    vec![
        summary,
        Table { plotted: true, ..each("CPU of one answer", "cpu", askings, cpu) },
        each("Latency p50", "p50", askings, p50),
        each("Latency p95", "p95", askings, |reply| reply.latencies.quantile_ms(0.95)),
    ]
}

/// What the same answers cost on more processors.
fn on_cores(bench: &Bench, cores: usize, askings: &[Asking]) -> Vec<Table> {
    let mut summary = summary(bench, askings);
    for figure in &mut summary.figures {
        figure.id = format!("{}_on_{cores}", figure.id);
        figure.headline = false;
    }
    let mut tables = vec![
        summary,
        each("CPU of one answer", &format!("cpu_on_{cores}"), askings, cpu),
        each("Latency p50", &format!("p50_on_{cores}"), askings, p50),
    ];
    for table in &mut tables {
        table.title = format!("On {cores} cores: {}", table.title);
    }
    tables
}

fn cpu(reply: &Reply) -> f64 {
    reply.cpu_ms
}

fn p50(reply: &Reply) -> f64 {
    reply.latencies.quantile_ms(0.5)
}

fn summary(bench: &Bench, askings: &[Asking]) -> Table {
    let mean = |id: &str, words: &str, value| Figure {
        id: id.to_owned(),
        words: words.to_owned(),
        unit: Unit::Milliseconds,
        better: Better::Lower,
        headline: true,
        cells: means(bench, askings, value),
    };
    let figures = vec![
        mean("cpu_mean", "CPU, geometric mean", cpu),
        mean("p50_mean", "p50, geometric mean", p50),
    ];
    Table { title: "All together".to_owned(), figures, plotted: false }
}

fn each(title: &str, id: &str, askings: &[Asking], value: fn(&Reply) -> f64) -> Table {
    let figures = askings.iter().map(|asking| Figure {
        id: format!("{id}_{}", asking.question.id),
        words: asking.question.id.to_owned(),
        unit: Unit::Milliseconds,
        better: Better::Lower,
        headline: false,
        cells: asking.replies.iter().map(|reply| cell(reply, value)).collect(),
    });
    Table { title: title.to_owned(), figures: figures.collect(), plotted: false }
}

fn cell(reply: &Reply, value: fn(&Reply) -> f64) -> Cell {
    let mark = reply.mark.map(str::to_owned);
    Cell { target: reply.target.clone(), values: vec![value(reply)], mark }
}

/// Geometric means over all questions, for the targets that were asked all of them.
fn means(bench: &Bench, askings: &[Asking], value: fn(&Reply) -> f64) -> Vec<Cell> {
    bench
        .distinct()
        .filter_map(|target| {
            let values: Vec<f64> =
                askings.iter().filter_map(|asking| asking.reply(target)).map(value).collect();
            let logs: f64 = values.iter().map(|value| value.ln()).sum();
            let mean = (logs / values.len() as f64).exp();
            (values.len() == askings.len()).then(|| Cell {
                target: target.name(),
                values: vec![mean],
                mark: None,
            })
        })
        .collect()
}

fn agreeing(bench: &Bench, askings: &[Asking]) -> Vec<Cell> {
    bench
        .distinct()
        .filter(|target| target.answers_promql())
        .map(|target| {
            let replies = askings.iter().filter_map(|asking| asking.reply(target));
            let agreeing = replies.filter(|reply| reply.mark.is_none()).count();
            let mark = Some(format!("of {}", askings.len()));
            Cell { target: target.name(), values: vec![agreeing as f64], mark }
        })
        .collect()
}

impl Asking {
    fn reply(&self, target: &dyn Target) -> Option<&Reply> {
        self.replies.iter().find(|reply| reply.target == target.name())
    }
}

fn once_more(cores: usize) -> String {
    format!(
        " Then everybody is started with {cores} processors, which the generator shares where there \
         are no others, and asked once more."
    )
}

fn method(bench: &Bench, askings: &[Asking]) -> String {
    let list: Vec<String> = askings
        .iter()
        .map(|asking| {
            let words = asking.question.words().replace('|', "\\|");
            format!("| {} | {words} |", asking.question.id)
        })
        .collect();
    format!(
        "All servers run at the same time with the same flushed data, pinned to the same processor, \
         and are asked in turns: each question {} times, fewer when one target's answers take \
         longer than {} s in all, after one that is not timed. Latency is from the request to the \
         answer's last byte. Some questions are asked cold besides, three times: the server was \
         stopped, its files were dropped from the page cache, it was started, and this is the first \
         request. Result caches are off. An answer counts as right when it has the \
         same series and times as {REFERENCE}' and values within 1e-5 of it; of series that are \
         equal at the edge of a `topk` it may have any, since {REFERENCE} keeps others itself once \
         its head has become a block. `≠` marks one that has not. InfluxDB has no PromQL: it is \
         asked in InfluxQL where that has words for nearly the same.{}\n\n\
         | question | |\n|---|---|\n{}",
        bench.plan.asked,
        bench.plan.longest.as_secs(),
        bench.query_cores.map(once_more).unwrap_or_default(),
        list.join("\n")
    )
}
