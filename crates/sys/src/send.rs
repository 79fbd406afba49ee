//! The sockets that send every advert: one for each family.

use std::io;
use std::net::{IpAddr, Ipv6Addr};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};

use keepalived_model::LinkId;
use keepalived_model::vrrp::Family;

use crate::receive::IPPROTO_VRRP;
use crate::{check, filter, set_option};

/// The class of network control traffic, which is what routers and queueing disciplines look at (`spec` runtime
/// 3.1).
const TRAFFIC_CLASS: i32 = 0xc0;
/// The priority of the same packets within this host.
const PRIORITY: i32 = 6;
/// Adverts do not leave their link, and receivers want to see that (RFC 5798 §5.1.2.3).
const MULTICAST_HOPS: i32 = 255;

/// Raw sockets that send from an interface and address of our choice, and hear nothing.
#[derive(Debug)]
pub struct VrrpSender {
    v4: OwnedFd,
    /// None on a host without IPv6.
    v6: Option<OwnedFd>,
}

/// Where a packet comes from and where it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    /// The interface to send from; none: whatever the routes say.
    pub link: Option<LinkId>,
    /// Source address.
    pub source: IpAddr,
    /// Destination, of the same family.
    pub destination: IpAddr,
    /// IPv6 unicast only; none: the kernel's default.
    pub hop_limit: Option<u8>,
}

/// Room for the control messages of one packet, aligned for their headers.
#[repr(C, align(8))]
struct Control([u8; 64]);

impl VrrpSender {
    /// Non-blocking, without multicast loop.
    pub fn open() -> io::Result<Self> {
        let v4 = raw_socket(libc::AF_INET, libc::IPPROTO_RAW)?;
        set_option(v4.as_fd(), libc::IPPROTO_IP, libc::IP_HDRINCL, &1_i32)?;
        set_option(v4.as_fd(), libc::IPPROTO_IP, libc::IP_MULTICAST_LOOP, &0_i32)?;
        let v6 = match raw_socket(libc::AF_INET6, IPPROTO_VRRP) {
            Ok(v6) => Some(v6),
            Err(error) if error.raw_os_error() == Some(libc::EAFNOSUPPORT) => None,
            Err(error) => return Err(error),
        };
        if let Some(v6) = &v6 {
            set_option(v6.as_fd(), libc::IPPROTO_IPV6, libc::IPV6_MULTICAST_LOOP, &0_i32)?;
            set_option(v6.as_fd(), libc::IPPROTO_IPV6, libc::IPV6_MULTICAST_HOPS, &MULTICAST_HOPS)?;
            set_option(v6.as_fd(), libc::IPPROTO_IPV6, libc::IPV6_TCLASS, &TRAFFIC_CLASS)?;
        }
        // Setting a traffic class sets this too, but to something else.
        for socket in [Some(&v4), v6.as_ref()].into_iter().flatten() {
            set_option(socket.as_fd(), libc::SOL_SOCKET, libc::SO_PRIORITY, &PRIORITY)?;
        }
        Ok(Self { v4, v6 })
    }

    /// The descriptor for a family; none on a host without it.
    pub fn descriptor(&self, family: Family) -> Option<RawFd> {
        match family {
            Family::V4 => Some(self.v4.as_raw_fd()),
            Family::V6 => self.v6.as_ref().map(AsRawFd::as_raw_fd),
        }
    }

    /// Sends one packet: a datagram with its header of IPv4, or what follows the header of IPv6. Multicast never
    /// leaves the link, unicast is routed.
    pub fn send(&self, route: Route, packet: &[u8]) -> io::Result<()> {
        let mut failed = None;
        self.send_all(&[(route, packet)], |_, error| failed = Some(error));
        failed.map_or(Ok(()), Err)
    }

