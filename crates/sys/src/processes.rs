//! Other processes: their ends, and what the kernel tells of all of them through its proc connector.

use std::io;
use std::mem::size_of;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use crate::process::Pid;
use crate::{check, set_option};

/// Becomes readable when a process has ended.
#[derive(Debug)]
pub struct LifeLine(OwnedFd);

impl LifeLine {
    /// Of a process that lives, or has ended and was not reaped.
    pub fn of(pid: Pid) -> io::Result<Self> {
        // SAFETY: takes integers.
        let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid.0, 0) };
        let fd = check(libc::c_int::try_from(fd).unwrap_or(-1))?;
        // SAFETY: the kernel has just made this descriptor for us alone.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(fd) }))
    }
}

impl AsFd for LifeLine {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// What happened to a process. Threads are left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Happened {
    /// The kernel will tell, or will not for this errno.
    Confirmed {
        /// Zero if it will.
        errno: i32,
    },
    /// A process made another one, which looks like itself.
    Forked {
        /// The old one.
        parent: Pid,
        /// The new one.
        child: Pid,
    },
    /// It runs another program now.
    Executed(Pid),
    /// It has another name now.
    Renamed(Pid),
    /// It ended.
    Ended(Pid),
}

/// Tells what happens to all processes of the machine. Only where network and process namespace are the first ones
/// of the machine, and to who may administer the network. Never blocks.
#[derive(Debug)]
pub struct ProcessEvents(OwnedFd);

/// Room for what happens while nobody reads: about forty thousand events.
const BUFFER_BYTES: libc::c_int = 8 << 20;
/// One message of the kernel is smaller.
const MESSAGE_BYTES: usize = 512;
/// `<linux/connector.h>`: the proc connector.
const CONNECTOR: (u32, u32) = (1, 1);
/// `<linux/cn_proc.h>`, `PROC_CN_MCAST_LISTEN`.
const LISTEN: u32 = 1;
/// Netlink's header, and the connector's.
const HEADERS: usize = 16 + 20;

impl ProcessEvents {
    /// Asks the kernel to tell; whether it does is told by [`Happened::Confirmed`], or by nothing at all.
    pub fn open() -> io::Result<Self> {
        let kind = libc::SOCK_DGRAM | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
        // SAFETY: takes integers.
        let fd = check(unsafe { libc::socket(libc::AF_NETLINK, kind, libc::NETLINK_CONNECTOR) })?;
        // SAFETY: the kernel has just made this descriptor for us alone.
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };
        // SAFETY: all zeros is a valid address.
        let mut address: libc::sockaddr_nl = unsafe { std::mem::zeroed() };
        address.nl_family = libc::AF_NETLINK as libc::sa_family_t;
        address.nl_groups = CONNECTOR.0;
        let length = size_of::<libc::sockaddr_nl>() as libc::socklen_t;
        // SAFETY: the pointer and the length describe `address`, which outlives the call.
        check(unsafe { libc::bind(fd.as_raw_fd(), (&raw const address).cast(), length) })?;
        let _smaller = set_option(fd.as_fd(), libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, &BUFFER_BYTES);
        let request = listen();
        // SAFETY: the pointer and the length describe `request`, which outlives the call.
        let sent = unsafe { libc::send(fd.as_raw_fd(), request.as_ptr().cast(), request.len(), 0) };
        if sent < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(Self(fd))
    }

    /// The next thing that happened, if there is one. An error of kind `OutOfMemory` (ENOBUFS) says that some were
    /// lost.
    pub fn next(&self) -> io::Result<Option<Happened>> {
        loop {
            let mut buffer = [0_u8; MESSAGE_BYTES];
            // SAFETY: the pointer and the length describe `buffer`, which outlives the call.
            let length = unsafe {
                libc::recv(self.0.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len(), libc::MSG_TRUNC)
            };
            let Ok(length) = usize::try_from(length) else {
                let error = io::Error::last_os_error();
                return match error.kind() {
                    io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => Ok(None),
                    _ => Err(error),
                };
            };
            if let Some(happened) = buffer.get(..length).and_then(parse) {
                return Ok(Some(happened));
            }
        }
    }
}

