//! Neighbors that claim our addresses. They are not our peers, and may be many: after a handful nobody listens for a
//! moment, so that no storm costs more than that.

use std::net::IpAddr;

use keepalived_model::vrrp::Family;
use keepalived_model::{Instant, LinkId, MacAddr, Micros};
use keepalived_sys::neighbors::MESSAGE_MAX;
use keepalived_wire::{arp, ndp};

use crate::engine::sockets::Sockets;

/// So many are heard in one go; the first of them decides what is done, and when.
const CLAIMS_MAX: usize = 64;
/// How long nobody listens then; shorter than the core takes to answer.
const DEAF: Micros = Micros::from_millis(50);

/// Which addresses are watched, and whether anybody listens.
#[derive(Debug, Default)]
pub struct Claims {
    addresses: Vec<IpAddr>,
    deaf_until: Option<Instant>,
}

/// Where an address was claimed, which, and by whom.
type Claim = (LinkId, IpAddr, MacAddr);

impl Claims {
    /// From now on these.
    pub fn watch(&mut self, addresses: Vec<IpAddr>, sockets: &Sockets) {
        self.addresses = addresses;
        self.deaf_until = None;
        sockets.watch_claims(&self.addresses);
    }

    /// What was said.
    pub fn hear(&mut self, sockets: &Sockets, now: Instant) -> Vec<Claim> {
        let (mut claims, mut heard) = (Vec::new(), 0);
        let mut bytes = [0; MESSAGE_MAX];
        for receiver in &sockets.neighbors {
            // Errors of the socket read as silence: the next claim wakes us again.
            while heard < CLAIMS_MAX
                && let Ok(Some((link, message))) = receiver.receive(&mut bytes)
            {
                heard += 1;
                let claim = match receiver.family() {
                    Family::V4 => arp::claim(message).map(|(ip, by)| (link, ip.into(), by)),
                    Family::V6 => ndp::claim(message).map(|(ip, by)| (link, ip.into(), by)),
                };
                // The kernel lets some through that are about others.
                claims.extend(claim.filter(|(_, ip, _)| self.addresses.binary_search(ip).is_ok()));
            }
        }
        if heard == CLAIMS_MAX {
            sockets.watch_claims(&[]);
            self.deaf_until = Some(now + DEAF);
        }
        claims
    }

    /// When somebody listens again.
    pub fn deaf_until(&self) -> Option<Instant> {
        self.deaf_until
    }

    /// Listens again if it is time; what waited is to be heard then.
    pub fn listens_again(&mut self, sockets: &Sockets, now: Instant) -> bool {
        let is_over = self.deaf_until.take_if(|until| *until <= now).is_some();
        if is_over {
            sockets.watch_claims(&self.addresses);
        }
        is_over
    }
}
