//! Routes and rules.

use std::sync::Arc;

use keepalived_model::kernel::{Change, Key, RouteKey, RouteSpec, Spec};
use keepalived_model::route::{Metric, Nexthop, Prefix, Route, Table};
use keepalived_model::rule::{Action, Rule};
use keepalived_model::vrrp::Family;
use keepalived_netlink::{Told, release};

use super::lab::{Lab, in_namespace, ip, show};

fn route(lab: &Lab, destination: &str, change: impl FnOnce(&mut Route)) -> (Key, Spec) {
    let mut route = Route {
        interface: Some("d0".to_owned()),
        ..Route::to(Prefix { ip: destination.parse().expect("an address"), len: 24 })
    };
    change(&mut route);
    let key = RouteKey {
        table: Table::MAIN,
        destination: route.destination,
        from: None,
        kind: route.kind,
        tos: 0,
        metric: 0,
        via: route.via,
        link: route.interface.as_ref().map(|name| lab.link(name)),
        protocol: route.protocol,
    };
    let hops = route.nexthops.iter().map(|hop| hop.interface.as_ref().map(|name| lab.link(name))).collect();
    (Key::Route(Arc::new(key)), Spec::Route(Arc::new(RouteSpec { route, hops })))
}

fn rule(preference: u32) -> Key {
    Key::Rule(Arc::new(Rule {
        from: Some(Prefix { ip: [10, 7, 0, 0].into(), len: 16 }),
        incoming: Some("d0".to_owned()),
        suppress_prefix_len: Some(8),
        ..Rule::new(Family::V4, preference, Action::Table(77))
    }))
}

/// The answer to a want, and what was told to be lost before it.
fn settled(lab: &mut Lab, key: &Key, spec: Option<&Spec>) -> Vec<Key> {
    lab.started.handle.want(key.clone(), spec.cloned());
    let mut told = lab.until(|told| matches!(told, Told::Settled { key: it, .. } if it == key));
    assert!(matches!(told.pop(), Some(Told::Settled { outcome: Ok(()), .. })), "{told:?}");
    told.into_iter().filter_map(lost).collect()
}

fn lost(told: Told) -> Option<Key> {
    match told {
        Told::Change(Change::Lost(key)) => Some(key),
        _ => None,
    }
}

/// Waits until so many things were told to be lost.
fn losses(lab: &mut Lab, count: usize) -> Vec<Key> {
    let mut all = Vec::new();
    while all.len() < count {
        all.extend(lost(lab.next().expect("something is lost")));
    }
    all.sort();
    all
}

fn has(text: &str) -> bool {
    show("route show table all").contains(text) || show("rule").contains(text)
}

#[test]
fn what_is_removed_by_others_is_told_and_what_we_do_is_not() {
    in_namespace("routing::what_is_removed_by_others_is_told_and_what_we_do_is_not", || {
        ip("addr add 10.9.0.1/24 dev d0");
        let mut lab = Lab::start();
        let (first, spec) = route(&lab, "10.20.0.0", |route| route.via = Some([10, 9, 0, 2].into()));
        let other = rule(700);
        for _ in 0..20 {
            assert_eq!(settled(&mut lab, &first, Some(&spec)), []);
            assert_eq!(settled(&mut lab, &other, Some(&Spec::Rule)), []);
            assert!(has("10.20.0.0/24 via 10.9.0.2 dev d0 proto keepalived") && has("700:"));
            assert_eq!(settled(&mut lab, &other, None), []);
            assert_eq!(settled(&mut lab, &first, None), []);
            assert!(!has("10.20.0.0") && !has("700:"));
        }
        settled(&mut lab, &first, Some(&spec));
        settled(&mut lab, &other, Some(&Spec::Rule));
        ip("route add 10.30.0.0/24 dev d0");
        ip("route del 10.30.0.0/24 dev d0");
        ip("rule add pref 700 from 10.8.0.0/16 table 5");
        ip("rule del pref 700 from 10.8.0.0/16 table 5");
        ip("rule del pref 700");
        assert_eq!(losses(&mut lab, 1), std::slice::from_ref(&other));
        ip("route replace 10.20.0.0/24 dev d1");
        assert_eq!(losses(&mut lab, 1), std::slice::from_ref(&first));
        assert_eq!(settled(&mut lab, &first, Some(&spec)), []);
        assert_eq!(settled(&mut lab, &other, Some(&Spec::Rule)), []);
        assert!(has("10.20.0.0/24 via 10.9.0.2 dev d0 proto keepalived") && has("700:"));
        assert!(has("10.20.0.0/24 dev d1"), "what others put there stays");
        assert_eq!(release(&[other, first], None).ok(), Some(2));
        assert!(!has("10.20.0.0/24 via") && !has("700:"));
    });
}

