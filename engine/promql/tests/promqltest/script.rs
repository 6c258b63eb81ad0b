//! The language of the scripts: commands, expectations, series.

use crate::histogram::{self, Described};
use nunatak_index::Labels;
use nunatak_promql::{parse_duration, parse_metric_selector};

/// A command and the line that it starts on.
#[derive(Debug)]
pub(crate) struct Command {
    pub(crate) line: usize,
    pub(crate) kind: CommandKind,
}

#[derive(Debug)]
pub(crate) enum CommandKind {
    Clear,
    Load {
        step_ms: i64,
        series: Vec<SeriesLine>,
        /// Whether classic histograms become native ones with custom buckets, too.
        with_nhcb: bool,
    },
    Eval(Box<Eval>),
    /// A command that can't be read; a case if it is an `eval`.
    Bad {
        is_eval: bool,
        why: String,
    },
}

/// A series and its values, one for each step.
#[derive(Debug, Clone)]
pub(crate) struct SeriesLine {
    pub(crate) labels: Labels,
    pub(crate) values: Vec<Item>,
}

/// A value in a series.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Item {
    None,
    Number(f64),
    Histogram(Box<Described>),
}

/// A query and what must come out.
#[derive(Debug)]
pub(crate) struct Eval {
    pub(crate) query: String,
    pub(crate) time: Time,
    pub(crate) expect: Vec<Expect>,
    pub(crate) ordered: bool,
    pub(crate) scalar: Option<f64>,
    pub(crate) string: Option<String>,
    /// Start and step of the matrix that an instant query returns.
    pub(crate) range_vector: Option<(i64, i64)>,
    pub(crate) series: Vec<SeriesLine>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Time {
    Instant(i64),
    Range { start: i64, end: i64, step: i64 },
}

/// An expectation about failure or remarks.
#[derive(Debug)]
pub(crate) struct Expect {
    pub(crate) kind: ExpectKind,
    pub(crate) text: Text,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ExpectKind {
    Fail,
    Warn,
    Info,
    NoWarn,
    NoInfo,
}

#[derive(Debug)]
pub(crate) enum Text {
    Any,
    Exactly(String),
    Matching(String),
}

/// Reads a script.
pub(crate) fn parse(text: &str) -> Vec<Command> {
    let lines: Vec<&str> = text
        .lines()
        .map(str::trim)
        .map(|line| if line.starts_with('#') { "" } else { line })
        .collect();
    let mut commands = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        if lines[at].is_empty() {
            at += 1;
            continue;
        }
        if lines[at].eq_ignore_ascii_case("clear") {
            commands.push(Command { line: at + 1, kind: CommandKind::Clear });
            at += 1;
            continue;
        }
        let end =
            lines[at..].iter().position(|line| line.is_empty()).map_or(lines.len(), |n| at + n);
        commands.push(Command { line: at + 1, kind: command(&lines[at..end]) });
        at = end;
    }
    commands
}

fn command(block: &[&str]) -> CommandKind {
    let head = block[0];
    let word = head.split_whitespace().next().unwrap_or("").to_lowercase();
    let result = match word.as_str() {
        "load" | "load_with_nhcb" => load(head, &block[1..]),
        word if word.starts_with("eval") => {
            eval(head, &block[1..]).map(|eval| CommandKind::Eval(Box::new(eval)))
        }
        other => Err(format!("unknown command {other}")),
    };
    result.unwrap_or_else(|why| CommandKind::Bad { is_eval: word.starts_with("eval"), why })
}

fn load(head: &str, lines: &[&str]) -> Result<CommandKind, String> {
    let step = head.split_whitespace().nth(1).ok_or("load without step")?;
    let series = lines.iter().filter(|line| !line.contains("@st ")).map(|line| series(line));
    let series = series.collect::<Result<_, _>>()?;
    let with_nhcb = head.to_lowercase().starts_with("load_with_nhcb");
    Ok(CommandKind::Load { step_ms: duration(step)?, series, with_nhcb })
}

fn eval(head: &str, lines: &[&str]) -> Result<Eval, String> {
    let (word, rest) = head.split_once(char::is_whitespace).ok_or("eval without query")?;
    let (mut time, mut query) = (Time::Instant(0), rest.trim_start());
    if let Some(rest) = query.strip_prefix("instant") {
        query = rest.trim_start();
        if let Some(rest) = query.strip_prefix("at ") {
            let (at, rest) = next_word(rest)?;
            (time, query) = (Time::Instant(duration(at)?), rest);
        }
    } else {
        let rest = query.strip_prefix("range").ok_or("eval without kind")?;
        let (start, rest) = next_word(after(rest, "from")?)?;
        let (end, rest) = next_word(after(rest, "to")?)?;
        let (step, rest) = next_word(after(rest, "step")?)?;
        time = Time::Range { start: duration(start)?, end: duration(end)?, step: duration(step)? };
        query = rest;
    }
    let mut eval = Eval {
        query: query.trim().to_owned(),
        time,
        expect: Vec::new(),
        ordered: word == "eval_ordered",
        scalar: None,
        string: None,
        range_vector: None,
        series: Vec::new(),
    };
    let kind = match word {
        "eval_fail" => Some(ExpectKind::Fail),
        "eval_warn" => Some(ExpectKind::Warn),
        "eval_info" => Some(ExpectKind::Info),
        _ => None,
    };
    eval.expect.extend(kind.map(|kind| Expect { kind, text: Text::Any }));
    for line in lines {
        expectation(&mut eval, line)?;
    }
    Ok(eval)
}

fn after<'a>(text: &'a str, word: &str) -> Result<&'a str, String> {
    text.trim_start().strip_prefix(word).ok_or_else(|| format!("no {word:?} in {text:?}"))
}

