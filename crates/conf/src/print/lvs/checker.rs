//! Blocks of checks.

use keepalived_model::check::{
    Checker, Connection, Dns, FileWeight, Kind, Masked, Misc, Program, Record, Reply, Smtp, Udp,
};
use keepalived_model::lvs::RealServer;
use keepalived_model::time::Micros;

use super::http;
use super::pace::Base;
use crate::lower::lvs::{HELO, TIMEOUT_SECS, udp};
use crate::print::block::Block;
use crate::print::runner::{Runner, argv_line};
use crate::print::words::{hexadecimal, seconds};
use crate::schema::{
    BFD_CHECK, DNS_CHECK, FILE_CHECK, HTTP_GET, MISC_CHECK, PING_CHECK, SMTP_CHECK, SSL_GET, TCP_CHECK,
    Table, UDP_CHECK,
};

/// Where a check stands, and what it inherits there.
pub(super) struct Place<'a> {
    pub server: &'a RealServer,
    pub base: Base,
    /// The service's delay, which is a script's timeout.
    pub timeout: Micros,
    pub log_all_failures: bool,
    pub runner: &'a Runner<'a>,
}

/// One check.
pub(super) fn print(server: &mut Block, checker: &Checker, place: &Place<'_>) {
    let general = |table: &'static Table| {
        let mut out = Block::of(table);
        place.base.differing(checker).print(&mut out);
        out.switch("alpha", checker.alpha, false);
        out.switch("log_all_failures", checker.log_all_failures, place.log_all_failures);
        out
    };
    let port = place.server.port;
    let connecting = |table: &'static Table, to: &Connection, port: Option<u16>| {
        let mut out = general(table);
        connection(&mut out, to, place.server, port);
        out
    };
    let (table, block) = match &checker.kind {
        Kind::Tcp(to) => (&TCP_CHECK, connecting(&TCP_CHECK, to, port)),
        Kind::Ping(to) => (&PING_CHECK, connecting(&PING_CHECK, to, None)),
        Kind::Udp(check) => {
            let mut out = connecting(&UDP_CHECK, &check.connection, port);
            datagram(&mut out, check);
            (&UDP_CHECK, out)
        }
        Kind::Http(check) => {
            let table = if check.tls { &SSL_GET } else { &HTTP_GET };
            let mut out = connecting(table, &check.connection, port);
            http::print(&mut out, check);
            (table, out)
        }
        Kind::Smtp(Smtp { connection, helo }) => {
            let mut out = connecting(&SMTP_CHECK, connection, port);
            out.word("helo_name", Some(helo.as_str()).filter(|helo| *helo != HELO));
            (&SMTP_CHECK, out)
        }
        Kind::Dns(Dns { connection, record, name }) => {
            let mut out = connecting(&DNS_CHECK, connection, port);
            out.value("type", record.name, Record::SOA.name);
            out.word("name", Some(name.as_str()).filter(|name| !name.is_empty()));
            (&DNS_CHECK, out)
        }
        Kind::Misc(check) => {
            let mut out = general(&MISC_CHECK);
            misc(&mut out, check, place);
            (&MISC_CHECK, out)
        }
        Kind::File(file) => {
            let mut out = Block::of(&FILE_CHECK);
            out.word("track_file", Some(&file.name));
            out.line("weight", file_weight(file.weight));
            (&FILE_CHECK, out)
        }
        Kind::Bfd(session) => {
            let mut out = Block::of(&BFD_CHECK);
            out.word("name", Some(session));
            out.switch("alpha", checker.alpha, false);
            (&BFD_CHECK, out)
        }
    };
    server.bare_block(table.block, block);
}

fn connection(out: &mut Block, to: &Connection, server: &RealServer, port: Option<u16>) {
    out.value("connect_ip", to.ip, server.ip);
    out.maybe("connect_port", to.port.filter(|_| to.port != port));
    out.maybe("bindto", to.bind);
    out.maybe("bind_port", to.bind_port);
    out.word("bind_if", to.interface.as_deref());
    out.value("connect_timeout", seconds(to.timeout), seconds(Micros::from_secs(TIMEOUT_SECS)));
    out.value("fwmark", to.mark, 0);
}

fn datagram(out: &mut Block, check: &Udp) {
    if check.payload != udp::usual_payload() {
        out.line("payload", [hexadecimal(&check.payload)]);
    }
    match &check.reply {
        Reply::NotNeeded => {}
        Reply::Any => out.line("require_reply", []),
        Reply::Matching { pattern, length_min, length_max } => {
            out.line("require_reply", [pattern.iter().map(|byte| masked(*byte)).collect()]);
            out.value("min_reply_length", *length_min, 0);
            out.value("max_reply_length", *length_max, udp::REPLY_MAX);
        }
    }
}

/// Two digits; one that does not matter is an `x`.
fn masked(byte: Masked) -> String {
    let digit = |shift: u8| match byte.mask >> shift & 0xf {
        0 => "x".to_owned(),
        _ => format!("{:x}", byte.value >> shift & 0xf),
    };
    digit(4) + &digit(0)
}

fn misc(out: &mut Block, check: &Misc, place: &Place<'_>) {
    let user = match &check.program {
        Program::Runs(command) => {
            out.line("misc_path", [place.runner.line(command)]);
            &command.user
        }
        Program::Unrunnable { argv, user } => {
            out.line("misc_path", [argv_line(argv.iter().map(Vec::as_slice))]);
            user
        }
    };
    let user = place.runner.unusual(user);
    if !user.is_empty() {
        out.line("user", user);
    }
    out.value("misc_timeout", seconds(check.timeout), seconds(place.timeout));
    out.flag("misc_dynamic", check.dynamic);
}

fn file_weight(weight: FileWeight) -> Vec<String> {
    let FileWeight { amount, reverse } = weight;
    std::iter::once(amount.to_string()).chain(reverse.then(|| "reverse".to_owned())).collect()
}
