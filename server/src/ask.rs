//! `nunatak query`: asks a running server, prints a table or JSON.

use std::fmt::Write as _;
use std::io::Write as _;
use std::time::Duration;

use comfy_table::{Table, presets};
use serde_json::Value;

use crate::cli::{Output, QueryArgs};
use crate::http::{parse_step, parse_time};

/// Asks, and prints the answer to standard output.
///
/// # Errors
/// One line that says what went wrong.
pub fn ask(args: &QueryArgs) -> Result<(), AskError> {
    let (path, form) = request(args)?;
    let url = format!("{}/api/v1/{path}", args.url.trim_end_matches('/'));
    let reply = post(&url, &form)?;
    let text = match args.output {
        Output::Json => reply,
        Output::Table if args.explain => explained(&reply)?,
        Output::Table => table(&reply)?,
    };
    let mut out = std::io::stdout();
    // A reader that went away is no failure of the query.
    drop(out.write_all(text.as_bytes()).and_then(|()| out.write_all(b"\n")));
    Ok(())
}

/// Why there is no answer, in one line.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AskError {
    /// An argument can't be.
    #[error("{0}")]
    Arguments(String),
    /// The server refuses or does not answer.
    #[error("{0}")]
    Server(String),
}

/// Parameters of a request.
pub(crate) type Form = Vec<(&'static str, String)>;

fn request(args: &QueryArgs) -> Result<(&'static str, Form), AskError> {
    let time = |text: &Option<String>| -> Result<Option<i64>, AskError> {
        text.as_deref().map(parse_time).transpose().map_err(AskError::Arguments)
    };
    let mut form = vec![("query", args.expr.clone())];
    if args.explain {
        form.push(("stats", "all".to_owned()));
    }
    if args.start.is_none() && args.end.is_none() && args.step.is_none() {
        if let Some(ms) = time(&args.time)? {
            form.push(("time", seconds(ms)));
        }
        return Ok(("query", form));
    }
    let end = time(&args.end)?.unwrap_or_else(|| jiff::Timestamp::now().as_millisecond());
    let start = time(&args.start)?.unwrap_or_else(|| end.saturating_sub(3_600_000));
    let step = parse_step(args.step.as_deref().unwrap_or("1m")).map_err(AskError::Arguments)?;
    form.extend([("start", seconds(start)), ("end", seconds(end)), ("step", seconds(step))]);
    Ok(("query_range", form))
}

fn seconds(ms: i64) -> String {
    let mut out = Vec::new();
    crate::json::timestamp(&mut out, ms);
    String::from_utf8(out).unwrap_or_default()
}

/// Sends a form and returns the text of a success.
pub(crate) fn post(url: &str, form: &Form) -> Result<String, AskError> {
    let unreachable = |error: ureq::Error| AskError::Server(format!("{url}: {error}"));
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(Duration::from_secs(150)))
        .build()
        .into();
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let mut response = agent
        .post(url)
        .header("content-type", "application/x-www-form-urlencoded")
        .send(&body)
        .map_err(unreachable)?;
    let text =
        response.body_mut().with_config().limit(1 << 30).read_to_string().map_err(unreachable)?;
    if response.status().is_success() {
        return Ok(text);
    }
    let reply: Value = serde_json::from_str(&text).unwrap_or_default();
    let what = reply["error"].as_str().unwrap_or_else(|| text.trim());
    Err(AskError::Server(format!("{} ({})", what, response.status())))
}

fn parsed(reply: &str) -> Result<Value, AskError> {
    serde_json::from_str(reply)
        .map_err(|error| AskError::Server(format!("the reply is no JSON: {error}")))
}

/// The operators of the reply as a table.
fn explained(reply: &str) -> Result<String, AskError> {
    let reply = parsed(reply)?;
    let stats = &reply["data"]["stats"];
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    table.set_header(["operator", "ms", "series", "points", "samples read", "peak bytes"]);
    for row in stats["operators"].as_array().into_iter().flatten() {
        let depth = row["depth"].as_u64().unwrap_or_default() as usize;
        let name = row["operator"].as_str().unwrap_or_default();
        let ms = row["seconds"].as_f64().unwrap_or_default() * 1e3;
        let mut cells = vec![format!("{}{name}", "  ".repeat(depth)), format!("{ms:.3}")];
        let numbers = ["series", "points", "samplesRead", "peakBytes"];
        cells.extend(numbers.map(|key| row[key].as_u64().unwrap_or_default().to_string()));
        table.add_row(cells);
    }
    let number = |value: &Value| value.as_u64().unwrap_or_default();
    let total = stats["timings"]["execTotalTime"].as_f64().unwrap_or_default() * 1e3;
    Ok(format!(
        "{}\n{total:.3} ms in all, {} samples of {} series, at most {} bytes",
        rows(&table),
        number(&stats["samples"]["totalQueryableSamples"]),
        number(&stats["series"]),
        number(&stats["peakBytes"]),
    ))
}

