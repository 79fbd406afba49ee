//! Virtual interfaces of instances: `use_vmac` and `use_ipvlan` (`spec` config 3.12 and 4.6).

use std::collections::BTreeMap;
use std::net::IpAddr;

use keepalived_model::MacAddr;
use keepalived_model::Vrid;
use keepalived_model::link::{Ipvlan, IpvlanMode, OwnLink, Vmac};
use keepalived_model::vrrp::{Family, Hopeless, Instance};

use super::context::{Context, Place};
use super::instance::{Draft, INTERFACE_MAX};
use super::names::Kind;
use crate::diag::Class;
use crate::tree::Statement;

/// What is written of an instance's virtual interface. With both kinds written, it is an ipvlan.
#[derive(Debug, Default)]
pub(super) struct Written {
    pub vmac: bool,
    pub ipvlan: bool,
    name: Option<String>,
    mac: Option<WrittenMac>,
    announce_link: bool,
    group: u32,
    address: Option<(IpAddr, u8)>,
    mode: Option<IpvlanMode>,
    /// `vmac_xmit_base` was written, or is needed.
    pub transmit_base: bool,
}

/// Octets of a MAC address; the sixth is the VRID unless written.
#[derive(Clone, Copy, Debug)]
struct WrittenMac {
    octets: [u8; 5],
    last: Option<u8>,
}

impl Written {
    /// Whether there is a virtual interface at all.
    pub fn is_some(&self) -> bool {
        self.vmac || self.ipvlan
    }

    /// Whether an ipvlan has an address.
    pub fn has_address(&self) -> bool {
        self.address.is_some()
    }

    /// The interface group that is written, or the kernel's default.
    pub fn group(&self) -> u32 {
        self.group
    }

    /// The name that is written, if there is one.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Strict mode knows no other MAC address than the RFC's.
    pub fn strict(&mut self, cx: &mut Context<'_>, owner: &str) {
        if self.mac.take().is_some() {
            let text = format!("({owner}): cannot specify MAC address with strict mode - clearing");
            cx.conclude(Class::General, text);
        }
    }

    /// Sending from the base interface needs another one to begin with, and no strict mode.
    pub fn settle_transmit_base(&mut self, cx: &mut Context<'_>, owner: &str, strict: bool) {
        let complaint = match (self.transmit_base, self.vmac && !self.ipvlan) {
            (false, _) => return,
            (true, false) => "vmac_xmit_base is only valid with a vmac",
            (true, true) if strict => "xmit_base is incompatible with strict mode - resetting",
            (true, true) => return,
        };
        cx.conclude(Class::General, format!("({owner}) {complaint}"));
        self.transmit_base = false;
    }

    /// The interface, with a name found where none is written.
    pub fn complete(&self, vrid: Vrid, family: Family, name: impl FnOnce() -> String) -> Option<OwnLink> {
        if !self.is_some() {
            return None;
        }
        let name = self.name.clone().unwrap_or_else(name);
        let group = self.group;
        if self.ipvlan {
            let (address, mode) = (self.address, self.mode.unwrap_or_default());
            return Some(OwnLink::Ipvlan(Ipvlan { name, address, mode, group }));
        }
        let mac = self.mac.map_or(Vmac::router_mac(vrid, family), |written| {
            let [a, b, c, d, e] = written.octets;
            MacAddr([a, b, c, d, e, written.last.unwrap_or(vrid.number())])
        });
        let (transmit_base, announce_link) = (self.transmit_base, self.announce_link);
        Some(OwnLink::Vmac(Vmac { name, mac, transmit_base, announce_link, group }))
    }
}

/// What a new virtual interface may not be called: names that instances read before have chosen, and which did.
#[derive(Debug, Default)]
pub(super) struct Taken(BTreeMap<String, String>);