fn next_word(text: &str) -> Result<(&str, &str), String> {
    text.trim_start().split_once(char::is_whitespace).ok_or_else(|| format!("{text:?} ends early"))
}

fn expectation(eval: &mut Eval, line: &str) -> Result<(), String> {
    if let Some(rest) = line.strip_prefix("expected_fail_message") {
        eval.expect =
            vec![Expect { kind: ExpectKind::Fail, text: Text::Exactly(rest.trim().to_owned()) }];
    } else if let Some(rest) = line.strip_prefix("expected_fail_regexp") {
        eval.expect =
            vec![Expect { kind: ExpectKind::Fail, text: Text::Matching(rest.trim().to_owned()) }];
    } else if let Some(rest) = line.strip_prefix("expect ") {
        expect(eval, rest.trim())?;
    } else if let Ok(value) = number(line) {
        eval.scalar = Some(value);
    } else {
        eval.series.push(series(line)?);
    }
    Ok(())
}

fn expect(eval: &mut Eval, text: &str) -> Result<(), String> {
    if text == "ordered" {
        eval.ordered = true;
        return Ok(());
    }
    if let Some(rest) = text.strip_prefix("string ") {
        let quoted = rest.trim();
        eval.string = Some(unquote(quoted)?);
        return Ok(());
    }
    if let Some(rest) = text.strip_prefix("range vector from ") {
        let (start, rest) = next_word(rest)?;
        let (_, rest) = next_word(after(rest, "to")?)?;
        eval.range_vector = Some((duration(start)?, duration(after(rest, "step")?.trim())?));
        return Ok(());
    }
    let (kind, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let kind = match kind {
        "fail" => ExpectKind::Fail,
        "warn" => ExpectKind::Warn,
        "info" => ExpectKind::Info,
        "no_warn" => ExpectKind::NoWarn,
        "no_info" => ExpectKind::NoInfo,
        other => return Err(format!("unknown expectation {other:?}")),
    };
    let rest = rest.trim();
    let text = if let Some(text) = rest.strip_prefix("msg:") {
        Text::Exactly(text.trim().to_owned())
    } else if let Some(pattern) = rest.strip_prefix("regex:") {
        Text::Matching(pattern.trim().to_owned())
    } else {
        Text::Any
    };
    eval.expect.push(Expect { kind, text });
    Ok(())
}

fn unquote(text: &str) -> Result<String, String> {
    let expr = nunatak_promql::parse(text, &nunatak_promql::ParserOptions::default());
    match expr.map_err(|e| e.to_string())?.kind {
        nunatak_promql::ast::ExprKind::String(text) => Ok(text),
        _ => Err(format!("{text:?} is no string")),
    }
}

/// A duration with an optional sign, in ms.
pub(crate) fn duration(text: &str) -> Result<i64, String> {
    let (sign, text) = match text.strip_prefix('-') {
        Some(text) => (-1, text),
        None => (1, text),
    };
    if text == "0" {
        return Ok(0);
    }
    parse_duration(text).map(|ms| sign * ms).map_err(|error| format!("{text:?}: {error}"))
}

/// A number with an optional sign.
pub(crate) fn number(text: &str) -> Result<f64, String> {
    let (sign, digits) = match text.as_bytes().first() {
        Some(b'-') => (-1.0, &text[1..]),
        Some(b'+') => (1.0, &text[1..]),
        _ => (1.0, text),
    };
    let value = match digits.to_lowercase().as_str() {
        "inf" => f64::INFINITY,
        "nan" => f64::NAN,
        lower if lower.starts_with("0x") => {
            u64::from_str_radix(&lower[2..], 16).map_err(|error| error.to_string())? as f64
        }
        lower if lower.starts_with(|c: char| c.is_ascii_digit() || c == '.') => {
            lower.parse::<f64>().map_err(|error| format!("{text:?}: {error}"))?
        }
        _ => return Err(format!("{text:?} is no number")),
    };
    Ok(sign * value)
}

/// A series with its values.
fn series(line: &str) -> Result<SeriesLine, String> {
    let end = selector_end(line);
    let labels = labels(&line[..end])?;
    let mut values = Vec::new();
    for item in items(&line[end..]) {
        expand(&item, &mut values)?;
    }
    Ok(SeriesLine { labels, values })
}

/// Where the values begin: behind the braces, or behind the name if there are none.
fn selector_end(line: &str) -> usize {
    let (mut quote, mut depth) = (None, 0);
    let mut escaped = false;
    for (i, c) in line.char_indices() {
        match (quote, c) {
            _ if escaped => escaped = false,
            (Some(q), '\\') if q != '`' => escaped = true,
            (Some(q), c) if c == q => quote = None,
            (None, '"' | '\'' | '`') => quote = Some(c),
            (None, '{') => depth += 1,
            (None, '}') if depth == 1 => return i + 1,
            (None, c) if c.is_whitespace() && depth == 0 && !braces_follow(&line[i..]) => return i,
            _ => {}
        }
    }
    line.len()
}

/// A name may be apart from its braces.
fn braces_follow(rest: &str) -> bool {
    let rest = rest.trim_start();
    rest.starts_with('{') && !rest.starts_with("{{")
}

fn labels(text: &str) -> Result<Labels, String> {
    if text.trim() == "{}" {
        return Ok(Labels::empty());
    }
    let matchers =
        parse_metric_selector(text.trim()).map_err(|error| format!("{text}: {error}"))?;
    let pairs = matchers.iter().map(|matcher| (matcher.name(), matcher.value()));
    Labels::from_pairs(pairs).map_err(|error| error.to_string())
}

/// Cuts values at blanks outside of histograms.
fn items(text: &str) -> Vec<String> {
    let mut items = vec![String::new()];
    let mut depth = 0;
    for c in text.chars() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if c.is_whitespace() && depth == 0 {
            items.push(String::new());
        } else if let Some(last) = items.last_mut() {
            last.push(c);
        }
    }
    items.retain(|item| !item.is_empty());
    items
}

