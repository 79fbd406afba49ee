//! What must hold in every state, and what some state has to show so that we know the states are not too few.

use std::net::IpAddr;

use keepalived_core::report::State as Role;
use keepalived_model::Micros;
use keepalived_model::vrrp::{Preempt, Version};
use stateright::Property;

use crate::case::Case;
use crate::machine::Machine;
use crate::network::State;

/// After how long of calm the routers must agree: the longest wait for a silent master, once for each router of a group,
/// and the same again for a better router to come forward.
pub fn settling(case: &Case) -> Micros {
    let instances = || case.configs.iter().flat_map(|config| &config.instances);
    let slowest = instances().map(|it| it.advert_interval).max().unwrap_or_default();
    let adverts = instances().map(|it| u64::from(it.down_timer_adverts)).max().unwrap_or(3);
    let delay = instances().map(|it| match it.preempt {
        Preempt::After(delay) => delay,
        Preempt::Always | Preempt::Never => Micros::ZERO,
    });
    let rounds = if case.configs.iter().any(|config| !config.groups.is_empty()) { 2 } else { 1 };
    let skew = if instances().any(|it| it.version == Version::V3) { slowest } else { Micros::from_secs(1) };
    (slowest.times(adverts) + skew).times(rounds).times(2) + delay.max().unwrap_or_default()
}

/// The rules of a case.
pub fn all(case: &Case) -> Vec<Property<Case>> {
    let mut rules = vec![
        Property::always("a router that stopped leaves nothing behind", |_, state: &State| {
            state.machines.iter().all(|machine| !machine.has_stopped || machine.addresses.is_empty())
        }),
        Property::always("a master has its address, nobody else has", |case: &Case, state: &State| {
            state.machines.iter().all(|machine| machine.engine.is_none() || has_what_it_should(case, machine))
        }),
        Property::always("a group is one", |case: &Case, state: &State| {
            state.machines.iter().all(|machine| is_one(case, machine))
        }),
        Property::always("never two masters after a while of calm", |case: &Case, state: &State| {
            !is_settled(state) || counts(case, state).all(|masters| masters <= 1)
        }),
        Property::always("never none after a while of calm", |case: &Case, state: &State| {
            !is_settled(state) || !can_anybody(state) || counts(case, state).all(|masters| masters >= 1)
        }),
        Property::always("the best router is master after a while of calm", |case: &Case, state: &State| {
            !is_settled(state) || is_best(case, state)
        }),
        Property::sometimes("somebody is master", |case: &Case, state: &State| {
            counts(case, state).all(|masters| masters == 1)
        }),
        Property::sometimes("the last one takes over", |_, state: &State| {
            state.machines.last().is_some_and(|machine| is_master(machine))
        }),
    ];
    if case.limits.loses {
        rules.push(Property::sometimes("two masters, for what was lost", |case: &Case, state: &State| {
            state.is_quiet() && counts(case, state).any(|masters| masters > 1)
        }));
    } else {
        rules.push(Property::always(
            "never two masters when nothing is lost",
            |case: &Case, state: &State| {
                !is_heard(case, state) || counts(case, state).all(|masters| masters <= 1)
            },
        ));
        rules.push(Property::always(
            "never two holders when nothing is lost",
            |case: &Case, state: &State| {
                !is_heard(case, state) || addresses(case).all(|ip| holders(state, ip) <= 1)
            },
        ));
    }
    rules
}

/// Everything that was said was heard. A successor that takes up a role has not heard what was said to its predecessor
/// last; if another router has just taken over, it may have to be told again, which happens within a quarter of an
/// interval.
fn is_heard(case: &Case, state: &State) -> bool {
    let instances = case.configs.iter().flat_map(|config| &config.instances);
    let slowest = instances.map(|it| it.advert_interval).max().unwrap_or_default();
    let grace = if case.limits.adopts { Micros(slowest.0 / 4) } else { Micros::ZERO };
    state.is_quiet() && state.calm() >= grace
}

fn is_settled(state: &State) -> bool {
    state.is_quiet() && state.calm() >= state.settling
}

fn is_master(machine: &Machine) -> bool {
    machine.roles().iter().any(|(role, _)| *role == Role::Master)
}

/// How many masters each virtual router has.
fn counts(case: &Case, state: &State) -> impl Iterator<Item = usize> {
    let routers = case.configs.first().map_or(0, |config| config.instances.len());
    let roles: Vec<Vec<(Role, u8)>> = state.machines.iter().map(|machine| machine.roles()).collect();
    (0..routers).map(move |router| {
        let role = |roles: &Vec<(Role, u8)>| roles.get(router).map(|(role, _)| *role);
        roles.iter().filter(|roles| role(roles) == Some(Role::Master)).count()
    })
}

fn addresses(case: &Case) -> impl Iterator<Item = IpAddr> {
    let instances = case.configs.first().map(|config| config.instances.iter()).into_iter().flatten();
    instances.flat_map(|instance| instance.addresses.iter().map(|address| address.ip))
}

/// How many machines that run hold an address; one that crashed can neither remove nor use it.
fn holders(state: &State, ip: IpAddr) -> usize {
    state.machines.iter().filter(|machine| machine.engine.is_some() && machine.holds(ip)).count()
}

fn can_anybody(state: &State) -> bool {
    let able = |machine: &Machine| {
        let roles = machine.roles();
        !roles.is_empty() && roles.iter().all(|(role, _)| matches!(role, Role::Backup | Role::Master))
    };
    state.machines.iter().any(|machine| able(machine))
}

fn has_what_it_should(case: &Case, machine: &Machine) -> bool {
    let Some(config) = case.configs.get(usize::from(machine.number)) else { return false };
    let mut pairs = config.instances.iter().zip(machine.roles());
    pairs.all(|(instance, (role, _))| {
        let should = role == Role::Master;
        instance.addresses.iter().all(|address| machine.holds(address.ip) == should)
    })
}

/// Members of a group have one role.
fn is_one(case: &Case, machine: &Machine) -> bool {
    let grouped = case.configs.get(usize::from(machine.number)).is_some_and(|it| !it.groups.is_empty());
    let roles = machine.roles();
    !grouped || roles.iter().all(|(role, _)| Some(role) == roles.first().map(|(first, _)| first))
}

/// Nobody who may preempt is better than the master: by priority, between equals nobody has to be.
fn is_best(case: &Case, state: &State) -> bool {
    let master = state.machines.iter().find(|machine| is_master(machine));
    let Some(priority) = master.and_then(|machine| machine.roles().first().map(|(_, priority)| *priority))
    else {
        return true;
    };
    let mut others = state.machines.iter().zip(&case.configs);
    others.all(|(machine, config)| {
        let preempts = config.instances.iter().all(|it| it.preempt != Preempt::Never);
        let better = machine.roles().iter().all(|(role, own)| *role == Role::Backup && *own > priority);
        machine.roles().is_empty() || !(preempts && better)
    })
}