    /// The same for packets in their order, many with one call. Tells which did not get out, and why.
    pub fn send_all(&self, packets: &[(Route, &[u8])], mut failed: impl FnMut(usize, io::Error)) {
        let mut start = 0;
        while let Some((route, _)) = packets.get(start) {
            let alike = |(other, _): &&(Route, &[u8])| other.call() == route.call();
            let batch: Vec<_> = packets.iter().skip(start).take(BATCH).take_while(alike).collect();
            match self.socket(route) {
                Some(socket) => {
                    send_batch(socket, route.call().1, &batch, |at, error| failed(start + at, error))
                }
                None => (0..batch.len())
                    .for_each(|at| failed(start + at, io::Error::from_raw_os_error(libc::EAFNOSUPPORT))),
            }
            start += batch.len();
        }
    }

    fn socket(&self, route: &Route) -> Option<&OwnedFd> {
        match (route.source, route.destination) {
            (IpAddr::V4(_), IpAddr::V4(_)) => Some(&self.v4),
            (IpAddr::V6(_), IpAddr::V6(_)) => self.v6.as_ref(),
            _ => None,
        }
    }
}

/// Most packets that go out with one call.
const BATCH: usize = 64;

impl Route {
    /// What packets of one call have in common: the kinds of addresses, and flags.
    fn call(&self) -> ((bool, bool), i32) {
        let multicast = self.destination.is_multicast() && self.destination.is_ipv4();
        let routing = if multicast { libc::MSG_DONTROUTE } else { 0 };
        ((self.source.is_ipv4(), self.destination.is_ipv4()), routing)
    }

    /// The address of the destination.
    fn name(&self) -> (Name, usize) {
        match self.destination {
            IpAddr::V4(destination) => {
                // SAFETY: all-zero is a valid value of this plain C structure.
                let mut name: libc::sockaddr_in = unsafe { std::mem::zeroed() };
                name.sin_family = libc::sa_family_t::try_from(libc::AF_INET).unwrap_or(0);
                name.sin_addr.s_addr = u32::from(destination).to_be();
                (Name { v4: name }, size_of_val(&name))
            }
            IpAddr::V6(destination) => {
                // SAFETY: all-zero is a valid value of this plain C structure.
                let mut name: libc::sockaddr_in6 = unsafe { std::mem::zeroed() };
                name.sin6_family = libc::sa_family_t::try_from(libc::AF_INET6).unwrap_or(0);
                name.sin6_addr.s6_addr = destination.octets();
                if is_of_one_link(destination) {
                    name.sin6_scope_id = self.index();
                }
                (Name { v6: name }, size_of_val(&name))
            }
        }
    }

    /// Where it comes from, and how far it may go; and how much of the room that takes.
    fn control(&self) -> (Control, usize) {
        let mut control = Control([0; 64]);
        let used = match self.source {
            IpAddr::V4(source) => {
                let from = libc::in_pktinfo {
                    ipi_ifindex: i32::try_from(self.index()).unwrap_or(0),
                    ipi_spec_dst: libc::in_addr { s_addr: u32::from(source).to_be() },
                    ipi_addr: libc::in_addr { s_addr: 0 },
                };
                put(&mut control, 0, libc::IPPROTO_IP, libc::IP_PKTINFO, from)
            }
            IpAddr::V6(source) => {
                let ipi6_addr = libc::in6_addr { s6_addr: source.octets() };
                let from = libc::in6_pktinfo { ipi6_addr, ipi6_ifindex: self.index() };
                let used = put(&mut control, 0, libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, from);
                match self.hop_limit.filter(|_| !self.destination.is_multicast()) {
                    Some(limit) => {
                        put(&mut control, used, libc::IPPROTO_IPV6, libc::IPV6_HOPLIMIT, i32::from(limit))
                    }
                    None => used,
                }
            }
        };
        (control, used)
    }

    fn index(&self) -> u32 {
        self.link.map_or(0, |link| link.0)
    }
}

/// An address of either family.
#[derive(Clone, Copy)]
union Name {
    v4: libc::sockaddr_in,
    v6: libc::sockaddr_in6,
}

