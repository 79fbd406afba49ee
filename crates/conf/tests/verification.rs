//! Rows of the log of what keepalived 2.4.3 was seen to do (`spec` config 8) that concern virtual routers: exit
//! status of `-t`, whether the daemon starts, and what it then has.

mod common;

use common::run;
use keepalived_conf::{Lowered, start_refusal, test_status};
use keepalived_model::link::OwnLink;
use keepalived_model::vrrp::{Auth, Hopeless, Instance, Preempt, Transport, Version};
use keepalived_model::{Micros, Priority};

/// An instance with these lines, and nothing wrong with the rest.
fn framed(lines: &str) -> String {
    format!(
        "vrrp_instance V {{\ninterface eth0\nvirtual_router_id 1\nvirtual_ipaddress {{ 10.0.0.5 }}\n{lines}\n}}\n"
    )
}

/// The same without an address.
fn bare(lines: &str) -> String {
    format!("vrrp_instance V {{\ninterface eth0\nvirtual_router_id 1\n{lines}\n}}\n")
}

#[track_caller]
fn only(lowered: &Lowered) -> &Instance {
    match lowered.config.vrrp.instances.as_slice() {
        [instance] => instance,
        others => panic!("{others:?}"),
    }
}

/// Row, text, status of `-t`, whether the daemon starts.
#[test]
fn exit_statuses_are_those_of_the_log() {
    let pair = |first: &str, second: &str| {
        format!("{}{}", framed(first), framed(second).replace("instance V", "instance W"))
    };
    let owners = |one: &str, other: &str| {
        let second = framed(other).replace("instance V", "instance W").replace("router_id 1", "router_id 2");
        format!("{}{second}vrrp_sync_group G {{\ngroup {{\nV\nW\n}}\n}}\n", framed(one))
    };
    let unicast = "unicast_src_ip 10.0.0.1\nunicast_peer {\n10.0.0.2\n}";
    let addresses = |count: u32, ip: &dyn Fn(u32) -> String| -> String {
        let lines: String = (1..=count).map(|n| format!("{}\n", ip(n))).collect();
        bare(&format!("virtual_ipaddress {{\n{lines}}}"))
    };
    let ipv4 = |n: u32| format!("10.0.{}.{}", n / 250 + 1, n % 250 + 1);
    let ipv6 = |n: u32| format!("fe80::{n:x}");
    let table: Vec<(u32, String, u8, bool)> = vec![
        (1, framed("bogus"), 5, true),
        (5, framed("priority"), 2, false),
        (7, framed("priority 300"), 5, true),
        (7, framed("priority 0"), 5, true),
        (7, framed("priority -1"), 5, true),
        (7, framed("priority 12x"), 5, true),
        (17, framed("authentication { auth_type PASS auth_pass 1234 }"), 5, true),
        (18, pair("", ""), 5, false),
        (19, format!("{}{}", framed(""), framed("virtual_router_id 2")), 5, true),
        (20, "vrrp_instance V {\ninterface eth0\nvirtual_ipaddress { 10.0.0.5 }\n}\n".into(), 5, false),
        (21, framed("").replace("eth0", "nix0"), 5, false),
        (
            21,
            format!("global_defs {{\ndynamic_interfaces\n}}\n{}", framed("").replace("eth0", "nix0")),
            0,
            true,
        ),
        (22, framed("state MASTER"), 0, true),
        (23, framed("state MASTER\npriority 150"), 0, true),
        (24, framed("nopreempt\npriority 255"), 5, true),
        (24, framed("nopreempt\nstate MASTER\npriority 100"), 5, true),
        (24, framed("preempt_delay 3\nstate MASTER\npriority 100"), 5, true),
        (24, framed("preempt_delay 3\nnopreempt"), 5, true),
        (28, framed("preempt_delay 5s"), 5, true),
        (32, framed("version 3\nauthentication {\nauth_type PASS\nauth_pass x\n}"), 5, true),
        (32, framed("authentication {\nauth_type PASS\n}"), 5, true),
        (32, framed("authentication {\nauth_type PASS\nauth_pass 123456789\n}"), 5, true),
        (32, framed("state MASTER\npriority 9\nauthentication {\nauth_type AH\nauth_pass x\n}"), 5, true),
        (33, bare(""), 5, true),
        (33, bare("version 3"), 5, false),
        (33, bare("version 3\nno_virtual_ipaddress"), 0, true),
        (34, framed("virtual_ipaddress { fe80::1 }"), 5, true),
        (34, framed("virtual_ipaddress_excluded { fe80::1 }"), 0, true),
        (35, bare("version 2\nvirtual_ipaddress { fe80::1 }"), 0, true),
        (36, bare("virtual_ipaddress { 10.0.0.5/ }"), 0, true),
        (39, addresses(260, &ipv4), 5, true),
        (39, addresses(100, &ipv6), 5, true),
        (40, framed("unicast_src_ip 10.0.0.1"), 5, true),
        (41, framed("unicast_ttl 4"), 5, true),
        (42, pair(unicast, unicast), 5, false),
        (42, pair(unicast, &unicast.replace("10.0.0.2", "10.0.0.3")), 0, true),
        (43, framed(unicast).replace("interface eth0\n", ""), 5, true),
        (44, framed(&format!("use_vmac\n{unicast}")), 5, true),
        (46, framed("track_script { later }"), 5, true),
        (48, owners("track_interface { eth1 weight 5 }", ""), 5, true),
        (48, framed("priority 255\ntrack_interface { eth1 weight 5 }"), 5, true),
    ];
    hold(table);
}

