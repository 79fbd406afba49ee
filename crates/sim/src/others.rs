//! Other configurations that the nodes of a plan are told to run with: virtual routers come, go and change in every
//! way, addresses move between them, groups form and dissolve. All nodes are told, one after the other; meanwhile
//! they contradict each other, and now and then one of them is never told.

use std::collections::BTreeMap;

use keepalived_model::Instant;
use keepalived_model::vrrp::{self, Transport, Version};

use crate::kernel::Port;
use crate::node::Node;
use crate::ops::Op;
use crate::plan::{Draft, Plan, Router, draw_router, draw_scripts};
use crate::rng::Rng;
use crate::routing;
use crate::watched::Watched;

/// Dice of their own, so that the rest of a seed stays as it is without other configurations.
const DICE: u64 = 0x6f74_6865;

/// Gives one seed in three other configurations, and moments at which nodes change to them.
pub(crate) fn add(plan: &mut Plan, draft: &Draft, from: Instant) {
    let mut rng = Rng::new(plan.seed ^ DICE);
    if !rng.one_in(3) {
        return;
    }
    let ports: Vec<Vec<Port>> = plan.nodes.iter().map(|node| node.ports.clone()).collect();
    let count = rng.pick(&[1, 1, 2]);
    for _ in 0..count {
        let draft = draft.altered(&mut rng);
        for (number, node) in plan.nodes.iter_mut().enumerate() {
            node.others.push(draft.config(&mut rng, number, &ports));
        }
        let added =
            plan.nodes.iter_mut().filter_map(|node| Some((node.others.last_mut()?, node.ports.as_slice())));
        routing::add(rng.next(), added);
    }
    for _ in 0..rng.between(1, 4) {
        roll_out(plan, count, from, &mut rng);
    }
    plan.ops.sort_by_key(|(at, _)| *at);
    plan.ends_with = Some(rng.index(count + 1)).filter(|number| *number < count);
}

/// One configuration is brought to all nodes, or to most.
fn roll_out(plan: &mut Plan, count: usize, from: Instant, rng: &mut Rng) {
    let at = rng.between(from.0, plan.heal_at.0);
    let spread = rng.pick(&[1_000, 500_000, 5_000_000]);
    let other = Some(rng.index(count + 1)).filter(|number| *number < count);
    for node in 0..plan.nodes.len() {
        let at = Instant(at + rng.below(spread));
        if at < plan.heal_at && !rng.one_in(8) {
            plan.ops.push((at, Op::Exchange { node, other }));
        }
    }
}

impl Draft {
    /// Some of it as it is, the rest anew.
    fn altered(&self, rng: &mut Rng) -> Self {
        let mut routers: Vec<Router> = Vec::new();
        let slow = rng.one_in(2);
        let anew =
            |number: usize, rng: &mut Rng| draw_router(rng, number, self.nodes, self.segments, (slow, 0));
        for (number, router) in self.routers.iter().enumerate() {
            match rng.below(4) {
                0 => {}
                1 => routers.push(anew(number, rng)),
                _ => routers.push(router.clone()),
            }
        }
        if routers.is_empty() || rng.one_in(2) {
            routers.push(anew(self.routers.len(), rng));
        }
        exchange_addresses(&mut routers, rng);
        rng.shuffle(&mut routers);
        let grouped = if routers.len() > 1 && rng.one_in(3) { rng.index(3) + 2 } else { 0 };
        for (number, router) in routers.iter_mut().enumerate() {
            router.join(number < grouped);
        }
        let scripts = if rng.one_in(2) { self.scripts.clone() } else { draw_scripts(rng) };
        let watched = if rng.one_in(2) { self.watched.clone() } else { Watched::draw(rng) };
        Self { routers, scripts, watched, preempt: rng.pick(&[0, 1]), ..*self }
    }
}

/// An address, or all but one, change to another router of the same kind.
fn exchange_addresses(routers: &mut [Router], rng: &mut Rng) {
    let (from, to) = (rng.index(routers.len()), rng.index(routers.len()));
    let of = |router: &Router| (router.segment, router.family);
    if from == to || of(&routers[from]) != of(&routers[to]) {
        return;
    }
    let moved = routers[from].addresses.split_off(1);
    routers[to].addresses.extend(moved);
}

/// Whether all nodes mean the same by each of their virtual routers. Where they do not, nobody can agree.
pub fn agree(nodes: &[Node]) -> bool {
    let mut known: BTreeMap<_, &vrrp::Instance> = BTreeMap::new();
    for node in nodes {
        for instance in &node.config.instances {
            let segment = node.port(node.link(instance.interface_name())).map(|port| port.segment);
            let other = known.entry((segment, instance.vrid)).or_insert(instance);
            if !understand(instance, other) {
                return false;
            }
        }
    }
    true
}

/// Whether routers of these configurations believe each other. Intervals may differ in version 3.
fn understand(a: &vrrp::Instance, b: &vrrp::Instance) -> bool {
    let interval = a.version == Version::V3 || a.advert_interval == b.advert_interval;
    let transport = match (&a.transport, &b.transport) {
        (Transport::Multicast { group, .. }, Transport::Multicast { group: other, .. }) => group == other,
        (Transport::Unicast { .. }, Transport::Unicast { .. }) => true,
        (Transport::Multicast { .. }, Transport::Unicast { .. })
        | (Transport::Unicast { .. }, Transport::Multicast { .. }) => false,
    };
    interval && transport && (a.version, a.family, &a.auth) == (b.version, b.family, &b.auth)
}
