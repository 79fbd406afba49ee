//! Unsolicited neighbor advertisements: how a new master moves the traffic for an IPv6 address to itself.

use std::net::Ipv6Addr;

use keepalived_model::MacAddr;
use pnet_packet::ethernet::{EtherTypes, MutableEthernetPacket};
use pnet_packet::icmpv6::Icmpv6Types;
use pnet_packet::icmpv6::ndp::{
    MutableNdpOptionPacket, MutableNeighborAdvertPacket, NdpOptionTypes, NeighborAdvertFlags,
};
use pnet_packet::ip::IpNextHeaderProtocols;
use pnet_packet::ipv6::MutableIpv6Packet;

use crate::checksum::Checksum;

/// All nodes of the link.
const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
/// Where Ethernet delivers what is for all nodes (RFC 2464 §7).
const ALL_NODES_MAC: [u8; 6] = [0x33, 0x33, 0, 0, 0, 1];
/// What a message that never left its link arrives with; others are ignored (RFC 4861 §7.1.2).
const HOP_LIMIT_OF_THIS_LINK: u8 = 255;
const ETHERNET: usize = MutableEthernetPacket::minimum_packet_size();
const IPV6: usize = MutableIpv6Packet::minimum_packet_size();
const ADVERTISEMENT: usize = MutableNeighborAdvertPacket::minimum_packet_size();
/// The option that names the sender's hardware address: type, length in units of eight octets, address.
const TARGET_ADDRESS_OPTION: usize = 8;
const MESSAGE: usize = ADVERTISEMENT + TARGET_ADDRESS_OPTION;

/// Whether this host forwards IPv6 on the link, which neighbors have to be told: one that hears the opposite
/// strikes the host off its default routers, or puts it there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forwarding {
    /// A host.
    Off,
    /// A router.
    On,
}

/// A complete Ethernet frame of 86 octets that tells all nodes that `ip` is at `mac`: an advertisement nobody
/// asked for, sent from the address it is about, overriding what the neighbors know (`spec` runtime 3.5).
pub fn unsolicited(mac: MacAddr, ip: Ipv6Addr, forwarding: Forwarding) -> Vec<u8> {
    let mut frame = vec![0; ETHERNET + IPV6 + MESSAGE];
    if let Some(mut ethernet) = MutableEthernetPacket::new(&mut frame) {
        ethernet.set_destination(ALL_NODES_MAC.into());
        ethernet.set_source(mac.0.into());
        ethernet.set_ethertype(EtherTypes::Ipv6);
    }
    if let Some(mut header) = frame.get_mut(ETHERNET..).and_then(MutableIpv6Packet::new) {
        header.set_version(6);
        header.set_payload_length(u16::try_from(MESSAGE).unwrap_or(u16::MAX));
        header.set_next_header(IpNextHeaderProtocols::Icmpv6);
        header.set_hop_limit(HOP_LIMIT_OF_THIS_LINK);
        header.set_source(ip);
        header.set_destination(ALL_NODES);
    }
    if let Some(message) = frame.get_mut(ETHERNET + IPV6..) {
        write(message, mac, ip, forwarding);
    }
    frame
}

fn write(message: &mut [u8], mac: MacAddr, ip: Ipv6Addr, forwarding: Forwarding) {
    if let Some(option) = message.get_mut(ADVERTISEMENT..) {
        if let Some(mut option) = MutableNdpOptionPacket::new(option) {
            option.set_option_type(NdpOptionTypes::TargetLLAddr);
            option.set_length(1);
        }
        if let Some(address) = option.last_chunk_mut() {
            *address = mac.0;
        }
    }
    let Some(mut advertisement) = MutableNeighborAdvertPacket::new(message) else { return };
    advertisement.set_icmpv6_type(Icmpv6Types::NeighborAdvert);
    advertisement.set_flags(match forwarding {
        Forwarding::Off => NeighborAdvertFlags::Override,
        Forwarding::On => NeighborAdvertFlags::Override | NeighborAdvertFlags::Router,
    });
    advertisement.set_target_addr(ip);
    let protocol = IpNextHeaderProtocols::Icmpv6.0;
    let sum = Checksum::over_pseudo_header(ip.into(), ALL_NODES.into(), protocol, MESSAGE);
    let sum = sum.with(pnet_packet::Packet::packet(&advertisement)).finish();
    advertisement.set_checksum(sum);
}

