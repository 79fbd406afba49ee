//! Adverts out and in, announcements out.

use std::io;
use std::net::Ipv4Addr;
use std::os::fd::AsRawFd;
use std::rc::Rc;

use keepalived_model::{LinkId, Vrid};
use keepalived_sys::membership::Memberships;
use keepalived_sys::packet::FrameSender;
use keepalived_sys::receive::VrrpReceiver;
use keepalived_sys::send::VrrpSender;

use crate::log;

/// Everything that touches the wire.
#[derive(Debug)]
pub struct Sockets {
    /// Also waited on, hence shared.
    pub receiver: Rc<VrrpReceiver>,
    sender: VrrpSender,
    frames: FrameSender,
    memberships: Memberships,
    /// Lines about groups joined, said once everything that belongs to the same event was done.
    joined: Vec<String>,
}

impl Sockets {
    /// Opens them; nothing is heard yet.
    pub fn open() -> io::Result<Self> {
        Ok(Self {
            receiver: Rc::new(VrrpReceiver::open()?),
            sender: VrrpSender::open()?,
            frames: FrameSender::open()?,
            memberships: Memberships::default(),
            joined: Vec::new(),
        })
    }

    /// What adverts come in through and go out through, for whoever looks into `/proc`.
    pub fn descriptors(&self) -> (i32, i32) {
        (self.receiver.as_raw_fd(), self.sender.as_raw_fd())
    }

    /// Sends an advert; fails with the kernel's errno.
    pub fn send(
        &self,
        link: LinkId,
        source: Ipv4Addr,
        destination: Ipv4Addr,
        datagram: &[u8],
    ) -> Result<(), i32> {
        let sent = self.sender.send(link, source, destination, datagram);
        sent.map_err(|error| error.raw_os_error().unwrap_or(0))
    }

    /// Sends an announcement. Nobody can do anything about one that did not get out: bursts are repeated.
    pub fn announce(&self, link: LinkId, frame: &[u8]) {
        let _lost = self.frames.send(link, frame);
    }

    /// Hears a group on an interface.
    pub fn join(&mut self, link: LinkId, group: Ipv4Addr) {
        match self.memberships.join(link, group) {
            Ok(true) => {
                let (inward, outward) = (self.receiver.as_raw_fd(), self.sender.as_raw_fd());
                self.joined.push(format!(
                    "VRRP sockpool: [ifindex({:3}), family(IPv4), proto(112), fd({inward},{outward}) multicast, \
                     address({group})]",
                    link.0
                ));
            }
            Ok(false) => {}
            // The interface vanished just now, which we will be told; or there is no memory.
            Err(error) => log::info(format_args!("Unable to join {group} on interface {} - {error}", link.0)),
        }
    }

    /// The opposite.
    pub fn leave(&mut self, link: LinkId, group: Ipv4Addr) {
        self.memberships.leave(link, group);
    }

    /// Hears only these virtual routers.
    pub fn admit(&self, vrids: &[Vrid]) {
        if let Err(error) = self.receiver.admit(vrids) {
            log::error(format_args!("Unable to select VRRP packets - {error}"));
        }
    }

    /// Says which groups were joined since the last call.
    pub fn tell_joined(&mut self) {
        for line in self.joined.drain(..) {
            log::detail(line);
        }
    }
}
