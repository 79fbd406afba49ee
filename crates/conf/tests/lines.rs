//! Address, route and rule lines: every word of their grammars, and what they come to.

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::Path;

use common::{FILE, Machine, Memory, lines, run, run_on};
use keepalived_conf::schema::{GRAMMARS, Grammar, LineWord};
use keepalived_conf::{Answers, Class, Lowered, Recorder, lower, read, start_refusal, test_status};
use keepalived_model::kernel::{AddressSpec, Lifetime};
use keepalived_model::route::{
    Encap, Insertion, Metric, Metrics, Nexthop, Prefix, Realms, Route, RouteKind, Table, Tunnel,
};
use keepalived_model::rule::{Action, Mark, Numbers, Rule};
use keepalived_model::vrrp::Family;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn prefix(text: &str, len: u8) -> Prefix {
    Prefix { ip: ip(text), len }
}

fn instance(block: &str, line: &str) -> String {
    format!(
        "vrrp_instance V {{\ninterface eth0\nvirtual_router_id 1\nvirtual_ipaddress {{ 10.9.9.9\n}}\n{block} {{\n{line}\n}}\n}}\n"
    )
}

fn lasting(block: &str, line: &str) -> String {
    format!(
        "track_group G {{\ngroup {{ V\n}}\n}}\n{block} {{\n{line}\n}}\n{}",
        instance("virtual_routes", "10.0.0.0/8 dev eth0")
    )
}

fn complaints(lowered: &Lowered) -> Vec<String> {
    let ours = |d: &&keepalived_conf::Diagnostic| d.class != Class::NotYet && !d.log_only;
    lowered.diagnostics.iter().filter(ours).map(|d| d.text.clone()).collect()
}

fn route(line: &str) -> Route {
    let lowered = run(instance("virtual_routes", line));
    let [route] = lowered.config.vrrp.instances[0].routes.as_slice() else {
        panic!("{line}: {:?}", complaints(&lowered))
    };
    route.clone()
}

fn rule(line: &str) -> Rule {
    let lowered = run(instance("virtual_rules", line));
    let [rule] = lowered.config.vrrp.instances[0].rules.as_slice() else {
        panic!("{line}: {:?}", complaints(&lowered))
    };
    rule.clone()
}

fn plain_route(destination: Prefix) -> Route {
    Route { interface: Some("eth0".into()), ..Route::to(destination) }
}

fn plain_rule() -> Rule {
    Rule::new(Family::V4, 5, Action::Table(100))
}

/// A value that suits a word, from what its row says it takes.
fn value(row: &LineWord, v6: bool) -> &'static str {
    match (row.name, row.args) {
        ("ipproto", _) => "tcp",
        ("uidrange", _) => "5-10",
        ("goto", _) => "100",
        ("type", _) => "blackhole",
        ("nexthop", _) => "via 10.9.9.2",
        ("encap", _) => "mpls 16",
        ("vrf", _) => "vrf1",
        ("track_group", _) => "G",
        ("features", _) => "ecn",
        ("congctl", _) => "lock cubic",
        ("ttl-propagate", _) => "disabled",
        ("rtt" | "rttvar" | "rto_min", _) => "lock 2s",
        (_, "") => "",
        (_, "INTERFACE") => "eth1",
        (_, "NAME") => "name",
        (_, args) if args.starts_with("PREFIX") && v6 => "fd00:1::/64",
        (_, args) if args.starts_with("PREFIX") => "10.2.0.0/16",
        (_, args) if args.contains("ADDRESS") && v6 => "fd00::1",
        (_, args) if args.contains("ADDRESS") => "10.9.9.3",
        (_, args) if args.starts_with("[lock]") => "lock 1",
        (_, args) if args.starts_with("SECONDS") => "10",
        _ => "1",
    }
}

