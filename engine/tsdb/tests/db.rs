//! The public face, behaviour by behaviour: each module opens with the promise that it guards.
#![expect(clippy::unwrap_used, reason = "a test that can't go on has failed")]

#[path = "db/amplification.rs"]
mod amplification;
#[path = "db/asks_ahead.rs"]
mod asks_ahead;
#[path = "db/background.rs"]
mod background;
#[path = "db/budget.rs"]
mod budget;
#[path = "db/cardinality.rs"]
mod cardinality;
#[path = "db/comes_back.rs"]
mod comes_back;
#[path = "db/common.rs"]
mod common;
#[path = "db/concurrency.rs"]
mod concurrency;
#[path = "db/damage.rs"]
mod damage;
#[path = "db/deletes.rs"]
mod deletes;
#[path = "db/disk_full.rs"]
mod disk_full;
#[path = "db/idle.rs"]
mod idle;
#[path = "db/import.rs"]
mod import;
#[path = "db/inspect.rs"]
mod inspect;
#[path = "db/let_go.rs"]
mod let_go;
#[path = "db/life.rs"]
mod life;
#[path = "db/limits.rs"]
mod limits;
#[path = "db/model.rs"]
mod model;
#[path = "db/refusals.rs"]
mod refusals;
#[path = "db/retention.rs"]
mod retention;
#[path = "db/saved.rs"]
mod saved;
#[path = "db/saved_deletes.rs"]
mod saved_deletes;
#[path = "db/scan.rs"]
mod scan;
#[path = "db/scrub.rs"]
mod scrub;
#[path = "db/snapshot.rs"]
mod snapshot;
#[path = "db/tenants.rs"]
mod tenants;
#[path = "db/tiers.rs"]
mod tiers;
#[path = "db/uncommitted.rs"]
mod uncommitted;
#[path = "db/verify.rs"]
mod verify;
#[path = "support/windows.rs"]
mod windows;
