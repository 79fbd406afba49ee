//! Why a packet is refused.

/// The reason a received packet is not used; each has a counter and, once per instance and state, a line in
/// the log (`spec` runtime 2.6 and 3.8; the order of the variants is the order of the checks).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reject {
    /// Shorter than its IPv4 and VRRP headers.
    TooShort {
        /// Octets received, IPv4 header included.
        length: usize,
    },
    /// An AH header where none is expected, or none where one is.
    AuthHeader {
        /// Whether the packet has one.
        present: bool,
    },
    /// Not the length that its address count asks for.
    Length {
        /// Octets, IPv4 header included.
        received: usize,
        /// Octets, IPv4 header included.
        expected: usize,
    },
    /// A multicast advert that did not come from this link.
    Ttl {
        /// Time to live; 255 is expected.
        received: u8,
    },
    /// Another protocol version.
    Version {
        /// As received, 0–15.
        received: u8,
        /// Ours.
        expected: u8,
    },
    /// No authentication type of RFC 2338.
    AuthTypeUnknown {
        /// As received.
        received: u8,
    },
    /// Another authentication type than ours.
    AuthTypeMismatch {
        /// 0 none, 1 password, 2 authentication header.
        received: u8,
        /// Ours.
        expected: u8,
    },
    /// The password differs.
    Password,
    /// Version 2: another advert interval than ours, in seconds.
    Interval {
        /// Seconds.
        received: u8,
        /// Ours.
        expected: u8,
    },
    /// Not an advert.
    Type {
        /// 0–15; 1 is expected.
        received: u8,
    },
    /// The IPv4 header's total length is not what was received.
    TotalLength {
        /// Octets, as the header says.
        stated: usize,
        /// Octets received, padding of the frame left out.
        received: usize,
    },
    /// The VRRP checksum is wrong.
    Checksum {
        /// Protocol version, 2 or 3.
        version: u8,
    },
    /// Unicast where multicast is expected, or the reverse.
    Destination {
        /// Whether the packet went to a group.
        multicast_received: bool,
    },
    /// Not one of the configured peers.
    NotAPeer,
}

/// How many kinds of [`Reject`] there are.
pub const KINDS: usize = 14;

impl Reject {
    /// The counter of this kind, 0..[`KINDS`].
    pub fn kind(self) -> usize {
        match self {
            Self::TooShort { .. } => 0,
            Self::AuthHeader { .. } => 1,
            Self::Length { .. } => 2,
            Self::Ttl { .. } => 3,
            Self::Version { .. } => 4,
            Self::AuthTypeUnknown { .. } => 5,
            Self::AuthTypeMismatch { .. } => 6,
            Self::Password => 7,
            Self::Interval { .. } => 8,
            Self::Type { .. } => 9,
            Self::TotalLength { .. } => 10,
            Self::Checksum { .. } => 11,
            Self::Destination { .. } => 12,
            Self::NotAPeer => 13,
        }
    }
}
