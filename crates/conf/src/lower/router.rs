//! One virtual router: what is written becomes what is meant (`spec` config 4.1–4.6). The order of the rules is
//! the order of the original's complaints.

use std::collections::BTreeSet;

use keepalived_model::link::{OwnLink, Vmac};
use keepalived_model::notify::Notifications;
use keepalived_model::vrrp::{
    Auth, Checksum, Family, HmacMode, Hopeless, Instance, Transport, Version, VirtualAddress,
};
use keepalived_model::{Priority, Vrid};

use super::context::Context;
use super::drafts::Drafts;
use super::instance::{Draft, State};
use super::{group, rules, vmac};
use crate::diag::Class;

/// Most addresses an advert has a count for.
const ADDRESSES_MAX: usize = 255;
/// Bytes of a frame that are not addresses: Ethernet, IP, VRRP.
const HEADERS_V4: usize = 14 + 20 + 8;
const HEADERS_V6: usize = 14 + 40 + 8;
/// What version 2 adds, an authentication header, an HMAC.
const AUTHENTICATION: usize = 8;
const AUTHENTICATION_HEADER: usize = 24;
const HMAC_TRAILER: usize = 28;

/// A virtual router on its way.
pub(super) struct Router<'a> {
    pub draft: Draft,
    pub name: String,
    /// What it inherits.
    known: &'a Drafts,
    pub vrid: Vrid,
    pub family: Family,
    pub version: Version,
    pub strict: bool,
    pub priority: Priority,
    pub wants_master: bool,
}

/// Names of interfaces that others have taken already.
pub(super) type Names = BTreeSet<String>;

impl<'a> Router<'a> {
    /// What has to be known first; nothing if it keeps the daemon from starting (`spec` config 4.1).
    pub fn begin(cx: &mut Context<'_>, known: &'a Drafts, mut draft: Draft) -> Option<Self> {
        let name = draft.name.clone();
        let globals = &known.globals.model.vrrp;
        let strict = draft.strict.unwrap_or(globals.strict);
        let family = draft.family.unwrap_or_default();
        let vrid = known.identity(cx, &draft)?;
        let mut version = draft.version.unwrap_or(match family {
            Family::V4 => globals.version,
            Family::V6 => Version::V3,
        });
        if strict && family == Family::V6 && version == Version::V2 {
            let text = format!("({name}) cannot use IPv6 with VRRP version 2; setting version 3");
            cx.conclude(Class::General, text);
            version = Version::V3;
        }
        some_address(cx, &mut draft, version, strict)?;
        let master = draft.state == Some(State::Master);
        let priority = draft.priority.unwrap_or(if master { Priority::OWNER } else { Priority::DEFAULT });
        let mut wants_master = if draft.state.is_some() { master } else { priority.is_owner() };
        if strict && wants_master != priority.is_owner() {
            cx.conclude(Class::General, format!("({name}) State MASTER must match being address owner"));
            wants_master = priority.is_owner();
        }
        Some(Self { draft, name, known, vrid, family, version, strict, priority, wants_master })
    }

    /// Everything else; nothing if it keeps the daemon from starting.
    pub fn complete(
        mut self,
        cx: &mut Context<'_>,
        group: Option<&group::Draft>,
        notify: Notifications,
        names: &mut Names,
    ) -> Option<Instance> {
        let globals = &self.known.globals.model.vrrp;
        let advert_interval = rules::interval(self.draft.advert_interval, self.version);
        let auth = self.auth(cx, advert_interval);
        let (transport, mut hopeless) = self.transport(cx)?;
        if self.strict {
            self.draft.own_link.strict(cx, &self.name);
        }
        self.as_many_as_fit(cx, &auth);
        self.first_address(cx);
        self.routing_domain(cx);
        let preempt = self.preempt(cx);
        let late_timer_backup = self.late_timer(cx);
        self.down_timer(cx);
        if self.draft.group.is_some() && matches!(transport, Transport::Unicast { .. }) {
            let text = format!("({}) multicast destination specified with unicast - ignoring", self.name);
            cx.conclude(Class::General, text);
        }
        let accept = self.accept(cx);
        let mut garp = self.draft.garp.complete(&self.known.globals.garp);
        garp.extra = self.draft.garp_extra.unwrap_or(globals.garp.extra);
        if self.strict {
            self.draft.garp.strict(cx, &self.name, &mut garp);
        }
        let lower_prio_no_advert = self.lower_priority(cx, globals.lower_prio_no_advert);
        let higher_prio_send_advert = self.higher_priority(cx, globals.higher_prio_send_advert);
        let owner_ignore_adverts = self.deaf_owner(cx, globals.owner_ignore_adverts);
        self.say_interval(cx, advert_interval);
        if self.draft.own_link.vmac {
            self.draft.own_link.settle_transmit_base(cx, &self.name, self.strict);
        }
        let promote_secondaries = self.promote_secondaries(cx);
        let own_link = self.own_link(cx, names, &mut hopeless);
        self.trackers(cx, group);
        if !self.draft.own_link.vmac {
            self.draft.own_link.settle_transmit_base(cx, &self.name, self.strict);
        }
        self.address_links(cx);
        self.address_vmacs(cx, names, own_link.as_ref());
        Some(Instance {
            own_link,
            promote_secondaries,
            advert_interval,
            preempt,
            late_timer_backup,
            auth,
            track_source: self.draft.track_source && transport.source().is_some(),
            transport,
            accept,
            garp,
            lower_prio_no_advert,
            higher_prio_send_advert,
            owner_ignore_adverts,
            hopeless,
            notify,
            ..self.rest(group)
        })
    }

