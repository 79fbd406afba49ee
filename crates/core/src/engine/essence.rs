//! What an engine comes down to: two with the same essence have the same future.

use std::hash::{Hash, Hasher};

use keepalived_model::Instant;

use super::Engine;
use crate::deadlines::ahead;

impl Engine {
    /// All that decides what this engine does next under its configuration, independent of the time of day: engines
    /// with the same essence go on in the same way. For whoever explores what engines can come to.
    ///
    /// Left out is what is only told (counters, causes, what was logged), what is derived from the rest, and
    /// identities that only have to be new.
    pub fn essence(&self, now: Instant, into: &mut impl Hasher) {
        let Self {
            config: _,
            filters_packets,
            now: _,
            wall_ahead,
            links,
            instances,
            order,
            groups,
            scripts,
            readings,
            wanted,
            fixtures,
            makers: _,
            announcer,
            agenda: _,
            touched: _,
            unfinished: _,
            runs: _,
            listeners: _,
            virtual_ips: _,
            masters: _,
            watches_claims: _,
            starts_at,
            retry_at,
            overslept,
            stopping,
            fresh: _,
        } = self;
        (
            wall_ahead,
            order,
            filters_packets,
            wanted,
            ahead(*starts_at, now),
            ahead(*retry_at, now),
            overslept,
            stopping,
        )
            .hash(into);
        links.essence(now, into);
        instances.values().for_each(|instance| instance.essence(now, into));
        groups.iter().for_each(|group| (&group.members, group.state).hash(into));
        scripts.values().for_each(|tracker| tracker.essence(now, into));
        readings.essence(now, into);
        fixtures.essence(into);
        announcer.essence(now, into);
    }
}