fn raw_socket(family: i32, protocol: i32) -> io::Result<OwnedFd> {
    let kind = libc::SOCK_RAW | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    // SAFETY: no pointer is passed.
    let fd = check(unsafe { libc::socket(family, kind, protocol) })?;
    // SAFETY: the call succeeded, so `fd` is a new descriptor that nobody else owns.
    let socket = unsafe { OwnedFd::from_raw_fd(fd) };
    filter::attach(socket.as_fd(), filter::nothing())?;
    Ok(socket)
}

/// Whether the same address may be there on several links.
fn is_of_one_link(ip: Ipv6Addr) -> bool {
    ip.is_unicast_link_local() || ip.segments()[0] & 0xff0f == 0xff02
}

/// What the header of one packet points to.
struct Parts {
    name: (Name, usize),
    control: (Control, usize),
    vector: libc::iovec,
}

impl Parts {
    fn new(route: &Route, packet: &[u8]) -> Self {
        let vector = libc::iovec { iov_base: packet.as_ptr().cast_mut().cast(), iov_len: packet.len() };
        Self { name: route.name(), control: route.control(), vector }
    }

    /// Good for as long as these parts stay where they are. Sending does not write through it.
    fn header(&mut self) -> libc::mmsghdr {
        // SAFETY: all-zero is a valid value of this plain C structure.
        let mut header: libc::mmsghdr = unsafe { std::mem::zeroed() };
        header.msg_hdr.msg_name = (&raw mut self.name.0).cast();
        header.msg_hdr.msg_namelen = libc::socklen_t::try_from(self.name.1).unwrap_or(0);
        header.msg_hdr.msg_iov = &raw mut self.vector;
        header.msg_hdr.msg_iovlen = 1;
        header.msg_hdr.msg_control = self.control.0.0.as_mut_ptr().cast();
        header.msg_hdr.msg_controllen = self.control.1;
        header
    }
}

fn send_batch(
    socket: &OwnedFd,
    flags: i32,
    packets: &[&(Route, &[u8])],
    mut failed: impl FnMut(usize, io::Error),
) {
    let mut parts: Vec<Parts> = packets.iter().map(|(route, packet)| Parts::new(route, packet)).collect();
    let mut headers: Vec<libc::mmsghdr> = parts.iter_mut().map(Parts::header).collect();
    let mut done = 0;
    while let Some(rest) = headers.get_mut(done..).filter(|rest| !rest.is_empty()) {
        let count = libc::c_uint::try_from(rest.len()).unwrap_or(0);
        // SAFETY: there are so many headers, and they and all they point to, parts and packets, outlive the call.
        let sent = unsafe {
            libc::sendmmsg(socket.as_raw_fd(), rest.as_mut_ptr(), count, libc::MSG_DONTWAIT | flags)
        };
        // It stops at the first that does not go, and says why when that is the first of a call.
        match usize::try_from(sent) {
            Ok(sent) if sent > 0 => done += sent,
            _ => {
                failed(done, io::Error::last_os_error());
                done += 1;
            }
        }
    }
}

