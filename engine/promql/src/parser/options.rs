//! Which syntax is on, and how big a query may be.

/// Switches for experimental syntax, and limits.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "independent switches, one for each feature")]
pub struct ParserOptions {
    /// Experimental functions, `limitk` and `limit_ratio`. Default: off.
    pub experimental_functions: bool,
    /// Arithmetic in durations: `[5m * 2]`, `offset step()`. Default: off.
    pub duration_expressions: bool,
    /// `anchored` and `smoothed`. Default: off.
    pub extended_range_selectors: bool,
    /// `fill`, `fill_left` and `fill_right`. Default: off.
    pub fill_modifiers: bool,
    /// How high a tree may be (parentheses, calls and chains of operators). Default: 500.
    pub max_depth: usize,
    /// How many bytes a query may have. Default: 1 MiB.
    pub max_length: usize,
    /// How many selectors, matchers, literals, calls and operators a query may have.
    /// Default: 20,000.
    pub max_parts: usize,
    /// How many bytes the automata of a query's different patterns may take
    /// ([`Matcher::compiled_bytes`](nunatak_index::Matcher::compiled_bytes)). Default: 32 MiB.
    pub max_pattern_bytes: usize,
}

impl Default for ParserOptions {
    fn default() -> Self {
        Self {
            experimental_functions: false,
            duration_expressions: false,
            extended_range_selectors: false,
            fill_modifiers: false,
            max_depth: 500,
            max_length: 1 << 20,
            max_parts: 20_000,
            max_pattern_bytes: 32 << 20,
        }
    }
}

impl ParserOptions {
    /// Everything on that Prometheus' own test scripts need.
    #[must_use]
    pub fn all_features() -> Self {
        Self {
            experimental_functions: true,
            duration_expressions: true,
            extended_range_selectors: true,
            fill_modifiers: true,
            ..Self::default()
        }
    }
}
