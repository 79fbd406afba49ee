//! Classic BPF programs: what the kernel throws away before we are woken for it.

use std::collections::BTreeSet;
use std::io;
use std::os::fd::BorrowedFd;

use keepalived_model::Vrid;
use keepalived_model::vrrp::Carrier;

use crate::set_option;

mod checksum;

/// Everything of a packet that is let through.
const ALL: u32 = u32::MAX;

/// Admits no packet at all: for sockets that only send.
pub(crate) fn nothing() -> Vec<libc::sock_filter> {
    vec![statement(libc::BPF_RET | libc::BPF_K, 0)]
}

/// Octets of an authentication header, which stands before the message.
const AUTH_HEADER: u32 = 24;

/// Admits packets whose message names one of `vrids` in its second byte, and packets too short to name one (they
/// are to be reported). Constant length: one 32-bit word of a bit map for each 32 VRIDs.
pub(crate) fn vrids(carrier: Carrier, vrids: &[Vrid]) -> Vec<libc::sock_filter> {
    // X: octets before the payload. Those of an IPv6 header are gone when the kernel asks.
    let (before, vrid_at) = match carrier {
        Carrier::Ipv4 => (statement(libc::BPF_LDX | libc::BPF_B | libc::BPF_MSH, 0), 1),
        Carrier::AuthHeader => (statement(libc::BPF_LDX | libc::BPF_B | libc::BPF_MSH, 0), AUTH_HEADER + 1),
        Carrier::Ipv6 => (statement(libc::BPF_LDX | libc::BPF_IMM, 0), 1),
    };
    let mut map = [0_u32; 8];
    for vrid in vrids {
        let number = vrid.number();
        if let Some(word) = map.get_mut(usize::from(number / 32)) {
            *word |= 1 << (number % 32);
        }
    }
    let mut program = vec![
        before,
        // A: octets of the payload.
        statement(libc::BPF_LD | libc::BPF_W | libc::BPF_LEN, 0),
        statement(libc::BPF_ALU | libc::BPF_SUB | libc::BPF_X, 0),
        // Too short for a VRID: nothing to look at.
        jump(libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K, vrid_at + 1, 1, 0),
        statement(libc::BPF_RET | libc::BPF_K, ALL),
        // Bit number within its word into memory, word number into A.
        statement(libc::BPF_LD | libc::BPF_B | libc::BPF_IND, vrid_at),
        statement(libc::BPF_MISC | libc::BPF_TAX, 0),
        statement(libc::BPF_ALU | libc::BPF_AND | libc::BPF_K, 31),
        statement(libc::BPF_ST, 0),
        statement(libc::BPF_MISC | libc::BPF_TXA, 0),
        statement(libc::BPF_ALU | libc::BPF_RSH | libc::BPF_K, 5),
        statement(libc::BPF_LDX | libc::BPF_MEM, 0),
    ];
    for (index, word) in (0_u32..).zip(map) {
        if word == 0 {
            continue;
        }
        program.extend([
            jump(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, index, 0, 6),
            statement(libc::BPF_LD | libc::BPF_IMM, word),
            statement(libc::BPF_ALU | libc::BPF_RSH | libc::BPF_X, 0),
            statement(libc::BPF_ALU | libc::BPF_AND | libc::BPF_K, 1),
            jump(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 1, 0, 1),
            statement(libc::BPF_RET | libc::BPF_K, ALL),
            statement(libc::BPF_RET | libc::BPF_K, 0),
        ]);
    }
    program.push(statement(libc::BPF_RET | libc::BPF_K, 0));
    program
}

/// As [`vrids`], and adverts over IPv4 with a wrong checksum are dropped where that can be told.
pub(crate) fn sound(carrier: Carrier, admitted: &[Vrid]) -> Vec<libc::sock_filter> {
    let mut program = match carrier {
        Carrier::Ipv4 => checksum::wrong_is_dropped(),
        // The kernel has checked it, or a key does.
        Carrier::AuthHeader | Carrier::Ipv6 => Vec::new(),
    };
    program.extend(vrids(carrier, admitted));
    program
}

/// Words that are compared one by one; more are compared by fewer of their leading bits. Far below what a program may
/// have in all (4096 instructions).
const WORDS_MAX: usize = 1000;

