//! What an instance counts.

use std::collections::BTreeMap;

use keepalived_wire::reject::Reject;

/// What an instance counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Adverts sent, priority 0 included; one for all unicast copies.
    pub sent: u64,
    /// Adverts accepted.
    pub accepted: u64,
    /// Times MASTER was entered.
    pub became_master: u64,
    /// Times MASTER was left.
    pub released_master: u64,
    /// Adverts of priority 0 accepted.
    pub zero_received: u64,
    /// Farewells, each counted once however many copies were sent.
    pub zero_sent: u64,
    /// Accepted adverts whose address list differs from ours (D6).
    pub list_differs: u64,
    /// Accepted adverts that could have been signed and were not.
    pub unsigned: u64,
    /// Refused packets.
    pub rejected: Rejected,
}

/// Counts refused packets by [`Reject::kind`]. Most routers never refuse any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rejected(BTreeMap<u8, u64>);

impl Rejected {
    /// So many for this reason.
    pub fn count(&self, reason: Reject) -> u64 {
        self.0.get(&kind(reason)).copied().unwrap_or(0)
    }

    /// So many altogether.
    pub fn total(&self) -> u64 {
        self.0.values().sum()
    }

    pub(in crate::instance) fn add(&mut self, reason: Reject) {
        *self.0.entry(kind(reason)).or_default() += 1;
    }
}

fn kind(reason: Reject) -> u8 {
    u8::try_from(reason.kind()).unwrap_or(u8::MAX)
}
