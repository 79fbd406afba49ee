//! Checkers, what they have in common and which there are (`spec` lvs 1.5 and 1.6).

use std::net::IpAddr;

use keepalived_model::check;
use keepalived_model::time::Micros;

use super::connection::Connection;
use super::http::Http;
use super::misc::Misc;
use super::pace::Pace;
use super::udp::Udp;
use super::{Surroundings, dns, http, misc, udp};
use crate::diag::Class;
use crate::lex::number::Range;
use crate::lower::context::{Context, Reading};
use crate::tree::Statement;

/// Who we say we are to mail servers.
pub(crate) const HELO: &str = "smtpchecker.keepalived.org";

/// A checker as far as it is written.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub pace: Pace,
    pub alpha: Option<bool>,
    pub log_all_failures: Option<bool>,
    pub connection: Connection,
    pub kind: Kind,
}

/// What is written of one kind of checker.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    Tcp,
    Ping,
    Udp(Udp),
    Http(Http),
    Smtp { helo: Option<String> },
    Dns { record: check::Record, name: String },
    Misc(Misc),
    File(check::File),
    Bfd(String),
}

/// The real server a checker belongs to, as far as checkers care while they are read.
pub(super) struct Owner<'a> {
    pub ip: IpAddr,
    pub title: String,
    /// What was read of it before.
    pub before: &'a [Draft],
}

/// Reads a block. One `SMTP_CHECK` may be several checkers, and a bad block none.
pub(super) fn lower(
    cx: &mut Context<'_>,
    around: &mut Surroundings,
    statement: &Statement<'_>,
    owner: &Owner<'_>,
) -> Vec<Draft> {
    let common = |cx: &mut Context<'_>, kind: Kind| plain(cx, statement, owner, kind);
    match statement.row.name {
        "TCP_CHECK" => common(cx, Kind::Tcp),
        "PING_CHECK" => common(cx, Kind::Ping),
        "SMTP_CHECK" => return smtp(cx, statement, owner),
        "DNS_CHECK" => dns::lower(cx, statement, owner),
        "UDP_CHECK" => udp::lower(cx, statement, owner),
        "HTTP_GET" | "SSL_GET" => http::lower(cx, statement, owner),
        "MISC_CHECK" => misc::lower(cx, &mut around.security, statement),
        "FILE_CHECK" => file(cx, around, statement),
        "BFD_CHECK" => bfd(cx, around, statement, owner),
        _ => None,
    }
    .into_iter()
    .collect()
}

impl Draft {
    pub fn new(kind: Kind) -> Self {
        Self {
            pace: Pace::default(),
            alpha: None,
            log_all_failures: None,
            connection: Connection::default(),
            kind,
        }
    }

    /// The options all but FILE and BFD have; false if it is another keyword.
    pub fn general(&mut self, cx: &mut Context<'_>, statement: &Statement<'_>) -> bool {
        match statement.row.name {
            "alpha" => self.alpha = cx.boolean(statement, "").or(self.alpha),
            "log_all_failures" => {
                self.log_all_failures = cx.boolean(statement, "").or(self.log_all_failures);
            }
            _ => return self.pace.set(cx, statement),
        }
        true
    }

    /// These and where to connect to; false if it is another keyword.
    pub fn common(&mut self, cx: &mut Context<'_>, statement: &Statement<'_>, server: IpAddr) -> bool {
        self.connection.set(cx, statement, server) || self.general(cx, statement)
    }