/// A line with this word in it, as a whole configuration.
fn sample(grammar: &Grammar, row: &LineWord, word: &str) -> String {
    let v6 = matches!(row.name, "from" if grammar.line == "route")
        || matches!(row.name, "pref" | "expires" | "preferred_lft");
    let behind = format!("{word} {}", value(row, v6));
    let own = ["track_group"].contains(&row.name);
    match grammar.line {
        "address" if own => lasting("static_ipaddress", &format!("10.0.0.1 dev eth0 {behind}")),
        "address" if v6 => instance("virtual_ipaddress_excluded", &format!("fd00::9 {behind}")),
        "address" => instance("virtual_ipaddress_excluded", &format!("10.0.0.1 {behind}")),
        "route" if own => lasting("static_routes", &format!("10.0.0.0/8 dev eth0 {behind}")),
        "route" if v6 || row.name == "inet6" => {
            instance("virtual_routes", &format!("fd00::/64 dev eth0 {behind}"))
        }
        "route" => instance("virtual_routes", &format!("10.0.0.0/8 dev eth0 {behind}")),
        "nexthop" => instance("virtual_routes", &format!("10.0.0.0/8 nexthop {behind}")),
        "encap ip" => instance("virtual_routes", &format!("10.0.0.0/8 encap ip id 5 {behind}")),
        "encap ip6" => {
            let behind = if behind.contains("10.9.9.3") { format!("{word} fd00::1") } else { behind };
            instance("virtual_routes", &format!("10.0.0.0/8 encap ip6 id 5 {behind}"))
        }
        "rule" if own => lasting("static_rules", &format!("iif eth0 table 5 priority 1 {behind}")),
        "rule" => {
            let acts = ["table", "goto", "nop", "blackhole", "unreachable", "prohibit", "type", "l3mdev"];
            let rest = if acts.contains(&row.name) { "priority 1" } else { "table 5 priority 1" };
            instance("virtual_rules", &format!("{rest} {behind}"))
        }
        other => panic!("{other}"),
    }
}

#[test]
fn every_word_of_every_line_is_understood() {
    for grammar in GRAMMARS {
        for row in grammar.words {
            for word in [row.name].iter().chain(row.was) {
                let text = sample(grammar, row, word);
                let told = complaints(&run(&text));
                let expected: &[&str] = match (grammar.line, *word) {
                    (_, "gw") => &["\"gw\" for routes is deprecated. Please use \"via\""],
                    (_, "or") => &["\"or\" for routes is deprecated. Please use \"nexthop\""],
                    ("route", "as") => &["\"as to\" for MPLS only - ignoring"],
                    ("nexthop", "as") => &["'as [to]' (nat) not supported"],
                    ("route", "protocol") => &[
                        "Route cannot be tracked if protocol is not RTPROT_KEEPALIVED(18), resetting protocol",
                    ],
                    ("rule", "protocol") => &[
                        "Rule cannot be tracked if protocol is not RTPROT_KEEPALIVED(18), resetting protocol",
                    ],
                    _ => &[],
                };
                assert_eq!(told, expected, "{}/{word}\n{text}", grammar.line);
            }
        }
    }
}

/// The good and the bad of it are in the fixtures, whose lines were compared with the original.
#[test]
fn every_word_of_every_line_has_a_fixture() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let all =
        ["address_lines", "route_lines", "route_words_missing", "rule_lines", "rule_words_missing", "static"];
    let text: String = all
        .iter()
        .map(|name| std::fs::read_to_string(data.join(name).with_extension("conf")).unwrap())
        .collect();
    let words: BTreeSet<&str> = text.split_whitespace().collect();
    for grammar in GRAMMARS {
        for row in grammar.words {
            for word in [row.name].iter().chain(row.was) {
                assert!(words.contains(word), "{}/{word}", grammar.line);
            }
        }
    }
}

#[test]
fn flags_of_addresses_reach_the_model() {
    let text = instance(
        "virtual_ipaddress_excluded",
        "10.0.0.1/24 noprefixroute autojoin home mngtmpaddr -nodad use_vmac\n10.0.0.2 preferred_lft 5",
    );
    let lowered = run(text);
    assert_eq!(complaints(&lowered), Vec::<String>::new());
    let [first, second] = lowered.config.vrrp.instances[0].excluded.as_slice() else { panic!() };
    let spec = AddressSpec {
        home: true,
        manages_temporary: true,
        no_prefix_route: true,
        auto_join: true,
        detects_duplicates: true,
        ..AddressSpec::default()
    };
    assert_eq!((&first.spec, first.use_vmac), (&spec, true));
    // Only IPv6 has a preferred lifetime.
    assert_eq!(second.spec, AddressSpec::default());
}

#[test]
fn a_single_ipv6_address_is_deprecated_unless_something_else_is_said() {
    let table = [
        ("fd00::1", Lifetime::Seconds(0)),
        ("fd00::1/64", Lifetime::Forever),
        ("fd00::1 preferred_lft forever", Lifetime::Forever),
        ("fd00::1/64 preferred_lft 60", Lifetime::Seconds(60)),
        ("fd00::1 preferred_lft x", Lifetime::Seconds(0)),
        ("fd00::1/64 peer fd00::2", Lifetime::Seconds(0)),
    ];
    for (line, preferred) in table {
        let lowered = run(lasting("static_ipaddress", &format!("{line} dev eth0")));
        let [tied] = lowered.config.vrrp.lasting.addresses.as_slice() else { panic!("{line}") };
        assert_eq!(tied.thing.spec.preferred, preferred, "{line}");
    }
}

