//! Codecs for what VRRP puts on the wire. Pure; borrows what it reads, says why it refuses.
//!
//! ```text
//! IPv4 datagram, or IPv6 payload and envelope ──► vrrp::Packet ──► whose is it? ──► Heard or Reject
//! vrrp::Content ──► Draft, signed once ──► for the group, or for each peer ──► datagram or IPv6 payload
//! MacAddr, VIP ──► arp::gratuitous, ndp::unsolicited ──► frame
//! ```
//!
//! State that one packet leaves for the next (sequence numbers, stamps of signatures) is passed in and given back,
//! never kept.
//!
//! What comes from outside goes through parsers of our own that have an answer for every byte string; the
//! packets we build ourselves may use a library.

pub mod arp;
pub mod checksum;
pub mod ndp;
pub mod reject;
pub mod vrrp;

mod ipv4;
