//! The reconciler against the kernel of this machine, in network namespaces of its own.

mod firewall;
mod lab;
mod made;
mod routing;

use std::time::Duration;

use keepalived_model::LinkId;
use keepalived_model::kernel::{AddressSpec, Change, Key, Spec};
use keepalived_netlink::{Options, Told, release};
use lab::{Lab, batch, in_namespace, ip, key_on, show};

fn told_link(told: &Told) -> Option<(&str, bool)> {
    match told {
        Told::Change(Change::Link(link)) => Some((link.name.as_str(), link.up)),
        _ => None,
    }
}

#[test]
fn what_is_wanted_is_there_and_what_is_not_wanted_is_not() {
    in_namespace("what_is_wanted_is_there_and_what_is_not_wanted_is_not", || {
        let mut lab = Lab::start();
        let key = lab.key("10.9.0.101/24");
        lab.want(key, true);
        assert_eq!(lab.settled(key), Ok(()));
        let shown = show("-d addr show dev d0");
        // No broadcast and no label of its own (`spec` runtime 6.1).
        assert!(shown.contains("inet 10.9.0.101/24 scope global"), "{shown}");
        assert!(shown.contains(" d0\n"), "{shown}");

        // A thread that was told to be ready and then is not needed serves all the same.
        lab.started.handle.get_ready();
        // Wanted again it is not touched again: a trait of it that nobody wanted otherwise stays.
        ip("addr change 10.9.0.101/24 dev d0 metric 77");
        lab.want(key, true);
        assert_eq!(lab.settled(key), Ok(()));
        assert!(show("addr show dev d0").contains("metric 77"));
        lab.want(key, false);
        assert_eq!(lab.settled(key), Ok(()));
        lab.want(key, false);
        assert_eq!(lab.settled(key), Ok(()));
        assert!(!show("addr show dev d0").contains("10.9.0.101"));
        lab.quiet();
    });
}

#[test]
fn an_address_looks_as_it_was_asked_for() {
    in_namespace("an_address_looks_as_it_was_asked_for", || {
        let mut lab = Lab::start();
        let key = lab.key("10.9.0.102/32");
        let spec = AddressSpec {
            scope: 253,
            broadcast: Some([10, 9, 0, 255].into()),
            label: Some("d0:v1".to_owned()),
            peer: Some([10, 9, 9, 9].into()),
            ..AddressSpec::default()
        };
        let key = keepalived_model::kernel::AddressKey { prefix_len: 24, ..key };
        lab.started.handle.want(Key::Address(key), Some(Spec::Address(spec.clone())));
        assert_eq!(lab.settled(key), Ok(()));
        let shown = show("addr show dev d0");
        assert!(shown.contains("inet 10.9.0.102 peer 10.9.9.9/24 brd 10.9.0.255 scope link"), "{shown}");
        assert!(shown.contains(" d0:v1\n"), "{shown}");

        // Another label is another look; the kernel cannot change it in place.
        let spec = AddressSpec { label: Some("d0:v2".to_owned()), ..spec };
        lab.started.handle.want(Key::Address(key), Some(Spec::Address(spec)));
        assert_eq!(lab.settled(key), Ok(()));
        let shown = show("addr show dev d0");
        assert!(shown.contains(" d0:v2\n") && !shown.contains(" d0:v1\n"), "{shown}");
        lab.want(key, false);
        assert_eq!(lab.settled(key), Ok(()));
        assert!(!show("addr show dev d0").contains("10.9.0.102"));
    });
}

#[test]
fn an_ipv6_address_comes_without_duplicate_detection_and_goes_again() {
    in_namespace("an_ipv6_address_comes_without_duplicate_detection_and_goes_again", || {
        let mut lab = Lab::start();
        let key = lab.key("fd00:9::110/128");
        for _ in 0..50 {
            lab.want(key, true);
            assert_eq!(lab.settled(key), Ok(()));
            let shown = show("-6 addr show dev d0");
            assert!(shown.contains("inet6 fd00:9::110/128 scope global nodad deprecated"), "{shown}");
            lab.want(key, false);
            assert_eq!(lab.settled(key), Ok(()));
        }
        lab.quiet();
    });
}