/// The groups the sockets of this process are subscribed to, as one mask.
fn subscribed() -> u32 {
    let sockets = std::fs::read_to_string("/proc/thread-self/net/netlink").expect("the kernel tells");
    let groups = sockets.lines().skip(1).filter_map(|line| line.split_whitespace().nth(3));
    groups.filter_map(|groups| u32::from_str_radix(groups, 16).ok()).fold(0, |all, groups| all | groups)
}

#[test]
fn only_what_is_wanted_of_routes_is_listened_to() {
    in_namespace("routing::only_what_is_wanted_of_routes_is_listened_to", || {
        const ROUTES: u32 = 1 << 6 | 1 << 10;
        const RULES: u32 = 1 << 7 | 1 << 18;
        let mut lab = Lab::start();
        let address = lab.key("10.9.0.1/24");
        lab.want(address, true);
        assert_eq!(lab.settled(address), Ok(()));
        assert_eq!(subscribed() & (ROUTES | RULES), 0);
        settled(&mut lab, &rule(700), Some(&Spec::Rule));
        assert_eq!(subscribed() & (ROUTES | RULES), 1 << 7);
        let (key, spec) = route(&lab, "10.20.0.0", |route| route.protocol = 4);
        settled(&mut lab, &key, Some(&spec));
        assert_eq!(subscribed() & ROUTES, 0, "nobody looks after a route with another mark");
        let (key, spec) = route(&lab, "10.20.1.0", |_| ());
        settled(&mut lab, &key, Some(&spec));
        assert_eq!(subscribed() & (ROUTES | RULES), 1 << 6 | 1 << 7);
    });
}

#[test]
fn routes_the_kernel_forgets_in_silence_are_missed() {
    in_namespace("routing::routes_the_kernel_forgets_in_silence_are_missed", || {
        ip("addr add 10.9.0.1/24 dev d0");
        ip("addr add 10.9.1.1/24 dev d0");
        let mut lab = Lab::start();
        let (plain, plain_spec) = route(&lab, "10.20.0.0", |_| ());
        let (sourced, sourced_spec) = route(&lab, "10.20.1.0", |route| {
            route.source = Some([10, 9, 1, 1].into());
        });
        let hop = |via: [u8; 4]| Nexthop { via: Some(via.into()), ..Nexthop::default() };
        let (shared, shared_spec) = route(&lab, "10.20.2.0", |route| {
            route.interface = None;
            route.nexthops = vec![hop([10, 9, 0, 2]), hop([10, 9, 0, 3])];
        });
        for (key, spec) in [(&plain, &plain_spec), (&sourced, &sourced_spec), (&shared, &shared_spec)] {
            assert_eq!(settled(&mut lab, key, Some(spec)), []);
        }
        ip("addr del 10.9.1.1/24 dev d0");
        assert_eq!(losses(&mut lab, 1), std::slice::from_ref(&sourced));
        ip("link set d0 down");
        let mut expected = vec![plain.clone(), shared.clone()];
        expected.sort();
        assert_eq!(losses(&mut lab, 2), expected);
        lab.started.handle.want(plain.clone(), Some(plain_spec.clone()));
        let refused = lab.until(|told| matches!(told, Told::Settled { .. }));
        assert!(matches!(refused.last(), Some(Told::Settled { outcome: Err(_), .. })), "{refused:?}");
        ip("link set d0 up");
        for (key, spec) in [(&plain, &plain_spec), (&shared, &shared_spec)] {
            assert_eq!(settled(&mut lab, key, Some(spec)), []);
        }
        assert!(has("10.20.0.0/24 dev d0 proto keepalived") && has("nexthop via 10.9.0.3"));
    });
}

