//! Items of `track_interface` and `track_script` (`spec` config 3.12).

use keepalived_model::priority::Weight;
use keepalived_model::track::{TrackedInterface, TrackedScript};

use super::context::{Context, Reading};
use super::interfaces::Interfaces;
use super::script;
use crate::diag::Class;
use crate::lex::number::Range;
use crate::tree::{Item, Statement};

/// `IF [weight N [reverse]]` lines.
pub(super) fn interfaces(
    cx: &mut Context<'_>,
    known: &mut Interfaces,
    statement: &Statement<'_>,
    owner: &str,
    into: &mut Vec<TrackedInterface>,
) {
    for item in statement.items() {
        let Some(first) = item.words.first() else { continue };
        let name = first.text;
        if into.iter().any(|tracked| tracked.name == name) {
            let place = cx.item_place(item, 0);
            cx.say(&place, Class::General, format!("({owner}) duplicate track_interface {name} - ignoring"));
            continue;
        }
        let place = cx.item_place(item, 0);
        if known
            .find(cx, &place, name, |name| format!("({owner}) tracked interface {name} doesn't exist"))
            .is_none()
        {
            continue;
        }
        let kind = Kind { what: "track_interface", noun: "track_interface", words: &["reverse"] };
        if let Some(weight) = weight(cx, item, owner, &kind, Weight::default()) {
            into.push(TrackedInterface { name: name.to_owned(), weight });
        }
    }
}

/// `NAME [weight N [reverse|noreverse]]` lines.
pub(super) fn scripts(
    cx: &mut Context<'_>,
    known: &[script::Draft],
    statement: &Statement<'_>,
    owner: &str,
    into: &mut Vec<TrackedScript>,
) {
    for item in statement.items() {
        let Some(first) = item.words.first() else { continue };
        let name = first.text;
        let place = cx.item_place(item, 0);
        let Some(script) = known.iter().find(|script| script.name == name) else {
            let consequence = "the instance runs without this check";
            let text = format!("({owner}) track script {name} not found, ignoring...");
            cx.tell(&place, |d| d.coded("script-not-found").note(consequence), Class::General, text);
            continue;
        };
        if into.iter().any(|tracked| tracked.name == name) {
            cx.say(&place, Class::General, format!("({owner}) duplicate track_script {name} - ignoring"));
            continue;
        }
        let kind = Kind { what: "track_script", noun: "track script", words: &["reverse", "noreverse"] };
        if let Some(weight) = weight(cx, item, owner, &kind, script.weight) {
            into.push(TrackedScript { name: name.to_owned(), weight });
        }
    }
}

struct Kind {
    what: &'static str,
    noun: &'static str,
    words: &'static [&'static str],
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
    let Some(option) = word(1) else { return Some(default) };
    if option != "weight" {
        let place = cx.item_place(item, 1);
        let text = format!("({owner}) unknown {} {name} option {option} - ignoring", kind.what);
        cx.say(&place, Class::General, text);
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
    let bad = if kind.what == "track_script" {
        format!("({owner}) track script {name}: weight must be between [-253..253] inclusive, ignoring...")
    } else {
        format!("({owner}) weight {value} for {name} must be between [-253..253] inclusive. Ignoring...")
    };
    let how = Reading { range: Range { min: -254, max: 254 }, lenient: true };
    let mut weight = default;
    if let Some(amount) = cx.number_word(&place, value, how, Some(bad)).and_then(|n| i16::try_from(n).ok()) {
        if amount.abs() == 254 {
            let text = format!("({owner}) weight for {name} cannot be +/-254. Setting to +/-253");
            cx.say(&place, Class::General, text);
        }
        weight.amount = amount.clamp(-253, 253);
    }
    match word(3) {
        None => {}
        Some(direction) if kind.words.contains(&direction) => weight.reverse = direction == "reverse",
        Some(other) => {
            let place = cx.item_place(item, 3);
            let text = format!("({owner}) unknown {} {name} weight option {other} - ignoring", kind.what);
            cx.say(&place, Class::General, text);
        }
    }
    Some(weight)
}