#[test]
fn an_address_that_looks_for_duplicates_is_settled_when_there_are_none_and_lost_when_there_is_one() {
    in_namespace(
        "an_address_that_looks_for_duplicates_is_settled_when_there_are_none_and_lost_when_there_is_one",
        || {
            ip("addr add fd00:9::7/64 dev d1 nodad");
            let mut lab = Lab::start();
            let asks = AddressSpec { detects_duplicates: true, ..AddressSpec::default() };
            for (address, outcome) in [("fd00:9::6/64", Ok(())), ("fd00:9::7/64", Err(98))] {
                let key = lab.key(address);
                let begin = std::time::Instant::now();
                lab.started.handle.want(Key::Address(key), Some(Spec::Address(asks.clone())));
                let all = lab.until(|told| matches!(told, Told::Settled { .. }));
                let Some(Told::Settled { key: Key::Address(it), outcome: told }) = all.last() else {
                    panic!("{all:?}");
                };
                assert_eq!((*it, told.clone().map_err(|refusal| refusal.errno)), (key, outcome));
                // The kernel asks within a second, and waits one for an answer.
                assert!(outcome.is_err() || begin.elapsed() > std::time::Duration::from_millis(500));
            }
        },
    );
}

#[test]
fn a_removal_by_hand_is_told_and_the_address_can_be_put_back() {
    in_namespace("a_removal_by_hand_is_told_and_the_address_can_be_put_back", || {
        let mut lab = Lab::start();
        let key = lab.key("10.9.0.101/32");
        lab.want(key, true);
        assert_eq!(lab.settled(key), Ok(()));
        ip("addr del 10.9.0.101/32 dev d0");
        assert_eq!(lab.next(), Some(Told::Change(Change::AddressGone(key))));
        lab.want(key, true);
        assert_eq!(lab.settled(key), Ok(()));
        assert!(show("addr show dev d0").contains("10.9.0.101"));

        ip("addr add 10.9.0.7/24 dev d0");
        let other = lab.key("10.9.0.7/24");
        match lab.next() {
            Some(Told::Change(Change::Address(address))) => {
                assert_eq!((address.key, address.ours), (other, false))
            }
            told => panic!("{told:?}"),
        }
        lab.quiet();
    });
}

#[test]
fn a_thousand_flaps_are_never_taken_for_somebody_elses_doing() {
    in_namespace("a_thousand_flaps_are_never_taken_for_somebody_elses_doing", || {
        let mut lab = Lab::start();
        let keys = [lab.key("10.9.0.101/32"), lab.key("fd00:9::110/128")];
        for round in 0..1000 {
            for key in keys {
                lab.want(key, true);
                lab.want(key, false);
                lab.want(key, true);
            }
            for key in keys {
                for _ in 0..3 {
                    assert_eq!(lab.settled(key), Ok(()), "round {round}");
                }
            }
            // Every other round starts with the addresses gone.
            if round % 2 == 0 {
                for key in keys {
                    lab.want(key, false);
                    assert_eq!(lab.settled(key), Ok(()), "round {round}");
                }
            }
        }
        lab.quiet();
        let shown = show("addr show dev d0");
        assert!(shown.contains("10.9.0.101") && shown.contains("fd00:9::110"), "{shown}");
    });
}

#[test]
fn the_secondaries_a_primary_takes_with_it_are_told() {
    in_namespace("the_secondaries_a_primary_takes_with_it_are_told", || {
        std::fs::write("/proc/sys/net/ipv4/conf/d0/promote_secondaries", "0").expect("the namespace is ours");
        let mut lab = Lab::start();
        let (first, second) = (lab.key("10.9.0.101/24"), lab.key("10.9.0.102/24"));
        for key in [first, second] {
            lab.want(key, true);
            assert_eq!(lab.settled(key), Ok(()));
        }
        lab.want(first, false);
        assert_eq!(lab.next(), Some(Told::Change(Change::AddressGone(second))));
        assert_eq!(lab.settled(first), Ok(()));
        lab.want(second, true);
        assert_eq!(lab.settled(second), Ok(()));
        assert!(show("addr show dev d0").contains("10.9.0.102"));
    });
}

#[test]
fn the_order_at_the_start_is_the_kernels() {
    in_namespace("the_order_at_the_start_is_the_kernels", || {
        std::fs::write("/proc/sys/net/ipv4/conf/d0/promote_secondaries", "1").expect("the namespace is ours");
        for address in ["10.1.0.1/24", "10.1.0.2/24", "10.2.0.1/24 scope link", "10.3.0.1/24", "10.1.0.3/24"]
        {
            ip(&format!("addr add {address} dev d0"));
        }
        ip("addr del 10.1.0.1/24 dev d0");
        let lab = Lab::start();
        let listed: Vec<String> = show("-4 -o addr show dev d0")
            .lines()
            .filter_map(|line| line.split_whitespace().nth(3).map(str::to_owned))
            .collect();
        let known =
            lab.started.snapshot.addresses.iter().filter(|address| address.key.link == lab.link("d0"));
        let known: Vec<String> = known
            .filter(|address| address.key.ip.is_ipv4())
            .map(|address| format!("{}/{}", address.key.ip, address.key.prefix_len))
            .collect();
        assert_eq!(known, listed);
    });
}

