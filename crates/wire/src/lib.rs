//! Codecs for what VRRP puts on the wire. Pure; borrows what it reads, says why it refuses.
//!
//! ```text
//! datagram ──► vrrp::peek ──► whose is it? ──► vrrp::check ──► Advert or Reject
//! Outgoing ──► vrrp::encode ──► datagram          MacAddr, VIP ──► arp::gratuitous ──► frame
//! ```
//!
//! What comes from outside goes through parsers of our own that have an answer for every byte string; the
//! packets we build ourselves may use a library.

pub mod arp;
pub mod checksum;
pub mod reject;
pub mod vrrp;

mod ipv4;
