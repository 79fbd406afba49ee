//! Links we make: what the kernel says of such links, and what to do for one that is wanted. Pure.

use keepalived_model::kernel::{Link, LinkKind, LinkName, LinkSpec, Refusal};
use keepalived_model::link::IpvlanMode;
use keepalived_model::{LinkId, MacAddr};
use netlink_packet_core::{NLM_F_ACK, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REQUEST, NetlinkMessage};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::link::{
    InfoData, InfoIpVlan, InfoKind, InfoMacVlan, IpVlanFlags, IpVlanMode, LinkAttribute, LinkFlags, LinkInfo,
    LinkMessage, MacVlanMode,
};

/// What a link that somebody made on top of another one is, as far as we could have made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Made {
    /// The link below.
    pub base: LinkId,
    /// What it is.
    pub kind: Kind,
    /// Its interface group.
    pub group: u32,
}

/// A kind we make, without the address, which the link itself has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A macvlan in private mode.
    Macvlan,
    /// An ipvlan of layer 2.
    Ipvlan(IpvlanMode),
}

/// What has to be done for one wanted, or unwanted, link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// There is nothing of ours, and nothing is wanted.
    Nothing,
    /// It is missing.
    Make,
    /// It is there; what can be changed on it is set again.
    Keep(LinkId),
    /// It must go.
    Remove(LinkId),
    /// It is of our making, but another one.
    Remake(LinkId),
    /// Somebody else has the name.
    Refuse(Refusal),
}

/// Compares what has the name with what is wanted. What somebody else made is used if it is as wanted, and is
/// neither changed nor removed otherwise.
pub fn decide(there: Option<There<'_>>, wanted: Option<&LinkSpec>) -> Step {
    match (there, wanted) {
        (None, None) => Step::Nothing,
        (None, Some(_)) => Step::Make,
        (Some(there), None) if there.is_ours() => Step::Remove(there.link.id),
        (Some(_), None) => Step::Nothing,
        (Some(there), Some(spec)) if there.is_alike(spec) => Step::Keep(there.link.id),
        (Some(there), Some(_)) if there.is_ours() => Step::Remake(there.link.id),
        (Some(_), Some(spec)) => Step::Refuse(taken(spec.kind)),
    }
}

/// What has the name of a link that is wanted, or is not.
#[derive(Clone, Copy, Debug)]
pub struct There<'a> {
    /// The link.
    pub link: &'a Link,
    /// What it is, if of a kind we make.
    pub made: Option<Made>,
    /// We made it.
    pub ours: bool,
}

impl There<'_> {
    /// We made it, or an earlier run did: nobody else gives links the addresses of virtual routers.
    fn is_ours(&self) -> bool {
        let of_router = |mac: MacAddr| matches!(mac.0, [0, 0, 0x5e, 0, 1 | 2, _]);
        self.made.is_some() && (self.ours || self.link.mac.is_some_and(of_router))
    }

    fn is_alike(&self, spec: &LinkSpec) -> bool {
        let Some(made) = self.made else { return false };
        let same_kind = match (made.kind, spec.kind) {
            (Kind::Macvlan, LinkKind::Macvlan(mac)) => self.link.mac == Some(mac),
            (Kind::Ipvlan(there), LinkKind::Ipvlan(wanted)) => there == wanted,
            (Kind::Macvlan, LinkKind::Ipvlan(_)) | (Kind::Ipvlan(_), LinkKind::Macvlan(_)) => false,
        };
        same_kind && made.base == spec.base
    }
}

/// Of what kind a link is, if of one we make.
pub fn made(attributes: &[LinkAttribute]) -> Option<Made> {
    let mut base = None;
    let mut kind = None;
    let mut group = 0;
    for attribute in attributes {
        match attribute {
            LinkAttribute::Link(id) => base = Some(LinkId(*id)),
            LinkAttribute::Group(number) => group = *number,
            LinkAttribute::LinkInfo(parts) => kind = kind_of(parts),
            _ => {}
        }
    }
    Some(Made { base: base?, kind: kind?, group })
}

