//! `MISC_CHECK` (`spec` lvs 1.6 and rule 24).

use keepalived_model::check::{self, Program};
use keepalived_model::time::Micros;

use super::checker::{Draft, Kind, Place};
use super::flag;
use crate::diag::Class;
use crate::lower::context::Context;
use crate::lower::script::{self, Found, Security, Written};
use crate::text;
use crate::tree::Statement;

/// What is written of a check.
#[derive(Clone, Debug)]
pub(super) struct Misc {
    pub written: Written,
    timeout: Option<Micros>,
    dynamic: bool,
    /// Filled in when the file was looked at.
    pub program: Option<Program>,
}

pub(super) fn lower(
    cx: &mut Context<'_>,
    security: &mut Security,
    statement: &Statement<'_>,
) -> Option<Draft> {
    let mut misc = Misc {
        written: Written { argv: Vec::new(), user: None },
        timeout: None,
        dynamic: false,
        program: None,
    };
    let mut draft = Draft::new(Kind::Tcp);
    for inner in statement.block() {
        if !draft.general(cx, inner) && !misc.statement(cx, inner) {
            return None;
        }
    }
    let end = cx.end_place(statement);
    if misc.written.argv.is_empty() {
        cx.say(&end, Class::General, "No script path has been specified for MISC_CHECKER - skipping");
        return None;
    }
    if misc.written.user.is_none() {
        misc.written.user = security.default_user(cx, &end);
        if misc.written.user.is_none() {
            let text = format!("Unable to set default user for misc script {} - removing", misc.shown());
            cx.say(&end, Class::General, text);
            return None;
        }
    }
    draft.kind = Kind::Misc(misc);
    Some(draft)
}

impl Misc {
    /// False drops the checker.
    fn statement(&mut self, cx: &mut Context<'_>, statement: &Statement<'_>) -> bool {
        match statement.row.name {
            "misc_path" => {
                if let Some(argv) = script::argv(cx, statement, "") {
                    self.written.argv = argv;
                }
            }
            "misc_timeout" => {
                let secs = cx.integer(statement, "").and_then(|secs| u64::try_from(secs).ok());
                self.timeout = secs.map(Micros::from_secs).or(self.timeout);
            }
            "misc_dynamic" => self.dynamic = flag(statement),
            "user" => {
                let Some(user) = statement.word(1) else {
                    let text = format!("No user specified for misc checker script {}", self.shown());
                    cx.say(&cx.place(statement, 0), Class::Missing, text);
                    return true;
                };
                let place = cx.place(statement, 1);
                self.written.user = script::run_as(cx, &place, user, statement.word(2));
                if self.written.user.is_none() {
                    let text =
                        format!("Failed to set uid/gid for misc checker script {} - removing", self.shown());
                    cx.say(&place, Class::General, text);
                    return false;
                }
            }
            _ => {}
        }
        true
    }

    fn shown(&self) -> String {
        self.written.argv.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(" ")
    }

    /// Looks at the file.
    pub fn look(&mut self, cx: &mut Context<'_>, security: &mut Security) {
        let why = match security.find(cx, &self.written) {
            Found::Runs(command) => {
                self.program = Some(Program::Runs(command));
                return;
            }
            Found::Missing => "since not found/accessible",
            Found::Insecure(_) => "due to insecure",
            Found::NotExecutable => "since not executable",
        };
        let text = format!("Disabling misc script {} {why}", self.shown());
        cx.conclude_log(text);
        if let Some(last) = cx.after.last_mut() {
            last.code = "script-disabled";
            last.notes.push("the real server counts as alive without this check".into());
        }
    }

    pub fn complete(self, place: &Place<'_>) -> check::Misc {
        let Written { argv, user } = self.written;
        let unrunnable = || Program::Unrunnable {
            argv: argv.iter().map(|word| text::encode(word)).collect(),
            user: user.unwrap_or_default(),
        };
        check::Misc {
            program: self.program.unwrap_or_else(unrunnable),
            // Zero is none.
            timeout: self.timeout.filter(|timeout| *timeout != Micros::ZERO).unwrap_or(place.delay_loop),
            dynamic: self.dynamic,
        }
    }
}