impl Taken {
    pub fn add(&mut self, draft: &Draft) {
        if let Some(name) = draft.own_link.name() {
            self.0.entry(name.to_owned()).or_insert_with(|| draft.name.clone());
        }
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    fn owner(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

impl Draft {
    /// `use_vmac [[name] IF] [MAC] [netlink_notify_msg] [group G]` in any order. Whatever is wrong, it is used.
    pub fn use_vmac(&mut self, cx: &mut Context<'_>, taken: &Taken, statement: &Statement<'_>) {
        self.own_link.vmac = true;
        let mut position = 1;
        while let Some(word) = statement.word(position) {
            let place = cx.place(statement, position);
            position += 1;
            match word {
                "netlink_notify_msg" => self.own_link.announce_link = true,
                "name" | "group" => {
                    let Some(value) = cx.required(statement, position) else { return };
                    let place = cx.place(statement, position);
                    position += 1;
                    match word {
                        "name" => self.vmac_name(cx, taken, &place, value),
                        _ => self.link_group(cx, &place, value),
                    }
                }
                _ if word.contains(':') => self.mac(cx, &place, word),
                _ => self.vmac_name(cx, taken, &place, word),
            }
        }
    }

    fn vmac_name(&mut self, cx: &mut Context<'_>, taken: &Taken, place: &Place, name: &str) {
        let complaint = if self.own_link.name.is_some() {
            "VMAC interface name already specified".to_owned()
        } else if !is_interface_name(name) {
            format!("VMAC interface name '{name}' too long or invalid characters - ignoring")
        } else {
            return self.link_name(cx, taken, place, name);
        };
        cx.say(place, Class::General, complaint);
    }

    fn link_name(&mut self, cx: &mut Context<'_>, taken: &Taken, place: &Place, name: &str) {
        let owner = &self.name;
        if let Some(other) = taken.owner(name) {
            let text = format!("({owner}) VRRP instance {other} is already using {name} - ignoring name");
            return cx.say(place, Class::General, text);
        }
        let (kind, word) =
            if self.own_link.ipvlan { ("an l2 ipvlan", "ipvlan") } else { ("a private macvlan", "vmac") };
        if cx.host.interface(name).is_some_and(|found| !found.stacked) {
            let text = format!(
                "({owner}) interface {name} already exists and is not {kind}; ignoring {word} if_name"
            );
            return cx.say(place, Class::General, text);
        }
        self.own_link.name = Some(name.to_owned());
    }

    fn mac(&mut self, cx: &mut Context<'_>, place: &Place, word: &str) {
        if self.own_link.mac.is_some() {
            return cx.say(place, Class::General, "VMAC interface address already specified");
        }
        let complaint = match mac(word) {
            Ok(mac) if mac.octets[0] & 1 != 0 => format!("VMAC MAC address is multicast {word} - ignoring"),
            Ok(WrittenMac { octets: [0, 0, 0x5e, 0, 1 | 2], .. }) => {
                format!("VMAC MAC address not allowed to be RFC5798 address ({word}) - ignoring")
            }
            Ok(mac) => {
                self.own_link.mac = Some(mac);
                return;
            }
            Err(NoMac::Characters) => format!("VMAC invalid MAC address {word}"),
            Err(NoMac::Form) => format!("VMAC invalid MAC address {word} - ignored"),
        };
        cx.say(place, Class::General, complaint);
    }

    fn link_group(&mut self, cx: &mut Context<'_>, place: &Place, word: &str) {
        match cx.named(Kind::Group, word) {
            Some(number) => self.own_link.group = number,
            None => cx.say(place, Class::General, format!("VMAC group {word} not found")),
        }
    }

    /// `use_ipvlan [[name] IF] [IP[/L]] [bridge|private|vepa] [group G]` in any order.
    pub fn use_ipvlan(&mut self, cx: &mut Context<'_>, taken: &Taken, statement: &Statement<'_>) {
        let owner = self.name.clone();
        if self.own_link.ipvlan {
            let place = cx.place(statement, 0);
            return cx.say(&place, Class::General, format!("({owner}) use_ipvlan already specified"));
        }
        self.own_link.ipvlan = true;
        let mut position = 1;
        while let Some(word) = statement.word(position) {
            let place = cx.place(statement, position);
            position += 1;
            match word {
                "name" | "group" => {
                    let Some(value) = cx.required(statement, position) else { return };
                    let place = cx.place(statement, position);
                    position += 1;
                    match word {
                        "name" => self.ipvlan_name(cx, taken, &place, value),
                        _ => self.link_group(cx, &place, value),
                    }
                }
                "bridge" => self.ipvlan_mode(cx, &place, word, IpvlanMode::Bridge),
                "private" => self.ipvlan_mode(cx, &place, word, IpvlanMode::Private),
                "vepa" => self.ipvlan_mode(cx, &place, word, IpvlanMode::Vepa),
                // What is no address is a name: the original is as generous.
                _ => match address(word) {
                    Some(address) => self.ipvlan_address(cx, &place, word, address),
                    None => self.ipvlan_name(cx, taken, &place, word),
                },
            }
        }
    }

    fn ipvlan_mode(&mut self, cx: &mut Context<'_>, place: &Place, word: &str, mode: IpvlanMode) {
        if self.own_link.mode.is_some() {
            let text = format!("({}) ipvlan type already specified - ignoring '{word}'", self.name);
            return cx.say(place, Class::General, text);
        }
        self.own_link.mode = Some(mode);
    }

    fn ipvlan_address(&mut self, cx: &mut Context<'_>, place: &Place, word: &str, address: (IpAddr, u8)) {
        let owner = &self.name;
        let family = Family::of(address.0);
        let complaint = if self.own_link.address.is_some() {
            format!("({owner}) ipvlan address already specified - ignoring '{word}'")
        } else if *self.family.get_or_insert(family) != family {
            format!("({owner}) ipvlan address[{word}] MUST match vrrp instance family !!! Skipping...")
        } else {
            self.own_link.address = Some(address);
            return;
        };
        cx.say(place, Class::General, complaint);
    }

    fn ipvlan_name(&mut self, cx: &mut Context<'_>, taken: &Taken, place: &Place, name: &str) {
        let owner = &self.name;
        let complaint = if self.own_link.name.is_some() {
            format!("({owner}) IPVLAN interface already specified - ignoring '{name}'")
        } else if name.len() > INTERFACE_MAX {
            format!("({owner}) IPVLAN interface name '{name}' too long - ignoring")
        } else {
            return self.link_name(cx, taken, place, name);
        };
        cx.say(place, Class::General, complaint);
    }

    /// What unicast makes of virtual interfaces, said where the block ends.
    pub fn settle_unicast_link(&mut self, cx: &mut Context<'_>, end: &Place) {
        if !self.unicast || !self.own_link.is_some() {
            return;
        }
        let owner = &self.name;
        if self.interface.is_none() {
            let text = format!(
                "({owner}): Cannot use VMAC/ipvlan with unicast and no interface - clearing use_vmac"
            );
            cx.say(end, Class::General, text);
            self.own_link = Written::default();
        } else if !self.own_link.transmit_base {
            let text = format!("({owner}) unicast with use_vmac requires vmac_xmit_base - setting");
            cx.say(end, Class::General, text);
            self.own_link.transmit_base = true;
        }
    }

    /// The address of an ipvlan is also where adverts come from.
    pub fn ipvlan_source(&self) -> Option<IpAddr> {
        self.own_link.address.filter(|_| self.own_link.ipvlan).map(|(ip, _)| ip)
    }
}

/// VMACs by what makes them one: an interface has one with that address, whatever it is called (`spec` config 4.6).
#[derive(Debug, Default)]
pub(super) struct Shared<'a>(BTreeMap<(Option<String>, [u8; 6]), First<'a>>);

/// Whose a VMAC is that others may share.
#[derive(Debug)]
struct First<'a> {
    link: String,
    group: Option<&'a str>,
}

impl<'a> Shared<'a> {
    /// An instance whose VMAC is there already uses that one. Unless a sync group keeps both in one state, it cannot.
    pub fn settle(
        &mut self,
        cx: &mut Context<'_>,
        instance: &mut Instance,
        group: Option<&'a str>,
        is_named: bool,
    ) {
        let Instance { name, interface, own_link: Some(OwnLink::Vmac(vmac)), hopeless, .. } = instance else {
            return;
        };
        let key = (interface.clone(), vmac.mac.0);
        let Some(first) = self.0.get(&key) else {
            self.0.insert(key, First { link: vmac.name.clone(), group });
            return;
        };
        if is_named {
            let text =
                format!("({name}) vmac name mismatch {} <=> {1}. changing to {1}.", vmac.name, first.link);
            cx.conclude_log_note(text);
        }
        vmac.name.clone_from(&first.link);
        if group.is_none() || group != first.group {
            let text = format!(
                "({name}) shares the VMAC {} with an instance it is in no sync group with - setting instance to fault \
                 state",
                first.link
            );
            cx.conclude(Class::General, text);
            *hopeless = Some(Hopeless::OwnLinkTaken);
        }
    }
}

/// What the kernel takes for a name.
fn is_interface_name(name: &str) -> bool {
    let fits = !name.is_empty() && name.len() <= INTERFACE_MAX;
    fits && name != "." && name != ".." && !name.contains(|c: char| c == '/' || c.is_ascii_whitespace())
}

fn address(word: &str) -> Option<(IpAddr, u8)> {
    let (ip, length) = word.split_once('/').map_or((word, None), |(ip, length)| (ip, Some(length)));
    let ip = ip.parse::<IpAddr>().ok()?;
    let most = if ip.is_ipv4() { 32 } else { 128 };
    let length = match length {
        None => most,
        Some(length) => length.parse::<u8>().ok().filter(|length| *length <= most)?,
    };
    Some((ip, length))
}

/// Why a word is no MAC address; the original has two sentences.
enum NoMac {
    Characters,
    Form,
}

/// Five or six octets of one or two hexadecimal digits; what follows the sixth is not looked at.
fn mac(word: &str) -> Result<WrittenMac, NoMac> {
    if !word.bytes().all(|byte| byte == b':' || byte.is_ascii_hexdigit()) {
        return Err(NoMac::Characters);
    }
    let mut parts = word.split(':').take(6).collect::<Vec<_>>();
    if parts.len() == 6 && parts.last().is_some_and(|last| last.is_empty()) {
        parts.pop();
    }
    let octet = |part: &&str| (part.len() <= 2).then(|| u8::from_str_radix(part, 16).ok()).flatten();
    let octets: Option<Vec<u8>> = parts.iter().map(octet).collect();
    match octets.as_deref() {
        Some(&[a, b, c, d, e]) => Ok(WrittenMac { octets: [a, b, c, d, e], last: None }),
        Some(&[a, b, c, d, e, last]) => Ok(WrittenMac { octets: [a, b, c, d, e], last: Some(last) }),
        _ => Err(NoMac::Form),
    }
}

/// Names for virtual interfaces, as many as are asked for: `vrrp.51`, then `vrrp1.51`, `vrrp2.51`; for IPv6 the
/// second is `vrrp6.51`. The prefix gives way where a name would be too long.
pub(crate) fn names(prefix: &str, vrid: Vrid, family: Family) -> impl Iterator<Item = String> {
    let plain = Some(String::new());
    let six = (family == Family::V6).then(|| "6".to_owned());
    let others = (1_u32..).filter(move |number| family == Family::V4 || *number != 6);
    let middles = plain.into_iter().chain(six).chain(others.map(|number| number.to_string()));
    middles.map(move |middle| {
        let tail = format!("{middle}.{vrid}");
        let room = INTERFACE_MAX.saturating_sub(tail.len());
        let end = (0..=room.min(prefix.len())).rev().find(|end| prefix.is_char_boundary(*end));
        format!("{}{tail}", prefix.get(..end.unwrap_or(0)).unwrap_or(""))
    })
}
