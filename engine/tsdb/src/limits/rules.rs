//! Which limits hold for whom.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Limits;

/// Bounds on all tenants together; off unless set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct GlobalLimits {
    /// Series in the heads of all tenants. Default: as many as the memory budget has room for.
    pub active_series: Option<u64>,
    /// New series a second of all tenants, measured over ten. Default: any number.
    pub new_series_per_second: Option<u64>,
}

/// The limits of all tenants. [`Limits`] alone become those of every tenant.
///
/// ```
/// use nunatak::{LimitRules, Limits};
///
/// let mut few = Limits::default();
/// few.active_series = Some(1000);
/// let rules = LimitRules::from(Limits::default()).tenant("guest", few);
/// assert_eq!(rules.of("guest").active_series, Some(1000));
/// assert_eq!(rules.of("default").active_series, None);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LimitRules {
    every: Arc<Limits>,
    tenants: BTreeMap<String, Arc<Limits>>,
    global: GlobalLimits,
}

impl From<Limits> for LimitRules {
    fn from(limits: Limits) -> Self {
        Self { every: Arc::new(limits), ..Self::default() }
    }
}

impl LimitRules {
    /// Other limits for the tenant `name`; "default" is the tenant of `Db` itself.
    #[must_use]
    pub fn tenant(mut self, name: &str, limits: Limits) -> Self {
        self.tenants.insert(name.to_owned(), Arc::new(limits));
        self
    }

    /// Limits on all tenants together.
    #[must_use]
    pub fn global(mut self, limits: GlobalLimits) -> Self {
        self.global = limits;
        self
    }

    /// The limits of a tenant.
    #[must_use]
    pub fn of(&self, tenant: &str) -> &Arc<Limits> {
        let name = if tenant.is_empty() { "default" } else { tenant };
        self.tenants.get(name).unwrap_or(&self.every)
    }

    /// The limits on all tenants together.
    #[must_use]
    pub fn of_all(&self) -> &GlobalLimits {
        &self.global
    }
}
