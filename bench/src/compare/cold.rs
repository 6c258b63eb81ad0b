//! What answers cost whoever asks first: nothing is in memory, of the process or of the system.

use super::bench::Bench;
use super::ingest::Data;
use crate::measure::drop_from_cache;
use crate::question::Question;
use crate::report::model::{Better, Cell, Figure, Table, Unit};
use crate::target::Target;
use crate::{Error, Result};

/// The questions that are asked: each takes a start of every target.
const ASKED: [&str; 8] = [
    "one_series",
    "cpu_by_mode",
    "latency_by_handler",
    "join",
    "names",
    "one_series_day",
    "cpu_by_mode_day",
    "count_day",
];

/// How often each is asked.
const TIMES: usize = 3;

/// A question, and for each target how long its first answer took after each start, ms.
#[derive(Debug)]
pub(super) struct Cold {
    id: &'static str,
    latencies: Vec<(String, Vec<f64>)>,
}

/// Asks those of the questions that are asked cold; no target may run.
pub(super) fn ask(bench: &Bench, data: &Data, questions: &[Question]) -> Result<Vec<Cold>> {
    let asked = questions.iter().filter(|question| ASKED.contains(&question.id));
    asked.map(|question| ask_one(bench, data, question)).collect()
}

fn ask_one(bench: &Bench, data: &Data, question: &Question) -> Result<Cold> {
    bench.say(&format!("queries, cold: {}", question.id));
    let mut latencies: Vec<(String, Vec<f64>)> = Vec::new();
    for _ in 0..TIMES {
        for target in bench.distinct().filter(|target| target.answers_promql()) {
            let Some(ms) = first_answer(bench, target, data, question)? else { continue };
            match latencies.iter_mut().find(|(name, _)| *name == target.name()) {
                Some((_, all)) => all.push(ms),
                None => latencies.push((target.name(), vec![ms])),
            }
        }
    }
    Ok(Cold { id: question.id, latencies })
}

/// How long the first answer takes after a start, ms.
fn first_answer(
    bench: &Bench,
    target: &dyn Target,
    data: &Data,
    question: &Question,
) -> Result<Option<f64>> {
    let folder = data.folders.iter().find(|(name, _)| *name == target.name());
    let (Some((_, folder)), Some(path)) = (folder, target.ask_path(question)) else {
        return Ok(None);
    };
    drop_from_cache(&folder.data())?;
    let server = bench.start(target, folder)?;
    let begun = std::time::Instant::now();
    let answer = bench.client.get(&format!("{}{path}", server.base()))?;
    let took = begun.elapsed();
    server.stop()?;
    if !answer.is_ok() {
        return Err(Error::Target(format!("{}, {}: {answer}", target.name(), question.id)));
    }
    Ok(Some(took.as_secs_f64() * 1e3))
}

/// The figures, and their geometric mean above them.
pub(super) fn table(asked: &[Cold]) -> Table {
    let figure = |id: String, words: &str, headline, cells| Figure {
        id,
        words: words.to_owned(),
        unit: Unit::Milliseconds,
        better: Better::Lower,
        headline,
        cells,
    };
    let mut figures =
        vec![figure("cold_mean".to_owned(), "cold, geometric mean", true, means(asked))];
    figures.extend(asked.iter().map(|cold| {
        let cell = |(target, values): &(String, Vec<f64>)| Cell {
            target: target.clone(),
            values: values.clone(),
            mark: None,
        };
        let cells = cold.latencies.iter().map(cell).collect();
        figure(format!("cold_{}", cold.id), cold.id, false, cells)
    }));
    let title = "Cold: the first answer after a start, nothing in the page cache".to_owned();
    Table { title, figures, plotted: false }
}

fn means(asked: &[Cold]) -> Vec<Cell> {
    let Some(first) = asked.first() else { return Vec::new() };
    let mean = |target: &String| {
        let of = |cold: &Cold| {
            cold.latencies.iter().find(|(name, _)| name == target).map(|(_, all)| median(all))
        };
        let medians: Vec<f64> = asked.iter().filter_map(of).collect();
        let logs: f64 = medians.iter().map(|ms| ms.ln()).sum();
        let value = (logs / medians.len() as f64).exp();
        let cell = || Cell { target: target.clone(), values: vec![value], mark: None };
        (medians.len() == asked.len()).then(cell)
    };
    first.latencies.iter().filter_map(|(target, _)| mean(target)).collect()
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mean_is_that_of_the_medians() {
        let cold = |id, values: &[f64]| Cold { id, latencies: vec![("a".into(), values.to_vec())] };
        let all = [cold("x", &[1.0, 9.0, 2.0]), cold("y", &[8.0, 8.0, 8.0])];
        let table = table(&all);
        assert!((table.figures[0].cells[0].values[0] - 4.0).abs() < 1e-9);
        assert_eq!(table.figures[2].cells[0].values, [8.0, 8.0, 8.0]);
    }
}
