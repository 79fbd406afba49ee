//! Gratuitous ARP and neighbor advertisements: frames at once, or spaced out per interface (`vrrp_garp_interval`,
//! `vrrp_gna_interval`).

use std::collections::{BTreeMap, VecDeque};
use std::hash::{Hash, Hasher};
use std::net::IpAddr;

use keepalived_model::kernel::AddressKey;
use keepalived_model::vrrp;
use keepalived_model::{InstanceId, Instant, LinkId, MacAddr, Micros};
use keepalived_wire::ndp::Forwarding;
use keepalived_wire::{arp, ndp};

use crate::deadlines::ahead;
use crate::event::{Action, Actions};
use crate::report::{Name, Report};

/// Frames waiting for their turn on one interface: a burst of 5 rounds for 4000 addresses. Further ones are
/// dropped; the second burst and the refresh send them again.
const QUEUE_MAX: usize = 20_000;

/// One address to announce.
#[derive(Clone, Debug)]
pub struct Target {
    /// Where.
    pub link: LinkId,
    /// The interface's name, for the log.
    pub interface: Name,
    /// The hardware address to announce.
    pub mac: MacAddr,
    /// The virtual address.
    pub ip: IpAddr,
    /// Whether neighbors shall take the sender of an IPv6 address for a router.
    pub forwarding: Forwarding,
}

/// The queues of all interfaces.
#[derive(Clone, Debug, Default)]
pub struct Announcer {
    spacing: Spacing,
    queues: BTreeMap<LinkId, Queue>,
}

/// From one frame to the next on an interface; zero: none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spacing {
    /// Behind gratuitous ARP.
    pub garp: Micros,
    /// Behind neighbor advertisements.
    pub advertisement: Micros,
}

impl Spacing {
    /// That of a configuration.
    pub fn of(config: &vrrp::Config) -> Self {
        Self { garp: config.garp_interval, advertisement: config.gna_interval }
    }

    fn behind(self, target: &Target) -> Micros {
        if target.ip.is_ipv4() { self.garp } else { self.advertisement }
    }
}

#[derive(Clone, Debug, Default)]
struct Queue {
    waiting: VecDeque<(InstanceId, Target)>,
    next: Option<Instant>,
}

impl Announcer {
    /// See [`crate::Engine::essence`].
    pub fn essence(&self, now: Instant, into: &mut impl Hasher) {
        let Self { spacing: _, queues } = self;
        for (link, Queue { waiting, next }) in queues {
            (link, ahead(*next, now)).hash(into);
            waiting.iter().for_each(|(instance, target)| (instance, target.link, target.ip).hash(into));
        }
    }

    /// Sets the spacing of frames on each interface.
    pub fn set_spacing(&mut self, spacing: Spacing) {
        self.spacing = spacing;
    }

    /// Announces every target `rounds` times, round by round.
    pub fn burst(
        &mut self,
        now: Instant,
        instance: (InstanceId, &Name),
        targets: &[Target],
        rounds: u32,
        out: &mut Actions,
    ) {
        for round in 0..rounds {
            for target in targets {
                if round == 0 {
                    out.push(Action::Report(Report::QueueingGarp {
                        instance: instance.1.clone(),
                        interface: target.interface.clone(),
                        ip: target.ip,
                    }));
                }
                if self.spacing.behind(target).is_zero() {
                    send(target, out);
                } else {
                    let queue = self.queues.entry(target.link).or_default();
                    if queue.waiting.len() < QUEUE_MAX {
                        queue.waiting.push_back((instance.0, target.clone()));
                    }
                    queue.next.get_or_insert(now);
                }
            }
        }
        for target in targets {
            self.due(target.link, now, out);
        }
    }

    /// Sends the next waiting frame of an interface if its time has come.
    pub fn due(&mut self, link: LinkId, now: Instant, out: &mut Actions) {
        let Some(queue) = self.queues.get_mut(&link) else { return };
        if queue.next.is_some_and(|at| at <= now) {
            let sent = queue.waiting.pop_front();
            if let Some((_, target)) = &sent {
                send(target, out);
            }
            let pause = sent.map_or(Micros::ZERO, |(_, target)| self.spacing.behind(&target));
            queue.next = (!queue.waiting.is_empty()).then(|| now + pause);
        }
    }

    /// Forgets what an instance still had waiting: it is not master any more.
    pub fn forget(&mut self, instance: InstanceId) {
        for queue in self.queues.values_mut() {
            queue.waiting.retain(|(owner, _)| *owner != instance);
            if queue.waiting.is_empty() {
                queue.next = None;
            }
        }
    }

    /// Forgets what an instance still had waiting for one address: it is not its own any more.
    pub fn forget_address(&mut self, instance: InstanceId, key: AddressKey) {
        if let Some(queue) = self.queues.get_mut(&key.link) {
            queue.waiting.retain(|(owner, target)| *owner != instance || target.ip != key.ip);
            if queue.waiting.is_empty() {
                queue.next = None;
            }
        }
    }

    /// When an interface may send its next waiting frame.
    pub fn next(&self, link: LinkId) -> Option<Instant> {
        self.queues.get(&link).and_then(|queue| queue.next)
    }

    /// Interfaces that have or had a queue.
    pub fn links(&self) -> impl Iterator<Item = LinkId> + '_ {
        self.queues.keys().copied()
    }
}

fn send(target: &Target, out: &mut Actions) {
    out.push(Action::Report(Report::SendingGarp { interface: target.interface.clone(), ip: target.ip }));
    let frame = match target.ip {
        IpAddr::V4(ip) => arp::gratuitous(target.mac, ip),
        IpAddr::V6(ip) => ndp::unsolicited(target.mac, ip, target.forwarding),
    };
    out.push(Action::Announce { link: target.link, frame });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(last: u8) -> Target {
        let (ip, mac) = (IpAddr::from([10, 0, 0, last]), MacAddr([2, 0, 0, 0, 0, 1]));
        Target { link: LinkId(1), interface: "eth0".into(), mac, ip, forwarding: Forwarding::Off }
    }

    fn frames(out: &Actions) -> usize {
        out.iter().filter(|action| matches!(action, Action::Announce { .. })).count()
    }

    #[test]
    fn without_an_interval_a_burst_goes_out_at_once() {
        let (mut announcer, mut out) = (Announcer::default(), Actions::new());
        announcer.burst(Instant(0), (InstanceId(1), &"VI".into()), &[target(1), target(2)], 5, &mut out);
        assert_eq!((frames(&out), announcer.next(LinkId(1))), (10, None));
    }

    #[test]
    fn with_an_interval_frames_are_spaced_and_forgotten_when_mastership_is_lost() {
        let (mut announcer, mut out) = (Announcer::default(), Actions::new());
        announcer.set_spacing(Spacing { garp: Micros(100), advertisement: Micros::ZERO });
        announcer.burst(Instant(0), (InstanceId(1), &"VI".into()), &[target(1)], 3, &mut out);
        assert_eq!((frames(&out), announcer.next(LinkId(1))), (1, Some(Instant(100))));
        announcer.due(LinkId(1), Instant(99), &mut out);
        assert_eq!(frames(&out), 1);
        announcer.due(LinkId(1), Instant(100), &mut out);
        assert_eq!(frames(&out), 2);
        announcer.forget(InstanceId(1));
        assert_eq!(announcer.next(LinkId(1)), None);
    }
}
