//! Ports of services and servers where they cannot differ (`spec` lvs 2, rules 18 to 22).

use keepalived_model::lvs::{Forwarding, Target};

use super::targets::Service;
use super::titled;
use crate::diag::Class;
use crate::lower::context::Context;

/// Says what does not fit and makes it fit. Real servers without a port have got the service's before.
pub(super) fn rules(cx: &mut Context<'_>, service: &mut Service<'_>) {
    match service.draft.target.clone() {
        Target::Address { port, .. } => address(cx, service, port),
        Target::Mark(_) => mark(cx, service),
        Target::Group(_) => group(cx, service),
    }
}

/// The port a server will have.
pub(super) fn in_effect(target: &Target, written: Option<u16>, method: Option<Forwarding>) -> Option<u16> {
    match target {
        Target::Address { port, .. } if keeps_port(method) => *port,
        Target::Address { port, .. } => written.or(*port),
        Target::Mark(_) if keeps_port(method) => None,
        Target::Mark(_) | Target::Group(_) => written,
    }
}

fn keeps_port(method: Option<Forwarding>) -> bool {
    method.is_some_and(Forwarding::keeps_port)
}

fn address(cx: &mut Context<'_>, service: &mut Service<'_>, port: Option<u16>) {
    let draft = &mut service.draft;
    let title = draft.title();
    for server in &mut draft.servers {
        if server.port.is_none() {
            server.port = port;
        } else if keeps_port(server.forwarding) && server.port != port {
            let name = titled(server.ip, server.port, draft.protocol);
            let text = format!(
                "WARNING - virtual server {title} and real server {name} ports don't match - resetting"
            );
            cx.conclude(Class::Warning, text);
            server.port = port;
        }
    }
    if let Some(sorry) = &mut draft.sorry {
        if sorry.port.is_some() && keeps_port(sorry.forwarding) && sorry.port != port {
            let text =
                format!("WARNING - virtual server {title} and sorry server ports don't match - resetting");
            cx.conclude(Class::Warning, text);
            sorry.port = port;
        }
        sorry.port = sorry.port.or(port);
    }
}

fn mark(cx: &mut Context<'_>, service: &mut Service<'_>) {
    let draft = &mut service.draft;
    let title = draft.title();
    for server in &mut draft.servers {
        if server.port.is_some() && keeps_port(server.forwarding) {
            let name = titled(server.ip, server.port, draft.protocol);
            let text = format!(
                "WARNING - fwmark virtual server {title}, real server {name} has port specified - clearing"
            );
            cx.conclude(Class::Warning, text);
            server.port = None;
        }
    }
    if let Some(sorry) = &mut draft.sorry
        && sorry.port.is_some()
        && keeps_port(sorry.forwarding)
    {
        let text = format!("WARNING - virtual server {title}, sorry server has port specified - clearing");
        cx.conclude(Class::Warning, text);
        sorry.port = None;
    }
}

/// Every entry has its own port, so nothing can be made to fit; the entry's port is used.
fn group(cx: &mut Context<'_>, service: &Service<'_>) {
    let draft = &service.draft;
    let title = draft.title();
    let sorry = draft.sorry.as_ref().filter(|sorry| sorry.port.is_some() && keeps_port(sorry.forwarding));
    let servers = || {
        let bound =
            draft.servers.iter().filter(|server| server.port.is_some() && keeps_port(server.forwarding));
        bound.map(|server| (titled(server.ip, server.port, draft.protocol), server.port))
    };
    if service.has_mark() {
        for (name, _) in servers() {
            let text = format!(
                "WARNING - fwmark virtual server {title}, real server {name} has port specified - port will be ignored"
            );
            cx.conclude(Class::Warning, text);
        }
        if sorry.is_some() {
            let text = format!(
                "WARNING - fwmark virtual server {title}, sorry server has port specified - port will be ignored"
            );
            cx.conclude(Class::Warning, text);
        }
    }
    for (entry, port) in service.addresses() {
        let shown = port.unwrap_or(0);
        for (name, _) in servers().filter(|(_, theirs)| *theirs != port) {
            let text =
                format!("virtual server {title}:[{entry},{shown}] and real server {name} ports don't match");
            cx.conclude(Class::General, text);
        }
        if sorry.is_some_and(|sorry| sorry.port != port) {
            let text = format!(
                "WARNING - virtual server {title}, sorry server has port specified - port will be ignored"
            );
            cx.conclude(Class::Warning, text);
        }
    }
}
