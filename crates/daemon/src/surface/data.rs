//! `keepalived.data`: what the vrrp engine was told and how everything stands (`spec` runtime 7.3).

use std::collections::BTreeMap;
use std::fmt::{Arguments, Display, Write};
use std::time::SystemTime;

use keepalived_core::report::{Fault, State};
use keepalived_core::view::{AddressView, FixtureView, GroupView, InstanceView, ScriptView, Stage};
use keepalived_model::Instant;
use keepalived_model::global::Nftables;
use keepalived_model::lasting::Fixture;
use keepalived_model::link::{Ipvlan, IpvlanMode, OwnLink, Vmac};
use keepalived_model::notify::{Command, Notifications};
use keepalived_model::track::{TrackerKind, Trackers};
use keepalived_model::vrrp::{Auth, Family, OldChecksum, Preempt, Transport, Version};

use super::users::Users;
use super::{Delays, Epoch, Picture, Teller, global, links, readings, words};
use crate::compat::routing_text::{FixtureText, RouteText, RuleText};
use crate::log::Moment;

/// The whole file.
pub fn text(picture: &Picture<'_>) -> String {
    let view = &picture.view;
    let mut globals = picture.global.clone();
    if view.instances.iter().any(|instance| instance.config.needs_packet_filter()) {
        // It is used although nobody asked for it.
        globals.nftables.table.get_or_insert_with(|| Nftables::TABLE.to_owned());
    }
    let mut page = Page(global::text(&globals, Teller::VrrpEngine, Delays::of(view.config)));
    page.paces(picture);
    page.fixtures(picture);
    page.section("VRRP Topology", &view.instances, |page, instance| page.instance(instance, picture));
    page.section("VRRP Sockpool", &sockets(picture), |page, socket| page.socket(socket, picture));
    page.section("VRRP Sync groups", &view.groups, Page::group);
    let users = Users::of_all(view);
    page.section("VRRP Scripts", &view.scripts, |page, script| page.script(script, &users));
    // The original has forgotten them by now.
    page.section("VRRP Scripts that cannot be run", &view.config.unrunnable, |page, script| {
        page.line(format_args!(
            " Name = {}\n   Status = unrunnable\n   Reason = {}",
            script.name, script.reason
        ));
    });
    page.0 + &readings::text(view, &users) + &links::text(picture)
}

/// A text that grows by lines.
struct Page(String);

/// Routers that share what the original has a pair of sockets for.
struct Socket<'a> {
    first: &'a InstanceView<'a>,
    members: Vec<&'a InstanceView<'a>>,
}

fn sockets<'a>(picture: &'a Picture<'a>) -> Vec<Socket<'a>> {
    let key = |instance: &InstanceView<'_>| {
        let transport = match &instance.config.transport {
            Transport::Multicast { group, .. } => (true, Some(*group)),
            Transport::Unicast { .. } => (false, instance.source),
        };
        (words::mouth(instance.config).to_owned(), instance.config.carrier(), transport)
    };
    let mut sockets: Vec<Socket<'a>> = Vec::new();
    let mut numbers = BTreeMap::new();
    for instance in &picture.view.instances {
        let number = *numbers.entry(key(instance)).or_insert(sockets.len());
        match sockets.get_mut(number) {
            Some(socket) => socket.members.push(instance),
            None => sockets.push(Socket { first: instance, members: vec![instance] }),
        }
    }
    sockets
}

impl Page {
    fn line(&mut self, text: Arguments<'_>) {
        // Writing to a String cannot fail.
        let _ = writeln!(self.0, "{text}");
    }

    fn section<T>(&mut self, title: &str, all: &[T], mut each: impl FnMut(&mut Self, &T)) {
        if !all.is_empty() {
            self.line(format_args!("------< {title} >------"));
            all.iter().for_each(|one| each(self, one));
        }
    }

