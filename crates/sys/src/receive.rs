//! The one socket that hears every advert of every interface.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use keepalived_model::{LinkId, Vrid};

use crate::{check, filter, set_option};

/// IP protocol 112.
const IPPROTO_VRRP: i32 = 112;
/// Room for what arrives while we are not running: some 10,000 adverts.
const RECEIVE_BUFFER: i32 = 8 << 20;
/// Datagrams fetched by one system call.
pub const BATCH: usize = 32;
/// Bytes kept of one datagram: the longest advert (255 addresses) with the longest IPv4 header fits.
const DATAGRAM_MAX: usize = 2048;

/// A raw socket of protocol 112 that receives every multicast group any socket of this host has joined.
#[derive(Debug)]
pub struct VrrpReceiver(OwnedFd);

/// One received datagram, from its IPv4 header on.
#[derive(Clone, Copy, Debug)]
pub struct Received<'a> {
    /// The interface it came in on.
    pub link: LinkId,
    /// Header and payload.
    pub datagram: &'a [u8],
}

/// Where datagrams are received into; reused from call to call.
#[derive(Debug)]
pub struct ReceiveBuffers {
    bytes: Box<[[u8; DATAGRAM_MAX]; BATCH]>,
    control: Box<[Control; BATCH]>,
    arrived: [(LinkId, usize); BATCH],
    count: usize,
}

/// Room for one IP_PKTINFO control message, aligned for its header.
#[repr(C, align(8))]
#[derive(Clone, Copy, Debug)]
struct Control([u8; 64]);

impl VrrpReceiver {
    /// A non-blocking socket that admits nothing until [`VrrpReceiver::admit`] says what.
    pub fn open() -> io::Result<Self> {
        let kind = libc::SOCK_RAW | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
        // SAFETY: no pointer is passed.
        let fd = check(unsafe { libc::socket(libc::AF_INET, kind, IPPROTO_VRRP) })?;
        // SAFETY: the call succeeded, so `fd` is a new descriptor that nobody else owns.
        let socket = Self(unsafe { OwnedFd::from_raw_fd(fd) });
        filter::attach(socket.as_fd(), filter::nothing())?;
        set_option(socket.as_fd(), libc::IPPROTO_IP, libc::IP_PKTINFO, &1_i32)?;
        set_option(socket.as_fd(), libc::IPPROTO_IP, libc::IP_MULTICAST_ALL, &1_i32)?;
        // Without the capability the administrator's limit holds; a smaller buffer is no reason not to start.
        if set_option(socket.as_fd(), libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, &RECEIVE_BUFFER).is_err() {
            set_option(socket.as_fd(), libc::SOL_SOCKET, libc::SO_RCVBUF, &RECEIVE_BUFFER)?;
        }
        Ok(socket)
    }

    /// From now on only these virtual routers' datagrams (and those too short to tell) wake us.
    pub fn admit(&self, vrids: &[Vrid]) -> io::Result<()> {
        filter::attach(self.as_fd(), filter::vrids(vrids))
    }

    /// Fetches up to [`BATCH`] datagrams; none when there are none. Errors of the kernel about datagrams we
    /// sent (ICMP) are not ours to act on and read as none.
    pub fn receive<'a>(
        &self,
        buffers: &'a mut ReceiveBuffers,
    ) -> io::Result<impl ExactSizeIterator<Item = Received<'a>>> {
        buffers.count = 0;
        match buffers.fill(self.as_fd()) {
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
            control: Box::new([Control([0; 64]); BATCH]),
            arrived: [(LinkId(0), 0); BATCH],
            count: 0,
        }
    }

    fn fill(&mut self, socket: BorrowedFd<'_>) -> io::Result<usize> {
        let mut vectors: [libc::iovec; BATCH] = std::array::from_fn(|index| {
            let bytes = self.bytes.get_mut(index).map_or(&mut [][..], |bytes| &mut bytes[..]);
            libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: bytes.len() }
        });
        let mut headers: [libc::mmsghdr; BATCH] = std::array::from_fn(|_| {
            // SAFETY: all-zero is a valid value of this plain C structure.
            unsafe { std::mem::zeroed() }
        });
        for ((header, vector), control) in headers.iter_mut().zip(&mut vectors).zip(self.control.iter_mut()) {
            header.msg_hdr.msg_iov = vector;
            header.msg_hdr.msg_iovlen = 1;
            header.msg_hdr.msg_control = control.0.as_mut_ptr().cast();
            header.msg_hdr.msg_controllen = control.0.len();
        }
        let (flags, no_limit) = (libc::MSG_DONTWAIT, std::ptr::null_mut());
        let length = u32::try_from(BATCH).unwrap_or(0);
        // SAFETY: every header points to its own vector, bytes and control room, all of which outlive the call.
        let got = check(unsafe {
            libc::recvmmsg(socket.as_raw_fd(), headers.as_mut_ptr(), length, flags, no_limit)
        })?;
        let count = usize::try_from(got).unwrap_or(0).min(BATCH);
        for (arrived, header) in self.arrived.iter_mut().zip(&headers).take(count) {
            let length = usize::try_from(header.msg_len).unwrap_or(0).min(DATAGRAM_MAX);
            *arrived = (link_of(&header.msg_hdr), length);
        }
        Ok(count)
    }

    fn arrived(&self) -> impl ExactSizeIterator<Item = Received<'_>> {
        self.arrived.iter().zip(self.bytes.iter()).take(self.count).map(|((link, length), bytes)| Received {
            link: *link,
            datagram: bytes.get(..*length).unwrap_or(&[]),
        })
    }
}

impl Default for ReceiveBuffers {
    fn default() -> Self {
        Self::new()
    }
}

/// The interface that IP_PKTINFO names; index zero, which no interface has, where there is no such message.
fn link_of(header: &libc::msghdr) -> LinkId {
    // SAFETY: the kernel has just filled the control room that `header` describes.
    let mut message = unsafe { libc::CMSG_FIRSTHDR(header) };
    while !message.is_null() {
        // SAFETY: CMSG_FIRSTHDR and CMSG_NXTHDR return null or a complete message header inside the room.
        let (level, kind) = unsafe { ((*message).cmsg_level, (*message).cmsg_type) };
        if (level, kind) == (libc::IPPROTO_IP, libc::IP_PKTINFO) {
            // SAFETY: a message of this type carries one in_pktinfo; it may be unaligned.
            let told: libc::in_pktinfo =
                unsafe { libc::CMSG_DATA(message).cast::<libc::in_pktinfo>().read_unaligned() };
            return LinkId(u32::try_from(told.ipi_ifindex).unwrap_or(0));
        }
        // SAFETY: both pointers come from the same header.
        message = unsafe { libc::CMSG_NXTHDR(header, message) };
    }
    LinkId(0)
}

impl AsFd for VrrpReceiver {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl AsRawFd for VrrpReceiver {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}