#[test]
fn strict_mode_and_virtual_interfaces_cost_what_the_log_says() {
    let unicast = "unicast_src_ip 10.0.0.1\nunicast_peer {\n10.0.0.2\n}";
    hold(vec![
        (61, framed(&format!("strict_mode\n{unicast}")), 5, false),
        (61, framed("strict_mode"), 0, true),
        (61, framed("strict_mode\nstate MASTER\npriority 100"), 5, true),
        (61, framed("strict_mode\naccept"), 5, true),
        (61, framed("strict_mode\nversion 3\naccept"), 0, true),
        (62, framed("strict_mode\npriority 255\nowner_ignore_adverts no"), 5, true),
        (63, framed("skip_check_adv_addr no"), 0, true),
        (80, framed("use_vmac\nvirtual_ipaddress { 10.0.0.6 use_vmac }"), 5, true),
        (80, framed("use_vmac_addr\nvirtual_ipaddress { 10.0.0.6 dev eth1 use_vmac }"), 5, true),
        (80, framed("vrf vrf0"), 5, true),
    ]);
}

#[track_caller]
fn hold(table: Vec<(u32, String, u8, bool)>) {
    for (row, text, status, starts) in table {
        let lowered = run(&text);
        let said: Vec<&str> = lowered.diagnostics.iter().map(|d| d.text.as_str()).collect();
        let found = (test_status(&lowered.diagnostics), start_refusal(&lowered.diagnostics).is_none());
        assert_eq!(found, (status, starts), "row {row}: {text}{said:#?}");
    }
}

#[test]
fn blocks_beside_instances_cost_what_the_log_says() {
    let with = |text: &str| format!("{text}{}", framed(""));
    let table: Vec<(u32, String, u8, bool)> = vec![
        (47, format!("vrrp_sync_group G {{\ngroup {{\nV\n}}\n}}\n{}", framed("")), 5, true),
        (58, with("track_file f {\nfile /proc/loadavg\n}\n"), 5, true),
        (58, with("track_file f {\nfile /missing/file\n}\n"), 5, true),
        (59, with("linkbeat_interfaces { nix0 }\n"), 4, true),
        (59, with("interface_up_down_delays { nix0 1 }\n"), 4, true),
        (60, with("interface_up_down_delays { eth0 1 }\n"), 0, true),
    ];
    hold(table);
    let delays = run(with("interface_up_down_delays { eth0 1 }\n")).config.vrrp.delays;
    let found: Vec<_> = delays.iter().map(|delay| (delay.down, delay.up)).collect();
    assert_eq!(found, [(Micros::from_secs(1), Micros::ZERO)], "row 60");
}

