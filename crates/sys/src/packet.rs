//! Complete Ethernet frames out of any interface (gratuitous ARP).

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use keepalived_model::LinkId;

use crate::check;

/// Where an Ethernet frame's destination and protocol end.
const ETHERNET_HEADER: usize = 14;

/// A packet socket that sends and never receives.
#[derive(Debug)]
pub struct FrameSender(OwnedFd);

impl FrameSender {
    /// Non-blocking.
    pub fn open() -> io::Result<Self> {
        // Protocol zero: the kernel hands us nothing.
        let kind = libc::SOCK_RAW | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
        // SAFETY: no pointer is passed.
        let fd = check(unsafe { libc::socket(libc::AF_PACKET, kind, 0) })?;
        // SAFETY: the call succeeded, so `fd` is a new descriptor that nobody else owns.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    /// Sends one frame, from its destination address on.
    pub fn send(&self, link: LinkId, frame: &[u8]) -> io::Result<()> {
        let Some(([destination @ .., _, _, _, _, _, _, high, low], _)) =
            frame.split_first_chunk::<ETHERNET_HEADER>()
        else {
            return Err(io::Error::from_raw_os_error(libc::EINVAL));
        };
        // SAFETY: all-zero is a valid value of this plain C structure.
        let mut name: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
        name.sll_family = u16::try_from(libc::AF_PACKET).unwrap_or(0);
        name.sll_protocol = u16::from_ne_bytes([*high, *low]);
        name.sll_ifindex = i32::try_from(link.0).unwrap_or(0);
        name.sll_halen = 6;
        for (to, from) in name.sll_addr.iter_mut().zip(destination) {
            *to = *from;
        }
        let length = libc::socklen_t::try_from(size_of::<libc::sockaddr_ll>()).unwrap_or(0);
        // SAFETY: frame and name outlive the call and are as long as stated.
        let sent = unsafe {
            let name = (&raw const name).cast();
            libc::sendto(
                self.0.as_raw_fd(),
                frame.as_ptr().cast(),
                frame.len(),
                libc::MSG_DONTWAIT,
                name,
                length,
            )
        };
        if sent < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_without_a_complete_header_is_refused_before_the_kernel_sees_it() {
        let sender = match FrameSender::open() {
            Ok(sender) => sender,
            Err(error) => return eprintln!("SKIP: packet sockets are not permitted here: {error}"),
        };
        let refused = sender.send(LinkId(1), &[0; 13]).unwrap_err();
        assert_eq!(refused.raw_os_error(), Some(libc::EINVAL));
        assert!(sender.send(LinkId(999_999), &[0; 42]).is_err());
    }
}
