//! Bulk imports between other writes: they rank where they were finished.

use nunatak::{Db, ImportOptions, Result};

use crate::append::{self, SERIES, TENANTS, series};
use crate::dice::Dice;
use crate::oracle::Place;
use crate::world::World;

/// Samples of some series and any age of the last four days.
pub(crate) fn import(world: &mut World, db: &Db, dice: &mut Dice) {
    let tenant = append::tenant(dice);
    let mut samples = Vec::new();
    for _ in 0..=dice.below(40) {
        let time = world.now() - dice.below(96 * 3_600_000) as i64;
        let place = Place { tenant, series: dice.below(SERIES), time };
        samples.push((place, append::value(dice)));
    }
    world.oracle.request();
    let outcome = run(db, dice, tenant, &samples);
    for &(place, value) in &samples {
        match outcome {
            Ok(()) => world.oracle.written(place, value.to_bits(), true),
            Err(_) => world.oracle.maybe_imported(place, value.to_bits()),
        }
    }
}

fn run(db: &Db, dice: &mut Dice, tenant: usize, samples: &[(Place, f64)]) -> Result<()> {
    let options = ImportOptions::new(format!("i{}", dice.next()));
    let mut importer = db.tenant(TENANTS[tenant])?.importer(options)?;
    for &(place, value) in samples {
        let handle = importer.series(&series(place.series));
        importer.push(handle, &[place.time], &[value])?;
    }
    importer.finish().map(drop)
}