/// The reply as a table, with warnings below.
fn table(reply: &str) -> Result<String, AskError> {
    let reply = parsed(reply)?;
    let result = &reply["data"]["result"];
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    let mut text = match reply["data"]["resultType"].as_str() {
        Some("scalar" | "string") => result[1].as_str().unwrap_or_default().to_owned(),
        Some("vector") => {
            table.set_header(["series", "value"]);
            for row in result.as_array().into_iter().flatten() {
                let point = row.get("value").unwrap_or(&row["histogram"]);
                table.add_row([series(&row["metric"]), shown(&point[1])]);
            }
            rows(&table)
        }
        _ => {
            table.set_header(["series", "time", "value"]);
            for row in result.as_array().into_iter().flatten() {
                points(&mut table, row);
            }
            rows(&table)
        }
    };
    for key in ["warnings", "infos"] {
        for note in reply[key].as_array().into_iter().flatten() {
            let _ = write!(text, "\n{}", note.as_str().unwrap_or_default());
        }
    }
    Ok(text)
}

fn rows(table: &Table) -> String {
    if table.row_count() == 0 { "no data".to_owned() } else { table.to_string() }
}

fn points(table: &mut Table, row: &Value) {
    let mut name = series(&row["metric"]);
    let points = ["values", "histograms"].into_iter().filter_map(|key| row[key].as_array());
    let ms = |point: &Value| (point[0].as_f64().unwrap_or_default() * 1000.0).round() as i64;
    let mut points: Vec<_> = points.flatten().map(|point| (ms(point), &point[1])).collect();
    points.sort_by_key(|(ms, _)| *ms);
    for (ms, value) in points {
        let time = jiff::Timestamp::from_millisecond(ms).map_or(String::new(), |t| t.to_string());
        table.add_row([std::mem::take(&mut name), time, shown(value)]);
    }
}

/// A number, or what a native histogram says in short.
fn shown(value: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    if value.is_object() {
        return format!("count {}, sum {}", text(&value["count"]), text(&value["sum"]));
    }
    text(value)
}

fn series(metric: &Value) -> String {
    let pairs = metric.as_object().into_iter().flatten();
    let pairs = pairs.filter_map(|(name, value)| Some((name, value.as_str()?)));
    nunatak::Labels::from_pairs(pairs).map_or(String::new(), |labels| labels.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plans_are_indented_by_depth() {
        let reply = r#"{"data":{"stats":{"operators":[
            {"depth":0,"operator":"sum","seconds":0.0015},{"depth":1,"operator":"rate(…)"}],
            "series":3}}}"#;
        let text = explained(reply).unwrap();
        assert!(text.contains("│ sum ") && text.contains("│   rate(…)"), "{text}");
        assert!(text.contains("1.500") && text.contains("of 3 series"), "{text}");
    }

    #[test]
    fn vectors_and_ranges_become_tables() {
        let vector = r#"{"data":{"resultType":"vector","result":[
            {"metric":{"__name__":"up","job":"a"},"value":[1,"1"]}]},"warnings":["careful"]}"#;
        let text = table(vector).unwrap();
        assert!(text.contains("up{job=\"a\"}") && text.ends_with("\ncareful"), "{text}");
        let matrix = r#"{"data":{"resultType":"matrix","result":[
            {"metric":{},"values":[[1.5,"7"],[2,"8"]]}]}}"#;
        let text = table(matrix).unwrap();
        assert!(text.contains("1970-01-01T00:00:01.5Z"), "{text}");
        let mixed = r#"{"data":{"resultType":"matrix","result":[
            {"metric":{},"values":[[3,"7"]],"histograms":[[2,{"count":"4","sum":"6"}]]}]}}"#;
        let text = table(mixed).unwrap();
        let (histogram, float) = (text.find("count 4, sum 6").unwrap(), text.find(":03Z").unwrap());
        assert!(histogram < float, "{text}");
        assert_eq!(table(r#"{"data":{"resultType":"vector","result":[]}}"#).unwrap(), "no data");
        let scalar = r#"{"data":{"resultType":"scalar","result":[1,"2"]}}"#;
        assert_eq!(table(scalar).unwrap(), "2");
    }
}