impl AsFd for ProcessEvents {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// The request: `nlmsghdr`, `cn_msg`, the operation.
fn listen() -> Vec<u8> {
    let operation = LISTEN.to_ne_bytes();
    let length = (HEADERS + operation.len()) as u32;
    let mut message = length.to_ne_bytes().to_vec();
    message.extend((libc::NLMSG_DONE as u16).to_ne_bytes());
    // No flags, no sequence number; the kernel fills in who we are.
    message.extend([0; 10]);
    for word in [CONNECTOR.0, CONNECTOR.1, 0, 0] {
        message.extend(word.to_ne_bytes());
    }
    message.extend((operation.len() as u16).to_ne_bytes());
    message.extend([0; 2]);
    message.extend(operation);
    message
}

/// One message; nothing for those about threads, users, sessions and whatever else there is.
fn parse(message: &[u8]) -> Option<Happened> {
    let event = message.get(HEADERS..)?;
    let word = |at: usize| event.get(at..at + 4)?.try_into().ok().map(u32::from_ne_bytes);
    // Behind what happened, on which processor and when.
    let field = |number: usize| word(16 + 4 * number);
    let pid = |number: usize| field(number).and_then(|pid| i32::try_from(pid).ok()).map(Pid);
    // Of pairs of thread and process, those of processes as a whole have both the same.
    let process = |number: usize| pid(number).filter(|id| pid(number + 1) == Some(*id));
    match word(0)? {
        0 => field(0).map(|errno| Happened::Confirmed { errno: i32::try_from(errno).unwrap_or(i32::MAX) }),
        1 => process(2).zip(pid(1)).map(|(child, parent)| Happened::Forked { parent, child }),
        2 => pid(1).map(Happened::Executed),
        0x200 => process(0).map(Happened::Renamed),
        0x8000_0000 => process(0).map(Happened::Ended),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(words: &[u32]) -> Vec<u8> {
        let mut message = vec![0; HEADERS];
        message.extend(words.iter().flat_map(|word| word.to_ne_bytes()));
        message
    }

    #[test]
    fn messages_about_processes_are_told_from_those_about_threads() {
        let (parent, child, me) = (Pid(10), Pid(20), Pid(7));
        let table = [
            (&[0, 0, 0, 0, 0][..], Some(Happened::Confirmed { errno: 0 })),
            (&[0, 0, 0, 0, 1], Some(Happened::Confirmed { errno: 1 })),
            (&[1, 0, 0, 0, 11, 10, 20, 20], Some(Happened::Forked { parent, child })),
            (&[1, 0, 0, 0, 11, 10, 12, 10], None),
            (&[2, 0, 0, 0, 7, 7], Some(Happened::Executed(me))),
            (&[0x200, 0, 0, 0, 7, 7, 0, 0, 0, 0], Some(Happened::Renamed(me))),
            (&[0x200, 0, 0, 0, 8, 7, 0, 0, 0, 0], None),
            (&[0x8000_0000, 0, 0, 0, 7, 7, 0, 0], Some(Happened::Ended(me))),
            (&[0x8000_0000, 0, 0, 0, 8, 7, 0, 0], None),
            (&[4, 0, 0, 0, 7, 7], None),
            (&[1, 0, 0, 0, 11], None),
        ];
        for (words, happened) in table {
            assert_eq!(parse(&message(words)), happened, "{words:?}");
        }
        for length in 0..80 {
            let _any = parse(&vec![0xff; length]);
        }
    }

    #[test]
    fn a_life_line_is_told_when_its_process_ends() {
        let mut child = std::process::Command::new("/bin/sleep").arg("60").spawn().expect("a process");
        let line = LifeLine::of(Pid(i32::try_from(child.id()).expect("small"))).expect("a descriptor");
        let wait = |millis| {
            let limit = Some(std::time::Duration::from_millis(millis));
            crate::wait_readable(&[line.as_fd()], limit).expect("poll")
        };
        assert_eq!(wait(1), [false]);
        child.kill().expect("ended");
        assert_eq!(wait(5000), [true]);
        child.wait().expect("reaped");
    }
}