    fn instance(&mut self, instance: &InstanceView<'_>, picture: &Picture<'_>) {
        self.standing(instance, picture.epoch);
        self.place(instance, picture);
        self.announcing(instance);
        self.election(instance, picture.epoch);
        self.addresses(instance);
        self.transport(instance, picture.descriptors.of(instance.config.carrier()));
        let config = instance.config;
        self.listed("Virtual Routes", config.routes.iter().map(RouteText));
        self.listed("Virtual Rules", config.rules.iter().map(RuleText));
        self.trackers(&config.track);
        self.line(format_args!(
            "   Using smtp notification = {}",
            if config.smtp_alert { "yes" } else { "no" }
        ));
        let deleted = if config.notify.deleted.is_some() { "Deleted" } else { "Fault" };
        self.line(format_args!("   Notify deleted = {deleted}"));
        self.notifications(&config.notify);
        let changes = words::yes(config.notify_priority_changes);
        self.line(format_args!("   Notify priority changes = {changes}"));
    }

    /// Which interfaces space out their announcements (2.2.7).
    fn paces(&mut self, picture: &Picture<'_>) {
        let paces = &picture.view.paces;
        if !paces.is_empty() {
            self.line(format_args!("------< Gratuitous ARP delays >------"));
        }
        for pace in paces {
            self.line(format_args!("------< GARP delay group {} >------", pace.number));
            for (name, pace) in [("GARP", pace.garp), ("GNA", pace.advertisement)] {
                let Some((interval, free)) = pace else { continue };
                self.line(format_args!(" {name} interval = {}", words::seconds_short(interval)));
                self.line(format_args!(" {name} next time {}", timed(picture.epoch, free)));
            }
            self.line(format_args!(" Interfaces"));
            pace.interfaces.iter().for_each(|name| self.line(format_args!("  {name}")));
        }
    }

    /// Static addresses, routes and rules, and the groups they are tied to.
    fn fixtures(&mut self, picture: &Picture<'_>) {
        let of = |wanted: fn(&Fixture) -> bool| -> Vec<&FixtureView> {
            picture.view.fixtures.iter().filter(|view| wanted(&view.fixture)).collect()
        };
        let is_address = |fixture: &Fixture| matches!(fixture, Fixture::Address(_));
        let is_route = |fixture: &Fixture| matches!(fixture, Fixture::Route(_));
        let is_rule = |fixture: &Fixture| matches!(fixture, Fixture::Rule(_));
        let all = [("Addresses", of(is_address)), ("Routes", of(is_route)), ("Rules", of(is_rule))];
        for (title, fixtures) in all {
            self.section(&format!("Static {title}"), &fixtures, |page, view| {
                let set = if view.set && is_address(&view.fixture) { " set" } else { "" };
                page.line(format_args!("     {}{set}", FixtureText(&view.fixture)));
            });
        }
        let groups = &picture.view.config.lasting.groups;
        self.section("Static Track groups", groups, |page, group| {
            page.line(format_args!(" Static Track Group = {}\n   VRRP member instances :", group.name));
            group.members.iter().for_each(|member| page.line(format_args!("     {member}")));
        });
    }

    fn listed(&mut self, title: &str, all: impl ExactSizeIterator<Item = impl Display>) {
        if all.len() > 0 {
            self.line(format_args!("   {title} :"));
            all.for_each(|one| self.line(format_args!("     {one}")));
        }
    }

