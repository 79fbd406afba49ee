//! Adverts of version 2 (RFC 3768, with the authentication data of RFC 2338) and version 3 (RFC 5798), over IPv4
//! and IPv6.
//!
//! ```text
//!  0      1      2          3       4..6               6..8       8..8+an      8+4n..16+4n     the end
//! ┌──────┬──────┬──────────┬───────┬──────────────────┬──────────┬────────────┬───────────────┬───────────────┐
//! │ v, 1 │ VRID │ priority │ count │ v2 type, seconds │ checksum │ addresses  │ v2 over IPv4: │ auth_hmac:    │
//! │      │      │          │  (n)  │ v3 centiseconds  │          │ (a = 4/16) │ 8 octets      │ 28 octets     │
//! └──────┴──────┴──────────┴───────┴──────────────────┴──────────┴────────────┴───────────────┴───────────────┘
//! ```
//!
//! [`Packet`] is one on its way in, [`Content`] one on its way out.

mod ah;
mod incoming;
mod message;
mod outgoing;
mod replay;
mod signature;
mod v2;
mod v3;

pub use ah::{AUTH_HEADER_LENGTH, Sequence};
pub use incoming::{Address, Envelope, Guard, Heard, Packet, Proof, Terms};
pub use message::Addresses;
pub(crate) use message::MESSAGE_HEADER_LENGTH;
pub use outgoing::{Content, Delivery, Draft, Seal};
pub use replay::{Freshness, MULTICAST_SIGNERS, Signers, Stamp};
pub use signature::{TRAILER_LENGTH, Verifier, signs};
pub use v3::ChecksumForm;
