//! What a seed stands for: routers with their configurations, the network, and everything that goes wrong.

use std::net::{IpAddr, Ipv4Addr};

use keepalived_model::notify::{Command, RunAs};
use keepalived_model::track::{Script, Tracked, Trackers};
use keepalived_model::vrrp::{
    self, AntiReplay, Auth, Family, GROUP_V4, GROUP_V6, Garp, Hmac, HmacMode, Preempt, SyncGroup, Transport,
    Version, VirtualAddress,
};
use keepalived_model::{Instant, LinkId, MacAddr, Micros, Priority, Vrid, Weight};

use crate::clock::Clock;
use crate::kernel::Port;
use crate::ops::{Draw, Extent, Op, TROUBLES};
use crate::others;
use crate::rng::Rng;
use crate::routing;
use crate::scripts;
use crate::watched::Watched;

/// One machine.
#[derive(Clone, Debug)]
pub struct NodePlan {
    /// Its interfaces.
    pub ports: Vec<Port>,
    /// Its clock.
    pub clock: Clock,
    /// Its first configuration.
    pub config: vrrp::Config,
    /// Others that it may be told to run with.
    pub others: Vec<vrrp::Config>,
}

/// A whole run, before it is run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What it was drawn from; also seeds the dice of the run itself.
    pub seed: u64,
    /// The machines.
    pub nodes: Vec<NodePlan>,
    /// How many Ethernets there are.
    pub segments: usize,
    /// What goes wrong, in the order of time.
    pub ops: Vec<(Instant, Op)>,
    /// Scripts that stay bad after everything else is repaired: node, script.
    pub stay_bad: Vec<(usize, usize)>,
    /// Kernels keep the mark that says whose an address is (Linux 5.18 and later).
    pub marks: bool,
    /// When everything is repaired.
    pub heal_at: Instant,
    /// What everybody runs with then, where there are other configurations: one of these, or the first one.
    pub ends_with: Option<usize>,
}

/// What the configurations of all nodes are made from.
#[derive(Clone)]
pub(crate) struct Draft {
    pub nodes: usize,
    pub segments: usize,
    pub routers: Vec<Router>,
    pub scripts: Vec<Script>,
    pub watched: Watched,
    pub preempt: u8,
}

/// What all nodes agree on about one virtual router.
#[derive(Clone)]
pub(crate) struct Router {
    pub segment: usize,
    vrid: Vrid,
    pub family: Family,
    version: Version,
    interval: Micros,
    adverts: u32,
    auth: Auth,
    unicast: bool,
    pub addresses: Vec<VirtualAddress>,
    excluded: Vec<VirtualAddress>,
    /// Who claims to own the addresses; more than one is a mistake of the operator.
    owners: Vec<usize>,
    /// Version 3: nodes advertise at intervals of their own.
    uneven: bool,
    grouped: bool,
}

impl Plan {
    /// The plan of a seed.
    pub fn draw(seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let nodes = rng.pick(&[2, 2, 2, 3, 3, 4, 5]);
        let segments = rng.pick(&[1, 1, 2]);
        let routers = draw_routers(&mut rng, nodes, segments);
        let scripts = draw_scripts(&mut rng);
        let watched = Watched::draw(&mut rng);
        let mut order: Vec<u8> = (1..=5).collect();
        rng.shuffle(&mut order);
        let ports: Vec<Vec<Port>> = (0..nodes).map(|node| draw_ports(node, order[node], segments)).collect();
        let preempt = rng.pick(&[0, 0, 1]);
        let draft = Draft { nodes, segments, routers, scripts, watched, preempt };
        let plans = (0..nodes).map(|node| {
            let config = draft.config(&mut rng, node, &ports);
            let clock = Clock { offset: rng.below(1 << 40), ppm: draw_ppm(&mut rng) };
            NodePlan { ports: ports[node].clone(), clock, config, others: Vec::new() }
        });
        let mut plans: Vec<NodePlan> = plans.collect();
        routing::add(seed, plans.iter_mut().map(|plan| (&mut plan.config, plan.ports.as_slice())));
        let from = Instant(rng.between(0, 3_000_000));
        let heal_at = from + Micros(rng.between(5_000_000, 45_000_000));
        let watches = plans.iter().map(|plan| plan.config.watches().len()).min().unwrap_or(0);
        let scripts = draft.scripts.len();
        let extent = Extent { nodes, segments, scripts, watches, from, until: heal_at };
        let vrids: Vec<u8> = draft.routers.iter().map(|router| router.vrid.number()).collect();
        let ops = draw_ops(&mut rng, extent, &vrids);
        let mut stay_bad: Vec<(usize, usize)> =
            (0..nodes).map(|node| (node, rng.index(scripts::COUNT_MAX))).collect();
        stay_bad.retain(|(_, script)| *script < scripts && rng.one_in(4));
        let marks = !rng.one_in(4);
        let mut plan = Self { seed, nodes: plans, segments, ops, stay_bad, marks, heal_at, ends_with: None };
        others::add(&mut plan, &draft, from);
        plan
    }

