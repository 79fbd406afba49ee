//! Rule lines (`spec` config 3.11).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use keepalived_model::kernel::OUR_PROTOCOL;
use keepalived_model::lasting::Tied;
use keepalived_model::route::{Prefix, Realms, RouteKind};
use keepalived_model::rule::{Action, Mark, Numbers, Rule};
use keepalived_model::vrrp::Family;

use super::context::Context;
use super::interfaces::Interfaces;
use super::lasting::Ties;
use super::line::{Dropped, Line};
use super::names::Kind;
use super::route;
use crate::diag::Class;
use crate::lex::number::{self, Range};
use crate::schema::{LineWord, RULE};
use crate::tree::Item;

const MIXED: &str = "rule specification has mixed IPv4 and IPv6";
const TWO_ACTIONS: &str =
    "Cannot specify more than one of table/nop/goto/blackhole/prohibit/unreachable for rule";
const TWO_ACTIONS_L3: &str =
    "Cannot specify more than one of table/nop/goto/blackhole/prohibit/unreachable/l3mdev for rule";

/// The preferences that rules without one get, counted down for each family.
pub(super) struct Preferences {
    v4: u32,
    v6: u32,
}

impl Default for Preferences {
    fn default() -> Self {
        Self { v4: FIRST_PREFERENCE, v6: FIRST_PREFERENCE }
    }
}

/// Half of what the kernel's own rules have.
const FIRST_PREFERENCE: u32 = 16_384;

/// Reads a line of an instance; nothing if the original drops it.
pub(super) fn lower(
    cx: &mut Context<'_>,
    known: &mut Interfaces,
    item: &Item<'_>,
    preferences: &mut Preferences,
) -> Option<Rule> {
    read(&mut Line::new(cx, known, item), None, preferences).ok().map(|tied| tied.thing)
}

/// Reads a static line, which may be tied to a group.
pub(super) fn lower_lasting(
    cx: &mut Context<'_>,
    known: &mut Interfaces,
    item: &Item<'_>,
    ties: &Ties<'_>,
    preferences: &mut Preferences,
) -> Option<Tied<Rule>> {
    read(&mut Line::new(cx, known, item), Some(ties), preferences).ok()
}

fn read(
    line: &mut Line<'_, '_, '_>,
    ties: Option<&Ties<'_>>,
    preferences: &mut Preferences,
) -> Result<Tied<Rule>, Dropped> {
    let mut draft = Draft::default();
    while let Some(word) = line.take() {
        match (RULE.find(word), ties) {
            (Some(row), Some(ties)) if row.name == "track_group" => {
                let name = line.value()?;
                ties.tie(line, name, &mut draft.group);
            }
            (Some(row), _) if row.name != "track_group" => draft.option(line, row, word)?,
            _ => draft.numbered_action(line, word)?,
        }
    }
    draft.finish(line, preferences)
}

/// A rule as far as it is read.
#[derive(Default)]
struct Draft {
    /// Once something has said it. `default` alone says none.
    family: Option<Family>,
    inverted: bool,
    from: Option<Side>,
    to: Option<Side>,
    preference: Option<u32>,
    tos: u8,
    mark: Option<Mark>,
    incoming: Option<String>,
    outgoing: Option<String>,
    realms: Option<Realms>,
    suppress_prefix_len: Option<u32>,
    suppress_group: Option<u32>,
    tunnel_id: Option<u64>,
    users: Option<Numbers<u32>>,
    ip_protocol: Option<u8>,
    source_ports: Option<Numbers<u16>>,
    destination_ports: Option<Numbers<u16>>,
    protocol: Option<u8>,
    action: Option<Action>,
    no_track: bool,
    group: Option<String>,
}

/// What `from` or `to` says.
#[derive(Clone, Copy)]
enum Side {
    Prefix(Prefix),
    /// `default`, of the family of the rule.
    All,
}

impl Draft {
    fn option(&mut self, line: &mut Line<'_, '_, '_>, row: &LineWord, word: &str) -> Result<(), Dropped> {
        match row.name {
            "from" => self.from = Some(self.side(line, word)?),
            "to" => self.to = Some(self.side(line, word)?),
            "inet" => self.announce(line, Family::V4)?,
            "inet6" => self.announce(line, Family::V6)?,
            "not" => self.inverted = true,
            "no_track" => self.no_track = true,
            "table" => self.table(line)?,
            "goto" => self.goto(line)?,
            "l3mdev" if self.action.is_some() => {
                return Err(line.refuse("Cannot specify l3mdev with other action"));
            }
            "l3mdev" => self.action = Some(Action::Vrf),
            "nop" | "blackhole" | "unreachable" | "prohibit" => self.act(line, word)?,
            "type" => {
                let value = line.value()?;
                match RULE.find(value).map(|row| row.name) {
                    Some("goto") => self.goto(line)?,
                    _ => self.act(line, value)?,
                }
            }
            _ => self.selector(line, row.name, word)?,
        }
        Ok(())
    }

