//! `real_server` blocks (`spec` lvs 1.3).

use std::net::IpAddr;

use keepalived_model::lvs::{Family, Forwarding};

use super::pace::Pace;
use super::server::{self, Script};
use super::{Surroundings, checker, forwarding, port, titled};
use crate::diag::Class;
use crate::lower::context::Context;
use crate::lower::inet;
use crate::lower::script::Written;
use crate::tree::Statement;

/// A real server as far as it is written.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub ip: IpAddr,
    /// As written.
    pub port: Option<u16>,
    pub weight: Option<u32>,
    pub forwarding: Option<Forwarding>,
    pub connections_max: u32,
    pub connections_min: u32,
    pub inhibit: Option<bool>,
    pub alpha: Option<bool>,
    pub notify_up: Option<Written>,
    pub notify_down: Option<Written>,
    pub smtp_alert: Option<bool>,
    pub virtualhost: Option<String>,
    pub snmp_name: Option<String>,
    pub pace: Pace,
    pub checkers: Vec<checker::Draft>,
}

/// Address and port behind a keyword; nothing if they cannot be read, which was said.
pub(super) fn header(
    cx: &mut Context<'_>,
    statement: &Statement<'_>,
    what: &str,
) -> Option<(IpAddr, Option<u16>)> {
    let word = cx.word(statement, "")?;
    let written = statement.word(2);
    let port = port(cx, &cx.place(statement, 2), written);
    match (inet::address(word), port) {
        (Some(ip), Ok(port)) => Some((ip, port)),
        (_, _) => {
            let text =
                format!("Invalid {what} ip address/port {word}/{} - skipping", written.unwrap_or("(null)"));
            cx.say(&cx.place(statement, 1), Class::General, text);
            None
        }
    }
}

/// Reads a block into its virtual server.
pub(super) fn lower(
    cx: &mut Context<'_>,
    around: &mut Surroundings,
    service: &mut server::Draft,
    statement: &Statement<'_>,
) {
    let Some((ip, port)) = header(cx, statement, "real server") else {
        // The block is skipped, and what is in it was not seen.
        cx.mute(statement.at + 1, statement.end);
        return;
    };
    let mut draft = Draft {
        ip,
        port,
        weight: None,
        // The virtual server's as far as it is known.
        forwarding: service.forwarding,
        connections_max: 0,
        connections_min: 0,
        inhibit: None,
        alpha: None,
        notify_up: None,
        notify_down: None,
        smtp_alert: None,
        virtualhost: None,
        snmp_name: None,
        pace: Pace::default(),
        checkers: Vec::new(),
    };
    for inner in statement.block() {
        draft.statement(cx, around, service, inner);
    }
    let is_tunnel = draft.forwarding.is_some_and(Forwarding::is_tunnel);
    let family = Family::of(ip);
    match service.family {
        Some(theirs) if theirs != family && !is_tunnel => {
            let text = format!(
                "Address family of virtual server and real server {ip} don't match - skipping real server."
            );
            return cx.say(&cx.end_place(statement), Class::General, text);
        }
        // A service of marks gets its family from its servers.
        None if !is_tunnel => service.family = Some(family),
        _ => {}
    }
    service.servers.push(draft);
}

impl Draft {
    fn statement(
        &mut self,
        cx: &mut Context<'_>,
        around: &mut Surroundings,
        service: &server::Draft,
        statement: &Statement<'_>,
    ) {
        if self.pace.set(cx, statement) {
            return;
        }
        let number = |cx: &mut Context<'_>| cx.integer(statement, "").and_then(|n| u32::try_from(n).ok());
        match statement.row.name {
            "weight" => self.weight = number(cx).or(self.weight),
            "lvs_method" => {
                let method = forwarding::lower(cx, statement, "real", self.forwarding);
                self.forwarding = method.or(self.forwarding);
            }
            "uthreshold" => self.connections_max = number(cx).unwrap_or(self.connections_max),
            "lthreshold" => self.connections_min = number(cx).unwrap_or(self.connections_min),
            "inhibit_on_failure" => self.inhibit = cx.boolean(statement, "").or(self.inhibit),
            "alpha" => self.alpha = cx.boolean(statement, "").or(self.alpha),
            "smtp_alert" => self.smtp_alert = cx.boolean(statement, "").or(self.smtp_alert),
            "notify_up" | "notify_down" => {
                let up = statement.row.name == "notify_up";
                let slot = if up { &mut self.notify_up } else { &mut self.notify_down };
                Script { group: service.group() }.set(cx, &mut around.security, statement, slot);
            }
            "virtualhost" => {
                let word = cx.word(statement, "").map(str::to_owned);
                self.virtualhost = word.or(self.virtualhost.take());
            }
            "snmp_name" => {
                self.snmp_name = server::only_word(cx, statement).or(self.snmp_name.take());
            }
            _ => {
                let title = titled(self.ip, self.port, service.protocol);
                let owner = checker::Owner { ip: self.ip, title, before: &self.checkers };
                let read = checker::lower(cx, around, statement, &owner);
                self.checkers.extend(read);
            }
        }
    }
}