    /// The checker where its place in the world is known.
    pub fn complete(self, place: &Place<'_>) -> check::Checker {
        let written = self.pace.or(place.pace);
        let delay_loop = written.delay_loop.unwrap_or(place.delay_loop);
        // Nothing is configured: what is forgiven, and for how long (`spec` lvs 1.5).
        let (retry, delay) = match &self.kind {
            Kind::Dns { .. } => (3, delay_loop),
            Kind::Misc(_) => (0, Micros::from_secs(1)),
            Kind::Http(_) => (1, Micros::from_secs(3)),
            _ => (1, Micros::from_secs(1)),
        };
        let pace = check::Pace {
            delay_loop,
            warmup: written.warmup.unwrap_or(delay_loop),
            retries: written.retry.unwrap_or(retry),
            delay_before_retry: written.delay_before_retry.unwrap_or(delay),
        };
        // A file's number is known at once.
        let alpha = self.alpha.unwrap_or(place.alpha) && !matches!(self.kind, Kind::File(_));
        let log_all_failures = self.log_all_failures.unwrap_or(place.log_all_failures);
        let connection = self.connection.complete(place.ip, place.port, written.connect_timeout);
        let kind = match self.kind {
            Kind::Tcp => check::Kind::Tcp(connection),
            Kind::Ping => check::Kind::Ping(check::Connection { port: None, ..connection }),
            Kind::Udp(udp) => check::Kind::Udp(udp.complete(connection)),
            Kind::Http(http) => check::Kind::Http(http.complete(connection, place)),
            Kind::Smtp { helo } => {
                check::Kind::Smtp(check::Smtp { connection, helo: helo.unwrap_or_else(|| HELO.to_owned()) })
            }
            Kind::Dns { record, name } => check::Kind::Dns(check::Dns { connection, record, name }),
            Kind::Misc(misc) => check::Kind::Misc(misc.complete(place)),
            Kind::File(file) => check::Kind::File(file),
            Kind::Bfd(session) => check::Kind::Bfd(session),
        };
        check::Checker { pace, alpha, log_all_failures, kind }
    }
}

/// What a checker inherits, every default applied.
pub(super) struct Place<'a> {
    pub ip: IpAddr,
    /// The real server's port in effect.
    pub port: Option<u16>,
    pub pace: Pace,
    /// The virtual server's `delay_loop`.
    pub delay_loop: Micros,
    pub alpha: bool,
    pub log_all_failures: bool,
    /// `virtualhost` of the real server, else of the virtual one.
    pub host: Option<&'a str>,
    /// `virtualhost` of the virtual server.
    pub service_host: Option<&'a str>,
}

fn plain(cx: &mut Context<'_>, statement: &Statement<'_>, owner: &Owner<'_>, kind: Kind) -> Option<Draft> {
    let mut draft = Draft::new(kind);
    for inner in statement.block() {
        draft.common(cx, inner, owner.ip);
    }
    draft.connection.reaches(cx, statement, owner.ip).then_some(draft)
}

/// One checker for each host; the block itself is a further one if there is no host or if it says where to
/// connect to. Times and retries of the block count for all (`spec` lvs 1.6 and 10).
fn smtp(cx: &mut Context<'_>, statement: &Statement<'_>, owner: &Owner<'_>) -> Vec<Draft> {
    let mut draft = Draft::new(Kind::Smtp { helo: None });
    let mut hosts = Vec::new();
    for inner in statement.block() {
        match inner.row.name {
            "helo_name" => {
                let Some(word) = cx.word(inner, "") else { continue };
                let Kind::Smtp { helo } = &mut draft.kind else { continue };
                if helo.replace(word.to_owned()).is_some() {
                    let text = "SMTP_CHECK helo name already specified";
                    cx.say(&cx.place(inner, 0), Class::General, text);
                }
            }
            "host" => {
                let text = "The SMTP_CHECK host block is deprecated. Please define additional checkers.";
                cx.log(&cx.place(inner, 0), text);
                hosts.extend(plain(cx, inner, owner, draft.kind.clone()));
            }
            _ => {
                draft.common(cx, inner, owner.ip);
            }
        }
    }
    let reaches = draft.connection.reaches(cx, statement, owner.ip);
    let is_checker = reaches && (hosts.is_empty() || draft.connection.is_written());
    let complete = |host: Draft| Draft {
        pace: host.pace.or(draft.pace),
        alpha: host.alpha.or(draft.alpha),
        log_all_failures: host.log_all_failures.or(draft.log_all_failures),
        kind: draft.kind.clone(),
        connection: host.connection,
    };
    let mut all: Vec<Draft> = hosts.into_iter().map(complete).collect();
    if is_checker {
        all.push(draft);
    }
    all
}