    /// Words with a value that say which packets, or how routes are judged.
    fn selector(&mut self, line: &mut Line<'_, '_, '_>, name: &str, word: &str) -> Result<(), Dropped> {
        let value = line.value()?;
        let unknown = |name: &str| format!("WARNING - interface {name} for rule doesn't exist");
        match name {
            "iif" => self.incoming = Some(line.interface(value, unknown)?),
            "oif" => self.outgoing = Some(line.interface(value, unknown)?),
            "preference" => self.preference = Some(preference(line, word, value)?),
            "tos" => {
                let tos = line.cx.named_byte(Kind::ServiceType, value);
                self.tos = tos.ok_or_else(|| line.refuse(format!("TOS value {value} is invalid")))?;
            }
            "fwmark" => {
                let text = || format!("Invalid rule fwmark {value} specified");
                self.mark = Some(mark(value).ok_or_else(|| line.refuse(text()))?);
            }
            "realms" => self.realms(line, value)?,
            "suppress_prefixlength" => {
                let bad = format!("Invalid suppress_prefixlength {word} specified");
                self.suppress_prefix_len = Some(line.number(value, SUPPRESS_MAX, bad)?);
            }
            "suppress_ifgroup" => {
                let group = line.cx.named(Kind::Group, value).filter(|group| *group <= SUPPRESS_MAX);
                let text = || format!("suppress_group {value} is invalid");
                self.suppress_group = Some(group.ok_or_else(|| line.refuse(text()))?);
            }
            "tunnel-id" => match number::unsigned64(value) {
                Ok(id) => self.tunnel_id = Some(id),
                Err(complaint) => {
                    line.say(Class::Number, complaint);
                    return Err(line.refuse(format!("Invalid tunnel-id {word} specified")));
                }
            },
            "uidrange" => {
                let users = numbers(value).map(|(first, last)| Numbers { first, last });
                let text = || format!("Invalid uidrange {word} specified");
                self.users = Some(users.ok_or_else(|| line.refuse(text()))?);
            }
            _ => self.transport(line, name, value),
        }
        Ok(())
    }

    /// Words whose bad values cost themselves only.
    fn transport(&mut self, line: &mut Line<'_, '_, '_>, name: &str, value: &str) {
        match name {
            "ipproto" => match ip_protocol(line, value) {
                Some(protocol) => self.ip_protocol = Some(protocol),
                None => line.say(Class::General, format!("Invalid ipproto {value}")),
            },
            "sport" => self.source_ports = ports(line, "sport", value).or(self.source_ports),
            "dport" => self.destination_ports = ports(line, "dport", value).or(self.destination_ports),
            _ => {
                let bad = format!("Invalid protocol {value}");
                self.protocol = line.byte(value, bad).ok().or(self.protocol);
            }
        }
    }

    fn side(&mut self, line: &mut Line<'_, '_, '_>, which: &str) -> Result<Side, Dropped> {
        let word = line.value()?;
        let side = match word {
            "default" | "any" | "all" => Side::All,
            "default6" => Side::Prefix(Prefix { ip: Ipv6Addr::UNSPECIFIED.into(), len: 0 }),
            _ => {
                let prefix = line.prefix(word);
                let text = || format!("Invalid rule {which} address {word}");
                Side::Prefix(prefix.ok_or_else(|| line.refuse(text()))?)
            }
        };
        let family = match side {
            Side::Prefix(prefix) => Some(Family::of(prefix.ip)),
            Side::All => None,
        };
        // Here, too, "default" is of no family to the original. Behind `inet` that word was no help to it.
        let other_side = self.from.or(self.to).is_some();
        if self.family.is_some() && self.family != family && (family.is_some() || other_side) {
            return Err(line.refuse(MIXED));
        }
        self.family = family.or(self.family);
        Ok(side)
    }

    /// `inet` or `inet6`, see the same in routes.
    fn announce(&mut self, line: &mut Line<'_, '_, '_>, family: Family) -> Result<(), Dropped> {
        let (said, other) = if family == Family::V4 { ("inet", Family::V6) } else { ("inet6", Family::V4) };
        if self.from.or(self.to).is_some() && self.family.is_some_and(|found| found != family) {
            return Err(line.refuse(format!("{said} specified for {other} rule")));
        }
        self.family = Some(family);
        if !line.reads(&RULE) {
            line.take();
        }
        Ok(())
    }

