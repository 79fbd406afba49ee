//! A received packet of either family: whose it is, and whether it is an advert.

use std::net::{IpAddr, Ipv6Addr};

use keepalived_model::Micros;
use keepalived_model::vrrp::{Auth, Checksum, Family, Peer, Version};

use super::ah::Sequence;
use super::message::{AUTH_LENGTH, Addresses, Message, TYPE_ADVERT, number};
use super::replay::{Signers, Stamp};
use super::signature::{TRAILER_LENGTH, Verifier};
use super::v3::ChecksumForm;
use super::{v2, v3};
use crate::checksum::Checksum as Sum;
use crate::ipv4::{self, Datagram};
use crate::reject::Reject;

/// What a datagram that never left its link arrives with (RFC 5798 §5.1.1.3 and §5.1.2.3).
const TTL_FROM_THIS_LINK: u8 = 255;
/// Payload of the shortest Ethernet frame; what is shorter may arrive padded.
const FRAME_PAYLOAD_MIN: usize = 46;

/// A packet as a raw socket gives it.
#[derive(Clone, Copy, Debug)]
pub enum Packet<'a> {
    /// From the IPv4 header on.
    V4(&'a [u8]),
    /// The message alone; the kernel has taken the IPv6 header off.
    V6 {
        /// What stood in it.
        envelope: Envelope,
        /// What followed.
        message: &'a [u8],
    },
}

/// What the socket tells of an IPv6 header (sender's address, IPV6_PKTINFO, IPV6_HOPLIMIT).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// Source address.
    pub source: Ipv6Addr,
    /// Destination address.
    pub destination: Ipv6Addr,
    /// Hop limit as received.
    pub hop_limit: u8,
}

/// What must be known of a packet before it can be said whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address {
    /// Who sent it.
    pub source: IpAddr,
    /// To whom.
    pub destination: IpAddr,
    /// As received, so possibly zero.
    pub vrid: u8,
    /// Whether it has an authentication header; the original has a socket of its own for these.
    pub has_auth_header: bool,
}

/// What a virtual router expects of the adverts for it.
#[derive(Clone, Copy, Debug)]
pub struct Terms<'a> {
    /// Its protocol version.
    pub version: Version,
    /// Its own interval; version 2 refuses every other, version 3 leaves the comparison to the caller.
    pub interval: Micros,
    /// Whether its own transport is multicast.
    pub multicast: bool,
    /// Its authentication.
    pub guard: Guard<'a>,
    /// Version 3 over IPv4: which checksums are good enough.
    pub checksum: Checksum,
}

/// How senders prove that they may speak.
#[derive(Clone, Copy, Debug)]
pub enum Guard<'a> {
    /// They need not.
    None,
    /// Version 2 over IPv4: by eight octets in the clear. Over IPv6 only the type is compared, for there is no
    /// room for more; version 3 has no such thing.
    Password(&'a [u8; AUTH_LENGTH]),
    /// Version 2 over IPv4: by an authentication header.
    AuthHeader {
        /// Padded with zeros.
        key: &'a [u8; AUTH_LENGTH],
        /// Where the router's own numbers stand; whoever accepts the advert moves them.
        heard: Sequence,
    },
    /// By a signature (`auth_hmac`).
    Hmac(Verifier<'a>),
}

/// What an accepted advert has used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// Nothing: nobody asked for a proof, or it was a password.
    None,
    /// Nothing: it could have been signed and was not. Worth counting.
    Unsigned,
    /// The sequence number of its authentication header.
    Sequence(u32),
    /// The stamp of its signature.
    Stamp(Stamp),
}

/// An advert that passed [`Packet::check`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heard<'a> {
    /// Who sent it.
    pub source: IpAddr,
    /// To whom.
    pub destination: IpAddr,
    /// Time to live or hop limit as received.
    pub hop_limit: u8,
    /// As received.
    pub vrid: u8,
    /// 1–255; 0: the sender resigns.
    pub priority: u8,
    /// The sender's interval: whole seconds in version 2, centiseconds in version 3. May be zero in
    /// version 3.
    pub interval: Micros,
    /// The addresses it lists.
    pub addresses: Addresses<'a>,
    /// What nobody may use again.
    pub proof: Proof,
    /// The form of its checksum: which of them the sender is likely to expect.
    pub checksum: ChecksumForm,
}

