//! Where checks connect to (`spec` lvs 1.5).

use std::net::IpAddr;

use keepalived_model::check;
use keepalived_model::time::Micros;

use crate::diag::Class;
use crate::lower::context::Context;
use crate::lower::inet;
use crate::tree::Statement;

/// Longest interface name.
const INTERFACE_MAX: usize = 15;
/// Seconds to wait for an answer where nobody says anything else.
pub(crate) const TIMEOUT_SECS: u64 = 5;

/// What is written of a connection.
#[derive(Clone, Debug, Default)]
pub(super) struct Connection {
    pub ip: Option<IpAddr>,
    /// The last `connect_ip` could not be used.
    family_open: bool,
    pub port: Option<u16>,
    pub bind: Option<IpAddr>,
    pub bind_port: Option<u16>,
    pub interface: Option<String>,
    pub mark: Option<u32>,
}

impl Connection {
    /// One of the keywords but `connect_timeout`, which is handed down with the times; false if it is another.
    pub fn set(&mut self, cx: &mut Context<'_>, statement: &Statement<'_>, server: IpAddr) -> bool {
        let port = |cx: &mut Context<'_>| cx.integer(statement, "").and_then(|port| u16::try_from(port).ok());
        match statement.row.name {
            "connect_ip" => self.connect_ip(cx, statement),
            "connect_port" => self.port = port(cx).or(self.port),
            "bindto" => self.bindto(cx, statement, server),
            "bind_port" => self.bind_port = port(cx).or(self.bind_port),
            "bind_if" => {
                let Some(word) = cx.word(statement, "") else { return true };
                if word.len() > INTERFACE_MAX {
                    let text = format!("Interface name {word} is too long - ignoring");
                    cx.say(&cx.place(statement, 1), Class::General, text);
                } else {
                    self.interface = Some(word.to_owned());
                }
            }
            "fwmark" => {
                let mark = cx.integer(statement, "").and_then(|mark| u32::try_from(mark).ok());
                self.mark = mark.or(self.mark);
            }
            _ => return false,
        }
        true
    }

    /// An address that cannot be used takes the one before it away, and the family is open.
    fn connect_ip(&mut self, cx: &mut Context<'_>, statement: &Statement<'_>) {
        let Some(word) = cx.word(statement, "") else { return };
        let ip = inet::address(word);
        let fits = |ip: &IpAddr| self.bind.is_none_or(|bind| bind.is_ipv4() == ip.is_ipv4());
        self.ip = ip.filter(fits);
        self.family_open = self.ip.is_none();
        let text = match (ip, self.ip) {
            (_, Some(_)) => return,
            (None, _) => format!("Invalid connect_ip address {word} - ignoring"),
            (Some(_), None) => {
                format!("connect_ip address {word} does not match address family of bindto - skipping")
            }
        };
        cx.say(&cx.place(statement, 1), Class::General, text);
    }

    fn bindto(&mut self, cx: &mut Context<'_>, statement: &Statement<'_>, server: IpAddr) {
        let Some(word) = cx.word(statement, "") else { return };
        let bind = inet::address(word);
        let theirs = self.ip.unwrap_or(server);
        let fits = |bind: &IpAddr| self.family_open || theirs.is_ipv4() == bind.is_ipv4();
        self.bind = bind.filter(fits);
        let text = match (bind, self.bind) {
            (_, Some(_)) => return,
            (None, _) => format!("Invalid bindto address {word} - ignoring"),
            (Some(_), None) => {
                format!("bindto address {word} does not match address family of connect_ip - skipping")
            }
        };
        cx.say(&cx.place(statement, 1), Class::General, text);
    }

    /// Whether any of it was written.
    pub fn is_written(&self) -> bool {
        self.ip.is_some()
            || self.port.is_some()
            || self.bind.is_some()
            || self.bind_port.is_some()
            || self.interface.is_some()
            || self.mark.is_some()
    }

    /// The rule at the end of the block: a link-local address needs an interface. False drops the checker.
    pub fn reaches(&self, cx: &mut Context<'_>, statement: &Statement<'_>, server: IpAddr) -> bool {
        let ip = self.ip.unwrap_or(server);
        let local = matches!(ip, IpAddr::V6(ip) if ip.is_unicast_link_local());
        if local && self.interface.is_none() {
            let text = format!("Checker link local address {ip} requires a bind_if");
            cx.say(&cx.end_place(statement), Class::General, text);
            return false;
        }
        true
    }

    /// With what the real server says. Its port in effect counts, not the one that was written
    /// (`spec` lvs 10: the original connects to port 0 where none was written).
    pub fn complete(self, server: IpAddr, port: Option<u16>, timeout: Option<Micros>) -> check::Connection {
        let ip = self.ip.unwrap_or(server);
        // An open family may have let a source of the other one through.
        let bind = self.bind.filter(|bind| bind.is_ipv4() == ip.is_ipv4());
        check::Connection {
            ip,
            port: self.port.or(port),
            // Without an address to bind to the port is not used either.
            bind_port: bind.and(self.bind_port),
            bind,
            interface: self.interface,
            mark: self.mark.unwrap_or(0),
            timeout: timeout.unwrap_or(Micros::from_secs(TIMEOUT_SECS)),
        }
    }
}
