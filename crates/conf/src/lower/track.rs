//! Lines that name a tracker, in instances and sync groups (`spec` config 3.8 and 3.12).

use keepalived_model::priority::Weight;
use keepalived_model::track::Tracked;

use super::context::{Context, Reading};
use super::interfaces::Interfaces;
use crate::diag::Class;
use crate::lex::number::Range;
use crate::tree::{Item, Statement};

/// `IF [weight N [reverse]]` lines.
pub(super) fn interfaces(
    cx: &mut Context<'_>,
    known: &mut Interfaces,
    statement: &Statement<'_>,
    owner: &str,
    into: &mut Vec<Tracked>,
) {
    for item in statement.items() {
        let Some(first) = item.words.first() else { continue };
        let name = first.text;
        if is_duplicate(cx, item, owner, &INTERFACE, into) {
            continue;
        }
        let place = cx.item_place(item, 0);
        if known
            .find(cx, &place, name, |name| format!("({owner}) tracked interface {name} doesn't exist"))
            .is_none()
        {
            continue;
        }
        if let Some(weight) = weight(cx, item, owner, &INTERFACE, Weight::default()) {
            into.push(Tracked { name: name.to_owned(), weight });
        }
    }
}

/// `NAME [weight N [reverse|noreverse]]` lines. What is known has a weight of its own.
pub(super) fn named(
    cx: &mut Context<'_>,
    kind: &Kind,
    known: impl Fn(&str) -> Option<Weight>,
    statement: &Statement<'_>,
    owner: &str,
    into: &mut Vec<Tracked>,
) {
    for item in statement.items() {
        let Some(first) = item.words.first() else { continue };
        let name = first.text;
        let Some(own) = known(name) else {
            let text = format!("({owner}) {} {name} not found, ignoring...", kind.noun);
            let place = cx.item_place(item, 0);
            cx.tell(&place, |d| d.coded("script-not-found"), Class::General, text);
            continue;
        };
        if is_duplicate(cx, item, owner, kind, into) {
            continue;
        }
        if let Some(weight) = weight(cx, item, owner, kind, own) {
            into.push(Tracked { name: name.to_owned(), weight });
        }
    }
}

/// How lines of one block read, and the words of their complaints, which differ without a system.
pub(super) struct Kind {
    /// The block.
    block: &'static str,
    /// What it names.
    noun: &'static str,
    /// Said of a word other than `weight`.
    option: &'static str,
    /// Said of a bad weight.
    weight: &'static str,
    /// Said of a word behind the weight.
    direction: &'static str,
    /// And what becomes of the line then.
    keeps: bool,
    /// Largest weight, both ways.
    most: i64,
    /// Where 254 is said to be too much, and 253 is used.
    capped: bool,
    /// Words that may stand behind the weight.
    directions: &'static [&'static str],
}

const INTERFACE: Kind = Kind {
    block: "track_interface",
    noun: "track_interface",
    option: "({o}) unknown track_interface {n} option {v} - ignoring",
    weight: "({o}) weight {v} for {n} must be between [-253..253] inclusive. Ignoring...",
    // The original's own spelling.
    direction: "({o}) unknown track_interace {n} weight option {v} - ignoring",
    keeps: true,
    most: 254,
    capped: true,
    directions: &["reverse"],
};

pub(super) const SCRIPT: Kind = Kind {
    block: "track_script",
    noun: "track script",
    option: "({o}) unknown track script option {v} - ignoring",
    weight: "({o}) track script {n}: weight must be between [-253..253] inclusive, ignoring...",
    direction: "({o}) unknown track_script {n} weight option {v} - ignoring",
    keeps: true,
    most: 254,
    capped: true,
    directions: BOTH,
};

pub(super) const FILE: Kind = Kind {
    block: "track_file",
    noun: "track file",
    option: "({o}) unknown track file option {v} - ignoring",
    weight: "({o}) weight for track file {n} must be in [-254..254] inclusive. Ignoring...",
    direction: "({o}) unknown track file {n} weight option {v} - ignoring",
    keeps: false,
    most: 254,
    capped: false,
    directions: BOTH,
};

pub(super) const PROCESS: Kind = Kind {
    block: "track_process",
    noun: "track process",
    option: "({o}) unknown track process option {v} - ignoring",
    weight: "({o}) weight for track process {n} must be in [-254..254] inclusive. Ignoring...",
    direction: "({o}) unknown track_process {n} weight option {v} - ignoring",
    keeps: true,
    most: 254,
    capped: false,
    directions: BOTH,
};

