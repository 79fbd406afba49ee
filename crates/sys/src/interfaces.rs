//! A first look at a network interface, before anybody watches the kernel.

use std::mem;
use std::net::IpAddr;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use nix::sys::socket::SockaddrStorage;

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
    let socket = socket()?;
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

/// The name of the driver behind an interface, by which macvlans, ipvlans and routing domains are known.
pub fn driver(name: &str) -> Option<String> {
    let mut about = DriverInfo { command: ETHTOOL_GDRVINFO, driver: [0; 32], rest: [0; 160] };
    let mut request = request(name)?;
    request.ifr_ifru.ifru_data = std::ptr::from_mut(&mut about).cast();
    ask(&socket()?, libc::SIOCETHTOOL, &mut request)?;
    let end = about.driver.iter().position(|byte| *byte == 0).unwrap_or(about.driver.len());
    about.driver.get(..end).map(|name| String::from_utf8_lossy(name).into_owned())
}

/// Whether the hardware says that there is a link, as far as it knows (`ETHTOOL_GLINK`).
pub fn has_link_by_ethtool(name: &str) -> Option<bool> {
    let mut answer = [ETHTOOL_GLINK, 0_u32];
    let mut request = request(name)?;
    request.ifr_ifru.ifru_data = answer.as_mut_ptr().cast();
    ask(&socket()?, libc::SIOCETHTOOL, &mut request)?;
    Some(answer[1] != 0)
}

/// Whether the transceiver says that there is a link (`SIOCGMIIREG`, basic mode status register).
pub fn has_link_by_mii(name: &str) -> Option<bool> {
    let mut request = request(name)?;
    let socket = socket()?;
    ask(&socket, SIOCGMIIPHY, &mut request)?;
    // Four numbers of sixteen bits: which transceiver, which register, what to write, what was read.
    // SAFETY: every member of the union is plain bytes, and this one is filled in by the call above.
    let mut words: [u16; 4] =
        unsafe { std::ptr::from_ref(&request.ifr_ifru).cast::<[u16; 4]>().read_unaligned() };
    words[1] = MII_STATUS;
    // SAFETY: the union is larger than four numbers of sixteen bits, and has no value that is not allowed.
    unsafe { std::ptr::from_mut(&mut request.ifr_ifru).cast::<[u16; 4]>().write_unaligned(words) };
    ask(&socket, SIOCGMIIREG, &mut request)?;
    // SAFETY: as above.
    let words: [u16; 4] =
        unsafe { std::ptr::from_ref(&request.ifr_ifru).cast::<[u16; 4]>().read_unaligned() };
    Some(words[3] & MII_STATUS_LINK != 0)
}

/// Whether the interface's flags say that it is up and running (`SIOCGIFFLAGS`).
pub fn is_running(name: &str) -> Option<bool> {
    let mut request = request(name)?;
    ask(&socket()?, libc::SIOCGIFFLAGS, &mut request)?;
    // SAFETY: the call above filled in this member of the union.
    let flags = i32::from(unsafe { request.ifr_ifru.ifru_flags });
    let wanted = libc::IFF_UP | libc::IFF_RUNNING;
    Some(flags & wanted == wanted)
}

/// `linux/ethtool.h`.
const ETHTOOL_GDRVINFO: u32 = 3;
/// As above.
const ETHTOOL_GLINK: u32 = 10;
/// `linux/sockios.h`.
const SIOCGMIIPHY: libc::Ioctl = 0x8947;
/// As above.
const SIOCGMIIREG: libc::Ioctl = 0x8948;
/// `linux/mii.h`, `MII_BMSR`.
const MII_STATUS: u16 = 1;
/// `BMSR_LSTATUS`.
const MII_STATUS_LINK: u16 = 4;

/// `struct ethtool_drvinfo`.
#[repr(C)]
struct DriverInfo {
    command: u32,
    driver: [u8; 32],
    rest: [u8; 160],
}

fn socket() -> Option<OwnedFd> {
    // SAFETY: takes integers.
    let socket = unsafe { libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0) };
    // SAFETY: where the call succeeded, `socket` is a new descriptor that nobody else owns.
    (socket >= 0).then(|| unsafe { OwnedFd::from_raw_fd(socket) })
}

/// The names of all interfaces with their addresses and the lengths of their prefixes.
pub fn addresses() -> Vec<(String, Vec<(IpAddr, u8)>)> {
    let mut found: Vec<(String, Vec<(IpAddr, u8)>)> = Vec::new();
    for entry in nix::ifaddrs::getifaddrs().into_iter().flatten() {
        let at = match found.iter().position(|(name, _)| *name == entry.interface_name) {
            Some(at) => at,
            None => {
                found.push((entry.interface_name.clone(), Vec::new()));
                found.len() - 1
            }
        };
        let address = entry.address.as_ref().and_then(ip);
        let length = entry.netmask.as_ref().and_then(ip).map(|mask| match mask {
            IpAddr::V4(mask) => mask.to_bits().leading_ones(),
            IpAddr::V6(mask) => mask.to_bits().leading_ones(),
        });
        if let (Some((_, addresses)), Some(address), Some(length)) = (found.get_mut(at), address, length) {
            addresses.push((address, u8::try_from(length).unwrap_or(u8::MAX)));
        }
    }
    found
}

fn ip(address: &SockaddrStorage) -> Option<IpAddr> {
    let v4 = address.as_sockaddr_in().map(|address| IpAddr::V4(address.ip()));
    v4.or_else(|| address.as_sockaddr_in6().map(|address| IpAddr::V6(address.ip())))
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

    #[test]
    fn an_interface_is_asked_for_its_link_in_three_ways() {
        // The loopback has no transceiver; its driver, where it names one, is none of those we look for.
        assert_eq!(has_link_by_mii("lo"), None);
        assert!(is_running("lo").is_some() && has_link_by_ethtool("lo").is_some());
        assert_ne!(driver("lo").as_deref(), Some("macvlan"));
        for ask in [has_link_by_mii, has_link_by_ethtool, is_running] {
            assert_eq!(ask("keepalived-none"), None);
        }
        assert_eq!(driver("keepalived-none"), None);
    }

    #[test]
    fn every_interface_is_listed_with_its_addresses() {
        let all = addresses();
        let lo = all.iter().find(|(name, _)| name == "lo").map(|(_, addresses)| addresses.clone());
        // It has its address unless it is down, as in a fresh network namespace.
        assert!(
            lo.expect("every network namespace has one")
                .iter()
                .all(|(ip, length)| ip.is_loopback() == (*length == 8 || *length == 128))
        );
    }
}
