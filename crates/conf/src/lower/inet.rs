//! Addresses as virtual servers and BFD sessions write them (`spec` lvs 1.1).

use std::net::{IpAddr, Ipv4Addr};

/// An address; what follows a `/` or `-` is dropped silently, names and brackets are nothing.
pub(super) fn address(word: &str) -> Option<IpAddr> {
    let plain = word.split(['/', '-']).next().unwrap_or(word);
    plain.parse().ok()
}

/// An IPv4 address in any of its old spellings: one to four numbers of base 8, 10 or 16, the last of which fills
/// what is left. So `24` is 0.0.0.24.
pub(super) fn numeric_host(word: &str) -> Option<Ipv4Addr> {
    let parts: Vec<u32> = word.split('.').map(part).collect::<Option<_>>()?;
    let (last, bytes) = parts.split_last()?;
    let left = 4_u32.checked_sub(u32::try_from(bytes.len()).ok()?)?;
    let room = if left == 0 { return None } else { u32::MAX >> (32 - 8 * left) };
    if *last > room || bytes.iter().any(|byte| *byte > 255) {
        return None;
    }
    let head = bytes.iter().fold(0_u64, |all, byte| (all << 8) | u64::from(*byte));
    u32::try_from((head << (8 * left)) | u64::from(*last)).ok().map(Ipv4Addr::from_bits)
}

fn part(word: &str) -> Option<u32> {
    if !word.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    match word.strip_prefix("0x").or_else(|| word.strip_prefix("0X")) {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None if word.len() > 1 && word.starts_with('0') => u32::from_str_radix(word, 8).ok(),
        None => word.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_spellings_of_addresses() {
        let check = |word: &str, expected: Option<[u8; 4]>| {
            assert_eq!(numeric_host(word), expected.map(Ipv4Addr::from), "{word}");
        };
        check("24", Some([0, 0, 0, 24]));
        check("255.255.0.0", Some([255, 255, 0, 0]));
        check("255.0.255.0", Some([255, 0, 255, 0]));
        check("255.255", Some([255, 0, 0, 255]));
        check("0xffffff00", Some([255, 255, 255, 0]));
        check("255.255.0.0.0", None);
        check("256.0.0.0", None);
        check("64x", None);
        check("foo", None);
        check("", None);
    }

    #[test]
    fn what_follows_an_address_is_dropped() {
        assert_eq!(address("10.0.0.1/24"), "10.0.0.1".parse().ok());
        assert_eq!(address("10.0.0.1-5"), "10.0.0.1".parse().ok());
        assert_eq!(address("[fd00::1]"), None);
        assert_eq!(address("host"), None);
    }
}
