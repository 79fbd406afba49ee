//! What the VRRP engine is told to do.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use crate::ids::Vrid;
use crate::kernel::AddressSpec;
use crate::lasting::Lasting;
use crate::link::{GarpGroup, OwnLink, Polled, Spacing, UpDownDelay, Vmac};
use crate::notify::Notifications;
use crate::priority::Priority;
use crate::route::Route;
use crate::rule::Rule;
use crate::time::Micros;
use crate::track::{File, Process, Script, Trackers, Unrunnable, Watch};

mod links;

/// The VRRP part of a configuration, complete: every default applied, every reference resolved.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Config {
    /// In the order of the file, which is the order of stopping and of log lines. Shared with whoever runs one, so
    /// that a configuration stays whole: what is tracked, for one, only all of it can say.
    pub instances: Vec<Arc<Instance>>,
    /// In the order of the file.
    pub groups: Vec<SyncGroup>,
    /// Only scripts that somebody tracks and that can be run.
    pub scripts: Vec<Script>,
    /// Scripts that cannot be run.
    pub unrunnable: Vec<Unrunnable>,
    /// `track_file` blocks in the order of the file, used or not: the start creates some, and checkers use them too.
    pub files: Vec<File>,
    /// `vrrp_track_process` blocks in the order of the file.
    pub processes: Vec<Process>,
    /// Interfaces whose carrier is polled, each once.
    pub polled: Vec<Polled>,
    /// Those of all instances are (`linkbeat_use_polling` at the root).
    pub polls_instances: bool,
    /// Interfaces whose changes count later, each once.
    pub delays: Vec<UpDownDelay>,
    /// Common spacing of announcements on several interfaces.
    pub garp_groups: Vec<GarpGroup>,
    /// Per-interface spacing of gratuitous ARP frames (`vrrp_garp_interval`); zero: none.
    pub garp_interval: Micros,
    /// The same of neighbor advertisements (`vrrp_gna_interval`).
    pub gna_interval: Micros,
    /// Timers of all instances count from the start plus this (`vrrp_startup_delay`).
    pub startup_delay: Micros,
    /// What is there for as long as the daemon is.
    pub lasting: Lasting,
}

impl Config {
    /// These instances and nothing else.
    pub fn of(instances: impl IntoIterator<Item = Instance>) -> Self {
        Self { instances: instances.into_iter().map(Arc::new).collect(), ..Self::default() }
    }

    /// Its instances, to be changed in this configuration only.
    pub fn instances_mut(&mut self) -> impl Iterator<Item = &mut Instance> {
        self.instances.iter_mut().map(Arc::make_mut)
    }

    /// What interfaces keep that are in no group.
    pub fn spacing(&self) -> Spacing {
        Spacing { garp: self.garp_interval, advertisement: self.gna_interval }
    }

    /// What has to be watched for its trackers: everything that an instance or a group tracks.
    pub fn watches(&self) -> BTreeSet<Watch> {
        let files = |name: &String| {
            let file = self.files.iter().find(|file| file.name == *name)?;
            Some(Watch::File(file.path.clone()))
        };
        let processes = |name: &String| {
            let process = self.processes.iter().find(|process| process.name == *name)?;
            Some(Watch::Processes(process.command.clone()))
        };
        let mut watches: BTreeSet<Watch> = self.beats().into_iter().map(Watch::Link).collect();
        let of_instances = self.instances.iter().map(|instance| &instance.track);
        for track in of_instances.chain(self.groups.iter().map(|group| &group.track)) {
            watches.extend(track.files.iter().filter_map(|tracked| files(&tracked.name)));
            watches.extend(track.processes.iter().filter_map(|tracked| processes(&tracked.name)));
        }
        watches
    }
}