    /// What needs no more judgement.
    fn rest(self, group: Option<&group::Draft>) -> Instance {
        let Self { draft, known, name, .. } = self;
        let (globals, alert) = (&known.globals.model.vrrp, known.globals.model.mail.alerts.of_vrrp());
        let grouped = group.and_then(|group| group.notify_priority_changes);
        let notify_priority_changes = draft.notify_priority_changes.or(grouped);
        Instance {
            family: self.family,
            version: self.version,
            interface: draft.interface,
            vrf: draft.vrf,
            vmac_addresses: draft.vmac_addresses,
            strict: self.strict,
            priority: self.priority,
            wants_master: self.wants_master,
            down_timer_adverts: draft.down_timer_adverts,
            checksum: Checksum {
                as_v2: draft.checksum_as_v2.unwrap_or(globals.v3_checksum_as_v2),
                old_unicast: draft.old_checksum,
            },
            receive_buffer: draft.receive_buffer,
            addresses: draft.addresses,
            excluded: draft.excluded,
            routes: draft.routes,
            rules: draft.rules,
            skip_check_adv_addr: draft.skip_check_adv_addr.unwrap_or(globals.skip_check_adv_addr),
            dont_track_primary: draft.dont_track_primary,
            track: draft.track,
            notify_priority_changes: notify_priority_changes.unwrap_or(globals.notify_priority_changes),
            smtp_alert: draft.smtp_alert.unwrap_or(alert),
            ..Instance::new(&name, self.vrid, "")
        }
    }

    /// Multicast, or unicast if there is a peer (`spec` config 4.6).
    fn transport(&self, cx: &mut Context<'_>) -> Option<(Transport, Option<Hopeless>)> {
        let (name, draft) = (&self.name, &self.draft);
        let interface = draft.interface.as_deref();
        let multicast = interface.is_none_or(|interface| self.known.interfaces.facts(interface).multicast);
        let source = draft.source.or(draft.ipvlan_source());
        if !draft.peers.is_empty() {
            if self.strict && multicast {
                cx.refuse(format!("({name}) Unicast peers are not supported in strict mode"));
                return None;
            }
            let ttl = draft.unicast_ttl.or((self.family == Family::V4).then_some(u8::MAX));
            let (peers, check_source) = (draft.peers.clone(), draft.check_unicast_src);
            return Some((Transport::Unicast { peers, source, check_source, ttl }, None));
        }
        let globals = &self.known.globals.model.vrrp;
        let usual = match self.family {
            Family::V4 => globals.group4.into(),
            Family::V6 => globals.group6.into(),
        };
        let transport = Transport::Multicast { group: draft.group.unwrap_or(usual), source };
        if draft.fault_no_peer {
            cx.conclude_log(format!("({name}) Cannot use unicast without any peers - going to fault state"));
            return Some((transport, Some(Hopeless::NoPeer)));
        }
        if draft.unicast {
            let text = format!(
                "({name}) A unicast keyword has been specified without any unicast peers. Defaulting to multicast. \
                 This usage is deprecated - please update your configuration."
            );
            cx.conclude(Class::Deprecated, text);
        }
        if let (false, Some(interface)) = (multicast, interface) {
            let text = format!(
                "({name}) interface {interface} does not support multicast, specify unicast peers - disabling"
            );
            cx.conclude(Class::General, text);
            return Some((transport, Some(Hopeless::NoMulticast)));
        }
        Some((transport, None))
    }