#[test]
fn a_static_address_takes_the_default_interface() {
    let text = lasting("static_ipaddress", "10.0.0.1/24 track_group G");
    let lowered = run(&text);
    let [tied] = lowered.config.vrrp.lasting.addresses.as_slice() else { panic!() };
    assert_eq!(tied.thing.interface.as_deref(), Some("eth0"));
    assert_eq!(tied.group.as_deref(), Some("G"));
    assert_eq!(lowered.config.vrrp.lasting.groups[0].members, ["V"]);

    let text = "static_ipaddress {\n10.0.0.1/24\n}\n";
    let host = Machine { no_interfaces: vec!["eth0".into()], ..Machine::default() };
    let lowered = run_on(&Memory::default().with(FILE, text), &host);
    assert_eq!(
        lines(&lowered.diagnostics),
        [
            "(F: Line 2) Static address 10.0.0.1/24 requires either an interface or default interface must exist",
            "Non-existent interface specified in configuration"
        ]
    );
    assert_eq!((test_status(&lowered.diagnostics), start_refusal(&lowered.diagnostics)), (4, Some(2)));
}

#[test]
fn routes_reach_the_model() {
    let v4 = prefix("10.0.0.0", 8);
    let plain = plain_route(v4);
    let all = |ip: &str| prefix(ip, 0);
    let table = [
        ("10.0.0.0/8 dev eth0", plain.clone()),
        ("to 10.0.0.0/8 oif eth0 prepend", plain.clone()),
        ("10.1.0.0/16 10.0.0.0/8 dev eth1 dev eth0", plain.clone()),
        ("default dev eth0", plain_route(all("0.0.0.0"))),
        ("default6 dev eth0", plain_route(all("::"))),
        ("default dev eth0 pref low", Route { preference: Some(3), ..plain_route(all("::")) }),
        ("default via fe80::1 dev eth0", Route { via: Some(ip("fe80::1")), ..plain_route(all("::")) }),
        ("unicast 10.0.0.0/8 dev eth0", Route { insertion: Insertion::Add, ..plain.clone() }),
        (
            "4 10.0.0.0/8 append dev eth0",
            Route { kind: RouteKind::ANYCAST, insertion: Insertion::Append, ..plain.clone() },
        ),
        (
            "blackhole 10.0.0.0/8",
            Route {
                kind: RouteKind::BLACKHOLE,
                interface: None,
                no_track: true,
                insertion: Insertion::Add,
                ..plain.clone()
            },
        ),
        (
            "10.0.0.0/8 src 10.9.9.9 via inet 10.9.9.2 dev eth0 onlink table 100 protocol static scope link tos AF11 \
             metric 7 realms 5/6 no_track",
            Route {
                source: Some(ip("10.9.9.9")),
                via: Some(ip("10.9.9.2")),
                onlink: true,
                table: Table::Number(100),
                protocol: 4,
                scope: 253,
                tos: 0x28,
                metric: Some(7),
                realms: Some(Realms { from: 5, to: 6 }),
                no_track: true,
                ..plain.clone()
            },
        ),
        ("10.0.0.0/8 dev eth0 realms 5", Route { realms: Some(Realms { from: 0, to: 5 }), ..plain.clone() }),
        ("10.0.0.0/8 dev eth0 vrf vrf1", Route { table: Table::Vrf("vrf1".into()), ..plain.clone() }),
        ("10.0.0.0/8 dev eth0 table -1", Route { table: Table::Number(u32::MAX), ..plain.clone() }),
        ("10.0.0.0/8 dev eth0 protocol 5", plain.clone()),
        (
            "fd00::/64 from fd01::/64 dev eth0 expires 5 ttl-propagate x",
            Route {
                from: Some(prefix("fd01::", 64)),
                expires_secs: Some(5),
                ttl_propagate: Some(false),
                ..plain_route(prefix("fd00::", 64))
            },
        ),
    ];
    for (line, expected) in table {
        assert_eq!(route(line), expected, "{line}");
    }
}

