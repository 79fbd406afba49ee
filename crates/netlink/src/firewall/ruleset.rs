//! Tables, sets, chains and rules as messages. The rules are the original's, expression by expression
//! (`spec` runtime 6.4), so that `nft list ruleset` says the same.

use std::net::IpAddr;

use keepalived_model::LinkId;
use keepalived_model::kernel::Barred;
use keepalived_model::vrrp::Family;
use netlink_packet_core::{DefaultNla, NLM_F_APPEND, NLM_F_CREATE};
use netlink_packet_netfilter::nftables::{
    Bitwise, ChainAttribute, ChainMessage, Cmp, DataAttribute, Expressions, Hook, HookNumber, Immediate,
    InetHookNumber, ListAttribute, Lookup, Meta, MetaKey, NfTablesMessage, Operator, Payload, Register,
    RuleAttribute, RuleMessage, SetAttribute, SetDescription, SetElementAttribute, SetElementList,
    SetElementMessage, SetFlags, SetMessage, TableAttribute, TableMessage, Verdict, VerdictAttribute,
};
use netlink_packet_netfilter::{NetfilterHeader, NetfilterMessage, NetfilterProtoFamily};

use super::{Hushed, Parts, Tables};

/// One message of a transaction.
pub struct Message {
    /// `NLM_F_…` besides request and acknowledgement.
    pub flags: u16,
    /// What is asked.
    pub body: NetfilterMessage,
}

/// What sets and maps are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Element {
    /// An address.
    Barred(Barred),
    /// A link.
    Hushed(Hushed),
}

impl Element {
    /// Whose table it is in.
    pub fn family(&self) -> Family {
        match self {
            Self::Barred(barred) => Family::of(barred.ip),
            Self::Hushed(hushed) => hushed.family,
        }
    }
}

/// The map from VMACs to their bases.
const BASES: &str = "vmac_map";
/// The set of VMACs.
const VMACS: &str = "vmac_set";
/// The set of barred addresses.
const BARRED: &str = "vips";
/// The set of barred link-local addresses, each with its interface.
const BARRED_LINK_LOCAL: &str = "vips_link_local";
/// The set of ICMPv6 types without which nobody finds anybody.
const NEIGHBOR_DISCOVERY: &str = "neighbor-discovery";
const MEMBERSHIP_REPORT: u8 = 143;
const ROUTER_SOLICITATION: u8 = 133;
const NEIGHBOR_SOLICITATION: u8 = 135;
const NEIGHBOR_ADVERTISEMENT: u8 = 136;
const OUT: &str = "out";
const IN: &str = "in";
const OUT_LINK_LOCAL: &str = "out_link_local";
const IN_LINK_LOCAL: &str = "in_link_local";

/// What `nft` notes about the order of octets in sets and maps.
const KEY: u8 = 0;
const VALUE: u8 = 1;
const HOST_ORDER: u32 = 1;

/// What `nft` calls the types of sets; the kernel keeps them for it.
mod data_type {
    pub const IPV4: u32 = 7;
    pub const IPV6: u32 = 8;
    pub const INTERFACE: u32 = 20;
    pub const ICMPV6: u32 = 29;
    /// A pair has the type of its first part in front of that of its second.
    pub const IPV6_AND_INTERFACE: u32 = IPV6 << 6 | INTERFACE;
}

/// The table anew: a transaction that leaves nothing of an older one.
pub fn table(tables: &Tables, family: Family, parts: Parts, elements: &[Element]) -> Vec<Message> {
    let mut ask = Ask { tables, family, messages: no_table(tables, family) };
    ask.add(NfTablesMessage::NewTable(named(tables)));
    if parts.hushed {
        ask.rules_of_vmacs();
    } else {
        ask.chain(OUT, Some(InetHookNumber::LocalOut));
    }
    match family {
        _ if !parts.barred => {}
        Family::V4 => {
            ask.set(1, BARRED, data_type::IPV4, 4, SetFlags::empty());
            ask.chain(IN, Some(InetHookNumber::LocalIn));
            for (chain, side) in [(OUT, Side::Source), (IN, Side::Destination)] {
                ask.rule(chain, vec![address(family, side), look_up(BARRED)], drop_it());
            }
        }
        Family::V6 => ask.rules_of_ipv6(),
    }
    for one in elements {
        ask.messages.extend(element(tables, one, true));
    }
    ask.messages
}

/// Makes sure that there is no such table: that it is there first keeps its removal from being refused.
pub fn no_table(tables: &Tables, family: Family) -> Vec<Message> {
    let mut ask = Ask { tables, family, messages: Vec::new() };
    ask.add(NfTablesMessage::NewTable(named(tables)));
    ask.push(0, NfTablesMessage::DeleteTable(named(tables)));
    ask.messages
}

