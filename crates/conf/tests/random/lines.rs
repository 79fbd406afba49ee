//! Addresses, routes and rules at random.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use keepalived_model::kernel::{AddressSpec, Lifetime, OUR_PROTOCOL};
use keepalived_model::route::{
    Encap, Insertion, Metric, Metrics, Nexthop, Prefix, Realms, Route, RouteKind, Table, Tunnel,
};
use keepalived_model::rule::{Action, Mark, Numbers, Rule};
use keepalived_model::vrrp::{Family, VirtualAddress};

use super::Maker;

impl Maker<'_> {
    /// An address, on an interface of its own if it needs one.
    pub fn address(&mut self, ip: IpAddr, interface: bool, use_vmac: bool) -> VirtualAddress {
        let v4 = ip.is_ipv4();
        let most = if v4 { 32 } else { 128 };
        let peer = self.maybe(|maker| maker.ip(v4, 9));
        let prefix_len = if peer.is_some() { most } else { self.or(most, |maker| maker.byte(0, most)) };
        let broadcast = self.maybe(|_| Ipv4Addr::new(10, 255, 255, 255)).filter(|_| v4 && peer.is_none());
        let preferred = match self.dice.roll(3) {
            _ if v4 => Lifetime::Forever,
            0 => Lifetime::Forever,
            1 => Lifetime::Seconds(0),
            _ => Lifetime::Seconds(self.number(0, u32::MAX)),
        };
        let spec = AddressSpec {
            scope: if v4 { self.or(0, |maker| maker.byte(0, 255)) } else { 0 },
            broadcast,
            label: self.maybe(|maker| maker.pick(&["eth0:1", "a b", "#"]).to_owned()).filter(|_| v4),
            peer,
            home: self.chance(4),
            manages_temporary: self.chance(4),
            no_prefix_route: self.chance(4),
            auto_join: self.chance(4),
            detects_duplicates: self.chance(4),
            preferred,
        };
        let named = interface || self.chance(3);
        let interface = named.then(|| self.interface());
        let no_track = self.chance(4);
        VirtualAddress { ip, prefix_len, interface, spec, no_track, use_vmac, vmac: None }
    }

    fn prefix(&mut self, v4: bool) -> Prefix {
        let len = self.byte(0, if v4 { 32 } else { 128 });
        if self.chance(5) {
            let ip: IpAddr = if v4 { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
            return Prefix { ip, len: if self.chance(2) { 0 } else { len } };
        }
        Prefix { ip: self.ip(v4, 40), len }
    }

    fn realms(&mut self) -> Realms {
        Realms { from: self.or(0, |maker| maker.byte(0, 255)), to: self.byte(0, 255) }
    }

    pub fn route(&mut self) -> Route {
        let v4 = self.chance(2);
        let kind = RouteKind(self.or(1, |maker| maker.byte(0, 255)));
        let interface = self.maybe(Self::interface);
        let tracked = interface.is_some() && self.chance(2);
        let protocol = if tracked { OUR_PROTOCOL } else { self.or(OUR_PROTOCOL, |maker| maker.byte(0, 255)) };
        let usual = if kind == RouteKind::UNICAST { Insertion::Prepend } else { Insertion::Add };
        let orders = [Insertion::Add, Insertion::Append, Insertion::Prepend];
        Route {
            destination: self.prefix(v4),
            kind,
            from: self.maybe(|maker| maker.prefix(false)).filter(|_| !v4),
            source: self.maybe(|maker| maker.ip(v4, 41)),
            via: self.maybe(|maker| maker.ip(v4, 42)),
            interface,
            onlink: self.chance(4),
            encap: self.maybe(Self::encap),
            realms: self.maybe(Self::realms).filter(|_| v4),
            nexthops: if self.chance(3) { self.some(3, |maker| maker.nexthop(v4)) } else { Vec::new() },
            table: match self.dice.roll(3) {
                0 => Table::Number(self.number(0, u32::MAX)),
                1 => Table::Vrf("vrf1".into()),
                _ => Table::Number(Table::MAIN),
            },
            protocol,
            scope: self.or(0, |maker| maker.byte(0, 255)),
            tos: self.or(0, |maker| maker.byte(0, 255)),
            metric: self.maybe(|maker| maker.number(0, u32::MAX)),
            metrics: self.metrics(),
            expires_secs: self.maybe(|maker| maker.number(0, u32::MAX)).filter(|_| !v4),
            preference: self.maybe(|maker| maker.byte(0, 5)).filter(|_| !v4),
            ttl_propagate: self.maybe(|maker| maker.chance(2)),
            insertion: self.or(usual, |maker| maker.pick(&orders)),
            no_track: !tracked,
        }
    }

    fn encap(&mut self) -> Encap {
        match self.dice.roll(4) {
            0 => {
                let count = 1 + self.dice.roll(2);
                Encap::Mpls(self.several(count, |maker| maker.number(0, 0xf_ffff)))
            }
            1 => Encap::Ip(self.tunnel(|maker| maker.v4(43))),
            2 => Encap::Ip6(self.tunnel(|maker| maker.v6(43))),
            _ => Encap::Ila([1, 0, 0xffff, u16::try_from(self.number(0, 0xffff)).unwrap()]),
        }
    }

    fn tunnel<Address>(&mut self, address: impl Fn(&mut Self) -> Address) -> Tunnel<Address> {
        Tunnel {
            id: self.maybe(|maker| maker.or(u64::MAX, |maker| maker.number(0, 9).into())),
            destination: self.maybe(&address),
            source: self.maybe(&address),
            class: self.maybe(|maker| maker.byte(0, 255)),
            hops: self.maybe(|maker| maker.byte(0, 255)),
            flags: self.maybe(|maker| u16::try_from(maker.number(0, 0xffff)).unwrap()),
        }
    }

    fn nexthop(&mut self, v4: bool) -> Nexthop {
        Nexthop {
            via: self.maybe(|maker| maker.ip(v4, 44)),
            interface: self.maybe(Self::interface),
            weight: self.maybe(|maker| u16::try_from(maker.number(1, 256)).unwrap()),
            onlink: self.chance(3),
            encap: self.maybe(Self::encap),
            realms: self.maybe(Self::realms).filter(|_| v4),
        }
    }

    fn metrics(&mut self) -> Metrics {
        use Metric::*;
        let mut metrics = Metrics::default();
        let lockable = [Mtu, SegmentSize, Reordering, CongestionWindow, SlowStartThreshold];
        let plain = [Window, InitialCongestionWindow, InitialReceiveWindow];
        let times = [(Rtt, 8), (RttVariance, 4), (RetransmissionMin, 1)];
        for metric in lockable.into_iter().chain(plain) {
            if self.chance(6) {
                metrics.values.insert(metric, self.number(0, u32::MAX));
            }
        }
        for (metric, parts) in times {
            if self.chance(6) {
                metrics.values.insert(metric, self.number(200 * parts, 120_000 * parts));
            }
        }
        for (metric, most) in [(HopLimit, 255), (QuickAck, 1), (FastOpenNoCookie, 1)] {
            if self.chance(6) {
                metrics.values.insert(metric, self.number(0, most));
            }
        }
        if self.chance(6) {
            metrics.values.insert(Features, Metrics::ECN);
        }
        let may_lock = lockable.into_iter().chain(times.map(|(metric, _)| metric));
        for metric in may_lock {
            if metrics.values.contains_key(&metric) && self.chance(2) {
                metrics.locked.insert(metric);
            }
        }
        metrics.congestion_control = self.maybe(|maker| maker.pick(&["cubic", "a b"]).to_owned());
        if metrics.congestion_control.is_some() && self.chance(2) {
            metrics.locked.insert(CongestionControl);
        }
        metrics
    }

    pub fn rule(&mut self) -> Rule {
        let v4 = self.chance(2);
        let no_track = self.chance(3);
        let preference = self.number(0, u32::MAX - 1);
        let action = match self.dice.roll(8) {
            0 => Action::Goto(preference + 1),
            1 => Action::Nop,
            2 => Action::Blackhole,
            3 => Action::Unreachable,
            4 => Action::Prohibit,
            5 => Action::Vrf,
            _ => Action::Table(self.number(1, u32::MAX)),
        };
        let looks_up = matches!(action, Action::Table(_) | Action::Vrf);
        let port = |maker: &mut Self| u16::try_from(maker.number(0, 65_535)).unwrap();
        let ports = |maker: &mut Self| {
            let first = port(maker);
            Numbers { first, last: maker.or(first, port) }
        };
        Rule {
            family: if v4 { Family::V4 } else { Family::V6 },
            inverted: self.chance(4),
            from: self.maybe(|maker| maker.prefix(v4)),
            to: self.maybe(|maker| maker.prefix(v4)),
            preference,
            tos: self.or(0, |maker| maker.byte(0, 255)),
            mark: self.maybe(|maker| Mark {
                value: maker.number(0, u32::MAX),
                mask: maker.maybe(|maker| maker.number(0, u32::MAX)),
            }),
            incoming: self.maybe(Self::interface),
            outgoing: self.maybe(Self::interface),
            realms: self
                .maybe(Self::realms)
                .filter(|realms| v4 && (looks_up || *realms == Realms { from: 0, to: 0 })),
            suppress_prefix_len: self.maybe(|maker| maker.number(0, i32::MAX as u32)).filter(|_| looks_up),
            suppress_group: self.maybe(|maker| maker.number(0, i32::MAX as u32)).filter(|_| looks_up),
            tunnel_id: self.maybe(|maker| maker.number(0, u32::MAX).into()),
            users: self
                .maybe(|maker| Numbers { first: maker.number(0, u32::MAX), last: maker.number(0, u32::MAX) }),
            ip_protocol: self.maybe(|maker| maker.byte(0, 253)),
            source_ports: self.maybe(ports),
            destination_ports: self.maybe(ports),
            protocol: if no_track { self.or(0, |maker| maker.byte(0, 255)) } else { OUR_PROTOCOL },
            action,
            no_track,
        }
    }
}