/// Who claims which address: what the hearers of a neighbor advertisement put into their caches. None for other
/// messages, and where no hardware address is told.
pub fn claim(message: &[u8]) -> Option<(Ipv6Addr, MacAddr)> {
    const NEIGHBOR_ADVERTISEMENT: u8 = 136;
    const OPTION: [u8; 2] = [2, 1];
    let (head, rest) = message.split_first_chunk::<8>()?;
    let (target, mut options) = rest.split_first_chunk::<16>()?;
    let [kind, code, ..] = *head;
    if (kind, code) != (NEIGHBOR_ADVERTISEMENT, 0) {
        return None;
    }
    while let Some((&[kind, units], _)) = options.split_first_chunk::<2>() {
        let length = usize::from(units) * TARGET_ADDRESS_OPTION;
        let (option, rest) = options.split_at_checked(length).filter(|_| length > 0)?;
        if [kind, units] == OPTION {
            return Some((Ipv6Addr::from(*target), MacAddr(*option.last_chunk()?)));
        }
        options = rest;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAC: MacAddr = MacAddr([0x52, 0x23, 0xd7, 0x03, 0x43, 0xaf]);

    fn octets(hex: &str) -> Vec<u8> {
        let digits: Vec<u8> = hex.chars().filter_map(|c| c.to_digit(16)).map(|d| d as u8).collect();
        digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
    }

    /// Captured from 2.4.3 (`spec` runtime 3.5, samples/wire-2.4.3.hex.txt).
    #[test]
    fn the_frames_are_the_originals() {
        for (ip, golden) in [
            (
                "fe80::9:6",
                "3333000000015223d70343af86dd 6000000000203aff fe800000000000000000000000090006 \
                 ff020000000000000000000000000001 8800eca9 20000000 fe800000000000000000000000090006 \
                 02015223d70343af",
            ),
            (
                "fd00:9::110",
                "3333000000015223d70343af86dd 6000000000203aff fd000009000000000000000000000110 \
                 ff020000000000000000000000000001 8800ed95 20000000 fd000009000000000000000000000110 \
                 02015223d70343af",
            ),
        ] {
            assert_eq!(unsolicited(MAC, ip.parse().unwrap(), Forwarding::Off), octets(golden), "{ip}");
        }
    }

    /// From a virtual router's own hardware address (samples/vmac.hex.txt, 2.2.7).
    #[test]
    fn a_virtual_hardware_address_is_like_any_other() {
        let golden = "33330000000100005e00023886dd 6000000000203aff fd000009000000000000000000000056 \
                      ff020000000000000000000000000001 8800fba7 20000000 fd000009000000000000000000000056 \
                      020100005e000238";
        let mac = MacAddr([0, 0, 0x5e, 0, 2, 0x38]);
        assert_eq!(unsolicited(mac, "fd00:9::56".parse().unwrap(), Forwarding::Off), octets(golden));
    }

    #[test]
    fn a_router_says_that_it_is_one_and_the_checksum_still_fits() {
        let ip = Ipv6Addr::LOCALHOST;
        let (host, router) = (unsolicited(MAC, ip, Forwarding::Off), unsolicited(MAC, ip, Forwarding::On));
        let at: Vec<usize> = (0..host.len()).filter(|at| host[*at] != router[*at]).collect();
        assert_eq!(at, [56, 58], "the checksum's upper half and the flags");
        assert_eq!(router[58], 0xa0);
        for frame in [host, router] {
            let sum = Checksum::over_pseudo_header(ip.into(), ALL_NODES.into(), 58, MESSAGE);
            assert_eq!(sum.with(&frame[54..]).finish(), 0);
        }
    }

    #[test]
    fn a_claim_is_read_back_behind_other_options_and_nothing_else_is_one() {
        let ip: Ipv6Addr = "fd00:9::56".parse().unwrap();
        let frame = unsolicited(MAC, ip, Forwarding::On);
        let message = &frame[54..];
        assert_eq!(claim(message), Some((ip, MAC)));
        let behind = [&message[..24], &[14, 2], &[0; 14], &message[24..]].concat();
        assert_eq!(claim(&behind), Some((ip, MAC)));
        for length in 0..message.len() {
            assert_eq!(claim(&message[..length]), None, "{length} octets");
        }
        let mut endless = message.to_vec();
        endless[25] = 0;
        assert_eq!(claim(&endless), None);
        let mut solicitation = message.to_vec();
        solicitation[0] = 135;
        assert_eq!(claim(&solicitation), None);
    }
}
