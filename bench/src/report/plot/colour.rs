//! The fixed colours of the targets.

use plotters::style::RGBColor;

use crate::report::model::TargetNote;

/// nunatak's own, strong.
const OURS: [RGBColor; 3] = [RGBColor(9, 84, 165), RGBColor(62, 150, 222), RGBColor(10, 128, 128)];
/// Peers that have a colour of their own, by the beginning of their name.
const PEERS: [(&str, RGBColor); 3] = [
    ("prometheus", RGBColor(230, 139, 84)),
    ("victoria", RGBColor(168, 133, 201)),
    ("influx", RGBColor(134, 179, 108)),
];
/// Anybody else.
const OTHERS: [RGBColor; 4] = [
    RGBColor(193, 165, 96),
    RGBColor(205, 133, 160),
    RGBColor(139, 154, 164),
    RGBColor(160, 130, 110),
];

/// Who is drawn in which colour, in the order of the report.
#[derive(Debug)]
pub(super) struct Palette(Vec<Entry>);

/// A target with its colour.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) colour: RGBColor,
    pub(super) is_ours: bool,
}

impl Palette {
    /// nunatak's targets first, each group in the order given.
    pub(super) fn new(targets: &[TargetNote]) -> Self {
        let mut palette = Self(Vec::new());
        for is_ours in [true, false] {
            for target in targets.iter().filter(|target| target.is_ours == is_ours) {
                let colour = palette.choose(&target.name, is_ours);
                palette.0.push(Entry { name: target.name.clone(), colour, is_ours });
            }
        }
        palette
    }

    /// All targets, in the order of drawing.
    pub(super) fn entries(&self) -> impl DoubleEndedIterator<Item = &Entry> {
        self.0.iter()
    }

    /// A colour that nobody has yet, if there is one left.
    fn choose(&self, name: &str, is_ours: bool) -> RGBColor {
        let name = name.to_lowercase();
        let own = PEERS.iter().filter(|(start, _)| name.starts_with(start)).map(|(_, c)| *c);
        let wanted: Vec<RGBColor> = if is_ours {
            OURS.into_iter().chain(OTHERS).collect()
        } else {
            own.chain(OTHERS).collect()
        };
        let is_free = |colour: &&RGBColor| !self.0.iter().any(|entry| entry.colour == **colour);
        *wanted.iter().find(is_free).unwrap_or(&OTHERS[2])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(name: &str, is_ours: bool) -> TargetNote {
        TargetNote { name: name.into(), is_ours, version: String::new(), durability: String::new() }
    }

    #[test]
    fn a_peer_keeps_its_colour_whoever_else_is_there() {
        let palette = Palette::new(&[target("VictoriaMetrics", false), target("nunatak", true)]);
        let found: Vec<_> = palette.entries().map(|entry| (&*entry.name, entry.colour)).collect();
        assert_eq!(found, [("nunatak", OURS[0]), ("VictoriaMetrics", PEERS[1].1)]);
    }

    #[test]
    fn two_of_one_name_differ() {
        let palette = Palette::new(&[target("Prometheus 2", false), target("Prometheus 3", false)]);
        let colours: Vec<_> = palette.entries().map(|entry| entry.colour).collect();
        assert_ne!(colours[0], colours[1]);
    }
}
