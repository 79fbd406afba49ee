//! Route lines (`spec` config 3.10).

mod encap;
pub(crate) mod metric;
mod nexthop;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use keepalived_model::kernel::OUR_PROTOCOL;
use keepalived_model::lasting::Tied;
use keepalived_model::route::{
    Encap, Insertion, Metric, Metrics, Nexthop, Prefix, Realms, Route, RouteKind, Table,
};
use keepalived_model::vrrp::Family;

use super::context::Context;
use super::interfaces::Interfaces;
use super::lasting::Ties;
use super::line::{Dropped, Line};
use super::names::Kind;
use crate::diag::Class;
use crate::lex::number;
use crate::schema::{LineWord, ROUTE};
use crate::tree::Item;

const MIXED: &str = "Cannot mix IPv4 and IPv6 addresses for route";

/// Reads a line of an instance; nothing if the original drops it.
pub(super) fn lower(cx: &mut Context<'_>, known: &mut Interfaces, item: &Item<'_>) -> Option<Route> {
    read(&mut Line::new(cx, known, item), None).ok().map(|tied| tied.thing)
}

/// Reads a static line, which may be tied to a group.
pub(super) fn lower_lasting(
    cx: &mut Context<'_>,
    known: &mut Interfaces,
    item: &Item<'_>,
    ties: &Ties<'_>,
) -> Option<Tied<Route>> {
    read(&mut Line::new(cx, known, item), Some(ties)).ok()
}

fn read(line: &mut Line<'_, '_, '_>, ties: Option<&Ties<'_>>) -> Result<Tied<Route>, Dropped> {
    let mut draft = Draft::default();
    let mut more = true;
    while more {
        let Some(word) = line.take() else { break };
        more = draft.word(line, ties, word)?;
    }
    if !more {
        // The word that stopped it was taken already.
        let rest = line.position().saturating_sub(1);
        line.back_to(rest);
        let next = line.take().unwrap_or_default();
        return Err(line.refuse(format!("Route has trailing nonsense - {next}")));
    }
    draft.finish(line)
}

/// A destination as it is written.
#[derive(Clone, Copy)]
enum Destination {
    Prefix(Prefix),
    /// `default`, of the family that the rest of the line has.
    All,
}

/// A route as far as it is read.
#[derive(Default)]
struct Draft {
    destination: Option<Destination>,
    /// What the words so far say; a second family is a mistake.
    family: Option<Family>,
    /// The family was said by `inet` or `inet6`, and nothing has confirmed it yet.
    announced: bool,
    kind: Option<RouteKind>,
    from: Option<Prefix>,
    source: Option<IpAddr>,
    via: Option<IpAddr>,
    /// The old spelling of a second nexthop.
    or: Option<IpAddr>,
    interface: Option<String>,
    onlink: bool,
    encap: Option<Encap>,
    /// An encapsulation that cannot be: the kernel would refuse the route.
    broken: bool,
    realms: Option<Realms>,
    nexthops: Vec<Nexthop>,
    table: Option<Table>,
    protocol: Option<u8>,
    scope: u8,
    tos: u8,
    metric: Option<u32>,
    metrics: Metrics,
    expires_secs: Option<u32>,
    preference: Option<u8>,
    ttl_propagate: Option<bool>,
    insertion: Option<Insertion>,
    no_track: bool,
    group: Option<String>,
}

impl Draft {
    /// Reads on from a word. False if it may not stand here and nothing behind it is read.
    fn word(
        &mut self,
        line: &mut Line<'_, '_, '_>,
        ties: Option<&Ties<'_>>,
        word: &str,
    ) -> Result<bool, Dropped> {
        let Some(row) = ROUTE.find(word) else {
            self.numbered_kind_or_destination(line, word)?;
            return Ok(true);
        };
        match (row.name, ties) {
            ("track_group", None) => self.destination(line, word)?,
            ("track_group", Some(ties)) => {
                let name = line.value()?;
                return Ok(ties.tie(line, name, &mut self.group));
            }
            ("or", _) => self.second_gateway(line)?,
            ("nexthop", _) if self.or.is_some() => {
                line.say(Class::General, "Cannot specify nexthops with \"or\" route");
                return Ok(false);
            }
            ("nexthop", _) => self.nexthops(line)?,
            _ => self.option(line, row, word)?,
        }
        Ok(true)
    }