fn file(cx: &mut Context<'_>, around: &Surroundings, statement: &Statement<'_>) -> Option<Draft> {
    let mut name: Option<String> = None;
    let mut own_weight: Option<check::FileWeight> = None;
    let mut weight = check::FileWeight::default();
    for inner in statement.block() {
        if inner.row.name == "weight" {
            own_weight = file_weight(cx, inner).or(own_weight);
            continue;
        }
        let Some(word) = cx.word(inner, "") else { continue };
        match around.files.find(word, inner.at) {
            Some(file) => {
                name = Some(word.to_owned());
                weight = file.weight;
            }
            None => {
                let text = format!("track_file {word} not found");
                cx.say(&cx.place(inner, 1), Class::General, text);
            }
        }
    }
    let Some(name) = name else {
        let text = "FILE_CHECK has no track_file specified - ignoring";
        cx.say(&cx.end_place(statement), Class::General, text);
        return None;
    };
    Some(Draft::new(Kind::File(check::File { name, weight: own_weight.unwrap_or(weight) })))
}

fn file_weight(cx: &mut Context<'_>, statement: &Statement<'_>) -> Option<check::FileWeight> {
    let Some(word) = statement.word(1) else {
        cx.say(&cx.place(statement, 0), Class::Missing, "track file weight missing");
        return None;
    };
    let place = cx.place(statement, 1);
    let how = Reading { range: Range { min: -i64::from(i32::MAX), max: i64::from(i32::MAX) }, lenient: true };
    let bad = "weight for track file must be in [-2147483647..2147483647] inclusive. Ignoring...";
    let amount = i32::try_from(cx.number_word(&place, word, how, Some(bad.to_owned()))?).ok()?;
    let reverse = match statement.word(2) {
        None | Some("noreverse") => false,
        Some("reverse") => true,
        Some(other) => {
            let text = format!("unknown track file weight option {other} - ignoring");
            cx.say(&cx.place(statement, 2), Class::General, text);
            return None;
        }
    };
    Some(check::FileWeight { amount, reverse })
}

fn bfd(
    cx: &mut Context<'_>,
    around: &Surroundings,
    statement: &Statement<'_>,
    owner: &Owner<'_>,
) -> Option<Draft> {
    let mut session: Option<String> = None;
    let mut alpha = None;
    for inner in statement.block() {
        if inner.row.name == "alpha" {
            alpha = cx.boolean(inner, "").or(alpha);
            continue;
        }
        let names = (inner.word(1), inner.word(2));
        let taken = |name: &str| {
            owner.before.iter().any(|other| matches!(&other.kind, Kind::Bfd(theirs) if theirs == name))
        };
        let wrong = match (names, &session) {
            ((Some(name), None), _) if around.sessions.find(name, inner.at).is_none() => {
                format!("BFD {name} not configured")
            }
            ((Some(name), None), Some(before)) => format!("BFD {name} already specified as {before}"),
            ((Some(name), None), None) if taken(name) => format!("RS already monitoring {name}"),
            ((Some(name), None), None) => {
                session = Some(name.to_owned());
                continue;
            }
            _ => "No or too many names specified - skipping checker".to_owned(),
        };
        let text = format!("({}) BFD_CHECK - {wrong}", owner.title);
        cx.say(&cx.place(inner, 1), Class::General, text);
        // The checker is gone; what follows in its block does not matter.
        return None;
    }
    let Some(session) = session else {
        let text = format!("({}) No name has been specified for BFD_CHECKER - skipping", owner.title);
        cx.say(&cx.end_place(statement), Class::General, text);
        return None;
    };
    Some(Draft { alpha, ..Draft::new(Kind::Bfd(session)) })
}