/// Writes one control message behind `used` octets of others; returns how much of the room is used then.
///
/// # Panics
/// There is no room for it, which is our own mistake.
fn put<T>(control: &mut Control, used: usize, level: i32, kind: i32, value: T) -> usize {
    let length = u32::try_from(size_of::<T>()).unwrap_or(0);
    // SAFETY: both only compute.
    let (length, space) = unsafe { (libc::CMSG_LEN(length), libc::CMSG_SPACE(length)) };
    let (length, space) = (usize::try_from(length).unwrap_or(0), usize::try_from(space).unwrap_or(0));
    assert!(used + space <= control.0.len(), "the room is as large as all messages that are put into it");
    // SAFETY: the room is aligned for a header, `used` is a sum of CMSG_SPACE and so keeps that, and the message
    // ends inside as was just checked.
    unsafe {
        let message: *mut libc::cmsghdr = control.0.as_mut_ptr().add(used).cast();
        (*message).cmsg_level = level;
        (*message).cmsg_type = kind;
        (*message).cmsg_len = length;
        libc::CMSG_DATA(message).cast::<T>().write_unaligned(value);
    }
    used + space
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::membership::Memberships;
    use crate::receive::{Ipv6Header, ReceiveBuffers, VrrpReceiver};
    use crate::wait_readable;
    use keepalived_model::Vrid;
    use keepalived_model::vrrp::Carrier;
    use std::net::Ipv4Addr;
    use std::os::fd::AsFd;
    use std::process::Command;
    use std::time::Duration;

    const GROUP: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 18);
    const LOOPBACK: LinkId = LinkId(1);

    fn on(link: LinkId, source: Ipv4Addr, destination: Ipv4Addr) -> Route {
        let (source, destination) = (source.into(), destination.into());
        Route { link: Some(link), source, destination, hop_limit: None }
    }

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
        receiver.receive(buffers).unwrap().map(|one| (one.link, one.octets.to_vec())).collect()
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
            let (sender, receiver) =
                (VrrpSender::open().unwrap(), VrrpReceiver::open(Carrier::Ipv4).unwrap());
            let (mut buffers, mut memberships) = (ReceiveBuffers::new(), Memberships::default());
            let source = Ipv4Addr::LOCALHOST;
            let send = |vrid, destination| {
                let route = on(LOOPBACK, source, destination);
                sender.send(route, &advert(vrid, source, destination)).unwrap();
            };
            let given = [Vrid::try_from(51).unwrap()];
            memberships.join(LOOPBACK, GROUP.into()).unwrap();
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
            memberships.leave(LOOPBACK, GROUP.into());
            send(51, GROUP);
            assert_eq!(heard(&receiver, &mut buffers), []);
        });
    }

    #[test]
    fn more_than_one_batch_waits_in_order() {
        in_own_namespace(|| {
            let (sender, receiver) =
                (VrrpSender::open().unwrap(), VrrpReceiver::open(Carrier::Ipv4).unwrap());
            let mut buffers = ReceiveBuffers::new();
            receiver.admit(&[Vrid::try_from(1).unwrap()]).unwrap();
            let source = Ipv4Addr::LOCALHOST;
            for priority in 0..=99 {
                let mut datagram = advert(1, source, source);
                datagram[22] = priority;
                sender.send(on(LOOPBACK, source, source), &datagram).unwrap();
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
            assert!(sender.send(on(LinkId(4242), source, GROUP), &advert(1, source, GROUP)).is_err());
        });
    }

    #[test]
    fn an_advert_over_ipv6_is_heard_with_what_stood_in_its_header() {
        in_own_namespace(|| {
            let sender = VrrpSender::open().unwrap();
            let Ok(receiver) = VrrpReceiver::open(Carrier::Ipv6) else {
                return eprintln!("SKIP: no IPv6 here");
            };
            receiver.admit(&[Vrid::try_from(51).unwrap()]).unwrap();
            let source = Ipv6Addr::LOCALHOST;
            for (hop_limit, expected) in [(Some(7), 7), (None, 64)] {
                let here = IpAddr::V6(source);
                let route = Route { link: Some(LOOPBACK), source: here, destination: here, hop_limit };
                for vrid in [50, 51] {
                    sender.send(route, &[0x31, vrid, 100, 0, 0, 100, 0, 0]).unwrap();
                }
                let mut buffers = ReceiveBuffers::new();
                let _ready = wait_readable(&[receiver.as_fd()], Some(Duration::from_millis(100))).unwrap();
                let mut received = receiver.receive(&mut buffers).unwrap();
                let one = received.next().expect("one packet of the VRID that is admitted");
                let header = Ipv6Header { source, destination: source, hop_limit: expected };
                assert_eq!((one.link, one.header), (LOOPBACK, Some(header)));
                assert_eq!(one.octets, [0x31, 51, 100, 0, 0, 100, 0, 0]);
                assert!(received.next().is_none());
            }
        });
    }
}
