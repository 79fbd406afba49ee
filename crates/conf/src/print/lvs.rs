//! Load balancing: `SSL`, `virtual_server_group`, `virtual_server`.
//!
//! The model knows what every server and every check does, wherever it was written. What all have in common is
//! written once again: the forwarding method and the pace of checks at the service.

mod checker;
mod http;
mod pace;

use keepalived_model::Config;
use keepalived_model::lvs::{
    Entry, Family, Forwarding, Granularity, Group, GueChecksum, Persistence, RealServer, Scheduler,
    SorryServer, Target, Tls, Tunnel, VirtualServer,
};

use super::block::Block;
use super::runner::Runner;
use super::words::quoted;
use crate::schema::{REAL_SERVER, SSL, VIRTUAL_SERVER};
use http::Hosts;
use pace::Base;

/// Everything the checkers' process is told.
pub(super) fn print(root: &mut Block, config: &Config, runner: &Runner<'_>) {
    if let Some(tls) = &config.lvs.tls {
        root.bare_block("SSL", ssl(tls));
    }
    for group in &config.lvs.groups {
        let entries = group.entries.iter().map(entry).collect();
        root.named_items("virtual_server_group", [quoted(&group.name)], entries);
    }
    for service in &config.lvs.services {
        let printer = Printer { config, runner, hosts: Hosts::of(service), base: Base::of_service(service) };
        root.block("virtual_server", target(&service.target), printer.service(service));
    }
}

fn ssl(tls: &Tls) -> Block {
    let mut out = Block::of(&SSL);
    out.word("password", tls.password.as_deref());
    out.word("ca", tls.ca.as_deref());
    out.word("certificate", tls.certificate.as_deref());
    out.word("key", tls.key.as_deref());
    out
}

fn entry(entry: &Entry) -> Vec<String> {
    match entry {
        Entry::Addresses { first, last, port } => {
            let range = if first == last { first.to_string() } else { format!("{first}-{last}") };
            std::iter::once(range).chain(port.map(|port| port.to_string())).collect()
        }
        Entry::Mark { mark, family } => {
            let words = ["fwmark".to_owned(), mark.to_string()];
            words.into_iter().chain(family.map(|family| inet(family).to_owned())).collect()
        }
    }
}

fn inet(family: Family) -> &'static str {
    match family {
        Family::V4 => "inet",
        Family::V6 => "inet6",
    }
}

fn target(target: &Target) -> Vec<String> {
    match target {
        Target::Address { ip, port } => server(*ip, *port),
        Target::Mark(mark) => vec!["fwmark".to_owned(), mark.to_string()],
        Target::Group(name) => vec!["group".to_owned(), quoted(name)],
    }
}

fn server(ip: std::net::IpAddr, port: Option<u16>) -> Vec<String> {
    std::iter::once(ip.to_string()).chain(port.map(|port| port.to_string())).collect()
}

/// A service and what it hands down.
struct Printer<'a> {
    config: &'a Config,
    runner: &'a Runner<'a>,
    /// Names of hosts that checks inherit.
    hosts: Hosts<'a>,
    /// Times that checks inherit.
    base: Base,
}

impl Printer<'_> {
    fn service(&self, service: &VirtualServer) -> Block {
        let mut block = Block::of(&VIRTUAL_SERVER);
        let out = &mut block;
        scheduling(out, service);
        family(out, service, &self.config.lvs.groups);
        out.maybe("protocol", service.protocol.map(|protocol| protocol.name().to_ascii_uppercase()));
        let method = service.servers.first().map_or(Forwarding::Nat, |server| server.forwarding);
        out.line("lvs_method", forwarding(method));
        if let Some(persistence) = &service.persistence {
            lasting(out, persistence);
        }
        out.flag("ha_suspend", service.ha_suspend);
        out.flag("omega", service.omega);
        // A quorum of nothing follows from servers without weight.
        out.value("quorum", service.quorum.max(1), 1);
        out.value("hysteresis", service.hysteresis, 0);
        self.runner.command(out, "quorum_up", service.quorum_up.as_ref());
        self.runner.command(out, "quorum_down", service.quorum_down.as_ref());
        let alerts = self.config.global.mail.alerts.of_checkers();
        out.switch("smtp_alert", service.smtp_alert, alerts.unwrap_or(false));
        out.word("snmp_name", service.snmp_name.as_deref());
        self.base.print(out);
        out.word("virtualhost", self.hosts.of_service);
        for one in &service.servers {
            out.block("real_server", server(one.ip, one.port), self.real(service, one, method));
        }
        if let Some(sorry) = &service.sorry {
            sorry_server(out, sorry, method);
        }
        block
    }

    fn real(&self, service: &VirtualServer, server: &RealServer, method: Forwarding) -> Block {
        let mut out = Block::of(&REAL_SERVER);
        out.value("weight", server.weight, 1);
        if server.forwarding != method {
            out.line("lvs_method", forwarding(server.forwarding));
        }
        out.value("uthreshold", server.connections_max, 0);
        out.value("lthreshold", server.connections_min, 0);
        out.switch("inhibit_on_failure", server.inhibit_on_failure, false);
        self.runner.command(&mut out, "notify_up", server.notify_up.as_ref());
        self.runner.command(&mut out, "notify_down", server.notify_down.as_ref());
        let alerts = self.config.global.mail.alerts.of_checkers();
        out.switch("smtp_alert", server.smtp_alert, alerts.unwrap_or(true));
        out.word("snmp_name", server.snmp_name.as_deref());
        let base = self.base.of_server(server);
        base.below(&self.base).print(&mut out);
        let host = Hosts::of_server(server);
        out.word("virtualhost", host.filter(|host| Some(*host) != self.hosts.of_service));
        let place = checker::Place {
            server,
            base,
            timeout: Base::of_service(service).delay_loop(),
            log_all_failures: self.config.global.lvs.log_all_failures,
            runner: self.runner,
        };
        for one in &server.checkers {
            checker::print(&mut out, one, &place);
        }
        out
    }
}