pub(super) const BFD: Kind = Kind {
    block: "track_bfd",
    noun: "track bfd",
    option: "({o}) unknown track bfd {n} option {v} - ignoring",
    weight: "({o}) weight for track bfd {n} must be in [-253..253] inclusive. Ignoring...",
    direction: "({o}) unknown track bfd {n} weight option {v} - ignoring",
    keeps: false,
    most: 253,
    capped: false,
    directions: BOTH,
};

const BOTH: &[&str] = &["reverse", "noreverse"];

fn is_duplicate(
    cx: &mut Context<'_>,
    item: &Item<'_>,
    owner: &str,
    kind: &Kind,
    standing: &[Tracked],
) -> bool {
    let name = item.words.first().map_or("", |word| word.text);
    let duplicate = standing.iter().any(|tracked| tracked.name == name);
    if duplicate {
        let place = cx.item_place(item, 0);
        let text = format!("({owner}) duplicate {} {name} - ignoring", kind.block);
        cx.say(&place, Class::General, text);
    }
    duplicate
}

/// The weight an item names, or the default; nothing if the item is dropped.
fn weight(
    cx: &mut Context<'_>,
    item: &Item<'_>,
    owner: &str,
    kind: &Kind,
    default: Weight,
) -> Option<Weight> {
    let name = item.words.first().map_or("", |word| word.text);
    let word = |n: usize| item.words.get(n).map(|word| word.text);
    let fill = |text: &str, value| text.replace("{o}", owner).replace("{n}", name).replace("{v}", value);
    let Some(option) = word(1) else { return Some(default) };
    if option != "weight" {
        let place = cx.item_place(item, 1);
        cx.say(&place, Class::General, fill(kind.option, option));
        return None;
    }
    let Some(value) = word(2) else {
        let place = cx.item_place(item, 1);
        let noun = kind.noun;
        let text = format!("({owner}) weight without value specified for {noun} {name} - ignoring");
        cx.say(&place, Class::Missing, text);
        return None;
    };
    let place = cx.item_place(item, 2);
    let how = Reading { range: Range { min: -kind.most, max: kind.most }, lenient: true };
    let read = cx.number_word(&place, value, how, Some(fill(kind.weight, value)));
    let mut weight = default;
    if let Some(amount) = read.and_then(|n| i16::try_from(n).ok()) {
        if kind.capped && amount.abs() == 254 {
            let text = format!("({owner}) weight for {name} cannot be +/-254. Setting to +/-253");
            cx.say(&place, Class::General, text);
            weight.amount = amount.clamp(-253, 253);
        } else {
            weight.amount = amount;
        }
    }
    match word(3) {
        None => Some(weight),
        Some(direction) if kind.directions.contains(&direction) => {
            weight.reverse = direction == "reverse";
            Some(weight)
        }
        Some(other) => {
            let place = cx.item_place(item, 3);
            cx.say(&place, Class::General, fill(kind.direction, other));
            kind.keeps.then_some(weight)
        }
    }
}

/// The `weight` line of a tracker's own block.
pub(super) struct OwnWeight {
    /// The tracker as complaints begin with it: `track_file f`.
    pub title: String,
    /// And as others name it: `track file f`.
    pub noun: String,
    /// What it weighs as long as nothing is written; a line is refused once it weighs anything else.
    pub unset: i16,
    /// What a line with an impossible number comes to; without it the line counts for nothing.
    pub impossible: Option<i16>,
}

impl OwnWeight {
    /// `weight N [reverse]`, −254 to 254; the first one that can be read counts.
    pub fn read(&self, cx: &mut Context<'_>, statement: &Statement<'_>, weight: &mut Weight) {
        let Self { title, noun, unset, impossible } = self;
        let place = cx.place(statement, 1);
        let Some(word) = statement.word(1) else {
            return cx.say(&place, Class::Missing, format!("No weight specified for {noun} - ignoring"));
        };
        if weight.amount != *unset {
            let text = format!("Weight already set for {noun} - ignoring {word}");
            return cx.say(&place, Class::General, text);
        }
        let bad = format!("Weight ({word}) for {title} must be between [-254..254] inclusive. Ignoring...");
        let how = Reading { range: Range { min: -254, max: 254 }, lenient: true };
        let read = cx.number_word(&place, word, how, Some(bad));
        let Some(amount) = read.and_then(|value| i16::try_from(value).ok()).or(*impossible) else { return };
        *weight = Weight { amount, reverse: false };
        match statement.word(2) {
            None => {}
            Some("reverse") => weight.reverse = true,
            Some(other) => {
                let place = cx.place(statement, 2);
                cx.say(&place, Class::General, format!("{title} unknown weight option {other}"));
            }
        }
    }
}

/// The place of what a block lacks: where it ends.
pub(super) fn lacks(cx: &mut Context<'_>, statement: &Statement<'_>, text: String) {
    let end = cx.end_place(statement);
    cx.say(&end, Class::General, text);
}
