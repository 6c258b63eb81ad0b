//! How much of everything there is in a run.

use std::time::Duration;

/// The sizes of a run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plan {
    /// Repetitions of everything but the spike.
    pub(super) repeat: usize,
    /// Series and scrapes of the fleet.
    pub(super) wide: (usize, usize),
    /// The same of the few series over a long time.
    pub(super) long: (usize, usize),
    /// The same of the late samples.
    pub(super) late: (usize, usize),
    /// Each so-many-th captured sample.
    pub(super) capture_every: usize,
    /// The spike.
    pub(super) spike: SpikePlan,
    /// How often a question is asked.
    pub(super) asked: usize,
    /// How long one target may take for one question in all before it is asked less often.
    pub(super) longest: Duration,
    /// Quiet time after a load that still counts as the server's work.
    pub(super) settle: Duration,
}

/// The sizes of the spike.
#[derive(Debug, Clone, Copy)]
pub(super) struct SpikePlan {
    /// Steady series.
    pub(super) steady: usize,
    /// Their scrapes before the clock starts.
    pub(super) history: usize,
    /// New series.
    pub(super) new: usize,
    /// Samples of each.
    pub(super) rounds: usize,
    /// How long it is watched before the spike, and again after it.
    pub(super) watch: Duration,
}

impl Plan {
    /// What the published figures are taken with.
    pub(super) const FULL: Self = Self {
        repeat: 3,
        wide: (100_000, 100),
        long: (300, 5_760),
        late: (5_000, 240),
        capture_every: 1,
        spike: SpikePlan {
            steady: 50_000,
            history: 24,
            new: 1_000_000,
            rounds: 2,
            watch: Duration::from_secs(30),
        },
        asked: 20,
        longest: Duration::from_secs(4),
        settle: Duration::from_secs(3),
    };

    /// For a look.
    pub(super) const QUICK: Self = Self {
        repeat: 1,
        wide: (10_000, 60),
        long: (300, 480),
        late: (1_000, 160),
        capture_every: 15,
        spike: SpikePlan {
            steady: 5_000,
            history: 24,
            new: 50_000,
            rounds: 2,
            watch: Duration::from_secs(5),
        },
        asked: 5,
        longest: Duration::from_secs(1),
        settle: Duration::from_secs(1),
    };
}