#[test]
fn metrics_are_in_the_units_of_the_kernel() {
    use Metric::*;
    let table: [(&str, Metric, u32); 16] = [
        ("mtu lock 1400", Mtu, 1400),
        ("hoplimit 64", HopLimit, 64),
        ("initrwnd 10", InitialReceiveWindow, 10),
        ("quickack 0", QuickAck, 0),
        ("fastopen_no_cookie 1", FastOpenNoCookie, 1),
        ("features ecn", Features, Metrics::ECN),
        ("rtt 5s", Rtt, 40_000),
        ("rtt 4000", Rtt, 4000),
        ("rtt 0.5secs", Rtt, 4000),
        ("rtt 5ms", Rtt, 1600),
        ("rttvar 300msec", RttVariance, 1200),
        ("rttvar 1000", RttVariance, 1000),
        ("rto_min 3S", RetransmissionMin, 3000),
        ("rto_min 500", RetransmissionMin, 500),
        ("rto_min 300s", RetransmissionMin, 120_000),
        ("cwnd lock 5", CongestionWindow, 5),
    ];
    for (words, metric, value) in table {
        let metrics = route(&format!("10.0.0.0/8 dev eth0 {words}")).metrics;
        assert_eq!(metrics.values, BTreeMap::from([(metric, value)]), "{words}");
        assert_eq!(metrics.locked.contains(&metric), words.contains("lock"), "{words}");
    }
    let metrics = route("10.0.0.0/8 dev eth0 congctl lock cubic").metrics;
    assert_eq!(metrics.congestion_control.as_deref(), Some("cubic"));
    assert!(metrics.locked.contains(&CongestionControl));
}

#[test]
fn encapsulations_and_nexthops_reach_the_model() {
    let tunnel =
        Tunnel { id: Some(5), destination: Some([1, 2, 3, 4].into()), hops: Some(9), ..Tunnel::default() };
    let table = [
        ("mpls 16/0x11", Some(Encap::Mpls(vec![16, 17]))),
        ("ip id 5 dst 1.2.3.4 ttl 9", Some(Encap::Ip(tunnel))),
        (
            "ip6 id 6 tc AF11",
            Some(Encap::Ip6(Tunnel { id: Some(6), class: Some(0x28), ..Tunnel::default() })),
        ),
        ("ila 1:2:a:0xffff", Some(Encap::Ila([1, 2, 10, 0xffff]))),
        ("what", None),
        ("", None),
    ];
    for (words, expected) in table {
        assert_eq!(route(&format!("10.0.0.0/8 dev eth0 encap {words}")).encap, expected, "{words}");
    }
    let hop = |last: u8| Nexthop { via: Some([10, 9, 9, last].into()), ..Nexthop::default() };
    let table = [
        ("nexthop via 10.9.9.2 nexthop via inet 10.9.9.3", vec![hop(2), hop(3)]),
        (
            "nexthop via 10.9.9.2 dev eth1 weight 256 onlink nexthop via 10.9.9.3 realms 7",
            vec![
                Nexthop { interface: Some("eth1".into()), weight: Some(256), onlink: true, ..hop(2) },
                Nexthop { realms: Some(Realms { from: 0, to: 7 }), ..hop(3) },
            ],
        ),
        ("nexthop via 10.9.9.2 weight 0 nexthop via 10.9.9.3", vec![]),
        ("nexthop via 10.9.9.2 nexthop via x nexthop via 10.9.9.3", vec![hop(2)]),
        ("nexthop via 10.9.9.2 table 5", vec![hop(2)]),
        ("via 10.9.9.2 or 10.9.9.3", vec![hop(2), hop(3)]),
    ];
    for (words, expected) in table {
        let route = route(&format!("10.0.0.0/8 {words}"));
        assert_eq!((route.nexthops, route.via), (expected, None), "{words}");
    }
    // No kernel takes labels that are none.
    assert!(
        run(instance("virtual_routes", "10.0.0.0/8 encap mpls x")).config.vrrp.instances[0].routes.is_empty()
    );
}

