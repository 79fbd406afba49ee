//! Gratuitous ARP and neighbor advertisements: frames at once, or spaced out per interface (`vrrp_garp_interval`,
//! `vrrp_gna_interval`) or over several interfaces (`garp_group`).

use std::collections::{BTreeMap, VecDeque};
use std::hash::{Hash, Hasher};
use std::net::IpAddr;

use keepalived_model::kernel::AddressKey;
use keepalived_model::link::{GarpGroup, Spacing};
use keepalived_model::vrrp::{self, Family};
use keepalived_model::{InstanceId, Instant, LinkId, MacAddr, Micros};
use keepalived_wire::ndp::Forwarding;
use keepalived_wire::{arp, ndp};

use crate::deadlines::ahead;
use crate::engine::Engine;
use crate::event::{Action, Actions};
use crate::report::{Name, Report};
use crate::view::PaceView;

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

/// How frames are spaced out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pacing {
    /// On an interface in no group.
    usual: Spacing,
    groups: Vec<GarpGroup>,
}

/// Frames of one kind that follow each other: those of an interface, or of the interfaces of a group. Gratuitous ARP
/// and neighbor advertisements do not wait for each other (scenario `interfaces of a garp_group share one pace`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lane {
    road: Road,
    kind: Family,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Road {
    Link(LinkId),
    Group(usize),
}

impl Pacing {
    /// That of a configuration.
    pub fn of(config: &vrrp::Config) -> Self {
        Self { usual: config.spacing(), groups: config.garp_groups.clone() }
    }

    fn lane(&self, interface: &str, link: LinkId, kind: Family) -> Lane {
        let mut groups = self.groups.iter();
        let group = groups.position(|group| group.interfaces.iter().any(|member| member == interface));
        Lane { road: group.map_or(Road::Link(link), Road::Group), kind }
    }

    /// From one frame to the next. Who is in a group does not keep the usual pace, whatever the group says.
    fn interval(&self, lane: Lane) -> Micros {
        let (garp, advertisement) = match lane.road {
            Road::Link(_) => (self.usual.garp, self.usual.advertisement),
            Road::Group(group) => self.groups.get(group).map_or_else(Default::default, |group| {
                (group.garp_interval.unwrap_or_default(), group.gna_interval.unwrap_or_default())
            }),
        };
        if lane.kind == Family::V4 { garp } else { advertisement }
    }
}

/// The queues of all lanes.
#[derive(Clone, Debug, Default)]
pub struct Announcer {
    pacing: Pacing,
    queues: BTreeMap<Lane, Queue>,
}

#[derive(Clone, Debug, Default)]
struct Queue {
    waiting: VecDeque<(InstanceId, Target)>,
    /// When the lane is free for the next frame; it is before the first.
    free: Option<Instant>,
}

impl Announcer {
    /// See [`crate::Engine::essence`].
    pub fn essence(&self, now: Instant, into: &mut impl Hasher) {
        let Self { pacing: _, queues } = self;
        for (lane, Queue { waiting, free }) in queues {
            (lane, ahead(free.filter(|free| *free > now), now)).hash(into);
            waiting.iter().for_each(|(instance, target)| (instance, target.link, target.ip).hash(into));
        }
    }

    /// Sets the spacing of frames. What waits goes on at the new pace.
    pub fn set_pacing(&mut self, pacing: Pacing) {
        if self.pacing == pacing {
            return;
        }
        self.pacing = pacing;
        for (old, queue) in std::mem::take(&mut self.queues) {
            // Of what was one lane and is several now, each is free when the one would have been.
            for (owner, target) in queue.waiting {
                let lane = self.pacing.lane(&target.interface, target.link, old.kind);
                let into = self.queues.entry(lane).or_default();
                into.free = into.free.max(queue.free);
                into.waiting.push_back((owner, target));
            }
        }
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
                let lane = self.lane(target);
                if self.pacing.interval(lane).is_zero() {
                    send(target, out);
                } else {
                    let queue = self.queues.entry(lane).or_default();
                    if queue.waiting.len() < QUEUE_MAX {
                        queue.waiting.push_back((instance.0, target.clone()));
                    }
                }
            }
        }
        for target in targets {
            self.due(self.lane(target), now, out);
        }
    }

    /// Sends the next waiting frame of a lane if its time has come.
    pub fn due(&mut self, lane: Lane, now: Instant, out: &mut Actions) {
        let interval = self.pacing.interval(lane);
        let Some(queue) = self.queues.get_mut(&lane) else { return };
        while queue.free.is_none_or(|free| free <= now)
            && let Some((_, target)) = queue.waiting.pop_front()
        {
            send(&target, out);
            queue.free = Some(now + interval);
        }
    }

    /// Forgets what an instance still had waiting: it is not master any more.
    pub fn forget(&mut self, instance: InstanceId) {
        for queue in self.queues.values_mut() {
            queue.waiting.retain(|(owner, _)| *owner != instance);
        }
    }

    /// Forgets what an instance still had waiting for one address: it is not its own any more.
    pub fn forget_address(&mut self, instance: InstanceId, key: AddressKey) {
        let is_it = |target: &Target| target.link == key.link && target.ip == key.ip;
        for queue in self.queues.values_mut() {
            queue.waiting.retain(|(owner, target)| *owner != instance || !is_it(target));
        }
    }

    /// When a lane may send its next waiting frame.
    pub fn next(&self, lane: Lane) -> Option<Instant> {
        self.queues.get(&lane).filter(|queue| !queue.waiting.is_empty())?.free
    }

    /// Lanes that have or had a queue.
    pub fn lanes(&self) -> impl Iterator<Item = Lane> + '_ {
        self.queues.keys().copied()
    }

    fn lane(&self, target: &Target) -> Lane {
        self.pacing.lane(&target.interface, target.link, Family::of(target.ip))
    }

    fn free(&self, lane: Lane) -> Option<Instant> {
        self.queues.get(&lane)?.free
    }
}

