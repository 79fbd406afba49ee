//! The routes and rules that were asked for, and what of them is there. Pure.
//!
//! The tables of a router may hold a million routes that are none of our business, and the kernel does not tell of
//! every route it forgets: those of an interface that goes down vanish in silence. So events are not taken for
//! facts: one that may concern a route of ours, or an interface that went down, raises a doubt, and then everything
//! with our mark is read again and compared. What has another mark, as the configuration may ask for, is put there
//! and taken away without looking.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;

use keepalived_model::kernel::{Change, Key, OUR_PROTOCOL, RouteKey, Spec};
use keepalived_model::rule::Rule;
use keepalived_model::vrrp::Family;
use netlink_packet_core::{NetlinkMessage, Nla};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::route::{RouteAddress, RouteAttribute, RouteMessage, RouteVia};
use netlink_packet_route::rule::{RuleAttribute, RuleFlags, RuleMessage};

use crate::mirror::Verb;
use crate::{decode, encode};

/// A route or rule with our mark, as the kernel describes it or as it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Marked {
    /// A route.
    Route(RouteMessage),
    /// A rule.
    Rule(RuleMessage),
}

/// What an event says about itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Trace {
    /// A route to this prefix, in whatever table.
    Route(Option<IpAddr>, u8, bool),
    /// A rule of this preference.
    Rule(u32, bool),
    /// It could not be read.
    Unreadable,
}

/// A list of the kernel's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum List {
    /// Routes.
    Routes(Family),
    /// Rules.
    Rules(Family),
}

impl List {
    /// The one a thing is in; none for what is no route and no rule, or has another mark.
    pub fn of(key: &Key) -> Option<Self> {
        match key {
            Key::Route(key) if key.protocol == OUR_PROTOCOL => {
                Some(Self::Routes(Family::of(key.destination.ip)))
            }
            Key::Rule(rule) if rule.protocol == OUR_PROTOCOL => Some(Self::Rules(rule.family)),
            _ => None,
        }
    }
}

/// What was asked for, and everything with our mark.
#[derive(Clone, Debug, Default)]
pub struct Routing {
    /// By what events would say, as a storm of events about others must cost nothing.
    placed: HashMap<Trace, HashMap<Key, Spec>>,
    found: Found,
    /// Lists that are read and listened to.
    pub watched: BTreeSet<List>,
    /// Something may be missing.
    pub doubtful: bool,
}

/// Everything with our mark.
#[derive(Clone, Debug, Default)]
struct Found(HashMap<Trace, Vec<Marked>>);

impl Found {
    fn new(all: Vec<Marked>) -> Self {
        let mut found = Self::default();
        all.into_iter().for_each(|marked| found.add(marked));
        found
    }

    fn add(&mut self, marked: Marked) {
        let trace = match &marked {
            Marked::Route(message) => decode::route_trace(message),
            Marked::Rule(message) => decode::rule_trace(message),
        };
        self.0.entry(trace).or_default().push(marked);
    }

    fn find(&self, key: &Key) -> Option<&Marked> {
        self.0.get(&trace(key))?.iter().find(|marked| is(marked, key))
    }

    fn remove(&mut self, key: &Key) {
        if let Some(all) = self.0.get_mut(&trace(key)) {
            all.retain(|marked| !is(marked, key));
        }
    }
}

impl Routing {
    /// What the kernel has to be asked to bring about what is wanted; nothing where it is so already.
    pub fn plan(&self, key: &Key, wanted: Option<&Spec>) -> Vec<(Verb, NetlinkMessage<RouteNetlinkMessage>)> {
        let there = self.found.find(key);
        let is_marked = List::of(key).is_some();
        let placed = self.placed.get(&trace(key)).and_then(|placed| placed.get(key));
        let steps: &[Verb] = match (wanted, placed) {
            (None, _) if is_marked && there.is_none() => &[],
            (None, _) => &[Verb::Remove],
            (Some(wanted), Some(placed)) if is_marked && there.is_some() && placed == wanted => &[],
            (Some(wanted), Some(placed)) if !is_marked && placed == wanted => &[],
            (Some(wanted), None) if there.is_some_and(|there| is_alike(there, key, wanted)) => &[],
            (Some(_), Some(_)) => &[Verb::Remove, Verb::Add],
            (Some(_), None) if there.is_some() => &[Verb::Remove, Verb::Add],
            (Some(_), None) => &[Verb::Add],
        };
        steps.iter().filter_map(|verb| Some((*verb, encode::routing(*verb, key, wanted)?))).collect()
    }