    fn table(&mut self, line: &mut Line<'_, '_, '_>) -> Result<(), Dropped> {
        let value = line.value()?;
        let table = line.cx.named(Kind::Table, value);
        let text = || format!("Routing table {value} not found for rule");
        let table = table.ok_or_else(|| line.refuse(text()))?;
        if table == 0 {
            return Err(line.refuse("Table 0 is not valid"));
        }
        self.first_action(line, Action::Table(table), TWO_ACTIONS)
    }

    fn goto(&mut self, line: &mut Line<'_, '_, '_>) -> Result<(), Dropped> {
        let value = line.value()?;
        let target = line.number(value, u32::MAX, "Invalid target goto specified".into())?;
        self.first_action(line, Action::Goto(target), TWO_ACTIONS_L3)
    }

    /// An action by the name or the number of the route type it is like.
    fn act(&mut self, line: &mut Line<'_, '_, '_>, word: &str) -> Result<(), Dropped> {
        let kind = route::kind(word).or_else(|| numbered(word));
        let action = match kind {
            _ if word == "nop" => Action::Nop,
            Some(RouteKind::BLACKHOLE) => Action::Blackhole,
            Some(RouteKind::UNREACHABLE) => Action::Unreachable,
            Some(RouteKind::PROHIBIT) => Action::Prohibit,
            Some(_) => return Err(line.refuse(format!("Invalid rule action {word}"))),
            None => {
                line.unknown(word, &RULE, &[], format!("Unknown rule option {word}"));
                return Err(Dropped);
            }
        };
        self.first_action(line, action, TWO_ACTIONS_L3)
    }

    /// A word that is no keyword: an action written as a number, or as the name of a type of routes.
    fn numbered_action(&mut self, line: &mut Line<'_, '_, '_>, word: &str) -> Result<(), Dropped> {
        self.act(line, word)
    }

    fn first_action(
        &mut self,
        line: &mut Line<'_, '_, '_>,
        action: Action,
        second: &str,
    ) -> Result<(), Dropped> {
        if self.action.is_some() {
            return Err(line.refuse(second));
        }
        self.action = Some(action);
        Ok(())
    }

    fn realms(&mut self, line: &mut Line<'_, '_, '_>, value: &str) -> Result<(), Dropped> {
        if self.family == Some(Family::V6) {
            return Err(line.refuse("realms is only valid for IPv4"));
        }
        self.family = Some(Family::V4);
        let realms = route::realms(line, value);
        self.realms = Some(realms.ok_or_else(|| line.refuse(format!("invalid realms {value} for rule")))?);
        Ok(())
    }

    /// Rules between words, and defaults.
    fn finish(
        mut self,
        line: &mut Line<'_, '_, '_>,
        preferences: &mut Preferences,
    ) -> Result<Tied<Rule>, Dropped> {
        line.back_to(1);
        let Some(action) = self.action else {
            return Err(line.refuse("No action specified for rule - ignoring"));
        };
        self.check(line, action)?;
        if self.incoming.is_none() && self.group.take().is_some() {
            line.say(Class::General, "Static rule cannot have track_group if dev/iif not specified");
        }
        let family = self.family.unwrap_or_default();
        let preference = self.preference.unwrap_or_else(|| next_preference(line, preferences, family));
        let all: IpAddr = match family {
            Family::V4 => Ipv4Addr::UNSPECIFIED.into(),
            Family::V6 => Ipv6Addr::UNSPECIFIED.into(),
        };
        let prefix = |side: Side| match side {
            Side::Prefix(prefix) => prefix,
            Side::All => Prefix { ip: all, len: 0 },
        };
        let usual = if self.no_track { 0 } else { OUR_PROTOCOL };
        let rule = Rule {
            family,
            inverted: self.inverted,
            from: self.from.map(prefix),
            to: self.to.map(prefix),
            preference,
            tos: self.tos,
            mark: self.mark,
            incoming: self.incoming,
            outgoing: self.outgoing,
            realms: self.realms,
            suppress_prefix_len: self.suppress_prefix_len,
            suppress_group: self.suppress_group,
            tunnel_id: self.tunnel_id,
            users: self.users,
            ip_protocol: self.ip_protocol,
            source_ports: self.source_ports,
            destination_ports: self.destination_ports,
            protocol: self.protocol.unwrap_or(usual),
            action,
            no_track: self.no_track,
        };
        Ok(Tied { thing: rule, group: self.group })
    }

