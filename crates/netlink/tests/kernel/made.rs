//! Links we make, and settings of links others made.

use std::fs;

use keepalived_model::kernel::{Change, Key, LinkKind, LinkName, LinkSpec, Refusal, Setting, Spec};
use keepalived_model::link::IpvlanMode;
use keepalived_model::{LinkId, MacAddr};
use keepalived_netlink::{Told, release};

use super::lab::{Lab, in_namespace, ip, show};

const MAC: MacAddr = MacAddr([0, 0, 0x5e, 0, 1, 51]);

fn name() -> Key {
    Key::Link(LinkName::new("vrrp.51").expect("a name"))
}

fn vmac(lab: &Lab, mac: MacAddr) -> Spec {
    let settings = vec![(Setting::ArpIgnore, 1), (Setting::AcceptLocal, 1), (Setting::DisableIpv6, 1)];
    Spec::Link(LinkSpec {
        base: lab.link("d0"),
        kind: LinkKind::Macvlan(mac),
        group: 0,
        settings,
        hushed: Vec::new(),
    })
}

/// The answer to a want, and what was told of links before it.
fn settled(lab: &mut Lab, key: &Key, spec: Option<Spec>) -> (Vec<Change>, Result<(), Refusal>) {
    lab.started.handle.want(key.clone(), spec);
    let mut told = lab.until(|told| matches!(told, Told::Settled { key: it, .. } if it == key));
    let Some(Told::Settled { outcome, .. }) = told.pop() else { panic!("it was just seen") };
    let changes = told.into_iter().filter_map(|told| match told {
        Told::Change(change) => Some(change),
        _ => None,
    });
    (changes.collect(), outcome)
}

fn setting(path: &str) -> String {
    fs::read_to_string(format!("/proc/sys/net/{path}")).expect(path).trim().to_owned()
}

#[test]
fn a_virtual_mac_is_made_with_its_settings_kept_replaced_and_removed() {
    in_namespace("made::a_virtual_mac_is_made_with_its_settings_kept_replaced_and_removed", || {
        let mut lab = Lab::start();
        let wanted = vmac(&lab, MAC);
        let (changes, outcome) = settled(&mut lab, &name(), Some(wanted.clone()));
        assert_eq!(outcome, Ok(()));
        let Some(Change::Link(link)) = changes.last() else { panic!("{changes:?}") };
        assert_eq!((link.name.as_str(), link.mac, link.up), ("vrrp.51", Some(MAC), true));
        let shown = show("-d link show vrrp.51");
        assert!(shown.contains("macvlan mode private") && shown.contains("state UP"), "{shown}");
        for (path, value) in [
            ("ipv4/conf/vrrp.51/arp_ignore", "1"),
            ("ipv4/conf/vrrp.51/accept_local", "1"),
            ("ipv6/conf/vrrp.51/disable_ipv6", "1"),
        ] {
            assert_eq!(setting(path), value, "{path}");
        }
        // The same again changes nothing; another address makes another link.
        assert_eq!(settled(&mut lab, &name(), Some(wanted)), (vec![], Ok(())));
        let other = vmac(&lab, MacAddr([2, 0, 0, 0, 0, 9]));
        assert_eq!(settled(&mut lab, &name(), Some(other)).1, Ok(()));
        assert!(show("link show vrrp.51").contains("02:00:00:00:00:09"));
        assert_eq!(settled(&mut lab, &name(), None).1, Ok(()));
        assert_eq!(show("link show vrrp.51"), "");
        assert_eq!(settled(&mut lab, &name(), None), (vec![], Ok(())));
    });
}

#[test]
fn what_others_made_under_the_name_is_left_alone() {
    in_namespace("made::what_others_made_under_the_name_is_left_alone", || {
        for link in ["vrrp.51 type bridge", "vrrp.51 link d1 type macvlan mode private"] {
            ip(&format!("link add {link}"));
            let mut lab = Lab::start();
            let wanted = vmac(&lab, MAC);
            let refused = settled(&mut lab, &name(), Some(wanted)).1;
            assert_eq!(refused.map_err(|refusal| refusal.errno), Err(17), "{link}");
            assert_eq!(settled(&mut lab, &name(), None).1, Ok(()));
            assert_ne!(show("link show vrrp.51"), "", "{link}");
            ip("link del vrrp.51");
        }
    });
}