    /// One line that says what is being tried.
    pub fn describe(&self) -> String {
        let Some(first) = self.nodes.first() else { return String::new() };
        let names: Vec<String> = first
            .config
            .instances
            .iter()
            .map(|i| format!("{}({:?} {}s on {})", i.name, i.version, i.advert_interval, i.interface_name()))
            .collect();
        format!(
            "{} nodes, {} segments, {}, {} groups, {} scripts, {} other configurations, {} operations, heals at {}",
            self.nodes.len(),
            self.segments,
            names.join(" "),
            first.config.groups.len(),
            first.config.scripts.len(),
            first.others.len(),
            self.ops.len(),
            self.heal_at.since(Instant(0)),
        )
    }
}

fn draw_ppm(rng: &mut Rng) -> i64 {
    i64::try_from(rng.below(401)).unwrap_or(0) - 200
}

fn draw_ports(node: usize, host: u8, segments: usize) -> Vec<Port> {
    let number = |n: usize| u8::try_from(n).unwrap_or(0);
    let port = |segment: usize| Port {
        link: LinkId(2 + u32::from(number(segment))),
        name: format!("eth{segment}"),
        segment,
        ip: Ipv4Addr::new(10, number(segment), 0, host),
        mac: MacAddr([2, 0, 0, 0, number(segment), number(node) + 1]),
    };
    (0..segments).map(port).collect()
}

fn draw_routers(rng: &mut Rng, nodes: usize, segments: usize) -> Vec<Router> {
    let count = usize::try_from(rng.pick(&[1, 1, 2, 2, 3, 4])).unwrap_or(1);
    let grouped = if count > 1 && rng.one_in(3) { rng.between(2, 4) } else { 0 };
    let slow = rng.one_in(2);
    (0..count).map(|number| draw_router(rng, number, nodes, segments, (slow, grouped))).collect()
}

/// The router of this number: the first `grouped` ones share a group.
pub(crate) fn draw_router(
    rng: &mut Rng,
    number: usize,
    nodes: usize,
    segments: usize,
    (slow, grouped): (bool, u64),
) -> Router {
    let segment = rng.index(segments);
    let version = if slow || rng.one_in(2) { Version::V2 } else { Version::V3 };
    let interval = match version {
        Version::V2 => Micros::from_secs(rng.pick(&[1, 1, 1, 2, 3])),
        Version::V3 => Micros::from_centis(rng.pick(&[10, 25, 50, 100, 150])),
    };
    let grouped = u64::try_from(number).is_ok_and(|number| number < grouped);
    let family = if rng.one_in(4) { Family::V6 } else { Family::V4 };
    let address = |family: Family, last: u64| {
        VirtualAddress::plain(virtual_ip(family, segment, last), if family == Family::V4 { 32 } else { 128 })
    };
    let first = 100 + 10 * u64::try_from(number).unwrap_or(0);
    let (shown, hidden) = (rng.between(1, 3), rng.pick(&[0, 0, 1]));
    let other = rng.pick(&[family, Family::V4, Family::V6]);
    Router {
        segment,
        vrid: Vrid::try_from(u8::try_from(51 + number).unwrap_or(51))
            .unwrap_or_else(|_| unreachable!("51 and up")),
        family,
        version,
        interval,
        adverts: rng.pick(&[3, 3, 3, 2, 5]),
        auth: draw_auth(rng, family, version, interval),
        unicast: rng.one_in(5),
        addresses: (first..first + shown).map(|last| address(family, last)).collect(),
        excluded: (first + 5..first + 5 + hidden).map(|last| address(other, last)).collect(),
        owners: if grouped { Vec::new() } else { draw_owners(rng, nodes) },
        uneven: version == Version::V3 && rng.one_in(6),
        grouped,
    }
}

