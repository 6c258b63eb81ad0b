//! Any bytes, as a body and as an unpacked message: never a panic, never more memory than limits
//! allow, and the same answer twice.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nunatak::{LabelsBuilder, RefusalReason};
use nunatak_server::remote_write::{FamilyMetadata, Scratch, Sink, decode, unpack};

#[derive(Default, PartialEq, Debug)]
struct Seen {
    series: Vec<Result<String, String>>,
    samples: Vec<(usize, i64, u64)>,
    refused: u64,
}

impl Sink for Seen {
    type Series = usize;

    fn series(
        &mut self,
        _raw: &[u8],
        parse: impl FnOnce(&mut LabelsBuilder) -> Result<(), (RefusalReason, String)>,
    ) -> usize {
        let mut builder = LabelsBuilder::default();
        let labels = parse(&mut builder)
            .map_err(|(_, example)| example)
            .and_then(|()| builder.build().map_err(|error| error.to_string()));
        self.series.push(labels.map(|labels| labels.to_string()));
        self.series.len() - 1
    }

    fn push(&mut self, series: usize, t: i64, v: f64) {
        self.samples.push((series, t, v.to_bits()));
    }

    fn refuse(&mut self, _: RefusalReason, samples: u64, _: String) {
        self.refused += samples;
    }

    fn metadata(&mut self, _: &FamilyMetadata<'_>) {}
}

fn check(message: &[u8]) {
    let (mut first, mut second) = (Seen::default(), Seen::default());
    let mut scratch = Scratch::default();
    let counts = decode(message, &mut scratch, &mut first);
    assert_eq!(counts, decode(message, &mut scratch, &mut second));
    assert_eq!(first, second);
    if let Ok(counts) = counts {
        assert_eq!(counts.samples, first.samples.len() as u64);
        assert_eq!(counts.histograms, first.refused);
    }
}

fuzz_target!(|bytes: &[u8]| {
    check(bytes);
    if let Ok(message) = unpack(bytes, &mut Vec::new(), 1 << 20) {
        check(message);
    }
});
