//! One socket of nfnetlink, for transactions.

use std::io;
use std::time::Duration;

use keepalived_model::kernel::Refusal;
use netlink_packet_core::{NLM_F_ACK, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload};
use netlink_packet_netfilter::none::ControlMessage;
use netlink_packet_netfilter::{NetfilterHeader, NetfilterMessage, NetfilterProtoFamily};
use netlink_sys::{Socket, protocols::NETLINK_NETFILTER};
use nix::errno::Errno;
use nix::sys::socket::{setsockopt, sockopt};
use nix::sys::time::TimeVal;

use super::ruleset::Message;

/// How long an answer may take; the kernel answers within the call that asks.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);
/// The longest answer: a refusal that cites a whole transaction.
const ANSWER_MAX: usize = 64 << 10;

/// See the module.
pub struct Transactions {
    socket: Socket,
    sequence: u32,
    answer: Vec<u8>,
}

impl Transactions {
    /// Opens the socket.
    ///
    /// # Errors
    /// The kernel has no nfnetlink, or does not let us.
    pub fn open() -> io::Result<Self> {
        let mut socket = Socket::new(NETLINK_NETFILTER)?;
        socket.bind_auto()?;
        let patience = TimeVal::new(ANSWER_TIMEOUT.as_secs().cast_signed(), 0);
        setsockopt(&socket, sockopt::ReceiveTimeout, &patience)?;
        let _ = socket.set_cap_ack(true);
        Ok(Self { socket, sequence: 0, answer: Vec::new() })
    }

    /// Does all of it or nothing.
    ///
    /// # Errors
    /// The first thing the kernel did not like; without a number when it did not answer.
    pub fn commit(&mut self, messages: &[Message]) -> Result<(), Refusal> {
        let mut batch = Vec::new();
        self.append(&mut batch, 0, control(ControlMessage::BatchBegin));
        for (at, message) in messages.iter().enumerate() {
            // One acknowledgement says that all of it is done; each error speaks for itself.
            let last = if at + 1 == messages.len() { NLM_F_ACK } else { 0 };
            self.append(&mut batch, message.flags | last, message.body.clone());
        }
        let last = self.sequence;
        self.append(&mut batch, 0, control(ControlMessage::BatchEnd));
        self.socket.send(&batch, 0).map_err(|error| super::refusal(&error))?;
        self.await_answer(last)
    }

    fn append(&mut self, batch: &mut Vec<u8>, flags: u16, body: NetfilterMessage) {
        self.sequence = self.sequence.wrapping_add(1);
        let mut header = NetlinkHeader::default();
        header.flags = NLM_F_REQUEST | flags;
        header.sequence_number = self.sequence;
        let mut message = NetlinkMessage::new(header, NetlinkPayload::InnerMessage(body));
        message.finalize();
        let start = batch.len();
        batch.resize(start + message.buffer_len(), 0);
        if let Some(place) = batch.get_mut(start..) {
            message.serialize(place);
        }
    }

    fn await_answer(&mut self, last: u32) -> Result<(), Refusal> {
        loop {
            self.answer.clear();
            self.answer.reserve(ANSWER_MAX);
            match self.socket.recv_from(&mut self.answer, 0) {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(super::refusal(&error)),
            }
            let Ok(answer) = NetlinkMessage::<NetfilterMessage>::deserialize(&self.answer) else { continue };
            let NetlinkPayload::Error(said) = answer.payload else { continue };
            match said.code {
                Some(code) => {
                    let errno = code.get().saturating_neg();
                    return Err(Refusal { errno, text: Errno::from_raw(errno).desc().to_owned() });
                }
                None if answer.header.sequence_number == last => return Ok(()),
                None => {}
            }
        }
    }
}

fn control(message: ControlMessage) -> NetfilterMessage {
    /// `NFNL_SUBSYS_NFTABLES`, where a batch says whom it is for.
    const NFTABLES: u16 = 10;
    NetfilterMessage::new(NetfilterHeader::new(NetfilterProtoFamily::Unspec, 0, NFTABLES), message)
}