/// Admits packets that have one of these words at that octet.
pub(crate) fn words(at: u32, words: impl IntoIterator<Item = u32>) -> Vec<libc::sock_filter> {
    let (mut mask, mut words): (u32, BTreeSet<u32>) = (u32::MAX, words.into_iter().collect());
    while words.len() > WORDS_MAX {
        mask <<= 1;
        words = words.into_iter().map(|word| word & mask).collect();
    }
    let mut program = vec![
        statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, at),
        statement(libc::BPF_ALU | libc::BPF_AND | libc::BPF_K, mask),
    ];
    for word in words {
        program.extend([
            jump(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, word, 0, 1),
            statement(libc::BPF_RET | libc::BPF_K, ALL),
        ]);
    }
    program.push(statement(libc::BPF_RET | libc::BPF_K, 0));
    program
}

/// Puts a program in force; an earlier one is replaced without a gap.
pub(crate) fn attach(fd: BorrowedFd<'_>, mut program: Vec<libc::sock_filter>) -> io::Result<()> {
    let len = u16::try_from(program.len()).map_err(|_| io::Error::from_raw_os_error(libc::E2BIG))?;
    let described = libc::sock_fprog { len, filter: program.as_mut_ptr() };
    set_option(fd, libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, &described)
}

fn statement(code: u32, k: u32) -> libc::sock_filter {
    jump(code, k, 0, 0)
}

