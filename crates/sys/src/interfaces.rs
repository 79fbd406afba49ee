//! A first look at a network interface, before anybody watches the kernel.

use std::mem;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

/// What is known of an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interface {
    /// `IFF_LOOPBACK`.
    pub loopback: bool,
    /// `IFF_MULTICAST`.
    pub multicast: bool,
    /// Bytes of payload a frame may carry.
    pub mtu: u32,
    /// `ARPHRD_ETHER`.
    pub ethernet: bool,
}

/// The interface of that name in the network namespace of this process.
pub fn find(name: &str) -> Option<Interface> {
    // SAFETY: takes integers.
    let socket = unsafe { libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0) };
    if socket < 0 {
        return None;
    }
    // SAFETY: the call succeeded, so `socket` is a new descriptor that nobody else owns.
    let socket = unsafe { OwnedFd::from_raw_fd(socket) };
    let mut request = request(name)?;
    ask(&socket, libc::SIOCGIFFLAGS, &mut request)?;
    // SAFETY: the call above filled in this member of the union.
    let flags = i32::from(unsafe { request.ifr_ifru.ifru_flags });
    ask(&socket, libc::SIOCGIFMTU, &mut request)?;
    // SAFETY: the call above filled in this member of the union.
    let mtu = unsafe { request.ifr_ifru.ifru_mtu };
    ask(&socket, libc::SIOCGIFHWADDR, &mut request)?;
    // SAFETY: the call above filled in this member of the union.
    let kind = unsafe { request.ifr_ifru.ifru_hwaddr.sa_family };
    Some(Interface {
        loopback: flags & libc::IFF_LOOPBACK != 0,
        multicast: flags & libc::IFF_MULTICAST != 0,
        mtu: u32::try_from(mtu).unwrap_or(0),
        ethernet: kind == libc::ARPHRD_ETHER,
    })
}

/// A question about that name; `None` for one no interface can have.
fn request(name: &str) -> Option<libc::ifreq> {
    // SAFETY: all-zero is a valid value of this plain C structure.
    let mut request: libc::ifreq = unsafe { mem::zeroed() };
    if name.is_empty() || name.len() >= request.ifr_name.len() {
        return None;
    }
    for (place, byte) in request.ifr_name.iter_mut().zip(name.bytes()) {
        *place = libc::c_char::from_ne_bytes([byte]);
    }
    Some(request)
}

fn ask(socket: &OwnedFd, what: libc::Ioctl, request: &mut libc::ifreq) -> Option<()> {
    // SAFETY: all questions read and write one `ifreq`, which outlives the call.
    let result = unsafe { libc::ioctl(socket.as_raw_fd(), what, std::ptr::from_mut(request)) };
    (result == 0).then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loopback_interface_is_known_and_an_invented_one_is_not() {
        let lo = find("lo").expect("every network namespace has one");
        assert!(lo.loopback && lo.mtu >= 1280 && !lo.ethernet);
        assert_eq!(find("keepalived-none"), None);
        assert_eq!(find("a-name-that-is-far-too-long"), None);
        assert_eq!(find(""), None);
    }
}
