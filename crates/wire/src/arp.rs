//! Gratuitous ARP: how a new master moves the traffic for an IPv4 address to itself.

use std::net::Ipv4Addr;

use keepalived_model::MacAddr;
use pnet_packet::arp::{ArpHardwareTypes, ArpOperations, MutableArpPacket};
use pnet_packet::ethernet::{EtherTypes, MutableEthernetPacket};

/// Everybody on the link.
const BROADCAST: [u8; 6] = [0xff; 6];

/// A complete Ethernet frame of 42 octets that announces `ip` at `mac`: a broadcast request whose sender and
/// target are both the address, with the broadcast address as the target's hardware address
/// (`spec` runtime 3.5). The frame is not padded; the card does that.
pub fn gratuitous(mac: MacAddr, ip: Ipv4Addr) -> Vec<u8> {
    const ETHERNET: usize = MutableEthernetPacket::minimum_packet_size();
    let mut frame = vec![0; ETHERNET + MutableArpPacket::minimum_packet_size()];
    if let Some(mut ethernet) = MutableEthernetPacket::new(&mut frame) {
        ethernet.set_destination(BROADCAST.into());
        ethernet.set_source(mac.0.into());
        ethernet.set_ethertype(EtherTypes::Arp);
    }
    if let Some(mut arp) = frame.get_mut(ETHERNET..).and_then(MutableArpPacket::new) {
        arp.set_hardware_type(ArpHardwareTypes::Ethernet);
        arp.set_protocol_type(EtherTypes::Ipv4);
        arp.set_hw_addr_len(6);
        arp.set_proto_addr_len(4);
        arp.set_operation(ArpOperations::Request);
        arp.set_sender_hw_addr(mac.0.into());
        arp.set_sender_proto_addr(ip);
        arp.set_target_hw_addr(BROADCAST.into());
        arp.set_target_proto_addr(ip);
    }
    frame
}

/// Who claims which address: the sender of an ARP packet, request or answer, as its hearers put it into their caches.
/// None for what is no ARP about Ethernet and IPv4, and for a probe, which claims nothing.
pub fn claim(packet: &[u8]) -> Option<(Ipv4Addr, MacAddr)> {
    /// Ethernet, IPv4, six and four octets.
    const KIND: [u8; 6] = [0, 1, 8, 0, 6, 4];
    let (kind, rest) = packet.split_first_chunk::<6>()?;
    let (_operation, rest) = rest.split_first_chunk::<2>()?;
    let (mac, rest) = rest.split_first_chunk::<6>()?;
    let (ip, _target) = rest.split_first_chunk::<4>()?;
    let ip = Ipv4Addr::from(*ip);
    (*kind == KIND && !ip.is_unspecified()).then_some((ip, MacAddr(*mac)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Captured from the original (`spec` runtime 3.5, samples/wire.pcap).
    #[test]
    fn the_frame_is_the_originals() {
        #[rustfmt::skip]
        let golden = [
            0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xba, 0x06, 0xda, 0xee, 0x6e, 0x7e, 0x08, 0x06,
            0x00, 0x01, 0x08, 0x00, 0x06, 0x04, 0x00, 0x01,
            0xba, 0x06, 0xda, 0xee, 0x6e, 0x7e, 0x0a, 0x09, 0x00, 0x6a,
            0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0a, 0x09, 0x00, 0x6a,
        ];
        let mac = MacAddr([0xba, 0x06, 0xda, 0xee, 0x6e, 0x7e]);
        assert_eq!(gratuitous(mac, Ipv4Addr::new(10, 9, 0, 106)), golden);
    }

    #[test]
    fn a_claim_is_read_back_and_nothing_else_is_one() {
        let (mac, ip) = (MacAddr([0xba, 6, 0xda, 0xee, 0x6e, 0x7e]), Ipv4Addr::new(10, 9, 0, 106));
        let frame = gratuitous(mac, ip);
        let packet = &frame[14..];
        assert_eq!(claim(packet), Some((ip, mac)));
        assert_eq!(claim(&packet[..18]), Some((ip, mac)), "the target does not matter");
        assert_eq!((claim(&packet[..17]), claim(&[])), (None, None));
        for at in 0..6 {
            let mut other = packet.to_vec();
            other[at] ^= 0x40;
            assert_eq!(claim(&other), None, "octet {at}");
        }
        let mut probe = packet.to_vec();
        probe[14..18].fill(0);
        assert_eq!(claim(&probe), None);
    }
}
