//! Rules between fields, inheritance, and the model (`spec` lvs 2).

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use keepalived_model::global::Global;
use keepalived_model::lvs::{
    Family, Forwarding, Granularity, Persistence, Protocol, RealServer, Scheduler, SorryServer, VirtualServer,
};
use keepalived_model::time::Micros;

use super::server::{Draft, PERSISTENCE_SECS, Sorry};
use super::targets::Service;
use super::{checker, ports, real, titled};
use crate::diag::Class;
use crate::lower::context::Context;
use crate::lower::notify::find;
use crate::lower::script::Security;

/// Seconds between checks where nobody says anything else.
pub(crate) const DELAY_LOOP_SECS: u64 = 60;

/// The rules of one service but those about ports, in the original's order.
pub(super) fn rules(cx: &mut Context<'_>, service: &mut Service<'_>) {
    let title = service.draft.title();
    if service.draft.ha_suspend && service.has_mark() {
        let text =
            format!("Virtual server {title}: cannot use ha_suspend with fwmarks - clearing ha_suspend");
        cx.conclude(Class::General, text);
        service.draft.ha_suspend = false;
    }
    transport(cx, service);
    let title = service.draft.title();
    let draft = &mut service.draft;
    if draft.scheduler.is_none() {
        let text = format!("Virtual server {title}: no scheduler set, setting default 'wlc'");
        cx.conclude(Class::General, text);
    }
    let missing = draft.servers.iter().any(|server| server.forwarding.is_none())
        || draft.sorry.as_ref().is_some_and(|sorry| sorry.forwarding.is_none());
    if draft.forwarding.is_none() && missing {
        let text = format!("Virtual server {title}: no forwarding method set, setting default NAT");
        cx.conclude(Class::General, text);
    }
    let method = draft.forwarding.get_or_insert(Forwarding::Nat);
    for server in &mut draft.servers {
        server.forwarding.get_or_insert(*method);
    }
    if let Some(sorry) = &mut draft.sorry {
        sorry.forwarding.get_or_insert(*method);
    }
    servers(cx, draft, &title);
    quorum(cx, draft, &title);
}

/// Protocol, one packet scheduling, port zero.
fn transport(cx: &mut Context<'_>, service: &mut Service<'_>) {
    let title = service.draft.title();
    let (has_address, has_every_port) = (service.has_address(), service.has_every_port());
    let draft = &mut service.draft;
    if !has_address {
        if draft.protocol.take().is_some() {
            let text = format!(
                "Warning: Virtual server {title}: protocol specified for fwmark - protocol will be ignored"
            );
            cx.conclude(Class::Warning, text);
        }
        return;
    }
    if draft.protocol.is_none() {
        cx.conclude(Class::General, format!("Virtual server {title}: no protocol set - defaulting to UDP"));
    }
    let protocol = *draft.protocol.get_or_insert(Protocol::Udp);
    let title = draft.title();
    if draft.one_packet && protocol != Protocol::Udp {
        let text = format!("Virtual server {title}: one packet scheduling requires UDP - resetting");
        cx.conclude(Class::General, text);
        draft.one_packet = false;
    }
    if has_every_port && draft.persistence_secs.is_none() {
        let text = format!("Virtual server {title}: zero port only valid for persistent services - setting");
        cx.conclude(Class::General, text);
        draft.persistence_secs = Some(PERSISTENCE_SECS);
    }
}

/// No real server twice, and none that is the sorry server with other manners.
fn servers(cx: &mut Context<'_>, draft: &mut Draft, title: &str) {
    let mut kept: Vec<real::Draft> = Vec::new();
    let mut doubled = Vec::new();
    for server in std::mem::take(&mut draft.servers) {
        let name = titled(server.ip, server.port, draft.protocol);
        let inhibit = server.inhibit.unwrap_or(draft.inhibit);
        if let Some(sorry) = &mut draft.sorry
            && (sorry.ip, sorry.port) == (server.ip, server.port)
            && sorry.inhibit != inhibit
        {
            sorry.inhibit = inhibit;
            let what = if inhibit { "setting" } else { "clearing" };
            let text = format!(
                "Virtual server {title}: real server {name} matches sorry server, but inhibit setting differs, \
                 {what} on sorry server"
            );
            cx.conclude(Class::General, text);
        }
        if kept.iter().any(|other| (other.ip, other.port) == (server.ip, server.port)) {
            doubled.push(format!("VS {title}: real server {name} is duplicated - removing second rs"));
        } else {
            kept.push(server);
        }
    }
    doubled.into_iter().for_each(|text| cx.conclude(Class::General, text));
    draft.servers = kept;
    same_in_effect(cx, draft, title);
}

