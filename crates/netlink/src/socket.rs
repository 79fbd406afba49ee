//! The two sockets: one for requests and their answers, one for events.

use std::collections::BTreeSet;
use std::future::poll_fn;
use std::io;
use std::time::Duration;

use futures_util::StreamExt;
use keepalived_model::kernel::Refusal;
use keepalived_model::vrrp::Family;
use netlink_packet_core::{NLM_F_DUMP_INTR, NetlinkMessage, NetlinkPayload};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_sys::{AsyncSocket, Socket, SocketAddr, TokioSocket, protocols::NETLINK_ROUTE};
use nix::errno::Errno;
use nix::sys::socket::{setsockopt, sockopt};
use nix::sys::time::TimeVal;
use rtnetlink::MulticastGroup;

use crate::decode;
use crate::encode;
use crate::mirror::{Fact, Mirror, Origin};
use crate::routing::{List, Marked};

/// How long an answer may take. The kernel answers within the call that asks, so this is passed only when
/// the answer was lost.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);
/// How often a dump that the kernel calls inconsistent is repeated before it is taken as it is; events that
/// follow put it right.
const DUMP_ATTEMPTS_MAX: u32 = 5;
/// The longest answer: a refusal with the kernel's words.
const ANSWER_MAX: usize = 8 << 10;
/// The longest datagram of events; a longer one is cut and counts as lost.
const DATAGRAM_MAX: usize = 64 << 10;

/// The port number of the kernel itself.
const KERNEL: u32 = 0;
/// What a socket reports once when the kernel had to drop events for it.
const ENOBUFS: i32 = Errno::ENOBUFS as i32;

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Done.
    Done,
    /// The kernel said no.
    Refused(Refusal),
    /// No answer came; whether it was done is not known.
    Lost,
}

/// The sockets for requests. One request is in flight at a time.
///
/// What changes something has a plain socket of its own: the kernel answers within the call that asks, so there
/// is nothing to wait for, and every hop between tasks would come between a takeover and its announcement.
pub struct Requests {
    handle: rtnetlink::Handle,
    changes: Socket,
    port: u32,
    sequence: u32,
    buffer: Vec<u8>,
}

impl Requests {
    /// Opens both; the one for dumps is left to a task of the current runtime.
    pub fn open() -> io::Result<Self> {
        let (mut connection, handle, _) = rtnetlink::new_connection()?;
        connection.set_forward_done(true);
        // An old kernel without it lists all routes, of which we take ours.
        let _ = connection.socket_mut().socket_ref().set_netlink_get_strict_chk(true);
        tokio::spawn(connection);
        let mut changes = Socket::new(NETLINK_ROUTE)?;
        let port = changes.bind_auto()?.port_number();
        setsockopt(
            &changes,
            sockopt::ReceiveTimeout,
            &TimeVal::new(ANSWER_TIMEOUT.as_secs().cast_signed(), 0),
        )?;
        // Both only make refusals readable; an old kernel without them answers in numbers.
        let _ = changes.set_ext_ack(true);
        let _ = changes.set_cap_ack(true);
        Ok(Self { handle, changes, port, sequence: 0, buffer: Vec::with_capacity(ANSWER_MAX) })
    }

    /// The number that events caused by our changes carry.
    pub fn port(&self) -> u32 {
        self.port
    }

    /// Asks for a change and waits for the answer.
    pub fn ask(&mut self, mut request: NetlinkMessage<RouteNetlinkMessage>) -> Reply {
        self.sequence = self.sequence.wrapping_add(1);
        request.header.sequence_number = self.sequence;
        request.finalize();
        self.buffer.clear();
        self.buffer.resize(request.buffer_len(), 0);
        request.serialize(&mut self.buffer);
        if self.changes.send(&self.buffer, 0).is_err() {
            return Reply::Lost;
        }
        loop {
            self.buffer.clear();
            match self.changes.recv_from(&mut self.buffer, 0) {
                Ok((_, sender)) if sender.port_number() != KERNEL => {}
                Ok(_) => match NetlinkMessage::<RouteNetlinkMessage>::deserialize(&self.buffer) {
                    Ok(answer) if answer.header.sequence_number == self.sequence => {
                        return reply(answer.payload);
                    }
                    // Of a request that was given up.
                    Ok(_) => {}
                    Err(_) => return Reply::Lost,
                },
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Reply::Lost,
            }
        }
    }

    /// Reads everything.
    pub async fn dump(&mut self) -> io::Result<Mirror> {
        let mut mirror = Mirror::default();
        for message in self.list(encode::all_links).await? {
            if let Some(fact @ Fact::Link(_)) = decode::fact(&message) {
                mirror.apply(fact, Origin::Unknown);
            }
        }
        for message in self.list(encode::all_addresses).await? {
            if let Some(Fact::Address(entry)) = decode::fact(&message) {
                mirror.append(entry);
            }
        }
        Ok(mirror)
    }

