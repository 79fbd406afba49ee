//! The interfaces in `keepalived.data`.

use std::fmt::Write;
use std::net::IpAddr;

use keepalived_core::view::{InstanceView, LinkView};
use keepalived_model::global::Dynamic;
use keepalived_model::link::{OwnLink, Polling};
use keepalived_model::route;
use keepalived_model::vrrp::Family;

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
        let own = view.addresses.iter().map(|key| key.ip).filter(|ip| !is_virtual(*ip, picture));
        let found = own.into_iter().find(wanted);
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
    let mut state = vec![running(link.up)];
    state.extend(link.loopback.then_some("no broadcast, loopback"));
    state.extend((!link.arp && !link.loopback).then_some("no arp"));
    state.extend((!link.multicast).then_some("no multicast"));
    line(format_args!("State = {}", state.join(", ")));
    line(format_args!("Seen up = {}\n   Delayed state change running = false", u8::from(link.up)));
    line(format_args!("Up debounce timer = 0us\n   Down debounce timer = 0us\n   Group = 0"));
    if picture.global.interfaces.dynamic == Dynamic::MayChangeKind && !link.loopback {
        line(format_args!("Interface type/base can be changed"));
    }
    let vmacs = vmacs(picture);
    let made = vmacs.iter().find(|vmac| vmac.name == link.name);
    if let Some(Made { base, .. }) = made {
        let below = picture.view.links.iter().find(|view| view.link.name == *base);
        let state = running(below.is_some_and(|view| view.link.up));
        line(format_args!("VMAC type private, underlying interface = {base}, state = {state}"));
        line(format_args!("I/f created by keepalived"));
    }
    line(format_args!("MTU = {}", link.mtu));
    line(format_args!("HW Type = {}", if link.loopback { "LOOPBACK" } else { "ETHERNET" }));
    let watched = match view.polled {
        None => "netlink status update",
        Some(Polling::Mii) => "support MII regs",
        Some(Polling::Ethtool) => "support ETHTOOL GLINK interface",
        Some(Polling::Flags) => "ioctl refresh polling",
    };
    line(format_args!("NIC {watched}"));
    if let Some(pace) = picture.view.paces.iter().find(|pace| pace.interfaces.contains(&&*link.name)) {
        for (name, pace) in [("ARP", pace.garp), ("NA", pace.advertisement)] {
            if let Some((interval, _)) = pace {
                line(format_args!("Gratuitous {name} interval {}ms", interval.0 / 1000));
            }
        }
        if pace.number > 0 {
            line(format_args!("Gratuitous ARP aggregation group {}", pace.number));
        }
    }
    let above = vmacs.iter().filter(|vmac| vmac.base == link.name && vmac.family == Family::V4).count();
    let is_vmac = u8::from(made.is_some_and(|vmac| vmac.family == Family::V4));
    line(format_args!("Reset ARP config counter {above}"));
    line(format_args!("Original arp_ignore {is_vmac}\n   Original arp_filter 0"));
    if made.is_some() || above > 0 {
        line(format_args!("rp_filter 0"));
    }
    line(format_args!("Original promote_secondaries {is_vmac}\n   Reset promote_secondaries counter 0"));
    let mut trackers = trackers(&link.name, picture);
    trackers.extend(made.map(|vmac| format!("{}, weight 0", vmac.instance)));
    if !trackers.is_empty() {
        line(format_args!("Tracking VRRP instances :"));
        trackers.iter().for_each(|tracker| line(format_args!("  {tracker}")));
    }
    text
}

fn running(up: bool) -> &'static str {
    if up { "UP, RUNNING" } else { "not RUNNING" }
}

/// A VMAC.
struct Made<'a> {
    name: &'a str,
    base: &'a str,
    family: Family,
    instance: &'a str,
}

/// All of them, of instances and of single addresses.
fn vmacs<'a>(picture: &'a Picture<'_>) -> Vec<Made<'a>> {
    let mut made = Vec::new();
    for view in &picture.view.instances {
        let (instance, base) = (view.name, view.interface);
        if let Some(OwnLink::Vmac(vmac)) = &view.config.own_link {
            made.push(Made { name: &vmac.name, base, family: view.config.family, instance });
        }
        for address in view.config.addresses.iter().chain(&view.config.excluded) {
            let Some(vmac) = &address.vmac else { continue };
            let base = address.interface.as_deref().unwrap_or(base);
            if made.iter().any(|other: &Made<'_>| other.instance == instance && other.name == vmac.name) {
                continue;
            }
            made.push(Made { name: &vmac.name, base, family: Family::of(address.ip), instance });
        }
    }
    made
}

/// Whether an address comes and goes with a router.
fn is_virtual(ip: IpAddr, picture: &Picture<'_>) -> bool {
    let of = |view: &InstanceView<'_>| {
        view.addresses.iter().chain(&view.excluded).any(|address| address.address.ip == ip)
    };
    picture.view.instances.iter().any(of)
}

fn trackers(name: &str, picture: &Picture<'_>) -> Vec<String> {
    let mut found = Vec::new();
    for instance in picture.view.instances.iter().map(|view| view.config) {
        let own = instance.interface_name() == name && !instance.dont_track_primary;
        if own || route::interfaces(&instance.routes, &instance.rules).any(|other| other == name) {
            found.push(format!("{}, weight 0", instance.name));
        }
        for tracked in instance.track.interfaces.iter().filter(|tracked| tracked.name == name) {
            found.push(format!("{}, {}", instance.name, words::weight(tracked.weight)));
        }
    }
    found
}