fn jump(code: u32, k: u32, jt: u8, jf: u8) -> libc::sock_filter {
    libc::sock_filter { code: u16::try_from(code).unwrap_or(0), jt, jf, k }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixDatagram;

    /// What the kernel lets through of one packet each; a Unix socket runs the same programs from the first
    /// byte of its datagrams on, as a raw socket does from its IPv4 header on.
    fn admitted(program: Vec<libc::sock_filter>, packet: &[u8]) -> Option<usize> {
        let (near, far) = UnixDatagram::pair().unwrap();
        far.set_nonblocking(true).unwrap();
        attach(far.as_fd(), program).unwrap();
        near.send(packet).unwrap();
        far.recv(&mut [0; 64]).ok()
    }

    fn packet(header_words: u8, vrid: u8) -> Vec<u8> {
        let mut packet = vec![0; usize::from(header_words) * 4 + 8];
        packet[0] = 0x40 | header_words;
        packet[usize::from(header_words) * 4 + 1] = vrid;
        packet
    }

    #[test]
    fn only_the_given_vrids_pass_whole_whatever_the_header_length() {
        let given: Vec<Vrid> =
            [1, 31, 32, 51, 255].into_iter().map(|raw| Vrid::try_from(raw).unwrap()).collect();
        for raw in 0..=255_u8 {
            for header_words in [5, 15] {
                let packet = packet(header_words, raw);
                let expected = given.iter().any(|vrid| vrid.number() == raw).then_some(packet.len().min(64));
                assert_eq!(
                    admitted(vrids(Carrier::Ipv4, &given), &packet),
                    expected,
                    "vrid {raw}, {header_words} words"
                );
            }
        }
        assert_eq!(admitted(vrids(Carrier::Ipv4, &[]), &packet(5, 1)), None);
    }

    fn sum(octets: &[u8], before: u32) -> u16 {
        let pairs = octets.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(pair[1]));
        let mut sum = pairs.sum::<u32>() + before;
        while sum > 0xffff {
            sum = (sum & 0xffff) + (sum >> 16);
        }
        !u16::try_from(sum).unwrap()
    }

    /// A datagram to the group with so many addresses and a right checksum, as that version has it.
    fn advert(header_words: u8, version: u8, count: u8, with_ends: bool) -> Vec<u8> {
        let mut header = vec![0; usize::from(header_words) * 4];
        header[0] = 0x40 | header_words;
        header[12..20].copy_from_slice(&[10, 9, 0, 1, 224, 0, 0, 18]);
        let mut message = vec![version << 4 | 1, 7, 100, count, 0, 1, 0, 0];
        message.extend((0..count).flat_map(|last| [10, 255, 254, last]));
        message.extend(vec![0x61; if version == 2 { 8 } else { 0 }]);
        let length = u32::try_from(message.len()).unwrap();
        let ends = header[12..20].chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(pair[1]));
        let before = if with_ends { ends.sum::<u32>() + 112 + length } else { 0 };
        let sum = sum(&message, before).to_be_bytes();
        message[6..8].copy_from_slice(&sum);
        [header, message].concat()
    }

    #[test]
    fn only_adverts_with_a_right_checksum_pass_where_that_can_be_told() {
        let given = [Vrid::try_from(7).unwrap()];
        let passes = |packet: &[u8]| admitted(sound(Carrier::Ipv4, &given), packet).is_some();
        for header_words in [5, 6, 15] {
            for (version, with_ends) in [(2, false), (3, true), (3, false)] {
                for count in [0, 1, 2, 19, 24, 25, 40] {
                    let right = advert(header_words, version, count, with_ends);
                    let behind = [&right[..], b"a trailer"].concat();
                    assert!(passes(&right) && passes(&behind), "version {version}, {count} addresses");
                    let mut wrong = right.clone();
                    let at = usize::from(header_words) * 4 + 6;
                    wrong[at + 1] ^= 1;
                    let told = u32::from(count) * 4 + if version == 2 { 16 } else { 8 } <= 112;
                    assert_eq!(passes(&wrong), !told, "wrong: version {version}, {count} addresses");
                    // To a peer, of another version, or cut off: not for us to say.
                    let mut other = wrong.clone();
                    other[16] = 10;
                    assert!(passes(&other));
                    let mut other = wrong.clone();
                    other[at - 6] = 0x51;
                    assert!(passes(&other));
                    assert!(passes(&wrong[..at + 1]));
                }
            }
        }
        let mut stranger = advert(5, 2, 1, false);
        stranger[21] = 8;
        assert!(!passes(&stranger));
    }

    #[test]
    fn one_of_some_words_passes_and_of_very_many_at_least_those() {
        let packet = |word: u32| [&[0, 0, 0, 0][..], &word.to_be_bytes()].concat();
        let few = || [1, 0xffff_ffff, 0x0a09_0064];
        for word in few() {
            assert_eq!(admitted(words(4, few()), &packet(word)), Some(8));
            assert_eq!(admitted(words(4, few()), &packet(word ^ 0x100)), None);
            assert_eq!(admitted(words(4, few()), &packet(word)[..7]), None, "too short");
        }
        let many = || (0..5000).map(|n| 0x0a00_0000 + n);
        for word in many().step_by(97) {
            assert_eq!(admitted(words(4, many()), &packet(word)), Some(8));
        }
        assert_eq!(admitted(words(4, many()), &packet(0x0b00_0000)), None);
    }

    #[test]
    fn a_packet_too_short_for_a_vrid_passes_and_nothing_passes_the_deaf() {
        let given = [Vrid::try_from(7).unwrap()];
        assert_eq!(admitted(vrids(Carrier::Ipv4, &given), &[0x45; 20]), Some(20));
        assert_eq!(admitted(vrids(Carrier::Ipv4, &given), &[0x45; 21]), Some(21));
        assert_eq!(admitted(vrids(Carrier::Ipv4, &given), &[&[0x45_u8; 21][..], &[8]].concat()), None);
        assert_eq!(admitted(nothing(), &packet(5, 7)), None);
    }

    #[test]
    fn behind_an_authentication_header_and_without_an_ipv6_header_the_vrid_is_found_too() {
        let given = [Vrid::try_from(7).unwrap()];
        let over_ipv6 = |vrid| vec![0x31, vrid, 100, 0, 0, 100, 0, 0];
        let with_header = |vrid| [&packet(5, 0)[..20], &[0; 24], &over_ipv6(vrid)].concat();
        for (carrier, packet) in
            [(Carrier::AuthHeader, &with_header as &dyn Fn(u8) -> Vec<u8>), (Carrier::Ipv6, &over_ipv6)]
        {
            assert_eq!(admitted(vrids(carrier, &given), &packet(7)), Some(packet(7).len()));
            assert_eq!(admitted(vrids(carrier, &given), &packet(8)), None);
        }
        assert_eq!(admitted(vrids(Carrier::Ipv6, &given), &[0x31]), Some(1));
        assert_eq!(admitted(vrids(Carrier::AuthHeader, &given), &with_header(7)[..45]), Some(45));
    }
}