    fn standing(&mut self, instance: &InstanceView<'_>, epoch: Epoch) {
        let config = instance.config;
        let version = if config.version == Version::V2 { 2 } else { 3 };
        self.line(format_args!(" VRRP Instance = {}", instance.name));
        self.line(format_args!("   VRRP Version = {version}"));
        if let Some(group) = instance.group {
            self.line(format_args!("   Sync group = {group}"));
        }
        if config.family == Family::V6 {
            self.line(format_args!("   Using Native IPv6"));
        }
        self.line(format_args!("   State = {}", instance.state));
        if let (State::Backup, Some(master)) = (instance.state, instance.master) {
            self.line(format_args!("   Master router = {master}"));
            self.line(format_args!("   Master priority = {}", instance.master_priority));
            if config.version == Version::V3 {
                let interval = instance.master_interval.0 / 1000;
                self.line(format_args!("   Master advert interval = {interval} milli-sec"));
            }
        }
        // These are flags without a name there.
        let unnamed =
            config.preempt == Preempt::Never || config.skip_check_adv_addr || config.own_link.is_some();
        match &config.transport {
            Transport::Unicast { .. } => self.line(format_args!("   Flags:\n     Using unicast")),
            Transport::Multicast { .. } if unnamed => self.line(format_args!("   Flags:")),
            Transport::Multicast { .. } => self.line(format_args!("   Flags: none")),
        }
        self.line(format_args!("   Wantstate = {}", instance.aspires_to));
        self.line(format_args!("   Number of config faults = {}", u8::from(config.hopeless.is_some())));
        self.line(format_args!("   Number of tracker faults = {}", instance.faults.len()));
        self.line(format_args!("   Flags of interface faults - {}", faults(instance)));
        let waiting = if instance.state == State::Init { config.track.scripts.len() } else { 0 };
        self.line(format_args!("   Number of track scripts init = {waiting}"));
        self.line(format_args!("   Last transition = {}", dated(epoch, instance.last_transition)));
        match instance.deadline {
            Some(at) => self.line(format_args!("   Read timeout = {}", dated(epoch, at))),
            None => self.line(format_args!("   Read timeout = DISABLED")),
        }
        // Who owns the addresses does not wait.
        let patience =
            if config.priority.is_owner() && config.wants_master { 1 } else { instance.master_down.0 };
        self.line(format_args!("   Master down timer = {patience} usecs"));
    }

    fn place(&mut self, instance: &InstanceView<'_>, picture: &Picture<'_>) {
        let config = instance.config;
        let base = instance.interface;
        let link =
            |name: &str| picture.view.links.iter().map(|view| view.link).find(|link| link.name == name);
        let home = words::home(config);
        let is_up = words::yes(link(home).is_some_and(|link| link.up));
        match &config.own_link {
            None => self.line(format_args!("   Interface = {base}")),
            Some(OwnLink::Vmac(Vmac { mac, transmit_base, .. })) => {
                let from_base = words::yes(*transmit_base);
                self.line(format_args!(
                    "   Use VMAC, i/f name {home}, is_up = {is_up}, xmit_base = {from_base}"
                ));
                if *mac != Vmac::router_mac(config.vrid, config.family) {
                    self.line(format_args!("     MAC = {mac}"));
                }
                if config.vmac_addresses {
                    self.line(format_args!("   Use VMAC for VIPs on other interfaces"));
                }
                let from_base = if *transmit_base { ", xmit base i/f" } else { "" };
                self.line(format_args!("   Interface = {home}, vmac on {base}{from_base}"));
            }
            Some(OwnLink::Ipvlan(Ipvlan { address, mode, .. })) => {
                let address =
                    address.map_or(String::new(), |(ip, length)| format!(", i/f address = {ip}/{length}"));
                let mode = match mode {
                    IpvlanMode::Bridge => "bridge",
                    IpvlanMode::Private => "private",
                    IpvlanMode::Vepa => "vepa",
                };
                self.line(format_args!("   Use IPVLAN, i/f {home}, is_up = {is_up}{address}, type {mode}"));
                self.line(format_args!("   Interface = {home}, ipvlan on {base}"));
            }
        }
        if config.dont_track_primary {
            self.line(format_args!("   VRRP interface tracking disabled"));
        }
        if config.skip_check_adv_addr {
            self.line(format_args!("   Skip checking advert IP addresses"));
        }
        if config.strict {
            self.line(format_args!("   Enforcing strict VRRP compliance"));
        }
        let configured = if config.transport.source().is_some() { " (from configuration)" } else { "" };
        let source = instance.source.map_or("(none)".to_owned(), |source| source.to_string());
        self.line(format_args!("   Using src_ip = {source}{configured}"));
        if let Transport::Multicast { group, .. } = config.transport {
            let index = match (config.family, link(words::mouth(config))) {
                (Family::V6, Some(link)) => format!(", ifindex {}", link.id.0),
                (Family::V6, None) | (Family::V4, _) => String::new(),
            };
            self.line(format_args!("   Multicast address {group}{index}"));
        }
    }

