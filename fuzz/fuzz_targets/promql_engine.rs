//! Any text, evaluated: an answer or an error, never a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nunatak_index::labels;
use nunatak_promql::{Engine, EngineOptions, MemorySource, ParserOptions};

fn source() -> MemorySource {
    let mut source = MemorySource::new();
    for (name, le) in [("a", ""), ("b", ""), ("h_bucket", "1"), ("h_bucket", "+Inf")] {
        let labels = labels! { "__name__" => name, "le" => le, "job" => "x" };
        for t in 0..20 {
            source.push(&labels, t * 15_000, (t * t % 7) as f64);
        }
    }
    source
}

fuzz_target!(|query: &str| {
    let source = source();
    for delayed in [false, true] {
        let options = EngineOptions::default()
            .max_samples(10_000)
            .delayed_name_removal(delayed)
            .parser(ParserOptions::all_features());
        let engine = Engine::new(options);
        let _ = engine.instant(&source, query, 300_000);
        let _ = engine.range(&source, query, 0, 300_000, 20_000);
    }
});
