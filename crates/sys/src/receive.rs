//! The sockets that hear every advert of every interface: one for each carrier.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::Ipv6Addr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use keepalived_model::vrrp::Carrier;
use keepalived_model::{LinkId, Vrid};

use crate::{check, filter, set_option};

/// IP protocol 112.
pub(crate) const IPPROTO_VRRP: i32 = 112;
/// Room for what arrives while we are not running: some 10,000 adverts.
const RECEIVE_BUFFER: u32 = 8 << 20;
/// Datagrams fetched by one system call.
pub const BATCH: usize = 32;
/// Bytes kept of one datagram: the longest advert (255 addresses) with the longest IPv4 header fits.
const DATAGRAM_MAX: usize = 2048;

/// A raw socket that receives every multicast group any socket of this host has joined.
#[derive(Debug)]
pub struct VrrpReceiver {
    socket: OwnedFd,
    carrier: Carrier,
    /// Whose packets come in.
    admitted: RefCell<Vec<Vrid>>,
    scrutiny: Cell<Scrutiny>,
}

/// How closely the kernel looks at what it lets in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scrutiny {
    /// At the VRID only: whatever else is wrong with a packet can be told and counted.
    Usual,
    /// Also at checksums: under a flood nobody counts any more.
    Siege,
}

/// One received packet.
#[derive(Clone, Copy, Debug)]
pub struct Received<'a> {
    /// The interface it came in on.
    pub link: LinkId,
    /// IPv4: the datagram from its header on. IPv6: what follows the header.
    pub octets: &'a [u8],
    /// What stood in the header of IPv6.
    pub header: Option<Ipv6Header>,
}

/// What the kernel tells of an IPv6 header that it has taken off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ipv6Header {
    /// Source address.
    pub source: Ipv6Addr,
    /// Destination address.
    pub destination: Ipv6Addr,
    /// Hop limit as received.
    pub hop_limit: u8,
}

/// Where datagrams are received into; reused from call to call.
#[derive(Debug)]
pub struct ReceiveBuffers {
    bytes: Box<[[u8; DATAGRAM_MAX]; BATCH]>,
    control: Box<[Control; BATCH]>,
    arrived: [Arrived; BATCH],
    count: usize,
}

/// Room for the control messages about one packet, aligned for their headers.
#[repr(C, align(8))]
#[derive(Clone, Copy, Debug)]
struct Control([u8; 128]);

/// What is known of one packet beside its octets.
#[derive(Clone, Copy, Debug)]
struct Arrived {
    link: LinkId,
    length: usize,
    header: Option<Ipv6Header>,
}

impl Arrived {
    const NOTHING: Self = Self { link: LinkId(0), length: 0, header: None };
}

impl VrrpReceiver {
    /// A non-blocking socket that admits nothing until [`VrrpReceiver::admit`] says what.
    pub fn open(carrier: Carrier) -> io::Result<Self> {
        let (family, protocol) = match carrier {
            Carrier::Ipv4 => (libc::AF_INET, IPPROTO_VRRP),
            Carrier::AuthHeader => (libc::AF_INET, libc::IPPROTO_AH),
            Carrier::Ipv6 => (libc::AF_INET6, IPPROTO_VRRP),
        };
        let kind = libc::SOCK_RAW | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
        // SAFETY: no pointer is passed.
        let fd = check(unsafe { libc::socket(family, kind, protocol) })?;
        // SAFETY: the call succeeded, so `fd` is a new descriptor that nobody else owns.
        let socket = unsafe { OwnedFd::from_raw_fd(fd) };
        filter::attach(socket.as_fd(), filter::nothing())?;
        let (level, options): (i32, &[i32]) = match carrier {
            Carrier::Ipv4 | Carrier::AuthHeader => {
                (libc::IPPROTO_IP, &[libc::IP_PKTINFO, libc::IP_MULTICAST_ALL])
            }
            // Every group is heard unless said otherwise.
            Carrier::Ipv6 => (libc::IPPROTO_IPV6, &[libc::IPV6_RECVPKTINFO, libc::IPV6_RECVHOPLIMIT]),
        };
        for option in options {
            set_option(socket.as_fd(), level, *option, &1_i32)?;
        }
        let (admitted, scrutiny) = (RefCell::default(), Cell::new(Scrutiny::Usual));
        let receiver = Self { socket, carrier, admitted, scrutiny };
        receiver.make_room(RECEIVE_BUFFER)?;
        Ok(receiver)
    }

