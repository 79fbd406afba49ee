//! What an engine leaves to its successor, should it be killed.
//!
//! The supervisor keeps the latest memory of every object in memory shared with the engine. A successor that
//! starts soon enough takes up where the old engine stood (scenario `a_killed_engine_is_adopted`).

use std::sync::Arc;

use keepalived_model::Instant;
use keepalived_model::vrrp::Identity;

use crate::report::State;

/// One remembered fact; a later one with the same key replaces an earlier one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Memory {
    /// How a virtual router stood.
    Standing(Standing),
    /// What a script last said.
    Verdict(Verdict),
}

/// How a virtual router stood when it was last asked. The key is `identity`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Which virtual router.
    pub identity: Arc<Identity>,
    /// Its state.
    pub state: State,
    /// When it last advertised (as master) or heard an accepted advert (as backup).
    pub last_advert: Instant,
    /// The IPv4 identification its next advert would have carried.
    pub next_ip_id: u16,
    /// Where the numbers of its authentication headers stood.
    pub sequence: u32,
}

/// What a script last said. The key is `script`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The script's name.
    pub script: Arc<str>,
    /// Whether it counts as up.
    pub up: bool,
}
