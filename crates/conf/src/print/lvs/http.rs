//! `HTTP_GET` and `SSL_GET`, and the names of hosts in them.
//!
//! A document knows the host of its request and the name for TLS. The latter is a name of the check, or the host as
//! far as that was not written at the real server. So where the two differ from document to document, the names of
//! the blocks around have to be written there again.

use keepalived_model::check::{Http, HttpVersion, Kind, Regex, StatusCodes, Url};
use keepalived_model::lvs::{RealServer, VirtualServer};

use crate::print::block::Block;
use crate::print::words::{escaped, hexadecimal, quoted};
use crate::schema::{HTTP_URL, SSL_URL};

/// Names that checks inherit because they cannot be written in their own blocks.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Hosts<'a> {
    /// `virtualhost` of the virtual server.
    pub of_service: Option<&'a str>,
}

impl<'a> Hosts<'a> {
    pub fn of(service: &'a VirtualServer) -> Self {
        let inherited = service.servers.iter().flat_map(inherited);
        Self { of_service: inherited.filter_map(|url| url.server_name.as_deref()).next() }
    }

    /// `virtualhost` of the real server.
    pub fn of_server(server: &'a RealServer) -> Option<&'a str> {
        inherited(server).find_map(|url| url.host.as_deref())
    }
}

/// Documents whose names do not stand in their check.
fn inherited(server: &RealServer) -> impl Iterator<Item = &Url> {
    let checks = server.checkers.iter().filter_map(|checker| match &checker.kind {
        Kind::Http(http) => Some(http),
        _ => None,
    });
    let mixed = checks.filter(|http| Naming::of(http) == Naming::Mixed);
    mixed.flat_map(|http| &http.urls).filter(|url| url.server_name != url.host)
}

/// Where the names for TLS of a check come from.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Naming {
    /// There are none.
    None,
    /// From the hosts of the requests.
    Hosts,
    /// All have this one.
    One(String),
    /// Some from the hosts, some from the blocks around.
    Mixed,
}

impl Naming {
    fn of(http: &Http) -> Self {
        let mut names = http.urls.iter().map(|url| url.server_name.as_ref());
        let first = names.next().flatten();
        match first {
            None if names.all(|name| name.is_none()) => Self::None,
            _ if http.urls.iter().all(|url| url.server_name == url.host) => Self::Hosts,
            Some(first) if names.all(|name| name == Some(first)) => Self::One(first.clone()),
            _ => Self::Mixed,
        }
    }
}

/// What the check has besides its connection.
pub(super) fn print(out: &mut Block, http: &Http) {
    let naming = Naming::of(http);
    for url in &http.urls {
        let table = if http.tls { &SSL_URL } else { &HTTP_URL };
        let mut block = Block::of(table);
        document(&mut block, url);
        let inherits = naming == Naming::Mixed && url.server_name != url.host;
        block.word("virtualhost", url.host.as_deref().filter(|_| !inherits));
        out.bare_block("url", block);
    }
    match http.version {
        HttpVersion::V1_0 => {}
        HttpVersion::V1_0Close => out.line("http_protocol", ["1.0C".to_owned()]),
        HttpVersion::V1_1 => out.line("http_protocol", ["1.1".to_owned()]),
    }
    match &naming {
        Naming::None => {}
        Naming::Hosts | Naming::Mixed => out.line("enable_sni", []),
        Naming::One(name) => out.line("sni_name", [quoted(name)]),
    }
    out.switch("fast_recovery", http.fast_recovery, false);
}

fn document(out: &mut Block, url: &Url) {
    out.line("path", [quoted(&url.path)]);
    out.maybe("digest", url.digest.map(|digest| hexadecimal(&digest)));
    if url.status != StatusCodes::range(200, 299) {
        out.line("status_code", codes(url.status));
    }
    if url.tls_compliant {
        out.line("tls_compliant", []);
    }
    if let Some(regex) = &url.regex {
        expression(out, regex);
    }
}

/// Codes and ranges of them.
fn codes(status: StatusCodes) -> Vec<String> {
    let mut words = Vec::new();
    let mut code = StatusCodes::MIN;
    while code <= StatusCodes::MAX {
        let first = code;
        while code <= StatusCodes::MAX && status.contains(code) {
            code += 1;
        }
        match code - first {
            0 => code += 1,
            1 => words.push(first.to_string()),
            _ => words.push(format!("{first}-{}", code - 1)),
        }
    }
    words
}

fn expression(out: &mut Block, regex: &Regex) {
    let pattern = escaped(&crate::text::decode(&regex.pattern));
    out.line("regex", [format!("\"{pattern}\"")]);
    let options: Vec<String> = regex.options.names().map(str::to_owned).collect();
    if !options.is_empty() {
        out.line("regex_options", options);
    }
    out.flag("regex_no_match", regex.no_match);
    out.value("regex_min_offset", regex.offset_min, 0);
    out.maybe("regex_max_offset", regex.offset_max);
    if let Some((first, largest)) = regex.stack {
        out.line("regex_stack", [first.to_string(), largest.to_string()]);
    }
}