#[test]
fn what_an_instance_has_in_the_end_is_what_the_dump_showed() {
    let priority = |lines: &str| only(&run(framed(lines))).priority;
    assert_eq!(priority("priority 300"), Priority::DEFAULT, "row 7");
    assert_eq!(priority("state MASTER"), Priority::OWNER, "row 22");
    let lowered = run(framed("state MASTER\npriority 150"));
    assert!(only(&lowered).wants_master && only(&lowered).preempt == Preempt::Always, "row 23");

    let interval = |lines: &str| only(&run(framed(lines))).advert_interval;
    for (written, secs) in [("0.01", 1), ("0.5", 1), ("1.4", 1), ("1.5", 2), ("2.5", 3)] {
        assert_eq!(interval(&format!("advert_int {written}")), Micros::from_secs(secs), "row 25: {written}");
    }
    for (written, millis) in [("0.014", 10), ("0.015", 20), ("40.96", 40_950), ("1.234567", 1230)] {
        let found = interval(&format!("version 3\nadvert_int {written}"));
        assert_eq!(found, Micros::from_millis(millis), "row 26: {written}");
    }

    let lowered = run(framed("garp_master_delay 7\ngarp_master_repeat 3"));
    let garp = only(&lowered).garp;
    assert_eq!((garp.delay, garp.repeat), (Micros::from_secs(7), 3), "row 30");
    assert_eq!((garp.lower_prio_delay, garp.lower_prio_repeat), (Micros::from_secs(5), 5), "row 30");

    let lowered = run(bare("version 2\nvirtual_ipaddress { fe80::1 }"));
    assert_eq!(only(&lowered).version, Version::V2, "row 35");
    let pass = |lines: &str| only(&run(framed(lines))).auth.clone();
    let auth = |word: &str| format!("authentication {{\nauth_type PASS\nauth_pass {word}\n}}");
    assert_eq!(pass(&auth("123456789012")), Auth::Pass(*b"12345678"), "row 76");
    assert_eq!(pass(&auth("ab!cd")), Auth::Pass(*b"ab\0\0\0\0\0\0"), "row 76");
    assert_eq!(pass(&auth("\"a b\"")), Auth::Pass(*b"a b\0\0\0\0\0"), "row 76");
    assert_eq!(pass(&auth("ééééé")), Auth::Pass("éééé".as_bytes().try_into().unwrap()), "row 76");
}

#[test]
fn addresses_that_do_not_fit_are_carried_without_being_advertised() {
    let count = |count: u32, ip: &dyn Fn(u32) -> String| {
        let lines: String = (1..=count).map(|n| format!("{}\n", ip(n))).collect();
        let lowered = run(bare(&format!("virtual_ipaddress {{\n{lines}}}")));
        let instance = only(&lowered);
        (instance.addresses.len(), instance.excluded.len())
    };
    let ipv4 = |n: u32| format!("10.0.{}.{}", n / 250 + 1, n % 250 + 1);
    let ipv6 = |n: u32| format!("fe80::{n:x}");
    assert_eq!([count(260, &ipv4), count(400, &ipv4), count(100, &ipv6)], [(255, 5), (255, 145), (89, 11)]);
}

#[test]
fn virtual_interfaces_are_called_as_the_log_saw() {
    let instance = |name: &str, interface: &str, vrid: u32, ip: &str| {
        format!(
            "vrrp_instance {name} {{\ninterface {interface}\nvirtual_router_id {vrid}\nuse_vmac\nvirtual_ipaddress {{ {ip} }}\n}}\n"
        )
    };
    let text = [
        instance("A", "eth0", 1, "10.0.0.5"),
        instance("B", "eth1", 1, "10.0.0.6"),
        instance("C", "eth0", 1, "fe80::5"),
        instance("D", "eth0", 255, "10.0.0.7"),
    ]
    .concat();
    let config = run(&text).config.vrrp;
    let names: Vec<_> =
        config.instances.iter().map(|instance| instance.own_link.as_ref().map(OwnLink::name)).collect();
    assert_eq!(names, [Some("vrrp.1"), Some("vrrp1.1"), Some("vrrp6.1"), Some("vrrp.255")], "row 45");
    let Some(OwnLink::Vmac(vmac)) = config.instances.get(2).and_then(|instance| instance.own_link.clone())
    else {
        panic!("C is a VMAC")
    };
    assert_eq!(vmac.mac.to_string(), "00:00:5e:00:02:01");

    let long = run(format!(
        "global_defs {{\nvmac_prefix very_long_one\n}}\n{}",
        instance("A", "eth0", 255, "10.0.0.5")
    ));
    assert_eq!(only(&long).own_link.as_ref().map(OwnLink::name), Some("very_long_o.255"));
}

