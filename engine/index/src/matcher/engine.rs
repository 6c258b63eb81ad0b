//! A compiled pattern: a dense automaton if it stays small, else the regex crate's lazy engines.

use regex_automata::dfa::{Automaton, StartKind, dense};
use regex_automata::nfa::thompson::{self, NFA, WhichCaptures};
use regex_automata::util::primitives::StateID;
use regex_automata::util::start;
use regex_automata::{Anchored, Input, meta};
use regex_syntax::hir::{Hir, Look};

/// Bytes that a pattern may take when it is compiled.
pub(super) const NFA_BYTES: usize = 10 << 20;
/// Bytes of a dense automaton, above which the lazy engines take over.
const DFA_BYTES: usize = 512 << 10;
/// Bytes that making a dense automaton may take.
const DETERMINIZE_BYTES: usize = 2 << 20;

/// States of a pattern above which no dense automaton is tried: it would hardly stay small, and
/// each of its states takes time that can grow with the square of the pattern's.
const DENSE_STATES: usize = 4096;

/// Tests whole strings.
#[derive(Debug)]
pub(crate) enum Engine {
    /// A table of transitions.
    Dense(Box<Dense>),
    /// Determinised as it goes, with bounded memory.
    Lazy(Box<meta::Regex>),
}

/// A dense automaton and its start.
#[derive(Debug)]
pub(crate) struct Dense {
    dfa: dense::DFA<Vec<u32>>,
    start: StateID,
}

impl Engine {
    /// Compiles a pattern that must match the whole string, and says how many bytes were made for
    /// it; `None` if it is too large.
    pub(super) fn new(hir: Hir) -> Option<(Self, usize)> {
        let whole = whole(hir);
        let config = thompson::Config::new()
            .utf8(false)
            .which_captures(WhichCaptures::None)
            .nfa_size_limit(Some(NFA_BYTES));
        let nfa = NFA::compiler().configure(config).build_from_hir(&whole).ok()?;
        let bytes = nfa.memory_usage();
        if let Some(dense) = dense(&nfa) {
            let bytes = bytes + dense.made_bytes(nfa.states().len());
            return Some((Self::Dense(Box::new(dense)), bytes));
        }
        let regex = lazy(&whole)?;
        // What was made of the dense automaton counts, and that the lazy engines compile anew.
        Some((Self::Lazy(Box::new(regex)), DFA_BYTES + DETERMINIZE_BYTES + 3 * bytes))
    }

    /// Whether the pattern matches the whole string.
    pub(crate) fn matches(&self, text: &str) -> bool {
        match self {
            Self::Dense(dense) => dense.matches(text.as_bytes()),
            Self::Lazy(regex) => regex.is_match(Input::new(text).anchored(Anchored::Yes)),
        }
    }
}

/// The pattern with anchors at both ends.
pub(super) fn whole(hir: Hir) -> Hir {
    Hir::concat(vec![Hir::look(Look::Start), hir, Hir::look(Look::End)])
}

fn dense(nfa: &NFA) -> Option<Dense> {
    if nfa.states().len() > DENSE_STATES {
        return None;
    }
    let config = dense::Config::new()
        .start_kind(StartKind::Anchored)
        .accelerate(false)
        .dfa_size_limit(Some(DFA_BYTES))
        .determinize_size_limit(Some(DETERMINIZE_BYTES));
    let dfa = dense::Builder::new().configure(config).build_from_nfa(nfa).ok()?;
    let start = dfa.start_state(&start::Config::new().anchored(Anchored::Yes)).ok()?;
    Some(Dense { dfa, start })
}

fn lazy(whole: &Hir) -> Option<meta::Regex> {
    let config = meta::Config::new()
        .utf8_empty(false)
        .which_captures(WhichCaptures::None)
        .nfa_size_limit(Some(NFA_BYTES));
    meta::Builder::new().configure(config).build_from_hir(whole).ok()
}

impl Dense {
    /// Bytes of the table, and of the sets of the pattern's states from which it was made.
    fn made_bytes(&self, pattern_states: usize) -> usize {
        let table = self.dfa.memory_usage();
        let states = table / (self.dfa.stride() * size_of::<u32>());
        table + states * pattern_states * size_of::<u32>()
    }

    fn matches(&self, text: &[u8]) -> bool {
        let mut state = self.start;
        for &byte in text {
            state = self.dfa.next_state(state, byte);
            if self.dfa.is_dead_state(state) {
                return false;
            }
        }
        self.dfa.is_match_state(self.dfa.next_eoi_state(state))
    }
}
