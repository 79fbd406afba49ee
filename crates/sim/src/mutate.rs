//! Configurations that differ from others, for reloads.

use std::net::IpAddr;
use std::sync::Arc;

use keepalived_model::vrrp::{self, Preempt, VirtualAddress};
use keepalived_model::{Micros, Priority};

use crate::rng::Rng;

/// A change of a configuration. Numbers choose among what is there, modulo how much that is.
#[expect(missing_docs, reason = "the variants' sentences name the fields")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutation {
    /// None at all.
    Same,
    /// Back to the first configuration.
    Original,
    /// Another priority for one instance, or for all of its group; an owner keeps its own.
    Priority { which: usize, number: u8 },
    /// Another way to treat living masters, for one instance or for all of its group.
    Preempt { which: usize, preempt: Preempt },
    /// One more address.
    AddAddress { which: usize },
    /// One address less.
    RemoveAddress { which: usize },
    /// An address changes to another instance.
    MoveAddress { from: usize, to: usize },
    /// One instance less.
    RemoveInstance { which: usize },
    /// Another name for an instance.
    Rename { which: usize },
}

impl Mutation {
    /// One of them.
    pub fn draw(rng: &mut Rng) -> Self {
        let (which, to) = (rng.index(8), rng.index(8));
        let number = u8::try_from(rng.between(1, 254)).unwrap_or(1);
        let preempt = rng.pick(&[Preempt::Always, Preempt::Never, Preempt::After(Micros::from_secs(1))]);
        rng.pick(&[
            Self::Same,
            Self::Preempt { which, preempt },
            Self::Original,
            Self::Original,
            Self::Priority { which, number },
            Self::Priority { which, number },
            Self::AddAddress { which },
            Self::RemoveAddress { which },
            Self::MoveAddress { from: which, to },
            Self::RemoveInstance { which },
            Self::Rename { which },
        ])
    }

    /// The changed configuration. What cannot be changed stays as it is.
    pub fn apply(self, original: &vrrp::Config, now: &vrrp::Config) -> vrrp::Config {
        let mut config = now.clone();
        let count = config.instances.len();
        if count == 0 {
            return if self == Self::Original { original.clone() } else { config };
        }
        match self {
            Self::Same => {}
            Self::Original => config = original.clone(),
            Self::Priority { which, number } => {
                change_together(&mut config, which % count, |instance| {
                    if !instance.priority.is_owner() {
                        instance.priority = Priority::try_from(number).unwrap_or(instance.priority);
                    }
                });
            }
            Self::Preempt { which, preempt } => {
                change_together(&mut config, which % count, |instance| {
                    if !instance.priority.is_owner() {
                        instance.preempt = preempt;
                    }
                });
            }
            Self::AddAddress { which } => add_address(&mut config, which % count),
            Self::RemoveAddress { which } => {
                let addresses = &mut Arc::make_mut(&mut config.instances[which % count]).addresses;
                if addresses.len() > 1 {
                    addresses.remove(0);
                }
            }
            Self::MoveAddress { from, to } => move_address(&mut config, from % count, to % count),
            Self::RemoveInstance { which } => {
                let gone = config.instances.remove(which % count).name.clone();
                for group in &mut config.groups {
                    group.members.retain(|member| *member != gone);
                }
                config.groups.retain(|group| !group.members.is_empty());
            }
            Self::Rename { which } => rename(&mut config, which % count),
        }
        config
    }
}

/// Members of a group have to agree on who is better.
fn change_together(config: &mut vrrp::Config, which: usize, change: impl Fn(&mut vrrp::Instance)) {
    let name = config.instances[which].name.clone();
    let group = config.groups.iter().find(|group| group.members.contains(&name));
    let together = group.map_or_else(|| vec![name], |group| group.members.clone());
    config.instances_mut().filter(|instance| together.contains(&instance.name)).for_each(change);
}

fn add_address(config: &mut vrrp::Config, which: usize) {
    let taken = |ip: IpAddr, config: &vrrp::Config| {
        config.instances.iter().any(|i| i.addresses.iter().chain(&i.excluded).any(|address| address.ip == ip))
    };
    let Some(VirtualAddress { ip: IpAddr::V4(first), .. }) =
        config.instances[which].addresses.first().cloned()
    else {
        return;
    };
    let [a, b, c, _] = first.octets();
    let free = (200..250).map(|d| IpAddr::from([a, b, c, d])).find(|ip| !taken(*ip, config));
    if let (Some(ip), Some(model)) = (free, config.instances[which].addresses.first().cloned()) {
        Arc::make_mut(&mut config.instances[which]).addresses.push(VirtualAddress { ip, ..model });
    }
}

fn move_address(config: &mut vrrp::Config, from: usize, to: usize) {
    let of = |at: usize| (&config.instances[at].interface, config.instances[at].family);
    let together = of(from) == of(to);
    if from != to && together && config.instances[from].addresses.len() > 1 {
        let address = Arc::make_mut(&mut config.instances[from]).addresses.remove(0);
        Arc::make_mut(&mut config.instances[to]).addresses.push(address);
    }
}

fn rename(config: &mut vrrp::Config, which: usize) {
    let before = config.instances[which].name.clone();
    let after =
        if before.ends_with('x') { before.trim_end_matches('x').to_owned() } else { format!("{before}x") };
    Arc::make_mut(&mut config.instances[which]).name.clone_from(&after);
    for group in &mut config.groups {
        for member in group.members.iter_mut().filter(|member| **member == before) {
            member.clone_from(&after);
        }
    }
}
