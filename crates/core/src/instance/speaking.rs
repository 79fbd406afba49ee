//! What a virtual router says: adverts to its group or to its peers, and when it is too late for one.

use std::net::IpAddr;

use keepalived_model::vrrp::{Family, Transport};
use keepalived_model::{Instant, Priority};
use keepalived_wire::vrrp::{Content, Delivery};

use super::{ADVERT, Context, Instance};
use crate::election;
use crate::event::Action;
use crate::report::State;

/// Time to live of adverts, and their hop limit (RFC 5798 §5.1.1.3 and §5.1.2.3).
const TTL: u8 = 255;

/// Why an advert is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leaving {
    No,
    Yes,
}

impl Instance {
    /// Sends an advert, one copy for each peer.
    pub(super) fn advertise(&mut self, leaving: Leaving, ctx: &mut Context<'_>) {
        let Some(source) = self.source else { return };
        if self.link.is_none() && self.config.link_name().is_some() {
            // A link of its own that others removed is on its way back.
            return self.timers.set(ADVERT, ctx.now + self.config.advert_interval);
        }
        let config = &self.config;
        let content = Content {
            version: config.version,
            vrid: config.vrid,
            priority: if leaving == Leaving::Yes { 0 } else { self.priority.number() },
            interval: config.advert_interval,
            source,
            seal: self.credentials.seal(&config.auth, ctx.wall()),
        };
        let addresses: Vec<IpAddr> = config.addresses.iter().map(|address| address.ip).collect();
        let draft = content.draft(&addresses);
        let (group, peers, limit) = match &config.transport {
            Transport::Multicast { group, .. } => (Some(*group), [].as_slice(), Some(TTL)),
            Transport::Unicast { peers, ttl, .. } => (None, peers.as_slice(), *ttl),
        };
        for destination in group.into_iter().chain(peers.iter().map(|peer| peer.address)) {
            let (id, ttl) = (self.next_ip_id, limit.unwrap_or(TTL));
            let packet = draft.packet(&Delivery { destination, id, ttl, checksum: config.checksum });
            let hop_limit = limit.filter(|_| config.family == Family::V6);
            let (instance, link) = (self.id, self.link);
            ctx.out.push(Action::Send { instance, link, source, destination, hop_limit, packet });
        }
        // The counter wraps past zero: an identification of zero would be replaced by the kernel.
        self.next_ip_id = self.next_ip_id.checked_add(1).unwrap_or(1);
        self.counters.sent += 1;
        self.counters.zero_sent += u64::from(leaving == Leaving::Yes);
        self.last_advert = ctx.now;
        self.last_sent = Some(ctx.now);
        self.spoke_on = self.link;
        self.timers.set(ADVERT, ctx.now + self.config.advert_interval);
        self.remember(ctx);
    }

    /// Whether its timers ran so late that by now somebody else must be master, and it may not preempt that one
    /// (`timer_expired_backup`, `spec` runtime 3.9).
    pub(super) fn is_stale(&self, now: Instant) -> bool {
        let config = &self.config;
        let (State::Master, Some(sent), Some(highest)) =
            (self.state, self.last_sent, config.late_timer_backup.and_then(|it| Priority::try_from(it).ok()))
        else {
            return false;
        };
        let interval = config.advert_interval;
        let down = election::master_down(config.version, highest, interval, config.down_timer_adverts);
        sent + down < now
    }
}
