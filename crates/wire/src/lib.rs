//! Codecs for what VRRP puts on the wire. Pure; borrows what it reads, says why it refuses.
pub mod reject;