/// The request for a new link. It is not up yet: that would show it to the neighbours before its settings are right.
pub fn creation(name: LinkName, spec: &LinkSpec) -> NetlinkMessage<RouteNetlinkMessage> {
    let mut message = LinkMessage::default();
    let attributes = &mut message.attributes;
    attributes.push(LinkAttribute::IfName(name.as_str().to_owned()));
    attributes.push(LinkAttribute::Link(spec.base.0));
    if spec.group != 0 {
        attributes.push(LinkAttribute::Group(spec.group));
    }
    let (kind, parts) = match spec.kind {
        LinkKind::Macvlan(mac) => {
            attributes.push(LinkAttribute::Address(mac.0.to_vec()));
            (InfoKind::MacVlan, InfoData::MacVlan(vec![InfoMacVlan::Mode(MacVlanMode::Private)]))
        }
        LinkKind::Ipvlan(mode) => {
            let flags = match mode {
                IpvlanMode::Bridge => IpVlanFlags::empty(),
                IpvlanMode::Private => IpVlanFlags::Private,
                IpvlanMode::Vepa => IpVlanFlags::Vepa,
            };
            let parts = vec![InfoIpVlan::Mode(IpVlanMode::L2), InfoIpVlan::Flags(flags)];
            (InfoKind::IpVlan, InfoData::IpVlan(parts))
        }
    };
    attributes.push(LinkAttribute::LinkInfo(vec![LinkInfo::Kind(kind), LinkInfo::Data(parts)]));
    request(RouteNetlinkMessage::NewLink(message), NLM_F_CREATE | NLM_F_EXCL)
}

/// The request that brings a link up and into its group.
pub fn activation(id: LinkId, group: u32) -> NetlinkMessage<RouteNetlinkMessage> {
    let mut message = LinkMessage::default();
    message.header.index = id.0;
    message.header.flags = LinkFlags::Up;
    message.header.change_mask = LinkFlags::Up;
    message.attributes.push(LinkAttribute::Group(group));
    request(RouteNetlinkMessage::SetLink(message), 0)
}

/// The request that removes a link.
pub fn removal(id: LinkId) -> NetlinkMessage<RouteNetlinkMessage> {
    let mut message = LinkMessage::default();
    message.header.index = id.0;
    request(RouteNetlinkMessage::DelLink(message), 0)
}

fn request(inner: RouteNetlinkMessage, flags: u16) -> NetlinkMessage<RouteNetlinkMessage> {
    let mut request = NetlinkMessage::from(inner);
    request.header.flags = NLM_F_REQUEST | NLM_F_ACK | flags;
    request
}

fn taken(wanted: LinkKind) -> Refusal {
    const EEXIST: i32 = 17;
    let what = match wanted {
        LinkKind::Macvlan(_) => "a private macvlan",
        LinkKind::Ipvlan(_) => "an l2 ipvlan",
    };
    let text = format!("another interface of this name exists, and is not {what} of ours");
    Refusal { errno: EEXIST, text }
}

