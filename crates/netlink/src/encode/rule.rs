//! Rules as messages.

use keepalived_model::route::Prefix;
use keepalived_model::rule::{Action, Numbers, Rule};
use keepalived_model::vrrp::Family;
use netlink_packet_route::AddressFamily;
use netlink_packet_route::route::RouteRealm;
use netlink_packet_route::rule::{
    RuleAction, RuleAttribute, RuleFlags, RuleMessage, RulePortRange, RuleUidRange,
};

/// A rule, for adding as for removing: everything is identity.
pub fn whole(rule: &Rule) -> RuleMessage {
    let mut message = RuleMessage::default();
    let header = &mut message.header;
    header.family = match rule.family {
        Family::V4 => AddressFamily::Inet,
        Family::V6 => AddressFamily::Inet6,
    };
    header.src_len = rule.from.map_or(0, |prefix| prefix.len);
    header.dst_len = rule.to.map_or(0, |prefix| prefix.len);
    header.tos = rule.tos;
    header.flags = if rule.inverted { RuleFlags::Invert } else { RuleFlags::empty() };
    let (action, target) = action(rule.action);
    header.action = action;
    let address = |prefix: Option<Prefix>| prefix.filter(|prefix| prefix.len > 0).map(|prefix| prefix.ip);
    let attributes = &mut message.attributes;
    attributes.push(RuleAttribute::Priority(rule.preference));
    attributes.extend(address(rule.from).map(RuleAttribute::Source));
    attributes.extend(address(rule.to).map(RuleAttribute::Destination));
    if let Some(mark) = rule.mark {
        attributes.push(RuleAttribute::FwMark(mark.value));
        attributes.extend(mark.mask.map(RuleAttribute::FwMask));
    }
    attributes.extend(rule.incoming.clone().map(RuleAttribute::Iifname));
    attributes.extend(rule.outgoing.clone().map(RuleAttribute::Oifname));
    let realms =
        rule.realms.map(|realms| RouteRealm { source: realms.from.into(), destination: realms.to.into() });
    attributes.extend(realms.map(RuleAttribute::Realm));
    attributes.extend(rule.suppress_prefix_len.map(RuleAttribute::SuppressPrefixLen));
    attributes.extend(rule.suppress_group.map(RuleAttribute::SuppressIfGroup));
    attributes.extend(rule.tunnel_id.map(RuleAttribute::TunId));
    let users = rule.users.map(|Numbers { first, last }| RuleUidRange { start: first, end: last });
    attributes.extend(users.map(RuleAttribute::UidRange));
    attributes.extend(rule.ip_protocol.map(|it| RuleAttribute::IpProtocol(i32::from(it).into())));
    attributes.extend(rule.source_ports.map(ports).map(RuleAttribute::SourcePortRange));
    attributes.extend(rule.destination_ports.map(ports).map(RuleAttribute::DestinationPortRange));
    attributes.push(RuleAttribute::Protocol(rule.protocol.into()));
    attributes.extend(target);
    message
}

fn ports(Numbers { first, last }: Numbers<u16>) -> RulePortRange {
    RulePortRange { start: first, end: last }
}

fn action(action: Action) -> (RuleAction, Option<RuleAttribute>) {
    match action {
        Action::Table(table) => (RuleAction::ToTable, Some(RuleAttribute::Table(table))),
        Action::Goto(preference) => (RuleAction::Goto, Some(RuleAttribute::Goto(preference))),
        Action::Nop => (RuleAction::Nop, None),
        Action::Blackhole => (RuleAction::Blackhole, None),
        Action::Unreachable => (RuleAction::Unreachable, None),
        Action::Prohibit => (RuleAction::Prohibit, None),
        Action::Vrf => (RuleAction::ToTable, Some(RuleAttribute::L3MDev(true))),
    }
}