#[test]
fn instances_with_one_vmac_share_it_within_a_sync_group_only() {
    let one = |name: &str, vrid: u8, more: &str| {
        format!(
            "vrrp_instance {name} {{\ninterface eth0\nvirtual_router_id {vrid}\nuse_vmac {more} 2:0:0:0:0:1\n\
             virtual_ipaddress {{ 10.0.0.{vrid} }}\n}}\n"
        )
    };
    let text = one("A", 51, "v1") + &one("B", 52, "v2");
    let group = "vrrp_sync_group G {\ngroup {\nA\nB\n}\n}\n";
    for (text, hopeless) in [(text.clone(), Some(Hopeless::OwnLinkTaken)), (text + group, None)] {
        let config = run(text).config.vrrp;
        let [first, second] = &config.instances[..] else { panic!("two") };
        let name = |instance: &Instance| instance.own_link.as_ref().map(|link| link.name().to_owned());
        assert_eq!((name(first), name(second)), (Some("v1".into()), Some("v1".into())));
        assert_eq!((first.hopeless, second.hopeless), (None, hopeless));
    }
}

#[test]
fn unicast_is_what_has_a_peer() {
    let lowered = run(framed("unicast_src_ip 10.0.0.1"));
    assert!(matches!(only(&lowered).transport, Transport::Multicast { .. }), "row 40");
    let text =
        framed("unicast_src_ip 10.0.0.1\nunicast_peer {\n10.0.0.2 min_ttl 3\n}\nunicast_ttl 4\nuse_vmac");
    let lowered = run(&text);
    let Transport::Unicast { peers, check_source, ttl, .. } = &only(&lowered).transport else {
        panic!("it has a peer")
    };
    let limits: Vec<_> = peers.iter().map(|peer| (peer.ttl_min, peer.ttl_max)).collect();
    assert_eq!((limits, *check_source, *ttl), (vec![(3, 255)], true, Some(4)));
    let Some(OwnLink::Vmac(vmac)) = &only(&lowered).own_link else { panic!("it has one") };
    assert!(vmac.transmit_base, "row 44");
    let nowhere = run(text.replace("interface eth0\n", "").replace("use_vmac", ""));
    assert!(only(&nowhere).addresses.is_empty() && only(&nowhere).interface.is_none(), "row 43");
}

/// The bugs of section 7 that are not repeated.
#[test]
fn our_own_reading_of_what_the_original_gets_wrong() {
    assert_eq!(
        only(&run(framed("unicast_ttl 4"))).transport,
        only(&run(framed(""))).transport,
        "a TTL without peers mutes nothing"
    );
    assert!(!only(&run(framed("skip_check_adv_addr no"))).skip_check_adv_addr);
    let owner = run(framed("priority 255\nowner_ignore_adverts no"));
    assert!(!only(&owner).owner_ignore_adverts);
    assert_eq!(test_status(&owner.diagnostics), 0);
    let text = format!("track_file f {{\nfile /run/f\n}}\n{}", framed("track_file { g }"));
    assert_eq!(test_status(&run(text).diagnostics), 5, "the original dies of it under -t");
}

#[test]
fn a_signed_instance_has_its_keys_and_a_window() {
    let key = "0123456789abcdef0123456789abcdef";
    let hmac = |lines: &str| framed(&format!("advert_int 3\nversion 3\nauth_hmac {{\n{lines}\n}}"));
    let lowered = run(hmac(&format!("key 1 {key}\nkey 2 hex:{}\nactive_key 2", key.repeat(2))));
    let Auth::Hmac(found) = &only(&lowered).auth else { panic!("{:?}", only(&lowered).auth) };
    let lengths: Vec<_> = found.keys.iter().map(|(id, key)| (*id, key.len())).collect();
    assert_eq!((lengths, found.active, found.window), (vec![(1, 32), (2, 32)], 2, Micros::from_secs(9)));
    assert_eq!(test_status(&lowered.diagnostics), 0, "row 73");
    let none = run(hmac(&format!("key 1 {key}")));
    assert_eq!((&only(&none).auth, test_status(&none.diagnostics)), (&Auth::None, 5), "row 73");
}
