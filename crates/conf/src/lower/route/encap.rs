//! What a route wraps packets in. A bad value stands for itself again afterwards: `encap ip tos x` is also a
//! route's bad `tos`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use keepalived_model::route::{Encap, Tunnel};

use super::super::line::{Dropped, Line};
use super::super::names::Kind;
use crate::diag::Class;
use crate::lex::number;
use crate::schema::{ENCAP_IP, ENCAP_IP6, Grammar};

/// Most labels the original takes.
const LABELS_MAX: usize = 2;
/// A label has 20 bits (RFC 3032 §2.1).
const LABEL_MAX: u32 = 0xf_ffff;

/// What stood behind `encap`.
pub(super) enum Found {
    /// No encapsulation; the route is kept.
    Nothing,
    Encap(Encap),
    /// One that no kernel takes. Reading goes on.
    Broken,
}

pub(super) fn read(line: &mut Line<'_, '_, '_>) -> Result<Found, Dropped> {
    let Some(kind) = line.take() else {
        line.say(Class::Missing, "Missing encap type");
        return Ok(Found::Nothing);
    };
    Ok(match kind {
        "mpls" => mpls(line),
        "ila" => ila(line),
        "ip" => Found::Encap(Encap::Ip(tunnel(line, &IP))),
        "ip6" => Found::Encap(Encap::Ip6(tunnel(line, &IP6))),
        other => {
            line.say(Class::General, format!("Unknown encap type - {other}"));
            Found::Nothing
        }
    })
}

fn mpls(line: &mut Line<'_, '_, '_>) -> Found {
    let Some(word) = line.take() else {
        line.say(Class::Missing, "missing address for MPLS encapsulation");
        return Found::Broken;
    };
    let label = |word: &str| {
        number::any_base(word).and_then(|label| u32::try_from(label).ok()).filter(|label| *label <= LABEL_MAX)
    };
    let labels: Option<Vec<u32>> = word.split('/').map(label).collect();
    match labels.filter(|labels| labels.len() <= LABELS_MAX) {
        Some(labels) => Found::Encap(Encap::Mpls(labels)),
        None => {
            line.say(Class::General, format!("invalid mpls address {word} for encapsulation"));
            Found::Broken
        }
    }
}

fn ila(line: &mut Line<'_, '_, '_>) -> Found {
    let Some(word) = line.take() else {
        line.say(Class::Missing, "missing locator for ILA encapsulation");
        return Found::Broken;
    };
    let group = |group: &str| {
        let digits = group.strip_prefix("0x").unwrap_or(group);
        let value = u64::from_str_radix(digits, 16).ok().filter(|_| !digits.starts_with('+'))?;
        u16::try_from(value).ok()
    };
    let groups: Option<Vec<u16>> = word.split(':').map(group).collect();
    match groups.and_then(|groups| <[u16; 4]>::try_from(groups).ok()) {
        Some(locator) => Found::Encap(Encap::Ila(locator)),
        None => {
            line.say(Class::General, format!("invalid locator {word} for ila encapsulation"));
            Found::Broken
        }
    }
}

/// One of the two families of tunnels.
struct Kindred<Address> {
    name: &'static str,
    words: &'static Grammar,
    /// The family its addresses must not have.
    other: &'static str,
    pick: fn(IpAddr) -> Option<Address>,
    bad_id: fn(&str) -> String,
}

const IP: Kindred<Ipv4Addr> = Kindred {
    name: "ip",
    words: &ENCAP_IP,
    other: "IPv6",
    pick: |ip| if let IpAddr::V4(ip) = ip { Some(ip) } else { None },
    bad_id: |value| format!("encap id {value} value is invalid"),
};

const IP6: Kindred<Ipv6Addr> = Kindred {
    name: "ip6",
    words: &ENCAP_IP6,
    other: "IPv4",
    pick: |ip| if let IpAddr::V6(ip) = ip { Some(ip) } else { None },
    bad_id: |value| format!("id {value} value invalid for IPv6 encapsulation"),
};

fn tunnel<Address>(line: &mut Line<'_, '_, '_>, kindred: &Kindred<Address>) -> Tunnel<Address> {
    let mut tunnel = Tunnel::default();
    loop {
        let start = line.position();
        let Some(row) = line.peek().and_then(|word| kindred.words.find(word)) else { break };
        let Some(value) = second(line) else { break };
        if kindred.option(line, &mut tunnel, row.name, value).is_none() {
            line.back_to(start);
            return tunnel;
        }
    }
    if tunnel.id.is_none() && tunnel.destination.is_none() {
        line.say(Class::General, format!("address or id missing for {} encapsulation", kindred.name));
    }
    tunnel
}

/// Takes two words if there are two.
fn second<'t>(line: &mut Line<'_, '_, 't>) -> Option<&'t str> {
    let start = line.position();
    line.take();
    let second = line.take();
    if second.is_none() {
        line.back_to(start);
    }
    second
}

impl<Address> Kindred<Address> {
    /// Nothing if the value is bad, which has been said.
    fn option(
        &self,
        line: &mut Line<'_, '_, '_>,
        tunnel: &mut Tunnel<Address>,
        option: &str,
        value: &str,
    ) -> Option<()> {
        let name = self.name;
        match option {
            "id" => match number::unsigned64(value) {
                Ok(id) => tunnel.id = Some(id),
                Err(complaint) => {
                    line.say(Class::Number, complaint);
                    line.say(Class::General, (self.bad_id)(value));
                    return None;
                }
            },
            "dst" => tunnel.destination = Some(self.address(line, option, value)?),
            "src" => tunnel.source = Some(self.address(line, option, value)?),
            "tos" | "tc" => match line.cx.named_byte(Kind::ServiceType, value) {
                Some(class) => tunnel.class = Some(class),
                None if option == "tos" => {
                    line.say(Class::General, format!("dsfield {value} not valid for {name} encapsulation"));
                    return None;
                }
                None => {
                    line.say(Class::General, format!("tc value tc is invalid for {name} encapsulation"));
                    return None;
                }
            },
            "ttl" => {
                let bad = format!("ttl {value} is not valid for {name} encapsulation");
                tunnel.hops = Some(line.byte(value, bad).ok()?);
            }
            "hoplimit" => {
                let bad = format!("Invalid hoplimit {value} specified for {name} encapsulation");
                tunnel.hops = Some(line.byte(value, bad).ok()?);
            }
            _ => {
                let bad = format!("flags {value} is not valid for {name} encapsulation");
                let flags = line.number(value, u16::MAX.into(), bad).ok()?;
                tunnel.flags = Some(u16::try_from(flags).ok()?);
            }
        }
        Some(())
    }

    fn address(&self, line: &mut Line<'_, '_, '_>, option: &str, value: &str) -> Option<Address> {
        let name = self.name;
        let Some(ip) = line.ip(value) else {
            line.say(Class::General, format!("Invalid encap {name} {option} {value}"));
            return None;
        };
        let address = (self.pick)(ip);
        if address.is_none() {
            let text = format!("{} address {value} not valid for {name} encapsulation", self.other);
            line.say(Class::General, text);
        }
        address
    }
}
