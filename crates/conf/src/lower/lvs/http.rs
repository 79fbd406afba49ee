//! `HTTP_GET` and `SSL_GET` (`spec` lvs 1.6).

use keepalived_model::check::{self, HttpVersion, Regex, RegexOptions, StatusCodes};

use super::checker::{Draft, Kind, Owner, Place};
use super::flag;
use crate::diag::Class;
use crate::lower::context::Context;
use crate::lower::script;
use crate::text;
use crate::tree::Statement;

/// Hexadecimal digits of an MD5 sum.
const DIGEST_LENGTH: usize = 32;

/// What is written of a check.
#[derive(Clone, Debug, Default)]
pub(super) struct Http {
    tls: bool,
    version: HttpVersion,
    sni: bool,
    sni_name: Option<String>,
    fast_recovery: bool,
    tls_compliant: bool,
    virtualhost: Option<String>,
    urls: Vec<Url>,
}

#[derive(Clone, Debug, Default)]
struct Url {
    path: Option<String>,
    virtualhost: Option<String>,
    digest: Option<[u8; 16]>,
    status: StatusCodes,
    tls_compliant: Option<bool>,
    pattern: Option<Vec<u8>>,
    options: RegexOptions,
    no_match: bool,
    offset_min: Option<u64>,
    offset_max: Option<u64>,
    stack: Option<(u64, u64)>,
    /// Something about an expression was said.
    regex_said: bool,
}

pub(super) fn lower(cx: &mut Context<'_>, statement: &Statement<'_>, owner: &Owner<'_>) -> Option<Draft> {
    let mut http = Http { tls: statement.row.name == "SSL_GET", ..Http::default() };
    let mut draft = Draft::new(Kind::Tcp);
    for inner in statement.block() {
        if inner.row.name == "nb_get_retry" {
            let text = "nb_get_retry is deprecated - please use 'retry'";
            cx.say(&cx.place(inner, 0), Class::Deprecated, text);
        }
        if !draft.common(cx, inner, owner.ip) {
            http.statement(cx, inner);
        }
    }
    let reaches = draft.connection.reaches(cx, statement, owner.ip);
    if http.urls.is_empty() {
        let text = "HTTP/SSL_GET checker has no urls specified - ignoring";
        cx.say(&cx.end_place(statement), Class::General, text);
        return None;
    }
    draft.kind = Kind::Http(http);
    reaches.then_some(draft)
}

impl Http {
    fn statement(&mut self, cx: &mut Context<'_>, statement: &Statement<'_>) {
        match statement.row.name {
            "url" => self.urls.extend(url(cx, statement)),
            "virtualhost" => {
                let word = cx.word(statement, "").map(str::to_owned);
                self.virtualhost = word.or(self.virtualhost.take());
            }
            "http_protocol" => {
                let Some(word) = cx.word(statement, "") else { return };
                self.version = match word {
                    "1.0" => HttpVersion::V1_0,
                    "1.1" => HttpVersion::V1_1,
                    "1.0C" | "1.0c" => HttpVersion::V1_0Close,
                    _ => {
                        let text = format!("Invalid http_protocol version {word}");
                        return cx.say(&cx.place(statement, 1), Class::General, text);
                    }
                };
            }
            "enable_sni" => self.sni = cx.boolean(statement, "").unwrap_or(self.sni),
            "sni_name" => self.sni_name(cx, statement),
            "fast_recovery" => {
                self.fast_recovery = cx.boolean(statement, "").unwrap_or(self.fast_recovery);
            }
            "tls_compliant" => {
                self.tls_compliant = cx.boolean(statement, "").unwrap_or(self.tls_compliant);
            }
            _ => {}
        }
    }

    fn sni_name(&mut self, cx: &mut Context<'_>, statement: &Statement<'_>) {
        self.sni = true;
        let place = cx.place(statement, 1);
        match (statement.word(1), &self.sni_name) {
            (None, None) => {}
            (None, Some(name)) => {
                let text = format!("sni_name already specified as {name} - ignoring setting to default");
                cx.say(&place, Class::General, text);
            }
            (Some(new), old) => {
                if let Some(old) = old {
                    let text = format!("Duplicate sni_name - overwriting {old} with {new}");
                    cx.say(&place, Class::General, text);
                }
                self.sni_name = Some(new.to_owned());
            }
        }
    }

    pub fn complete(self, connection: check::Connection, place: &Place<'_>) -> check::Http {
        let own = self.virtualhost.as_deref();
        let sni = self.tls && self.sni;
        let urls = self.urls.into_iter().map(|url| {
            let host = url.virtualhost.as_deref().or(own);
            // The real server's virtualhost is no name for TLS (`spec` lvs 4).
            let server_name = self.sni_name.as_deref().or(host).or(place.service_host).filter(|_| sni);
            check::Url {
                host: host.or(place.host).map(str::to_owned),
                server_name: server_name.map(str::to_owned),
                tls_compliant: self.tls && url.tls_compliant.unwrap_or(self.tls_compliant),
                digest: url.digest,
                status: if url.status.is_empty() { StatusCodes::range(200, 299) } else { url.status },
                regex: url.pattern.map(|pattern| Regex {
                    pattern,
                    options: url.options,
                    no_match: url.no_match,
                    offset_min: url.offset_min.unwrap_or(0),
                    offset_max: url.offset_max,
                    stack: url.stack,
                }),
                path: url.path.unwrap_or_default(),
            }
        });
        let urls = urls.collect();
        check::Http {
            connection,
            tls: self.tls,
            version: self.version,
            fast_recovery: self.fast_recovery,
            urls,
        }
    }
}

