//! Multicast memberships without a limit. One socket may join only 20 groups (`igmp_max_memberships`), so UDP
//! sockets that never receive anything hold them, and the one raw socket hears every group the host joined.

use std::collections::BTreeMap;
use std::io;
use std::net::Ipv4Addr;
use std::os::fd::{AsFd, OwnedFd};

use keepalived_model::LinkId;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};

use crate::set_option;

/// What Linux allows one socket unless configured otherwise.
const GROUPS_PER_HOLDER: usize = 20;

/// The groups this process is a member of, by interface.
#[derive(Debug, Default)]
pub struct Memberships {
    holders: Vec<Holder>,
    joined: BTreeMap<(LinkId, Ipv4Addr), usize>,
}

#[derive(Debug)]
struct Holder {
    /// Bound to nothing: it works where even the loopback interface is down, as in many a new network namespace.
    socket: OwnedFd,
    /// How many groups it may still join.
    room: usize,
}

impl Memberships {
    /// Joins; false when that was so already.
    pub fn join(&mut self, link: LinkId, group: Ipv4Addr) -> io::Result<bool> {
        if self.joined.contains_key(&(link, group)) {
            return Ok(false);
        }
        let request = request(link, group);
        for (index, holder) in self.holders.iter_mut().enumerate().filter(|(_, holder)| holder.room > 0) {
            match change(&holder.socket, libc::IP_ADD_MEMBERSHIP, &request) {
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
        let socket = socket(AddressFamily::Inet, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)?;
        change(&socket, libc::IP_ADD_MEMBERSHIP, &request)?;
        self.joined.insert((link, group), self.holders.len());
        self.holders.push(Holder { socket, room: GROUPS_PER_HOLDER - 1 });
        Ok(true)
    }

    /// Leaves; nothing happens where nothing was joined, or where the interface is gone.
    pub fn leave(&mut self, link: LinkId, group: Ipv4Addr) {
        let Some(index) = self.joined.remove(&(link, group)) else { return };
        if let Some(holder) = self.holders.get_mut(index) {
            // The kernel refuses only what it has dropped by itself, together with the interface.
            let _gone_already = change(&holder.socket, libc::IP_DROP_MEMBERSHIP, &request(link, group));
            holder.room = (holder.room + 1).min(GROUPS_PER_HOLDER);
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

fn change(socket: &OwnedFd, name: i32, request: &libc::ip_mreqn) -> io::Result<()> {
    set_option(socket.as_fd(), libc::IPPROTO_IP, name, request)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Loopback is the first interface of every network namespace; joining a group there sends nothing.
    const LOOPBACK: LinkId = LinkId(1);

    #[test]
    fn more_groups_than_one_socket_may_hold_are_joined_and_left() {
        let mut memberships = Memberships::default();
        for last in 0..50 {
            assert!(memberships.join(LOOPBACK, Ipv4Addr::new(239, 1, 1, last)).unwrap());
        }
        assert!(!memberships.join(LOOPBACK, Ipv4Addr::new(239, 1, 1, 0)).unwrap());
        assert!(memberships.holders.len() >= 3);
        let listed = std::fs::read_to_string("/proc/self/net/igmp").unwrap();
        assert!(listed.contains("310101EF"), "{listed}");
        for last in 0..50 {
            memberships.leave(LOOPBACK, Ipv4Addr::new(239, 1, 1, last));
        }
        memberships.leave(LOOPBACK, Ipv4Addr::new(239, 1, 1, 0));
        let listed = std::fs::read_to_string("/proc/self/net/igmp").unwrap();
        assert!(!listed.contains("310101EF"), "{listed}");
        let holders = memberships.holders.len();
        assert!(memberships.join(LOOPBACK, Ipv4Addr::new(239, 1, 1, 0)).unwrap());
        assert_eq!(memberships.holders.len(), holders);
    }

    #[test]
    fn groups_are_joined_where_the_loopback_interface_is_down() {
        let joined = std::thread::spawn(|| {
            if let Err(error) = nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWNET) {
                eprintln!("SKIP: no network namespace may be made here: {error}");
                return true;
            }
            Memberships::default().join(LOOPBACK, Ipv4Addr::new(224, 0, 0, 18)).unwrap()
        });
        assert!(joined.join().unwrap());
    }

    #[test]
    fn joining_on_an_interface_that_does_not_exist_is_an_error() {
        assert!(Memberships::default().join(LinkId(999_999), Ipv4Addr::new(224, 0, 0, 18)).is_err());
    }
}