    fn option(&mut self, line: &mut Line<'_, '_, '_>, row: &LineWord, word: &str) -> Result<(), Dropped> {
        if self.place(line, row.name, word)? || self.position(line, row.name)? || self.flag(row.name) {
            return Ok(());
        }
        if let Some(kind) = kind(row.name) {
            return self.kind(line, kind);
        }
        match row.name {
            "encap" => match encap::read(line)? {
                encap::Found::Nothing => {}
                encap::Found::Encap(encap) => self.encap = Some(encap),
                encap::Found::Broken => self.broken = true,
            },
            "as" => {
                line.value()?;
                skip_as(line, "\"as to\" for MPLS only - ignoring");
            }
            "expires" | "pref" => self.lifetime(line, row.name)?,
            "ttl-propagate" => self.ttl_propagate(line)?,
            name => metric::read(line, name, &mut self.metrics)?,
        }
        Ok(())
    }

    /// Words about where packets come from and go to; false if it is another word.
    fn place(&mut self, line: &mut Line<'_, '_, '_>, name: &str, word: &str) -> Result<bool, Dropped> {
        match name {
            "to" => {
                let value = line.value()?;
                self.destination(line, value)?;
            }
            "inet" => self.announce(line, Family::V4)?,
            "inet6" => self.announce(line, Family::V6)?,
            "src" => {
                let value = line.value()?;
                let ip = line.ip(value);
                let ip = ip.ok_or_else(|| line.refuse(format!("invalid route src address {value}")))?;
                self.agree(line, Family::of(ip))?;
                self.source = Some(ip);
            }
            "from" => self.from(line)?,
            "via" => {
                if word == "gw" {
                    let text = "\"gw\" for routes is deprecated. Please use \"via\"";
                    line.say(Class::Deprecated, text);
                }
                self.via = Some(self.via(line)?);
            }
            "dev" => {
                let value = line.value()?;
                self.interface = Some(interface(line, value)?);
            }
            "vrf" => {
                let value = line.value()?;
                self.table = Some(vrf(line, value)?);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Words about where among other routes it stands; false if it is another word.
    fn position(&mut self, line: &mut Line<'_, '_, '_>, name: &str) -> Result<bool, Dropped> {
        match name {
            "table" => {
                let value = line.value()?;
                let table = line.cx.named(Kind::Table, value);
                let text = || format!("Routing table {value} not found for route");
                self.table = Some(Table::Number(table.ok_or_else(|| line.refuse(text()))?));
            }
            "protocol" => {
                let text = |value: &str| format!("Protocol {value} not found or invalid for route");
                self.protocol = Some(byte(line, Kind::Protocol, text)?);
            }
            "scope" => {
                let text = |value: &str| format!("Scope {value} not found or invalid for route");
                self.scope = byte(line, Kind::Scope, text)?;
            }
            "tos" => {
                let text = |value: &str| format!("TOS value {value} is invalid");
                self.tos = byte(line, Kind::ServiceType, text)?;
            }
            "metric" => {
                let value = line.value()?;
                let bad = format!("Invalid metric {value} specified for route");
                self.metric = Some(line.number(value, u32::MAX, bad)?);
            }
            "realms" => {
                if self.family == Some(Family::V6) {
                    return Err(line.refuse("realms are only valid for IPv4"));
                }
                self.agree(line, Family::V4)?;
                let value = line.value()?;
                let realms = realms(line, value);
                let text = || format!("Invalid realms {value} for route");
                self.realms = Some(realms.ok_or_else(|| line.refuse(text()))?);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Words without a value; false if it is another word.
    fn flag(&mut self, name: &str) -> bool {
        match name {
            "add" => self.insertion = Some(Insertion::Add),
            "append" => self.insertion = Some(Insertion::Append),
            "prepend" => self.insertion = Some(Insertion::Prepend),
            "no_track" => self.no_track = true,
            "onlink" => self.onlink = true,
            _ => return false,
        }
        true
    }

    /// Types may be written as numbers, so `10 10.0.0.0/8` is a route of type nat.
    fn numbered_kind_or_destination(
        &mut self,
        line: &mut Line<'_, '_, '_>,
        word: &str,
    ) -> Result<(), Dropped> {
        match number::any_base(word).map(u8::try_from) {
            Some(Ok(kind)) => self.kind(line, RouteKind(kind)),
            Some(Err(_)) | None if word.is_empty() => self.kind(line, RouteKind(0)),
            Some(Err(_)) | None => self.destination(line, word),
        }
    }

    /// A type, and the destination that has to follow it.
    fn kind(&mut self, line: &mut Line<'_, '_, '_>, kind: RouteKind) -> Result<(), Dropped> {
        self.kind = Some(kind);
        // Whatever was said before: the original only adds what has a type.
        self.insertion = Some(Insertion::Add);
        let value = line.value()?;
        self.destination(line, value)
    }

    fn destination(&mut self, line: &mut Line<'_, '_, '_>, word: &str) -> Result<(), Dropped> {
        let destination = match word {
            "default" | "any" | "all" => Destination::All,
            "default6" => {
                let place = line.place();
                line.cx.log(&place, "\"default6\" is deprecated - please use \"default\"");
                Destination::Prefix(Prefix { ip: Ipv6Addr::UNSPECIFIED.into(), len: 0 })
            }
            _ if !is_destination(word) => {
                let text = format!("VRRP parsed invalid IP {word}. skipping IP...");
                line.say_coded("unknown-line-word", text);
                line.unknown(word, &ROUTE, DESTINATIONS, format!("unknown route keyword {word}"));
                return Err(Dropped);
            }
            _ => Destination::Prefix(line.prefix(word).ok_or(Dropped)?),
        };
        let family = match destination {
            Destination::Prefix(prefix) => Some(Family::of(prefix.ip)),
            Destination::All => None,
        };
        // To the original, "default" is of no family and so of another one than what stands before it. After
        // `inet6` it is what the manual shows (`spec` config 6).
        let announced = self.announced && family.is_none();
        if self.family.is_some() && self.family != family && !announced {
            return Err(line.refuse(format!("{MIXED} ({word})")));
        }
        self.family = family.or(self.family);
        self.announced = false;
        self.destination = Some(destination);
        Ok(())
    }

    /// `inet` or `inet6`. The original overreads the word behind it, and files have grown that have one there
    /// for it; what makes sense where it stands is read all the same (`spec` config 7).
    fn announce(&mut self, line: &mut Line<'_, '_, '_>, family: Family) -> Result<(), Dropped> {
        let (said, other) = if family == Family::V4 { ("inet", Family::V6) } else { ("inet6", Family::V4) };
        if self.family.is_some_and(|found| found != family) {
            return Err(line.refuse(format!("{said} specified for {other} route")));
        }
        self.announced = self.family.is_none();
        self.family = Some(family);
        let destination = line.peek().is_some_and(is_destination) && self.destination.is_none();
        if !destination && !line.reads(&ROUTE) {
            line.take();
        }
        Ok(())
    }

    /// A family that a word implies.
    fn agree(&mut self, line: &mut Line<'_, '_, '_>, family: Family) -> Result<(), Dropped> {
        if *self.family.get_or_insert(family) != family {
            return Err(line.refuse(MIXED));
        }
        self.announced = false;
        Ok(())
    }

    fn from(&mut self, line: &mut Line<'_, '_, '_>) -> Result<(), Dropped> {
        let word = line.value()?;
        let prefix = match word {
            "default" | "any" | "all" => None,
            "default6" => Some(Prefix { ip: Ipv6Addr::UNSPECIFIED.into(), len: 0 }),
            _ => {
                let prefix = line.prefix(word);
                Some(prefix.ok_or_else(|| line.refuse(format!("invalid route from address {word}")))?)
            }
        };
        let Some(prefix) = prefix.filter(|prefix| prefix.ip.is_ipv6()) else {
            return Err(line.refuse(format!("route from address only supported with IPv6 ({word})")));
        };
        self.agree(line, Family::V6)?;
        self.from = Some(prefix);
        Ok(())
    }

    fn via(&mut self, line: &mut Line<'_, '_, '_>) -> Result<IpAddr, Dropped> {
        let said = family_word(line);
        let value = line.value()?;
        let ip = line.ip(value);
        let ip = ip.ok_or_else(|| line.refuse(format!("invalid route via address {value}")))?;
        if said.is_some_and(|said| said != Family::of(ip)) {
            return Err(line.refuse(MIXED));
        }
        self.agree(line, Family::of(ip))?;
        Ok(ip)
    }

    fn second_gateway(&mut self, line: &mut Line<'_, '_, '_>) -> Result<(), Dropped> {
        line.say(Class::Deprecated, "\"or\" for routes is deprecated. Please use \"nexthop\"");
        let value = line.value()?;
        if self.or.is_some() {
            line.say(Class::General, "\"or\" route already specified - ignoring subsequent");
            return Ok(());
        }
        let ip = line.ip(value);
        self.or = Some(ip.ok_or_else(|| line.refuse(format!("Invalid \"or\" address {value}")))?);
        Ok(())
    }

    /// What only IPv6 has.
    fn lifetime(&mut self, line: &mut Line<'_, '_, '_>, name: &str) -> Result<(), Dropped> {
        if self.family == Some(Family::V4) {
            return Err(line.refuse(format!("{name} is only valid for IPv6")));
        }
        self.agree(line, Family::V6)?;
        let value = line.value()?;
        match (name, value) {
            ("expires", _) => {
                let bad = format!("Invalid expires time {value} specified for route");
                self.expires_secs = Some(line.number(value, u32::MAX, bad)?);
            }
            (_, "low") => self.preference = Some(3),
            (_, "medium") => self.preference = Some(0),
            (_, "high") => self.preference = Some(1),
            _ => {
                let bad = format!("Invalid pref value {value} specified for route");
                self.preference = Some(line.byte(value, bad)?);
            }
        }
        Ok(())
    }

    fn ttl_propagate(&mut self, line: &mut Line<'_, '_, '_>) -> Result<(), Dropped> {
        let value = line.value()?;
        if !["enabled", "disabled"].contains(&value) {
            line.say(Class::General, format!("ttl-propagate value {value} not recognised"));
        }
        self.ttl_propagate = Some(value == "enabled");
        Ok(())
    }

    /// Defaults, and rules between words.
    fn finish(mut self, line: &mut Line<'_, '_, '_>) -> Result<Tied<Route>, Dropped> {
        line.back_to(1);
        let destination = match self.destination {
            None => return Err(line.refuse("Route must have a destination")),
            Some(Destination::Prefix(prefix)) => prefix,
            Some(Destination::All) if self.family == Some(Family::V6) => {
                Prefix { ip: Ipv6Addr::UNSPECIFIED.into(), len: 0 }
            }
            Some(Destination::All) => Prefix { ip: Ipv4Addr::UNSPECIFIED.into(), len: 0 },
        };
        if !self.no_track && self.protocol.is_some_and(|protocol| protocol != OUR_PROTOCOL) {
            let text = "Route cannot be tracked if protocol is not RTPROT_KEEPALIVED(18), resetting protocol";
            line.say(Class::General, text);
            self.protocol = None;
        }
        if self.interface.is_none() && self.group.take().is_some() {
            line.say(Class::General, "Static route cannot have track group if no oif specified");
        }
        if self.broken {
            return Err(Dropped);
        }
        if let Some(or) = self.or {
            if Family::of(or) != Family::of(destination.ip) {
                // The original lets the kernel refuse it.
                let place = line.place();
                line.cx.log(
                    &place,
                    format!("\"or\" address {or} is not of the route's family - ignoring route"),
                );
                return Err(Dropped);
            }
            let ways = self.via.take().into_iter().chain([or]);
            self.nexthops = ways.map(|via| Nexthop { via: Some(via), ..Nexthop::default() }).collect();
        }
        let route = Route {
            destination,
            kind: self.kind.unwrap_or(RouteKind::UNICAST),
            from: self.from,
            source: self.source,
            via: self.via,
            no_track: self.no_track || self.interface.is_none(),
            interface: self.interface,
            onlink: self.onlink,
            encap: self.encap,
            realms: self.realms,
            nexthops: self.nexthops,
            table: self.table.unwrap_or(Table::Number(Table::MAIN)),
            protocol: self.protocol.unwrap_or(OUR_PROTOCOL),
            scope: self.scope,
            tos: self.tos,
            metric: self.metric,
            metrics: self.metrics,
            expires_secs: self.expires_secs,
            preference: self.preference,
            ttl_propagate: self.ttl_propagate,
            insertion: self.insertion.unwrap_or(Insertion::Prepend),
        };
        Ok(Tied { thing: route, group: self.group })
    }
}

/// The number of a type's name.
pub(crate) fn kind(name: &str) -> Option<RouteKind> {
    Some(match name {
        "unicast" => RouteKind::UNICAST,
        "local" => RouteKind::LOCAL,
        "broadcast" => RouteKind::BROADCAST,
        "anycast" => RouteKind::ANYCAST,
        "multicast" => RouteKind::MULTICAST,
        "blackhole" => RouteKind::BLACKHOLE,
        "unreachable" => RouteKind::UNREACHABLE,
        "prohibit" => RouteKind::PROHIBIT,
        "throw" => RouteKind::THROW,
        "nat" => RouteKind::NAT,
        "xresolve" => RouteKind::XRESOLVE,
        _ => return None,
    })
}

/// `REALM`, which is that of the destination, or `FROM/TO`.
pub(super) fn realms(line: &mut Line<'_, '_, '_>, word: &str) -> Option<Realms> {
    let mut realm = |word: &str| line.cx.named_byte(Kind::Realm, word);
    match word.split_once('/') {
        Some((from, to)) => Some(Realms { from: realm(from)?, to: realm(to)? }),
        None => Some(Realms { from: 0, to: realm(word)? }),
    }
}

/// `inet` or `inet6`, if one comes next.
fn family_word(line: &mut Line<'_, '_, '_>) -> Option<Family> {
    if line.take_if("inet") {
        Some(Family::V4)
    } else if line.take_if("inet6") {
        Some(Family::V6)
    } else {
        None
    }
}

fn interface(line: &mut Line<'_, '_, '_>, name: &str) -> Result<String, Dropped> {
    line.interface(name, |name| format!("WARNING - interface {name} for VROUTE nexthop doesn't exist"))
}

fn vrf(line: &mut Line<'_, '_, '_>, name: &str) -> Result<Table, Dropped> {
    match line.cx.host.interface(name) {
        Some(facts) if facts.vrf => Ok(Table::Vrf(name.to_owned())),
        Some(_) => Err(line.refuse(format!("Route specified VRF {name} is not a VRF"))),
        None => Err(line.refuse(format!("VRF {name} not found for route"))),
    }
}

fn byte(line: &mut Line<'_, '_, '_>, kind: Kind, bad: impl Fn(&str) -> String) -> Result<u8, Dropped> {
    let value = line.value()?;
    line.cx.named_byte(kind, value).ok_or_else(|| line.refuse(bad(value)))
}

/// Behind `as`: an address, with or without `to` before it. The word behind `as` was taken.
fn skip_as(line: &mut Line<'_, '_, '_>, text: &str) {
    let to = line.position().saturating_sub(1);
    line.back_to(to);
    if line.take_if("to") {
        line.take();
    } else {
        line.back_to(to + 1);
    }
    line.say(Class::General, text);
}

/// Words in the place of a destination.
const DESTINATIONS: &[&str] = &["default", "any", "all", "default6"];

fn is_destination(word: &str) -> bool {
    let ip = word.split('/').next().unwrap_or_default();
    DESTINATIONS.contains(&word) || ip.parse::<IpAddr>().is_ok()
}
