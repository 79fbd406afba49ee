//! Routes, rules and static things of the drawn routers, and what has to be true of them.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use keepalived_core::report::State;
use keepalived_core::routing;
use keepalived_model::kernel::Key;
use keepalived_model::lasting::{Lasting, Tied, TrackGroup};
use keepalived_model::route::{Prefix, Route, RouteKind};
use keepalived_model::rule::{Action, Rule};
use keepalived_model::vrrp::{self, Family};

use crate::check::Broken;
use crate::kernel::Port;
use crate::node::Node;
use crate::rng::Rng;

/// Dice of their own, so that the rest of a seed stays as it is without routes.
const DICE: u64 = 0x7275_7465;

/// Gives one seed in three routes, rules and static things.
pub fn add<'a>(seed: u64, nodes: impl Iterator<Item = (&'a mut vrrp::Config, &'a [Port])>) {
    let mut rng = Rng::new(seed ^ DICE);
    if !rng.one_in(3) {
        return;
    }
    for (config, ports) in nodes {
        for (number, instance) in (1..).zip(config.instances_mut()) {
            let routes = u8::try_from(rng.below(3)).unwrap_or(0);
            instance.routes = (0..routes).map(|last| route(&mut rng, [20, number, last], ports)).collect();
            let rules = u32::try_from(rng.below(2)).unwrap_or(0);
            instance.rules = (0..rules).map(|it| rule(&mut rng, u32::from(number) * 10 + it)).collect();
        }
        config.lasting = lasting(&mut rng, config, ports);
    }
}

fn lasting(rng: &mut Rng, config: &vrrp::Config, ports: &[Port]) -> Lasting {
    // A group's members are all tied or none: others could not follow.
    let members = config.instances.iter().map(|instance| instance.name.clone()).collect();
    let group = TrackGroup { name: "T".into(), members };
    let tie = rng.one_in(4);
    let routes: Vec<Tied<Route>> = (0..u8::try_from(rng.below(3)).unwrap_or(0))
        .map(|last| {
            let thing = route(rng, [30, 0, last], ports);
            let tied = tie && thing.interface.is_some() && !config.instances.is_empty();
            Tied { thing, group: tied.then(|| group.name.clone()) }
        })
        .collect();
    let rules = if rng.one_in(2) { vec![Tied { thing: rule(rng, 5), group: None }] } else { Vec::new() };
    Lasting { routes, rules, groups: if tie { vec![group] } else { Vec::new() }, ..Lasting::default() }
}

fn route(rng: &mut Rng, [a, b, c]: [u8; 3], ports: &[Port]) -> Route {
    let port = ports.get(rng.index(ports.len())).filter(|_| !rng.one_in(4));
    Route {
        kind: if port.is_some() { RouteKind::UNICAST } else { RouteKind::BLACKHOLE },
        interface: port.map(|port| port.name.clone()),
        no_track: port.is_none() || rng.one_in(5),
        ..Route::to(Prefix { ip: IpAddr::V4(Ipv4Addr::new(10, a, b, c)), len: 32 })
    }
}

fn rule(rng: &mut Rng, preference: u32) -> Rule {
    Rule { no_track: rng.one_in(4), ..Rule::new(Family::V4, preference, Action::Table(100)) }
}

/// Routes and rules that are there and that the configuration speaks of. What a dead predecessor left elsewhere is
/// nobody's.
pub fn in_use(node: &Node) -> BTreeSet<Key> {
    let ours: BTreeSet<Key> = routing::of(&node.config).iter().map(anywhere).collect();
    let is_left = |key: &Key| node.leftovers.contains(key) && !is_placed(node, key);
    let there = node.kernel.routing().iter();
    there.filter(|key| ours.contains(&anywhere(key)) && !is_left(key)).cloned().collect()
}

/// Whether the configuration puts this where it is.
fn is_placed(node: &Node, key: &Key) -> bool {
    let Key::Route(key) = key else { return true };
    let lasting = node.config.lasting.routes.iter().map(|tied| &tied.thing);
    let mut routes = node.config.instances.iter().flat_map(|instance| &instance.routes).chain(lasting);
    let place = |route: &Route| route.interface.as_deref().map(|name| node.link(name));
    routes.any(|route| route.destination == key.destination && place(route) == key.link)
}

/// The same on no particular interface.
fn anywhere(key: &Key) -> Key {
    match key {
        Key::Route(route) => {
            let route = keepalived_model::kernel::RouteKey { link: None, ..(**route).clone() };
            Key::Route(route.into())
        }
        key => key.clone(),
    }
}

/// A master has what it wants of routes and rules, static things are there, and nothing else is. What is not
/// tracked may be missing, and what is on an interface that is down.
pub fn as_wanted(node: &Node) -> Result<(), Broken> {
    let Some(process) = node.process.as_ref().filter(|process| !process.stopping) else { return Ok(()) };
    let view = process.engine.view();
    let masters = view.instances.iter().filter(|instance| instance.state == State::Master);
    let mut wanted: BTreeSet<Key> = masters.flat_map(|instance| instance.routing.clone()).collect();
    wanted.extend(view.fixtures.iter().filter_map(|fixture| fixture.key.clone()));
    let there = in_use(node);
    if let Some(extra) = there.difference(&wanted).next() {
        return Err(("no route or rule is there that nobody wants", format!("{extra:?}")));
    }
    let untracked = untracked(&node.config);
    let can_be = |key: &&Key| match key {
        Key::Route(route) => route.link.is_none_or(|link| node.kernel.is_up(link)),
        _ => true,
    };
    let mut missing = wanted.difference(&there).filter(can_be);
    match missing.find(|key| !untracked.contains(&anywhere(key))) {
        Some(missing) => Err(("routes and rules that are wanted are there", format!("{missing:?}"))),
        None => Ok(()),
    }
}

fn untracked(config: &vrrp::Config) -> BTreeSet<Key> {
    let mut only = vrrp::Config { instances: config.instances.clone(), ..vrrp::Config::default() };
    only.lasting = config.lasting.clone();
    for instance in only.instances_mut() {
        instance.routes.retain(|route| route.no_track);
        instance.rules.retain(|rule| rule.no_track);
    }
    only.lasting.routes.retain(|tied| tied.thing.no_track);
    only.lasting.rules.retain(|tied| tied.thing.no_track);
    routing::of(&only).iter().map(anywhere).collect()
}