    fn check(&mut self, line: &mut Line<'_, '_, '_>, action: Action) -> Result<(), Dropped> {
        let judges = self.realms.is_some_and(|realms| realms != Realms { from: 0, to: 0 })
            || self.suppress_prefix_len.is_some()
            || self.suppress_group.is_some();
        if judges && !matches!(action, Action::Table(_) | Action::Vrf) {
            return Err(line.refuse("suppressor/realm specified for non table action - skipping"));
        }
        match (action, self.preference) {
            (Action::Goto(target), None) => {
                let text = format!("Invalid rule - goto target {target} specified without preference");
                return Err(line.refuse(text));
            }
            (Action::Goto(target), Some(preference)) if preference >= target => {
                let text = format!("Invalid rule - preference {preference} >= goto target {target}");
                return Err(line.refuse(text));
            }
            _ => {}
        }
        if !self.no_track && self.protocol.is_some_and(|protocol| protocol != OUR_PROTOCOL) {
            let text = "Rule cannot be tracked if protocol is not RTPROT_KEEPALIVED(18), resetting protocol";
            line.say(Class::General, text);
            self.protocol = None;
        }
        Ok(())
    }
}

/// The kernel compares signed.
const SUPPRESS_MAX: u32 = i32::MAX as u32;

/// The next free one, and a warning: nobody counts on an order that the file does not show.
fn next_preference(line: &mut Line<'_, '_, '_>, preferences: &mut Preferences, family: Family) -> u32 {
    let next = match family {
        Family::V4 => &mut preferences.v4,
        Family::V6 => &mut preferences.v6,
    };
    let preference = *next;
    *next = next.saturating_sub(1);
    let text = format!(
        "Rule has no preference specified - setting to {preference}. This is probably not what you want."
    );
    line.say(Class::Warning, text);
    preference
}

fn preference(line: &mut Line<'_, '_, '_>, word: &str, value: &str) -> Result<u32, Dropped> {
    let read = number::any_base_integer(value, Range { min: 0, max: u32::MAX.into() });
    if let Some(complaint) = read.complaint {
        line.say(Class::Number, complaint);
        // Not the value, but the keyword.
        return Err(line.refuse(format!("Invalid rule preference {word} specified")));
    }
    read.value.and_then(|value| u32::try_from(value).ok()).ok_or(Dropped)
}

fn numbered(word: &str) -> Option<RouteKind> {
    number::any_base(word).and_then(|kind| u8::try_from(kind).ok()).map(RouteKind)
}

/// `MARK[/MASK]`; nothing is zero.
fn mark(word: &str) -> Option<Mark> {
    let number = |word: &str| match word {
        "" => Some(0),
        _ => number::any_base(word).and_then(|value| u32::try_from(value).ok()),
    };
    let (value, mask) = word.split_once('/').map_or((word, None), |(value, mask)| (value, Some(mask)));
    Some(Mark {
        value: number(value)?,
        mask: match mask {
            Some(mask) => Some(number(mask)?),
            None => None,
        },
    })
}

/// `FIRST-LAST`. The original reads what digits there are, cuts to 32 bits and overlooks the rest.
fn numbers(word: &str) -> Option<(u32, u32)> {
    let (negative, rest) = word.strip_prefix('-').map_or((false, word), |rest| (true, rest));
    let (first, rest) = digits(rest)?;
    let (last, _) = digits(rest.strip_prefix('-')?)?;
    Some((if negative { first.wrapping_neg() } else { first }, last))
}

fn digits(word: &str) -> Option<(u32, &str)> {
    let end = word.find(|c: char| !c.is_ascii_digit()).unwrap_or(word.len());
    let (digits, rest) = word.split_at_checked(end).filter(|(digits, _)| !digits.is_empty())?;
    let value = digits.bytes().fold(0_u32, |value, digit| {
        value.wrapping_mul(10).wrapping_add(u32::from(digit.saturating_sub(b'0')))
    });
    Some((value, rest))
}

/// A range, or a single port as the manual has it (`spec` config 6).
fn ports(line: &mut Line<'_, '_, '_>, name: &str, value: &str) -> Option<Numbers<u16>> {
    // Cut to 16 bits, as the original does.
    let port = |number: u32| u16::try_from(number & u32::from(u16::MAX)).ok();
    let range =
        numbers(value).and_then(|(first, last)| Some(Numbers { first: port(first)?, last: port(last)? }));
    let single = || value.parse().ok().map(|port| Numbers { first: port, last: port });
    let ports = range.or_else(single);
    if ports.is_none() {
        line.say(Class::General, format!("invalid {name} range {value}"));
    }
    ports
}

/// A number up to 253, or a name that the machine or everybody knows.
fn ip_protocol(line: &mut Line<'_, '_, '_>, word: &str) -> Option<u8> {
    let digits = !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
    if digits {
        return word.parse().ok().filter(|number| *number <= IP_PROTOCOL_MAX);
    }
    line.cx.ip_protocol(word)
}

/// 254 and 255 are for experiments and reserved.
const IP_PROTOCOL_MAX: u8 = 253;