/// A document; nothing without a path.
fn url(cx: &mut Context<'_>, statement: &Statement<'_>) -> Option<Url> {
    let mut url = Url::default();
    for inner in statement.block() {
        url.statement(cx, inner);
    }
    let end = cx.end_place(statement);
    if url.path.is_none() {
        cx.say(&end, Class::General, "HTTP/SSL_GET checker url has no path - ignoring");
        return None;
    }
    if url.pattern.is_none() && url.regex_said {
        cx.log(&end, "regex parameters specified without regex");
    }
    if let (Some(first), Some(last)) = (url.offset_min, url.offset_max)
        && first > last
    {
        cx.log(&end, format!("regex_min_offset {first} > regex_max_offset {last} - ignoring"));
        (url.offset_min, url.offset_max) = (None, None);
    }
    Some(url)
}

impl Url {
    fn statement(&mut self, cx: &mut Context<'_>, statement: &Statement<'_>) {
        match statement.row.name {
            "path" => {
                let Some(word) = cx.word(statement, "") else { return };
                if let Some(old) = self.path.replace(word.to_owned()) {
                    let text = format!("Duplicate path - overwriting {old} with {word}");
                    cx.say(&cx.place(statement, 1), Class::General, text);
                }
            }
            "digest" => self.digest(cx, statement),
            "status_code" => self.status_code(cx, statement),
            "virtualhost" => {
                let word = cx.word(statement, "").map(str::to_owned);
                self.virtualhost = word.or(self.virtualhost.take());
            }
            "tls_compliant" => self.tls_compliant = cx.boolean(statement, "").or(self.tls_compliant),
            "regex" => self.regex(cx, statement),
            _ => {
                self.regex_said = true;
                self.regex_parameter(cx, statement);
            }
        }
    }

    fn digest(&mut self, cx: &mut Context<'_>, statement: &Statement<'_>) {
        let Some(word) = cx.word(statement, "") else { return };
        let place = cx.place(statement, 1);
        if self.digest.is_some() {
            return cx.say(&place, Class::General, format!("Digest '{word}' is a duplicate"));
        }
        if word.len() != DIGEST_LENGTH {
            let length = word.len();
            let text =
                format!("digest '{word}' character length should be {DIGEST_LENGTH} rather than {length}");
            return cx.say(&place, Class::General, text);
        }
        let mut bytes = [0; DIGEST_LENGTH / 2];
        for (at, byte) in bytes.iter_mut().enumerate() {
            let pair =
                word.get(2 * at..2 * at + 2).filter(|pair| pair.bytes().all(|b| b.is_ascii_hexdigit()));
            match pair.and_then(|pair| u8::from_str_radix(pair, 16).ok()) {
                Some(value) => *byte = value,
                None => {
                    let text = format!(
                        "Unable to interpret hex digit in '{word}' at offset {}/{}",
                        2 * at,
                        2 * at + 1
                    );
                    return cx.say(&place, Class::General, text);
                }
            }
        }
        self.digest = Some(bytes);
    }

    fn status_code(&mut self, cx: &mut Context<'_>, statement: &Statement<'_>) {
        for (at, word) in statement.words.iter().enumerate().skip(1) {
            let (first, last) = word.text.split_once('-').unwrap_or((word.text, word.text));
            let code = |text: &str| {
                let code = text.parse::<u16>().ok();
                code.filter(|code| (StatusCodes::MIN..=StatusCodes::MAX).contains(code))
            };
            match (code(first), code(last)) {
                (Some(first), Some(last)) if first <= last => {
                    self.status = self.status.union(StatusCodes::range(first, last));
                }
                _ => {
                    let text = format!("Invalid HTTP_GET status code '{}'", word.text);
                    cx.say(&cx.place(statement, at), Class::General, text);
                }
            }
        }
    }

    /// The second tokenizer reads it, so that it may have blanks and quotes.
    fn regex(&mut self, cx: &mut Context<'_>, statement: &Statement<'_>) {
        let Some(words) = script::line_words(cx, statement, "") else { return };
        let place = cx.place(statement, 1);
        let [_, word] = words.as_slice() else {
            return cx.say(&place, Class::General, "regex missing or too many fields");
        };
        let pattern = crate::lex::script::unescape(word);
        let new = text::encode(&pattern);
        if let Some(old) = self.pattern.replace(new) {
            let old = text::shown(&text::decode(&old));
            let text = format!("Duplicate regex specified - replacing {old} with {pattern}");
            cx.say(&place, Class::General, text);
        }
    }

    /// What is wrong here is a line for the log only.
    fn regex_parameter(&mut self, cx: &mut Context<'_>, statement: &Statement<'_>) {
        let number = |at: usize| statement.word(at).and_then(|word| word.parse::<u64>().ok());
        let name = statement.row.name;
        let understood = match name {
            "regex_options" => {
                for word in statement.words.iter().skip(1) {
                    self.options.set(word.text);
                }
                true
            }
            "regex_no_match" => {
                self.no_match = flag(statement);
                true
            }
            "regex_min_offset" => {
                self.offset_min = number(1);
                self.offset_min.is_some()
            }
            "regex_max_offset" => {
                self.offset_max = number(1);
                self.offset_max.is_some()
            }
            _ => {
                self.stack = number(1).zip(number(2));
                self.stack.is_some()
            }
        };
        if !understood {
            let value = statement.word(1).unwrap_or("");
            cx.log(&cx.place(statement, 1), format!("{name} value '{value}' is not valid - ignoring"));
        }
    }
}