    fn announcing(&mut self, instance: &InstanceView<'_>) {
        let garp = instance.config.garp;
        let figures = [
            ("delay", words::seconds(garp.delay)),
            ("repeat", garp.repeat.into()),
            ("refresh", words::seconds(garp.refresh)),
            ("refresh repeat", garp.refresh_repeat.into()),
            ("lower priority delay", words::seconds(garp.lower_prio_delay)),
            ("lower priority repeat", garp.lower_prio_repeat.into()),
        ];
        for (name, figure) in figures {
            self.line(format_args!("   Gratuitous ARP {name} = {figure}"));
        }
    }

    fn election(&mut self, instance: &InstanceView<'_>, epoch: Epoch) {
        let config = instance.config;
        self.line(format_args!("   Down timer adverts = {}", config.down_timer_adverts));
        if let Some((extra, interval)) = config.garp.extra.zip(config.extra_garp()) {
            let (kind, interval) = (if extra.all { "i/f" } else { "VMAC" }, words::seconds(interval));
            self.line(format_args!("   Gratuitous ARP for each secondary {kind} = {interval}"));
            let next = instance.next_extra.map(|at| epoch.date(at)).unwrap_or(SystemTime::UNIX_EPOCH);
            let since = next.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
            let (text, micros) = (Moment::from(next).ctime(), since.subsec_micros());
            self.line(format_args!(
                "   Next gratuitous ARP for such secondary = {}.{micros:06} ({text}.{micros:06})",
                since.as_secs()
            ));
        }
        let answers = [("lower", !config.lower_prio_no_advert), ("higher", config.higher_prio_send_advert)];
        for (which, answers) in answers {
            let answers = words::yes(answers);
            self.line(format_args!("   Send advert after receive {which} priority advert = {answers}"));
        }
        self.line(format_args!("   Virtual Router ID = {}", instance.vrid.number()));
        self.line(format_args!("   Priority = {}", config.priority.number()));
        self.line(format_args!("   Effective priority = {}", instance.priority));
        self.line(format_args!("   Total priority = {}", instance.total_priority));
        let interval = config.advert_interval;
        match config.version {
            Version::V2 => self.line(format_args!("   Advert interval = {} sec", words::seconds(interval))),
            Version::V3 => self.line(format_args!("   Advert interval = {} milli-sec", interval.0 / 1000)),
        }
        let sent = instance.last_sent.map_or("0.000000".to_owned(), |at| stamp(epoch, at));
        self.line(format_args!("   Last advert sent = {sent}"));
        self.line(format_args!("   Accept = {}", words::enabled(config.accept)));
        self.line(format_args!("   Preempt = {}", words::enabled(config.preempt != Preempt::Never)));
        if let Preempt::After(delay) = config.preempt {
            self.line(format_args!("   Preempt delay = {} secs", words::seconds_short(delay)));
        }
        self.line(format_args!("   Promote_secondaries = {}", words::enabled(config.promote_secondaries)));
        match (config.version, &config.auth) {
            (Version::V2, Auth::Pass(_)) => {
                self.line(format_args!("   Authentication type = SIMPLE_PASSWORD\n   Password = ********"));
            }
            (Version::V2, Auth::Ah(_)) => {
                self.line(format_args!("   Authentication type = IPSEC_AH"));
            }
            (Version::V2, Auth::None | Auth::Hmac(_)) => {
                self.line(format_args!("   Authentication type = none"));
            }
            (Version::V3, _) => {}
        }
        if let Auth::Hmac(_) = config.auth {
            self.line(format_args!("   Authentication extension = HMAC-SHA256-128"));
        }
        match config.version {
            Version::V3 if config.family == Family::V4 => {
                let as_v2 = words::enabled(config.checksum.as_v2);
                self.line(format_args!("   VRRPv3 uses VRRPv2 checksum = {as_v2}"));
            }
            Version::V2 | Version::V3 => {}
        }
    }

