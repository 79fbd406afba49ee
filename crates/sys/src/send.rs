//! The one socket that sends every advert.

use std::io;
use std::net::Ipv4Addr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use keepalived_model::LinkId;

use crate::{check, filter, set_option};

/// A raw socket that sends complete IPv4 datagrams from an interface and address of our choice, and hears
/// nothing.
#[derive(Debug)]
pub struct VrrpSender(OwnedFd);

/// Room for one IP_PKTINFO control message, aligned for its header.
#[repr(C, align(8))]
struct Control([u8; 64]);

impl VrrpSender {
    /// Non-blocking, without multicast loop.
    pub fn open() -> io::Result<Self> {
        let kind = libc::SOCK_RAW | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
        // SAFETY: no pointer is passed.
        let fd = check(unsafe { libc::socket(libc::AF_INET, kind, libc::IPPROTO_RAW) })?;
        // SAFETY: the call succeeded, so `fd` is a new descriptor that nobody else owns.
        let socket = Self(unsafe { OwnedFd::from_raw_fd(fd) });
        filter::attach(socket.as_fd(), filter::nothing())?;
        set_option(socket.as_fd(), libc::IPPROTO_IP, libc::IP_HDRINCL, &1_i32)?;
        set_option(socket.as_fd(), libc::IPPROTO_IP, libc::IP_MULTICAST_LOOP, &0_i32)?;
        // 0xc0, as in the header; this is what queueing disciplines look at (`spec` runtime 3.1).
        set_option(socket.as_fd(), libc::SOL_SOCKET, libc::SO_PRIORITY, &6_i32)?;
        Ok(socket)
    }

    /// Sends one datagram, header included; multicast never leaves the link, unicast is routed.
    pub fn send(
        &self,
        link: LinkId,
        source: Ipv4Addr,
        destination: Ipv4Addr,
        datagram: &[u8],
    ) -> io::Result<()> {
        let mut vector =
            libc::iovec { iov_base: datagram.as_ptr().cast_mut().cast(), iov_len: datagram.len() };
        // SAFETY: all-zero is a valid value of this plain C structure.
        let mut name: libc::sockaddr_in = unsafe { std::mem::zeroed() };
        name.sin_family = libc::sa_family_t::try_from(libc::AF_INET).unwrap_or(0);
        name.sin_addr.s_addr = u32::from(destination).to_be();
        let mut control = Control([0; 64]);
        // SAFETY: all-zero is a valid value of this plain C structure.
        let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
        header.msg_name = (&raw mut name).cast();
        header.msg_namelen = libc::socklen_t::try_from(size_of::<libc::sockaddr_in>()).unwrap_or(0);
        header.msg_iov = &raw mut vector;
        header.msg_iovlen = 1;
        header.msg_control = control.0.as_mut_ptr().cast();
        header.msg_controllen = control.0.len();
        let from = libc::in_pktinfo {
            ipi_ifindex: i32::try_from(link.0).unwrap_or(0),
            ipi_spec_dst: libc::in_addr { s_addr: u32::from(source).to_be() },
            ipi_addr: libc::in_addr { s_addr: 0 },
        };
        header.msg_controllen = put_pktinfo(&header, from);
        let routing = if destination.is_multicast() { libc::MSG_DONTROUTE } else { 0 };
        // SAFETY: name, vector, datagram and control outlive the call; sendmsg does not write through them.
        let sent =
            unsafe { libc::sendmsg(self.0.as_raw_fd(), &raw const header, libc::MSG_DONTWAIT | routing) };
        if sent < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }
}

/// Writes the one control message into the room `header` describes; returns how much of it is used.
fn put_pktinfo(header: &libc::msghdr, from: libc::in_pktinfo) -> usize {
    let length = u32::try_from(size_of::<libc::in_pktinfo>()).unwrap_or(0);
    // SAFETY: the room (64 bytes, aligned) is large enough for one header and one in_pktinfo, so CMSG_FIRSTHDR
    // is not null and everything written stays inside.
    unsafe {
        let message = libc::CMSG_FIRSTHDR(header);
        (*message).cmsg_level = libc::IPPROTO_IP;
        (*message).cmsg_type = libc::IP_PKTINFO;
        (*message).cmsg_len = usize::try_from(libc::CMSG_LEN(length)).unwrap_or(0);
        libc::CMSG_DATA(message).cast::<libc::in_pktinfo>().write_unaligned(from);
        usize::try_from(libc::CMSG_SPACE(length)).unwrap_or(0)
    }
}

impl AsFd for VrrpSender {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl AsRawFd for VrrpSender {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::membership::Memberships;
    use crate::receive::{ReceiveBuffers, VrrpReceiver};
    use crate::wait_readable;
    use keepalived_model::Vrid;
    use std::process::Command;
    use std::time::Duration;