    /// Reads everything with our mark in these lists.
    pub async fn dump_marked(&mut self, lists: &BTreeSet<List>) -> io::Result<Vec<Marked>> {
        let mut all = Vec::new();
        for list in lists {
            let messages = self.list(|| encode::all_marked(*list)).await?;
            all.extend(messages.into_iter().filter_map(decode::marked));
        }
        Ok(all)
    }

    async fn list(
        &mut self,
        request: impl Fn() -> NetlinkMessage<RouteNetlinkMessage>,
    ) -> io::Result<Vec<RouteNetlinkMessage>> {
        for _ in 1..DUMP_ATTEMPTS_MAX {
            let (list, consistent) = self.list_once(request()).await?;
            if consistent {
                return Ok(list);
            }
        }
        Ok(self.list_once(request()).await?.0)
    }

    async fn list_once(
        &mut self,
        request: NetlinkMessage<RouteNetlinkMessage>,
    ) -> io::Result<(Vec<RouteNetlinkMessage>, bool)> {
        let mut answers = self.handle.request(request).map_err(io::Error::other)?;
        let mut list = Vec::new();
        let mut consistent = true;
        loop {
            let next = tokio::time::timeout(ANSWER_TIMEOUT, answers.next()).await;
            let answer = next?.ok_or(io::ErrorKind::UnexpectedEof)?;
            consistent &= answer.header.flags & NLM_F_DUMP_INTR == 0;
            match answer.payload {
                NetlinkPayload::InnerMessage(inner) => list.push(inner),
                NetlinkPayload::Done(_) => return Ok((list, consistent)),
                NetlinkPayload::Error(error) => return Err(error.to_io()),
                NetlinkPayload::Overrun(_) => return Err(io::ErrorKind::Interrupted.into()),
                _ => {}
            }
        }
    }
}

fn reply(payload: NetlinkPayload<RouteNetlinkMessage>) -> Reply {
    match payload {
        NetlinkPayload::Error(error) if error.code.is_none() => Reply::Done,
        NetlinkPayload::Error(error) => {
            let errno = error.raw_code().saturating_neg();
            let name = || Errno::from_raw(errno).desc().to_owned();
            Reply::Refused(Refusal { errno, text: decode::words(&error.header).unwrap_or_else(name) })
        }
        _ => Reply::Lost,
    }
}

/// The socket for events.
pub struct Events {
    socket: TokioSocket,
    buffer: Vec<u8>,
    /// What [`Events::ready`] received already.
    first: Option<io::Result<SocketAddr>>,
}

/// What one reading of events ended with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drained {
    /// All of them were read.
    Complete,
    /// The kernel had to drop some, or sent what cannot be read.
    Lost,
}

impl Events {
    /// Subscribes to links and addresses, with a receive buffer of so many octets if the process may ask for
    /// that, else as many as the system allows everybody.
    pub fn open(buffer: usize) -> io::Result<Self> {
        let mut events = Self {
            socket: TokioSocket::new(NETLINK_ROUTE)?,
            buffer: Vec::with_capacity(DATAGRAM_MAX),
            first: None,
        };
        let socket = events.socket.socket_mut();
        if setsockopt(&*socket, sockopt::RcvBufForce, &buffer).is_err() {
            setsockopt(&*socket, sockopt::RcvBuf, &buffer)?;
        }
        socket.bind(&SocketAddr::new(0, 0))?;
        for group in [MulticastGroup::Link, MulticastGroup::Ipv4Ifaddr, MulticastGroup::Ipv6Ifaddr] {
            socket.add_membership(group as u32)?;
        }
        Ok(events)
    }

    /// Subscribes to one more list.
    pub fn listen(&mut self, list: List) -> io::Result<()> {
        let group = match list {
            List::Routes(Family::V4) => MulticastGroup::Ipv4Route,
            List::Routes(Family::V6) => MulticastGroup::Ipv6Route,
            List::Rules(Family::V4) => MulticastGroup::Ipv4Rule,
            List::Rules(Family::V6) => MulticastGroup::Ipv6Rule,
        };
        self.socket.socket_mut().add_membership(group as u32)
    }

    /// Waits until there is something to drain. Nothing is lost when the wait is called off.
    pub async fn ready(&mut self) {
        if self.first.is_none() {
            self.buffer.clear();
            let received = poll_fn(|context| self.socket.poll_recv_from(context, &mut self.buffer)).await;
            self.first = Some(received);
        }
    }

    /// Reads everything that is there now, without waiting.
    pub fn drain(&mut self, mut each: impl FnMut(u32, Fact)) -> io::Result<Drained> {
        let mut drained = Drained::Complete;
        let mut received = self.first.take();
        loop {
            let sender = received.take().unwrap_or_else(|| {
                self.buffer.clear();
                self.socket.socket_ref().recv_from(&mut self.buffer, 0).map(|(_, sender)| sender)
            });
            match sender {
                Ok(sender) if sender.port_number() != KERNEL => {}
                Ok(_) if decode::events(&self.buffer, &mut each).is_ok() => {}
                Ok(_) => drained = Drained::Lost,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(drained),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.raw_os_error() == Some(ENOBUFS) => drained = Drained::Lost,
                Err(error) => return Err(error),
            }
        }
    }
}
