//! Virtual routers and what they track, at random.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use keepalived_model::bfd;
use keepalived_model::global::Global;
use keepalived_model::lasting::{Lasting, Tied, TrackGroup};
use keepalived_model::link::{GarpGroup, Ipvlan, IpvlanMode, OwnLink, Polled, Polling, UpDownDelay, Vmac};
use keepalived_model::notify::{Deleted, Notifications};
use keepalived_model::track::{
    Arguments, File, FileInit, Process, ProcessPattern, Script, Tracked, Trackers,
};
use keepalived_model::vrrp::{
    AntiReplay, Auth, Checksum, Config, Family, Garp, Hmac, HmacMode, Hopeless, Instance, OldChecksum, Peer,
    Preempt, SyncGroup, Transport, Version,
};
use keepalived_model::{MacAddr, Micros, Priority, Vrid};

use super::Maker;

const I32: u32 = i32::MAX as u32;

/// What lines that track may name.
struct Known {
    interfaces: Vec<String>,
    scripts: Vec<String>,
    files: Vec<String>,
    processes: Vec<String>,
    bfds: Vec<String>,
}

impl Maker<'_> {
    pub fn vrrp(&mut self, global: &Global, bfd: &bfd::Config) -> Config {
        let count = self.dice.roll(4);
        let mut scripts: Vec<Script> = (0..count).map(|number| self.script(number)).collect();
        let count = self.dice.roll(3);
        let files: Vec<File> = (0..count).map(|number| self.file(number)).collect();
        let count = self.dice.roll(3);
        let processes: Vec<Process> = (0..count).map(|number| self.tracked_process(number)).collect();
        let told = bfd.sessions.iter().filter(|session| session.receivers.vrrp());
        let known = Known {
            interfaces: ["eth4", "eth5", "eth6"].map(str::to_owned).to_vec(),
            scripts: scripts.iter().map(|script| script.name.clone()).collect(),
            files: files.iter().map(|file| file.name.clone()).collect(),
            processes: processes.iter().map(|process| process.name.clone()).collect(),
            bfds: told.map(|session| session.name.clone()).collect(),
        };
        let count = self.dice.roll(4);
        let mut instances = Vec::new();
        for number in 0..count {
            let instance = self.instance(number, global, &known);
            instances.push(instance);
        }
        let groups = self.groups(&instances, &known);
        let used: BTreeSet<&String> = instances
            .iter()
            .flat_map(|instance| &instance.track.scripts)
            .chain(groups.iter().flat_map(|group| &group.track.scripts))
            .map(|tracked| &tracked.name)
            .collect();
        scripts.retain(|script| used.contains(&script.name));
        let names: Vec<String> = instances.iter().map(|instance| instance.name.clone()).collect();
        Config {
            groups,
            scripts,
            unrunnable: Vec::new(),
            files,
            processes,
            polled: self.polled(),
            polls_instances: self.chance(3),
            delays: self.delays(),
            garp_groups: self.garp_groups(),
            garp_interval: self.or(Micros::ZERO, |maker| maker.micros(1, u32::MAX.into())),
            gna_interval: self.or(Micros::ZERO, |maker| maker.micros(1, u32::MAX.into())),
            startup_delay: self.or(Micros::ZERO, |maker| maker.micros(1000, u32::MAX.into())),
            lasting: self.lasting(&names),
            instances: instances.into_iter().map(Arc::new).collect(),
        }
    }

    fn script(&mut self, number: usize) -> Script {
        let millis = |maker: &mut Self| Micros::from_millis(maker.between(1, 4_294_000));
        let interval = self.or(Micros::from_secs(1), millis);
        Script {
            name: self.name("script", number),
            command: self.command(),
            interval,
            timeout: self.or(interval, millis),
            weight: self.weight(253),
            rise: self.or(1, |maker| maker.number(1, I32)),
            fall: self.or(1, |maker| maker.number(1, I32)),
            init_fail: self.chance(3),
        }
    }

    fn file(&mut self, number: usize) -> File {
        File {
            name: self.name("file", number),
            path: self.path().into_os_string().into_encoded_bytes(),
            weight: self.weight(254),
            init: self.maybe(|maker| FileInit {
                value: i32::try_from(maker.signed(i32::MIN.into(), i32::MAX.into())).unwrap(),
                overwrite: maker.chance(2),
            }),
        }
    }

    fn tracked_process(&mut self, number: usize) -> Process {
        let delay = |maker: &mut Self| maker.or(Micros::ZERO, |maker| maker.micros(1, 3_600_000_000));
        let words =
            |maker: &mut Self, most| maker.some(most, |maker| keepalived_conf::text::encode(&maker.word()));
        let arguments = match self.dice.roll(4) {
            0 => Arguments::Any,
            1 => Arguments::Exact(words(self, 3)),
            2 => Arguments::Initial(words(self, 3)),
            _ => Arguments::Partial(words(self, 3)),
        };
        let full_command = arguments != Arguments::Any || self.chance(2);
        let (quorum, quorum_max) = match self.dice.roll(4) {
            0 => (0, Some(0)),
            1 => (1, None),
            2 => (self.number(1, 65_535), None),
            _ => (self.number(1, 9), Some(self.number(9, 65_535))),
        };
        let fork_delay = delay(self);
        Process {
            name: self.name("process", number),
            command: ProcessPattern { path: b"/usr/sbin/x".to_vec(), full_command, arguments },
            weight: self.weight(254),
            quorum,
            quorum_max,
            terminate_delay: if self.chance(2) { fork_delay } else { delay(self) },
            fork_delay,
        }
    }

    fn polled(&mut self) -> Vec<Polled> {
        let ways = [None, Some(Polling::Mii), Some(Polling::Ethtool), Some(Polling::Flags)];
        let names = self.some_of(&["eth0", "eth7", "eth8"]);
        names.into_iter().map(|name| Polled { name, by: self.pick(&ways) }).collect()
    }

    fn delays(&mut self) -> Vec<UpDownDelay> {
        // No instance is on these, which would cut the delays.
        let names = self.some_of(&["eth8", "eth9"]);
        let delay = |maker: &mut Self| maker.micros(0, 255_000_000);
        names.into_iter().map(|name| UpDownDelay { name, down: delay(self), up: delay(self) }).collect()
    }

    fn garp_groups(&mut self) -> Vec<GarpGroup> {
        let mut groups = Vec::new();
        for names in [["eth0", "eth1"], ["eth2", "eth3"]] {
            let interfaces = self.some_of(&names);
            let interval = |maker: &mut Self| maker.micros(0, I32.into());
            let garp_interval = self.maybe(interval);
            let gna_interval =
                if garp_interval.is_none() { Some(interval(self)) } else { self.maybe(interval) };
            if !interfaces.is_empty() {
                groups.push(GarpGroup { garp_interval, gna_interval, interfaces });
            }
        }
        groups
    }

    fn some_of(&mut self, names: &[&str]) -> Vec<String> {
        names.iter().filter(|_| self.chance(2)).map(|name| (*name).to_owned()).collect()
    }

    fn lasting(&mut self, instances: &[String]) -> Lasting {
        let mut groups = Vec::new();
        let count = if instances.is_empty() { 0 } else { self.dice.roll(3) };
        for number in 0..count {
            let members = instances.iter().filter(|_| self.chance(2)).cloned().collect::<Vec<_>>();
            let name = self.name("ties", number);
            if !members.is_empty() {
                groups.push(TrackGroup { name, members });
            }
        }
        let tie = |maker: &mut Self, may: bool| {
            let group = (!groups.is_empty()).then(|| maker.pick(&groups).name);
            group.filter(|_| may && maker.chance(2))
        };
        let addresses = self.some(3, |maker| {
            let v4 = maker.chance(2);
            let ip = maker.ip(v4, 50);
            let thing = maker.address(ip, true, false);
            Tied { thing, group: tie(maker, true) }
        });
        let routes = self.some(3, |maker| {
            let thing = maker.route();
            let group = tie(maker, thing.interface.is_some());
            Tied { thing, group }
        });
        let rules = self.some(3, |maker| {
            let thing = maker.rule();
            let group = tie(maker, thing.incoming.is_some());
            Tied { thing, group }
        });
        Lasting { addresses, routes, rules, groups }
    }

    fn lists(&mut self, known: &Known, owner: bool) -> Trackers {
        let mut list = |names: &[String], most: i64, weightless: bool, reverse: bool| -> Vec<Tracked> {
            let chosen = names.iter().filter(|_| self.chance(2)).cloned().collect::<Vec<_>>();
            let tracked = |name| {
                let mut weight = self.weight(most);
                weight.amount *= i16::from(!weightless);
                weight.reverse &= reverse || weight.amount != 0 || self.chance(2);
                Tracked { name, weight }
            };
            chosen.into_iter().map(tracked).collect()
        };
        Trackers {
            interfaces: list(&known.interfaces, 253, owner, true),
            scripts: list(&known.scripts, 253, owner, true),
            files: list(&known.files, 254, owner, true),
            processes: list(&known.processes, 254, false, true),
            bfds: list(&known.bfds, 253, owner, true),
        }
    }

    fn groups(&mut self, instances: &[Instance], known: &Known) -> Vec<SyncGroup> {
        let mut groups = Vec::new();
        let mut left: Vec<&Instance> = instances.iter().collect();
        for number in 0..2 {
            let members: Vec<&Instance> = left.extract_if(.., |_| self.chance(3)).collect();
            if members.is_empty() {
                continue;
            }
            let owner = members.iter().any(|member| member.priority.is_owner());
            let mut track = self.lists(known, owner);
            if owner {
                let Trackers { interfaces, scripts, files, processes, bfds } = &mut track;
                let lists = [interfaces, scripts, files, processes, bfds];
                lists.into_iter().flatten().for_each(|tracked| tracked.weight.amount = 0);
            }
            let notify = self.notify();
            groups.push(SyncGroup {
                name: self.name("group", number),
                members: members.iter().map(|member| member.name.clone()).collect(),
                track,
                notify: Notifications { deleted: None, ..notify },
                notify_priority_changes: self.maybe(|maker| maker.chance(2)),
                smtp_alert: self.chance(2),
            });
        }
        groups
    }

    fn notify(&mut self) -> Notifications {
        Notifications {
            master: self.maybe(Self::shared_command),
            backup: self.maybe(Self::shared_command),
            fault: self.maybe(Self::shared_command),
            stop: self.maybe(Self::shared_command),
            any: self.maybe(Self::shared_command),
            lower_priority: self.maybe(Self::shared_command),
            deleted: self.maybe(|maker| Deleted { command: maker.maybe(Self::shared_command) }),
        }
    }

    fn instance(&mut self, number: usize, global: &Global, known: &Known) -> Instance {
        let v4 = self.chance(2);
        let family = if v4 { Family::V4 } else { Family::V6 };
        let strict = self.chance(4);
        let version = match self.dice.roll(3) {
            0 if v4 || !strict => Version::V2,
            _ => Version::V3,
        };
        let owner = self.chance(4);
        let priority = if owner { 255 } else { self.or(100, |maker| maker.byte(1, 254)) };
        let base = number + 1;
        let vrid = Vrid::try_from(u8::try_from(base * 40).unwrap()).unwrap();
        let network = u8::try_from(base * 10).unwrap();
        let interface = self.interface();
        let mut one = Instance::new(&self.name("V", number), vrid, &interface);
        (one.family, one.version, one.strict) = (family, version, strict);
        one.priority = Priority::try_from(priority).unwrap();
        one.advert_interval = self.advert_interval(version);
        self.transport(&mut one, global, network);
        one.auth = self.auth(version, v4, strict);
        one.wants_master = match one.auth {
            _ if strict => owner,
            Auth::Ah(_) => owner && self.chance(2),
            _ => self.chance(2),
        };
        one.preempt = match self.dice.roll(3) {
            0 if !one.wants_master && !owner => Preempt::Never,
            1 if !one.wants_master && !strict => Preempt::After(self.micros(1, 1_000_000_000)),
            _ => Preempt::Always,
        };
        let never = one.preempt == Preempt::Never;
        one.late_timer_backup = self.maybe(|maker| maker.byte(1, 254)).filter(|_| never);
        one.down_timer_adverts = if strict { 3 } else { self.or(3, |maker| maker.number(1, 100)) };
        self.addresses(&mut one, network);
        one.routes = self.some(2, Self::route);
        one.rules = self.some(2, Self::rule);
        self.policies(&mut one, global);
        one.track = self.lists(known, owner);
        one.notify = self.notify();
        one
    }

    fn advert_interval(&mut self, version: Version) -> Micros {
        match version {
            Version::V2 => self.or(Micros::from_secs(1), |maker| maker.seconds(1, 255)),
            Version::V3 => self.or(Micros::from_secs(1), |maker| Micros::from_centis(maker.between(1, 4095))),
        }
    }

    fn auth(&mut self, version: Version, v4: bool, strict: bool) -> Auth {
        let mut password =
            *self.pick(&[b"1111\0\0\0\0", b"a b#{}!\\", b"x\0\0\0\0\0\0\0", b"\xff\xc3(\0\0\0\0\0"]);
        match self.dice.roll(4) {
            0 if version == Version::V2 && !strict => Auth::Pass(password),
            1 if version == Version::V2 && !strict && v4 => {
                password[0] = b'A';
                Auth::Ah(password)
            }
            2 => {
                let keys = [
                    b"0123456789abcdef0123456789abcdef".to_vec(),
                    b"hex:56789abcdef0123456789abcdef01".to_vec(),
                    (0..64).collect(),
                ];
                let keys = keys.into_iter().zip([1, 7, 255]).map(|(key, number)| (number, key)).collect();
                let modes = [HmacMode::Enforce, HmacMode::Permissive, HmacMode::ReceiveOnly];
                Auth::Hmac(Hmac {
                    keys,
                    active: self.pick(&[1, 7, 255]),
                    window: self.seconds(1, 300),
                    anti_replay: self.pick(&[AntiReplay::Time, AntiReplay::Monotonic]),
                    mode: if strict { HmacMode::Enforce } else { self.pick(&modes) },
                })
            }
            _ => Auth::None,
        }
    }

    /// Where adverts come from and go to, and the link they travel by.
    fn transport(&mut self, one: &mut Instance, global: &Global, network: u8) {
        let v4 = one.family == Family::V4;
        let source = self.maybe(|maker| maker.ip(v4, 60));
        let unicast = !one.strict && self.chance(2);
        if unicast {
            let peers = self.ips(3, v4, network + 1);
            let peers = if peers.is_empty() { vec![self.ip(v4, network + 2)] } else { peers };
            let peers: Vec<Peer> = peers.into_iter().map(|ip| self.peer(ip)).collect();
            let limited = peers.iter().any(|peer| *peer != Peer::from(peer.address));
            let check_source = global.vrrp.check_unicast_src || limited || self.chance(2);
            let ttl = if v4 {
                Some(self.or(255, |maker| maker.byte(0, 255)))
            } else {
                self.maybe(|maker| maker.byte(0, 255))
            };
            if source.is_some() && self.chance(3) {
                one.interface = None;
                one.vrf = self.maybe(|_| "vrf1".to_owned());
            }
            one.transport = Transport::Unicast { peers, source, check_source, ttl };
        } else {
            let usual: IpAddr = if v4 { global.vrrp.group4.into() } else { global.vrrp.group6.into() };
            let other: IpAddr = if v4 { [224, 9, 9, 9].into() } else { [0xff02, 0, 0, 0, 0, 0, 9, 9].into() };
            one.transport = Transport::Multicast { group: self.or(usual, |_| other), source };
            if self.chance(5) {
                one.interface = Some("tun0".to_owned());
                one.hopeless = Some(Hopeless::NoMulticast);
            }
            if self.chance(5) {
                one.hopeless = Some(Hopeless::NoPeer);
            }
        }
        one.checksum = Checksum {
            as_v2: self.chance(2),
            old_unicast: self.pick(&[OldChecksum::Detect, OldChecksum::Always, OldChecksum::Never]),
        };
        // What makes sense with unicast only counts as unicast here.
        let unicast = unicast || one.checksum.old_unicast != OldChecksum::Detect;
        if one.interface_name().starts_with("eth") && self.chance(2) {
            self.own_link(one, unicast);
        }
        one.track_source = one.transport.source().is_some() && self.chance(2);
        one.receive_buffer = self.maybe(|maker| maker.number(1, u32::MAX));
    }

    fn peer(&mut self, address: IpAddr) -> Peer {
        let mut peer = Peer::from(address);
        peer.ttl_min = self.or(0, |maker| maker.byte(0, 255));
        peer.ttl_max = self.or(255, |maker| maker.byte(0, 255));
        peer
    }

    fn own_link(&mut self, one: &mut Instance, unicast: bool) {
        let number = one.vrid.number();
        let usual = format!("vrrp.{number}");
        let group = self.or(0, |maker| maker.number(0, u32::MAX));
        if self.chance(2) {
            let usual_mac = Vmac::router_mac(one.vrid, one.family);
            let mac = self.or(usual_mac, |_| MacAddr([2, 0, 0xab, 1, 2, number]));
            one.own_link = Some(OwnLink::Vmac(Vmac {
                name: self.or(usual, |_| format!("vm#{number}")),
                mac: if one.strict { usual_mac } else { mac },
                transmit_base: !one.strict && (unicast || self.chance(2)),
                announce_link: self.chance(2),
                group,
            }));
            return;
        }
        let v4 = one.family == Family::V4;
        let most = if v4 { 32 } else { 128 };
        let address = self.chance(2).then(|| (self.ip(v4, 70), self.byte(0, most)));
        if v4 && address.is_none() {
            one.hopeless = Some(Hopeless::IpvlanWithoutAddress);
        }
        let (Transport::Multicast { source, .. } | Transport::Unicast { source, .. }) = &mut one.transport;
        *source = source.or(address.map(|(ip, _)| ip));
        one.own_link = Some(OwnLink::Ipvlan(Ipvlan {
            name: self.or(usual, |_| format!("ip {number}")),
            address,
            mode: self.pick(&[IpvlanMode::Bridge, IpvlanMode::Private, IpvlanMode::Vepa]),
            group,
        }));
    }

    fn addresses(&mut self, one: &mut Instance, network: u8) {
        one.vmac_addresses = self.chance(3);
        one.promote_secondaries = one.own_link.is_none() && self.chance(3);
        let needs = one.interface.is_none();
        let vmac = matches!(one.own_link, Some(OwnLink::Vmac(_)));
        let v4 = one.family == Family::V4;
        let address = |maker: &mut Self, ip: IpAddr| {
            let mut address = maker.address(ip, needs, false);
            let own = address.interface.is_none() || address.interface == one.interface;
            let idle = vmac && own && Family::of(ip) == one.family || one.vmac_addresses;
            address.use_vmac = !idle && maker.chance(3);
            address
        };
        let ips = self.ips(3, v4, network + 3);
        one.addresses = ips.into_iter().map(|ip| address(self, ip)).collect();
        if one.addresses.is_empty() && one.strict {
            let ip = self.ip(v4, network + 4);
            one.addresses.push(address(self, ip));
        }
        for v4 in [true, false] {
            let ips = self.ips(2, v4, network + 5);
            let more: Vec<_> = ips.into_iter().map(|ip| address(self, ip)).collect();
            one.excluded.extend(more);
        }
    }

    fn policies(&mut self, one: &mut Instance, global: &Global) {
        let (strict, owner) = (one.strict, one.priority.is_owner());
        one.accept = owner || !(strict && one.version == Version::V2) && self.chance(2);
        one.garp = self.garp();
        let inherited = global.vrrp.garp;
        if self.chance(3) {
            one.garp = inherited;
        }
        if strict {
            one.garp = Garp { lower_prio_repeat: 0, lower_prio_delay: Micros::ZERO, ..one.garp };
        }
        one.lower_prio_no_advert = strict || self.chance(2);
        one.higher_prio_send_advert = !strict && self.chance(2);
        one.owner_ignore_adverts = owner && (strict || self.chance(2));
        one.skip_check_adv_addr = self.chance(2);
        one.dont_track_primary = self.chance(3);
        one.notify_priority_changes = self.chance(2);
        one.smtp_alert = self.chance(2);
    }
}