/// One element more or less in a table that is there.
pub fn element(tables: &Tables, element: &Element, add: bool) -> Vec<Message> {
    let mut ask = Ask { tables, family: element.family(), messages: Vec::new() };
    let number = |link: LinkId| link.0.to_ne_bytes().to_vec();
    match element {
        Element::Barred(Barred { ip: IpAddr::V4(ip), .. }) => {
            ask.element(BARRED, ip.octets().to_vec(), None, add);
        }
        Element::Barred(Barred { ip: IpAddr::V6(ip), link: None }) => {
            ask.element(BARRED, ip.octets().to_vec(), None, add);
        }
        Element::Barred(Barred { ip: IpAddr::V6(ip), link: Some(link) }) => {
            let key = ip.octets().into_iter().chain(number(*link)).collect();
            ask.element(BARRED_LINK_LOCAL, key, None, add);
        }
        Element::Hushed(Hushed { family, link, base }) => {
            ask.element(BASES, number(*link), Some(number(*base)), add);
            if *family == Family::V6 {
                ask.element(VMACS, number(*link), None, add);
            }
        }
    }
    ask.messages
}

struct Ask<'t> {
    tables: &'t Tables,
    family: Family,
    messages: Vec<Message>,
}

impl Ask<'_> {
    fn push(&mut self, flags: u16, message: NfTablesMessage) {
        let family = match self.family {
            Family::V4 => NetfilterProtoFamily::IPv4,
            Family::V6 => NetfilterProtoFamily::IPv6,
        };
        let body = NetfilterMessage::new(NetfilterHeader::new(family, 0, 0), message);
        self.messages.push(Message { flags, body });
    }

    fn add(&mut self, message: NfTablesMessage) {
        self.push(NLM_F_CREATE, message);
    }

    fn set(&mut self, id: u32, name: &str, key_type: u32, key_len: u32, flags: SetFlags) {
        let mut attributes = vec![
            SetAttribute::Table(self.tables.name.clone()),
            SetAttribute::Name(name.to_owned()),
            SetAttribute::Flags(flags),
            SetAttribute::KeyType(key_type),
            SetAttribute::KeyLen(key_len),
            SetAttribute::Id(id),
        ];
        if flags.contains(SetFlags::Constant) {
            attributes.push(SetAttribute::Description(vec![SetDescription::Size(2)]));
        }
        if key_type == data_type::INTERFACE {
            // For `nft`, which would take numbers of interfaces for big-endian ones otherwise.
            let parts: &[u8] = if flags.contains(SetFlags::Map) { &[KEY, VALUE] } else { &[KEY] };
            let host_order = HOST_ORDER.to_ne_bytes();
            let notes = parts.iter().flat_map(|part| [&[*part, 4], host_order.as_slice()].concat());
            attributes.push(SetAttribute::UserData(notes.collect()));
        }
        if flags.contains(SetFlags::Map) {
            // From links to links.
            attributes.extend([SetAttribute::DataType(key_type), SetAttribute::DataLen(key_len)]);
        }
        self.add(NfTablesMessage::NewSet(SetMessage { attributes }));
    }

    fn element(&mut self, set: &str, key: Vec<u8>, value: Option<Vec<u8>>, add: bool) {
        let message = elements(&self.tables.name, set, vec![(key, value)]);
        if add {
            self.add(NfTablesMessage::NewSetElement(message));
        } else {
            self.push(0, NfTablesMessage::DeleteSetElement(message));
        }
    }

    fn chain(&mut self, name: &str, hook: Option<InetHookNumber>) {
        let mut attributes =
            vec![ChainAttribute::Table(self.tables.name.clone()), ChainAttribute::Name(name.to_owned())];
        if let Some(hook) = hook {
            let priority = self.tables.priority.cast_unsigned();
            let hook = vec![Hook::Number(HookNumber::Inet(hook)), Hook::Priority(priority)];
            attributes.extend([
                ChainAttribute::Hook(hook),
                ChainAttribute::Policy(ACCEPT),
                ChainAttribute::Type("filter".to_owned()),
            ]);
        }
        self.add(NfTablesMessage::NewChain(ChainMessage { attributes }));
    }

    fn rule(&mut self, chain: &str, mut matches: Vec<Expressions>, verdict: Expressions) {
        if self.tables.counters {
            matches
                .push(Expressions::Other { expression_type: "counter".to_owned(), attributes: Vec::new() });
        }
        matches.push(verdict);
        let attributes = vec![
            RuleAttribute::Table(self.tables.name.clone()),
            RuleAttribute::Chain(chain.to_owned()),
            RuleAttribute::Expressions(matches.into_iter().map(ListAttribute::from).collect()),
        ];
        self.push(NLM_F_CREATE | NLM_F_APPEND, NfTablesMessage::NewRule(RuleMessage { attributes }));
    }

    /// The chain for what goes out, with what is said of VMACs in it.
    fn rules_of_vmacs(&mut self) {
        self.set(4, BASES, data_type::INTERFACE, 4, SetFlags::Map);
        if self.family == Family::V6 {
            self.set(5, VMACS, data_type::INTERFACE, 4, SetFlags::empty());
        }
        self.chain(OUT, Some(InetHookNumber::LocalOut));
        let report = match self.family {
            Family::V4 => igmp(),
            Family::V6 => icmpv6(MEMBERSHIP_REPORT),
        };
        let destination = address(self.family, Side::Destination);
        let dup = [vec![destination], from_vmac(), vec![interface(MetaKey::Oif), base(), copy()]].concat();
        self.rule(OUT, [report, dup].concat(), drop_it());
        if self.family == Family::V6 {
            let ours = vec![interface(MetaKey::Oif), look_up_from(Register::Reg2, VMACS)];
            self.rule(OUT, [icmpv6(ROUTER_SOLICITATION), from_vmac(), ours].concat(), drop_it());
        }
    }

    fn rules_of_ipv6(&mut self) {
        self.set(1, BARRED, data_type::IPV6, 16, SetFlags::empty());
        self.set(2, NEIGHBOR_DISCOVERY, data_type::ICMPV6, 1, SetFlags::Constant);
        let types = [NEIGHBOR_SOLICITATION, NEIGHBOR_ADVERTISEMENT].map(|kind| (vec![kind], None)).to_vec();
        self.add(NfTablesMessage::NewSetElement(elements(&self.tables.name, NEIGHBOR_DISCOVERY, types)));
        self.set(3, BARRED_LINK_LOCAL, data_type::IPV6_AND_INTERFACE, 20, SetFlags::empty());
        self.chain(IN, Some(InetHookNumber::LocalIn));
        self.chain(IN_LINK_LOCAL, None);
        self.chain(OUT_LINK_LOCAL, None);
        let sides = [
            (OUT, OUT_LINK_LOCAL, Side::Source, MetaKey::Oif),
            (IN, IN_LINK_LOCAL, Side::Destination, MetaKey::Iif),
        ];
        for (chain, link_local, side, interface) in sides {
            let address = || address(Family::V6, side);
            self.rule(chain, neighbor_discovery(), verdict(ACCEPT, None));
            let goto = verdict(Verdict::Goto.into(), Some(link_local));
            self.rule(chain, [vec![address()], within_link_local()].concat(), goto);
            self.rule(chain, vec![address(), look_up(BARRED)], drop_it());
            self.rule(
                link_local,
                vec![address(), self::interface(interface), look_up(BARRED_LINK_LOCAL)],
                drop_it(),
            );
        }
    }
}