    /// No more addresses than an advert has room for (`spec` config 4.4).
    fn as_many_as_fit(&mut self, cx: &mut Context<'_>, auth: &Auth) {
        let (name, draft) = (&self.name, &mut self.draft);
        let (headers, bytes) = match self.family {
            Family::V4 => (HEADERS_V4, 4),
            Family::V6 => (HEADERS_V6, 16),
        };
        let more = match auth {
            Auth::None | Auth::Pass(_) => 0,
            Auth::Ah(_) => AUTHENTICATION_HEADER,
            Auth::Hmac(hmac) if hmac.mode == HmacMode::ReceiveOnly => 0,
            Auth::Hmac(_) => HMAC_TRAILER,
        };
        let headers = headers + more + if self.version == Version::V2 { AUTHENTICATION } else { 0 };
        let mtu = self.known.interfaces.facts(draft.interface.as_deref().unwrap_or("")).mtu;
        let mtu = usize::try_from(mtu).unwrap_or(usize::MAX);
        let most = (mtu.saturating_sub(headers) / bytes).min(ADDRESSES_MAX);
        let count = draft.addresses.len();
        if count > most {
            let text = format!(
                "({name}) Number of VIPs ({count}) exceeds maximum/space available in packet (max {most} addresses) \
                 - excess moved to eVIPs"
            );
            cx.conclude(Class::General, text);
            let excess = draft.addresses.split_off(most);
            draft.excluded.splice(..0, excess);
        }
    }

    /// RFC 9568 §5.2.9 wants a link-local address first.
    fn first_address(&self, cx: &mut Context<'_>) {
        let Some(first) = self.draft.addresses.first() else { return };
        let link_local = match first.ip {
            std::net::IpAddr::V6(ip) => ip.is_unicast_link_local(),
            std::net::IpAddr::V4(_) => true,
        };
        if link_local || !self.draft.peers.is_empty() {
            return;
        }
        let text = format!("({}) the first IPv6 VIP address must be link local", self.name);
        if self.strict { cx.conclude(Class::General, text) } else { cx.conclude_log(text) }
    }

    /// A routing domain is for unicast without interface.
    fn routing_domain(&mut self, cx: &mut Context<'_>) {
        let draft = &mut self.draft;
        let complaint = match (&draft.vrf, &draft.interface) {
            (None, _) => return,
            (Some(_), Some(_)) => "vrf can only be specified without interface - clearing",
            (Some(_), None) if draft.peers.is_empty() => "vrf can only be specified with unicast - clearing",
            (Some(_), None) => return,
        };
        cx.conclude(Class::General, format!("({}) {complaint}", self.name));
        draft.vrf = None;
    }

    /// The virtual interface it lives on, with a name nobody else has.
    fn own_link(
        &self,
        cx: &mut Context<'_>,
        names: &mut Names,
        hopeless: &mut Option<Hopeless>,
    ) -> Option<OwnLink> {
        let name = &self.name;
        let link = &self.draft.own_link;
        if !link.is_some() {
            return None;
        }
        let base = self.known.interfaces.facts(self.draft.interface.as_deref().unwrap_or(""));
        if link.vmac && !link.ipvlan && !base.ethernet {
            let text = format!("({name}): vmacs are only supported on Ethernet type interfaces");
            cx.conclude(Class::General, text);
            *hopeless = Some(Hopeless::NoEthernet);
        }
        if link.ipvlan && self.family == Family::V4 && !link.has_address() {
            let text = format!(
                "({name}) IPv4 ipvlan requires a source ip address to be configured. setting instance to fault state"
            );
            cx.conclude(Class::General, text);
            *hopeless = Some(Hopeless::IpvlanWithoutAddress);
        }
        let prefix = &self.known.globals.model.vrrp.vmac_prefix;
        let found =
            link.complete(self.vrid, self.family, || free_name(cx, names, prefix, self.vrid, self.family));
        names.extend(found.as_ref().map(|link| link.name().to_owned()));
        found
    }

    /// VMACs below addresses that ask for one, or whose instance asks for it on other interfaces: one for each
    /// interface and family.
    fn address_vmacs(&mut self, cx: &Context<'_>, names: &mut Names, own_link: Option<&OwnLink>) {
        let globals = &self.known.globals.model.vrrp;
        let prefix = &globals.vmac_addr_prefix;
        let (vrid, group, own) = (self.vrid, self.draft.own_link.group(), own_link);
        let Draft { addresses, excluded, interface, vmac_addresses, .. } = &mut self.draft;
        let mut known: Vec<(Option<String>, Family, Vmac)> = Vec::new();
        for address in addresses.iter_mut().chain(excluded) {
            let family = Family::of(address.ip);
            let base = address.interface.clone().or(interface.clone());
            let elsewhere = base != *interface || family != self.family;
            if !(address.use_vmac || *vmac_addresses && elsewhere) {
                continue;
            }
            let found = known.iter().find(|(other, its, _)| (other, its) == (&base, &family));
            address.vmac = Some(match found {
                Some((_, _, vmac)) => vmac.clone(),
                None => {
                    let name = free_name(cx, names, prefix, vrid, family);
                    names.insert(name.clone());
                    // A MAC address that is written for the router is that of its addresses, too.
                    let mac = match own {
                        Some(OwnLink::Vmac(vmac)) if family == self.family => vmac.mac,
                        _ => Vmac::router_mac(vrid, family),
                    };
                    let (transmit_base, announce_link) = (false, false);
                    let vmac = Vmac { name, mac, transmit_base, announce_link, group };
                    known.push((base, family, vmac.clone()));
                    vmac
                }
            });
        }
    }

