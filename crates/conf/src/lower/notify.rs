//! Commands that tell of changes (`spec` config 3.8 and 3.12).

use keepalived_model::notify::{Command, Deleted, Notifications};

use super::context::Context;
use super::script::{self, Found, Security, Written};
use crate::diag::Class;
use crate::tree::Statement;

/// Commands by occasion, as written.
#[derive(Debug, Default)]
pub(super) struct Notify {
    pub master: Option<Written>,
    pub backup: Option<Written>,
    pub fault: Option<Written>,
    pub stop: Option<Written>,
    pub any: Option<Written>,
    pub lower_priority: Option<Written>,
    /// `notify_deleted`, with its command if it has one.
    pub deleted: Option<Option<Written>>,
}

impl Notify {
    /// A `notify…` keyword; false if it is none.
    pub fn set(
        &mut self,
        cx: &mut Context<'_>,
        security: &mut Security,
        statement: &Statement<'_>,
        owner: &str,
        prefix: &str,
    ) -> bool {
        let slot = match statement.row.name {
            "notify_master" => &mut self.master,
            "notify_backup" => &mut self.backup,
            "notify_fault" => &mut self.fault,
            "notify_stop" => &mut self.stop,
            "notify" => &mut self.any,
            "notify_master_rx_lower_pri" => &mut self.lower_priority,
            "notify_deleted" => {
                self.deleted(cx, security, statement, owner, prefix);
                return true;
            }
            _ => return false,
        };
        if slot.is_some()
            && let Some(other) = statement.word(1)
        {
            // The first one wins (`spec` config 1.6).
            already(cx, statement, prefix, &format!("{} script", statement.row.name), other);
            return true;
        }
        *slot = script::notify(cx, security, statement, owner);
        true
    }

    /// `notify_deleted [CMD …]`: the word alone means something too.
    fn deleted(
        &mut self,
        cx: &mut Context<'_>,
        security: &mut Security,
        statement: &Statement<'_>,
        owner: &str,
        prefix: &str,
    ) {
        if self.deleted.is_some() {
            let other = statement.word(1).unwrap_or("");
            return already(cx, statement, prefix, statement.row.name, other);
        }
        self.deleted = Some(statement.word(1).and_then(|_| script::notify(cx, security, statement, owner)));
    }

    /// The commands whose files can be run.
    pub fn complete(&self, cx: &mut Context<'_>, security: &mut Security) -> Notifications {
        let mut command = |written: &Option<Written>| find(cx, security, written);
        Notifications {
            master: command(&self.master),
            backup: command(&self.backup),
            fault: command(&self.fault),
            stop: command(&self.stop),
            any: command(&self.any),
            lower_priority: command(&self.lower_priority),
            deleted: self.deleted.as_ref().map(|written| Deleted { command: command(written) }),
        }
    }
}

/// A second command for one occasion is not taken.
fn already(cx: &mut Context<'_>, statement: &Statement<'_>, prefix: &str, what: &str, other: &str) {
    let text = format!("{prefix} {what} already specified - ignoring {other}");
    cx.say(&cx.place(statement, 1), Class::General, text);
}

/// What a command comes to, if it can be run.
pub(super) fn find(
    cx: &mut Context<'_>,
    security: &mut Security,
    written: &Option<Written>,
) -> Option<Command> {
    match security.find(cx, written.as_ref()?) {
        Found::Runs(command) => Some(command),
        Found::Missing | Found::NotExecutable | Found::Insecure => None,
    }
}
