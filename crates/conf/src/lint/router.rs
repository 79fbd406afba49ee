//! Virtual routers that are legal and will surprise.

use std::collections::BTreeMap;

use keepalived_model::vrrp::{Family, Transport};

use super::facts::Router;
use super::{Facts, Findings, Judge, Rule};
use crate::codes::{Code, Severity};
use crate::tree::Statement;

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: Code {
            number: 1311,
            name: "owner-by-omission",
            severity: Severity::Lint,
            title: "state MASTER without a priority",
            says: &[],
            why: "Without a priority, `state MASTER` means 255: the owner of the addresses. An owner \
                  starts as master, weights cannot lower its priority, and a second one beside it fights with it.",
            does: "",
            fix: "Write a priority.",
            example: "state MASTER\npriority 150",
        },
        judge: Judge::One(owner_by_omission),
    },
    Rule {
        code: Code {
            number: 1312,
            name: "virtual-router-id-reused",
            severity: Severity::Lint,
            title: "one virtual_router_id twice on an interface",
            says: &[],
            why: "Two virtual routers of the same number on one network hear each other's adverts and complain \
                  about every one of them; only a different group or peer list keeps them apart.",
            does: "",
            fix: "Give one of them another number, on all its routers.",
            example: "virtual_router_id 52",
        },
        judge: Judge::One(virtual_router_id_reused),
    },
    Rule {
        code: Code {
            number: 1313,
            name: "empty-prefix",
            severity: Severity::Lint,
            title: "an address with a slash and no length",
            says: &[],
            why: "A slash without a number is a length of 0: the kernel then takes the whole internet for the \
                  subnet of this address.",
            does: "",
            fix: "Write the length of the subnet, or no slash.",
            example: "virtual_ipaddress {\n    192.0.2.10/24\n}",
        },
        judge: Judge::One(empty_prefix),
    },
    Rule {
        code: Code {
            number: 1314,
            name: "strict-drops-packets",
            severity: Severity::Lint,
            title: "strict mode, and addresses that answer nobody",
            says: &[],
            why: "In strict mode only an owner (priority 255) may accept packets to the virtual addresses. \
                  Everybody else drops them: no ping, no connection, which looks as if the takeover had failed.",
            does: "",
            fix: "Delete vrrp_strict. Or use version 3 with `accept`.",
            example: "# vrrp_strict",
        },
        judge: Judge::One(strict_drops_packets),
    },
    Rule {
        code: Code {
            number: 1315,
            name: "peer-is-self",
            severity: Severity::Lint,
            title: "a unicast peer that is this router itself",
            says: &[],
            why: "The list names the other routers. One file with all addresses for all routers makes each of them \
                  send adverts to itself, and nobody hears the one that was left out in exchange.",
            does: "",
            fix: "Delete the own address from unicast_peer.",
            example: "unicast_src_ip 192.0.2.1\nunicast_peer {\n    192.0.2.2\n}",
        },
        judge: Judge::One(peer_is_self),
    },
    Rule {
        code: Code {
            number: 1316,
            name: "address-in-two-instances",
            severity: Severity::Lint,
            title: "one address in two virtual routers",
            says: &[],
            why: "Each instance brings the address up and takes it away on its own. If one of them is master here \
                  and the other elsewhere, two machines have the address.",
            does: "",
            fix: "List the address in one instance, and join the instances by a vrrp_sync_group if they shall move \
                  together.",
            example: "vrrp_sync_group G {\n    group {\n        VI_1\n        VI_2\n    }\n}",
        },
        judge: Judge::One(address_in_two_instances),
    },
];

fn owner_by_omission(cx: &Facts<'_>, out: &mut Findings) {
    for router in cx.routers() {
        let owner = router.model.is_some_and(|instance| instance.priority.is_owner());
        let Some(state) = router.says("state").filter(|_| owner && router.says("priority").is_none()) else {
            continue;
        };
        out.say(
            cx.word(state, 1),
            format!("without a priority, MASTER makes {} the owner (priority 255)", router.name),
        )
        .so("No check can lower this priority, and two such routers fight for the addresses.")
        .help("write a priority, such as 150 here and 100 on the other router");
    }
}

fn virtual_router_id_reused(cx: &Facts<'_>, out: &mut Findings) {
    let mut seen: BTreeMap<(u8, Family, &str), Router<'_, '_>> = BTreeMap::new();
    for router in cx.routers() {
        let Some(instance) = router.model else { continue };
        let key = (instance.vrid.number(), instance.family, instance.interface_name());
        let place = |router: &Router<'_, '_>| router.says("virtual_router_id").and_then(|id| cx.word(id, 1));
        let Some(other) = seen.get(&key) else {
            seen.insert(key, router);
            continue;
        };
        let (id, name, interface) = (key.0, router.name, key.2);
        let family = instance.family;
        let first = other.name;
        out.say(place(&router), format!("{first} uses {id} on {interface} already"))
            .label(place(other), format!("{first} has it"))
            .echoes(format!("{first} and {name} both use VRID {id} with {family} on interface {interface}"))
            .echoes(format!("({name}) duplicate VRID conflict with {first} VRID {id}"))
            .echoes(format!("({first}) duplicate VRID conflict with {name} VRID {id}"))
            .help("give one of them another number, on all its routers");
    }
}

