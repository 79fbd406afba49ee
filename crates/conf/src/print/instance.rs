//! `vrrp_instance` blocks. What an instance inherits is not written again.

use std::net::IpAddr;

use keepalived_model::link::{Ipvlan, IpvlanMode, OwnLink, Vmac};
use keepalived_model::vrrp::{
    AntiReplay, Auth, Family, Hmac, HmacMode, Hopeless, Instance, OldChecksum, Peer, Preempt, Transport,
    Version,
};
use keepalived_model::{Config, Priority};

use super::block::Block;
use super::runner::Runner;
use super::words::{bytes, hexadecimal, quoted, seconds};
use super::{address, garp, notify, route, rule, track};
use crate::lower::vmac;
use crate::schema::{AUTH_HMAC, AUTHENTICATION, INSTANCE};

/// One instance.
pub(super) fn print(root: &mut Block, instance: &Instance, config: &Config, runner: &Runner<'_>) {
    let mut out = Block::of(&INSTANCE);
    identity(&mut out, instance, config);
    times(&mut out, instance, config);
    transport(&mut out, instance, config);
    addresses(&mut out, instance);
    policies(&mut out, instance, config);
    own_link(&mut out, instance, config);
    track::blocks(&mut out, &instance.track, config);
    notify::print(&mut out, &instance.notify, runner);
    authentication(&mut out, &instance.auth);
    root.block("vrrp_instance", [quoted(&instance.name)], out);
}

fn identity(out: &mut Block, instance: &Instance, config: &Config) {
    let owner = instance.priority.is_owner();
    match (owner, instance.wants_master) {
        (true, true) | (false, false) => {}
        (true, false) => out.line("state", ["BACKUP".to_owned()]),
        (false, true) => out.line("state", ["MASTER".to_owned()]),
    }
    // An owner is what a MASTER is without a priority.
    if instance.priority != Priority::DEFAULT || instance.wants_master {
        out.line("priority", [instance.priority.number().to_string()]);
    }
    out.word("interface", instance.interface.as_deref());
    out.word("vrf", instance.vrf.as_deref());
    out.line("virtual_router_id", [instance.vrid.number().to_string()]);
    let usual = match instance.family {
        Family::V4 => config.global.vrrp.version,
        Family::V6 => Version::V3,
    };
    let number = |version| if version == Version::V2 { 2 } else { 3 };
    out.value("version", number(instance.version), number(usual));
}

fn times(out: &mut Block, instance: &Instance, config: &Config) {
    out.value("advert_int", seconds(instance.advert_interval), "1".to_owned());
    match instance.preempt {
        Preempt::Always => {}
        Preempt::Never => out.line("nopreempt", []),
        Preempt::After(delay) => out.line("preempt_delay", [seconds(delay)]),
    }
    let usual = config.global.vrrp.down_timer_adverts;
    out.value("down_timer_adverts", instance.down_timer_adverts, usual);
    out.maybe("timer_expired_backup", instance.late_timer_backup);
}

