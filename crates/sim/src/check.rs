//! The rules. Those that one event can break are looked at after every event, those that need time at every
//! tick.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use keepalived_core::event::{Action, Actions, Occasion, Subject};
use keepalived_core::report::{Fault, State};
use keepalived_model::kernel::{AddressKey, Key};
use keepalived_model::vrrp::{self, Auth, Family, Transport, Version};
use keepalived_model::{InstanceId, Instant, Micros};

use crate::node::{Node, Seat, Standing, Watch};
use crate::packet::{self, Seen};
use crate::routing;
use crate::world::World;

pub use crate::expect::{agreement, longest_down, patience};
pub use crate::hearing::{contested, heard};
pub use crate::junk::{junk, rogue};

/// A broken rule and who broke it how.
pub type Broken = (&'static str, String);

/// What a loop is late at most while nothing is wrong, clock drift over an interval included.
const SLACK: Micros = Micros::from_millis(20);
/// How long after becoming master everything has to be in place, kernel included.
const PLACED_WITHIN: Micros = Micros::from_millis(100);
/// Within which a healthy router finishes whatever it is doing with its kernel.
const QUIET_WITHIN: Micros = Micros::from_secs(3);

/// Since when a rule with a time limit is about to be broken.
#[derive(Clone, Debug, Default)]
pub struct Since {
    masters: BTreeMap<(usize, u8), Instant>,
    holders: BTreeMap<IpAddr, Instant>,
}

/// A node has another configuration now. A router that was kept advertises when it would have, or an interval from now
/// if that is sooner; what it waits for may be something else.
pub fn reconfigured(node: &mut Node, now: Instant, before: &vrrp::Config) {
    for instance in &before.instances {
        let seat = (node.link(instance.interface_name()), instance.vrid.number());
        let Some(after) = node.instance(seat).filter(|after| after.identity() == instance.identity()) else {
            let gone = |watch: &mut Watch| {
                (watch.master_since, watch.respect, watch.recent) = (None, None, None);
            };
            node.watches.entry(seat).and_modify(gone);
            continue;
        };
        let terms = |i: &vrrp::Instance| {
            let interval = if i.version == Version::V2 { i.advert_interval } else { Micros::ZERO };
            (i.version, interval, i.down_timer_adverts)
        };
        let (from, to) = (instance.advert_interval, after.advert_interval);
        let is_other = terms(instance) != terms(after);
        let Some(watch) = node.watches.get_mut(&seat) else { continue };
        watch.last_sent = watch.last_sent.map(|at| Instant((at.0 + from.0).saturating_sub(to.0)).min(now));
        watch.respect = watch.respect.filter(|_| !is_other);
        watch.recent = watch.recent.filter(|_| from == to);
    }
}

/// An engine has handled an event. Returns how many routers became master.
pub fn after(
    node: &mut Node,
    now: Instant,
    before: &[Standing],
    after: &[Standing],
    actions: &Actions,
) -> Result<u64, Broken> {
    bounded(node, actions)?;
    sends(node, now, before, after, actions)?;
    announcements(node, before, after, actions)?;
    let mut masters = 0;
    for standing in after {
        priority_in_range(node, standing)?;
        let old = before.iter().find(|old| (old.seat, old.id) == (standing.seat, standing.id));
        let was = old.map_or(State::Init, |old| old.state);
        if was != standing.state {
            changed(node, now, was, standing, actions)?;
            masters += u64::from(standing.state == State::Master);
        }
    }
    told_master(node, actions);
    node.watches.retain(|seat, _| after.iter().any(|standing| standing.seat == *seat));
    groups(node, now, after)?;
    Ok(masters)
}

fn bounded(node: &Node, actions: &Actions) -> Result<(), Broken> {
    let addresses = |i: &vrrp::Instance| i.addresses.len() + i.excluded.len();
    let all: usize = node.config.instances.iter().map(|i| 20 + 12 * addresses(i)).sum();
    let limit = 200 + 12 * all;
    if actions.len() > limit {
        return Err(("actions are bounded", format!("{} of at most {limit}", actions.len())));
    }
    Ok(())
}

pub(crate) fn state_of(standings: &[Standing], seat: Seat) -> Option<State> {
    standings.iter().find(|standing| standing.seat == seat).map(|standing| standing.state)
}

/// The same of this very router: after a reload another one may have its seat.
fn state_of_one(standings: &[Standing], seat: Seat, id: InstanceId) -> Option<State> {
    let mut standings = standings.iter();
    standings.find(|standing| (standing.seat, standing.id) == (seat, id)).map(|standing| standing.state)
}

fn sends(
    node: &mut Node,
    now: Instant,
    before: &[Standing],
    after: &[Standing],
    actions: &Actions,
) -> Result<(), Broken> {
    for action in actions {
        let Action::Send { instance, link: Some(link), source, destination, hop_limit, packet } = action
        else {
            continue;
        };
        let id = *instance;
        let Some(seen) = packet::advert(&packet::enclose(*source, *destination, *hop_limit, packet)) else {
            return Err(("adverts are well-formed", format!("{packet:02x?}")));
        };
        if (seen.source, seen.destination) != (*source, *destination) {
            return Err((
                "adverts are well-formed",
                format!("{seen:?} to be sent {source} -> {destination}"),
            ));
        }
        // What a predecessor left, nobody names any more and no mark tells apart is one of the interface's own.
        let is_left = |key: &Key| matches!(key, Key::Address(key) if key.ip == *source);
        let passes = !node.kernel.marks && node.leftovers.iter().any(is_left);
        if !passes && node.ports.iter().all(|port| port.own(Family::of(*source)) != *source) {
            return Err(("adverts come from an interface's own address", format!("{source}")));
        }
        // While the news of another index is on its way, the old one is used.
        let seat = (node.present(*link), seen.vrid);
        let states = (state_of_one(before, seat, id), state_of_one(after, seat, id));
        // Not by who yields to a better one: `spec` runtime 3.6 and 3.8.
        let leaves =
            states.0 == Some(State::Master) && !matches!(states.1, Some(State::Master | State::Backup));
        if seen.priority == 0 && !leaves {
            return Err(("priority 0 is only sent by who leaves", format!("{seat:?} {states:?}")));
        }
        if states.0 != Some(State::Master) && states.1 != Some(State::Master) {
            return Err(("only a master advertises", format!("{seat:?} {states:?}")));
        }
        let numbers = before.iter().chain(after).filter(|standing| standing.seat == seat);
        if seen.priority != 0 && !numbers.clone().any(|standing| standing.priority == seen.priority) {
            return Err(("adverts carry the effective priority", format!("{seen:?}")));
        }
        advertised(node, now, (seat, id), &seen)?;
    }
    Ok(())
}

fn advertised(
    node: &mut Node,
    now: Instant,
    (seat, id): (Seat, InstanceId),
    seen: &Seen,
) -> Result<(), Broken> {
    let interval = node.instance(seat).map_or(Micros::ZERO, |instance| instance.advert_interval);
    let peers = match node.instance(seat).map(|instance| &instance.transport) {
        Some(Transport::Unicast { peers, .. }) => u64::try_from(peers.len()).unwrap_or(1),
        Some(Transport::Multicast { .. }) | None => 1,
    };
    let frozen = node.frozen;
    let watch = node.watches.entry(seat).or_default();
    if watch.of.replace(id).is_some_and(|of| of != id) {
        *watch = Watch { of: Some(id), ..Watch::default() };
    }
    // Without proofs meanwhile, numbers may begin anew.
    let back = (seen.number.is_some() && seen.number < watch.last_number)
        || (seen.stamp.is_some() && seen.stamp < watch.last_stamp);
    if back {
        let text = format!("{seat:?}: {seen:?} after {:?}, {:?}", watch.last_number, watch.last_stamp);
        return Err(("numbers and stamps never go back", text));
    }
    (watch.last_number, watch.last_stamp) = (seen.number, seen.stamp);
    if let Some((last, id)) = watch.last_id.zip(seen.id)
        && id != last
        && id != last.wrapping_add(1).max(1)
    {
        return Err(("identifications count up", format!("{seat:?}: {last} then {id}")));
    }
    watch.last_id = seen.id;
    let (start, count) = watch.recent.unwrap_or((now, 0));
    let second = Micros::from_secs(1);
    watch.recent = Some(if now.since(start) < second { (start, count + 1) } else { (now, 1) });
    let fastest = 20 + 6 * (1 + second.0 / interval.0.max(1));
    if count > fastest * peers {
        return Err(("nobody can make a master flood", format!("{seat:?}: {count} adverts in a second")));
    }
    if watch.master_since.is_some() {
        in_time(seat, watch, interval, now, frozen)?;
    }
    watch.last_sent = Some(now);
    Ok(())
}

fn in_time(seat: Seat, watch: &Watch, interval: Micros, now: Instant, frozen: bool) -> Result<(), Broken> {
    let gap = watch.last_sent.map_or(Micros::ZERO, |last| now.since(last));
    if !interval.is_zero() && !frozen && gap > interval + SLACK {
        return Err(("a master advertises every interval", format!("{seat:?}: nothing for {gap}")));
    }
    Ok(())
}

fn announcements(
    node: &mut Node,
    before: &[Standing],
    after: &[Standing],
    actions: &Actions,
) -> Result<(), Broken> {
    for action in actions {
        let Action::Announce { link, frame } = action else { continue };
        let Some(mac) = node.port(*link).map(|port| port.mac.0) else { continue };
        let Some(ip) = packet::announced(frame, mac) else {
            return Err(("announcements are well-formed", format!("{frame:02x?}")));
        };
        let key = |key: &AddressKey| key.link == *link && key.ip == ip;
        let owner = before.iter().chain(after).find(|standing| standing.wanted.iter().any(key));
        let Some(owner) = owner else {
            return Err(("only a master announces", format!("{ip}")));
        };
        // While news of a loss is on its way, nobody can know better.
        let known = node.kernel.pending == 0;
        if known && !owner.wanted.iter().filter(|k| key(k)).all(|key| node.kernel.believes(*key)) {
            return Err(("only an address that is there is announced", format!("{ip}")));
        }
        let seat = owner.seat;
        *node.watches.entry(seat).or_default().announced.entry(ip).or_default() += 1;
    }
    Ok(())
}

fn priority_in_range(node: &Node, standing: &Standing) -> Result<(), Broken> {
    let base = node.instance(standing.seat).map(|instance| instance.priority.number());
    let fine = match base {
        Some(255) => standing.priority == 255,
        Some(_) => (1..=254).contains(&standing.priority),
        None => false,
    };
    if fine {
        return Ok(());
    }
    Err(("effective priority within 1..254 unless owner", format!("{standing:?}, base {base:?}")))
}

fn changed(
    node: &mut Node,
    now: Instant,
    was: State,
    standing: &Standing,
    actions: &Actions,
) -> Result<(), Broken> {
    if standing.state == State::Master {
        return became_master(node, now, was, standing, actions);
    }
    let watch = node.watches.entry(standing.seat).or_default();
    watch.master_since = None;
    watch.respect = None;
    let told = actions.iter().filter(|action| match action {
        Action::Notify(notice) => {
            notice.subject == Subject::Instance
                && *notice.name == *standing.name
                && notice.occasion == Occasion::Entered(standing.state)
        }
        _ => false,
    });
    let must_tell = standing.state == State::Fault || (standing.state == State::Backup && was != State::Init);
    if must_tell && told.count() != 1 {
        let text = format!("{}: {was} -> {}", standing.name, standing.state);
        return Err(("a change of state is told once", text));
    }
    Ok(())
}

fn became_master(
    node: &mut Node,
    now: Instant,
    was: State,
    standing: &Standing,
    actions: &Actions,
) -> Result<(), Broken> {
    let (seat, name, local) = (standing.seat, &standing.name, node.clock.local(now));
    let known = node.watches.contains_key(&seat);
    let watch = node.watches.entry(seat).or_default();
    if let Some((at, down)) = watch.respect
        && was == State::Backup
        && local.since(at) < down
    {
        let text = format!("{name}: heard it {} ago", local.since(at));
        return Err(("a living master is not displaced", text));
    }
    let sent = actions.iter().any(|action| match action {
        Action::Send { source, destination, packet, .. } => {
            let bytes = packet::enclose(*source, *destination, None, packet);
            packet::advert(&bytes).is_some_and(|seen| seen.vrid == seat.1)
        }
        _ => false,
    });
    // An adopted master advertises when its predecessor would have.
    let adopted = was == State::Init && !sent && !known;
    if !sent && !adopted {
        return Err(("a new master advertises first", name.clone()));
    }
    let (since, last_id, recent) = (Some(now), watch.last_id, watch.recent);
    let (last_number, last_stamp) = (watch.last_number, watch.last_stamp);
    *watch = Watch {
        of: Some(standing.id),
        master_since: since,
        last_sent: since,
        told_master: adopted,
        last_id,
        last_number,
        last_stamp,
        recent,
        adopted,
        announced: BTreeMap::new(),
        respect: None,
    };
    Ok(())
}

fn told_master(node: &mut Node, actions: &Actions) {
    for action in actions {
        if let Action::Notify(notice) = action
            && notice.subject == Subject::Instance
            && notice.occasion == Occasion::Entered(State::Master)
        {
            let instance = node.config.instances.iter().find(|i| *i.name == *notice.name);
            let seat = instance.map(|i| (node.link(i.interface_name()), i.vrid.number()));
            if let Some(watch) = seat.and_then(|seat| node.watches.get_mut(&seat)) {
                watch.told_master = true;
            }
        }
    }
}

fn groups(node: &Node, now: Instant, after: &[Standing]) -> Result<(), Broken> {
    // A member that a reload put into a group of masters may need all of its waiting time to follow.
    let all = node.config.instances.iter();
    let down = all.map(|i| i.advert_interval.times(u64::from(i.down_timer_adverts) + 1)).max();
    let joining = down.is_some_and(|down| now.since(node.regrouped_at) < down + Micros::from_secs(3));
    for group in &node.config.groups {
        let members = || after.iter().filter(|standing| group.members.contains(&standing.name));
        let count = |state| members().filter(|standing| standing.state == state).count();
        let (all, masters) = (members().count(), count(State::Master));
        let faults = count(State::Fault);
        if masters != 0 && masters != all && !(joining && node.regrouped_at.0 > 0) {
            return Err(("a group is master as a whole", format!("{:?}", members().collect::<Vec<_>>())));
        }
        if faults != 0 && faults + count(State::Init) != all {
            return Err(("a group is in FAULT as a whole", format!("{:?}", members().collect::<Vec<_>>())));
        }
    }
    Ok(())
}

/// The rules that need time.
pub fn tick(world: &mut World) -> Result<(), Broken> {
    let now = world.now;
    for (n, node) in world.nodes.iter().enumerate() {
        if node.is_serving() {
            serving(node, now).map_err(|(rule, text)| (rule, format!("n{n}: {text}")))?;
        }
    }
    // Nothing is found where nothing was and nobody has stirred since.
    let has_stirred = world.nodes.iter().any(|node| node.has_stirred);
    if has_stirred || !world.since.masters.is_empty() {
        one_master(world)?;
    }
    if has_stirred || !world.since.holders.is_empty() {
        one_holder(world)?;
    }
    world.nodes.iter_mut().for_each(|node| node.has_stirred &= !node.kernel.is_idle() || !node.is_serving());
    if let Some(agreed) = world.agreed.as_ref().filter(|_| has_stirred) {
        let masters = agreement(world)?;
        if masters != *agreed {
            return Err(("who agreed stays agreed", format!("{agreed:?} then {masters:?}")));
        }
    }
    Ok(())
}

fn serving(node: &Node, now: Instant) -> Result<(), Broken> {
    for standing in node.standings().iter().filter(|standing| standing.state == State::Master) {
        let Some(watch) = node.watches.get(&standing.seat) else { continue };
        let Some(instance) = node.instance(standing.seat) else { continue };
        in_time(standing.seat, watch, instance.advert_interval, now, false)?;
        in_place(node, standing, watch, instance, now)?;
    }
    if node.has_stirred { kernel_as_wanted(node, now) } else { Ok(()) }
}

fn kernel_as_wanted(node: &Node, now: Instant) -> Result<(), Broken> {
    if !node.kernel.is_idle() {
        let waited = now.since(node.disturbed_at);
        let fair = node.kernel.temper == crate::kernel::Temper::FAIR;
        if fair && waited > QUIET_WITHIN && node.kernel.pending > 100 {
            return Err(("requests to the kernel are bounded", format!("{} are open", node.kernel.pending)));
        }
        if fair && waited > QUIET_WITHIN && node.kernel.lacks_address() {
            return Err(("a refused address is asked for again", format!("{:?}", node.standings())));
        }
        return Ok(());
    }
    let there = addresses_in_use(node);
    let mut wanted = BTreeSet::new();
    for standing in node.standings() {
        let Some(instance) = node.instance(standing.seat) else { continue };
        let there = |key: &AddressKey| node.kernel.exists(key.link);
        let own: BTreeSet<AddressKey> = node.addresses(instance).into_iter().filter(there).collect();
        let expected = if standing.state == State::Master { own } else { BTreeSet::new() };
        let claimed: BTreeSet<AddressKey> = standing.wanted.iter().copied().collect();
        if claimed != expected {
            return Err((
                "a master wants its addresses, others want none",
                format!("{standing:?} not {expected:?}"),
            ));
        }
        if standing.state == State::Master && !standing.settled {
            return Err(("what is there is known to be there", format!("{standing:?}")));
        }
        wanted.extend(claimed);
    }
    if there != wanted {
        return Err(("the kernel has what is wanted", format!("has {there:?}, wanted {wanted:?}")));
    }
    routing::as_wanted(node)
}

/// The addresses beside the machine's own. What a crashed predecessor left on an interface that nobody is
/// configured for any more stays and is nobody's, and so does everything that is not configured any more on
/// kernels without marks.
pub fn addresses_in_use(node: &Node) -> BTreeSet<AddressKey> {
    let used = |key: &AddressKey| {
        if !node.leftovers.contains(&Key::Address(*key)) {
            return true;
        }
        let here = |i: &vrrp::Instance| node.kernel.marks && node.link(i.interface_name()) == key.link;
        node.config.instances.iter().any(|i| here(i) || node.addresses(i).contains(key))
    };
    node.kernel.virtual_addresses(&node.ports).filter(used).collect()
}

/// Some time after becoming master everything is announced and told.
fn in_place(
    node: &Node,
    standing: &Standing,
    watch: &Watch,
    instance: &vrrp::Instance,
    now: Instant,
) -> Result<(), Broken> {
    let Some(since) = watch.master_since else { return Ok(()) };
    let wants: usize = node.config.instances.iter().map(|i| i.addresses.len() + i.excluded.len()).sum();
    let frames = u64::try_from(wants).unwrap_or(0) * 40;
    let limit = PLACED_WITHIN + node.config.garp_interval.times(frames);
    let fair = node.kernel.temper == crate::kernel::Temper::FAIR;
    let for_long = now.since(since);
    if !fair || node.disturbed_at >= since || for_long <= limit {
        return Ok(());
    }
    let (rounds, delay) = (instance.garp.repeat, instance.garp.delay);
    let due = if !delay.is_zero() && for_long > delay + limit { 2 * rounds } else { rounds };
    let count = |ip: &IpAddr| watch.announced.get(ip).copied().unwrap_or(0);
    let missing: Vec<IpAddr> =
        standing.wanted.iter().map(|key| key.ip).filter(|ip| !watch.adopted && count(ip) < due).collect();
    if !missing.is_empty() {
        let text = format!("{}: {missing:?}, {:?} of {due}", standing.name, watch.announced);
        return Err(("a new master announces every address", text));
    }
    if !watch.told_master {
        return Err(("a change of state is told once", format!("{}: MASTER never told", standing.name)));
    }
    Ok(())
}

/// Where each virtual router is master.
pub fn masters(world: &World) -> BTreeMap<(usize, u8), Vec<usize>> {
    let mut masters: BTreeMap<(usize, u8), Vec<usize>> = BTreeMap::new();
    for (n, node) in world.nodes.iter().enumerate() {
        for standing in node.standings().iter().filter(|standing| standing.state == State::Master) {
            if let Some(port) = node.port(standing.seat.0) {
                masters.entry((port.segment, standing.seat.1)).or_default().push(n);
            }
        }
    }
    masters
}

/// With nothing wrong on the way, two masters hear each other within an interval.
fn one_master(world: &mut World) -> Result<(), Broken> {
    let doubled: BTreeMap<(usize, u8), Vec<usize>> =
        masters(world).into_iter().filter(|(_, nodes)| nodes.len() > 1).collect();
    world.since.masters.retain(|router, _| doubled.contains_key(router));
    for (router, nodes) in doubled {
        let since = *world.since.masters.entry(router).or_insert(world.now);
        let Some(calm) = world.calm_since else { continue };
        let interval = interval(world, router);
        if world.now.since(since.max(calm)) > interval + Micros::from_millis(150) {
            return Err(("at most one master", format!("{router:?}: {nodes:?} since {since:?}")));
        }
    }
    Ok(())
}

/// How long two masters of a router may need to hear of each other: the longest interval anybody has. Where numbers
/// crossed the first advert is not believed, and who may not answer the other one can only wait for its next.
fn interval(world: &World, (segment, vrid): (usize, u8)) -> Micros {
    let of = |node: &Node| {
        let port = node.ports.iter().find(|port| port.segment == segment)?;
        let instance = node.instance((port.link, vrid))?;
        let waits = matches!(instance.auth, Auth::Ah(_)) && instance.lower_prio_no_advert;
        Some(instance.advert_interval.times(if waits { 2 } else { 1 }))
    };
    world.nodes.iter().filter_map(of).max().unwrap_or(Micros::from_secs(1))
}

/// An address is on one machine only, unless somebody is down and cannot remove it.
fn one_holder(world: &mut World) -> Result<(), Broken> {
    let mut holders: BTreeMap<IpAddr, Vec<(usize, Option<Seat>)>> = BTreeMap::new();
    for (n, node) in world.nodes.iter().enumerate().filter(|(_, node)| node.process.is_some()) {
        for key in node.kernel.virtual_addresses(&node.ports) {
            let owner = node.config.instances.iter().find(|i| node.addresses(i).contains(&key));
            let seat = owner.map(|i| (node.link(i.interface_name()), i.vrid.number()));
            holders.entry(key.ip).or_default().push((n, seat));
        }
    }
    // Configurations that give an address to different routers contradict each other.
    let contradicts = |list: &[(usize, Option<Seat>)]| list.iter().any(|(_, seat)| *seat != list[0].1);
    holders.retain(|_, list| list.len() > 1 && !contradicts(list));
    world.since.holders.retain(|ip, _| holders.contains_key(ip));
    for (ip, list) in holders {
        let since = *world.since.holders.entry(ip).or_insert(world.now);
        let Some(calm) = world.calm_since else { continue };
        let disturbed = list.iter().map(|(n, _)| world.nodes[*n].disturbed_at).max().unwrap_or(calm);
        let router = |(link, vrid): Seat| Some((world.nodes[list[0].0].port(link)?.segment, vrid));
        let slowest = list[0].1.and_then(router).map_or(Micros::ZERO, |router| interval(world, router));
        if world.now.since(since.max(calm).max(disturbed)) > slowest + Micros::from_millis(300) {
            return Err(("an address is on one machine only", format!("{ip}: {list:?} since {since:?}")));
        }
    }
    Ok(())
}

/// Whether somebody stands aside because others kept removing its addresses.
pub fn stands_aside(node: &Node) -> bool {
    node.standings().iter().any(|standing| standing.faults.contains(&Fault::AddressesTaken))
}
