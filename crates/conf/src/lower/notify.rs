//! Commands that tell of changes (`spec` config 3.8 and 3.12).

use std::collections::BTreeMap;
use std::sync::Arc;

use keepalived_model::notify::{Command, Deleted, Notifications};

use super::context::Context;
use super::script::{self, Found, Security, Written};
use crate::diag::Class;
use crate::tree::Statement;

/// Commands by occasion, as written. Few instances have any.
#[derive(Debug, Default)]
pub(super) struct Notify(BTreeMap<Occasion, Option<Written>>);

/// When a command is called. One for [`Occasion::Deleted`] may be none and still mean something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Occasion {
    Master,
    Backup,
    Fault,
    Stop,
    Any,
    LowerPriority,
    Deleted,
}

impl Notify {
    /// A `notify…` keyword; false if it is none.
    pub fn set(
        &mut self,
        cx: &mut Context<'_>,
        security: &mut Security,
        statement: &Statement<'_>,
        owner: &str,
        prefix: fn(&str) -> String,
    ) -> bool {
        let occasion = match statement.row.name {
            "notify_master" => Occasion::Master,
            "notify_backup" => Occasion::Backup,
            "notify_fault" => Occasion::Fault,
            "notify_stop" => Occasion::Stop,
            "notify" => Occasion::Any,
            "notify_master_rx_lower_pri" => Occasion::LowerPriority,
            "notify_deleted" => {
                self.deleted(cx, security, statement, owner, prefix);
                return true;
            }
            _ => return false,
        };
        if self.0.contains_key(&occasion)
            && let Some(other) = statement.word(1)
        {
            // The first one wins (`spec` config 1.6).
            already(cx, statement, &prefix(owner), &format!("{} script", statement.row.name), other);
            return true;
        }
        match script::notify(cx, security, statement, owner) {
            Some(written) => self.0.insert(occasion, Some(written)),
            None => self.0.remove(&occasion),
        };
        true
    }

    /// `notify_deleted [CMD …]`: the word alone means something too.
    fn deleted(
        &mut self,
        cx: &mut Context<'_>,
        security: &mut Security,
        statement: &Statement<'_>,
        owner: &str,
        prefix: fn(&str) -> String,
    ) {
        if self.0.contains_key(&Occasion::Deleted) {
            let other = statement.word(1).unwrap_or("");
            return already(cx, statement, &prefix(owner), statement.row.name, other);
        }
        let command = statement.word(1).and_then(|_| script::notify(cx, security, statement, owner));
        self.0.insert(Occasion::Deleted, command);
    }

    /// The commands whose files can be run; nothing where none was written.
    pub fn complete(&self, cx: &mut Context<'_>, security: &mut Security) -> Option<Box<Notifications>> {
        let mut command = |occasion| find(cx, security, self.0.get(&occasion)?).map(Arc::new);
        let notifications = Notifications {
            master: command(Occasion::Master),
            backup: command(Occasion::Backup),
            fault: command(Occasion::Fault),
            stop: command(Occasion::Stop),
            any: command(Occasion::Any),
            lower_priority: command(Occasion::LowerPriority),
            deleted: None,
        };
        let deleted = self.0.get(&Occasion::Deleted);
        let deleted = deleted.map(|written| Deleted { command: find(cx, security, written).map(Arc::new) });
        (!self.0.is_empty()).then(|| Box::new(Notifications { deleted, ..notifications }))
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
        Found::Missing | Found::NotExecutable | Found::Insecure(_) => None,
    }
}