fn transport(out: &mut Block, instance: &Instance, config: &Config) {
    let globals = &config.global.vrrp;
    // The address of an ipvlan is where adverts come from unless something else is said.
    let of_link = match &instance.own_link {
        Some(OwnLink::Ipvlan(ipvlan)) => ipvlan.address.map(|(ip, _)| ip),
        _ => None,
    };
    match &instance.transport {
        Transport::Multicast { group, source } => {
            let usual: IpAddr = match instance.family {
                Family::V4 => globals.group4.into(),
                Family::V6 => globals.group6.into(),
            };
            // Nothing else may say what family it is.
            let silent = instance.family == Family::V6 && instance.addresses.is_empty();
            if *group != usual || silent {
                out.line("mcast_dst_ip", [group.to_string()]);
            }
            out.maybe("mcast_src_ip", source.filter(|source| Some(*source) != of_link));
        }
        Transport::Unicast { peers, source, check_source, ttl } => {
            out.maybe("unicast_src_ip", source.filter(|source| Some(*source) != of_link));
            out.items("unicast_peer", peers.iter().map(peer).collect());
            let limited = peers.iter().any(|peer| *peer != Peer::from(peer.address));
            out.flag("check_unicast_src", *check_source && !globals.check_unicast_src && !limited);
            let usual = (instance.family == Family::V4).then_some(u8::MAX);
            out.maybe("unicast_ttl", ttl.filter(|_| *ttl != usual));
        }
    }
    out.flag("track_src_ip", instance.track_source);
    out.flag("unicast_fault_no_peer", instance.hopeless == Some(Hopeless::NoPeer));
    match instance.checksum.old_unicast {
        OldChecksum::Detect => {}
        OldChecksum::Always => out.line("old_unicast_checksum", []),
        OldChecksum::Never => out.line("old_unicast_checksum", ["never".to_owned()]),
    }
    out.switch("v3_checksum_as_v2", instance.checksum.as_v2, globals.v3_checksum_as_v2);
    out.maybe("kernel_rx_buf_size", instance.receive_buffer);
}

fn peer(peer: &Peer) -> Vec<String> {
    let usual = Peer::from(peer.address);
    let limits = [("min_ttl", peer.ttl_min, usual.ttl_min), ("max_ttl", peer.ttl_max, usual.ttl_max)];
    let limits = limits.into_iter().filter(|(_, limit, usual)| limit != usual);
    let limits = limits.flat_map(|(name, limit, _)| [name.to_owned(), limit.to_string()]);
    std::iter::once(peer.address.to_string()).chain(limits).collect()
}

fn addresses(out: &mut Block, instance: &Instance) {
    let line = |address| address::line(address, None);
    out.items("virtual_ipaddress", instance.addresses.iter().map(line).collect());
    out.items("virtual_ipaddress_excluded", instance.excluded.iter().map(line).collect());
    let none = instance.addresses.is_empty() && instance.version == Version::V3;
    out.flag("no_virtual_ipaddress", none);
    out.flag("promote_secondaries", instance.promote_secondaries);
    out.items("virtual_routes", instance.routes.iter().map(|one| route::line(one, None)).collect());
    out.items("virtual_rules", instance.rules.iter().map(|one| rule::line(one, None)).collect());
}

fn policies(out: &mut Block, instance: &Instance, config: &Config) {
    let globals = &config.global.vrrp;
    let strict = instance.strict;
    out.switch("skip_check_adv_addr", instance.skip_check_adv_addr, globals.skip_check_adv_addr);
    out.switch("strict_mode", strict, globals.strict);
    if !instance.priority.is_owner() && instance.accept == strict {
        out.line(if instance.accept { "accept" } else { "no_accept" }, []);
    }
    let mut usual = globals.garp;
    if strict {
        // Strict mode has its own idea of what follows a weaker router.
        usual.lower_prio_delay = instance.garp.lower_prio_delay;
        usual.lower_prio_repeat = instance.garp.lower_prio_repeat;
    } else {
        let (silent, sends) = (instance.lower_prio_no_advert, instance.higher_prio_send_advert);
        out.switch("lower_prio_no_advert", silent, globals.lower_prio_no_advert);
        out.switch("higher_prio_send_advert", sends, globals.higher_prio_send_advert);
        if instance.priority.is_owner() {
            out.switch("owner_ignore_adverts", instance.owner_ignore_adverts, globals.owner_ignore_adverts);
        }
    }
    garp::print(out, "", &instance.garp, &usual);
    out.flag("dont_track_primary", instance.dont_track_primary);
    let told = instance.notify_priority_changes;
    let group = config.vrrp.groups.iter().find(|group| group.members.contains(&instance.name));
    let grouped = group.and_then(|group| group.notify_priority_changes);
    out.switch("notify_priority_changes", told, grouped.unwrap_or(globals.notify_priority_changes));
    out.switch("smtp_alert", instance.smtp_alert, config.global.mail.alerts.of_vrrp());
}

