//! Address lines (`spec` config 3.9).

use std::net::{IpAddr, Ipv4Addr};

use keepalived_model::kernel::{AddressSpec, Lifetime};
use keepalived_model::lasting::Tied;
use keepalived_model::vrrp::VirtualAddress;

use super::context::Context;
use super::interfaces::Interfaces;
use super::lasting::Ties;
use super::line::{Dropped, Line, most};
use super::names::Kind;
use crate::diag::Class;
use crate::schema::ADDRESS;
use crate::tree::Item;

/// Longest label of an address.
const LABEL_MAX: usize = 15;

/// Reads a line of an instance; nothing if the original drops it.
pub(super) fn lower(cx: &mut Context<'_>, known: &mut Interfaces, item: &Item<'_>) -> Option<VirtualAddress> {
    let mut line = Line::new(cx, known, item);
    read(&mut line, None).ok().map(|tied| tied.thing)
}

/// Reads a static line, which may be tied to a group.
pub(super) fn lower_lasting(
    cx: &mut Context<'_>,
    known: &mut Interfaces,
    item: &Item<'_>,
    ties: &Ties<'_>,
) -> Option<Tied<VirtualAddress>> {
    let mut line = Line::new(cx, known, item);
    read(&mut line, Some(ties)).ok()
}

fn read(line: &mut Line<'_, '_, '_>, ties: Option<&Ties<'_>>) -> Result<Tied<VirtualAddress>, Dropped> {
    let mut draft = Draft::start(line)?;
    let mut group = None;
    while let Some(word) = line.take() {
        // Each of these belongs to one kind of line only.
        let foreign = if ties.is_some() { "use_vmac" } else { "track_group" };
        let Some(row) = ADDRESS.find(word).filter(|row| row.name != foreign) else {
            let text = format!("Unknown configuration entry '{word}' for ip address - ignoring");
            line.unknown(word, &ADDRESS, &[], text);
            continue;
        };
        if row.args.is_empty() {
            draft.flag(row.name);
            continue;
        }
        let Some(value) = line.take() else {
            line.say(Class::Missing, format!("No {word} parameter specified for {}", draft.written));
            return Err(Dropped);
        };
        match (row.name, ties) {
            ("track_group", Some(ties)) => {
                ties.tie(line, value, &mut group);
            }
            _ => draft.option(line, word, row.name, value)?,
        }
    }
    line.back_to(1);
    if let Some(ties) = ties {
        draft.place(line, ties)?;
    }
    draft.finish(line);
    Ok(Tied { thing: draft.address, group })
}

struct Draft {
    /// As messages call it: without its prefix.
    name: String,
    address: VirtualAddress,
    /// As it was written.
    written: String,
    /// `+` or `-`, to be applied once everything is known.
    broadcast: Option<char>,
    /// As configured, if it was.
    preferred: Option<Lifetime>,
}

impl Draft {
    fn start(line: &mut Line<'_, '_, '_>) -> Result<Self, Dropped> {
        let written = line.value()?.to_owned();
        let prefix = line.prefix(&written).ok_or(Dropped)?;
        let name = written.split('/').next().unwrap_or_default().to_owned();
        let spec = AddressSpec::default();
        let (ip, prefix_len, interface) = (prefix.ip, prefix.len, None);
        let (no_track, use_vmac, vmac) = (false, false, None);
        let address = VirtualAddress { ip, prefix_len, interface, spec, no_track, use_vmac, vmac };
        Ok(Self { name, address, written, broadcast: None, preferred: None })
    }

    /// A word without a value.
    fn flag(&mut self, name: &str) {
        let spec = &mut self.address.spec;
        match name {
            "no_track" => self.address.no_track = true,
            "use_vmac" => self.address.use_vmac = true,
            "noprefixroute" => spec.no_prefix_route = true,
            "autojoin" => spec.auto_join = true,
            "home" => spec.home = true,
            "mngtmpaddr" => spec.manages_temporary = true,
            // `-nodad`
            _ => spec.detects_duplicates = true,
        }
    }

    /// An option with its value. `word` is the spelling that was used.
    fn option(
        &mut self,
        line: &mut Line<'_, '_, '_>,
        word: &str,
        option: &str,
        value: &str,
    ) -> Result<(), Dropped> {
        match option {
            "dev" => self.dev(line, value)?,
            "scope" => self.scope(line, value),
            "label" => self.label(line, value)?,
            "peer" => self.peer(line, value),
            "broadcast" => self.broadcast(line, word, value)?,
            _ => self.preferred(line, value),
        }
        Ok(())
    }

    fn dev(&mut self, line: &mut Line<'_, '_, '_>, value: &str) -> Result<(), Dropped> {
        let name = &self.name;
        if self.address.interface.is_some() {
            return Err(line.refuse(format!("Cannot specify ipaddress device more than once for {name}")));
        }
        let unknown =
            |interface: &str| format!("WARNING - interface {interface} for ip address {name} doesn't exist");
        self.address.interface = Some(line.interface(value, unknown)?);
        Ok(())
    }