#[test]
fn a_crashed_engines_link_is_found_again_or_released() {
    in_namespace("made::a_crashed_engines_link_is_found_again_or_released", || {
        let mut lab = Lab::start();
        let wanted = vmac(&lab, MAC);
        assert_eq!(settled(&mut lab, &name(), Some(wanted.clone())).1, Ok(()));
        let mut successor = Lab::start();
        assert_eq!(settled(&mut successor, &name(), Some(wanted)), (vec![], Ok(())));
        assert_eq!(release(&[name()], None).expect("nothing is refused"), 1);
        assert_eq!(release(&[name()], None).expect("nothing is refused"), 0);
        assert_eq!(show("link show vrrp.51"), "");
    });
}

#[test]
fn a_kernel_without_ipvlans_or_without_the_base_refuses() {
    in_namespace("made::a_kernel_without_ipvlans_or_without_the_base_refuses", || {
        let mut lab = Lab::start();
        let nowhere = LinkSpec {
            base: LinkId(4242),
            kind: LinkKind::Macvlan(MAC),
            group: 0,
            settings: Vec::new(),
            hushed: Vec::new(),
        };
        assert!(settled(&mut lab, &name(), Some(Spec::Link(nowhere.clone()))).1.is_err());
        let kind = LinkKind::Ipvlan(IpvlanMode::Bridge);
        let ipvlan = LinkSpec { base: lab.link("d0"), kind, ..nowhere };
        match settled(&mut lab, &name(), Some(Spec::Link(ipvlan))).1 {
            Ok(()) => assert!(show("-d link show vrrp.51").contains("ipvlan mode l2 bridge")),
            Err(refusal) => assert!(!refusal.text.is_empty(), "{refusal:?}"),
        }
    });
}

#[test]
fn settings_of_others_links_come_back_when_nobody_wants_them() {
    in_namespace("made::settings_of_others_links_come_back_when_nobody_wants_them", || {
        let mut lab = Lab::start();
        let path = "ipv4/conf/d0/arp_ignore";
        let before = setting(path);
        let key = Key::Setting(lab.link("d0"), Setting::ArpIgnore);
        for value in [1, 2] {
            assert_eq!(settled(&mut lab, &key, Some(Spec::Setting(value))).1, Ok(()));
            assert_eq!(setting(path), value.to_string());
        }
        assert_eq!(settled(&mut lab, &key, None).1, Ok(()));
        assert_eq!(setting(path), before);
        let gone = Key::Setting(LinkId(4242), Setting::ArpIgnore);
        assert_eq!(settled(&mut lab, &gone, None).1, Ok(()));
        assert!(settled(&mut lab, &gone, Some(Spec::Setting(1))).1.is_err());
    });
}

#[test]
fn reverse_paths_become_each_links_own_and_come_back() {
    in_namespace("made::reverse_paths_become_each_links_own_and_come_back", || {
        let set = |path: &str, value| fs::write(format!("/proc/sys/net/ipv4/conf/{path}/rp_filter"), value);
        let all = || {
            ["all", "default", "d0", "d1"]
                .map(|link| setting(&format!("ipv4/conf/{link}/rp_filter")))
                .concat()
        };
        for (link, value) in [("all", "1"), ("default", "0"), ("d0", "0"), ("d1", "2")] {
            set(link, value).expect("it can be written here");
        }
        let mut lab = Lab::start();
        assert_eq!(settled(&mut lab, &Key::OwnReversePaths, Some(Spec::OwnReversePaths)).1, Ok(()));
        assert_eq!(all(), "0112");
        assert_eq!(settled(&mut lab, &Key::OwnReversePaths, Some(Spec::OwnReversePaths)).1, Ok(()));
        assert_eq!(settled(&mut lab, &Key::OwnReversePaths, None).1, Ok(()));
        assert_eq!(all(), "1002");
    });
}