fn kind_of(parts: &[LinkInfo]) -> Option<Kind> {
    let parts_of_kind = parts.iter().find_map(|part| match part {
        LinkInfo::Data(parts) => Some(parts),
        _ => None,
    })?;
    match parts_of_kind {
        InfoData::MacVlan(parts) if parts.contains(&InfoMacVlan::Mode(MacVlanMode::Private)) => {
            Some(Kind::Macvlan)
        }
        InfoData::IpVlan(parts) if parts.contains(&InfoIpVlan::Mode(IpVlanMode::L2)) => {
            let flags = parts.iter().find_map(|part| match part {
                InfoIpVlan::Flags(flags) => Some(*flags),
                _ => None,
            });
            let flags = flags.unwrap_or(IpVlanFlags::empty());
            Some(Kind::Ipvlan(match () {
                () if flags.contains(IpVlanFlags::Private) => IpvlanMode::Private,
                () if flags.contains(IpVlanFlags::Vepa) => IpvlanMode::Vepa,
                () => IpvlanMode::Bridge,
            }))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAC: MacAddr = MacAddr([0, 0, 0x5e, 0, 1, 51]);

    fn link(mac: MacAddr) -> Link {
        Link::ethernet(LinkId(7), "vrrp.51", mac)
    }

    fn spec(kind: LinkKind) -> LinkSpec {
        LinkSpec { base: LinkId(2), kind, group: 0, settings: Vec::new(), hushed: Vec::new() }
    }

    #[test]
    fn only_what_is_of_our_making_is_kept_replaced_or_removed() {
        let (plain, other) = (link(MAC), link(MacAddr([2, 0, 0, 0, 0, 1])));
        let wanted = spec(LinkKind::Macvlan(MAC));
        let made = |base, kind| Some(Made { base: LinkId(base), kind, group: 0 });
        let there = |link, made, ours| Some(There { link, made, ours });
        let here = made(2, Kind::Macvlan);
        let elsewhere = made(3, Kind::Macvlan);
        let vlan = made(2, Kind::Ipvlan(IpvlanMode::Bridge));
        let (keep, remake, remove) =
            (Step::Keep(LinkId(7)), Step::Remake(LinkId(7)), Step::Remove(LinkId(7)));
        let refuse = Step::Refuse(taken(wanted.kind));
        let table = [
            (None, None, Step::Nothing),
            (None, Some(&wanted), Step::Make),
            (there(&plain, here, false), Some(&wanted), keep.clone()),
            (there(&plain, here, true), Some(&wanted), keep),
            (there(&plain, here, true), None, remove.clone()),
            (there(&plain, here, false), None, remove),
            (there(&other, here, true), Some(&wanted), remake.clone()),
            (there(&other, here, false), Some(&wanted), refuse.clone()),
            (there(&other, here, false), None, Step::Nothing),
            (there(&plain, elsewhere, false), Some(&wanted), remake.clone()),
            (there(&other, vlan, true), Some(&wanted), remake),
            (there(&plain, None, true), Some(&wanted), refuse),
            (there(&plain, None, true), None, Step::Nothing),
        ];
        for (there, wanted, step) in table {
            assert_eq!(decide(there, wanted), step, "{there:?} {wanted:?}");
        }
    }

    #[test]
    fn what_is_asked_for_is_recognised_when_it_comes_back() {
        let name = LinkName::new("vrrp.51").expect("a name");
        let kinds = [
            (LinkKind::Macvlan(MAC), Kind::Macvlan),
            (LinkKind::Ipvlan(IpvlanMode::Bridge), Kind::Ipvlan(IpvlanMode::Bridge)),
            (LinkKind::Ipvlan(IpvlanMode::Private), Kind::Ipvlan(IpvlanMode::Private)),
            (LinkKind::Ipvlan(IpvlanMode::Vepa), Kind::Ipvlan(IpvlanMode::Vepa)),
        ];
        for (wanted, kind) in kinds {
            let mut message = creation(name, &LinkSpec { group: 4, ..spec(wanted) });
            message.finalize();
            let mut octets = vec![0; message.buffer_len()];
            message.serialize(&mut octets);
            let again = NetlinkMessage::<RouteNetlinkMessage>::deserialize(&octets).expect("our own words");
            let netlink_packet_core::NetlinkPayload::InnerMessage(RouteNetlinkMessage::NewLink(message)) =
                again.payload
            else {
                panic!("another message")
            };
            let expected = Made { base: LinkId(2), kind, group: 4 };
            assert_eq!(made(&message.attributes), Some(expected));
        }
    }

    #[test]
    fn links_of_other_kinds_and_modes_are_not_ours() {
        let parts = |parts| vec![LinkAttribute::Link(2), LinkAttribute::LinkInfo(parts)];
        let bridge = InfoData::MacVlan(vec![InfoMacVlan::Mode(MacVlanMode::Bridge)]);
        let layer3 = InfoData::IpVlan(vec![InfoIpVlan::Mode(IpVlanMode::L3)]);
        assert_eq!(made(&parts(vec![LinkInfo::Kind(InfoKind::MacVlan), LinkInfo::Data(bridge)])), None);
        assert_eq!(made(&parts(vec![LinkInfo::Kind(InfoKind::IpVlan), LinkInfo::Data(layer3)])), None);
        assert_eq!(made(&parts(vec![LinkInfo::Kind(InfoKind::Veth)])), None);
        assert_eq!(made(&[]), None);
    }
}