/// One of each kind, all nodes the same.
fn draw_auth(rng: &mut Rng, family: Family, version: Version, interval: Micros) -> Auth {
    let password = *b"1111\0\0\0\0";
    match (rng.below(6), version) {
        (0 | 1, Version::V2) => Auth::Pass(password),
        (2, Version::V2) if family == Family::V4 => Auth::Ah(password),
        (3, _) => Auth::Hmac(Hmac {
            keys: [(1, vec![b'k'; 32])].into(),
            active: 1,
            window: Micros::from_secs(interval.times(3).as_secs().max(5)),
            anti_replay: rng.pick(&[AntiReplay::Time, AntiReplay::Monotonic]),
            mode: HmacMode::Enforce,
        }),
        _ => Auth::None,
    }
}

/// The first ones of a router of IPv6 are link-local, and must not be taken for the machine's own.
fn virtual_ip(family: Family, segment: usize, last: u64) -> IpAddr {
    let (segment, last) = (u8::try_from(segment).unwrap_or(0), u8::try_from(last).unwrap_or(0));
    let first = if last.is_multiple_of(2) { 0xfe80 } else { 0xfd00 };
    match family {
        Family::V4 => [10, segment, 0, last].into(),
        Family::V6 => [first, 0, 0, 0, 0, 0, 1 + u16::from(segment), u16::from(last)].into(),
    }
}

pub(crate) fn draw_scripts(rng: &mut Rng) -> Vec<Script> {
    let count = rng.pick(&[0_usize, 0, 1, 1, 2, 3]);
    let script = |number: usize| {
        let path = scripts::path(number);
        let interval = Micros::from_millis(rng.pick(&[200, 500, 1000]));
        Script {
            name: format!("chk{number}"),
            command: Command { path: path.clone(), argv: vec![path], user: RunAs::default() },
            interval,
            timeout: rng.pick(&[interval, Micros::from_millis(300), Micros::from_secs(2)]),
            weight: Weight::default(),
            rise: rng.pick(&[1, 1, 2, 3]),
            fall: rng.pick(&[1, 1, 2, 3]),
            init_fail: rng.one_in(8),
        }
    };
    (0..count).map(script).collect()
}

impl Router {
    /// Whether its routers share a group with others, in which nobody owns addresses.
    pub fn join(&mut self, grouped: bool) {
        self.grouped = grouped;
        if grouped {
            self.owners.clear();
        }
    }
}

impl Draft {
    /// What one of the nodes makes of it.
    pub fn config(&self, rng: &mut Rng, node: usize, ports: &[Vec<Port>]) -> vrrp::Config {
        draw_config(rng, node, ports, &self.routers, (&self.scripts, &self.watched), self.preempt)
    }
}

