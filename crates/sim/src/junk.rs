//! Packets that nobody may accept.

use std::net::{IpAddr, Ipv4Addr};

use keepalived_model::vrrp::{self, Auth, Family, Transport, Version};

use crate::kernel::Port;
use crate::packet;
use crate::rng::Rng;

/// A packet for this instance with something wrong: by `kind`, 0 to 8.
pub fn junk(instance: &vrrp::Instance, port: &Port, kind: u8, rng: &mut Rng) -> Vec<u8> {
    let destination = destination(instance, port);
    let multicast = destination.is_multicast();
    let mut parts = Parts::good(instance, neighbor(instance, port, port.ip.octets()[3] | 0x80), destination);
    match kind {
        0 => parts.message.truncate(rng.index(8)),
        1 => {
            parts.message =
                (0..rng.between(1, 64)).map(|_| u8::try_from(rng.below(256)).unwrap_or(0)).collect()
        }
        2 => parts.message[0] ^= 0x10,
        3 => parts.message[0] = parts.message[0] & 0xf0 | 5,
        4 if multicast => parts.ttl = 254,
        5 => parts.message[3] = parts.message[3].wrapping_add(1),
        6 if instance.version == Version::V2 => parts.message[5] = parts.message[5].wrapping_add(1),
        7 if instance.version == Version::V2 => parts.message[4] ^= 1,
        _ => parts.checksum_wrong = true,
    }
    parts.encode(instance.vrid.number())
}

/// A sound advert of somebody else for this instance, who has no keys.
pub fn rogue(instance: &vrrp::Instance, port: &Port, priority: u8, high: bool) -> Vec<u8> {
    let from = neighbor(instance, port, if high { 250 } else { 0 });
    let mut parts = Parts::good(instance, from, destination(instance, port));
    parts.message[2] = priority;
    parts.encode(instance.vrid.number())
}

/// Where an advert has to go to be heard at this port.
fn destination(instance: &vrrp::Instance, port: &Port) -> IpAddr {
    match &instance.transport {
        Transport::Multicast { group, .. } => *group,
        Transport::Unicast { .. } => port.own(instance.family),
    }
}

/// Somebody on the same Ethernet.
fn neighbor(instance: &vrrp::Instance, port: &Port, host: u8) -> IpAddr {
    let [a, b, c, _] = port.ip.octets();
    match instance.family {
        Family::V4 => Ipv4Addr::new(a, b, c, host).into(),
        Family::V6 => [0xfe80, 0, 0, 0, 0, 0, 0, u16::from(host)].into(),
    }
}

struct Parts {
    from: IpAddr,
    to: IpAddr,
    ttl: u8,
    message: Vec<u8>,
    checksum_wrong: bool,
}

impl Parts {
    /// An advert of the best router there could be.
    fn good(instance: &vrrp::Instance, from: IpAddr, to: IpAddr) -> Self {
        let ips: Vec<u8> = instance.addresses.iter().flat_map(|address| octets(address.ip)).collect();
        let count = u8::try_from(instance.addresses.len()).unwrap_or(0);
        let vrid = instance.vrid.number();
        let message = match instance.version {
            Version::V2 => {
                let seconds = u8::try_from(instance.advert_interval.as_secs()).unwrap_or(1);
                let (kind, password) = match instance.auth {
                    Auth::None | Auth::Ah(_) | Auth::Hmac(_) => (0, [0; 8]),
                    Auth::Pass(password) => (1, password),
                };
                let tail = if instance.family == Family::V4 { &password[..] } else { &[] };
                [&[0x21, vrid, 255, count, kind, seconds, 0, 0][..], &ips, tail].concat()
            }
            Version::V3 => {
                let centis = u16::try_from(instance.advert_interval.0 / 10_000).unwrap_or(100).to_be_bytes();
                [&[0x31, vrid, 255, count, centis[0], centis[1], 0, 0][..], &ips].concat()
            }
        };
        Self { from, to, ttl: 255, message, checksum_wrong: false }
    }

    fn encode(mut self, vrid: u8) -> Vec<u8> {
        if let Some(there) = self.message.get_mut(1) {
            *there = vrid;
        }
        let length = u16::try_from(self.message.len()).unwrap_or(0);
        let (from, to) = (octets(self.from), octets(self.to));
        if self.message.len() >= 8 {
            let pseudo = [&from[..], &to, &[0, 112], &length.to_be_bytes()].concat();
            let covers = self.from.is_ipv6() || self.message[0] >> 4 == 3;
            let over = if covers { &pseudo[..] } else { &[] };
            self.message[6..8].fill(0);
            let sum = !packet::sum(&[over, &self.message]) ^ u16::from(self.checksum_wrong);
            self.message[6..8].copy_from_slice(&sum.to_be_bytes());
        }
        if self.from.is_ipv6() {
            return packet::enclose(self.from, self.to, Some(self.ttl), &self.message);
        }
        let total = (length + 20).to_be_bytes();
        let head = [0x45, 0xc0, total[0], total[1], 0, 9, 0, 0, self.ttl, 112, 0, 0];
        [&head[..], &from, &to, &self.message].concat()
    }
}

fn octets(ip: IpAddr) -> Vec<u8> {
    match ip {
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    }
}