    /// Sees to it that so many octets find room, and never less than what it began with.
    pub fn make_room(&self, octets: u32) -> io::Result<()> {
        let octets = i32::try_from(octets.max(RECEIVE_BUFFER)).unwrap_or(i32::MAX);
        // Without the capability the administrator's limit holds; a smaller buffer is no reason not to start.
        if set_option(self.as_fd(), libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, &octets).is_err() {
            set_option(self.as_fd(), libc::SOL_SOCKET, libc::SO_RCVBUF, &octets)?;
        }
        Ok(())
    }

    /// What it hears.
    pub fn carrier(&self) -> Carrier {
        self.carrier
    }

    /// Whether anything can come in.
    pub fn is_open(&self) -> bool {
        !self.admitted.borrow().is_empty()
    }

    /// From now on only these virtual routers' packets (and those too short to tell) wake us.
    pub fn admit(&self, vrids: &[Vrid]) -> io::Result<()> {
        self.admitted.replace(vrids.to_vec());
        self.select()
    }

    /// From now on it is looked this closely.
    pub fn scrutinize(&self, scrutiny: Scrutiny) -> io::Result<()> {
        self.scrutiny.set(scrutiny);
        self.select()
    }

    fn select(&self) -> io::Result<()> {
        let vrids = self.admitted.borrow();
        let program = match self.scrutiny.get() {
            _ if vrids.is_empty() => filter::nothing(),
            Scrutiny::Usual => filter::vrids(self.carrier, &vrids),
            Scrutiny::Siege => filter::sound(self.carrier, &vrids),
        };
        filter::attach(self.as_fd(), program)
    }

    /// Fetches up to [`BATCH`] datagrams; none when there are none. Errors of the kernel about datagrams we
    /// sent (ICMP) are not ours to act on and read as none.
    pub fn receive<'a>(
        &self,
        buffers: &'a mut ReceiveBuffers,
    ) -> io::Result<impl ExactSizeIterator<Item = Received<'a>>> {
        buffers.count = 0;
        match buffers.fill(self.as_fd(), self.carrier) {
            Ok(count) => buffers.count = count,
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
            Err(error) => return Err(error),
        }
        Ok(buffers.arrived())
    }
}

impl ReceiveBuffers {
    /// About 70 kB.
    pub fn new() -> Self {
        Self {
            bytes: Box::new([[0; DATAGRAM_MAX]; BATCH]),
            control: Box::new([Control([0; 128]); BATCH]),
            arrived: [Arrived::NOTHING; BATCH],
            count: 0,
        }
    }