impl Engine {
    /// Every pace that announcements keep: the groups', then those of interfaces with addresses and without a group.
    pub(crate) fn pace_views(&self) -> Vec<PaceView<'_>> {
        let pacing = &self.announcer.pacing;
        let pace = |road, interval: Option<Micros>, kind| {
            interval.map(|interval| (interval, self.announcer.free(Lane { road, kind })))
        };
        let mut shared = 0;
        let mut views = Vec::new();
        for (at, group) in pacing.groups.iter().enumerate() {
            let several = group.interfaces.len() > 1;
            shared += usize::from(several);
            let mut interfaces: Vec<&str> = group.interfaces.iter().map(String::as_str).collect();
            interfaces.sort_by_key(|name| self.links.named(name).map(|link| link.id));
            views.push(PaceView {
                number: if several { shared } else { 0 },
                garp: pace(Road::Group(at), group.garp_interval, Family::V4),
                advertisement: pace(Road::Group(at), group.gna_interval, Family::V6),
                interfaces,
            });
        }
        let usual = |interval: Micros| (!interval.is_zero()).then_some(interval);
        let (garp, advertisement) = (usual(pacing.usual.garp), usual(pacing.usual.advertisement));
        if garp.is_none() && advertisement.is_none() {
            return views;
        }
        for instance in self.order.iter().filter_map(|id| self.instances.get(id)) {
            let addresses = instance.config.addresses.iter().chain(&instance.config.excluded);
            for link in addresses.filter_map(|address| instance.place_of(address, &self.links)) {
                let Some(link) = self.links.get(link) else { continue };
                if views.iter().any(|view| view.interfaces.contains(&&*link.name)) {
                    continue;
                }
                views.push(PaceView {
                    number: 0,
                    garp: pace(Road::Link(link.id), garp, Family::V4),
                    advertisement: pace(Road::Link(link.id), advertisement, Family::V6),
                    interfaces: vec![&link.name],
                });
            }
        }
        views
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

    const ARP: Lane = Lane { road: Road::Link(LinkId(1)), kind: Family::V4 };

    #[test]
    fn without_an_interval_a_burst_goes_out_at_once() {
        let (mut announcer, mut out) = (Announcer::default(), Actions::new());
        announcer.burst(Instant(0), (InstanceId(1), &"VI".into()), &[target(1), target(2)], 5, &mut out);
        assert_eq!((frames(&out), announcer.next(ARP)), (10, None));
    }

    #[test]
    fn with_an_interval_frames_are_spaced_and_forgotten_when_mastership_is_lost() {
        let (mut announcer, mut out) = (Announcer::default(), Actions::new());
        let usual = Spacing { garp: Micros(100), advertisement: Micros::ZERO };
        announcer.set_pacing(Pacing { usual, groups: Vec::new() });
        announcer.burst(Instant(0), (InstanceId(1), &"VI".into()), &[target(1)], 3, &mut out);
        assert_eq!((frames(&out), announcer.next(ARP)), (1, Some(Instant(100))));
        announcer.due(ARP, Instant(99), &mut out);
        assert_eq!(frames(&out), 1);
        announcer.due(ARP, Instant(100), &mut out);
        assert_eq!(frames(&out), 2);
        announcer.forget(InstanceId(1));
        assert_eq!(announcer.next(ARP), None);
        announcer.burst(Instant(150), (InstanceId(1), &"VI".into()), &[target(1)], 1, &mut out);
        assert_eq!((frames(&out), announcer.next(ARP)), (2, Some(Instant(200))), "the pace is kept");
    }

    #[test]
    fn interfaces_of_a_group_share_a_pace_which_a_reload_changes_for_what_waits() {
        let (mut announcer, mut out) = (Announcer::default(), Actions::new());
        let group = |garp| GarpGroup {
            garp_interval: Some(Micros(garp)),
            gna_interval: None,
            interfaces: vec!["eth0".into(), "eth1".into()],
        };
        announcer.set_pacing(Pacing { usual: Spacing::default(), groups: vec![group(100)] });
        let other = Target { link: LinkId(2), interface: "eth1".into(), ..target(2) };
        let lane = Lane { road: Road::Group(0), kind: Family::V4 };
        announcer.burst(Instant(0), (InstanceId(1), &"VI".into()), &[target(1), other], 2, &mut out);
        assert_eq!((frames(&out), announcer.next(lane)), (1, Some(Instant(100))));
        announcer.set_pacing(Pacing { usual: Spacing::default(), groups: vec![group(10)] });
        announcer.due(lane, Instant(100), &mut out);
        assert_eq!((frames(&out), announcer.next(lane)), (2, Some(Instant(110))));
        announcer.set_pacing(Pacing::default());
        for lane in announcer.lanes().collect::<Vec<_>>() {
            announcer.due(lane, Instant(110), &mut out);
        }
        assert_eq!(frames(&out), 4, "without an interval nothing waits");
    }
}
