//! Short messages between two processes, each with at most one open file.

use std::io::{self, IoSlice, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, ControlMessage, ControlMessageOwned, MsgFlags, SockFlag, SockType, recv, recvmsg, sendmsg,
    socketpair,
};

/// One end of a connection that keeps message borders. Never blocks.
#[derive(Debug)]
pub struct Seqpacket(OwnedFd);

/// What was received.
#[derive(Debug)]
pub struct Message {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// The open file that came along.
    pub file: Option<OwnedFd>,
}

/// Longer messages are cut by [`Seqpacket::receive`]; those with a file have a few bytes.
const MESSAGE_MAX: usize = 64;

impl Seqpacket {
    /// Both ends of a new connection.
    pub fn pair() -> io::Result<(Self, Self)> {
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let (one, other) = socketpair(AddressFamily::Unix, SockType::SeqPacket, None, flags)?;
        Ok((Self(one), Self(other)))
    }

    /// Sends one message; `WouldBlock` when the other end does not read.
    pub fn send(&self, bytes: &[u8], file: Option<BorrowedFd<'_>>) -> io::Result<()> {
        let numbers: Vec<RawFd> = file.iter().map(AsRawFd::as_raw_fd).collect();
        let rights = [ControlMessage::ScmRights(&numbers)];
        let rights = if numbers.is_empty() { &rights[..0] } else { &rights[..] };
        let flags = MsgFlags::MSG_NOSIGNAL | MsgFlags::MSG_DONTWAIT;
        sendmsg::<()>(self.0.as_raw_fd(), &[IoSlice::new(bytes)], rights, flags, None)?;
        Ok(())
    }

    /// The next message; `None` when the other end is closed, `WouldBlock` when there is none yet.
    pub fn receive(&self) -> io::Result<Option<Message>> {
        let mut buffer = [0; MESSAGE_MAX];
        let mut space = nix::cmsg_space!([RawFd; 1]);
        let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_CMSG_CLOEXEC;
        let (length, file) = {
            let mut parts = [IoSliceMut::new(&mut buffer)];
            let received = match recvmsg::<()>(self.0.as_raw_fd(), &mut parts, Some(&mut space), flags) {
                Err(Errno::ECONNRESET) => return Ok(None),
                other => other?,
            };
            let mut file = None;
            for item in received.cmsgs()? {
                if let ControlMessageOwned::ScmRights(numbers) = item {
                    // SAFETY: the kernel has just made these descriptors for us; each is owned exactly once.
                    file =
                        numbers.into_iter().map(|number| unsafe { OwnedFd::from_raw_fd(number) }).next_back();
                }
            }
            (received.bytes, file)
        };
        let bytes = buffer.get(..length).unwrap_or_default().to_vec();
        Ok((length > 0).then_some(Message { bytes, file }))
    }

    /// The length of the next message, which is put into `buffer`; `None` when the other end is closed,
    /// `WouldBlock` when there is none yet. A longer one is cut; a file that comes along is dropped.
    pub fn receive_into(&self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        match recv(self.0.as_raw_fd(), buffer, MsgFlags::MSG_DONTWAIT) {
            Ok(0) | Err(Errno::ECONNRESET) => Ok(None),
            Ok(length) => Ok(Some(length)),
            Err(errno) => Err(errno.into()),
        }
    }
}

impl AsFd for Seqpacket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl AsRawFd for Seqpacket {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

impl From<OwnedFd> for Seqpacket {
    fn from(socket: OwnedFd) -> Self {
        Self(socket)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Seek, Write};

    #[test]
    fn a_message_arrives_whole_with_its_file_and_a_closed_end_is_seen() {
        let (one, other) = Seqpacket::pair().expect("socketpair");
        assert_eq!(other.receive().expect_err("nothing sent yet").kind(), io::ErrorKind::WouldBlock);
        let mut file = crate::memfd::create("test").map(std::fs::File::from).expect("memfd");
        file.write_all(b"inside").expect("write");
        one.send(b"abc", Some(file.as_fd())).expect("send");
        one.send(b"d", None).expect("send");
        let first = other.receive().expect("receive").expect("message");
        assert_eq!(first.bytes, b"abc");
        let mut came = std::fs::File::from(first.file.expect("file"));
        let mut text = String::new();
        came.rewind().expect("rewind");
        came.read_to_string(&mut text).expect("read");
        assert_eq!(text, "inside");
        let second = other.receive().expect("receive").expect("message");
        assert_eq!((second.bytes.as_slice(), second.file.is_none()), (&b"d"[..], true));
        one.send(&[7; 100], Some(file.as_fd())).expect("send");
        let mut long = [0; 200];
        assert_eq!(other.receive_into(&mut long).expect("receive"), Some(100));
        assert_eq!(long.get(..101), Some(&[[7; 100].as_slice(), &[0]].concat()[..]));
        assert_eq!(other.receive_into(&mut long).expect_err("none").kind(), io::ErrorKind::WouldBlock);
        drop(one);
        assert!(other.receive().expect("end").is_none());
        assert_eq!(other.receive_into(&mut long).expect("end"), None);
    }
}
