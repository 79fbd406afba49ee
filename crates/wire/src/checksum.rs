//! The Internet checksum (RFC 1071).

use std::net::IpAddr;

/// One's complement sum over everything added so far; carries are folded at the end.
#[derive(Clone, Copy, Debug, Default)]
pub struct Checksum(u64);

impl Checksum {
    /// The sum over a pseudo header. That of IPv4 (RFC 5798 §5.2.8) and that of IPv6 (RFC 8200 §8.1) place the
    /// same four things differently, which makes no difference to a sum of words.
    pub fn over_pseudo_header(source: IpAddr, destination: IpAddr, protocol: u8, length: usize) -> Self {
        let length = u32::try_from(length).unwrap_or(u32::MAX);
        Self::default()
            .with_address(source)
            .with_address(destination)
            .with(&[0, protocol])
            .with(&length.to_be_bytes())
    }

    fn with_address(self, address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => self.with(&address.octets()),
            IpAddr::V6(address) => self.with(&address.octets()),
        }
    }

    /// Adds bytes as big-endian 16-bit words. An odd last byte counts as the upper half of a word, so only
    /// the last piece may be of odd length.
    #[must_use]
    pub fn with(self, bytes: &[u8]) -> Self {
        let (words, rest) = bytes.as_chunks::<2>();
        let whole: u64 = words.iter().map(|word| u64::from(u16::from_be_bytes(*word))).sum();
        let odd: u64 = rest.iter().map(|byte| u64::from(*byte) << 8).sum();
        Self(self.0 + whole + odd)
    }

    /// The sum's complement: what belongs into the checksum field when that field was added as zero, and zero
    /// when a correct checksum was added with the rest.
    pub fn finish(self) -> u16 {
        let mut sum = self.0;
        while sum > 0xffff {
            sum = (sum & 0xffff) + (sum >> 16);
        }
        !u16::try_from(sum).unwrap_or(u16::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_rfc_1071_sums_up_to_ddf2() {
        let bytes = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
        assert_eq!(Checksum::default().with(&bytes).finish(), !0xddf2);
    }

    #[test]
    fn an_odd_byte_counts_as_the_upper_half() {
        assert_eq!(Checksum::default().with(&[0xab]).finish(), Checksum::default().with(&[0xab, 0]).finish());
    }

    #[test]
    fn a_correct_checksum_makes_zero() {
        let sum = Checksum::default().with(&[1, 2, 3, 4]).finish();
        assert_eq!(Checksum::default().with(&[1, 2, 3, 4]).with(&sum.to_be_bytes()).finish(), 0);
    }
}