fn own_link(out: &mut Block, instance: &Instance, config: &Config) {
    out.flag("use_vmac_addr", instance.vmac_addresses);
    let group = |group: u32| (group != 0).then(|| ["group".to_owned(), group.to_string()]);
    match &instance.own_link {
        None => {}
        Some(OwnLink::Vmac(vmac)) => {
            let Vmac { name, mac, transmit_base, announce_link, group: number } = vmac;
            let usual = Vmac::router_mac(instance.vrid, instance.family);
            let mac = (*mac != usual).then(|| mac.to_string());
            let announce = announce_link.then(|| "netlink_notify_msg".to_owned());
            let words = own_name(name, instance, config).into_iter().chain(mac).chain(announce);
            out.line("use_vmac", words.chain(group(*number).into_iter().flatten()));
            out.flag("vmac_xmit_base", *transmit_base);
        }
        Some(OwnLink::Ipvlan(ipvlan)) => {
            let Ipvlan { name, address, mode, group: number } = ipvlan;
            let address = address.map(|(ip, len)| format!("{ip}/{len}"));
            let mode = match mode {
                IpvlanMode::Bridge => None,
                IpvlanMode::Private => Some("private".to_owned()),
                IpvlanMode::Vepa => Some("vepa".to_owned()),
            };
            let words = own_name(name, instance, config).into_iter().chain(address).chain(mode);
            out.line("use_ipvlan", words.chain(group(*number).into_iter().flatten()));
        }
    }
}

/// `name INTERFACE`, unless it is the one that would be tried first.
fn own_name(name: &str, instance: &Instance, config: &Config) -> Vec<String> {
    let mut usual = vmac::names(&config.global.vrrp.vmac_prefix, instance.vrid, instance.family);
    if usual.next().as_deref() == Some(name) { Vec::new() } else { vec!["name".to_owned(), quoted(name)] }
}

fn authentication(out: &mut Block, auth: &Auth) {
    let (scheme, key) = match auth {
        Auth::None => return,
        Auth::Hmac(hmac) => return out.block("auth_hmac", [], hmac_block(hmac)),
        Auth::Pass(key) => ("PASS", key),
        Auth::Ah(key) => ("AH", key),
    };
    let mut block = Block::of(&AUTHENTICATION);
    block.line("auth_type", [scheme.to_owned()]);
    let end = key.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    block.line("auth_pass", [bytes(key.get(..end).unwrap_or(key))]);
    out.block("authentication", [], block);
}

fn hmac_block(hmac: &Hmac) -> Block {
    let Hmac { keys, active, window, anti_replay, mode } = hmac;
    let mut out = Block::of(&AUTH_HMAC);
    for (number, key) in keys {
        out.line("key", [number.to_string(), hmac_key(key)]);
    }
    out.line("active_key", [active.to_string()]);
    out.line("time_window", [window.as_secs().to_string()]);
    match anti_replay {
        AntiReplay::Time => {}
        AntiReplay::Monotonic => out.line("anti_replay", ["monotonic".to_owned()]),
    }
    match mode {
        HmacMode::Enforce => {}
        HmacMode::Permissive => out.line("mode", ["permissive".to_owned()]),
        HmacMode::ReceiveOnly => out.line("mode", ["receive-only".to_owned()]),
    }
    out
}

/// As text where that cannot be taken for something else.
fn hmac_key(key: &[u8]) -> String {
    let plain = key.iter().all(|byte| byte.is_ascii_graphic() && *byte != b'"');
    if plain && !key.starts_with(b"hex:") && !key.starts_with(b"file:") {
        bytes(key)
    } else {
        format!("hex:{}", hexadecimal(key))
    }
}