fn draw_config(
    rng: &mut Rng,
    node: usize,
    ports: &[Vec<Port>],
    routers: &[Router],
    (scripts, watched): (&[Script], &Watched),
    preempt: u8,
) -> vrrp::Config {
    let (group_priority, group_preempt) = (draw_priority(rng), draw_preempt(rng, preempt));
    let group_adverts = rng.one_in(6);
    let mut instances: Vec<vrrp::Instance> = routers
        .iter()
        .map(|router| {
            let mut instance = draw_instance(rng, node, ports, router, scripts, preempt);
            (instance.track.files, instance.track.processes) = watched.track(rng, !router.grouped);
            if router.grouped {
                (instance.priority, instance.preempt) = (group_priority, group_preempt);
                (instance.dont_track_primary, instance.lower_prio_no_advert) = (false, group_adverts);
            }
            instance
        })
        .collect();
    let members: Vec<String> = instances
        .iter()
        .zip(routers)
        .filter(|(_, router)| router.grouped)
        .map(|(instance, _)| instance.name.clone())
        .collect();
    let tracked = draw_tracked(rng, scripts, true);
    for member in instances.iter_mut().filter(|instance| members.contains(&instance.name)) {
        // Members of one group with different priorities stand in each other's way, as they do in the original.
        let weighted =
            |own: &Tracked| tracked.iter().any(|group| group.name == own.name && group.weight.amount != 0);
        member.track.scripts.retain(|own| !weighted(own));
    }
    let (track_files, track_processes) = watched.track(rng, true);
    for member in instances.iter_mut().filter(|instance| members.contains(&instance.name)) {
        member.track.files.retain(|own| !track_files.iter().any(|group| group.name == own.name));
        member.track.processes.retain(|own| !track_processes.iter().any(|group| group.name == own.name));
    }
    let group = SyncGroup {
        name: "G1".into(),
        members,
        track: Trackers {
            scripts: tracked,
            files: track_files,
            processes: track_processes,
            ..Trackers::default()
        },
        ..SyncGroup::default()
    };
    vrrp::Config {
        groups: if group.members.is_empty() { Vec::new() } else { vec![group] },
        scripts: scripts.to_vec(),
        files: watched.files.clone(),
        processes: watched.processes.clone(),
        garp_interval: rng.pick(&[Micros::ZERO, Micros::ZERO, Micros::from_millis(2)]),
        startup_delay: if rng.one_in(10) { Micros::from_secs(rng.between(1, 4)) } else { Micros::ZERO },
        ..vrrp::Config::of(instances)
    }
}

fn draw_instance(
    rng: &mut Rng,
    node: usize,
    ports: &[Vec<Port>],
    router: &Router,
    scripts: &[Script],
    preempt: u8,
) -> vrrp::Instance {
    let others = ports.iter().enumerate().filter(|(other, _)| *other != node);
    let peers = others.map(|(_, ports)| ports[router.segment].own(router.family).into()).collect();
    let own = ports[node][router.segment].clone();
    let source = rng.one_in(3).then_some(own.own(router.family));
    let owner = router.owners.contains(&node);
    let group = if router.family == Family::V4 { GROUP_V4.into() } else { GROUP_V6.into() };
    let factor = if router.uneven { rng.pick(&[1, 2, 4]) } else { 1 };
    vrrp::Instance {
        family: router.family,
        version: router.version,
        priority: if owner { Priority::OWNER } else { draw_priority(rng) },
        wants_master: rng.one_in(3),
        advert_interval: router.interval.times(factor),
        preempt: if owner { Preempt::Always } else { draw_preempt(rng, preempt) },
        down_timer_adverts: router.adverts,
        auth: router.auth.clone(),
        transport: match router.unicast {
            true => Transport::Unicast { peers, source, check_source: rng.one_in(2), ttl: Some(255) },
            false => Transport::Multicast { group, source },
        },
        addresses: router.addresses.clone(),
        excluded: placed_elsewhere(rng, &router.excluded, &ports[node]),
        routes: Vec::new(),
        rules: Vec::new(),
        garp: draw_garp(rng),
        lower_prio_no_advert: rng.one_in(8),
        // With uneven intervals this keeps a contest going for ever, as it says.
        higher_prio_send_advert: rng.one_in(8) && !router.uneven,
        skip_check_adv_addr: rng.one_in(4),
        dont_track_primary: rng.one_in(10),
        track: Trackers {
            interfaces: draw_links(rng, ports[node].len(), router.grouped),
            scripts: draw_tracked(rng, scripts, !router.grouped),
            ..Trackers::default()
        },
        ..vrrp::Instance::new(&format!("VI_{}", router.vrid), router.vrid, &own.name)
    }
}

