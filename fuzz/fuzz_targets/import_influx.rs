//! Any text as lines of the line protocol: never a panic; what is borrowed lies in the line, and the
//! same line says the same twice.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nunatak_server::import::line_protocol::{parse_key, parse_line, unescape};

fuzz_target!(|text: &str| {
    for line in text.lines() {
        let (mut fields, mut again) = (Vec::new(), Vec::new());
        let parsed = parse_line(line, &mut fields);
        assert_eq!(format!("{parsed:?}"), format!("{:?}", parse_line(line, &mut again)));
        match parsed {
            Ok(Some(point)) => {
                assert!(!fields.is_empty() && !point.key.is_empty());
                assert!(fields.iter().all(|field| !field.name.is_empty()));
                let mut tags = 0;
                if let Ok(measurement) = parse_key(point.key, |name, _| {
                    assert!(!name.is_empty());
                    tags += 1;
                }) {
                    assert!(measurement.len() <= point.key.len() && tags <= point.key.len());
                }
                for field in &fields {
                    assert!(unescape(field.name).len() <= field.name.len());
                }
            }
            Ok(None) => {}
            Err(error) => assert!(error.column <= line.len() + 1),
        }
    }
});
