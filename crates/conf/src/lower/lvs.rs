//! Load balancing: `SSL`, `virtual_server_group`, `virtual_server` (`spec` lvs 1 and 2).
//!
//! ```text
//! statements ─► drafts: what was written ─► complete: rules between fields, inheritance ─► model::lvs
//! ```
//!
//! Values of a virtual server count for its real servers and their checkers wherever they stand, so they are
//! handed down only when everything was read. What the original decides while it reads is decided here at the
//! same place: families, forwarding methods, the scheduler's switches.

mod checker;
mod complete;
mod connection;
mod dns;
mod forwarding;
mod group;
mod http;
mod misc;
mod pace;
mod ports;
mod real;
mod server;
mod targets;
pub(crate) mod udp;

use std::net::IpAddr;

use keepalived_model::global::Global;
use keepalived_model::lvs::{Config, Group, Protocol, Target, Tls};

pub(crate) use checker::HELO;
pub(crate) use complete::DELAY_LOOP_SECS;
pub(crate) use connection::TIMEOUT_SECS;

use super::bfd::Known;
use super::context::{Context, Place, Reading};
use super::global::Globals;
use super::script::Security;
use super::track_files::TrackFiles;
use crate::diag::Class;
use crate::lex::number::Range;
use crate::tree::Statement;

/// What virtual servers need to know of the rest of the file.
pub(super) struct Surroundings {
    pub security: Security,
    pub sessions: Known,
    pub files: TrackFiles,
}

/// Everything the checker pass has read so far.
pub(super) struct Drafts {
    around: Surroundings,
    groups: Vec<Group>,
    services: Vec<server::Draft>,
    tls: Option<Tls>,
}

impl Drafts {
    pub fn new(globals: &Globals) -> Self {
        let around = Surroundings {
            security: globals.security.clone(),
            sessions: Known::default(),
            files: TrackFiles::default(),
        };
        Self { around, groups: Vec::new(), services: Vec::new(), tls: None }
    }

    /// The BFD sessions checkers may name.
    pub fn sessions(&mut self, sessions: Known) {
        self.around.sessions = sessions;
    }

    /// The tracked files checkers may name.
    pub fn files(&mut self, files: TrackFiles) {
        self.around.files = files;
    }

    /// One statement outside blocks.
    pub fn root(&mut self, cx: &mut Context<'_>, statement: &Statement<'_>) {
        match statement.row.name {
            "SSL" => self.tls(cx, statement),
            "virtual_server_group" => self.groups.extend(group::lower(cx, statement)),
            "virtual_server" => {
                let service = server::lower(cx, &mut self.around, statement, &self.services);
                self.services.extend(service);
            }
            _ => {}
        }
    }

    fn tls(&mut self, cx: &mut Context<'_>, statement: &Statement<'_>) {
        if self.tls.is_some() {
            let text = "SSL context already specified - replacing";
            cx.say(&cx.place(statement, 0), Class::General, text);
        }
        let mut tls = Tls::default();
        for inner in statement.block() {
            let Some(word) = cx.word(inner, "") else { continue };
            let (slot, title) = match inner.row.name {
                "password" => (&mut tls.password, "password"),
                "ca" => (&mut tls.ca, "cafile"),
                "certificate" => (&mut tls.certificate, "certfile"),
                _ => (&mut tls.key, "keyfile"),
            };
            if slot.replace(word.to_owned()).is_some() {
                let text = format!("SSL {title} already specified - replacing");
                cx.say(&cx.place(inner, 1), Class::General, text);
            }
        }
        self.tls = Some(tls);
    }

    /// Everything read becomes the configuration.
    pub fn complete(self, cx: &mut Context<'_>, globals: &Global) -> Config {
        let Self { mut around, groups, services, tls } = self;
        let mut services = targets::resolve(cx, services, &groups);
        for service in &mut services {
            complete::rules(cx, service);
            ports::rules(cx, service);
        }
        let services: Vec<_> = services
            .into_iter()
            .map(|service| complete::model(cx, service, &mut around.security, globals))
            .collect();
        around.security.conclude(cx, "check scripts");
        let used = |group: &Group| {
            services
                .iter()
                .any(|service| matches!(&service.target, Target::Group(name) if *name == group.name))
        };
        // Of two groups with one name the first is used.
        let mut kept: Vec<Group> = Vec::new();
        for group in groups {
            if used(&group) && kept.iter().all(|other| other.name != group.name) {
                kept.push(group);
            }
        }
        Config { services, groups: kept, tls }
    }
}

/// The protocol of a service or its servers in messages.
fn shown(protocol: Option<Protocol>) -> &'static str {
    protocol.map_or("none", Protocol::name)
}

/// A server in messages: `[10.1.0.1]:tcp:80`.
fn titled(ip: IpAddr, port: Option<u16>, protocol: Option<Protocol>) -> String {
    format!("[{ip}]:{}:{}", shown(protocol), port.unwrap_or(0))
}

/// A word that turns something on. The original ignores what follows; we honor a plain no, which is what was
/// meant (`spec` lvs 10).
fn flag(statement: &Statement<'_>) -> bool {
    !matches!(statement.word(1), Some("off" | "false" | "no"))
}

/// A port behind an address: nothing and zeros are no port. The error is the message about the number.
fn port(cx: &mut Context<'_>, place: &Place, word: Option<&str>) -> Result<Option<u16>, ()> {
    let Some(word) = word.filter(|word| word.is_empty() || word.bytes().any(|byte| byte != b'0')) else {
        return Ok(None);
    };
    let how = Reading { range: Range { min: 1, max: 65535 }, lenient: false };
    let read = cx.number_word(place, word, how, None).and_then(|port| u16::try_from(port).ok());
    read.map(Some).ok_or(())
}