fn scheduling(out: &mut Block, service: &VirtualServer) {
    out.line("lvs_sched", [service.scheduler.name().to_owned()]);
    let flags = service.flags;
    let (first, second) = match service.scheduler {
        Scheduler::SOURCE_HASH => ("sh-fallback", "sh-port"),
        Scheduler::MAGLEV_HASH => ("mh-fallback", "mh-port"),
        _ => ("flag-1", "flag-2"),
    };
    out.flag(first, flags.flag_1);
    out.flag(second, flags.flag_2);
    out.flag("flag-3", flags.flag_3);
    out.flag("ops", service.one_packet);
}

/// Where the target does not say what family it is, and the servers would say something else.
fn family(out: &mut Block, service: &VirtualServer, groups: &[Group]) {
    let said = match &service.target {
        Target::Address { .. } => true,
        Target::Mark(_) => false,
        Target::Group(name) => {
            let entries = groups.iter().filter(|group| group.name == *name).flat_map(|group| &group.entries);
            let families: Vec<Family> = entries.filter_map(Entry::family).collect();
            families.contains(&service.family) && families.iter().all(|family| *family == service.family)
        }
    };
    let other = service.servers.iter().any(|server| Family::of(server.ip) != service.family);
    if !said && (other || service.family == Family::V6) {
        out.line("ip_family", [inet(service.family).to_owned()]);
    }
}

fn lasting(out: &mut Block, persistence: &Persistence) {
    out.line("persistence_timeout", [persistence.timeout_secs.to_string()]);
    match persistence.granularity {
        Granularity::V4(mask) => out.value("persistence_granularity", mask, std::net::Ipv4Addr::BROADCAST),
        Granularity::V6(length) => out.value("persistence_granularity", length, 128),
    }
    out.word("persistence_engine", persistence.engine.as_deref());
}

fn sorry_server(out: &mut Block, sorry: &SorryServer, method: Forwarding) {
    out.line("sorry_server", server(sorry.ip, sorry.port));
    out.flag("sorry_server_inhibit", sorry.inhibit);
    if sorry.forwarding != method {
        out.line("sorry_server_lvs_method", forwarding(sorry.forwarding));
    }
}

fn forwarding(method: Forwarding) -> Vec<String> {
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    match method {
        Forwarding::Nat => words(&["NAT"]),
        Forwarding::Direct => words(&["DR"]),
        Forwarding::Tunnel(Tunnel::Ipip) => words(&["TUN"]),
        Forwarding::Tunnel(Tunnel::Gue { port, checksum }) => {
            let port = port.to_string();
            let checksum = match checksum {
                GueChecksum::None => None,
                GueChecksum::Full => Some("csum"),
                GueChecksum::Remote => Some("remcsum"),
            };
            let head = ["TUN", "type", "gue", "port", &port].map(str::to_owned);
            head.into_iter().chain(checksum.map(str::to_owned)).collect()
        }
        Forwarding::Tunnel(Tunnel::Gre { checksum: false }) => words(&["TUN", "type", "gre"]),
        Forwarding::Tunnel(Tunnel::Gre { checksum: true }) => words(&["TUN", "type", "gre", "csum"]),
    }
}
