//! What the routers have to agree on once nothing is wrong, computed from their configurations alone.

use std::collections::BTreeMap;
use std::sync::Arc;

use keepalived_core::report::State;
use keepalived_model::track::{Script, TrackerKind, Watch};
use keepalived_model::vrrp::{self, Preempt, Version};
use keepalived_model::{Micros, Weight};

use crate::check::{Broken, masters, stands_aside};
use crate::node::Node;
use crate::scripts;
use crate::world::World;

/// The longest time without an advert that any router waits, in a world without disagreement on intervals.
pub fn longest_down(world: &World) -> Micros {
    // Also those of other configurations, whose masters' intervals may have been learned.
    let all = world.nodes.iter().flat_map(Node::configs).flat_map(|config| &config.instances);
    let down = |i: &vrrp::Instance| {
        let skew = if i.version == Version::V2 { Micros::from_secs(1) } else { i.advert_interval };
        i.advert_interval.times(u64::from(i.down_timer_adverts)) + skew
    };
    all.map(|i| down(i)).max().unwrap_or(Micros::ZERO)
}

/// How long after everything was repaired the routers must agree.
///
/// Scripts first have to be believed again; then nobody is master for at most one waiting time, then a
/// better router may have to wait for its own time and its delay.
pub fn patience(world: &World) -> Micros {
    let nodes = || world.nodes.iter();
    let script = |s: &keepalived_model::track::Script| {
        let runs = s.interval.times(u64::from(s.rise + s.fall));
        runs + s.timeout + Micros::from_secs(5)
    };
    let scripts = nodes().flat_map(|node| &node.config.scripts).map(script).max().unwrap_or(Micros::ZERO);
    let delay = |i: &vrrp::Instance| match i.preempt {
        Preempt::After(delay) => delay + i.advert_interval.times(2),
        Preempt::Always | Preempt::Never => Micros::ZERO,
    };
    let delays =
        nodes().flat_map(|node| &node.config.instances).map(|i| delay(i)).max().unwrap_or(Micros::ZERO);
    let startup =
        nodes().flat_map(Node::configs).map(|config| config.startup_delay).max().unwrap_or(Micros::ZERO);
    let aside = if nodes().any(stands_aside) { Micros::from_secs(31) } else { Micros::ZERO };
    // The delays of processes.
    let scripts = scripts + Micros::from_secs(2);
    scripts + delays + startup + aside + longest_down(world).times(2) + Micros::from_secs(1)
}

/// What an instance must be like: its priority, or nothing where it must be in FAULT.
fn model(world: &World, n: usize, instance: &vrrp::Instance) -> Option<u8> {
    let node = &world.nodes[n];
    let group = node.config.groups.iter().find(|group| group.members.contains(&instance.name));
    let members: Vec<&vrrp::Instance> = match group {
        Some(group) => {
            let all = node.config.instances.iter().map(Arc::as_ref);
            all.filter(|i| group.members.contains(&i.name)).collect()
        }
        None => vec![instance],
    };
    let up = |name: &str| {
        let script = node.config.scripts.iter().find(|script| script.name == name);
        let stays_bad = |script: &Script| {
            let mut bad = world.plan.stay_bad.iter();
            bad.any(|(node, number)| *node == n && scripts::path(*number) == script.command.path)
        };
        !script.is_some_and(stays_bad)
    };
    let weights = |i: &vrrp::Instance| -> Vec<(Weight, bool)> {
        let scripts = i.track.with(group.map(|group| &group.track), TrackerKind::Script);
        let links = i.track.interfaces.iter().map(|link| (link.weight, true));
        scripts.into_iter().map(|(script, weight)| (weight, up(script))).chain(links).collect()
    };
    if members.iter().any(|member| weights(member).iter().any(|(weight, up)| weight.is_fault(*up))) {
        return None;
    }
    let read = |i: &vrrp::Instance| readings(node, i, group);
    if members.iter().any(|member| read(member).is_none()) {
        return None;
    }
    let sum: i64 = weights(instance).iter().map(|(weight, up)| weight.contribution(*up)).sum();
    let sum = sum + read(instance).unwrap_or(0);
    Some(instance.priority.weighted(sum).number())
}

/// What files and processes add to an instance's priority; nothing where they are a fault.
fn readings(node: &Node, instance: &vrrp::Instance, group: Option<&vrrp::SyncGroup>) -> Option<i64> {
    let number = |watch: Watch| node.numbers.get(&watch).copied().unwrap_or(0);
    let mut sum = 0;
    let tracked = |kind| instance.track.with(group.map(|group| &group.track), kind);
    for (name, weight) in tracked(TrackerKind::File) {
        let file = node.config.files.iter().find(|file| file.name == name)?;
        sum += weight.scaled(i32::try_from(number(Watch::File(file.path.clone()))).ok()?)?;
    }
    for (name, weight) in tracked(TrackerKind::Process) {
        let process = node.config.processes.iter().find(|process| process.name == name)?;
        let count = number(Watch::Processes(process.command.clone()));
        let up = process.has_quorum(u32::try_from(count.max(0)).ok()?);
        if weight.is_fault(up) {
            return None;
        }
        sum += weight.contribution(up);
    }
    Some(sum)
}

/// A node that could be master, its priority and how it preempts.
type Able = (usize, u8, Preempt);

/// Checks that everybody is what it must be, and says who is master of what.
pub fn agreement(world: &World) -> Result<BTreeMap<(usize, u8), usize>, Broken> {
    let mut able: BTreeMap<(usize, u8), Vec<Able>> = BTreeMap::new();
    for (n, node) in world.nodes.iter().enumerate() {
        if world.agreed.is_none() && !node.kernel.is_idle() {
            let text = format!("n{n}: {} requests open", node.kernel.pending);
            return Err(("everybody is done with its kernel once healed", text));
        }
        for instance in &node.config.instances {
            let link = node.link(instance.interface_name());
            let Some(segment) = node.port(link).map(|port| port.segment) else { continue };
            let router = (segment, instance.vrid.number());
            let wanted = model(world, n, instance);
            as_modelled(node, n, (link, router.1), wanted)?;
            if let Some(priority) = wanted {
                able.entry(router).or_default().push((n, priority, instance.preempt));
            }
        }
    }
    let mut agreed = BTreeMap::new();
    let masters = masters(world);
    for (router, able) in able {
        let [master] = masters.get(&router).map_or(&[][..], Vec::as_slice) else {
            let who = masters.get(&router);
            return Err(("exactly one master once healed", format!("{router:?}: {who:?} of {able:?}")));
        };
        let priority = able.iter().find(|(n, ..)| n == master).map_or(0, |(_, priority, _)| *priority);
        let better = able.iter().find(|(_, other, preempt)| *other > priority && *preempt != Preempt::Never);
        if let Some(better) = better {
            return Err((
                "the best router is master once healed",
                format!("{router:?}: n{master}, not {better:?}"),
            ));
        }
        agreed.insert(router, *master);
    }
    Ok(agreed)
}

fn as_modelled(node: &Node, n: usize, seat: crate::node::Seat, wanted: Option<u8>) -> Result<(), Broken> {
    let Some(standing) = node.standings().iter().find(|standing| standing.seat == seat) else {
        return Err(("every configured router exists", format!("n{n} {seat:?}")));
    };
    let fine = match wanted {
        None => standing.state == State::Fault,
        Some(priority) => {
            standing.priority == priority && matches!(standing.state, State::Backup | State::Master)
        }
    };
    if fine {
        Ok(())
    } else {
        Err(("state and priority follow from the facts", format!("n{n} {standing:?}, not {wanted:?}")))
    }
}
