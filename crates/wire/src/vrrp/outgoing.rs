//! An advert of either family on its way out.
//!
//! ```text
//! Content ──► draft ──► Draft ──► packet(Delivery) ──► one for the group, or one for each peer
//!             signs             checksum, authentication header, IPv4 header
//! ```

use std::net::IpAddr;

use keepalived_model::vrrp::{Auth, Checksum, Family, Hmac, Version};
use keepalived_model::{Micros, Vrid};

use super::ah::{self, Sequence};
use super::message::{ADDRESSES_MAX, AUTH_LENGTH, TYPE_ADVERT, number, put_checksum};
use super::replay::Stamp;
use super::v2::AuthData;
use super::v3::ChecksumForm;
use super::{signature, v2, v3};
use crate::checksum::Checksum as Sum;
use crate::ipv4::{Header, PROTOCOL_AH, PROTOCOL_VRRP};

/// What is the same in all copies of an advert.
#[derive(Clone, Copy, Debug)]
pub struct Content<'a> {
    /// Protocol version.
    pub version: Version,
    /// The VRID.
    pub vrid: Vrid,
    /// 1–255; 0: resigns.
    pub priority: u8,
    /// Rounded down to what the version can express: whole seconds up to 255, or centiseconds up to 4095.
    pub interval: Micros,
    /// Source address; its family is the advert's.
    pub source: IpAddr,
    /// Authentication.
    pub seal: Seal<'a>,
}

/// How we prove that we may speak.
#[derive(Clone, Copy, Debug)]
pub enum Seal<'a> {
    /// Not at all.
    None,
    /// Version 2: by a password. Over IPv6 only its type is said; version 3 has no such thing.
    Password(&'a [u8; AUTH_LENGTH]),
    /// Version 2 over IPv4: by an authentication header; of no effect elsewhere.
    AuthHeader {
        /// Padded with zeros.
        key: &'a [u8; AUTH_LENGTH],
        /// The advert's number, the same in all copies.
        sequence: Sequence,
    },
    /// By a signature (`auth_hmac`).
    Signature {
        /// Keys and rules.
        rules: &'a Hmac,
        /// When.
        stamp: Stamp,
    },
}

impl<'a> Seal<'a> {
    /// That of a configuration, with what has to be remembered and known for it.
    pub fn of(auth: &'a Auth, sequence: Sequence, stamp: Stamp) -> Self {
        match auth {
            Auth::None => Self::None,
            Auth::Pass(password) => Self::Password(password),
            Auth::Ah(key) => Self::AuthHeader { key, sequence },
            Auth::Hmac(rules) => Self::Signature { rules, stamp },
        }
    }
}

/// What is another for each copy.
#[derive(Clone, Copy, Debug)]
pub struct Delivery {
    /// The group, or a peer. Of the source's family.
    pub destination: IpAddr,
    /// IPv4 identification; the original gives all copies the same.
    pub id: u16,
    /// IPv4 time to live. The hop limit of IPv6 is an option of the socket.
    pub ttl: u8,
    /// Version 3 over IPv4: which checksum.
    pub checksum: Checksum,
}

/// A message that lacks nothing but its checksum.
#[derive(Clone, Debug)]
pub struct Draft<'a> {
    content: Content<'a>,
    message: Vec<u8>,
    trailer: Vec<u8>,
}

impl<'a> Content<'a> {
    /// Writes the message and signs it. Listed are only the first 255 addresses; the caller sees to it that they
    /// are of the source's family.
    pub fn draft<A: Copy + Into<IpAddr>>(&self, addresses: &[A]) -> Draft<'a> {
        let addresses = addresses.get(..ADDRESSES_MAX).unwrap_or(addresses);
        let count = u8::try_from(addresses.len()).unwrap_or(u8::MAX);
        let [upper, lower] = match self.version {
            Version::V2 => v2::middle(self.auth_data(), self.interval),
            Version::V3 => v3::middle(self.interval),
        };
        let first = number(self.version) << 4 | TYPE_ADVERT;
        let mut message = vec![first, self.vrid.number(), self.priority, count, upper, lower, 0, 0];
        for address in addresses {
            match (*address).into() {
                IpAddr::V4(address) => message.extend(address.octets()),
                IpAddr::V6(address) => message.extend(address.octets()),
            }
        }
        if (self.version, self.family()) == (Version::V2, Family::V4) {
            message.extend(self.auth_data().octets());
        }
        let trailer = match &self.seal {
            Seal::Signature { rules, stamp } => signature::sign(rules, self.source, &message, *stamp),
            Seal::None | Seal::Password(_) | Seal::AuthHeader { .. } => None,
        };
        Draft { content: *self, message, trailer: trailer.map_or_else(Vec::new, |trailer| trailer.to_vec()) }
    }

    fn family(&self) -> Family {
        Family::of(self.source)
    }

    fn auth_data(&self) -> AuthData<'a> {
        match (self.seal, self.family()) {
            (Seal::Password(password), _) => AuthData::Password(password),
            (Seal::AuthHeader { .. }, Family::V4) => AuthData::AuthHeader,
            (Seal::AuthHeader { .. }, Family::V6) | (Seal::None | Seal::Signature { .. }, _) => {
                AuthData::None
            }
        }
    }
}

impl Draft<'_> {
    /// What is handed to the socket: a complete datagram for IPv4, octet for octet as the original's (`spec`
    /// runtime 3.1–3.3), all checksums included; the message alone for IPv6.
    pub fn packet(&self, delivery: &Delivery) -> Vec<u8> {
        let mut message = self.message.clone();
        let sum = self.sum_before(delivery);
        let sum = match self.content.family() {
            Family::V4 => sum.with(&message),
            Family::V6 => sum.with(&message).with(&self.trailer),
        };
        put_checksum(&mut message, sum.finish());
        message.extend(&self.trailer);
        match (self.content.source, delivery.destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                let Delivery { id, ttl, .. } = *delivery;
                self.enclose(Header { source, destination, id, ttl, protocol: PROTOCOL_VRRP }, message)
            }
            _ => message,
        }
    }

    fn enclose(&self, header: Header, message: Vec<u8>) -> Vec<u8> {
        let mut packet;
        match (self.content.version, self.content.seal) {
            (Version::V2, Seal::AuthHeader { key, sequence }) => {
                let header = Header { protocol: PROTOCOL_AH, ..header };
                let ip = header.encode(ah::AUTH_HEADER_LENGTH + message.len());
                packet = ip.to_vec();
                packet.extend(ah::encode(&ip, &message, key, sequence));
            }
            _ => packet = header.encode(message.len()).to_vec(),
        }
        packet.extend(message);
        packet
    }

    fn sum_before(&self, delivery: &Delivery) -> Sum {
        let (source, destination) = (self.content.source, delivery.destination);
        let form = match (self.content.family(), self.content.version) {
            (Family::V4, Version::V2) => ChecksumForm::AsVersion2,
            (Family::V4, Version::V3) => v3::form_to_send(delivery.checksum, !destination.is_multicast()),
            (Family::V6, Version::V2 | Version::V3) => ChecksumForm::Standard,
        };
        let length = match self.content.family() {
            Family::V4 => self.message.len(),
            Family::V6 => self.message.len() + self.trailer.len(),
        };
        v3::sum_before(form, source, destination, length)
    }
}