    fn fill(&mut self, socket: BorrowedFd<'_>, carrier: Carrier) -> io::Result<usize> {
        let mut vectors: [libc::iovec; BATCH] = std::array::from_fn(|index| {
            let bytes = self.bytes.get_mut(index).map_or(&mut [][..], |bytes| &mut bytes[..]);
            libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: bytes.len() }
        });
        let mut headers: [libc::mmsghdr; BATCH] = std::array::from_fn(|_| {
            // SAFETY: all-zero is a valid value of this plain C structure.
            unsafe { std::mem::zeroed() }
        });
        // SAFETY: all-zero is a valid value of this plain C structure.
        let mut names: [libc::sockaddr_in6; BATCH] = std::array::from_fn(|_| unsafe { std::mem::zeroed() });
        let rooms = self.control.iter_mut().zip(&mut names);
        for ((header, vector), (control, name)) in headers.iter_mut().zip(&mut vectors).zip(rooms) {
            // A datagram of IPv4 says itself where it comes from.
            if carrier == Carrier::Ipv6 {
                header.msg_hdr.msg_name = (&raw mut *name).cast();
                header.msg_hdr.msg_namelen = libc::socklen_t::try_from(size_of_val(name)).unwrap_or(0);
            }
            header.msg_hdr.msg_iov = vector;
            header.msg_hdr.msg_iovlen = 1;
            header.msg_hdr.msg_control = control.0.as_mut_ptr().cast();
            header.msg_hdr.msg_controllen = control.0.len();
        }
        let (flags, no_limit) = (libc::MSG_DONTWAIT, std::ptr::null_mut());
        let length = u32::try_from(BATCH).unwrap_or(0);
        // SAFETY: every header points to its own name, vector, bytes and control room, all of which outlive the call.
        let got = check(unsafe {
            libc::recvmmsg(socket.as_raw_fd(), headers.as_mut_ptr(), length, flags, no_limit)
        })?;
        let count = usize::try_from(got).unwrap_or(0).min(BATCH);
        for ((arrived, header), name) in self.arrived.iter_mut().zip(&headers).zip(&names).take(count) {
            let length = usize::try_from(header.msg_len).unwrap_or(0).min(DATAGRAM_MAX);
            let source = Ipv6Addr::from(name.sin6_addr.s6_addr);
            *arrived = Arrived { length, ..told(&header.msg_hdr, source) };
        }
        Ok(count)
    }

    fn arrived(&self) -> impl ExactSizeIterator<Item = Received<'_>> {
        self.arrived.iter().zip(self.bytes.iter()).take(self.count).map(|(arrived, bytes)| Received {
            link: arrived.link,
            octets: bytes.get(..arrived.length).unwrap_or(&[]),
            header: arrived.header,
        })
    }
}

impl Default for ReceiveBuffers {
    fn default() -> Self {
        Self::new()
    }
}

/// What the control messages tell; index zero, which no interface has, where none names an interface.
fn told(header: &libc::msghdr, source: Ipv6Addr) -> Arrived {
    let (mut arrived, mut destination, mut hop_limit) = (Arrived::NOTHING, None, 0);
    // SAFETY: the kernel has just filled the control room that `header` describes.
    let mut message = unsafe { libc::CMSG_FIRSTHDR(header) };
    while !message.is_null() {
        // SAFETY: CMSG_FIRSTHDR and CMSG_NXTHDR return null or a complete message header inside the room.
        let (level, kind) = unsafe { ((*message).cmsg_level, (*message).cmsg_type) };
        match (level, kind) {
            (libc::IPPROTO_IP, libc::IP_PKTINFO) => {
                // SAFETY: a message of this type carries just that.
                let it: libc::in_pktinfo = unsafe { content(message) };
                arrived.link = LinkId(u32::try_from(it.ipi_ifindex).unwrap_or(0));
            }
            (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => {
                // SAFETY: a message of this type carries just that.
                let it: libc::in6_pktinfo = unsafe { content(message) };
                arrived.link = LinkId(it.ipi6_ifindex);
                destination = Some(Ipv6Addr::from(it.ipi6_addr.s6_addr));
            }
            (libc::IPPROTO_IPV6, libc::IPV6_HOPLIMIT) => {
                // SAFETY: a message of this type carries just that.
                let it: i32 = unsafe { content(message) };
                hop_limit = u8::try_from(it).unwrap_or(0);
            }
            _ => {}
        }
        // SAFETY: both pointers come from the same header.
        message = unsafe { libc::CMSG_NXTHDR(header, message) };
    }
    arrived.header = destination.map(|destination| Ipv6Header { source, destination, hop_limit });
    arrived
}

/// The link a packet came in on, as the control messages have it; zero where none does.
pub(crate) fn link_of(header: &libc::msghdr) -> LinkId {
    told(header, Ipv6Addr::UNSPECIFIED).link
}

/// What a control message carries.
///
/// # Safety
/// The message is complete and carries a `T` of plain numbers.
unsafe fn content<T>(message: *const libc::cmsghdr) -> T {
    // SAFETY: the caller says so; it may be unaligned.
    unsafe { libc::CMSG_DATA(message).cast::<T>().read_unaligned() }
}

impl AsFd for VrrpReceiver {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl AsRawFd for VrrpReceiver {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}