    fn promote_secondaries(&self, cx: &mut Context<'_>) -> bool {
        if self.draft.promote_secondaries && self.draft.own_link.is_some() {
            let text =
                format!("({}) promote_secondaries is automatically set for vmacs - ignoring", self.name);
            cx.conclude(Class::General, text);
            return false;
        }
        self.draft.promote_secondaries
    }

    /// Addresses whose line asks for what the instance does anyway, and those that have no interface at all
    /// (`spec` config 4.2 and 4.6).
    fn address_links(&mut self, cx: &mut Context<'_>) {
        let (name, family, draft) = (&self.name, self.family, &mut self.draft);
        let interface = draft.interface.clone();
        let Draft { addresses, excluded, own_link, vmac_addresses, .. } = draft;
        let mut judge = |address: &mut VirtualAddress| {
            let ip = address.ip;
            let on_own = address.interface.is_none() || address.interface == interface;
            if own_link.vmac && on_own && Family::of(ip) == family {
                if std::mem::take(&mut address.use_vmac) {
                    let text = format!("({name}) use_vmac specified for VIP/eVIP {ip} and vrrp instance");
                    cx.conclude(Class::General, text);
                }
            } else if *vmac_addresses && std::mem::take(&mut address.use_vmac) {
                let text =
                    format!("({name}) use_vmac_addr specified and use_vmac specified for VIP/eVIP {ip}");
                cx.conclude(Class::General, text);
            }
            if address.interface.is_none() && interface.is_none() {
                cx.conclude(Class::General, format!("({name}): no interface for vip {ip} - removing"));
                return false;
            }
            true
        };
        addresses.retain_mut(&mut judge);
        excluded.retain_mut(&mut judge);
    }
}

impl Drafts {
    /// VRID and interface: without them there is nothing to run (`spec` config 4.1).
    fn identity(&self, cx: &mut Context<'_>, draft: &Draft) -> Option<Vrid> {
        let name = &draft.name;
        let Some(vrid) = draft.vrid else {
            cx.refuse(format!("({name}) the virtual router id must be set"));
            return None;
        };
        let source = draft.source.or(draft.ipvlan_source());
        let complaint = match (&draft.interface, source) {
            (Some(_), _) => return Some(vrid),
            // The line that names it is complaint enough.
            (None, _) if self.interfaces.missing => return None,
            // Without a peer it would be multicast, which needs one (2.2.7).
            (None, _) if draft.peers.is_empty() => format!("({name}) Unknown interface!"),
            (None, _) if draft.own_link.is_some() => {
                format!("({name}) cannot use VMAC if no interface specified")
            }
            (None, None) => format!("({name}): Unicast instances must have unicast_src_ip or interface"),
            (None, Some(std::net::IpAddr::V6(ip))) if ip.is_unicast_link_local() => {
                format!("({name}) Non link-local address required if interface omitted")
            }
            (None, Some(_)) => return Some(vrid),
        };
        cx.refuse(complaint);
        None
    }
}

/// At least one address.
fn some_address(cx: &mut Context<'_>, draft: &mut Draft, version: Version, strict: bool) -> Option<()> {
    let name = &draft.name;
    if strict && draft.no_address {
        cx.conclude(
            Class::General,
            format!("({name}) no_virtual_ipaddress is incompatible with strict mode - resetting"),
        );
        draft.no_address = false;
    }
    if draft.addresses.is_empty() && !draft.no_address {
        if version == Version::V3 || strict {
            cx.refuse(format!("({name}) No VIP specified; at least one is required"));
            return None;
        }
        cx.conclude(Class::Warning, format!("({name}) No VIP specified; at least one is sensible"));
    }
    Some(())
}

/// A name for a virtual interface that nobody else has, as far as that can be seen.
fn free_name(cx: &Context<'_>, names: &Names, prefix: &str, vrid: Vrid, family: Family) -> String {
    let free = |name: &String| !names.contains(name) && cx.host.interface(name).is_none_or(|it| it.stacked);
    let candidates = || vmac::names(prefix, vrid, family);
    let tried = names.len() + FOREIGN_NAMES_MAX;
    candidates().take(tried).find(free).or(candidates().next()).unwrap_or_default()
}

/// So many names that somebody else took are stepped over, before the kernel may refuse one.
const FOREIGN_NAMES_MAX: usize = 64;
