//! `nunatak inspect`: says what a file or folder is.

mod cardinality;

use std::fmt::Write as _;
use std::io::Write as _;

use nunatak::{Fact, Inspection};

use crate::cli::{InspectArgs, InspectQuestion};
use crate::config::format_bytes;
use cardinality::inspect_cardinality;

/// Inspects, and prints what was found; whether nothing is wrong.
///
/// # Errors
/// One line that says why it could not look.
pub fn inspect(args: &InspectArgs) -> Result<bool, String> {
    if let Some(InspectQuestion::Cardinality(args)) = &args.question {
        return inspect_cardinality(args).map(|()| true);
    }
    let path = args.path.as_deref().ok_or("inspect what? name a file or a folder")?;
    let found = nunatak::inspect(path).map_err(|error| error.to_string())?;
    // A reader that went away is no failure.
    drop(std::io::stdout().write_all(text(&found).as_bytes()));
    Ok(found.problems.is_empty())
}

fn text(found: &Inspection) -> String {
    let mut text = found.kind.clone();
    // Writing to a string can't fail.
    let _ = match found.version {
        Some(version) => writeln!(text, ", version {version}"),
        None => writeln!(text),
    };
    for (name, fact) in &found.facts {
        let _ = writeln!(text, "  {name:34} {}", describe(fact));
    }
    for problem in &found.problems {
        let _ = writeln!(text, "  problem: {problem}");
    }
    text
}

fn describe(fact: &Fact) -> String {
    match fact {
        Fact::Count(count) => count.to_string(),
        Fact::Bytes(bytes) if *bytes < 1024 => format_bytes(*bytes),
        Fact::Bytes(bytes) => format!("{} ({bytes} B)", format_bytes(*bytes)),
        Fact::Time(ms) => {
            jiff::Timestamp::from_millisecond(*ms).map_or(ms.to_string(), |time| time.to_string())
        }
        Fact::BytesPerSample(bytes) => format!("{bytes:.3}"),
        Fact::Text(text) => text.clone(),
        other => format!("{other:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_are_readable() {
        let mut found = Inspection::default();
        found.kind = "block".to_owned();
        found.version = Some(0);
        found.facts = vec![
            ("samples", Fact::Count(3)),
            ("bytes", Fact::Bytes(2048)),
            ("first sample", Fact::Time(1_700_000_000_000)),
            ("window begins", Fact::Time(i64::MIN)),
        ];
        found.problems = vec!["bad".to_owned()];
        let text = text(&found);
        for part in [
            "block, version 0\n",
            " 3\n",
            " 2 KiB (2048 B)\n",
            " 2023-11-14T22:13:20Z\n",
            " -9223372036854775808\n",
            "  problem: bad\n",
        ] {
            assert!(text.contains(part), "{part:?} in {text}");
        }
    }
}
