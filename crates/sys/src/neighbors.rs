//! What neighbors say of addresses: ARP, and neighbor advertisements of IPv6.

use std::io;
use std::net::IpAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use keepalived_model::LinkId;
use keepalived_model::vrrp::Family;

use crate::receive::link_of;
use crate::{check, filter, set_option};

/// Octets kept of one message: an advertisement with a few options.
pub const MESSAGE_MAX: usize = 256;

/// `ICMPV6_FILTER` (`linux/icmpv6.h`).
const ICMPV6_FILTER: i32 = 1;
/// The type of neighbor advertisements (RFC 4861 §4.4).
const NEIGHBOR_ADVERTISEMENT: usize = 136;
/// Where an ARP packet has its sender's address.
const SENDER: u32 = 14;
/// Where a neighbor advertisement has the last quarter of the address it is about.
const TARGET_END: u32 = 20;

/// Hears messages about addresses that are of interest.
#[derive(Debug)]
pub struct NeighborReceiver {
    socket: OwnedFd,
    family: Family,
}

impl NeighborReceiver {
    /// A non-blocking socket that admits nothing until [`NeighborReceiver::admit`] says what.
    pub fn open(family: Family) -> io::Result<Self> {
        let flags = libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
        // SAFETY: takes integers. A packet socket without a protocol receives nothing yet.
        let fd = check(unsafe {
            match family {
                Family::V4 => libc::socket(libc::AF_PACKET, libc::SOCK_DGRAM | flags, 0),
                Family::V6 => libc::socket(libc::AF_INET6, libc::SOCK_RAW | flags, libc::IPPROTO_ICMPV6),
            }
        })?;
        // SAFETY: the call succeeded, so `fd` is a new descriptor that nobody else owns.
        let receiver = Self { socket: unsafe { OwnedFd::from_raw_fd(fd) }, family };
        filter::attach(receiver.as_fd(), filter::nothing())?;
        match family {
            Family::V4 => receiver.bind_to_arp()?,
            Family::V6 => {
                // A bit for each type that does not pass.
                let mut blocked = [u32::MAX; 8];
                if let Some(word) = blocked.get_mut(NEIGHBOR_ADVERTISEMENT / 32) {
                    *word &= !(1 << (NEIGHBOR_ADVERTISEMENT % 32));
                }
                set_option(receiver.as_fd(), libc::IPPROTO_ICMPV6, ICMPV6_FILTER, &blocked)?;
                set_option(receiver.as_fd(), libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO, &1_i32)?;
            }
        }
        Ok(receiver)
    }

    fn bind_to_arp(&self) -> io::Result<()> {
        // SAFETY: all-zero is a valid value of this plain C structure.
        let mut name: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
        name.sll_family = u16::try_from(libc::AF_PACKET).unwrap_or(0);
        name.sll_protocol = u16::try_from(libc::ETH_P_ARP).unwrap_or(0).to_be();
        let length = libc::socklen_t::try_from(size_of_val(&name)).unwrap_or(0);
        // SAFETY: the name outlives the call and is as long as stated.
        check(unsafe { libc::bind(self.as_raw_fd(), (&raw const name).cast(), length) }).map(drop)
    }

    /// From now on only messages about these addresses wake us; where they are very many also some about others.
    pub fn admit(&self, addresses: &[IpAddr]) -> io::Result<()> {
        let word = |address: &IpAddr| match (address, self.family) {
            (IpAddr::V4(ip), Family::V4) => Some(ip.to_bits()),
            (IpAddr::V6(ip), Family::V6) => ip.octets().last_chunk().copied().map(u32::from_be_bytes),
            _ => None,
        };
        let words: Vec<u32> = addresses.iter().filter_map(word).collect();
        let at = if self.family == Family::V4 { SENDER } else { TARGET_END };
        let program = if words.is_empty() { filter::nothing() } else { filter::words(at, words) };
        filter::attach(self.as_fd(), program)
    }

    /// Whose messages these are.
    pub fn family(&self) -> Family {
        self.family
    }

    /// Fetches one message, an ARP packet or an ICMPv6 message from its type on, with the link it came in on; none
    /// when there is none.
    pub fn receive<'a>(&self, bytes: &'a mut [u8; MESSAGE_MAX]) -> io::Result<Option<(LinkId, &'a [u8])>> {
        let mut vector = libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: bytes.len() };
        let mut control = [0_u64; 16];
        // SAFETY: all-zero is a valid value of these plain C structures.
        let (mut name, mut header): (libc::sockaddr_ll, libc::msghdr) = unsafe { std::mem::zeroed() };
        header.msg_iov = &raw mut vector;
        header.msg_iovlen = 1;
        match self.family {
            Family::V4 => {
                header.msg_name = (&raw mut name).cast();
                header.msg_namelen = libc::socklen_t::try_from(size_of_val(&name)).unwrap_or(0);
            }
            Family::V6 => {
                header.msg_control = control.as_mut_ptr().cast();
                header.msg_controllen = size_of_val(&control);
            }
        }
        // SAFETY: the header points to its own vector, bytes, name and control room, all of which outlive the call.
        let got = unsafe { libc::recvmsg(self.as_raw_fd(), &raw mut header, libc::MSG_DONTWAIT) };
        let Ok(length) = usize::try_from(got) else {
            let error = io::Error::last_os_error();
            let nothing = matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted);
            return if nothing { Ok(None) } else { Err(error) };
        };
        let link = match self.family {
            Family::V4 => LinkId(u32::try_from(name.sll_ifindex).unwrap_or(0)),
            Family::V6 => link_of(&header),
        };
        Ok(Some((link, bytes.get(..length).unwrap_or(&[]))))
    }
}

impl AsFd for NeighborReceiver {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl AsRawFd for NeighborReceiver {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}
