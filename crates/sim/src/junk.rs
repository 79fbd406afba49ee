//! Packets that nobody may accept.

use std::net::{IpAddr, Ipv4Addr};

use keepalived_model::vrrp::{self, Auth, Transport, Version};

use crate::kernel::Port;
use crate::packet;
use crate::rng::Rng;

/// A packet for this instance with something wrong: by `kind`, 0 to 8.
pub fn junk(instance: &vrrp::Instance, port: &Port, kind: u8, rng: &mut Rng) -> Vec<u8> {
    let destination = destination(instance, port);
    let multicast = destination.is_multicast();
    let from = Ipv4Addr::from(u32::from(port.ip) | 0x80);
    let mut parts = Parts::good(instance, from, destination);
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

/// A sound advert of somebody else for this instance.
pub fn rogue(instance: &vrrp::Instance, port: &Port, priority: u8, high: bool) -> Vec<u8> {
    let destination = destination(instance, port);
    let [a, b, c, _] = port.ip.octets();
    let from = Ipv4Addr::new(a, b, c, if high { 250 } else { 0 });
    let mut parts = Parts::good(instance, from, destination);
    parts.message[2] = priority;
    parts.encode(instance.vrid.number())
}

/// Where an advert has to go to be heard at this port.
fn destination(instance: &vrrp::Instance, port: &Port) -> Ipv4Addr {
    match &instance.transport {
        Transport::Multicast { group: IpAddr::V4(group), .. } => *group,
        Transport::Multicast { .. } | Transport::Unicast { .. } => port.ip,
    }
}

struct Parts {
    from: Ipv4Addr,
    to: Ipv4Addr,
    ttl: u8,
    message: Vec<u8>,
    checksum_wrong: bool,
}

impl Parts {
    /// An advert of the best router there could be.
    fn good(instance: &vrrp::Instance, from: Ipv4Addr, to: Ipv4Addr) -> Self {
        let ips = instance.addresses.iter().filter_map(|address| match address.ip {
            std::net::IpAddr::V4(ip) => Some(ip.octets()),
            std::net::IpAddr::V6(_) => None,
        });
        let ips: Vec<u8> = ips.flatten().collect();
        let count = u8::try_from(ips.len() / 4).unwrap_or(0);
        let vrid = instance.vrid.number();
        let message = match instance.version {
            Version::V2 => {
                let seconds = u8::try_from(instance.advert_interval.as_secs()).unwrap_or(1);
                let (kind, password) = match instance.auth {
                    Auth::None | Auth::Ah(_) | Auth::Hmac(_) => (0, [0; 8]),
                    Auth::Pass(password) => (1, password),
                };
                [&[0x21, vrid, 255, count, kind, seconds, 0, 0][..], &ips, &password].concat()
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
        let (from, to) = (self.from.octets(), self.to.octets());
        if self.message.len() >= 8 {
            let pseudo = [&from[..], &to, &[0, 112], &length.to_be_bytes()].concat();
            let over = if self.message[0] >> 4 == 3 { &pseudo[..] } else { &[] };
            self.message[6..8].fill(0);
            let sum = !packet::sum(&[over, &self.message]) ^ u16::from(self.checksum_wrong);
            self.message[6..8].copy_from_slice(&sum.to_be_bytes());
        }
        let total = (length + 20).to_be_bytes();
        let head = [0x45, 0xc0, total[0], total[1], 0, 9, 0, 0, self.ttl, 112, 0, 0];
        [&head[..], &from, &to, &self.message].concat()
    }
}
