//! Configurations that do not fit the network of this machine.

use std::net::IpAddr;

use keepalived_model::vrrp::Instance;

use super::facts::Router;
use super::{Facts, Findings, Judge, Rule};
use crate::codes::{Code, Severity};

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: Code {
            number: 1401,
            name: "address-outside-subnets",
            severity: Severity::Lint,
            title: "a virtual address in no subnet of its interface",
            says: &[],
            why: "Neighbors ask for an address on the network whose subnet it belongs to. An address that lies in \
                  no subnet of its interface is asked for somewhere else, or through a router that does not know it.",
            does: "",
            fix: "Correct the address, or put it on the interface that is in its subnet (`dev`). If a router sends \
                  the traffic here by a route of its own, this is meant and right.",
            example: "virtual_ipaddress {\n    192.0.2.10/24 dev eth1\n}",
        },
        judge: Judge::One(address_outside_subnets),
    },
    Rule {
        code: Code {
            number: 1402,
            name: "source-not-here",
            severity: Severity::Lint,
            title: "a source address this machine does not have",
            says: &[],
            why: "Adverts are to be sent from an address that no interface has; often the file is that of the other \
                  machine. What other routers send to that address does not arrive here, so that this one may \
                  become master beside them. With `track_src_ip` it waits in FAULT instead.",
            does: "",
            fix: "Write an address of this machine.",
            example: "unicast_src_ip 192.0.2.1",
        },
        judge: Judge::One(source_not_here),
    },
];

fn address_outside_subnets(cx: &Facts<'_>, out: &mut Findings) {
    for router in cx.routers() {
        let Some(instance) = router.model else { continue };
        for address in instance.addresses.iter().chain(&instance.excluded) {
            let device = address.interface.as_deref().unwrap_or(instance.interface_name());
            let interface = cx.interfaces.iter().find(|interface| interface.name == device);
            // Without addresses of this family there is nothing to compare with.
            let Some(interface) = interface.filter(|interface| {
                interface.addresses.iter().any(|(own, _)| own.is_ipv4() == address.ip.is_ipv4())
            }) else {
                continue;
            };
            if interface.reaches(address.ip) || is_link_local(address.ip) {
                continue;
            }
            let ip = address.ip;
            let told = out
                .say(place(cx, &router, ip), format!("{ip} lies in no subnet of {device}"))
                .so("Neighbors do not ask for it there, unless a router sends its traffic here on purpose.");
            match cx.interfaces.iter().find(|interface| interface.reaches(ip)) {
                Some(other) => told.help(format_args!(
                    "{} is in its subnet: write 'dev {}' behind it",
                    other.name, other.name
                )),
                None => told.help(format_args!("{device} has {}", subnets(&interface.addresses, ip))),
            };
        }
    }
}

fn is_link_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    }
}

fn subnets(addresses: &[(IpAddr, u8)], like: IpAddr) -> String {
    let same = addresses.iter().filter(|(own, _)| own.is_ipv4() == like.is_ipv4());
    same.map(|(own, length)| format!("{own}/{length}")).collect::<Vec<_>>().join(", ")
}

/// Where an address is written.
pub(super) fn place(cx: &Facts<'_>, router: &Router<'_, '_>, ip: IpAddr) -> Option<crate::Span> {
    let mut items = router.items("virtual_ipaddress").chain(router.items("virtual_ipaddress_excluded"));
    let item = items.find(|item| {
        let word = item.words.first().map_or("", |word| word.text);
        word.split('/').next().and_then(|word| word.parse().ok()) == Some(ip)
    })?;
    cx.item(item, 0)
}

fn source_not_here(cx: &Facts<'_>, out: &mut Findings) {
    if cx.interfaces.is_empty() {
        return;
    }
    for router in cx.routers() {
        for keyword in ["unicast_src_ip", "mcast_src_ip"] {
            let Some(statement) = router.says(keyword) else { continue };
            let word = statement.word(1).unwrap_or("");
            let Ok(ip) = word.parse::<IpAddr>() else { continue };
            let here =
                cx.interfaces.iter().any(|interface| interface.addresses.iter().any(|(own, _)| *own == ip));
            if here {
                continue;
            }
            let device = router.model.map_or("", |instance| instance.interface_name());
            let interface = cx.interfaces.iter().find(|interface| interface.name == device);
            let told = out
                .say(cx.word(statement, 1), format!("no interface of this machine has {ip}"))
                .so(effect(router.model, keyword));
            match interface.map(|interface| subnets(&interface.addresses, ip)).filter(|own| !own.is_empty()) {
                Some(own) => {
                    told.help(format_args!("{device} has {own}; is this the file of the other machine?"))
                }
                None => told.help("write an address of this machine"),
            };
        }
    }
}

/// What a missing source address leads to.
fn effect(instance: Option<&Instance>, keyword: &str) -> &'static str {
    if instance.is_some_and(|instance| instance.track_source) {
        "The virtual router waits in FAULT until one has it."
    } else if keyword == "unicast_src_ip" {
        "Adverts to that address do not arrive here: this router hears nobody and becomes master as well."
    } else {
        "Adverts carry an address that is not here, if they are sent at all."
    }
}

/// Interfaces that do not exist, with those that do.
pub(super) fn unknown_interface(cx: &Facts<'_>, out: &mut Findings) {
    if cx.interfaces.is_empty() {
        return;
    }
    let names: Vec<&str> = cx.interfaces.iter().map(|interface| interface.name.as_str()).collect();
    for router in cx.routers() {
        let owner = router.name;
        let own = router.says("interface").into_iter().filter_map(|statement| {
            let name = statement.word(1)?;
            let text = format!("WARNING - interface {name} for vrrp_instance {owner} doesn't exist");
            Some((name, cx.word(statement, 1), text))
        });
        let tracked = router.items("track_interface").filter_map(|item| {
            let name = item.words.first()?.text;
            Some((name, cx.item(item, 0), format!("({owner}) tracked interface {name} doesn't exist")))
        });
        for (name, place, said) in own.chain(tracked) {
            if names.contains(&name) {
                continue;
            }
            let others: Vec<&str> =
                names.iter().copied().filter(|name| *name != "lo").take(INTERFACES_SHOWN).collect();
            let near = crate::suggest::near(name, names.iter().copied().filter(|name| *name != "lo"));
            let told = out.say(place, format!("this machine has no {name}")).echoes(said);
            match (near, others.as_slice()) {
                (Some(near), _) => told.help(format_args!("did you mean {near}?")),
                (None, [only]) => told.help(format_args!("its only interface is {only}")),
                (None, _) => told.help(format_args!("it has {}", others.join(", "))),
            };
        }
    }
}

/// More names than these help nobody.
const INTERFACES_SHOWN: usize = 8;