    const GROUP: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 18);
    const LOOPBACK: LinkId = LinkId(1);

    /// An advert of the specification's samples with this VRID; header checksum and length are the kernel's job.
    fn advert(vrid: u8, source: Ipv4Addr, destination: Ipv4Addr) -> Vec<u8> {
        let mut datagram = vec![0x45, 0xc0, 0, 40, 0, 7, 0, 0, 255, 112, 0, 0];
        datagram.extend(source.octets());
        datagram.extend(destination.octets());
        datagram.extend([0x21, vrid, 150, 1, 0, 1, 0, 0, 10, 9, 0, 100, 0, 0, 0, 0, 0, 0, 0, 0]);
        datagram
    }

    fn heard(receiver: &VrrpReceiver, buffers: &mut ReceiveBuffers) -> Vec<(LinkId, Vec<u8>)> {
        let _ready = wait_readable(&[receiver.as_fd()], Some(Duration::from_millis(100))).unwrap();
        receiver.receive(buffers).unwrap().map(|one| (one.link, one.datagram.to_vec())).collect()
    }

    /// Runs in a network namespace of its own, on loopback, so that nothing leaves.
    fn in_own_namespace(test: fn()) {
        std::thread::spawn(move || {
            if let Err(error) = nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWNET) {
                return eprintln!("SKIP: network namespaces are not permitted here: {error}");
            }
            let up = Command::new("ip").args(["link", "set", "lo", "up"]).status();
            match up {
                Ok(status) if status.success() => test(),
                other => eprintln!("SKIP: no usable ip command here: {other:?}"),
            }
        })
        .join()
        .unwrap();
    }

    #[test]
    fn an_advert_is_heard_on_its_link_by_who_joined_and_admits_its_vrid() {
        in_own_namespace(|| {
            let (sender, receiver) = (VrrpSender::open().unwrap(), VrrpReceiver::open().unwrap());
            let (mut buffers, mut memberships) = (ReceiveBuffers::new(), Memberships::default());
            let source = Ipv4Addr::LOCALHOST;
            let send = |vrid, destination| {
                sender.send(LOOPBACK, source, destination, &advert(vrid, source, destination)).unwrap();
            };
            let given = [Vrid::try_from(51).unwrap()];
            memberships.join(LOOPBACK, GROUP).unwrap();
            send(51, GROUP);
            assert_eq!(heard(&receiver, &mut buffers), [], "nothing is admitted yet");
            receiver.admit(&given).unwrap();
            for vrid in [50, 51, 52] {
                send(vrid, GROUP);
            }
            let seen = heard(&receiver, &mut buffers);
            let [(link, datagram)] = seen.as_slice() else { panic!("{seen:?}") };
            assert_eq!(*link, LOOPBACK);
            // All but the checksum, bytes 10 and 11, is as sent; the identification is kept.
            let expected = advert(51, source, GROUP);
            assert_eq!((&datagram[..10], &datagram[12..]), (&expected[..10], &expected[12..]));
            send(51, source);
            assert_eq!(heard(&receiver, &mut buffers).len(), 1, "unicast is heard without joining");
            memberships.leave(LOOPBACK, GROUP);
            send(51, GROUP);
            assert_eq!(heard(&receiver, &mut buffers), []);
        });
    }

    #[test]
    fn more_than_one_batch_waits_in_order() {
        in_own_namespace(|| {
            let (sender, receiver) = (VrrpSender::open().unwrap(), VrrpReceiver::open().unwrap());
            let mut buffers = ReceiveBuffers::new();
            receiver.admit(&[Vrid::try_from(1).unwrap()]).unwrap();
            let source = Ipv4Addr::LOCALHOST;
            for priority in 0..=99 {
                let mut datagram = advert(1, source, source);
                datagram[22] = priority;
                sender.send(LOOPBACK, source, source, &datagram).unwrap();
            }
            let mut priorities = Vec::new();
            while priorities.len() < 100 {
                let seen = heard(&receiver, &mut buffers);
                assert!(!seen.is_empty() && seen.len() <= crate::receive::BATCH);
                priorities.extend(seen.iter().map(|(_, datagram)| datagram[22]));
            }
            assert_eq!(priorities, (0..=99).collect::<Vec<u8>>());
        });
    }

    #[test]
    fn sending_where_there_is_no_interface_is_an_error() {
        in_own_namespace(|| {
            let sender = VrrpSender::open().unwrap();
            let source = Ipv4Addr::LOCALHOST;
            assert!(sender.send(LinkId(4242), source, GROUP, &advert(1, source, GROUP)).is_err());
        });
    }
}
