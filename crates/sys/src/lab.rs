//! What only the test lab needs: raw frames with the kernel's time stamps, entering a network namespace, and
//! the one duty of a process number 1.

use std::io::{self, IoSliceMut};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant, SystemTime};

use nix::sys::signal::{Signal, kill};
use nix::sys::socket::{ControlMessageOwned, LinkAddr, MsgFlags, SockaddrLike, recvmsg, setsockopt, sockopt};
use nix::sys::time::TimeVal;
use nix::unistd::Pid;

/// Room for one receive time stamp beside a frame.
type StampRoom = libc::timespec;

/// A packet socket on one interface: sees the frames that come in through it, and sends frames out of it.
#[derive(Debug)]
pub struct FrameSocket {
    fd: OwnedFd,
}

impl FrameSocket {
    /// Opens the socket on the interface of that name in the caller's network namespace. Frames that go out
    /// through the interface are not seen.
    ///
    /// # Errors
    /// No such interface, or no right to open packet sockets.
    pub fn open(interface: &str) -> io::Result<Self> {
        let index = nix::net::if_::if_nametoindex(interface)?;
        let every_protocol = (libc::ETH_P_ALL as u16).to_be();
        // SAFETY: plain system call without pointers; a negative result is checked before use.
        let raw = unsafe {
            libc::socket(libc::AF_PACKET, libc::SOCK_RAW | libc::SOCK_CLOEXEC, i32::from(every_protocol))
        };
        if raw < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: `raw` is a descriptor just made and owned by nobody else.
        let fd = unsafe { OwnedFd::from_raw_fd(raw) };
        ignore_outgoing(&fd)?;
        bind(&fd, index, every_protocol)?;
        setsockopt(&fd, sockopt::ReceiveTimestampns, &true)?;
        setsockopt(&fd, sockopt::ReceiveTimeout, &TimeVal::new(0, 100_000))?;
        // Without the privilege the default buffer has to do.
        let _ = setsockopt(&fd, sockopt::RcvBufForce, &(8 << 20));
        Ok(Self { fd })
    }

    /// The next frame and when the kernel took it in; `None` when a tenth of a second passed without one.
    ///
    /// # Errors
    /// The interface went away.
    pub fn receive(&self, room: &mut [u8]) -> io::Result<Option<(usize, SystemTime)>> {
        let mut control = nix::cmsg_space!(StampRoom);
        let mut parts = [IoSliceMut::new(room)];
        let answer =
            recvmsg::<LinkAddr>(self.fd.as_raw_fd(), &mut parts, Some(&mut control), MsgFlags::empty());
        let message = match answer {
            Ok(message) => message,
            Err(nix::Error::EAGAIN | nix::Error::EINTR) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let stamp = message.cmsgs()?.find_map(|part| match part {
            ControlMessageOwned::ScmTimestampns(time) => {
                let seconds = u64::try_from(time.tv_sec()).unwrap_or(0);
                let nanos = u32::try_from(time.tv_nsec()).unwrap_or(0);
                Some(SystemTime::UNIX_EPOCH + Duration::new(seconds, nanos))
            }
            _ => None,
        });
        Ok(Some((message.bytes, stamp.unwrap_or_else(SystemTime::now))))
    }

    /// Sends one complete frame, Ethernet header included.
    ///
    /// # Errors
    /// The interface is down or its queue is full.
    pub fn send(&self, frame: &[u8]) -> io::Result<()> {
        nix::sys::socket::send(self.fd.as_raw_fd(), frame, MsgFlags::empty())?;
        Ok(())
    }
}

fn ignore_outgoing(fd: &OwnedFd) -> io::Result<()> {
    let on: libc::c_int = 1;
    // SAFETY: the option takes an int; pointer and length describe a live one.
    let answer = unsafe {
        libc::setsockopt(
            fd.as_raw_fd(),
            libc::SOL_PACKET,
            libc::PACKET_IGNORE_OUTGOING,
            (&raw const on).cast(),
            size_of::<libc::c_int>() as libc::socklen_t,
        )
    };
    if answer < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

fn bind(fd: &OwnedFd, interface_index: u32, protocol: u16) -> io::Result<()> {
    // SAFETY: all-zero is a valid sockaddr_ll.
    let mut address: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
    address.sll_family = libc::AF_PACKET as u16;
    address.sll_protocol = protocol;
    address.sll_ifindex = i32::try_from(interface_index).map_err(io::Error::other)?;
    // SAFETY: pointer and length describe the structure above, and its family is AF_PACKET.
    let address = unsafe {
        LinkAddr::from_raw(
            (&raw const address).cast(),
            Some(size_of::<libc::sockaddr_ll>() as libc::socklen_t),
        )
    };
    let address = address.ok_or_else(|| io::Error::other("no link address"))?;
    nix::sys::socket::bind(fd.as_raw_fd(), &address)?;
    Ok(())
}

/// Moves the calling thread, and only it, into the network namespace at that path (`/proc/PID/ns/net`).
///
/// # Errors
/// No such namespace, or no right to enter it.
pub fn enter_network(namespace: &Path) -> io::Result<()> {
    let file = std::fs::File::open(namespace)?;
    nix::sched::setns(file, nix::sched::CloneFlags::CLONE_NEWNET)?;
    Ok(())
}

/// Sends a signal to one process.
///
/// # Errors
/// No such process, no such signal, or not ours to signal.
pub fn signal(pid: i32, number: i32) -> io::Result<()> {
    if pid <= 1 {
        return Err(io::Error::other("never to process 1 nor to a group"));
    }
    // Real-time signals have no name in nix, so the number goes through unchanged.
    match Signal::try_from(number) {
        Ok(signal) => kill(Pid::from_raw(pid), signal)?,
        Err(_) => {
            // SAFETY: plain system call without pointers.
            if unsafe { libc::kill(pid, number) } < 0 {
                return Err(io::Error::last_os_error());
            }
        }
    }
    Ok(())
}

/// What a program took.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cost {
    /// From its start to its end.
    pub wall: Duration,
    /// Processor time, in its own code and in the kernel.
    pub cpu: Duration,
    /// The most memory it had at once, in bytes. The kernel counts that of the caller's at the start too.
    pub peak_bytes: u64,
    /// Its exit status; none when a signal ended it.
    pub status: Option<i32>,
}

/// Runs a program to its end.
///
/// # Errors
/// It cannot be started.
pub fn cost_of(command: &mut Command) -> io::Result<Cost> {
    let begin = Instant::now();
    let child = command.spawn()?;
    let pid = i32::try_from(child.id()).map_err(io::Error::other)?;
    let mut status = 0;
    // SAFETY: all-zero is a valid value of this plain C structure.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: both pointers outlive the call; the child is ours and was not waited for.
    while unsafe { libc::wait4(pid, &raw mut status, 0, &raw mut usage) } < 0 {
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
    let length = |time: libc::timeval| {
        let (seconds, micros) = (u64::try_from(time.tv_sec), u64::try_from(time.tv_usec));
        Duration::from_secs(seconds.unwrap_or(0)) + Duration::from_micros(micros.unwrap_or(0))
    };
    Ok(Cost {
        wall: begin.elapsed(),
        cpu: length(usage.ru_utime) + length(usage.ru_stime),
        peak_bytes: u64::try_from(usage.ru_maxrss).unwrap_or(0) * 1024,
        status: libc::WIFEXITED(status).then(|| libc::WEXITSTATUS(status)),
    })
}

/// What a process number 1 does all day: collects the orphans that end. Never returns.
pub fn reap_forever() -> ! {
    loop {
        if nix::sys::wait::wait().is_err() {
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}
