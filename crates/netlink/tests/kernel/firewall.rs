//! The packet filter, as `nft` shows it.

use std::process::Command;

use keepalived_model::LinkId;
use keepalived_model::kernel::Barred;
use keepalived_model::vrrp::Family;
use keepalived_netlink::firewall::{Firewall, Hushed, Tables};

use super::lab::{in_namespace, ip, show};

fn rules() -> String {
    let shown = Command::new("nft").args(["list", "ruleset"]).output().expect("nft is installed");
    String::from_utf8_lossy(&shown.stdout).into_owned()
}

fn index(name: &str) -> LinkId {
    let shown = show(&format!("-o link show {name}"));
    let number = shown.split(':').next().and_then(|number| number.trim().parse().ok());
    LinkId(number.expect("ip says the number first"))
}

fn barred(ip: &str) -> Barred {
    Barred::of(ip.parse().expect("an address"), LinkId(1))
}

#[test]
fn barred_addresses_are_in_the_rules_of_the_original_and_gone_afterwards() {
    in_namespace("barred_addresses_are_in_the_rules_of_the_original_and_gone_afterwards", || {
        let mut firewall = Firewall::new(Tables::default());
        for ip in ["10.9.0.101", "10.9.0.102", "10.9.0.101", "fd00:9::56", "fe80::56"] {
            assert_eq!(firewall.bar(barred(ip)), Ok(()), "{ip}");
        }
        // Recorded from 2.2.7.
        assert_eq!(rules(), include_str!("strict.nft"));
        assert_eq!(firewall.admit(barred("10.9.0.101")), Ok(()));
        assert_eq!(firewall.admit(barred("fe80::56")), Ok(()));
        let left = rules();
        assert!(left.contains("10.9.0.102") && left.contains("fd00:9::56"), "{left}");
        assert!(!left.contains("10.9.0.101") && !left.contains("fe80::56"), "{left}");
        assert_eq!(firewall.remove(), Ok(()));
        assert_eq!(rules(), "");
    });
}

#[test]
fn links_that_do_not_speak_are_in_the_rules_of_the_original_whatever_comes_first() {
    in_namespace("links_that_do_not_speak_are_in_the_rules_of_the_original_whatever_comes_first", || {
        ip("link add eth0 type veth peer name other");
        ip("link add vrrp.51 link eth0 type macvlan mode private");
        let (link, base) = (index("vrrp.51"), index("eth0"));
        let hushed = [Family::V4, Family::V6].map(|family| Hushed { family, link, base });
        let mut firewall = Firewall::new(Tables::default());
        for one in hushed {
            assert_eq!(firewall.hush(one), Ok(()));
        }
        // Recorded from 2.2.7.
        assert_eq!(rules(), include_str!("vmac.nft"));
        assert_eq!(firewall.bar(barred("10.9.0.101")), Ok(()));
        let first = rules();
        assert!(first.contains("10.9.0.101") && first.contains("\"vrrp.51\" : \"eth0\""), "{first}");
        firewall.forget(link);
        assert!(!rules().contains("vrrp.51"), "{}", rules());
        assert_eq!(firewall.remove(), Ok(()));
        let mut firewall = Firewall::new(Tables::default());
        assert_eq!(firewall.bar(barred("10.9.0.101")), Ok(()));
        for one in hushed.into_iter().rev() {
            assert_eq!(firewall.hush(one), Ok(()));
            assert_eq!(firewall.hush(one), Ok(()));
        }
        let (mut first, mut second): (Vec<_>, Vec<_>) = (first.lines().collect(), Vec::new());
        let again = rules();
        second.extend(again.lines());
        // Tables are in the order in which they were made.
        first.sort_unstable();
        second.sort_unstable();
        assert_eq!(first, second);
    });
}

#[test]
fn rules_that_somebody_flushed_are_written_again() {
    in_namespace("rules_that_somebody_flushed_are_written_again", || {
        let mut firewall = Firewall::new(Tables { counters: true, priority: -7, ..Tables::default() });
        assert_eq!(firewall.bar(barred("10.9.0.101")), Ok(()));
        assert_eq!(firewall.bar(barred("10.9.0.102")), Ok(()));
        let before = rules();
        assert!(
            before.contains("filter - 7") && before.contains("counter packets 0 bytes 0 drop"),
            "{before}"
        );
        let flushed = Command::new("nft").args(["flush", "ruleset"]).status().expect("nft is installed");
        assert!(flushed.success());
        assert_eq!(firewall.restore(), Ok(()));
        assert_eq!(rules(), before);
    });
}

#[test]
fn the_table_a_killed_process_left_goes_with_the_first_address_that_is_not_barred() {
    in_namespace("the_table_a_killed_process_left_goes_with_the_first_address_that_is_not_barred", || {
        let mut killed = Firewall::new(Tables::default());
        assert_eq!(killed.bar(barred("10.9.0.101")), Ok(()));
        let mut successor = Firewall::new(Tables::default());
        assert_eq!(successor.admit(barred("10.9.0.103")), Ok(()));
        assert_eq!(rules(), "");
        // Where there is none, there is nothing to say either.
        assert_eq!(successor.admit(barred("10.9.0.101")), Ok(()));
    });
}