/// One virtual router.
#[derive(Clone, Debug, PartialEq)]
pub struct Instance {
    /// Display name; not its identity (see [`Instance::identity`]).
    pub name: String,
    /// The VRID.
    pub vrid: Vrid,
    /// Address family.
    pub family: Family,
    /// Protocol version; IPv6 has 3 unless version 2 was insisted on.
    pub version: Version,
    /// Name of the interface the protocol runs on, or on top of which it has its [`Instance::own_link`]. None:
    /// unicast that leaves through whatever the routes say.
    pub interface: Option<String>,
    /// Routing domain of an instance without interface.
    pub vrf: Option<String>,
    /// A virtual interface it lives on (`use_vmac`, `use_ipvlan`).
    pub own_link: Option<OwnLink>,
    /// Addresses on other interfaces get virtual MAC addresses there (`use_vmac_addr`).
    pub vmac_addresses: bool,
    /// Sets the kernel's `promote_secondaries` on the interface.
    pub promote_secondaries: bool,
    /// It keeps to the letter of the RFC (`strict_mode`); what that changes is in the other fields already.
    pub strict: bool,
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
    /// A router that may not preempt and whose timer ran late steps back if the last advert it heard had at most
    /// this priority; 1–254, none: never (`timer_expired_backup`).
    pub late_timer_backup: Option<u8>,
    /// How adverts prove where they come from.
    pub auth: Auth,
    /// Where adverts go to and come from.
    pub transport: Transport,
    /// While its configured source address is missing it is in FAULT (`track_src_ip`).
    pub track_source: bool,
    /// How checksums of version 3 are made and judged.
    pub checksum: Checksum,
    /// Receive buffer of its socket in bytes; none: what the process has (`kernel_rx_buf_size`).
    pub receive_buffer: Option<u32>,
    /// Addresses that adverts list, in the order of the file.
    pub addresses: Vec<VirtualAddress>,
    /// Addresses that come and go with the others but are not advertised.
    pub excluded: Vec<VirtualAddress>,
    /// Packets to its addresses are let in although it does not own them.
    pub accept: bool,
    /// Routes that come and go with the addresses.
    pub routes: Vec<Route>,
    /// Rules that come and go with the addresses.
    pub rules: Vec<Rule>,
    /// Announcement of addresses.
    pub garp: Garp,
    /// A master that hears a lower priority does not answer with an advert.
    pub lower_prio_no_advert: bool,
    /// A master that hears a higher priority sends one advert before it steps down.
    pub higher_prio_send_advert: bool,
    /// An address owner does not listen to adverts.
    pub owner_ignore_adverts: bool,
    /// Lists of later adverts of the same master are not compared.
    pub skip_check_adv_addr: bool,
    /// Why it can never leave FAULT, if that is so.
    pub hopeless: Option<Hopeless>,
    /// State of the own interface is ignored.
    pub dont_track_primary: bool,
    /// What its priority and its faults follow.
    pub track: Trackers,
    /// Scripts to call.
    pub notify: Notifications,
    /// Changes of the effective priority are told to the FIFOs.
    pub notify_priority_changes: bool,
    /// Every state is told by mail.
    pub smtp_alert: bool,
}

impl Instance {
    /// A router of version 2 for IPv4 on that interface, with all the defaults and no address.
    pub fn new(name: &str, vrid: Vrid, interface: &str) -> Self {
        Self {
            name: name.to_owned(),
            vrid,
            family: Family::V4,
            version: Version::V2,
            interface: Some(interface.to_owned()),
            vrf: None,
            own_link: None,
            vmac_addresses: false,
            promote_secondaries: false,
            strict: false,
            priority: Priority::DEFAULT,
            wants_master: false,
            advert_interval: Micros::from_secs(1),
            preempt: Preempt::Always,
            down_timer_adverts: 3,
            late_timer_backup: None,
            auth: Auth::None,
            transport: Transport::Multicast { group: GROUP_V4.into(), source: None },
            track_source: false,
            checksum: Checksum::default(),
            receive_buffer: None,
            addresses: Vec::new(),
            excluded: Vec::new(),
            routes: Vec::new(),
            rules: Vec::new(),
            accept: true,
            garp: Garp::default(),
            lower_prio_no_advert: false,
            higher_prio_send_advert: false,
            owner_ignore_adverts: false,
            skip_check_adv_addr: false,
            hopeless: None,
            dont_track_primary: false,
            track: Trackers::default(),
            notify: Notifications::default(),
            notify_priority_changes: false,
            smtp_alert: false,
        }
    }

    /// Whether packets have to be dropped for it: those to its addresses, or what its virtual MAC would say too much.
    pub fn needs_packet_filter(&self) -> bool {
        !self.accept || matches!(self.own_link, Some(OwnLink::Vmac(_)))
    }

    /// Name of the configured interface; empty, which no interface is called, where there is none.
    pub fn interface_name(&self) -> &str {
        self.interface.as_deref().unwrap_or("")
    }

