//! Virtual servers at random.

use std::net::IpAddr;

use keepalived_model::bfd;
use keepalived_model::global::Global;
use keepalived_model::lvs::{
    Config, Entry, Family, Forwarding, Granularity, Group, GueChecksum, Persistence, Protocol, RealServer,
    Scheduler, SchedulerFlags, SorryServer, Target, Tls, Tunnel, VirtualServer,
};
use keepalived_model::vrrp;

use super::Maker;
use super::check::Around;

impl Maker<'_> {
    pub fn lvs(&mut self, global: &Global, vrrp: &vrrp::Config, bfd: &bfd::Config) -> Config {
        let told = bfd.sessions.iter().filter(|session| session.receivers.checkers());
        let around = Around {
            files: vrrp.files.iter().map(|file| file.name.clone()).collect(),
            sessions: told.map(|session| session.name.clone()).collect(),
            log_all_failures: global.lvs.log_all_failures,
        };
        let mut config = Config { tls: self.maybe(Self::tls), ..Config::default() };
        let count = self.dice.roll(4);
        for number in 0..count {
            let family = if self.chance(2) { Family::V4 } else { Family::V6 };
            let group = self.chance(3).then(|| self.target_group(number, family));
            let service = self.service(number, family, group.as_ref(), &around);
            config.groups.extend(group);
            config.services.push(service);
        }
        config
    }

    fn tls(&mut self) -> Tls {
        Tls {
            password: self.maybe(Self::word),
            ca: self.maybe(Self::word),
            certificate: self.maybe(Self::word),
            key: self.maybe(Self::word),
        }
    }

    fn port(&mut self) -> u16 {
        u16::try_from(self.number(1, 65_535)).unwrap()
    }

    fn target_group(&mut self, number: usize, family: Family) -> Group {
        let v4 = family == Family::V4;
        let entry = |maker: &mut Self| {
            if maker.chance(3) {
                let family = maker.maybe(|_| family);
                return Entry::Mark { mark: maker.number(0, u32::MAX), family };
            }
            let first = maker.ip(v4, 80);
            let last = match first {
                IpAddr::V4(ip) => {
                    let room = 255 - u32::from(ip.octets()[3]);
                    IpAddr::V4((ip.to_bits() + maker.number(0, room)).into())
                }
                IpAddr::V6(ip) => {
                    let room = 0xffff - u32::from(ip.segments()[7]);
                    IpAddr::V6((ip.to_bits() + u128::from(maker.number(0, room))).into())
                }
            };
            let last = maker.or(first, |_| last);
            Entry::Addresses { first, last, port: maker.maybe(Self::port) }
        };
        let count = 1 + self.dice.roll(3);
        Group { name: self.name("targets", number), entries: self.several(count, entry) }
    }

    fn forwarding(&mut self, tunnel: bool) -> Forwarding {
        match self.dice.roll(3) {
            0 if !tunnel => Forwarding::Nat,
            1 if !tunnel => Forwarding::Direct,
            _ => Forwarding::Tunnel(match self.dice.roll(3) {
                0 => Tunnel::Ipip,
                1 => Tunnel::Gre { checksum: self.chance(2) },
                _ => {
                    let sums = [GueChecksum::None, GueChecksum::Full, GueChecksum::Remote];
                    Tunnel::Gue { port: self.port(), checksum: self.pick(&sums) }
                }
            }),
        }
    }

    /// A server's port where the service has this one, or where that does not matter.
    fn server_port(&mut self, target: &Target, forwarding: Forwarding) -> Option<u16> {
        match (target, forwarding.keeps_port()) {
            (Target::Address { port, .. }, true) => *port,
            (Target::Address { port: Some(_), .. }, false) => Some(self.port()),
            (Target::Mark(_), true) => None,
            _ => self.maybe(Self::port),
        }
    }

    fn service(
        &mut self,
        number: usize,
        family: Family,
        group: Option<&Group>,
        around: &Around,
    ) -> VirtualServer {
        let v4 = family == Family::V4;
        let target = match group {
            Some(group) => Target::Group(group.name.clone()),
            None if self.chance(3) => Target::Mark(self.number(1, u32::MAX)),
            None => Target::Address { ip: self.ip(v4, 90), port: self.maybe(Self::port) },
        };
        let entries = group.map_or(&[][..], |group| &group.entries);
        let is_mark = |entry: &Entry| matches!(entry, Entry::Mark { .. });
        let has_mark = matches!(target, Target::Mark(_)) || entries.iter().any(is_mark);
        let has_address = matches!(target, Target::Address { .. }) || !entries.iter().all(is_mark);
        let every_port = matches!(target, Target::Address { port: None, .. })
            || entries.iter().any(|entry| matches!(entry, Entry::Addresses { port: None, .. }));
        let protocol = has_address.then(|| self.pick(&[Protocol::Tcp, Protocol::Udp, Protocol::Sctp]));
        let hosts = (self.maybe(Self::host), self.maybe(Self::host));
        let odd = self.chance(6).then(|| self.micros(1, 99_999_999));
        let usual = self.delay();
        let count = 1 + self.dice.roll(3);
        let mut servers = Vec::new();
        for at in 0..count {
            let forwarding = self.forwarding(false);
            let other = forwarding.is_tunnel() && self.chance(3);
            let last = u8::try_from(91 + at).unwrap();
            let ip = self.ip(v4 != other, last);
            let port = self.server_port(&target, forwarding);
            let mut server = self.real(ip, port, forwarding);
            server.checkers = self.checkers(&server, around, hosts.clone(), usual, odd);
            servers.push(server);
        }
        // Lowering takes the family of marks from servers whose family is the service's.
        let total = servers.iter().map(|server| u64::from(server.weight)).sum::<u64>();
        let most = u32::try_from(total).unwrap_or(u32::MAX);
        let quorum = if most == 0 { 0 } else { self.or(1, |maker| maker.number(1, most)) };
        let sorry = self.maybe(|maker| {
            let forwarding = maker.forwarding(false);
            let (ip, port) = (maker.ip(v4, 99), maker.server_port(&target, forwarding));
            SorryServer { ip, port, forwarding, inhibit: maker.chance(2) }
        });
        VirtualServer {
            family,
            protocol,
            scheduler: self.pick(&Scheduler::ALL),
            flags: SchedulerFlags { flag_1: self.chance(3), flag_2: self.chance(3), flag_3: self.chance(3) },
            persistence: (every_port || self.chance(3)).then(|| self.persistence(v4)),
            one_packet: (protocol == Some(Protocol::Udp) || !has_address) && self.chance(2),
            ha_suspend: !has_mark && self.chance(3),
            omega: self.chance(3),
            quorum,
            hysteresis: self.or(0, |maker| maker.number(0, quorum.saturating_sub(1))),
            quorum_up: self.maybe(Self::command),
            quorum_down: self.maybe(Self::command),
            smtp_alert: self.chance(2),
            snmp_name: self.maybe(|maker| maker.name("service", number)),
            sorry,
            servers,
            target,
        }
    }

    fn persistence(&mut self, v4: bool) -> Persistence {
        let granularity = match v4 {
            true => Granularity::V4(self.or(u32::MAX, |maker| maker.number(0, u32::MAX)).into()),
            false => Granularity::V6(self.or(128, |maker| maker.byte(1, 128))),
        };
        Persistence {
            timeout_secs: self.or(360, |maker| maker.number(1, 2_678_400)),
            granularity,
            engine: self.maybe(|maker| maker.pick(&["sip", "a b"]).to_owned()),
        }
    }

    fn real(&mut self, ip: IpAddr, port: Option<u16>, forwarding: Forwarding) -> RealServer {
        RealServer {
            ip,
            port,
            weight: self.or(1, |maker| maker.number(0, i32::MAX as u32)),
            forwarding,
            connections_max: self.or(0, |maker| maker.number(0, u32::MAX)),
            connections_min: self.or(0, |maker| maker.number(0, u32::MAX)),
            inhibit_on_failure: self.chance(3),
            notify_up: self.maybe(Self::command),
            notify_down: self.maybe(Self::command),
            smtp_alert: self.chance(2),
            snmp_name: self.maybe(Self::word),
            checkers: Vec::new(),
        }
    }
}
