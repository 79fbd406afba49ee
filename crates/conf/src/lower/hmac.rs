//! `auth_hmac` blocks (`spec` config 3.12).

use std::collections::BTreeMap;

use keepalived_model::time::Micros;
use keepalived_model::vrrp::{AntiReplay, Hmac, HmacMode};

use super::context::{Context, Place, Reading};
use crate::diag::Class;
use crate::host::KeyFile;
use crate::lex::number::Range;
use crate::text;
use crate::tree::Statement;

/// Shortest and longest key in bytes.
const KEY_MIN: usize = 32;
const KEY_MAX: usize = 64;
/// Least and most seconds of the window.
const WINDOW_MIN: u64 = 5;
const WINDOW_MAX: u64 = 300;

/// A block as far as it is written.
#[derive(Debug, Default)]
pub(super) struct Draft {
    keys: BTreeMap<u8, Vec<u8>>,
    active: u8,
    window: Option<Micros>,
    anti_replay: AntiReplay,
    mode: HmacMode,
}

impl Draft {
    /// One line of a block.
    pub fn statement(&mut self, cx: &mut Context<'_>, statement: &Statement<'_>, owner: &str) {
        let name = statement.row.name;
        match name {
            "key" => self.key(cx, statement, owner),
            "active_key" => {
                let number = cx.integer(statement, owner).and_then(|n| u8::try_from(n).ok());
                self.active = number.unwrap_or(self.active);
            }
            "time_window" => {
                let secs = cx.integer(statement, owner).and_then(|n| u64::try_from(n).ok());
                self.window = secs.map(Micros::from_secs).or(self.window);
            }
            _ => {
                let Some(word) = cx.word(statement, owner) else { return };
                match (name, word) {
                    ("anti_replay", "time") => self.anti_replay = AntiReplay::Time,
                    ("anti_replay", "monotonic") => self.anti_replay = AntiReplay::Monotonic,
                    ("mode", "enforce") => self.mode = HmacMode::Enforce,
                    ("mode", "permissive") => self.mode = HmacMode::Permissive,
                    ("mode", "receive-only") => self.mode = HmacMode::ReceiveOnly,
                    _ => {
                        let choice = match name {
                            "mode" => "enforce, permissive or receive-only",
                            _ => "time or monotonic",
                        };
                        let place = cx.place(statement, 1);
                        cx.say(
                            &place,
                            Class::General,
                            format!("({owner}) auth_hmac {name} must be {choice}"),
                        );
                    }
                }
            }
        }
    }

    /// `key ID VALUE`.
    fn key(&mut self, cx: &mut Context<'_>, statement: &Statement<'_>, owner: &str) {
        let place = cx.place(statement, 1);
        let (Some(id), Some(value)) = (statement.word(1), statement.word(2)) else {
            let text = format!("({owner}) auth_hmac key needs an id and a value");
            return cx.say(&place, Class::Missing, text);
        };
        let bad = format!("({owner}) auth_hmac key id '{id}' must be between 1 and 255");
        let how = Reading { range: Range { min: 1, max: 255 }, lenient: false };
        let Some(id) = cx.number_word(&place, id, how, Some(bad)).and_then(|id| u8::try_from(id).ok()) else {
            return;
        };
        if self.keys.contains_key(&id) {
            return cx.say(&place, Class::General, format!("({owner}) duplicate auth_hmac key id {id}"));
        }
        let place = cx.place(statement, 2);
        let Some(key) = value_of(cx, &place, owner, id, value) else { return };
        let length = key.len();
        if !(KEY_MIN..=KEY_MAX).contains(&length) {
            let text = format!("({owner}) auth_hmac key {id} length {length} not in range [32, 64]");
            return cx.say(&place, Class::General, text);
        }
        self.keys.insert(id, key);
    }

    /// What it comes to once everything is read; nothing if the key to send with is not there.
    pub fn complete(
        self,
        cx: &mut Context<'_>,
        owner: &str,
        advert_interval: Micros,
        strict: bool,
    ) -> Option<Hmac> {
        let Self { keys, active, window, anti_replay, mut mode } = self;
        if !keys.contains_key(&active) {
            let text = format!("({owner}) auth_hmac active_key {active} is not defined, disabling extension");
            cx.conclude(Class::General, text);
            return None;
        }
        if strict && mode != HmacMode::Enforce {
            cx.conclude(Class::General, format!("({owner}) strict mode requires auth_hmac mode enforce"));
            mode = HmacMode::Enforce;
        }
        let window = window.unwrap_or_else(|| {
            Micros::from_secs(advert_interval.times(3).as_secs().clamp(WINDOW_MIN, WINDOW_MAX))
        });
        Some(Hmac { keys, active, window, anti_replay, mode })
    }
}

/// `ASCII`, `hex:DIGITS`, or `file:PATH` with one of the two in it.
fn value_of(cx: &mut Context<'_>, place: &Place, owner: &str, id: u8, value: &str) -> Option<Vec<u8>> {
    let Some(path) = value.strip_prefix("file:") else { return plain(cx, place, owner, id, value) };
    let file = format!("({owner}) auth_hmac key {id} file {path}");
    match cx.host.key_file(&crate::host::path(path)) {
        KeyFile::Unreadable => {
            cx.say(place, Class::General, format!("{file} cannot be opened"));
            None
        }
        KeyFile::TooLarge => {
            cx.say(place, Class::General, format!("{file} is too large"));
            None
        }
        KeyFile::Read { bytes, exposed } => {
            if exposed {
                cx.say(place, Class::Security, format!("{file} is readable by group or others"));
            }
            let text = text::decode(&bytes);
            plain(cx, place, owner, id, text.trim_end_matches(['\n', '\r']))
        }
    }
}

fn plain(cx: &mut Context<'_>, place: &Place, owner: &str, id: u8, value: &str) -> Option<Vec<u8>> {
    let Some(digits) = value.strip_prefix("hex:") else { return Some(text::encode(value)) };
    let bytes = digits.as_bytes().chunks(2);
    let octet = |pair: &[u8]| {
        let text = std::str::from_utf8(pair)
            .ok()
            .filter(|_| pair.len() == 2 && pair.iter().all(u8::is_ascii_hexdigit))?;
        u8::from_str_radix(text, 16).ok()
    };
    let read: Option<Vec<u8>> = bytes.map(octet).collect();
    if read.is_none() {
        cx.say(place, Class::General, format!("({owner}) auth_hmac key {id} has invalid hex digits"));
    }
    read
}
