//! What the VRRP engine is told to do.

use std::net::{IpAddr, Ipv4Addr};

use crate::ids::Vrid;
use crate::kernel::AddressSpec;
use crate::notify::Notifications;
use crate::priority::Priority;
use crate::time::Micros;
use crate::track::{Script, TrackedInterface, TrackedScript};

/// The VRRP part of a configuration, complete: every default applied, every reference resolved.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Config {
    /// In the order of the file, which is the order of stopping and of log lines.
    pub instances: Vec<Instance>,
    /// In the order of the file.
    pub groups: Vec<SyncGroup>,
    /// Only scripts that somebody tracks and that can be run.
    pub scripts: Vec<Script>,
    /// Per-interface spacing of gratuitous ARP frames (`vrrp_garp_interval`); zero: none.
    pub garp_interval: Micros,
    /// Timers of all instances count from the start plus this (`vrrp_startup_delay`).
    pub startup_delay: Micros,
}

/// One virtual router.
#[derive(Clone, Debug, PartialEq)]
pub struct Instance {
    /// Display name; not its identity (see [`Instance::identity`]).
    pub name: String,
    /// The VRID.
    pub vrid: Vrid,
    /// Protocol version.
    pub version: Version,
    /// Name of the interface the protocol runs on.
    pub interface: String,
    /// Base priority.
    pub priority: Priority,
    /// `state MASTER` was said, or priority 255 without a state. Makes a difference to an address owner only,
    /// who starts at once then (`spec` runtime 3.7).
    pub wants_master: bool,
    /// Interval between adverts: whole seconds 1–255 for version 2, multiples of 10 ms up to 40.95 s for 3.
    pub advert_interval: Micros,
    /// How a better priority behaves towards a living master.
    pub preempt: Preempt,
    /// How many intervals without an advert make a master dead; 1–100.
    pub down_timer_adverts: u32,
    /// Version 2 only.
    pub auth: Auth,
    /// Where adverts go to and come from.
    pub transport: Transport,
    /// Addresses that adverts list, in the order of the file.
    pub addresses: Vec<VirtualAddress>,
    /// Addresses that come and go with the others but are not advertised.
    pub excluded: Vec<VirtualAddress>,
    /// Announcement of addresses.
    pub garp: Garp,
    /// A master that hears a lower priority does not answer with an advert.
    pub lower_prio_no_advert: bool,
    /// A master that hears a higher priority sends one advert before it steps down.
    pub higher_prio_send_advert: bool,
    /// Lists of later adverts of the same master are not compared.
    pub skip_check_adv_addr: bool,
    /// State of the own interface is ignored.
    pub dont_track_primary: bool,
    /// `track_interface` lines.
    pub track_interfaces: Vec<TrackedInterface>,
    /// `track_script` lines whose script exists.
    pub track_scripts: Vec<TrackedScript>,
    /// Scripts to call.
    pub notify: Notifications,
}

impl Instance {
    /// What makes two configurations speak of the same virtual router across a reload
    /// (`spec` runtime 1.11 step 3: not the name).
    pub fn identity(&self) -> Identity {
        let (unicast, source, group) = match &self.transport {
            Transport::Multicast { group, .. } => (false, None, Some(*group)),
            Transport::Unicast { source, .. } => (true, *source, None),
        };
        Identity { vrid: self.vrid, ipv6: false, interface: self.interface.clone(), unicast, source, group }
    }
}

/// See [`Instance::identity`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity {
    /// The VRID.
    pub vrid: Vrid,
    /// Address family.
    pub ipv6: bool,
    /// Interface name as configured.
    pub interface: String,
    /// Whether it has unicast peers.
    pub unicast: bool,
    /// Configured source of a unicast instance.
    pub source: Option<Ipv4Addr>,
    /// Multicast group of a multicast instance.
    pub group: Option<Ipv4Addr>,
}

/// Protocol version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Version {
    /// RFC 3768, with the authentication of RFC 2338.
    V2,
    /// RFC 5798 / 9568.
    V3,
}

/// Authentication of version 2.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Auth {
    /// Type 0.
    None,
    /// Type 1: the password cut or padded with zeros to eight bytes.
    Pass([u8; 8]),
}

/// How adverts travel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transport {
    /// To a group of the interface.
    Multicast {
        /// 224.0.0.18 unless configured.
        group: Ipv4Addr,
        /// Configured source (`mcast_src_ip`); else the interface's first address.
        source: Option<Ipv4Addr>,
    },
    /// One copy for each peer.
    Unicast {
        /// In the order of the file; never empty.
        peers: Vec<Ipv4Addr>,
        /// Configured source (`unicast_src_ip`); else the interface's first address.
        source: Option<Ipv4Addr>,
        /// Only peers are heard.
        check_source: bool,
        /// Time to live of what we send; 255 unless configured.
        ttl: u8,
    },
}

/// When a backup with a better priority takes over from a living master.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Preempt {
    /// As soon as its timer runs out, which worse adverts do not restart.
    Always,
    /// Never (`nopreempt`).
    Never,
    /// Only so long after the first worse advert was heard (`preempt_delay`).
    After(Micros),
}

/// An address to carry while MASTER.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VirtualAddress {
    /// The address.
    pub ip: IpAddr,
    /// 0–32 or 0–128.
    pub prefix_len: u8,
    /// Interface it is put on; the instance's unless configured.
    pub interface: Option<String>,
    /// Its looks.
    pub spec: AddressSpec,
    /// Its removal by others is none of our business (`no_track`).
    pub no_track: bool,
}

/// How a new master tells the neighbours (`spec` runtime 3.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Garp {
    /// Rounds of the first burst; at least 1.
    pub repeat: u32,
    /// From becoming master to the second burst; zero: none.
    pub delay: Micros,
    /// From the second burst on, every so often; zero: never.
    pub refresh: Micros,
    /// Rounds of a refresh; at least 1.
    pub refresh_repeat: u32,
    /// Rounds after a lower-priority advert was heard.
    pub lower_prio_repeat: u32,
    /// From a lower-priority advert to the second burst; zero: none.
    pub lower_prio_delay: Micros,
}

/// Instances that hold MASTER only together.
#[derive(Clone, Debug, PartialEq)]
pub struct SyncGroup {
    /// Display name.
    pub name: String,
    /// Names of instances of the same configuration; never empty.
    pub members: Vec<String>,
    /// Trackers that act on all members.
    pub track_scripts: Vec<TrackedScript>,
    /// Trackers that act on all members.
    pub track_interfaces: Vec<TrackedInterface>,
    /// Scripts to call.
    pub notify: Notifications,
}