fn empty_prefix(cx: &Facts<'_>, out: &mut Findings) {
    for router in cx.routers() {
        for item in router.items("virtual_ipaddress").chain(router.items("virtual_ipaddress_excluded")) {
            let Some(ip) = item.words.first().and_then(|word| word.text.strip_suffix('/')) else { continue };
            if ip.parse::<std::net::IpAddr>().is_ok() {
                out.say(cx.item(item, 0), format!("'{ip}/' is {ip}/0: every address there is"))
                    .help(format_args!("write {ip}, or the length of its subnet behind the slash"));
            }
        }
    }
}

/// Whether a statement turns strict mode on.
fn is_on(statement: &&Statement<'_>) -> bool {
    !matches!(statement.word(1), Some("off" | "false" | "no"))
}

fn strict_drops_packets(cx: &Facts<'_>, out: &mut Findings) {
    let mut told = false;
    let everywhere = cx.within("global_defs").filter(|inner| inner.row.name == "vrrp_strict").last();
    for router in cx.routers() {
        let Some(instance) = router.model.filter(|instance| !instance.priority.is_owner()) else { continue };
        let accepts =
            router.says("accept").is_some() && instance.version == keepalived_model::vrrp::Version::V3;
        let strict = router.says("strict_mode").or(everywhere).filter(is_on);
        let Some(statement) = strict.filter(|_| !accepts) else { continue };
        let global = statement.row.name == "vrrp_strict";
        if global && std::mem::replace(&mut told, true) {
            continue;
        }
        out.say(
            cx.word(statement, 0),
            format!(
                "strict mode drops packets to the addresses of {}, which is not their owner",
                router.name
            ),
        )
        .so("A master answers neither pings nor connections to its virtual addresses.")
        .help(format_args!("delete {}", statement.row.name));
    }
}

fn peer_is_self(cx: &Facts<'_>, out: &mut Findings) {
    for router in cx.routers() {
        let source = match router.model.map(|instance| &instance.transport) {
            Some(Transport::Unicast { source: Some(source), .. }) => source.to_string(),
            Some(Transport::Unicast { .. }) => String::new(),
            _ => continue,
        };
        for item in router.items("unicast_peer") {
            let Some(word) = item.words.first().map(|word| word.text) else { continue };
            let own = word.parse().ok().and_then(|ip: std::net::IpAddr| {
                cx.interfaces.iter().find(|interface| interface.addresses.iter().any(|(own, _)| *own == ip))
            });
            let label =
                router.says("unicast_src_ip").filter(|_| word == source).and_then(|own| cx.word(own, 1));
            let text = match own {
                _ if word == source => format!("{word} is the address this router sends from"),
                Some(interface) => format!("{word} is an address of this machine, on {}", interface.name),
                None => continue,
            };
            out.say(cx.item(item, 0), text)
                .label(label, "this router")
                .help("list the other routers only, and check that none of them is missing");
        }
    }
}

fn address_in_two_instances(cx: &Facts<'_>, out: &mut Findings) {
    let mut seen: BTreeMap<String, (&str, Option<crate::Span>)> = BTreeMap::new();
    for router in cx.routers() {
        for item in router.items("virtual_ipaddress").chain(router.items("virtual_ipaddress_excluded")) {
            let word = item.words.first().map_or("", |word| word.text);
            let ip = word.split('/').next().unwrap_or(word).parse::<std::net::IpAddr>();
            let device = item.words.iter().skip_while(|word| word.text != "dev").nth(1).map(|word| word.text);
            let device = device.or(router.model.map(|instance| instance.interface_name())).unwrap_or("");
            let Ok(ip) = ip else { continue };
            let place = cx.item(item, 0);
            match seen.get(&format!("{ip} {device}")) {
                Some((first, at)) if *first != router.name => {
                    out.say(place, format!("{ip} is an address of {first} as well"))
                        .label(at.clone(), "there")
                        .help("list it in one of them");
                }
                Some(_) => {}
                None => {
                    seen.insert(format!("{ip} {device}"), (router.name, place));
                }
            }
        }
    }
}

/// What is left of a password that is too long.
pub(super) fn cut_password(cx: &Facts<'_>, out: &mut Findings) {
    let passwords = cx.statements().filter(|statement| statement.row.name == "auth_pass");
    for statement in passwords {
        let bytes = crate::text::encode(statement.word(1).unwrap_or(""));
        let Some((used, _)) = bytes.split_at_checked(PASSWORD_MAX).filter(|(_, rest)| !rest.is_empty())
        else {
            continue;
        };
        let shown = crate::text::shown(&crate::text::decode(used));
        out.say(
            cx.word(statement, 1),
            format!("the password is '{shown}': only eight bytes are sent and compared"),
        )
        .help(format_args!("write '{shown}' in all files, so that nobody believes in a longer one"))
        .explains_line();
    }
}

/// Bytes of a password that count (RFC 2338 §5.3.10).
const PASSWORD_MAX: usize = 8;