impl<'a> Guard<'a> {
    /// That of a configuration, with what has to be remembered and known for it.
    pub fn of(auth: &'a Auth, heard: Sequence, clock: Micros, signers: &'a Signers) -> Self {
        match auth {
            Auth::None => Self::None,
            Auth::Pass(password) => Self::Password(password),
            Auth::Ah(key) => Self::AuthHeader { key, heard },
            Auth::Hmac(rules) => Self::Hmac(Verifier { rules, clock, signers }),
        }
    }
}

impl<'a> Packet<'a> {
    /// Source, destination and VRID, before any check. Refused is only what is too short.
    pub fn address(&self) -> Result<Address, Reject> {
        let opened = Opened::open(self)?;
        Ok(Address {
            source: opened.source,
            destination: opened.destination,
            vrid: opened.message.vrid,
            has_auth_header: opened.has_auth_header(),
        })
    }

    /// All checks that concern one packet, in the order of `spec` runtime 3.8 (1–12 there); the first that fails
    /// decides. Whether the VRID is ours, whether the sender is a peer and what the list says is the caller's
    /// business.
    pub fn check(&self, terms: &Terms<'_>) -> Result<Heard<'a>, Reject> {
        let opened = Opened::open(self)?;
        let message = &opened.message;
        opened.check_auth_header(terms)?;
        let behind = opened.check_length(terms)?;
        if terms.multicast && opened.hop_limit != TTL_FROM_THIS_LINK {
            return Err(Reject::Ttl { received: opened.hop_limit });
        }
        if message.version != number(terms.version) {
            return Err(Reject::Version { received: message.version, expected: number(terms.version) });
        }
        let signed = match &terms.guard {
            Guard::Hmac(verifier) => match verifier.check(opened.source, message.octets(), behind)? {
                Some(stamp) => Proof::Stamp(stamp),
                None => Proof::Unsigned,
            },
            Guard::None | Guard::Password(_) | Guard::AuthHeader { .. } => Proof::None,
        };
        let (sequence, interval) = match terms.version {
            Version::V2 => (
                v2::check_auth(message, opened.datagram.as_ref(), &terms.guard)?,
                v2::check_interval(message, terms.interval)?,
            ),
            Version::V3 => (None, v3::interval(message)),
        };
        if message.kind != TYPE_ADVERT {
            return Err(Reject::Type { received: message.kind });
        }
        opened.check_total_length(behind)?;
        let checksum = opened.check_checksum(terms, behind)?;
        if opened.destination.is_multicast() != terms.multicast {
            return Err(Reject::Destination { multicast_received: opened.destination.is_multicast() });
        }
        Ok(Heard {
            source: opened.source,
            destination: opened.destination,
            hop_limit: opened.hop_limit,
            vrid: message.vrid,
            priority: message.priority,
            interval,
            addresses: message.addresses,
            proof: sequence.map_or(signed, Proof::Sequence),
            checksum,
        })
    }
}

impl Heard<'_> {
    /// Whether it comes from one of these and from as far away as that one may be (15 in `spec` runtime 3.8).
    pub fn check_peer<'p>(&self, peers: impl IntoIterator<Item = &'p Peer>) -> Result<(), Reject> {
        let peer = peers.into_iter().find(|peer| peer.address == self.source).ok_or(Reject::NotAPeer)?;
        let (received, least, most) = (self.hop_limit, peer.ttl_min, peer.ttl_max);
        if (least..=most).contains(&received) {
            Ok(())
        } else {
            Err(Reject::TtlRange { received, least, most })
        }
    }
}

/// A packet cut into pieces.
struct Opened<'a> {
    source: IpAddr,
    destination: IpAddr,
    hop_limit: u8,
    /// Over IPv4.
    datagram: Option<Datagram<'a>>,
    /// Octets before the message.
    message_at: usize,
    message: Message<'a>,
}