fn expand(item: &str, out: &mut Vec<Item>) -> Result<(), String> {
    let times = |text: &str| text.parse::<usize>().map_err(|error| format!("{item:?}: {error}"));
    if item.starts_with("{{") {
        let series = histogram::series(item)?;
        out.extend(series.into_iter().map(|described| Item::Histogram(Box::new(described))));
        return Ok(());
    }
    if let Some(rest) = item.strip_prefix('_') {
        let count = rest.strip_prefix('x').map(times).transpose()?.unwrap_or(1);
        out.extend(std::iter::repeat_n(Item::None, count));
        return Ok(());
    }
    let (value, count) = match item.rsplit_once('x') {
        Some((value, count)) => (value, Some(times(count)?)),
        None => (item, None),
    };
    if value == "stale" {
        let stale = f64::from_bits(0x7ff0_0000_0000_0002);
        out.extend(std::iter::repeat_n(Item::Number(stale), count.unwrap_or(0) + 1));
        return Ok(());
    }
    let (start, delta) = with_delta(value)?;
    let mut value = start;
    out.push(Item::Number(value));
    for _ in 0..count.unwrap_or(0) {
        value += delta;
        out.push(Item::Number(value));
    }
    Ok(())
}

/// `V`, `V+D` or `V-D`.
fn with_delta(text: &str) -> Result<(f64, f64), String> {
    if let Ok(value) = number(text) {
        return Ok((value, 0.0));
    }
    let signs = text.char_indices().skip(1).filter(|(_, c)| matches!(c, '+' | '-'));
    for (i, _) in signs {
        if let (Ok(value), Ok(delta)) = (number(&text[..i]), number(&text[i..])) {
            return Ok((value, delta));
        }
    }
    Err(format!("{text:?} is no value"))
}
