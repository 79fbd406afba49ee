//! Why a packet was refused, in 2.4.3's words, which name the sender (`spec` runtime 2.6).

use std::fmt;
use std::net::IpAddr;

use keepalived_wire::reject::Reject;

/// A reason and whose packet it was.
pub struct Refused {
    /// Why.
    pub reason: Reject,
    /// The sender.
    pub from: IpAddr,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let from = self.from;
        match self.reason {
            Reject::TooShort { length } => write!(f, "IPv4 VRRP packet too short - {length} bytes"),
            Reject::TooShortForAuthHeader { length } => {
                write!(f, "IPv4 VRRP packet with AH too short - {length} bytes")
            }
            Reject::TooShortV6 { length } => write!(f, "IPv6 VRRP packet too short - {length} bytes"),
            Reject::Length { received, expected } => {
                let which = if received > expected { "long" } else { "short" };
                write!(f, "vrrp packet from {from} too {which}, length {received} and expect {expected}")
            }
            Reject::Ttl { received } => {
                write!(f, "invalid TTL/HL from {from}. Received {received} and expect 255")
            }
            Reject::Version { received, expected } => {
                write!(f, "wrong VRRP version from {from}. Received {received} and expect {expected}")
            }
            Reject::Interval { received, expected } => write!(
                f,
                "advertisement interval mismatch with {from} mine={expected} sec rcv'd={received} sec"
            ),
            Reject::Type { received } => {
                write!(f, "Invalid packet type from {from}. {received} and expect 1")
            }
            Reject::TotalLength { stated, received } => write!(
                f,
                "ip_tot_len mismatch against received length from {from}. {stated} and received {received}"
            ),
            Reject::Checksum { version } => write!(f, "Invalid VRRPv{version} checksum from {from}"),
            Reject::Destination { multicast_received: true } => {
                write!(f, "Expected unicast packet but received multicast packet from {from}")
            }
            Reject::Destination { multicast_received: false } => {
                write!(f, "Expected multicast packet but received unicast packet from {from}")
            }
            Reject::WeAreOwner => write!(f, "Dropping packet(s) from {from} since we are address owner"),
            Reject::NotAPeer => write!(f, "unicast source address {from} not a unicast peer"),
            Reject::TtlRange { received, least, most } => {
                write!(f, "TTL/HL {received} from {from} not in range {least} - {most}")
            }
            Reject::AuthHeader { .. }
            | Reject::SignatureMissing
            | Reject::SignatureMalformed
            | Reject::SignatureKeyUnknown { .. }
            | Reject::SignatureWrong
            | Reject::StampStale { .. }
            | Reject::StampReplayed
            | Reject::AuthTypeUnknown { .. }
            | Reject::AuthTypeMismatch { .. }
            | Reject::Password
            | Reject::IntegrityValue
            | Reject::SecurityParameters { .. }
            | Reject::Sequence { .. } => self.authentication(f),
        }
    }
}

impl Refused {
    fn authentication(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let from = self.from;
        match self.reason {
            Reject::AuthHeader { present: true } => {
                write!(f, "Received AH header but auth type not AH from {from}")
            }
            Reject::AuthHeader { present: false } => {
                write!(f, "No AH header but auth type is AH from {from}")
            }
            Reject::SignatureMissing => write!(f, "missing authentication trailer from {from}"),
            Reject::SignatureMalformed => write!(f, "malformed authentication trailer from {from}"),
            Reject::SignatureKeyUnknown { id } => {
                write!(f, "unknown authentication key id {id} from {from}")
            }
            Reject::SignatureWrong => write!(f, "invalid authentication HMAC from {from}"),
            Reject::StampStale { skew, window } => write!(
                f,
                "stale authentication trailer from {from}, clock skew {skew} sec exceeds window {window} sec"
            ),
            Reject::StampReplayed => write!(f, "replayed authentication trailer from {from}"),
            Reject::AuthTypeUnknown { received } => write!(f, "Invalid auth type from {from}: {received}"),
            Reject::AuthTypeMismatch { received, expected } => {
                write!(f, "received a {received} auth from {from}, expecting {expected}!")
            }
            Reject::Password => write!(f, "received an invalid passwd from {from}!"),
            Reject::IntegrityValue => f.write_str(
                "IPSEC-AH : invalid IPSEC HMAC-MD5 value. Due to fields mutation or bad password !",
            ),
            Reject::SecurityParameters { received, expected } => {
                write!(f, "IPSEC AH : invalid IPSEC SPI value. {expected} and expect {received}")
            }
            Reject::Sequence { received, local } => write!(
                f,
                "IPSEC-AH : sequence number {received} already processed. Packet dropped. Local({local})"
            ),
            // Told above.
            _ => Ok(()),
        }
    }
}