impl<'a> Opened<'a> {
    fn open(packet: &Packet<'a>) -> Result<Self, Reject> {
        match *packet {
            Packet::V4(octets) => {
                let datagram = ipv4::split(octets)?;
                let message = Message::read(Family::V4, datagram.message);
                Ok(Self {
                    source: datagram.source.into(),
                    destination: datagram.destination.into(),
                    hop_limit: datagram.ttl,
                    datagram: Some(datagram),
                    message_at: datagram.message_at,
                    message: message.ok_or(Reject::TooShort { length: octets.len() })?,
                })
            }
            Packet::V6 { envelope, message: octets } => Ok(Self {
                source: envelope.source.into(),
                destination: envelope.destination.into(),
                hop_limit: envelope.hop_limit,
                datagram: None,
                message_at: 0,
                message: Message::read(Family::V6, octets)
                    .ok_or(Reject::TooShortV6 { length: octets.len() })?,
            }),
        }
    }

    fn has_auth_header(&self) -> bool {
        self.datagram.is_some_and(|datagram| datagram.auth_header.is_some())
    }

    fn check_auth_header(&self, terms: &Terms<'_>) -> Result<(), Reject> {
        let is_expected = match (terms.version, &terms.guard) {
            (Version::V2, Guard::AuthHeader { .. }) => true,
            (Version::V2 | Version::V3, _) => false,
        };
        let present = self.has_auth_header();
        if present == is_expected { Ok(()) } else { Err(Reject::AuthHeader { present }) }
    }

    /// Exactly the message, or the message and the padding of a shortest frame, less a whole number of VLAN
    /// tags; with signatures also the message and a trailer. Returns what there is behind the message but for
    /// padding.
    fn check_length(&self, terms: &Terms<'_>) -> Result<&'a [u8], Reject> {
        let expected = self.message_at + self.message.length();
        let received = self.message_at + self.message.octets().len() + self.message.behind().len();
        let is_padded = self.datagram.is_some()
            && expected < FRAME_PAYLOAD_MIN
            && received > expected
            && (received - expected) % 4 == 2;
        let behind = self.message.behind();
        match &terms.guard {
            Guard::Hmac(_) if behind.len() == TRAILER_LENGTH => Ok(behind),
            _ if received == expected || is_padded => Ok(&[]),
            Guard::Hmac(_) if received > expected => {
                Err(Reject::Length { received, expected: expected + TRAILER_LENGTH })
            }
            _ => Err(Reject::Length { received, expected }),
        }
    }

    fn check_total_length(&self, behind: &[u8]) -> Result<(), Reject> {
        let Some(datagram) = self.datagram else { return Ok(()) };
        let stated = usize::from(datagram.total_length);
        let received = self.message_at + self.message.octets().len() + behind.len();
        if stated == received { Ok(()) } else { Err(Reject::TotalLength { stated, received }) }
    }

    /// Over IPv6 the kernel has done it before us, if the socket was told to; it covers the trailer too, which is
    /// part of the payload to it.
    fn check_checksum(&self, terms: &Terms<'_>, behind: &[u8]) -> Result<ChecksumForm, Reject> {
        let octets = self.message.octets();
        let ends = (self.source, self.destination);
        let form = match (self.message.family, terms.version) {
            (Family::V4, Version::V2) => {
                (Sum::default().with(octets).finish() == 0).then_some(ChecksumForm::AsVersion2)
            }
            (Family::V4, Version::V3) => v3::checksum_form(octets, ends, !terms.multicast, terms.checksum),
            (Family::V6, Version::V2 | Version::V3) => {
                let length = octets.len() + behind.len();
                let sum = v3::sum_before(ChecksumForm::Standard, ends.0, ends.1, length);
                (sum.with(octets).with(behind).finish() == 0).then_some(ChecksumForm::Standard)
            }
        };
        form.ok_or(Reject::Checksum { version: number(terms.version) })
    }
}
