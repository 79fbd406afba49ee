//! `vrrp_sync_group` blocks (`spec` config 3.8).

use keepalived_model::notify::Notifications;
use keepalived_model::track::Trackers;

use super::context::Context;
use super::drafts::Drafts;
use super::notify::Notify;
use crate::diag::Class;
use crate::schema::Status;
use crate::tree::Statement;

/// A group as far as it is written.
#[derive(Debug, Default)]
pub(super) struct Draft {
    pub name: String,
    pub members: Option<Vec<String>>,
    pub track: Trackers,
    /// Members may have weights.
    pub member_weights: bool,
    pub notify: Notify,
    /// What became of it.
    pub notifications: Option<Box<Notifications>>,
    pub smtp_alert: Option<bool>,
    pub notify_priority_changes: Option<bool>,
}

impl Drafts {
    pub(super) fn group(&mut self, cx: &mut Context<'_>, statement: &Statement<'_>) {
        let place = cx.place(statement, 0);
        let (Some(name), None) = (statement.word(1), statement.word(2)) else {
            cx.mute(statement.at + 1, statement.end);
            return cx.say(&place, Class::Missing, "vrrp_sync_group must have a name - skipping");
        };
        if self.groups.contains(name) {
            cx.mute(statement.at + 1, statement.end);
            return cx.say(&place, Class::General, format!("vrrp sync group {name} already defined"));
        }
        let mut draft = Draft { name: name.to_owned(), ..Draft::default() };
        for inner in statement.block() {
            self.group_statement(cx, &mut draft, inner);
        }
        if draft.members.as_ref().is_none_or(Vec::is_empty) {
            let place = cx.end_place(statement);
            return cx.say(&place, Class::General, format!("Sync group {name} has no members - removing"));
        }
        self.groups.push(draft);
    }

    fn group_statement(&mut self, cx: &mut Context<'_>, draft: &mut Draft, statement: &Statement<'_>) {
        let owner = draft.name.clone();
        let prefix = |owner: &str| format!("vrrp group {owner}:");
        if draft.notify.set(cx, &mut self.globals.security, statement, &owner, prefix)
            || self.tracker(cx, &mut draft.track, statement, &owner)
        {
            return;
        }
        let place = cx.place(statement, 0);
        match statement.row.name {
            "group" if draft.members.as_ref().is_some_and(|members| !members.is_empty()) => {
                cx.say(
                    &place,
                    Class::General,
                    format!("Group list already specified for sync group {owner}"),
                );
            }
            "group" => {
                let words = statement.items().iter().flat_map(|item| item.words.iter());
                let members: Vec<String> = words.map(|word| word.text.to_owned()).collect();
                if members.is_empty() {
                    let place = cx.end_place(statement);
                    cx.say(
                        &place,
                        Class::Warning,
                        format!("Warning - sync group {owner} has empty group block"),
                    );
                }
                draft.members = Some(members);
            }
            "global_tracking" => {
                draft.member_weights = true;
                let text = format!(
                    "({owner}) global_tracking is deprecated. Use track_interface/script/file on the sync group"
                );
                cx.say(&place, Class::Deprecated, text);
            }
            "smtp_alert" => draft.smtp_alert = flag(cx, statement, &owner, draft.smtp_alert),
            "notify_priority_changes" => {
                draft.notify_priority_changes = flag(cx, statement, &owner, draft.notify_priority_changes);
            }
            "sync_group_tracking_weight" => draft.member_weights = true,
            _ => cx.unacted(statement, &owner),
        }
    }
}

/// A switch.
fn flag(
    cx: &mut Context<'_>,
    statement: &Statement<'_>,
    owner: &str,
    standing: Option<bool>,
) -> Option<bool> {
    let on = cx.boolean(statement, owner);
    if on == Some(true) && statement.row.status == Status::NotYet {
        cx.not_yet(statement, owner);
    }
    on.or(standing)
}
