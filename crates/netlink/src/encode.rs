//! From wishes to messages for the kernel.

pub mod route;
pub mod rule;

use std::net::IpAddr;

use keepalived_model::kernel::{AddressKey, AddressSpec, Key, Lifetime, OUR_PROTOCOL, Spec};
use keepalived_model::route::Insertion;
use keepalived_model::vrrp::Family;
use netlink_packet_core::{
    NLM_F_ACK, NLM_F_APPEND, NLM_F_CREATE, NLM_F_DUMP, NLM_F_EXCL, NLM_F_REPLACE, NLM_F_REQUEST,
    NetlinkMessage,
};
use netlink_packet_route::address::{
    AddressAttribute, AddressFlags, AddressMessage, AddressProtocol, CacheInfo,
};
use netlink_packet_route::link::{LinkAttribute, LinkExtentMask, LinkMessage};
use netlink_packet_route::route::RouteMessage;
use netlink_packet_route::rule::RuleMessage;
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};

use crate::mirror::Verb;
use crate::routing::List;

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

/// A request about a route or rule; none where key and spec do not belong together.
pub fn routing(verb: Verb, key: &Key, spec: Option<&Spec>) -> Option<NetlinkMessage<RouteNetlinkMessage>> {
    let (inner, flags) = match (verb, key, spec) {
        (Verb::Add, Key::Route(key), Some(Spec::Route(spec))) => {
            let flags = match spec.route.insertion {
                Insertion::Add => NLM_F_CREATE | NLM_F_EXCL,
                Insertion::Append => NLM_F_CREATE | NLM_F_APPEND,
                Insertion::Prepend => NLM_F_CREATE,
            };
            (RouteNetlinkMessage::NewRoute(route::whole(key, spec)), flags)
        }
        (Verb::Remove, Key::Route(key), _) => (RouteNetlinkMessage::DelRoute(route::identity(key)), 0),
        (Verb::Add, Key::Rule(rule), _) => {
            (RouteNetlinkMessage::NewRule(rule::whole(rule)), NLM_F_CREATE | NLM_F_EXCL)
        }
        (Verb::Remove, Key::Rule(rule), _) => (RouteNetlinkMessage::DelRule(rule::whole(rule)), 0),
        (Verb::Add | Verb::Remove, _, _) => return None,
    };
    let mut request = NetlinkMessage::from(inner);
    request.header.flags = NLM_F_REQUEST | NLM_F_ACK | flags;
    Some(request)
}

/// The request for everything with our mark in one list; rules cannot be chosen by their mark.
pub fn all_marked(list: List) -> NetlinkMessage<RouteNetlinkMessage> {
    let family = |family| match family {
        Family::V4 => AddressFamily::Inet,
        Family::V6 => AddressFamily::Inet6,
    };
    match list {
        List::Routes(of) => {
            let mut message = RouteMessage::default();
            message.header.address_family = family(of);
            message.header.protocol = OUR_PROTOCOL.into();
            dump(RouteNetlinkMessage::GetRoute(message))
        }
        List::Rules(of) => {
            let mut message = RuleMessage::default();
            message.header.family = family(of);
            dump(RouteNetlinkMessage::GetRule(message))
        }
    }
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
            if let Lifetime::Seconds(seconds) = spec.preferred {
                // Usually none: deprecated from the start, so that it is not chosen as a source address.
                let mut lifetime = CacheInfo::default();
                lifetime.ifa_preferred = seconds;
                lifetime.ifa_valid = FOREVER;
                attributes.push(AddressAttribute::CacheInfo(lifetime));
            }
        }
    }
    let flags = flags(key.ip, spec);
    if !flags.is_empty() {
        attributes.push(AddressAttribute::Flags(flags));
    }
    message
}

fn flags(ip: IpAddr, spec: &AddressSpec) -> AddressFlags {
    let all = [
        (ip.is_ipv6() && !spec.detects_duplicates, AddressFlags::Nodad),
        (ip.is_ipv6() && spec.home, AddressFlags::Homeaddress),
        (ip.is_ipv6() && spec.manages_temporary, AddressFlags::Managetempaddr),
        (spec.no_prefix_route, AddressFlags::Noprefixroute),
        (spec.auto_join, AddressFlags::Mcautojoin),
    ];
    all.into_iter().filter(|(set, _)| *set).fold(AddressFlags::empty(), |flags, (_, flag)| flags | flag)
}
