//! From wishes to messages for the kernel.

use std::net::IpAddr;

use keepalived_model::kernel::{AddressKey, AddressSpec, OUR_PROTOCOL};
use netlink_packet_core::{
    NLM_F_ACK, NLM_F_CREATE, NLM_F_DUMP, NLM_F_REPLACE, NLM_F_REQUEST, NetlinkMessage,
};
use netlink_packet_route::address::{
    AddressAttribute, AddressFlags, AddressMessage, AddressProtocol, CacheInfo,
};
use netlink_packet_route::link::{LinkAttribute, LinkExtentMask, LinkMessage};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};

use crate::mirror::Verb;

/// A lifetime without end.
const FOREVER: u32 = u32::MAX;

/// A request about one address. The library's own requests would compute a broadcast address; ours say what
/// is wanted and nothing else (`spec` runtime 6.1).
pub fn request(verb: Verb, key: &AddressKey, spec: &AddressSpec) -> NetlinkMessage<RouteNetlinkMessage> {
    let message = address(key, spec);
    let (inner, flags) = match verb {
        Verb::Add => (RouteNetlinkMessage::NewAddress(message), NLM_F_CREATE | NLM_F_REPLACE),
        Verb::Remove => (RouteNetlinkMessage::DelAddress(message), 0),
    };
    let mut request = NetlinkMessage::from(inner);
    request.header.flags = NLM_F_REQUEST | NLM_F_ACK | flags;
    request
}

/// The request for all links, without the statistics nobody here reads.
pub fn all_links() -> NetlinkMessage<RouteNetlinkMessage> {
    let mut message = LinkMessage::default();
    message.attributes.push(LinkAttribute::ExtMask(vec![LinkExtentMask::SkipStats]));
    dump(RouteNetlinkMessage::GetLink(message))
}

/// The request for all addresses.
pub fn all_addresses() -> NetlinkMessage<RouteNetlinkMessage> {
    dump(RouteNetlinkMessage::GetAddress(AddressMessage::default()))
}

fn dump(inner: RouteNetlinkMessage) -> NetlinkMessage<RouteNetlinkMessage> {
    let mut request = NetlinkMessage::from(inner);
    request.header.flags = NLM_F_REQUEST | NLM_F_DUMP;
    request
}

fn address(key: &AddressKey, spec: &AddressSpec) -> AddressMessage {
    let mut message = AddressMessage::default();
    message.header.index = key.link.0;
    message.header.prefix_len = key.prefix_len;
    message.header.scope = spec.scope.into();
    let attributes = &mut message.attributes;
    attributes.push(AddressAttribute::Local(key.ip));
    attributes.push(AddressAttribute::Address(spec.peer.unwrap_or(key.ip)));
    attributes.push(AddressAttribute::Protocol(AddressProtocol::Other(OUR_PROTOCOL)));
    match key.ip {
        IpAddr::V4(_) => {
            message.header.family = AddressFamily::Inet;
            attributes.extend(spec.broadcast.map(AddressAttribute::Broadcast));
            attributes.extend(spec.label.clone().map(AddressAttribute::Label));
        }
        IpAddr::V6(_) => {
            message.header.family = AddressFamily::Inet6;
            attributes.push(AddressAttribute::Flags(AddressFlags::Nodad));
            if key.prefix_len == 128 {
                // Deprecated from the start, so that it is not chosen as a source address.
                let mut lifetime = CacheInfo::default();
                lifetime.ifa_valid = FOREVER;
                attributes.push(AddressAttribute::CacheInfo(lifetime));
            }
        }
    }
    message
}