    /// It was done.
    pub fn settle(&mut self, key: &Key, wanted: Option<&Spec>) {
        let placed = self.placed.entry(trace(key)).or_default();
        if let Some(spec) = wanted {
            placed.insert(key.clone(), spec.clone());
            if List::of(key).is_some()
                && self.found.find(key).is_none()
                && let Some(marked) = marked(key, spec)
            {
                self.found.add(marked);
            }
        } else {
            placed.remove(key);
            self.found.remove(key);
        }
    }

    /// Somebody did something; whether that may concern us.
    pub fn doubt(&mut self, trace: &Trace) {
        self.doubtful |= match trace {
            Trace::Unreadable => self.keys().next().is_some(),
            trace => self.placed.get(trace).is_some_and(|placed| !placed.is_empty()),
        };
    }

    /// An interface went down or lost an address, which may have taken routes with it.
    pub fn doubt_routes(&mut self) {
        let any = self.keys().any(|key| matches!(key, Key::Route(_)));
        self.doubtful |= any;
    }

    /// What was read just now is what is there. What is missing comes back.
    pub fn replace(&mut self, fresh: Vec<Marked>) -> Vec<Change> {
        let before = std::mem::replace(&mut self.found, Found::new(fresh));
        self.doubtful = false;
        let is_there = |found: &Found, (key, spec): (&Key, &Spec)| {
            found.find(key).is_some_and(|marked| is_complete(marked, spec))
        };
        let is_lost = |placed: &(&Key, &Spec)| is_there(&before, *placed) && !is_there(&self.found, *placed);
        let placed = self.placed.values().flatten();
        let lost: Vec<Key> = placed.filter(is_lost).map(|(key, _)| key.clone()).collect();
        for key in &lost {
            self.placed.entry(trace(key)).or_default().remove(key);
        }
        lost.into_iter().map(Change::Lost).collect()
    }

    fn keys(&self) -> impl Iterator<Item = &Key> {
        self.placed.values().flat_map(HashMap::keys)
    }
}

/// What an event about this would say about itself.
fn trace(key: &Key) -> Trace {
    match key {
        Key::Route(key) => {
            let (ip, len) = (key.destination.ip, key.destination.len);
            Trace::Route((len > 0).then_some(ip), len, ip.is_ipv6())
        }
        Key::Rule(rule) => Trace::Rule(rule.preference, rule.family == Family::V6),
        // There is nothing here about others.
        _ => Trace::Unreadable,
    }
}

fn marked(key: &Key, spec: &Spec) -> Option<Marked> {
    match (key, spec) {
        (Key::Route(key), Spec::Route(spec)) => Some(Marked::Route(encode::route::whole(key, spec))),
        (Key::Rule(rule), _) => Some(Marked::Rule(encode::rule::whole(rule))),
        _ => None,
    }
}

/// Whether all ways of a route are there: those of IPv6 can go one by one, by hand or with a deleted interface.
fn is_complete(marked: &Marked, spec: &Spec) -> bool {
    let (Marked::Route(message), Spec::Route(spec)) = (marked, spec) else { return true };
    let ways = message.attributes.iter().find_map(|attribute| match attribute {
        RouteAttribute::MultiPath(hops) => Some(hops.len()),
        _ => None,
    });
    // One that names no interface cannot be waited for.
    spec.hops.iter().any(Option::is_none) || ways.unwrap_or(1) >= spec.hops.len()
}

/// Whether this is that thing.
fn is(marked: &Marked, key: &Key) -> bool {
    match (marked, key) {
        (Marked::Route(message), Key::Route(key)) => is_route(message, key),
        (Marked::Rule(message), Key::Rule(rule)) => is_rule(message, rule),
        _ => false,
    }
}

/// What a message says beside its header that tells routes apart.
#[derive(Default)]
struct Said {
    destination: Option<IpAddr>,
    from: Option<IpAddr>,
    table: Option<u32>,
    metric: u32,
    via: Option<IpAddr>,
    link: Option<u32>,
}