/// Servers that differ only in ports they will not have. To the kernel they are one.
fn same_in_effect(cx: &mut Context<'_>, draft: &mut Draft, title: &str) {
    let Draft { target, protocol, servers, sorry, inhibit, .. } = draft;
    let mut seen = BTreeSet::new();
    servers.retain(|server| {
        let port = ports::in_effect(target, server.port, server.forwarding);
        let first = seen.insert((server.ip, port));
        let same = |sorry: &&mut Sorry| {
            (sorry.ip, ports::in_effect(target, sorry.port, sorry.forwarding)) == (server.ip, port)
        };
        if let Some(sorry) = sorry.as_mut().filter(same) {
            sorry.inhibit = server.inhibit.unwrap_or(*inhibit);
        }
        if !first {
            let name = titled(server.ip, port, *protocol);
            cx.conclude_log(format!("VS {title}: real server {name} is duplicated - removing second rs"));
        }
        first
    });
}

fn quorum(cx: &mut Context<'_>, draft: &mut Draft, title: &str) {
    let weights = draft.servers.iter().map(|server| u64::from(server.weight.unwrap_or(draft.weight)));
    let total = u32::try_from(weights.sum::<u64>()).unwrap_or(u32::MAX);
    let quorum = draft.quorum;
    if quorum > total {
        let text = format!(
            "Warning - quorum {quorum} for {title} exceeds total weight of real servers {total}, \
             reducing quorum to {total}"
        );
        cx.conclude(Class::Warning, text);
        draft.quorum = total;
    }
    let (quorum, hysteresis) = (draft.quorum, draft.hysteresis);
    if hysteresis >= quorum {
        // With a quorum of zero the original wraps round to the largest number, and the quorum is never gained; with
        // us it is always there (`spec` lvs 10).
        let most = quorum.saturating_sub(1);
        let text = format!(
            "Virtual server {title}: hysteresis {hysteresis} >= quorum {quorum}; setting hysteresis to {most}"
        );
        cx.conclude(Class::General, text);
        draft.hysteresis = most;
    }
}

/// The service with everything handed down, and what can be run of its scripts.
pub(super) fn model(
    cx: &mut Context<'_>,
    service: Service<'_>,
    security: &mut Security,
    globals: &Global,
) -> VirtualServer {
    let Service { mut draft, family, .. } = service;
    let (quorum_up, quorum_down) = (draft.quorum_up.take(), draft.quorum_down.take());
    let quorum_up = find(cx, security, &quorum_up);
    let quorum_down = find(cx, security, &quorum_down);
    let servers = std::mem::take(&mut draft.servers);
    let servers =
        servers.into_iter().map(|server| real_server(cx, server, &draft, security, globals)).collect();
    let sorry = draft.sorry.map(|sorry| SorryServer {
        ip: sorry.ip,
        port: sorry.port,
        forwarding: sorry.forwarding.unwrap_or(Forwarding::Nat),
        inhibit: sorry.inhibit,
    });
    let every_client = match family {
        Family::V4 => Granularity::V4(Ipv4Addr::BROADCAST),
        Family::V6 => Granularity::V6(128),
    };
    VirtualServer {
        target: draft.target,
        family,
        protocol: draft.protocol,
        scheduler: draft.scheduler.unwrap_or(Scheduler::DEFAULT),
        flags: draft.flags,
        persistence: draft.persistence_secs.map(|timeout_secs| Persistence {
            timeout_secs,
            granularity: draft.granularity.unwrap_or(every_client),
            engine: draft.engine,
        }),
        one_packet: draft.one_packet,
        ha_suspend: draft.ha_suspend,
        omega: draft.omega,
        quorum: draft.quorum,
        hysteresis: draft.hysteresis,
        quorum_up,
        quorum_down,
        smtp_alert: draft.smtp_alert.or(globals.mail.alerts.of_checkers()).unwrap_or(false),
        snmp_name: draft.snmp_name,
        sorry,
        servers,
    }
}

fn real_server(
    cx: &mut Context<'_>,
    server: real::Draft,
    service: &Draft,
    security: &mut Security,
    globals: &Global,
) -> RealServer {
    let notify_up = find(cx, security, &server.notify_up);
    let notify_down = find(cx, security, &server.notify_down);
    let mut checkers = server.checkers;
    for checker in &mut checkers {
        if let checker::Kind::Misc(misc) = &mut checker.kind {
            misc.look(cx, security);
        }
    }
    let host = server.virtualhost.as_deref().or(service.virtualhost.as_deref());
    let place = checker::Place {
        ip: server.ip,
        port: server.port,
        pace: server.pace.or(service.pace),
        delay_loop: service.pace.delay_loop.unwrap_or(Micros::from_secs(DELAY_LOOP_SECS)),
        alpha: server.alpha.unwrap_or(service.alpha),
        log_all_failures: globals.lvs.log_all_failures,
        host,
        service_host: service.virtualhost.as_deref(),
    };
    let checkers = checkers.into_iter().map(|checker| checker.complete(&place)).collect();
    RealServer {
        ip: server.ip,
        port: server.port,
        weight: server.weight.unwrap_or(service.weight),
        forwarding: server.forwarding.unwrap_or(Forwarding::Nat),
        connections_max: server.connections_max,
        connections_min: server.connections_min,
        inhibit_on_failure: server.inhibit.unwrap_or(service.inhibit),
        notify_up,
        notify_down,
        smtp_alert: server.smtp_alert.or(globals.mail.alerts.of_checkers()).unwrap_or(true),
        snmp_name: server.snmp_name,
        checkers,
    }
}