fn named(tables: &Tables) -> TableMessage {
    TableMessage { attributes: vec![TableAttribute::Name(tables.name.clone())] }
}

/// Keys of a set, or keys with values of a map.
fn elements(table: &str, set: &str, elements: Vec<(Vec<u8>, Option<Vec<u8>>)>) -> SetElementMessage {
    let element = |(key, value): (Vec<u8>, Option<Vec<u8>>)| {
        let key = SetElementAttribute::Key(DataAttribute::Value(key));
        let value = value.map(|value| SetElementAttribute::Data(DataAttribute::Value(value)));
        ListAttribute::Element([Some(key), value].into_iter().flatten().collect())
    };
    SetElementMessage {
        attributes: vec![
            SetElementList::Table(table.to_owned()),
            SetElementList::Set(set.to_owned()),
            SetElementList::Elements(elements.into_iter().map(element).collect()),
        ],
    }
}

/// Which address of a packet.
#[derive(Clone, Copy)]
enum Side {
    Source,
    Destination,
}

/// Where a payload is counted from.
const NETWORK_HEADER: u32 = 1;
const TRANSPORT_HEADER: u32 = 2;

/// So many octets into register 1.
fn load(base: u32, offset: u32, len: u32) -> Expressions {
    Expressions::Payload(vec![
        Payload::DestinationRegister(Register::Reg1),
        Payload::Base(base),
        Payload::Offset(offset),
        Payload::Len(len),
    ])
}