    fn addresses(&mut self, instance: &InstanceView<'_>) {
        let mut list = |title: Arguments<'_>, addresses: &[AddressView<'_>]| {
            self.line(title);
            for address in addresses {
                self.line(format_args!("     {}", words::address(address, instance.config)));
            }
        };
        list(format_args!("   Virtual IP ({}):", instance.addresses.len()), &instance.addresses);
        if !instance.excluded.is_empty() {
            list(format_args!("   Virtual IP Excluded :"), &instance.excluded);
        }
    }

    fn transport(&mut self, instance: &InstanceView<'_>, descriptors: Option<(i32, i32)>) {
        if let Transport::Unicast { peers, check_source, ttl, .. } = &instance.config.transport {
            if let Some(ttl) = ttl {
                self.line(format_args!("   Unicast TTL = {ttl}"));
            }
            let check = if *check_source { "yes" } else { "no" };
            self.line(format_args!("   Check unicast src : {check}\n   Unicast Peer :"));
            for peer in peers {
                let (address, low, high) = (peer.address, peer.ttl_min, peer.ttl_max);
                self.line(format_args!("     {address} min_ttl {low} max_ttl {high}"));
            }
            let old = match instance.config.checksum.old_unicast {
                OldChecksum::Detect => "no",
                OldChecksum::Always => "config",
                OldChecksum::Never => "never",
            };
            self.line(format_args!("   Unicast checksum compatibility = {old}"));
        }
        match descriptors {
            Some((inward, outward)) => self.line(format_args!("   fd_in {inward}, fd_out {outward}")),
            None => self.line(format_args!("   No sockets allocated")),
        }
    }

    /// What an instance or a group tracks by lines of its own.
    fn trackers(&mut self, track: &Trackers) {
        for kind in TrackerKind::ALL.into_iter().filter(|kind| !track.of(*kind).is_empty()) {
            let (name, between) = match kind {
                TrackerKind::Interface => ("interfaces", ""),
                TrackerKind::Script => ("scripts", ""),
                TrackerKind::File => ("files", ","),
                TrackerKind::Process => ("processes", ","),
                TrackerKind::Bfd => ("BFDs", ""),
            };
            self.line(format_args!("   Tracked {name} :"));
            for tracked in track.of(kind) {
                self.line(format_args!("     {}{between} {}", tracked.name, words::weight(tracked.weight)));
            }
        }
    }

    fn notifications(&mut self, notify: &Notifications) {
        let deleted = notify.deleted.as_ref().and_then(|deleted| deleted.command.as_deref());
        let all: [(&str, Option<&Command>); 7] = [
            ("Backup", notify.backup.as_deref()),
            ("Master", notify.master.as_deref()),
            ("Fault", notify.fault.as_deref()),
            ("Stop", notify.stop.as_deref()),
            ("Deleted", deleted),
            ("Generic", notify.any.as_deref()),
            ("Master rx lower pri", notify.lower_priority.as_deref()),
        ];
        for (name, command) in all {
            let Some(command) = command else { continue };
            let (text, user) = (words::command(command), &command.user);
            self.line(format_args!(
                "   {name} state transition script = {text}, uid:gid {}:{}",
                user.uid, user.gid
            ));
        }
    }

    fn socket(&mut self, socket: &Socket<'_>, picture: &Picture<'_>) {
        // The original's descriptor of a socket that could not be opened is -1.
        let (inward, outward) = picture.descriptors.of(socket.first.config.carrier()).unwrap_or((-1, -1));
        self.line(format_args!(" fd_in {inward} fd_out = {outward}"));
        self.line(format_args!("   Interface = {}", words::mouth(socket.first.config)));
        let family = if socket.first.config.family == Family::V4 { "IPv4" } else { "IPv6" };
        self.line(format_args!("   Family = {family}"));
        let authenticated = matches!(socket.first.config.auth, Auth::Ah(_));
        self.line(format_args!("   Protocol = {}", if authenticated { "AH" } else { "VRRP" }));
        match socket.first.config.transport {
            Transport::Multicast { .. } => self.line(format_args!("   Type = Multicast")),
            Transport::Unicast { .. } => {
                self.line(format_args!("   Type = Unicast"));
                let source = socket.first.source.map_or("(none)".to_owned(), |source| source.to_string());
                self.line(format_args!("   Address = {source}"));
            }
        }
        let room = socket.members.iter().filter_map(|member| member.config.receive_buffer).max().unwrap_or(0);
        self.line(format_args!("   Rx buf size = {room}\n   VRRP instances"));
        for member in &socket.members {
            self.line(format_args!("     {} vrid {}", member.name, member.vrid.number()));
        }
    }

    fn group(&mut self, group: &GroupView<'_>) {
        let config = group.config;
        self.line(format_args!(" VRRP Sync Group = {}, {}", config.name, group.state));
        let (faulty, pending) = (group.faulty, group.pending);
        self.line(format_args!("   Num member fault {faulty}, num member init {pending}"));
        self.line(format_args!("   VRRP member instances :"));
        for member in &config.members {
            self.line(format_args!("     {member}"));
        }
        self.line(format_args!(
            "   Using smtp notification = {}",
            if config.smtp_alert { "yes" } else { "no" }
        ));
        if let Some(changes) = config.notify_priority_changes {
            let changes = if changes { "yes" } else { "no" };
            self.line(format_args!("   Notify priority changes = {changes}"));
        }
        self.trackers(&config.track);
        self.notifications(&config.notify);
    }

    fn script(&mut self, script: &ScriptView<'_>, users: &Users<'_>) {
        let config = script.config;
        self.line(format_args!(" VRRP Script = {}", config.name));
        self.line(format_args!("   Command = {}", words::command(&config.command)));
        for (name, length) in [("Interval", config.interval), ("Timeout", config.timeout)] {
            self.line(format_args!("   {name} = {} sec", words::seconds_short(length)));
        }
        self.line(format_args!("   Weight = {}", words::weight(config.weight).trim_start_matches("weight ")));
        self.line(format_args!("   Rise = {}\n   Fall = {}", config.rise, config.fall));
        self.line(format_args!("   Result = {}\n   Insecure = no", script.result));
        let init = match (script.up, config.init_fail) {
            (Some(_), _) => "unknown",
            (None, false) => "INIT",
            (None, true) => "INIT/FAILED",
        };
        let status = if script.up == Some(true) { "GOOD" } else { "BAD" };
        self.line(format_args!("   Init state = {init}\n   Status = {status}"));
        let user = &config.command.user;
        self.line(format_args!("   Script uid:gid = {}:{}", user.uid, user.gid));
        self.line(format_args!("   VRRP instances :\n   Tracking instances :"));
        for (name, weight) in users.of(TrackerKind::Script, &config.name) {
            self.line(format_args!("     {name}, {}", words::weight(weight)));
        }
        let stage = match script.stage {
            Stage::Idle => "idle",
            Stage::Running => "running",
            Stage::Asked => "requested termination",
            Stage::Forced => "forcing termination",
        };
        self.line(format_args!("   State = {stage}"));
    }
}

