//! How a virtual router proves that it may speak, and what it remembers of the proofs of others.

use std::hash::{Hash, Hasher};
use std::net::IpAddr;

use keepalived_model::Micros;
use keepalived_model::vrrp::{self, Auth, Transport};
use keepalived_wire::vrrp::{
    Freshness, Guard, MULTICAST_SIGNERS, Proof, Seal, Sequence, Signers, Stamp, signs,
};

/// Numbers and stamps used up so far; they survive a reload, so that nothing becomes good a second time.
#[derive(Clone, Debug)]
pub(super) struct Credentials {
    /// Of authentication headers, sent and heard.
    sequence: Sequence,
    /// The last one we signed with.
    stamp: Option<Stamp>,
    /// The last one of everybody else.
    signers: Signers,
}

impl Credentials {
    /// Of a router that has neither spoken nor heard.
    pub fn new(config: &vrrp::Instance) -> Self {
        Self { sequence: Sequence::default(), stamp: None, signers: Signers::with_room(room(config)) }
    }

    /// The same under a new configuration.
    pub fn reconfigure(&mut self, config: &vrrp::Instance) {
        self.signers.set_room(room(config));
    }

    /// See [`crate::Engine::essence`].
    pub fn essence(&self, into: &mut impl Hasher) {
        let Self { sequence, stamp, signers } = self;
        (sequence, stamp, signers).hash(into);
    }

    /// Goes on where a predecessor stood.
    pub fn adopt(&mut self, sequence: u32) {
        self.sequence = Sequence::at(sequence);
    }

    /// What a successor has to know.
    pub fn sequence(&self) -> u32 {
        self.sequence.number()
    }

    /// What others have to prove.
    pub fn guard<'a>(&'a self, auth: &'a Auth, clock: Micros) -> Guard<'a> {
        Guard::of(auth, self.sequence, clock, &self.signers)
    }

    /// The proof for the next advert, all its copies.
    pub fn seal<'a>(&mut self, auth: &'a Auth, clock: Micros) -> Seal<'a> {
        match auth {
            Auth::Ah(_) => self.sequence = self.sequence.next(),
            Auth::Hmac(rules) if signs(rules.mode) => {
                self.stamp = Some(Stamp::next(self.stamp, clock, Freshness::from(rules)));
            }
            Auth::None | Auth::Pass(_) | Auth::Hmac(_) => {}
        }
        Seal::of(auth, self.sequence, self.stamp.unwrap_or(Stamp::at(clock)))
    }

    /// The proof of an accepted advert is used up.
    pub fn accepted(&mut self, source: IpAddr, proof: Proof) {
        match proof {
            Proof::None | Proof::Unsigned => {}
            Proof::Sequence(number) => self.sequence = self.sequence.after_hearing(number),
            Proof::Stamp(stamp) => self.signers.heard(source, stamp),
        }
    }

    /// Two masters use the same numbers at the same moments, so that neither would ever believe the other. Both move on,
    /// so far that they part; against one that does not know of this one of the two steps is enough.
    pub fn part_from(&mut self, other: IpAddr, own: IpAddr) {
        self.insist();
        if own > other {
            self.insist();
        }
    }

    /// A master heard a worse router, whose numbers are to fall behind.
    pub fn insist(&mut self) {
        self.sequence = self.sequence.after_insisting();
    }
}

/// How many signers have to be remembered.
fn room(config: &vrrp::Instance) -> usize {
    match &config.transport {
        Transport::Multicast { .. } => MULTICAST_SIGNERS,
        Transport::Unicast { peers, .. } => peers.len(),
    }
}
