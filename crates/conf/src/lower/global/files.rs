//! Files and directories.

use std::path::PathBuf;

use keepalived_model::global::Marker;

use super::{Effect, Globals, flag, on, set_path, whole};
use crate::diag::Class;
use crate::host::DirectoryFacts;
use crate::lower::context::Context;
use crate::schema::{Miss, Takes};
use crate::tree::Statement;

impl Globals {
    pub(super) fn file_keyword(&mut self, cx: &mut Context<'_>, statement: &Statement<'_>) -> Effect {
        let dumps = &mut self.model.dumps;
        let lookups = &mut self.model.lookups;
        let reload = &mut self.model.reload;
        match statement.row.name {
            "data_use_instance" => flag(cx, statement, &mut dumps.named_by_instance),
            "json_version" => match whole(cx, statement) {
                Some(version) => {
                    dumps.json_version = version;
                    Effect::Asked
                }
                None => Effect::None,
            },
            "state_dump_file" => only_path(cx, statement, &mut dumps.state),
            "stats_dump_file" => only_path(cx, statement, &mut dumps.statistics),
            "json_dump_file" => only_path(cx, statement, &mut dumps.json),
            "iproute_usr_dir" => set_path(cx, statement, &mut lookups.iproute_usr),
            "iproute_etc_dir" => set_path(cx, statement, &mut lookups.iproute_etc),
            "tmp_config_directory" if lookups.temporary.is_some() => {
                let text = "tmp_config_directory already specified - ignoring";
                cx.say(&cx.place(statement, 1), Class::General, text);
                Effect::None
            }
            "tmp_config_directory" => set_path(cx, statement, &mut lookups.temporary),
            "config_save_dir" => save_directory(cx, statement, &mut lookups.saved_configurations),
            "reload_check_config" => {
                reload.check_log = Some(crate::host::path(statement.word(1).unwrap_or("/dev/null")));
                Effect::Asked
            }
            "reload_time_file" => only_path(cx, statement, &mut reload.time_file),
            "reload_repeat" => on(&mut reload.keep_time_file),
            "reload_file" => {
                reload.marker = match statement.word(1) {
                    Some(path) => Marker::At(crate::host::path(path)),
                    None => Marker::BesidePidFile,
                };
                Effect::Asked
            }
            _ => Effect::NotMine,
        }
    }
}

/// Exactly one word; more are as bad as none.
fn only_path(cx: &mut Context<'_>, statement: &Statement<'_>, slot: &mut Option<PathBuf>) -> Effect {
    let empty = statement.word(1).is_some_and(str::is_empty) && statement.row.name != "reload_time_file";
    if let (Some(_), Takes::Words(Miss::Says(text))) = (statement.word(2), statement.row.takes) {
        cx.say(&cx.place(statement, 2), Class::General, text);
        return Effect::None;
    }
    if let (true, Takes::Words(Miss::Says(text))) = (empty, statement.row.takes) {
        cx.say(&cx.place(statement, 1), Class::General, text);
        return Effect::None;
    }
    set_path(cx, statement, slot)
}

fn save_directory(cx: &mut Context<'_>, statement: &Statement<'_>, slot: &mut Option<PathBuf>) -> Effect {
    let Some(word) = cx.word(statement, "") else { return Effect::None };
    let place = cx.place(statement, 1);
    let path = crate::host::path(word);
    match cx.host.directory(&path) {
        DirectoryFacts::Usable => *slot = Some(path),
        DirectoryFacts::Other => {
            let text = format!("config_save_dir {word} exists and is not a directory");
            cx.say(&place, Class::General, text);
        }
        DirectoryFacts::Missing => {
            let text =
                format!("Unable to create config_save_dir {word} (error 2 - No such file or directory)");
            cx.say(&place, Class::General, text);
        }
    }
    Effect::when(slot.is_some())
}
