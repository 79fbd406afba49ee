//! Recorded packets, and noise that is the same in every run.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use keepalived_model::Micros;
use keepalived_model::vrrp::{AntiReplay, Hmac, HmacMode};
use keepalived_wire::vrrp::{Envelope, Packet};

/// Hexadecimal digits, whatever stands between them.
pub fn octets(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.chars().filter_map(|c| c.to_digit(16)).map(|d| d as u8).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

/// Rules with these keys, of which the last is used to sign, and five seconds of patience.
pub fn rules(keys: &[(u8, &[u8])]) -> Hmac {
    Hmac {
        keys: keys.iter().map(|(id, secret)| (*id, secret.to_vec())).collect(),
        active: keys.last().map_or(0, |(id, _)| *id),
        window: Micros::from_secs(5),
        anti_replay: AntiReplay::Time,
        mode: HmacMode::Enforce,
    }
}

/// A packet with its header, of either family.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Captured {
    pub header: Vec<u8>,
    /// What follows: authentication header, message, trailer.
    pub payload: Vec<u8>,
    whole: Vec<u8>,
}

impl Captured {
    pub fn new(header: Vec<u8>, payload: Vec<u8>) -> Self {
        let whole = [header.as_slice(), &payload].concat();
        Self { header, payload, whole }
    }

    /// Every line of a file of recorded packets that is no comment.
    pub fn all(recorded: &str) -> Vec<Self> {
        let lines = recorded.lines().filter(|line| !line.starts_with('#'));
        lines
            .map(|line| {
                let (header, payload) = line.split_once('|').expect("header | payload");
                Self::new(octets(header), octets(payload))
            })
            .collect()
    }

    /// What our own encoder made, with an IPv6 header around it as a kernel would put it there.
    pub fn ours(source: IpAddr, destination: IpAddr, packet: Vec<u8>) -> Self {
        match (source, destination) {
            (IpAddr::V6(source), IpAddr::V6(destination)) => {
                let length = u16::try_from(packet.len()).expect("short").to_be_bytes();
                let fixed = [0x6c, 0, 0, 0, length[0], length[1], 112, 255];
                Self::new([&fixed[..], &source.octets(), &destination.octets()].concat(), packet)
            }
            _ => Self::new(packet[..20].to_vec(), packet[20..].to_vec()),
        }
    }

    /// What a raw socket would give.
    pub fn packet(&self) -> Packet<'_> {
        if self.header.len() == 20 {
            return Packet::V4(&self.whole);
        }
        let address = |at: usize| {
            Ipv6Addr::from(<[u8; 16]>::try_from(&self.header[at..at + 16]).expect("sixteen octets"))
        };
        let hop_limit = self.header[7];
        let envelope = Envelope { source: address(8), destination: address(24), hop_limit };
        Packet::V6 { envelope, message: &self.payload }
    }

    /// What a raw socket is given.
    pub fn sent(&self) -> &[u8] {
        if self.header.len() == 20 { &self.whole } else { &self.payload }
    }

    pub fn with(&self, change: impl FnOnce(&mut Vec<u8>, &mut Vec<u8>)) -> Self {
        let (mut header, mut payload) = (self.header.clone(), self.payload.clone());
        change(&mut header, &mut payload);
        Self::new(header, payload)
    }
}

/// A linear congruential sequence.
pub struct Noise(pub u32);

impl Noise {
    pub fn octet(&mut self) -> u8 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.0 >> 24) as u8
    }

    pub fn octets(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.octet()).collect()
    }

    pub fn below(&mut self, limit: usize) -> usize {
        (usize::from(self.octet()) << 8 | usize::from(self.octet())) % limit
    }

    pub fn address(&mut self, like: IpAddr) -> IpAddr {
        match like {
            IpAddr::V4(_) => Ipv4Addr::new(10, self.octet(), self.octet(), self.octet()).into(),
            IpAddr::V6(_) => {
                let mut octets = [0; 16];
                octets.fill_with(|| self.octet());
                octets[0] = 0xfd;
                Ipv6Addr::from(octets).into()
            }
        }
    }
}