fn address(family: Family, side: Side) -> Expressions {
    match (family, side) {
        (Family::V4, Side::Source) => load(NETWORK_HEADER, 12, 4),
        (Family::V4, Side::Destination) => load(NETWORK_HEADER, 16, 4),
        (Family::V6, Side::Source) => load(NETWORK_HEADER, 8, 16),
        (Family::V6, Side::Destination) => load(NETWORK_HEADER, 24, 16),
    }
}

fn equals(value: Vec<u8>) -> Expressions {
    equals_in(Register::Reg1, value)
}

fn equals_in(register: Register, value: Vec<u8>) -> Expressions {
    Expressions::Cmp(vec![
        Cmp::SourceRegister(register),
        Cmp::Op(Operator::Equal),
        Cmp::Data(DataAttribute::Value(value)),
    ])
}

fn look_up(set: &str) -> Expressions {
    look_up_from(Register::Reg1, set)
}

fn look_up_from(register: Register, set: &str) -> Expressions {
    Expressions::Lookup(vec![Lookup::Set(set.to_owned()), Lookup::SourceRegister(register)])
}

/// Something about the interface into register 2.
fn interface(key: MetaKey) -> Expressions {
    Expressions::Meta(vec![Meta::Key(key), Meta::DestinationRegister(Register::Reg2)])
}

fn igmp() -> Vec<Expressions> {
    const PROTOCOL_AT: u32 = 9;
    const IGMP: u8 = 2;
    vec![load(NETWORK_HEADER, PROTOCOL_AT, 1), equals(vec![IGMP])]
}

/// A message of ICMPv6, whatever stands before it.
fn icmpv6(kind: u8) -> Vec<Expressions> {
    let protocol =
        Expressions::Meta(vec![Meta::Key(MetaKey::L4Proto), Meta::DestinationRegister(Register::Reg1)]);
    vec![protocol, equals(vec![ICMPV6]), load(TRANSPORT_HEADER, 0, 1), equals(vec![kind])]
}

fn from_vmac() -> Vec<Expressions> {
    /// As long as the kernel's names of interfaces.
    const LENGTH: usize = 16;
    let mut kind = b"macvlan".to_vec();
    kind.resize(LENGTH, 0);
    vec![interface(MetaKey::Oifkind), equals_in(Register::Reg2, kind)]
}

/// The base of the link in register 2 takes its place there.
fn base() -> Expressions {
    let (from, to) = (Lookup::SourceRegister(Register::Reg2), Lookup::DestinationRegister(Register::Reg2));
    Expressions::Lookup(vec![Lookup::Set(BASES.to_owned()), from, to])
}

/// A copy of the packet goes to the address in register 1 through the link in register 2.
fn copy() -> Expressions {
    const ADDRESS: u16 = 1;
    const LINK: u16 = 2;
    let register = |kind, register| DefaultNla::new(kind, u32::from(register).to_be_bytes().to_vec());
    Expressions::Other {
        expression_type: "dup".to_owned(),
        attributes: vec![register(ADDRESS, Register::Reg1), register(LINK, Register::Reg2)],
    }
}

const ICMPV6: u8 = 58;

fn neighbor_discovery() -> Vec<Expressions> {
    const NEXT_HEADER_AT: u32 = 6;
    vec![
        load(NETWORK_HEADER, NEXT_HEADER_AT, 1),
        equals(vec![ICMPV6]),
        load(TRANSPORT_HEADER, 0, 1),
        look_up(NEIGHBOR_DISCOVERY),
    ]
}

/// fe80::/10.
fn within_link_local() -> Vec<Expressions> {
    let mut mask = vec![0; 16];
    let mut prefix = vec![0; 16];
    mask.splice(..2, [0xff, 0xc0]);
    prefix.splice(..2, [0xfe, 0x80]);
    let masked = Expressions::Bitwise(vec![
        Bitwise::SourceRegister(Register::Reg1),
        Bitwise::DestinationRegister(Register::Reg1),
        Bitwise::Length(16),
        Bitwise::Mask(DataAttribute::Value(mask)),
        Bitwise::Xor(DataAttribute::Value(vec![0; 16])),
    ]);
    vec![masked, equals(prefix)]
}

/// `NF_DROP`.
const DROP: u32 = 0;
/// `NF_ACCEPT`.
const ACCEPT: u32 = 1;

fn drop_it() -> Expressions {
    verdict(DROP, None)
}

fn verdict(code: u32, chain: Option<&str>) -> Expressions {
    let mut verdict = vec![VerdictAttribute::Code(Verdict::from(code))];
    verdict.extend(chain.map(|chain| VerdictAttribute::Chain(chain.to_owned())));
    Expressions::Immediate(vec![
        Immediate::DestinationRegister(Register::Verdict),
        Immediate::Data(DataAttribute::Verdict(verdict)),
    ])
}
