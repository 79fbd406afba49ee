//! From messages of the kernel to facts.

use std::net::IpAddr;

use keepalived_model::kernel::{AddressKey, AddressSpec, Lifetime, Link, OUR_PROTOCOL};
use keepalived_model::{LinkId, MacAddr};
use netlink_packet_core::{NetlinkBuffer, NetlinkHeader, NetlinkMessage, NetlinkPayload, Parseable as _};
use netlink_packet_route::address::{AddressAttribute, AddressFlags, AddressHeaderFlags, AddressMessage};
use netlink_packet_route::link::{
    AfSpecInet6, AfSpecUnspec, InfoData, InfoVrf, LinkAttribute, LinkFlags, LinkInfo, LinkMessage,
};
use netlink_packet_route::route::{RouteAddress, RouteAttribute, RouteMessage};
use netlink_packet_route::rule::{RuleAttribute, RuleMessage};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};

use crate::made;
use crate::mirror::{Detection, Entry, Fact, LinkFact};
use crate::routing::{Marked, Trace};

/// The fact one message states, if it is one we care for.
pub fn fact(message: &RouteNetlinkMessage) -> Option<Fact> {
    match message {
        RouteNetlinkMessage::NewLink(link) if is_whole(link) => link_fact(link).map(Fact::Link),
        RouteNetlinkMessage::DelLink(link) if is_whole(link) => {
            Some(Fact::LinkGone(LinkId(link.header.index)))
        }
        RouteNetlinkMessage::NewAddress(address) => entry(address).map(Fact::Address),
        RouteNetlinkMessage::DelAddress(address) => key(address).map(Fact::AddressGone),
        RouteNetlinkMessage::NewRoute(route) | RouteNetlinkMessage::DelRoute(route) => {
            Some(Fact::Routing(route_trace(route)))
        }
        RouteNetlinkMessage::NewRule(rule) | RouteNetlinkMessage::DelRule(rule) => {
            Some(Fact::Routing(rule_trace(rule)))
        }
        _ => None,
    }
}

/// A route or rule with our mark.
pub fn marked(message: RouteNetlinkMessage) -> Option<Marked> {
    let ours = OUR_PROTOCOL.into();
    match message {
        RouteNetlinkMessage::NewRoute(route) if route.header.protocol == ours => Some(Marked::Route(route)),
        RouteNetlinkMessage::NewRule(rule) if rule.attributes.contains(&RuleAttribute::Protocol(ours)) => {
            Some(Marked::Rule(rule))
        }
        _ => None,
    }
}