fn faults(instance: &InstanceView<'_>) -> String {
    let names: Vec<&str> = instance
        .faults
        .iter()
        .filter_map(|fault| match fault {
            Fault::LinkDown(_) => Some("i/f down"),
            Fault::NoAddress(_) | Fault::NoSource => Some("no source IP address"),
            Fault::NoMulticast(_) | Fault::Hopeless(_) => Some("config error"),
            Fault::Script(_)
            | Fault::File { .. }
            | Fault::Process(_)
            | Fault::Group
            | Fault::AddressesTaken => None,
        })
        .collect();
    if names.is_empty() { "(none)".to_owned() } else { names.join(", ") }
}

/// `1795169440.611995 (Fri Nov 20 10:10:40.611995 2026)`
/// The same without the year; what never was is the epoch itself.
fn timed(epoch: Epoch, at: Option<Instant>) -> String {
    let Some(at) = at else {
        let text = Moment::from(SystemTime::UNIX_EPOCH).ctime();
        let clock = text.rsplit_once(' ').map_or(&*text, |(clock, _)| clock);
        return format!("0.000000 ({clock}.000000)");
    };
    let text = dated(epoch, at);
    text.rsplit_once(' ').map_or(text.clone(), |(clock, _)| format!("{clock})"))
}

fn dated(epoch: Epoch, at: Instant) -> String {
    let date = epoch.date(at);
    let micros = date.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().subsec_micros();
    let text = Moment::from(date).ctime();
    let (clock, year) = text.rsplit_once(' ').unwrap_or((&text, ""));
    format!("{} ({clock}.{micros:06} {year})", stamp(epoch, at))
}

fn stamp(epoch: Epoch, at: Instant) -> String {
    let since = epoch.date(at).duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    format!("{}.{:06}", since.as_secs(), since.subsec_micros())
}