    /// What its adverts travel in.
    pub fn carrier(&self) -> Carrier {
        match (self.family, &self.auth) {
            (Family::V6, _) => Carrier::Ipv6,
            (Family::V4, Auth::Ah(_)) => Carrier::AuthHeader,
            (Family::V4, Auth::None | Auth::Pass(_) | Auth::Hmac(_)) => Carrier::Ipv4,
        }
    }

    /// Name of the link that has to be there for it to speak at all: its interface, or its routing domain.
    pub fn link_name(&self) -> Option<&str> {
        self.interface.as_deref().or(self.vrf.as_deref())
    }

    /// What makes two configurations speak of the same virtual router across a reload
    /// (`spec` runtime 1.11 step 3: not the name).
    pub fn identity(&self) -> Identity {
        let (unicast, source, group) = match &self.transport {
            Transport::Multicast { group, .. } => (false, None, Some(*group)),
            Transport::Unicast { source, .. } => (true, *source, None),
        };
        let (vrid, family, interface) = (self.vrid, self.family, self.interface_name().to_owned());
        let lives_on = match &self.own_link {
            None => LivesOn::Interface,
            Some(OwnLink::Vmac(_)) => LivesOn::Vmac,
            Some(OwnLink::Ipvlan(_)) => LivesOn::Ipvlan,
        };
        Identity { vrid, family, interface, lives_on, unicast, source, group }
    }
}

/// See [`Instance::identity`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity {
    /// The VRID.
    pub vrid: Vrid,
    /// Address family.
    pub family: Family,
    /// Interface name as configured; empty where there is none.
    pub interface: String,
    /// Whether it has a virtual interface there; how that is called does not matter.
    pub lives_on: LivesOn,
    /// Whether it has unicast peers.
    pub unicast: bool,
    /// Configured source of a unicast instance.
    pub source: Option<IpAddr>,
    /// Multicast group of a multicast instance.
    pub group: Option<IpAddr>,
}

/// What kind of interface an instance lives on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LivesOn {
    /// The configured one.
    Interface,
    /// A VMAC on top of it.
    Vmac,
    /// An ipvlan on top of it.
    Ipvlan,
}

/// A configuration that leaves an instance in FAULT whatever happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Hopeless {
    /// `unicast_fault_no_peer` and no peer.
    NoPeer,
    /// An interface that knows no multicast, and no peer.
    NoMulticast,
    /// A virtual MAC address on something that is no Ethernet.
    NoEthernet,
    /// An IPv4 ipvlan without an address.
    IpvlanWithoutAddress,
    /// Another instance already lives on the same virtual interface.
    OwnLinkTaken,
}

/// What adverts travel in; each has a socket of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Carrier {
    /// IPv4, protocol 112.
    Ipv4,
    /// IPv4 with an authentication header, protocol 51.
    AuthHeader,
    /// IPv6, next header 112.
    Ipv6,
}

impl Carrier {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Ipv4, Self::AuthHeader, Self::Ipv6];
}

/// Address family of the protocol and of the advertised addresses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// IPv4.
    #[default]
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// The family an address belongs to.
    pub fn of(ip: IpAddr) -> Self {
        if ip.is_ipv4() { Self::V4 } else { Self::V6 }
    }
}

impl std::fmt::Display for Family {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::V4 => "IPv4",
            Self::V6 => "IPv6",
        })
    }
}

/// Protocol version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Version {
    /// RFC 3768, with the authentication of RFC 2338.
    V2,
    /// RFC 5798 / 9568.
    V3,
}

/// How adverts prove where they come from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Auth {
    /// Not at all; type 0 of version 2.
    None,
    /// Type 1 of version 2: the password cut or padded with zeros to eight bytes.
    Pass([u8; 8]),
    /// Type 2 of version 2: an authentication header (RFC 2402) with HMAC-MD5, the key made the same way.
    Ah([u8; 8]),
    /// A trailer with an HMAC behind every advert (`auth_hmac`, keepalived's own).
    Hmac(Hmac),
}

/// An `auth_hmac` block.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Hmac {
    /// Keys by number, 1–255, each 32–64 bytes.
    pub keys: BTreeMap<u8, Vec<u8>>,
    /// The one to send with; one of [`Hmac::keys`].
    pub active: u8,
    /// How old an advert may be; whole seconds, 1–300.
    pub window: Micros,
    /// How repeated adverts are told.
    pub anti_replay: AntiReplay,
    /// What happens to adverts without a good trailer.
    pub mode: HmacMode,
}