fn said(message: &RouteMessage) -> Said {
    let ip = |address: &RouteAddress| match address {
        RouteAddress::Inet(ip) => Some(IpAddr::V4(*ip)),
        RouteAddress::Inet6(ip) => Some(IpAddr::V6(*ip)),
        _ => None,
    };
    let mut said = Said::default();
    for attribute in &message.attributes {
        match attribute {
            RouteAttribute::Destination(address) => said.destination = ip(address),
            RouteAttribute::Source(address) => said.from = ip(address),
            RouteAttribute::Table(table) => said.table = Some(*table),
            RouteAttribute::Priority(metric) => said.metric = *metric,
            RouteAttribute::Gateway(address) => said.via = ip(address),
            RouteAttribute::Via(RouteVia::Inet(address)) => said.via = Some(IpAddr::V4(*address)),
            RouteAttribute::Via(RouteVia::Inet6(address)) => said.via = Some(IpAddr::V6(*address)),
            RouteAttribute::Oif(link) => said.link = Some(*link),
            _ => {}
        }
    }
    said
}

fn is_route(message: &RouteMessage, key: &RouteKey) -> bool {
    let wanted = encode::route::identity(key);
    let header = |message: &RouteMessage| {
        let header = &message.header;
        let lengths = (header.destination_prefix_length, header.source_prefix_length);
        (header.address_family, lengths, header.tos, header.protocol, header.kind)
    };
    let said = said(message);
    let table = said.table.unwrap_or(message.header.table.into());
    let looks = |said: &Said| (said.destination, said.from, said.metric);
    // Where the way is left to nexthops there is nothing to compare: a single one is told as the route's own.
    let has_way = key.via.is_some() || key.link.is_some();
    let same_way = !has_way || (said.via == key.via && key.link.is_none_or(|link| said.link == Some(link.0)));
    header(message) == header(&wanted)
        && table == key.table
        && looks(&said) == looks(&self::said(&wanted))
        && same_way
}

/// Whether a route looks as it was asked for. A mistake here only costs a route that is made anew.
fn is_alike(there: &Marked, key: &Key, spec: &Spec) -> bool {
    let (Marked::Route(there), Key::Route(key), Spec::Route(spec)) = (there, key, spec) else {
        return matches!((there, key), (Marked::Rule(_), Key::Rule(_)));
    };
    let wanted = encode::route::whole(key, spec);
    let names_link = key.link.is_some();
    let essence = |message: &RouteMessage| {
        let is_filled_in = |attribute: &&RouteAttribute| match attribute {
            RouteAttribute::CacheInfo(_) | RouteAttribute::Expires(_) | RouteAttribute::Table(_) => true,
            RouteAttribute::Preference(preference) => u8::from(*preference) == 0,
            RouteAttribute::Oif(_) => !names_link,
            _ => false,
        };
        let mut all: Vec<RouteAttribute> =
            message.attributes.iter().filter(|it| !is_filled_in(it)).cloned().collect();
        all.sort_by_key(Nla::kind);
        (message.header.scope, all)
    };
    essence(there) == essence(&wanted)
}

fn is_rule(message: &RuleMessage, rule: &Rule) -> bool {
    let essence = |message: &RuleMessage| {
        let is_nothing = |attribute: &&RuleAttribute| match attribute {
            RuleAttribute::SuppressPrefixLen(u32::MAX)
            | RuleAttribute::SuppressIfGroup(u32::MAX)
            | RuleAttribute::FwMask(u32::MAX)
            | RuleAttribute::FwMark(0)
            | RuleAttribute::TunId(0)
            | RuleAttribute::Table(0)
            | RuleAttribute::L3MDev(false) => true,
            RuleAttribute::IpProtocol(protocol) => u8::from(*protocol) == 0,
            // Newer kernels tell of selectors that are not known here.
            RuleAttribute::Other(_) => true,
            _ => false,
        };
        let mut all: Vec<RuleAttribute> =
            message.attributes.iter().filter(|it| !is_nothing(it)).cloned().collect();
        all.sort_by_key(Nla::kind);
        let header = &message.header;
        let flags = header.flags & RuleFlags::Invert;
        (header.family, header.src_len, header.dst_len, header.tos, header.action, flags, all)
    };
    essence(message) == essence(&encode::rule::whole(rule))
}
