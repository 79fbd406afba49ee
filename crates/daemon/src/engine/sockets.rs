//! Adverts out and in, announcements out.

use std::io;
use std::net::IpAddr;
use std::os::fd::AsRawFd;
use std::rc::Rc;

use keepalived_model::vrrp::{Carrier, Config, Family};
use keepalived_model::{LinkId, Vrid};
use keepalived_sys::membership::Memberships;
use keepalived_sys::neighbors::NeighborReceiver;
use keepalived_sys::packet::FrameSender;
use keepalived_sys::receive::{Scrutiny, VrrpReceiver};
use keepalived_sys::send::{Route, VrrpSender};

use crate::log;
use crate::surface::Descriptors;

/// Everything that touches the wire.
#[derive(Debug)]
pub struct Sockets {
    /// One for each carrier this host has. Also waited on, hence shared.
    pub receivers: Vec<Rc<VrrpReceiver>>,
    /// One for each family this host has. Also waited on.
    pub neighbors: Vec<Rc<NeighborReceiver>>,
    sender: VrrpSender,
    frames: FrameSender,
    memberships: Memberships,
    /// Lines about groups joined, said once everything that belongs to the same event was done.
    joined: Vec<String>,
}

impl Sockets {
    /// Opens them; nothing is heard yet.
    pub fn open() -> io::Result<Self> {
        let mut receivers = Vec::new();
        for carrier in Carrier::ALL {
            match VrrpReceiver::open(carrier) {
                Ok(receiver) => receivers.push(Rc::new(receiver)),
                // A host without IPv6.
                Err(error) if carrier == Carrier::Ipv6 && is_unsupported(&error) => {}
                Err(error) => return Err(error),
            }
        }
        let mut neighbors = Vec::new();
        for family in [Family::V4, Family::V6] {
            match NeighborReceiver::open(family) {
                Ok(receiver) => neighbors.push(Rc::new(receiver)),
                Err(error) if family == Family::V6 && is_unsupported(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Self {
            receivers,
            neighbors,
            sender: VrrpSender::open()?,
            frames: FrameSender::open()?,
            memberships: Memberships::default(),
            joined: Vec::new(),
        })
    }

    /// See [`Descriptors`].
    pub fn descriptors(&self) -> Descriptors {
        let both = |receiver: &Rc<VrrpReceiver>| {
            let carrier = receiver.carrier();
            Some((carrier, receiver.as_raw_fd(), self.sender.descriptor(family(carrier))?))
        };
        Descriptors(self.receivers.iter().filter_map(both).collect())
    }

    /// Sends adverts; tells which of them did not get out, and the kernel's errno.
    pub fn send(&self, adverts: &[(Route, &[u8])], mut failed: impl FnMut(usize, i32)) {
        self.sender.send_all(adverts, |at, error| failed(at, error.raw_os_error().unwrap_or(0)));
    }

    /// Sends an announcement. Nobody can do anything about one that did not get out: bursts are repeated.
    pub fn announce(&self, link: LinkId, frame: &[u8]) {
        let _lost = self.frames.send(link, frame);
    }

    /// Hears a group on an interface.
    pub fn join(&mut self, link: LinkId, group: IpAddr) {
        match self.memberships.join(link, group) {
            Ok(true) => {
                let carrier = if group.is_ipv4() { Carrier::Ipv4 } else { Carrier::Ipv6 };
                let Some((inward, outward)) = self.descriptors().of(carrier) else { return };
                self.joined.push(format!(
                    "VRRP sockpool: [ifindex({:3}), family({}), proto(112), fd({inward},{outward}) multicast, \
                     address({group})]",
                    link.0,
                    family(carrier),
                ));
            }
            Ok(false) => {}
            // The interface vanished just now, which we will be told; or there is no memory.
            Err(error) => log::info(format_args!("Unable to join {group} on interface {} - {error}", link.0)),
        }
    }

    /// The opposite.
    pub fn leave(&mut self, link: LinkId, group: IpAddr) {
        self.memberships.leave(link, group);
    }

    /// Hears only these virtual routers.
    pub fn admit(&self, carrier: Carrier, vrids: &[Vrid]) {
        let selected = match self.receivers.iter().find(|receiver| receiver.carrier() == carrier) {
            Some(receiver) => receiver.admit(vrids),
            None => Err(io::ErrorKind::Unsupported.into()),
        };
        if let Err(error) = selected {
            log::error(format_args!("Unable to select VRRP packets - {error}"));
        }
    }

    /// Hears only what neighbors say of these addresses.
    pub fn watch_claims(&self, addresses: &[IpAddr]) {
        for receiver in &self.neighbors {
            if let Err(error) = receiver.admit(addresses) {
                log::error(format_args!("Unable to listen for claims of our addresses - {error}"));
            }
        }
    }

    /// Looks at everything this closely.
    pub fn scrutinize(&self, scrutiny: Scrutiny) {
        for receiver in &self.receivers {
            if let Err(error) = receiver.scrutinize(scrutiny) {
                log::error(format_args!("Unable to select VRRP packets - {error}"));
            }
        }
    }

    /// Makes the room for received packets that the instances ask for (`kernel_rx_buf_size`). One socket serves
    /// them all, so the largest counts, and what it began with is more than most ask for.
    pub fn make_room(&self, config: &Config) {
        for receiver in &self.receivers {
            let theirs = config.instances.iter().filter(|instance| instance.carrier() == receiver.carrier());
            let Some(octets) = theirs.filter_map(|instance| instance.receive_buffer).max() else { continue };
            if let Err(error) = receiver.make_room(octets) {
                log::info(format_args!("Unable to set the receive buffer to {octets} bytes - {error}"));
            }
        }
    }

    /// Says which groups were joined since the last call.
    pub fn tell_joined(&mut self) {
        for line in self.joined.drain(..) {
            log::detail(line);
        }
    }
}

fn family(carrier: Carrier) -> Family {
    match carrier {
        Carrier::Ipv4 | Carrier::AuthHeader => Family::V4,
        Carrier::Ipv6 => Family::V6,
    }
}

/// The kernel was built or told to do without.
fn is_unsupported(error: &io::Error) -> bool {
    const EAFNOSUPPORT: i32 = 97;
    error.raw_os_error() == Some(EAFNOSUPPORT)
}