/// One datagram of events: the facts in it, each with the port of the socket that caused it. `Err` when it
/// cannot be read to its end, so that something may be missing.
pub fn events(mut datagram: &[u8], mut each: impl FnMut(u32, Fact)) -> Result<(), Unreadable> {
    while !datagram.is_empty() {
        let header = match NetlinkMessage::<RouteNetlinkMessage>::deserialize(datagram) {
            Ok(message) => {
                if let NetlinkPayload::InnerMessage(inner) = &message.payload
                    && let Some(fact) = fact(inner)
                {
                    each(message.header.port_number, fact);
                }
                message.header
            }
            // Others may have routes that nobody here knows to read, and many of them.
            Err(_) => {
                let buffer = NetlinkBuffer::new_checked(datagram).map_err(|_| Unreadable)?;
                let header = NetlinkHeader::parse(&buffer).map_err(|_| Unreadable)?;
                let length = usize::try_from(header.length).map_err(|_| Unreadable)?;
                if !ROUTING.contains(&header.message_type) || datagram.len() < length || length < HEADER {
                    return Err(Unreadable);
                }
                each(header.port_number, Fact::Routing(Trace::Unreadable));
                header
            }
        };
        let length = usize::try_from(header.length).map_err(|_| Unreadable)?;
        datagram = datagram.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    Ok(())
}

/// `RTM_NEWROUTE`, `RTM_DELROUTE`, `RTM_NEWRULE`, `RTM_DELRULE`.
const ROUTING: [u16; 4] = [24, 25, 32, 33];
/// Octets of a message's header.
const HEADER: usize = 16;

/// What an event about a route says about itself.
pub fn route_trace(message: &RouteMessage) -> Trace {
    let address = message.attributes.iter().find_map(|attribute| match attribute {
        RouteAttribute::Destination(RouteAddress::Inet(ip)) => Some(IpAddr::V4(*ip)),
        RouteAttribute::Destination(RouteAddress::Inet6(ip)) => Some(IpAddr::V6(*ip)),
        _ => None,
    });
    let header = &message.header;
    Trace::Route(address, header.destination_prefix_length, header.address_family == AddressFamily::Inet6)
}

/// What an event about a rule says about itself.
pub fn rule_trace(message: &RuleMessage) -> Trace {
    let preference = message.attributes.iter().find_map(|attribute| match attribute {
        RuleAttribute::Priority(preference) => Some(*preference),
        _ => None,
    });
    Trace::Rule(preference.unwrap_or_default(), message.header.family == AddressFamily::Inet6)
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
    let mut forwards_ipv6 = None;
    for attribute in &message.attributes {
        match attribute {
            LinkAttribute::IfName(it) => name = Some(it.clone()),
            LinkAttribute::Address(octets) => mac = Some(octets.as_slice().try_into().ok().map(MacAddr)),
            LinkAttribute::Mtu(it) => mtu = Some(*it),
            LinkAttribute::AfSpecUnspec(families) => forwards_ipv6 = forwards(families),
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
        forwards_ipv6: forwards_ipv6.unwrap_or_default(),
        vrf_table: vrf_table(&message.attributes),
        mtu: mtu.unwrap_or_default(),
    };
    let made = made::made(&message.attributes);
    let (has_mac, has_mtu, has_forwarding) = (mac.is_some(), mtu.is_some(), forwards_ipv6.is_some());
    Some(LinkFact { link, has_mac, has_mtu, has_forwarding, made })
}

/// The table of a VRF.
fn vrf_table(attributes: &[LinkAttribute]) -> Option<u32> {
    attributes.iter().find_map(|attribute| match attribute {
        LinkAttribute::LinkInfo(parts) => parts.iter().find_map(|part| match part {
            LinkInfo::Data(InfoData::Vrf(said)) => said.iter().find_map(|said| match said {
                InfoVrf::TableId(table) => Some(*table),
                _ => None,
            }),
            _ => None,
        }),
        _ => None,
    })
}

/// Whether IPv6 is forwarded, if that is said.
fn forwards(families: &[AfSpecUnspec]) -> Option<bool> {
    let ipv6 = families.iter().find_map(|family| match family {
        AfSpecUnspec::Inet6(ipv6) => Some(ipv6),
        _ => None,
    });
    ipv6?.iter().find_map(|said| match said {
        AfSpecInet6::DevConf(settings) => Some(settings.forwarding != 0),
        _ => None,
    })
}

fn entry(message: &AddressMessage) -> Option<Entry> {
    let key = key(message)?;
    let mut spec = AddressSpec { scope: message.header.scope.into(), ..AddressSpec::default() };
    let (mut ours, mut detection) = (false, Detection::Passed);
    for attribute in &message.attributes {
        match attribute {
            AddressAttribute::Address(ip) if *ip != key.ip => spec.peer = Some(*ip),
            AddressAttribute::Broadcast(ip) => spec.broadcast = Some(*ip),
            AddressAttribute::Label(label) => spec.label = Some(label.clone()),
            AddressAttribute::Protocol(protocol) => ours = u8::from(*protocol) == OUR_PROTOCOL,
            AddressAttribute::Flags(flags) => {
                spec.home = flags.contains(AddressFlags::Homeaddress);
                spec.manages_temporary = flags.contains(AddressFlags::Managetempaddr);
                spec.no_prefix_route = flags.contains(AddressFlags::Noprefixroute);
                spec.auto_join = flags.contains(AddressFlags::Mcautojoin);
                detection = detected(*flags);
                spec.detects_duplicates = key.ip.is_ipv6() && !flags.contains(AddressFlags::Nodad);
            }
            AddressAttribute::CacheInfo(life) if key.ip.is_ipv6() && life.ifa_preferred != u32::MAX => {
                spec.preferred = Lifetime::Seconds(life.ifa_preferred);
            }
            _ => {}
        }
    }
    let secondary = key.ip.is_ipv4() && message.header.flags.contains(AddressHeaderFlags::Secondary);
    Some(Entry { key, spec, ours, secondary, detection })
}

/// An optimistic address may be used while the neighbors are being asked.
fn detected(flags: AddressFlags) -> Detection {
    let has = |flag| flags.contains(flag);
    match (has(AddressFlags::Dadfailed), has(AddressFlags::Tentative), has(AddressFlags::Optimistic)) {
        (true, ..) => Detection::Failed,
        (false, true, false) => Detection::Running,
        (false, false, _) | (false, true, true) => Detection::Passed,
    }
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

#[cfg(test)]
mod tests {
    use netlink_packet_route::address::AddressFlags;

    use super::*;

    /// An event as the kernel sends it, in octets.
    fn octets(inner: RouteNetlinkMessage, port: u32) -> Vec<u8> {
        let mut message = NetlinkMessage::from(inner);
        message.header.port_number = port;
        message.finalize();
        let mut octets = vec![0; message.buffer_len()];
        message.serialize(&mut octets);
        octets.resize(octets.len().next_multiple_of(4), 0);
        octets
    }

    fn address_message() -> AddressMessage {
        let mut message = AddressMessage::default();
        message.header.family = AddressFamily::Inet;
        message.header.index = 2;
        message.header.prefix_len = 24;
        message.header.flags = AddressHeaderFlags::Secondary;
        message.attributes = vec![
            AddressAttribute::Address([10, 9, 9, 9].into()),
            AddressAttribute::Local([10, 9, 0, 101].into()),
            AddressAttribute::Broadcast([10, 9, 0, 255].into()),
            AddressAttribute::Label("d0:v1".to_owned()),
            AddressAttribute::Protocol(OUR_PROTOCOL.into()),
            AddressAttribute::Flags(AddressFlags::Permanent),
        ];
        message
    }

    fn link_message() -> LinkMessage {
        let mut message = LinkMessage::default();
        message.header.index = 2;
        message.header.flags = LinkFlags::Up | LinkFlags::Running | LinkFlags::Multicast;
        message.attributes = vec![
            LinkAttribute::IfName("d0".to_owned()),
            LinkAttribute::Mtu(1500),
            LinkAttribute::Address(vec![2, 0, 0, 0, 0, 1]),
        ];
        message
    }

    fn read(datagram: &[u8]) -> Result<Vec<(u32, Fact)>, Unreadable> {
        let mut facts = Vec::new();
        events(datagram, |port, fact| facts.push((port, fact))).map(|()| facts)
    }

    #[test]
    fn a_datagram_of_several_messages_is_read_to_its_end() {
        let key = AddressKey { link: LinkId(2), ip: [10, 9, 0, 101].into(), prefix_len: 24 };
        let spec = AddressSpec {
            scope: 0,
            broadcast: Some([10, 9, 0, 255].into()),
            label: Some("d0:v1".to_owned()),
            peer: Some([10, 9, 9, 9].into()),
            ..AddressSpec::default()
        };
        let link = Link::ethernet(LinkId(2), "d0", MacAddr([2, 0, 0, 0, 0, 1]));
        let datagram = [
            octets(RouteNetlinkMessage::NewLink(link_message()), 0),
            octets(RouteNetlinkMessage::NewAddress(address_message()), 77),
            octets(RouteNetlinkMessage::DelAddress(address_message()), 78),
            octets(RouteNetlinkMessage::DelLink(link_message()), 0),
        ];
        let expected = vec![
            (
                0,
                Fact::Link(LinkFact {
                    link,
                    has_mac: true,
                    has_mtu: true,
                    has_forwarding: false,
                    made: None,
                }),
            ),
            (
                77,
                Fact::Address(Entry { key, spec, ours: true, secondary: true, detection: Detection::Passed }),
            ),
            (78, Fact::AddressGone(key)),
            (0, Fact::LinkGone(LinkId(2))),
        ];
        assert_eq!(read(&datagram.concat()), Ok(expected));
    }

    #[test]
    fn a_vrf_has_a_table() {
        let mut message = link_message();
        let said = InfoData::Vrf(vec![InfoVrf::TableId(42)]);
        let parts = vec![LinkInfo::Kind(netlink_packet_route::link::InfoKind::Vrf), LinkInfo::Data(said)];
        message.attributes.push(LinkAttribute::LinkInfo(parts));
        let facts = read(&octets(RouteNetlinkMessage::NewLink(message), 0)).expect("it was just written");
        let [(0, Fact::Link(fact))] = facts.as_slice() else { panic!("{facts:?}") };
        assert_eq!(fact.link.vrf_table, Some(42));
    }

    #[test]
    fn what_a_bridge_says_about_its_port_says_nothing_about_the_link() {
        let mut message = link_message();
        message.header.interface_family = AddressFamily::Bridge;
        assert_eq!(read(&octets(RouteNetlinkMessage::DelLink(message.clone()), 0)), Ok(vec![]));
        assert_eq!(read(&octets(RouteNetlinkMessage::NewLink(message), 0)), Ok(vec![]));
    }

    #[test]
    fn a_link_is_up_only_with_carrier() {
        let table = [
            (LinkFlags::Up | LinkFlags::Running, true),
            (LinkFlags::Up, false),
            (LinkFlags::Running, false),
            (LinkFlags::empty(), false),
        ];
        for (flags, up) in table {
            let mut message = link_message();
            message.header.flags = flags;
            assert_eq!(link_fact(&message).map(|fact| fact.link.up), Some(up), "{flags}");
        }
    }

    #[test]
    fn a_cut_datagram_is_unreadable_and_a_damaged_one_harmless() {
        let address = octets(RouteNetlinkMessage::NewAddress(address_message()), 0);
        let link = octets(RouteNetlinkMessage::NewLink(link_message()), 0);
        for whole in [address, link] {
            for length in 1..whole.len().saturating_sub(3) {
                assert_eq!(read(&whole[..length]), Err(Unreadable), "{length} of {}", whole.len());
            }
            let mut unreadable = 0;
            for bit in 0..whole.len() * 8 {
                let mut damaged = whole.clone();
                damaged[bit / 8] ^= 1 << (bit % 8);
                unreadable += u32::from(read(&damaged).is_err());
            }
            assert!(unreadable > 0, "some damage is seen");
        }
    }

    #[test]
    fn the_kernels_words_are_found_behind_the_request_header() {
        let mut answer = vec![0; 16];
        answer.extend([8, 0, 2, 0, 24, 0, 0, 0]);
        answer.extend([9, 0, 1, 0, b'n', b'o', b'p', b'e', 0, 0, 0, 0]);
        assert_eq!(words(&answer).as_deref(), Some("nope"));
        for length in 0..answer.len() {
            let found = words(&answer[..length]);
            assert_eq!(found.is_some(), length >= 33, "{length}");
        }
        let endless = [vec![0; 16], vec![0, 0, 9, 0, 1, 1, 1, 1]].concat();
        assert_eq!(words(&endless), None);
    }
}