/// An excluded address may sit on another interface than its router.
fn placed_elsewhere(rng: &mut Rng, addresses: &[VirtualAddress], ports: &[Port]) -> Vec<VirtualAddress> {
    let elsewhere = rng.one_in(3).then(|| rng.index(ports.len())).and_then(|port| ports.get(port));
    let place = |address: &VirtualAddress| VirtualAddress {
        interface: elsewhere.map(|port| port.name.clone()),
        ..address.clone()
    };
    addresses.iter().map(place).collect()
}

fn draw_owners(rng: &mut Rng, nodes: usize) -> Vec<usize> {
    let count = if rng.one_in(7) { rng.pick(&[1, 1, 1, 2]) } else { 0 };
    (0..count).map(|_| rng.index(nodes)).collect()
}

fn draw_priority(rng: &mut Rng) -> Priority {
    let low_or_any = rng.between(1, 254);
    let number = rng.pick(&[100, 100, 101, 150, 254, 1, low_or_any]);
    u8::try_from(number).ok().and_then(|number| Priority::try_from(number).ok()).unwrap_or(Priority::DEFAULT)
}

fn draw_preempt(rng: &mut Rng, mode: u8) -> Preempt {
    match mode {
        0 => Preempt::Always,
        _ => rng.pick(&[
            Preempt::Always,
            Preempt::Never,
            Preempt::Never,
            Preempt::After(Micros::from_millis(800)),
            Preempt::After(Micros::from_secs(4)),
        ]),
    }
}

fn draw_garp(rng: &mut Rng) -> Garp {
    Garp {
        repeat: rng.pick(&[1, 5]),
        delay: rng.pick(&[Micros::ZERO, Micros::from_secs(1), Micros::from_secs(5)]),
        refresh: rng.pick(&[Micros::ZERO, Micros::ZERO, Micros::from_secs(2)]),
        refresh_repeat: rng.pick(&[1, 2]),
        lower_prio_repeat: rng.pick(&[0, 1, 5]),
        lower_prio_delay: rng.pick(&[Micros::ZERO, Micros::from_secs(2)]),
        extra: None,
    }
}

/// Members of a group have no weighted trackers: `conf` drops them (`spec` runtime 4.7).
fn draw_tracked(rng: &mut Rng, scripts: &[Script], weighted: bool) -> Vec<Tracked> {
    let mut tracked = Vec::new();
    for script in scripts {
        if rng.one_in(2) {
            continue;
        }
        let amount = if weighted { rng.pick(&[0, 2, -2, 60, -60, 253, -253]) } else { 0 };
        let weight = Weight { amount, reverse: amount != 0 && rng.one_in(5) };
        tracked.push(Tracked { name: script.name.clone(), weight });
    }
    tracked
}

fn draw_links(rng: &mut Rng, ports: usize, grouped: bool) -> Vec<Tracked> {
    if ports < 2 || !rng.one_in(3) {
        return Vec::new();
    }
    let amount = if grouped { 0 } else { rng.pick(&[0, -30, 30]) };
    vec![Tracked { name: "eth1".into(), weight: Weight { amount, reverse: false } }]
}

fn draw_ops(rng: &mut Rng, extent: Extent, vrids: &[u8]) -> Vec<(Instant, Op)> {
    let kinds: Vec<_> = TROUBLES.iter().filter(|_| rng.one_in(3)).collect();
    let often = rng.pick(&[1, 2, 4]);
    let mut draw = Draw { rng, extent, vrids, ops: Vec::new() };
    for node in 0..extent.nodes {
        let at = Instant(draw.rng.pick(&[0, 0, 1]) * draw.rng.below(extent.from.0 + 1));
        draw.ops.push((at, Op::Start { node, adopt: false }));
    }
    for kind in kinds {
        for _ in 0..draw.rng.between(1, often) {
            kind(&mut draw);
        }
    }
    let mut ops = draw.ops;
    ops.sort_by_key(|(at, _)| *at);
    ops
}