#[test]
fn links_that_go_down_up_and_get_another_name_are_told() {
    in_namespace("links_that_go_down_up_and_get_another_name_are_told", || {
        let mut lab = Lab::start();
        ip("link set d0 down");
        lab.until(|told| told_link(told) == Some(("d0", false)));
        ip("link set d0 up");
        lab.until(|told| told_link(told) == Some(("d0", true)));
        ip("link set d1 down");
        lab.until(|told| told_link(told) == Some(("d0", false)));
        ip("link set d0 down");
        ip("link set d0 name e0");
        lab.until(|told| told_link(told) == Some(("e0", false)));
    });
}

#[test]
fn a_deleted_link_is_told_once_and_a_new_one_is_another() {
    in_namespace("a_deleted_link_is_told_once_and_a_new_one_is_another", || {
        let mut lab = Lab::start();
        let key = lab.key("10.9.0.101/32");
        let id = key.link;
        lab.want(key, true);
        assert_eq!(lab.settled(key), Ok(()));
        ip("link del d0");
        let all = lab.until(|told| *told == Told::Change(Change::LinkGone(id)));
        assert_eq!(all.iter().filter(|told| **told == Told::Change(Change::LinkGone(id))).count(), 1);
        lab.want(key, true);
        let told = lab.until(|told| matches!(told, Told::Settled { .. }));
        match told.last() {
            Some(Told::Settled { outcome: Err(refusal), .. }) => assert_eq!(refusal.errno, 19, "{refusal:?}"),
            other => panic!("{other:?}"),
        }
        lab.want(key, false);
        assert_eq!(lab.settled(key), Ok(()));

        ip("link add d0 type veth peer name d1");
        ip("link set d0 up");
        ip("link set d1 up");
        let told = lab.until(|told| told_link(told) == Some(("d0", true)));
        let Some(Told::Change(Change::Link(link))) = told.last() else { panic!("{told:?}") };
        assert_ne!(link.id, id);
        let key = key_on(link.id, "10.9.0.101/32");
        lab.want(key, true);
        lab.until(|told| *told == Told::Settled { key: Key::Address(key), outcome: Ok(()) });
        assert!(show("addr show dev d0").contains("10.9.0.101"));
    });
}

#[test]
fn a_port_that_leaves_its_bridge_is_not_gone() {
    in_namespace("a_port_that_leaves_its_bridge_is_not_gone", || {
        let bridge = std::process::Command::new("ip").args(["link", "add", "b0", "type", "bridge"]).output();
        if !bridge.is_ok_and(|output| output.status.success()) {
            println!("SKIP a_port_that_leaves_its_bridge_is_not_gone: this kernel has no bridges");
            return;
        }
        let mut lab = Lab::start();
        let gone = Told::Change(Change::LinkGone(lab.link("d0")));
        ip("link set d0 master b0");
        ip("link set d0 nomaster");
        ip("link set d1 down");
        let all = lab.until(|told| told_link(told) == Some(("d0", false)));
        assert!(!all.contains(&gone), "{all:?}");
    });
}

#[test]
fn what_the_kernel_could_not_tell_is_found_by_comparison() {
    in_namespace("what_the_kernel_could_not_tell_is_found_by_comparison", || {
        let options = Options { event_buffer: 4096, ..Options::default() };
        let mut lab = Lab::start_with(options);
        let ours = lab.key("10.9.0.101/32");
        lab.want(ours, true);
        assert_eq!(lab.settled(ours), Ok(()));
        let range = |verb: &str| -> String {
            let addresses = (0..2000).map(|i| format!("10.20.{}.{}/32", i / 200, i % 200 + 1));
            addresses.map(|address| format!("addr {verb} {address} dev d0\n")).collect()
        };
        batch(&format!("{}{}addr del 10.9.0.101/32 dev d0\n", range("add"), range("del")));
        let mut all = lab.until(|told| *told == Told::Resynced { lost: true });
        // More than one overrun may have been reported; the last comparison ends with the truth.
        loop {
            let gone = all.contains(&Told::Change(Change::AddressGone(ours)));
            if gone {
                break;
            }
            all.push(lab.next().expect("the removal comes out at last"));
        }
        std::thread::sleep(Duration::from_millis(300));
        lab.want(ours, true);
        all.extend(lab.until(|told| *told == Told::Settled { key: Key::Address(ours), outcome: Ok(()) }));
        assert!(show("addr show dev d0").contains("10.9.0.101"));
        let balance = |sign: &dyn Fn(&Told) -> i32| all.iter().map(sign).sum::<i32>();
        let net = balance(&|told| match told {
            Told::Change(Change::Address(_)) => 1,
            Told::Change(Change::AddressGone(key)) if *key != ours => -1,
            _ => 0,
        });
        assert_eq!(net, 0, "whatever was told to have come was told to have gone");
    });
}