/// How a repeated advert is told from a new one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum AntiReplay {
    /// By its time, which clocks must agree on.
    #[default]
    Time,
    /// By a number that only grows.
    Monotonic,
}

/// What happens to adverts without a good trailer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum HmacMode {
    /// They are refused.
    #[default]
    Enforce,
    /// They are counted and accepted.
    Permissive,
    /// They are counted and accepted, and we send none with a trailer.
    ReceiveOnly,
}

/// How adverts travel. All addresses belong to the family of the instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transport {
    /// To a group of the interface.
    Multicast {
        /// 224.0.0.18 or ff02::12 unless configured.
        group: IpAddr,
        /// Configured source (`mcast_src_ip`); else the interface's first address.
        source: Option<IpAddr>,
    },
    /// One copy for each peer.
    Unicast {
        /// In the order of the file; never empty.
        peers: Vec<Peer>,
        /// Configured source (`unicast_src_ip`); else the interface's first address.
        source: Option<IpAddr>,
        /// Only peers are heard.
        check_source: bool,
        /// Time to live of what we send; none: the kernel's default, which is for IPv6 only.
        ttl: Option<u8>,
    },
}

impl Transport {
    /// Its configured source.
    pub fn source(&self) -> Option<IpAddr> {
        match self {
            Self::Multicast { source, .. } | Self::Unicast { source, .. } => *source,
        }
    }
}

/// A line of `unicast_peer`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Where it is.
    pub address: IpAddr,
    /// Adverts with a smaller time to live are refused; zero unless configured.
    pub ttl_min: u8,
    /// Adverts with a larger time to live are refused; 255 unless configured.
    pub ttl_max: u8,
}

impl From<IpAddr> for Peer {
    /// A peer without limits.
    fn from(address: IpAddr) -> Self {
        Self { address, ttl_min: 0, ttl_max: u8::MAX }
    }
}

/// The group of RFC 5798 §5.1.1.2.
pub const GROUP_V4: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 18);
/// The group of RFC 5798 §5.1.2.2.
pub const GROUP_V6: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x12);

/// Checksums of version 3, about which implementations have disagreed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Checksum {
    /// Over IPv4 without the pseudo header, as version 2 does (`v3_checksum_as_v2`).
    pub as_v2: bool,
    /// The pseudo header of unicast adverts before keepalived 1.4 (`old_unicast_checksum`).
    pub old_unicast: OldChecksum,
}

/// When the old form of unicast checksums is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OldChecksum {
    /// Once a peer is seen using it.
    #[default]
    Detect,
    /// From the start.
    Always,
    /// Not even then.
    Never,
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
    /// It is put on a VMAC over its interface (`use_vmac` in its line).
    pub use_vmac: bool,
    /// The VMAC it is put on, over its interface: because of that, or because of [`Instance::vmac_addresses`].
    pub vmac: Option<Vmac>,
}

impl VirtualAddress {
    /// One that looks as usual, on the instance's interface.
    pub fn plain(ip: impl Into<IpAddr>, prefix_len: u8) -> Self {
        let spec = AddressSpec::default();
        Self {
            ip: ip.into(),
            prefix_len,
            interface: None,
            spec,
            no_track: false,
            use_vmac: false,
            vmac: None,
        }
    }
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
    /// Announcements at intervals on interfaces of addresses other than the instance's; none: no such.
    pub extra: Option<ExtraGarp>,
}

impl Default for Garp {
    fn default() -> Self {
        let (count, delay) = (5, Micros::from_secs(5));
        Self {
            repeat: count,
            delay,
            refresh: Micros::ZERO,
            refresh_repeat: 1,
            lower_prio_repeat: count,
            lower_prio_delay: delay,
            extra: None,
        }
    }
}

/// `garp_extra_if`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExtraGarp {
    /// From one announcement to the next; 1 s to a day.
    pub interval: Micros,
    /// On all such interfaces, not only on virtual ones.
    pub all: bool,
}

/// Instances that hold MASTER only together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SyncGroup {
    /// Display name.
    pub name: String,
    /// Names of instances of the same configuration; never empty.
    pub members: Vec<String>,
    /// Trackers that act on all members.
    pub track: Trackers,
    /// Scripts to call.
    pub notify: Notifications,
    /// `notify_priority_changes` as written; members have taken it over.
    pub notify_priority_changes: Option<bool>,
    /// Every state is told by mail.
    pub smtp_alert: bool,
}
