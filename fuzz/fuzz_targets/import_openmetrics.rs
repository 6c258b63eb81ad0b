//! Any text as lines of both text formats: never a panic; columns lie in the line, and a series that
//! is one has a name.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nunatak_server::import::openmetrics::{Dialect, Line, parse_line, parse_series};

fuzz_target!(|text: &str| {
    for line in text.lines() {
        for dialect in [Dialect::OpenMetrics, Dialect::Prometheus] {
            match parse_line(line, dialect) {
                Ok(Line::Sample(sample)) => {
                    let mut names = 0;
                    let parsed = parse_series(sample.series, |name, _| {
                        names += u32::from(name == "__name__");
                    });
                    match parsed {
                        Ok(()) => assert!(names > 0),
                        Err(error) => assert!(error.column <= sample.series.len() + 1),
                    }
                }
                Ok(_) => {}
                Err(error) => assert!(error.column <= line.len() + 1),
            }
        }
    }
});