#[test]
fn a_way_that_others_remove_is_missed() {
    in_namespace("routing::a_way_that_others_remove_is_missed", || {
        ip("link add e0 type veth peer name e1");
        ip("link set e0 up");
        ip("link set e1 up");
        ip("addr add fd00:9::1/64 dev d0 nodad");
        ip("addr add fd00:8::1/64 dev e0 nodad");
        let mut lab = Lab::start();
        let hop = |via: &str, link: &str| Nexthop {
            via: Some(via.parse().expect("an address")),
            interface: Some(link.to_owned()),
            ..Nexthop::default()
        };
        let (key, spec) = route(&lab, "fd00:25::", |route| {
            (route.interface, route.destination.len) = (None, 64);
            route.nexthops = vec![hop("fd00:9::2", "d0"), hop("fd00:8::2", "e0")];
        });
        let Key::Route(key) = key else { panic!("it is a route") };
        let key = Key::Route(Arc::new(RouteKey { metric: 1024, ..(*key).clone() }));
        assert_eq!(settled(&mut lab, &key, Some(&spec)), []);
        let ways = || show("-6 route show proto keepalived").matches("via fd00").count();
        assert_eq!(ways(), 2);
        ip("-6 route del fd00:25::/64 via fd00:8::2 dev e0");
        assert_eq!(losses(&mut lab, 1), std::slice::from_ref(&key));
        assert_eq!(ways(), 1);
        assert_eq!(settled(&mut lab, &key, Some(&spec)), []);
        assert_eq!(ways(), 2);
    });
}

#[test]
fn what_a_predecessor_left_is_kept_where_it_looks_as_wanted() {
    in_namespace("routing::what_a_predecessor_left_is_kept_where_it_looks_as_wanted", || {
        ip("addr add 10.9.0.1/24 dev d0");
        let mut old = Lab::start();
        let (same, same_spec) = route(&old, "10.20.0.0", |route| {
            route.metrics.values.insert(Metric::Mtu, 1400);
        });
        let (changes, changes_spec) = route(&old, "10.20.1.0", |_| ());
        let other = rule(700);
        settled(&mut old, &same, Some(&same_spec));
        settled(&mut old, &changes, Some(&changes_spec));
        settled(&mut old, &other, Some(&Spec::Rule));
        drop(old);
        // Whoever is taken away and put there again comes to stand before this one.
        ip("route prepend 10.20.0.0/24 dev d1");
        ip("route prepend 10.20.1.0/24 dev d1");
        let mut lab = Lab::start();
        let (_, changed_spec) = route(&lab, "10.20.1.0", |route| {
            route.metrics.values.insert(Metric::Mtu, 1300);
        });
        for (key, spec) in [(&same, &same_spec), (&changes, &changed_spec), (&other, &Spec::Rule)] {
            assert_eq!(settled(&mut lab, key, Some(spec)), []);
        }
        let shown = show("route show");
        let place = |text: &str| shown.find(text).unwrap_or_else(|| panic!("{text} in {shown}"));
        assert!(place("10.20.0.0/24 dev d1") < place("10.20.0.0/24 dev d0"), "it was touched: {shown}");
        let changed = place("10.20.1.0/24 dev d0 proto keepalived mtu 1300");
        assert!(changed < place("10.20.1.0/24 dev d1"), "{shown}");
        assert_eq!(shown.matches("10.20.1.0/24 dev d0").count(), 1, "{shown}");
        assert_eq!(show("rule").matches("700:").count(), 1);
    });
}
