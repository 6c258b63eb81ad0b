//! Windows from tiers are what they are from samples.

use nunatak::{Db, Error};

use crate::append::TENANTS;
use crate::windows::{compare, samples};
use crate::world::World;

/// Compares all windows of all tenants.
///
/// # Panics
/// If one differs.
pub(crate) fn agree(db: &Db) -> Result<(), Error> {
    for name in TENANTS {
        let tenant = db.tenant(name)?;
        let all = samples(&tenant)?;
        compare(&tenant, &all)?.unwrap_or_else(|what| panic!("tenant {name:?}: {what}"));
    }
    Ok(())
}

/// The same while the database is in use: errors are fine when the disk fails.
pub(crate) fn while_open(world: &World, db: &Db) {
    let read = agree(db);
    assert!(read.is_ok() || world.misses_reads || world.storage.is_crashed(), "{read:?}");
}
