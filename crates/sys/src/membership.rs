//! Multicast memberships without a limit. One socket may join only 20 groups (`igmp_max_memberships`), so UDP
//! sockets that never receive anything hold them, and the one raw socket hears every group the host joined.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsFd, OwnedFd};

use keepalived_model::LinkId;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};

use crate::set_option;
use keepalived_model::vrrp::Family;

/// What Linux allows one socket unless configured otherwise.
const GROUPS_PER_HOLDER: usize = 20;

/// The groups this process is a member of, by interface.
#[derive(Debug, Default)]
pub struct Memberships {
    holders: Vec<Holder>,
    joined: BTreeMap<(LinkId, IpAddr), usize>,
}

#[derive(Debug)]
struct Holder {
    /// Bound to nothing: it works where even the loopback interface is down, as in many a new network namespace.
    socket: OwnedFd,
    family: Family,
    /// How many groups it may still join.
    room: usize,
}

impl Memberships {
    /// Joins; false when that was so already.
    pub fn join(&mut self, link: LinkId, group: IpAddr) -> io::Result<bool> {
        if self.joined.contains_key(&(link, group)) {
            return Ok(false);
        }
        let family = Family::of(group);
        let fits = |holder: &Holder| holder.room > 0 && holder.family == family;
        for (index, holder) in self.holders.iter_mut().enumerate().filter(|(_, holder)| fits(holder)) {
            match change(&holder.socket, Change::Join, link, group) {
                Ok(()) => {
                    holder.room -= 1;
                    self.joined.insert((link, group), index);
                    return Ok(true);
                }
                // The administrator allows fewer than we thought.
                Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => holder.room = 0,
                Err(error) => return Err(error),
            }
        }
        let domain = match family {
            Family::V4 => AddressFamily::Inet,
            Family::V6 => AddressFamily::Inet6,
        };
        let socket = socket(domain, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)?;
        change(&socket, Change::Join, link, group)?;
        self.joined.insert((link, group), self.holders.len());
        self.holders.push(Holder { socket, family, room: GROUPS_PER_HOLDER - 1 });
        Ok(true)
    }

    /// Leaves; nothing happens where nothing was joined, or where the interface is gone.
    pub fn leave(&mut self, link: LinkId, group: IpAddr) {
        let Some(index) = self.joined.remove(&(link, group)) else { return };
        if let Some(holder) = self.holders.get_mut(index) {
            // The kernel refuses only what it has dropped by itself, together with the interface.
            let _gone_already = change(&holder.socket, Change::Leave, link, group);
            holder.room = (holder.room + 1).min(GROUPS_PER_HOLDER);
        }
    }
}

#[derive(Clone, Copy)]
enum Change {
    Join,
    Leave,
}

fn change(socket: &OwnedFd, change: Change, link: LinkId, group: IpAddr) -> io::Result<()> {
    match group {
        IpAddr::V4(group) => {
            let name = match change {
                Change::Join => libc::IP_ADD_MEMBERSHIP,
                Change::Leave => libc::IP_DROP_MEMBERSHIP,
            };
            set_option(socket.as_fd(), libc::IPPROTO_IP, name, &request(link, group))
        }
        IpAddr::V6(group) => {
            let name = match change {
                Change::Join => libc::IPV6_ADD_MEMBERSHIP,
                Change::Leave => libc::IPV6_DROP_MEMBERSHIP,
            };
            set_option(socket.as_fd(), libc::IPPROTO_IPV6, name, &request_v6(link, group))
        }
    }
}

fn request(link: LinkId, group: Ipv4Addr) -> libc::ip_mreqn {
    libc::ip_mreqn {
        imr_multiaddr: libc::in_addr { s_addr: u32::from(group).to_be() },
        imr_address: libc::in_addr { s_addr: 0 },
        imr_ifindex: i32::try_from(link.0).unwrap_or(0),
    }
}

fn request_v6(link: LinkId, group: Ipv6Addr) -> libc::ipv6_mreq {
    libc::ipv6_mreq { ipv6mr_multiaddr: libc::in6_addr { s6_addr: group.octets() }, ipv6mr_interface: link.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Loopback is the first interface of every network namespace; joining a group there sends nothing.
    const LOOPBACK: LinkId = LinkId(1);

    fn group(last: u8) -> IpAddr {
        IpAddr::from([239, 1, 1, last])
    }

    #[test]
    fn more_groups_than_one_socket_may_hold_are_joined_and_left() {
        let mut memberships = Memberships::default();
        for last in 0..50 {
            assert!(memberships.join(LOOPBACK, group(last)).unwrap());
        }
        assert!(!memberships.join(LOOPBACK, group(0)).unwrap());
        assert!(memberships.holders.len() >= 3);
        let listed = std::fs::read_to_string("/proc/self/net/igmp").unwrap();
        assert!(listed.contains("310101EF"), "{listed}");
        for last in 0..50 {
            memberships.leave(LOOPBACK, group(last));
        }
        memberships.leave(LOOPBACK, group(0));
        let listed = std::fs::read_to_string("/proc/self/net/igmp").unwrap();
        assert!(!listed.contains("310101EF"), "{listed}");
        let holders = memberships.holders.len();
        assert!(memberships.join(LOOPBACK, group(0)).unwrap());
        assert_eq!(memberships.holders.len(), holders);
    }

    #[test]
    fn groups_are_joined_where_the_loopback_interface_is_down() {
        let joined = std::thread::spawn(|| {
            if let Err(error) = nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWNET) {
                eprintln!("SKIP: no network namespace may be made here: {error}");
                return true;
            }
            Memberships::default().join(LOOPBACK, IpAddr::from([224, 0, 0, 18])).unwrap()
        });
        assert!(joined.join().unwrap());
    }

    #[test]
    fn joining_on_an_interface_that_does_not_exist_is_an_error() {
        assert!(Memberships::default().join(LinkId(999_999), IpAddr::from([224, 0, 0, 18])).is_err());
    }

    #[test]
    fn groups_of_both_families_are_held_by_sockets_of_their_own() {
        let mut memberships = Memberships::default();
        let over_ipv6 = IpAddr::from([0xff02, 0, 0, 0, 0, 0, 0, 0x12]);
        match memberships.join(LOOPBACK, over_ipv6) {
            Ok(joined) => assert!(joined),
            Err(error) => return eprintln!("SKIP: no IPv6 here: {error}"),
        }
        assert!(memberships.join(LOOPBACK, group(1)).unwrap());
        assert_eq!(memberships.holders.len(), 2);
        let listed = || std::fs::read_to_string("/proc/self/net/igmp6").unwrap();
        assert!(listed().contains("ff020000000000000000000000000012"), "{}", listed());
        memberships.leave(LOOPBACK, over_ipv6);
        assert!(!listed().contains("ff020000000000000000000000000012"), "{}", listed());
    }
}
