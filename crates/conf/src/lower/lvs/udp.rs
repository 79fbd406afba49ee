//! `UDP_CHECK` (`spec` lvs 1.6).

use keepalived_model::check::{self, Masked, Reply};

use super::checker::{Draft, Kind, Owner};
use crate::diag::Class;
use crate::lower::context::Context;
use crate::tree::Statement;

/// What is sent unless configured, repeated.
const PAYLOAD: &[u8] = b"keepalived check - ";
const PAYLOAD_LENGTH: usize = 32;
/// Longest reply unless configured.
pub(crate) const REPLY_MAX: u16 = 255;

/// What is written of a check.
#[derive(Clone, Debug)]
pub(super) struct Udp {
    payload: Option<Vec<u8>>,
    required: bool,
    pattern: Vec<Masked>,
    length_min: u16,
    length_max: u16,
}

pub(super) fn lower(cx: &mut Context<'_>, statement: &Statement<'_>, owner: &Owner<'_>) -> Option<Draft> {
    let mut udp =
        Udp { payload: None, required: false, pattern: Vec::new(), length_min: 0, length_max: REPLY_MAX };
    let mut draft = Draft::new(Kind::Tcp);
    for inner in statement.block() {
        if !draft.common(cx, inner, owner.ip) {
            udp.statement(cx, inner);
        }
    }
    let Udp { length_min, length_max, .. } = udp;
    if length_min > length_max {
        let text = format!(
            "UDP_CHECK min_reply length {length_min} > max_reply_length {length_max} - will always fail"
        );
        cx.say(&cx.end_place(statement), Class::General, text);
    }
    if !draft.connection.reaches(cx, statement, owner.ip) {
        return None;
    }
    draft.kind = Kind::Udp(udp);
    Some(draft)
}

impl Udp {
    fn statement(&mut self, cx: &mut Context<'_>, statement: &Statement<'_>) {
        let length = |cx: &mut Context<'_>| cx.integer(statement, "").and_then(|n| u16::try_from(n).ok());
        match statement.row.name {
            "min_reply_length" => self.length_min = length(cx).unwrap_or(self.length_min),
            "max_reply_length" => self.length_max = length(cx).unwrap_or(self.length_max),
            "payload" => {
                if cx.word(statement, "").is_none() {
                    return;
                }
                let bytes = hexadecimal(statement).filter(|bytes| bytes.iter().all(|byte| byte.mask == 0xff));
                match bytes {
                    Some(bytes) => self.payload = Some(bytes.iter().map(|byte| byte.value).collect()),
                    None => bad(cx, statement, "payload"),
                }
            }
            // Required it is, whatever comes back.
            "require_reply" => {
                self.required = true;
                if statement.word(1).is_none() {
                    return;
                }
                match hexadecimal(statement) {
                    Some(pattern) => self.pattern = pattern,
                    None => bad(cx, statement, "reply"),
                }
            }
            _ => {}
        }
    }

    pub fn complete(self, connection: check::Connection) -> check::Udp {
        let (pattern, length_min, length_max) = (self.pattern, self.length_min, self.length_max);
        let reply = match (self.required, pattern.is_empty()) {
            (false, _) => Reply::NotNeeded,
            (true, true) => Reply::Any,
            (true, false) => Reply::Matching { pattern, length_min, length_max },
        };
        check::Udp { connection, payload: self.payload.unwrap_or_else(usual_payload), reply }
    }
}

/// What is sent unless configured.
pub(crate) fn usual_payload() -> Vec<u8> {
    PAYLOAD.iter().copied().cycle().take(PAYLOAD_LENGTH).collect()
}

fn bad(cx: &mut Context<'_>, statement: &Statement<'_>, what: &str) {
    let text = format!("Invalid hex string for UDP_CHECK {what}");
    cx.say(&cx.place(statement, 1), Class::General, text);
}

/// Digits of all words; within a word they pair up from the left, and a last one stands alone. An `x` is a digit
/// that may be any.
fn hexadecimal(statement: &Statement<'_>) -> Option<Vec<Masked>> {
    let words = statement.words.get(1..).unwrap_or_default();
    let mut bytes = Vec::new();
    for word in words {
        let digits: Vec<char> = word.text.chars().collect();
        for pair in digits.chunks(2) {
            let byte =
                pair.iter().try_fold(Masked { value: 0, mask: 0 }, |byte, digit| nibble(byte, *digit))?;
            // One digit is the lower half of a byte whose upper half is zero.
            let upper = if pair.len() == 1 { 0xf0 } else { 0 };
            bytes.push(Masked { mask: byte.mask | upper, ..byte });
        }
    }
    (!bytes.is_empty()).then_some(bytes)
}

fn nibble(byte: Masked, digit: char) -> Option<Masked> {
    let (value, mask) = match digit {
        'x' | 'X' => (0, 0),
        digit => (u8::try_from(digit.to_digit(16)?).ok()?, 0xf),
    };
    Some(Masked { value: byte.value << 4 | value, mask: byte.mask << 4 | mask })
}
