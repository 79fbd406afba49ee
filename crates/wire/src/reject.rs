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
    /// Ends within its authentication header or right behind it.
    TooShortForAuthHeader {
        /// Octets received, IPv4 header included.
        length: usize,
    },
    /// Shorter than a VRRP header, over IPv6.
    TooShortV6 {
        /// Octets received; the IPv6 header is not among them.
        length: usize,
    },
    /// An AH header where none is expected, or none where one is.
    AuthHeader {
        /// Whether the packet has one.
        present: bool,
    },
    /// Not the length that its address count asks for.
    Length {
        /// Octets, an IPv4 header included.
        received: usize,
        /// Octets, an IPv4 header included.
        expected: usize,
    },
    /// A multicast advert that did not come from this link.
    Ttl {
        /// Time to live or hop limit; 255 is expected.
        received: u8,
    },
    /// Another protocol version.
    Version {
        /// As received, 0–15.
        received: u8,
        /// Ours.
        expected: u8,
    },
    /// Not signed (`auth_hmac`).
    SignatureMissing,
    /// Something that is no signature where one is expected.
    SignatureMalformed,
    /// Signed with a key we do not have.
    SignatureKeyUnknown {
        /// As received.
        id: u8,
    },
    /// The signature is not that of the key it names.
    SignatureWrong,
    /// Signed too long ago, or by a clock that is ahead.
    StampStale {
        /// Seconds the signer is ahead of us; negative when behind.
        skew: i64,
        /// Seconds allowed.
        window: u32,
    },
    /// Its signature, or a later one of the same signer, was seen already.
    StampReplayed,
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
    /// The integrity value of the authentication header is wrong: another password, or changed on its way.
    IntegrityValue,
    /// The SPI of the authentication header is not the sender's address.
    SecurityParameters {
        /// As received.
        received: u32,
        /// The sender's address.
        expected: u32,
    },
    /// The sequence number of the authentication header is not ahead of ours.
    Sequence {
        /// As received.
        received: u32,
        /// Ours.
        local: u32,
    },
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
    /// We are the address owner and do not listen to others (`owner_ignore_adverts`).
    WeAreOwner,
    /// Not one of the configured peers.
    NotAPeer,
    /// From a peer that is nearer or farther than it may be.
    TtlRange {
        /// Time to live or hop limit.
        received: u8,
        /// `min_ttl`.
        least: u8,
        /// `max_ttl`.
        most: u8,
    },
}

/// How many kinds of [`Reject`] there are.
pub const KINDS: usize = 27;

impl Reject {
    /// Whether it cannot even be said whose the packet is.
    pub fn is_too_short(self) -> bool {
        matches!(self, Self::TooShort { .. } | Self::TooShortForAuthHeader { .. } | Self::TooShortV6 { .. })
    }

    /// The counter of this kind, 0..[`KINDS`].
    pub fn kind(self) -> usize {
        match self {
            Self::TooShort { .. } => 0,
            Self::TooShortForAuthHeader { .. } => 1,
            Self::TooShortV6 { .. } => 2,
            Self::AuthHeader { .. } => 3,
            Self::Length { .. } => 4,
            Self::Ttl { .. } => 5,
            Self::Version { .. } => 6,
            Self::SignatureMissing => 7,
            Self::SignatureMalformed => 8,
            Self::SignatureKeyUnknown { .. } => 9,
            Self::SignatureWrong => 10,
            Self::StampStale { .. } => 11,
            Self::StampReplayed => 12,
            Self::AuthTypeUnknown { .. } => 13,
            Self::AuthTypeMismatch { .. } => 14,
            Self::Password => 15,
            Self::IntegrityValue => 16,
            Self::SecurityParameters { .. } => 17,
            Self::Sequence { .. } => 18,
            Self::Interval { .. } => 19,
            Self::Type { .. } => 20,
            Self::TotalLength { .. } => 21,
            Self::Checksum { .. } => 22,
            Self::Destination { .. } => 23,
            Self::WeAreOwner => 24,
            Self::NotAPeer => 25,
            Self::TtlRange { .. } => 26,
        }
    }
}