#[test]
fn rules_reach_the_model() {
    let plain = plain_rule();
    let acts = |action: Action| Rule { action, ..plain_rule() };
    let table = [
        ("table 100 priority 5", plain.clone()),
        ("lookup 0x64 order 0x5", plain.clone()),
        ("goto 10 priority 5", acts(Action::Goto(10))),
        ("type goto 10 priority 5", acts(Action::Goto(10))),
        ("nop priority 5", acts(Action::Nop)),
        ("l3mdev priority 5", acts(Action::Vrf)),
        ("type blackhole priority 5", acts(Action::Blackhole)),
        ("7 priority 5", acts(Action::Unreachable)),
        ("prohibit priority 5", acts(Action::Prohibit)),
        (
            "not from 10.0.0.0/8 to 10.1.0.0/16 table 100 priority 5 tos 8 fwmark 0x5/0xff realms 5/6 sup_pl 3 \
             sup_group default dev eth0 oif eth1 tunnel-id 18446744073709551615",
            Rule {
                inverted: true,
                from: Some(prefix("10.0.0.0", 8)),
                to: Some(prefix("10.1.0.0", 16)),
                tos: 8,
                mark: Some(Mark { value: 5, mask: Some(0xff) }),
                realms: Some(Realms { from: 5, to: 6 }),
                suppress_prefix_len: Some(3),
                suppress_group: Some(0),
                incoming: Some("eth0".into()),
                outgoing: Some("eth1".into()),
                tunnel_id: Some(u64::MAX),
                ..plain.clone()
            },
        ),
        (
            "table 100 priority 5 uidrange 5-10 ipproto UDP sport 10-20 dport 80",
            Rule {
                users: Some(Numbers { first: 5, last: 10 }),
                ip_protocol: Some(17),
                source_ports: Some(Numbers { first: 10, last: 20 }),
                destination_ports: Some(Numbers { first: 80, last: 80 }),
                ..plain.clone()
            },
        ),
        ("from default to fd00::/64 table 100 priority 5", {
            let (from, to) = (Some(prefix("::", 0)), Some(prefix("fd00::", 64)));
            Rule { family: Family::V6, from, to, ..plain.clone() }
        }),
        ("table 100 priority 5 protocol 7 no_track", Rule { protocol: 7, no_track: true, ..plain.clone() }),
        ("table 100 priority 5 no_track", Rule { protocol: 0, no_track: true, ..plain.clone() }),
        ("table 100 priority 5 protocol 7", plain.clone()),
        ("table 100 inet6", Rule { family: Family::V6, preference: 16_384, ..plain }),
    ];
    for (line, expected) in table {
        assert_eq!(rule(line), expected, "{line}");
    }
}

/// The original overreads the word behind; files that were made to fit it read as before.
#[test]
fn the_family_may_stand_where_the_manual_has_it() {
    for line in [
        "inet6 default via fe80::1 dev eth0",
        "default via fe80::1 dev eth0 inet6",
        "inet6 via fe80::1 default dev eth0",
    ] {
        let lowered = run(instance("virtual_routes", line));
        assert_eq!(complaints(&lowered).is_empty(), !line.starts_with("inet6 via"), "{line}");
    }
    let expected = plain_route(prefix("10.0.0.0", 8));
    assert_eq!(route("10.0.0.0/8 inet sacrificed dev eth0"), expected);
    assert_eq!(route("inet 10.0.0.0/8 dev eth0"), expected);
    assert_eq!(route("10.0.0.0/8 inet 10.1.0.0/16 dev eth0"), expected);
    assert_eq!(rule("inet6 x table 100 priority 5"), Rule { family: Family::V6, ..plain_rule() });
    let from = Some(prefix("fd00::", 64));
    assert_eq!(
        rule("inet6 from fd00::/64 table 100 priority 5"),
        Rule { family: Family::V6, from, ..plain_rule() }
    );
}

#[test]
fn names_come_from_the_files_of_iproute2() {
    let names = Memory::default()
        .with("/etc/iproute2/rt_tables", "# mine\n255\tlocal\n0x65 office # west\nnonsense\n")
        .with("/usr/share/iproute2/rt_tables", "102 hidden\n")
        .with("/usr/share/iproute2/rt_tables.d/a.conf", "103 packaged\n104 both\n")
        .with("/etc/iproute2/rt_tables.d/b.conf", "105 both\n")
        .with("/usr/share/iproute2/rt_scopes", "77 valley\n");
    let host = Machine { files: names, ..Machine::default() };
    let text = instance(
        "virtual_routes",
        "10.0.0.0/8 table office\n10.0.0.0/8 table packaged\n10.0.0.0/8 table both\n10.0.0.0/8 table main\n\
         10.0.0.0/8 table hidden\n10.0.0.0/8 scope valley",
    );
    let files = Memory::default().with(FILE, text);
    let sourced = read(&files, Path::new(FILE), &common::conditions());
    let recorder = Recorder::new(&host);
    let lowered = lower(&sourced.lines, &recorder);
    let tables: Vec<&Table> =
        lowered.config.vrrp.instances[0].routes.iter().map(|route| &route.table).collect();
    assert_eq!(tables, [101, 103, 105, 254, 254].map(Table::Number).each_ref());
    assert_eq!(lowered.config.vrrp.instances[0].routes[4].scope, 77);
    assert_eq!(complaints(&lowered), ["Routing table hidden not found for route"]);

    // An engine has no files, but the record of what was in them.
    let answers = Answers::from_bytes(&recorder.into_answers().to_bytes()).unwrap();
    assert_eq!(lower(&sourced.lines, &answers), lowered);
}
