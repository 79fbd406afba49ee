//! `vrrp_track_process` blocks (`spec` config 3.6).

use keepalived_model::priority::Weight;
use keepalived_model::time::Micros;
use keepalived_model::track::{Arguments, Process, ProcessPattern};

use super::context::Context;
use super::track::{OwnWeight, lacks};
use crate::diag::Class;
use crate::text;
use crate::tree::Statement;

/// A block as far as it is written.
struct Draft {
    name: String,
    /// Path and parameters.
    process: Option<Vec<Vec<u8>>>,
    compare: Compare,
    full_command: bool,
    weight: Weight,
    quorum: u32,
    quorum_max: Option<u32>,
    terminate_delay: Micros,
    fork_delay: Micros,
}

/// `param_match`, where it was written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Compare {
    Unset,
    Exact,
    Initial,
    Partial,
}

/// Reads a block; nothing if it cannot be used.
pub(super) fn lower(cx: &mut Context<'_>, statement: &Statement<'_>) -> Option<Process> {
    let name = cx.word(statement, "")?.to_owned();
    let mut draft = Draft {
        name,
        process: None,
        compare: Compare::Unset,
        full_command: false,
        weight: Weight::default(),
        quorum: 1,
        quorum_max: None,
        terminate_delay: Micros::ZERO,
        fork_delay: Micros::ZERO,
    };
    for inner in statement.block() {
        draft.statement(cx, inner);
    }
    let name = &draft.name;
    if draft.process.is_none() {
        lacks(cx, statement, format!("track process '{name}' process name not specified"));
    }
    draft.complete()
}

impl Draft {
    fn statement(&mut self, cx: &mut Context<'_>, statement: &Statement<'_>) {
        let name = self.name.clone();
        let own = OwnWeight {
            title: format!("vrrp_track_process {name}"),
            noun: format!("track process {name}"),
            unset: 0,
            impossible: None,
        };
        let delay = |cx: &mut Context<'_>| {
            cx.decimal(statement, &name).and_then(|micros| u64::try_from(micros).ok()).map(Micros)
        };
        match statement.row.name {
            "process" => self.process(cx, statement),
            "param_match" => self.compare(cx, statement),
            "weight" => own.read(cx, statement, &mut self.weight),
            "quorum" => self.quorum(cx, statement),
            "quorum_max" => self.quorum_max(cx, statement),
            "delay" => {
                if let Some(delay) = delay(cx) {
                    (self.terminate_delay, self.fork_delay) = (delay, delay);
                }
            }
            "terminate_delay" => self.terminate_delay = delay(cx).unwrap_or(self.terminate_delay),
            "fork_delay" => self.fork_delay = delay(cx).unwrap_or(self.fork_delay),
            _ => self.full_command = true,
        }
    }

    fn process(&mut self, cx: &mut Context<'_>, statement: &Statement<'_>) {
        let name = &self.name;
        let Some(word) = cx.word(statement, name) else { return };
        if self.process.is_some() {
            let place = cx.place(statement, 1);
            let text = format!("Process already set for track process {name} - ignoring {word}");
            return cx.say(&place, Class::General, text);
        }
        self.process = Some(statement.words.iter().skip(1).map(|word| text::encode(word.text)).collect());
    }

    fn compare(&mut self, cx: &mut Context<'_>, statement: &Statement<'_>) {
        self.compare = match statement.word(1) {
            None => Compare::Exact,
            Some("initial") => Compare::Initial,
            Some("partial") => Compare::Partial,
            Some(other) => {
                let place = cx.place(statement, 1);
                let text = format!("Invalid param_match type {other} - ignoring");
                return cx.say(&place, Class::General, text);
            }
        };
    }

    fn quorum(&mut self, cx: &mut Context<'_>, statement: &Statement<'_>) {
        let Some(quorum) = cx.integer(statement, &self.name).and_then(|n| u32::try_from(n).ok()) else {
            return;
        };
        if self.quorum_max.is_some_and(|most| quorum > most) {
            let place = cx.place(statement, 1);
            return cx.say(&place, Class::General, "Quorum is greater than quorum_max - ignoring");
        }
        self.quorum = quorum;
    }

    fn quorum_max(&mut self, cx: &mut Context<'_>, statement: &Statement<'_>) {
        let Some(most) = cx.integer(statement, &self.name).and_then(|n| u32::try_from(n).ok()) else {
            return;
        };
        // None may run: then none has to.
        if most == 0 && self.quorum == 1 {
            self.quorum = 0;
        }
        if most < self.quorum {
            let place = cx.place(statement, 1);
            return cx.say(&place, Class::General, "quorum_max is less than quorum - ignoring");
        }
        self.quorum_max = Some(most);
    }

    fn complete(self) -> Option<Process> {
        let mut words = self.process?.into_iter();
        let path = words.next()?;
        let parameters: Vec<Vec<u8>> = words.collect();
        let named = !parameters.is_empty() || self.compare != Compare::Unset;
        let arguments = match self.compare {
            Compare::Unset if parameters.is_empty() => Arguments::Any,
            Compare::Unset | Compare::Exact => Arguments::Exact(parameters),
            Compare::Initial => Arguments::Initial(parameters),
            Compare::Partial => Arguments::Partial(parameters),
        };
        let command = ProcessPattern { path, full_command: self.full_command || named, arguments };
        Some(Process {
            name: self.name,
            command,
            weight: self.weight,
            quorum: self.quorum,
            quorum_max: self.quorum_max,
            terminate_delay: self.terminate_delay,
            fork_delay: self.fork_delay,
        })
    }
}