    fn scope(&mut self, line: &mut Line<'_, '_, '_>, value: &str) {
        let name = &self.name;
        if self.address.ip.is_ipv6() {
            // They have that scope anyway, of which the original says nothing.
            if line.cx.named_byte(Kind::Scope, value) == Some(0) {
                return;
            }
            let text = format!("Cannot specify scope for IPv6 addresses ({name}) - ignoring scope");
            return line.say(Class::General, text);
        }
        match line.cx.named_byte(Kind::Scope, value) {
            Some(scope) => self.address.spec.scope = scope,
            None => {
                let text = format!("Invalid scope '{value}' specified for {name} - ignoring");
                line.say(Class::General, text);
            }
        }
    }

    fn label(&mut self, line: &mut Line<'_, '_, '_>, value: &str) -> Result<(), Dropped> {
        if self.address.ip.is_ipv6() {
            let text = format!("Cannot specify label for IPv6 addresses ({}) - ignoring label", self.name);
            line.say(Class::General, text);
        } else if value.len() > LABEL_MAX {
            let text = format!("Address label {value} is longer than maximum length 15 - removing address");
            return Err(line.refuse(text));
        } else {
            self.address.spec.label = Some(value.to_owned());
        }
        Ok(())
    }

    fn preferred(&mut self, line: &mut Line<'_, '_, '_>, value: &str) {
        self.preferred = match value {
            "forever" => Some(Lifetime::Forever),
            _ => {
                let bad = format!("preferred_lft {value} is invalid");
                line.number(value, u32::MAX, bad).ok().map(Lifetime::Seconds).or(self.preferred)
            }
        };
    }

    fn peer(&mut self, line: &mut Line<'_, '_, '_>, value: &str) {
        if self.address.spec.peer.is_some() {
            line.say(Class::General, format!("Peer {value} - another peer has already been specified"));
            let text = format!("Unknown configuration entry '{value}' for ip address - ignoring");
            return line.say(Class::General, text);
        }
        match line.ip(value) {
            Some(peer) if peer.is_ipv4() == self.address.ip.is_ipv4() => {
                if self.written.contains('/') {
                    let text = "Cannot specify address prefix when specifying peer address - ignoring";
                    line.say(Class::General, text);
                }
                self.address.prefix_len = most(peer);
                self.address.spec.peer = Some(peer);
            }
            Some(_) => {
                line.say(Class::General, format!("Peer address {value} does not match address family"));
            }
            None => line.say(Class::General, format!("Invalid peer address {value}")),
        }
    }

    fn broadcast(&mut self, line: &mut Line<'_, '_, '_>, word: &str, value: &str) -> Result<(), Dropped> {
        if self.address.ip.is_ipv6() {
            let text = format!(
                "VRRP is trying to assign a broadcast {word} to the IPv6 address {} !!?? WTF... skipping VIP...",
                self.name
            );
            return Err(line.refuse(text));
        }
        match (value, value.parse::<Ipv4Addr>()) {
            ("+", _) => self.broadcast = Some('+'),
            ("-", _) => self.broadcast = Some('-'),
            (_, Ok(broadcast)) => self.address.spec.broadcast = Some(broadcast),
            (_, Err(_)) => {
                let text = format!("VRRP is trying to assign invalid broadcast {value}. skipping VIP...");
                return Err(line.refuse(text));
            }
        }
        Ok(())
    }

    /// A static address has no instance to take an interface from.
    fn place(&mut self, line: &mut Line<'_, '_, '_>, ties: &Ties<'_>) -> Result<(), Dropped> {
        if self.address.interface.is_some() {
            return Ok(());
        }
        let usual = line.known.usual(line.cx, ties.default_interface);
        self.address.interface = usual;
        if self.address.interface.is_some() {
            return Ok(());
        }
        let text = format!(
            "Static address {} requires either an interface or default interface must exist",
            self.written
        );
        line.say(Class::Fatal, text);
        Err(Dropped)
    }

    fn finish(&mut self, line: &mut Line<'_, '_, '_>) {
        if self.address.spec.peer.is_some() {
            if self.broadcast.is_some() || self.address.spec.broadcast.take().is_some() {
                let text = "Cannot specify broadcast and peer addresses - ignoring broadcast address";
                line.say(Class::General, text);
            }
        } else if let (Some(sign), IpAddr::V4(ip)) = (self.broadcast, self.address.ip) {
            let length = self.address.prefix_len;
            if length > 30 {
                let text = format!("Address prefix length {length} too long for broadcast");
                line.say(Class::General, text);
            } else {
                let hosts = u32::MAX >> length;
                let bits = if sign == '+' { ip.to_bits() | hosts } else { ip.to_bits() & !hosts };
                self.address.spec.broadcast = Some(Ipv4Addr::from_bits(bits));
            }
        }
        if self.address.ip.is_ipv6() {
            // A single address is not meant as a source (`spec` runtime 6.1).
            let single = self.address.prefix_len == most(self.address.ip);
            let usual = if single { Lifetime::Seconds(0) } else { Lifetime::Forever };
            self.address.spec.preferred = self.preferred.unwrap_or(usual);
        }
    }
}
