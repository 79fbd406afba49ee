//! The interfaces in `keepalived.data`.

use std::fmt::Write;
use std::net::IpAddr;

use keepalived_core::routing;
use keepalived_core::view::LinkView;
use keepalived_model::global::Dynamic;

use super::{Picture, words};

/// The section, if there is an interface at all.
pub fn text(picture: &Picture<'_>) -> String {
    let mut text = String::from("------< Interfaces >------\n");
    for link in &picture.view.links {
        text += &one(link, picture);
    }
    text
}

fn one(view: &LinkView<'_>, picture: &Picture<'_>) -> String {
    let link = view.link;
    let first = |wanted: fn(&IpAddr) -> bool| {
        let found = view.addresses.iter().map(|key| key.ip).find(wanted);
        found.map_or("(none)".to_owned(), |ip| ip.to_string())
    };
    let link_local = |ip: &IpAddr| matches!(ip, IpAddr::V6(ip) if ip.is_unicast_link_local());
    let mut text = format!(" Name = {}\n   index = {}\n", link.name, link.id.0);
    let mut line = |words: std::fmt::Arguments<'_>| {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "   {words}");
    };
    line(format_args!("IPv4 address = {}", first(IpAddr::is_ipv4)));
    line(format_args!("IPv6 address = {}", first(link_local)));
    if let Some(mac) = link.mac.filter(|_| !link.loopback) {
        line(format_args!("MAC = {mac}\n   MAC broadcast = ff:ff:ff:ff:ff:ff"));
    }
    let mut state = vec![if link.up { "UP, RUNNING" } else { "not RUNNING" }];
    state.extend(link.loopback.then_some("no broadcast, loopback"));
    state.extend((!link.arp && !link.loopback).then_some("no arp"));
    state.extend((!link.multicast).then_some("no multicast"));
    line(format_args!("State = {}", state.join(", ")));
    line(format_args!("Seen up = {}\n   Delayed state change running = false", u8::from(link.up)));
    line(format_args!("Up debounce timer = 0us\n   Down debounce timer = 0us\n   Group = 0"));
    if picture.global.interfaces.dynamic == Dynamic::MayChangeKind && !link.loopback {
        line(format_args!("Interface type/base can be changed"));
    }
    line(format_args!("MTU = {}", link.mtu));
    line(format_args!("HW Type = {}", if link.loopback { "LOOPBACK" } else { "ETHERNET" }));
    line(format_args!("NIC netlink status update"));
    for zero in [
        "Reset ARP config counter",
        "Original arp_ignore",
        "Original arp_filter",
        "Original promote_secondaries",
        "Reset promote_secondaries counter",
    ] {
        line(format_args!("{zero} 0"));
    }
    let trackers = trackers(&link.name, picture);
    if !trackers.is_empty() {
        line(format_args!("Tracking VRRP instances :"));
        trackers.iter().for_each(|tracker| line(format_args!("  {tracker}")));
    }
    text
}

fn trackers(name: &str, picture: &Picture<'_>) -> Vec<String> {
    let mut found = Vec::new();
    for instance in picture.view.instances.iter().map(|view| view.config) {
        let own = instance.interface_name() == name && !instance.dont_track_primary;
        if own || routing::interfaces(&instance.routes, &instance.rules).any(|other| other == name) {
            found.push(format!("{}, weight 0", instance.name));
        }
        for tracked in instance.track.interfaces.iter().filter(|tracked| tracked.name == name) {
            found.push(format!("{}, {}", instance.name, words::weight(tracked.weight)));
        }
    }
    found
}
