//! `track_file` blocks (`spec` config 3.7).

use keepalived_model::priority::Weight;
use keepalived_model::track::{File, FileInit};

use super::context::{Context, Reading};
use super::track::{OwnWeight, lacks};
use crate::diag::Class;
use crate::host::Watch;
use crate::lex::number::Range;
use crate::text;
use crate::tree::Statement;

/// Values of `init_file` beyond these make no sense; they are used all the same.
const INIT_MAX: i64 = 254;

/// Reads a block; nothing if it cannot be used.
pub(super) fn lower(cx: &mut Context<'_>, statement: &Statement<'_>) -> Option<File> {
    let name = cx.word(statement, "")?.to_owned();
    let own = OwnWeight {
        title: format!("track_file {name}"),
        noun: format!("track file {name}"),
        unset: 1,
        impossible: Some(1),
    };
    let mut weight = Weight { amount: own.unset, reverse: false };
    let (mut path, mut init) = (None::<String>, None);
    for inner in statement.block() {
        match inner.row.name {
            "file" => {
                let Some(word) = cx.word(inner, &name) else { continue };
                if path.is_some() {
                    let place = cx.place(inner, 1);
                    let text = format!("File already set for track file {name} - ignoring {word}");
                    cx.say(&place, Class::General, text);
                } else {
                    path = Some(word.to_owned());
                }
            }
            "weight" => own.read(cx, inner, &mut weight),
            _ => init = Some(read_init(cx, inner, &name)),
        }
    }
    let Some(path) = path else {
        lacks(cx, statement, format!("No file set for track_file {name} - ignoring"));
        return None;
    };
    match cx.host.watch(&crate::host::path(&path)) {
        Watch::Possible => {}
        Watch::NoDirectory { errno, text } => {
            lacks(cx, statement, format!("realpath() error {errno} ({text}) for {name}"));
            return None;
        }
        Watch::Impossible => {
            let text = format!("The filesystem of {path} is read only or cannot be monitored - ignoring");
            lacks(cx, statement, text);
            return None;
        }
    }
    Some(File { name, path: text::encode(&path), weight, init })
}

/// `[VALUE] [overwrite]` in any order.
fn read_init(cx: &mut Context<'_>, statement: &Statement<'_>, name: &str) -> FileInit {
    let mut init = FileInit { value: 0, overwrite: false };
    for (position, word) in statement.words.iter().enumerate().skip(1) {
        let place = cx.place(statement, position);
        let word = word.text;
        if word.starts_with(|c: char| c == '-' || c.is_ascii_digit()) {
            let bad = format!("Track file {name} init value {word} is invalid");
            let range = Range { min: i64::from(i32::MIN), max: i64::from(i32::MAX) };
            let how = Reading { range, lenient: false };
            let Some(value) = cx.number_word(&place, word, how, Some(bad)) else { continue };
            if !(-INIT_MAX..=INIT_MAX).contains(&value) {
                let text =
                    format!("Track file {name} init value {value} is outside sensible range [-254, 254]");
                cx.say(&place, Class::General, text);
            }
            init.value = i32::try_from(value).unwrap_or(init.value);
        } else if word == "overwrite" {
            init.overwrite = true;
        } else {
            cx.say(&place, Class::General, format!("Unknown track file init option {word}"));
        }
    }
    init
}
