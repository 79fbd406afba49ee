//! From messages of the kernel to facts.

use std::net::IpAddr;

use keepalived_model::kernel::{AddressKey, AddressSpec, Link, OUR_PROTOCOL};
use keepalived_model::{LinkId, MacAddr};
use netlink_packet_core::{NetlinkMessage, NetlinkPayload};
use netlink_packet_route::address::{AddressAttribute, AddressHeaderFlags, AddressMessage};
use netlink_packet_route::link::{LinkAttribute, LinkFlags, LinkMessage};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};

use crate::mirror::{Entry, Fact, LinkFact};

/// The fact one message states, if it is one we care for.
pub fn fact(message: &RouteNetlinkMessage) -> Option<Fact> {
    match message {
        RouteNetlinkMessage::NewLink(link) if is_whole(link) => link_fact(link).map(Fact::Link),
        RouteNetlinkMessage::DelLink(link) if is_whole(link) => {
            Some(Fact::LinkGone(LinkId(link.header.index)))
        }
        RouteNetlinkMessage::NewAddress(address) => entry(address).map(Fact::Address),
        RouteNetlinkMessage::DelAddress(address) => key(address).map(Fact::AddressGone),
        _ => None,
    }
}

/// One datagram of events: the facts in it, each with the port of the socket that caused it. `Err` when it
/// cannot be read to its end, so that something may be missing.
pub fn events(mut datagram: &[u8], mut each: impl FnMut(u32, Fact)) -> Result<(), Unreadable> {
    while !datagram.is_empty() {
        let message = NetlinkMessage::<RouteNetlinkMessage>::deserialize(datagram).map_err(|_| Unreadable)?;
        if let NetlinkPayload::InnerMessage(inner) = &message.payload
            && let Some(fact) = fact(inner)
        {
            each(message.header.port_number, fact);
        }
        let length = usize::try_from(message.header.length).map_err(|_| Unreadable)?;
        datagram = datagram.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    Ok(())
}

/// Something that is no sequence of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unreadable;

/// The kernel's own words in an extended acknowledgement: attributes behind the header of the request it
/// answers (`NLMSGERR_ATTR_MSG` is type 1).
pub fn words(answer: &[u8]) -> Option<String> {
    const REQUEST_HEADER: usize = 16;
    const ATTRIBUTE_HEADER: usize = 4;
    const MESSAGE: u16 = 1;
    let mut rest = answer.get(REQUEST_HEADER..)?;
    while let Some(([l0, l1, t0, t1], body)) = rest.split_first_chunk() {
        let length = usize::from(u16::from_ne_bytes([*l0, *l1]));
        let text = body.get(..length.checked_sub(ATTRIBUTE_HEADER)?)?;
        if u16::from_ne_bytes([*t0, *t1]) == MESSAGE {
            let text = text.strip_suffix(&[0]).unwrap_or(text);
            return Some(String::from_utf8_lossy(text).into_owned());
        }
        rest = rest.get(length.next_multiple_of(4)..)?;
    }
    None
}

/// Bridges tell about their ports with link messages of a family of their own; those describe a port, and
/// their end is not the end of a link.
fn is_whole(message: &LinkMessage) -> bool {
    message.header.interface_family == AddressFamily::Unspec
}

fn link_fact(message: &LinkMessage) -> Option<LinkFact> {
    let flags = message.header.flags;
    let mut name = None;
    let mut mac = None;
    let mut mtu = None;
    for attribute in &message.attributes {
        match attribute {
            LinkAttribute::IfName(it) => name = Some(it.clone()),
            LinkAttribute::Address(octets) => mac = Some(octets.as_slice().try_into().ok().map(MacAddr)),
            LinkAttribute::Mtu(it) => mtu = Some(*it),
            _ => {}
        }
    }
    let link = Link {
        id: LinkId(message.header.index),
        name: name?,
        up: flags.contains(LinkFlags::Up | LinkFlags::Running),
        mac: mac.flatten(),
        multicast: flags.contains(LinkFlags::Multicast),
        arp: !flags.contains(LinkFlags::Noarp),
        loopback: flags.contains(LinkFlags::Loopback),
        mtu: mtu.unwrap_or_default(),
    };
    Some(LinkFact { link, has_mac: mac.is_some(), has_mtu: mtu.is_some() })
}

fn entry(message: &AddressMessage) -> Option<Entry> {
    let key = key(message)?;
    let mut spec = AddressSpec { scope: message.header.scope.into(), ..AddressSpec::default() };
    let mut ours = false;
    for attribute in &message.attributes {
        match attribute {
            AddressAttribute::Address(ip) if *ip != key.ip => spec.peer = Some(*ip),
            AddressAttribute::Broadcast(ip) => spec.broadcast = Some(*ip),
            AddressAttribute::Label(label) => spec.label = Some(label.clone()),
            AddressAttribute::Protocol(protocol) => ours = u8::from(*protocol) == OUR_PROTOCOL,
            _ => {}
        }
    }
    let secondary = key.ip.is_ipv4() && message.header.flags.contains(AddressHeaderFlags::Secondary);
    Some(Entry { key, spec, ours, secondary })
}

/// `IFA_LOCAL` is the address; where it is missing (IPv6 without a peer) `IFA_ADDRESS` is.
fn key(message: &AddressMessage) -> Option<AddressKey> {
    let mut local = None;
    let mut address = None;
    for attribute in &message.attributes {
        match attribute {
            AddressAttribute::Local(ip) => local = Some(*ip),
            AddressAttribute::Address(ip) => address = Some(*ip),
            _ => {}
        }
    }
    let ip: IpAddr = local.or(address)?;
    Some(AddressKey { link: LinkId(message.header.index), ip, prefix_len: message.header.prefix_len })
}