#[test]
fn a_regular_comparison_tells_nothing_when_nothing_happened() {
    in_namespace("a_regular_comparison_tells_nothing_when_nothing_happened", || {
        let mut lab = Lab::start_with(Options { tick: Duration::from_millis(5), ..Options::default() });
        let key = lab.key("10.9.0.101/24");
        lab.want(key, true);
        assert_eq!(lab.settled(key), Ok(()));
        std::thread::sleep(Duration::from_millis(100));
        lab.quiet();
    });
}

#[test]
fn leftovers_of_a_dead_engine_are_recognised_and_removed() {
    in_namespace("leftovers_of_a_dead_engine_are_recognised_and_removed", || {
        let mut dead = Lab::start();
        let leftover = dead.key("10.9.0.101/32");
        dead.want(leftover, true);
        assert_eq!(dead.settled(leftover), Ok(()));
        drop(dead);
        ip("addr add 10.9.0.1/24 dev d0");
        let mut lab = Lab::start();
        let (leftover, foreign) = (lab.key("10.9.0.101/32"), lab.key("10.9.0.1/24"));
        let ours = |key| lab.started.snapshot.addresses.iter().find(|it| it.key == key).map(|it| it.ours);
        assert_eq!((ours(leftover), ours(foreign)), (Some(true), Some(false)));
        for key in [leftover, foreign] {
            lab.want(key, false);
            assert_eq!(lab.settled(key), Ok(()));
        }
        assert!(!show("-4 addr show dev d0").contains("inet"));
        lab.quiet();
    });
}

#[test]
fn an_address_of_somebody_else_satisfies_a_want_and_stays_as_it_is() {
    in_namespace("an_address_of_somebody_else_satisfies_a_want_and_stays_as_it_is", || {
        ip("addr add 10.9.0.1/24 brd 10.9.0.255 dev d0 label d0:x");
        let mut lab = Lab::start();
        let key = lab.key("10.9.0.1/24");
        let before = show("addr show dev d0");
        lab.want(key, true);
        assert_eq!(lab.settled(key), Ok(()));
        assert_eq!(show("addr show dev d0"), before);
    });
}

#[test]
fn a_refusal_has_the_kernels_own_words() {
    in_namespace("a_refusal_has_the_kernels_own_words", || {
        let mut lab = Lab::start();
        let nowhere = key_on(LinkId(4711), "10.9.0.1/24");
        lab.want(nowhere, true);
        let refusal = lab.settled(nowhere).expect_err("there is no such link");
        assert_eq!(refusal.errno, 19);
        assert!(!refusal.text.is_empty());
        let impossible = key_on(lab.link("d0"), "10.9.0.1/33");
        lab.want(impossible, true);
        let refusal = lab.settled(impossible).expect_err("no such prefix");
        assert_eq!((refusal.errno, refusal.text.as_str()), (22, "ipv4: Invalid prefix length"));
    });
}

#[test]
fn a_supervisor_can_release_the_addresses_of_a_dead_engine() {
    in_namespace("a_supervisor_can_release_the_addresses_of_a_dead_engine", || {
        ip("addr add 10.9.0.101 peer 10.9.9.9/24 dev d0");
        ip("addr add 10.9.0.102/32 dev d0");
        ip("addr add 10.9.0.103/24 dev d0");
        let lab = Lab::start();
        let keys = ["10.9.0.101/24", "10.9.0.102/32", "10.9.0.104/32"].map(|it| Key::Address(lab.key(it)));
        assert_eq!(release(&keys, None).ok(), Some(2));
        let shown = show("-4 -o addr show dev d0");
        assert_eq!(shown.lines().count(), 1, "{shown}");
        assert!(shown.contains("10.9.0.103"), "{shown}");
    });
}

#[test]
fn the_thread_ends_when_the_last_handle_is_gone_and_everything_is_settled() {
    in_namespace("the_thread_ends_when_the_last_handle_is_gone_and_everything_is_settled", || {
        let lab = Lab::start();
        let key = lab.key("10.9.0.101/32");
        lab.want(key, true);
        lab.want(key, false);
        let keepalived_netlink::Started { handle, mut told, .. } = lab.started;
        drop(handle);
        let mut settled = 0;
        while let Some(it) = told.blocking_recv() {
            settled += u32::from(matches!(it, Told::Settled { .. }));
        }
        assert_eq!(settled, 2);
        assert!(!show("addr show dev d0").contains("10.9.0.101"));
    });
}
