//! What a run ends with.

use std::fmt;

use keepalived_model::Instant;

/// A rule that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The seed of the run.
    pub seed: u64,
    /// Which rule.
    pub rule: &'static str,
    /// When, in the world's time.
    pub at: Instant,
    /// By whom and how.
    pub text: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.at.since(Instant(0));
        write!(f, "seed {} at {at}: {}: {}", self.seed, self.rule, self.text)
    }
}

/// What a good run did; says whether a seed has exercised anything at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Deliveries and deadlines.
    pub steps: u64,
    /// Adverts sent, each copy.
    pub adverts: u64,
    /// Times a router became master.
    pub masters: u64,
    /// Gratuitous ARP frames.
    pub garps: u64,
    /// Changes of the wanted table.
    pub wants: u64,
    /// Script runs.
    pub runs: u64,
    /// Simulated microseconds.
    pub length: u64,
}

impl Summary {
    /// Both together.
    pub fn plus(self, other: Self) -> Self {
        Self {
            steps: self.steps + other.steps,
            adverts: self.adverts + other.adverts,
            masters: self.masters + other.masters,
            garps: self.garps + other.garps,
            wants: self.wants + other.wants,
            runs: self.runs + other.runs,
            length: self.length + other.length,
        }
    }
}
