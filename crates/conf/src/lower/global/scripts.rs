//! Commands of the supervisor, pipes, and who runs what.

use keepalived_model::global::{Fifo, Fifos};
use keepalived_model::notify::Command;

use super::{Effect, Globals, flag, on, seconds};
use crate::diag::Class;
use crate::lower::context::Context;
use crate::lower::script::{self, Found};
use crate::tree::Statement;

/// Commands as written; their files are looked at when everything was read.
#[derive(Clone, Debug, Default)]
pub(super) struct Written {
    startup: Option<script::Written>,
    shutdown: Option<script::Written>,
    /// In the order all, vrrp, lvs.
    fifos: [Option<script::Written>; 3],
}

impl Globals {
    pub(super) fn script_keyword(&mut self, cx: &mut Context<'_>, statement: &Statement<'_>) -> Effect {
        let scripts = &mut self.model.scripts;
        match statement.row.name {
            "enable_script_security" => {
                self.security.enabled = true;
                on(&mut scripts.security)
            }
            "script_user" => {
                scripts.user = self.security.script_user(cx, statement);
                Effect::Asked
            }
            "set_supplementary_groups" => flag(cx, statement, &mut scripts.supplementary_groups),
            "use_symlink_paths" => flag(cx, statement, &mut scripts.keep_symlinks),
            "startup_script" | "shutdown_script" => self.supervisor_script(cx, statement),
            "startup_script_timeout" => {
                scripts.startup_timeout = cx.integer(statement, "").map_or(scripts.startup_timeout, seconds);
                Effect::Asked
            }
            "shutdown_script_timeout" => {
                scripts.shutdown_timeout =
                    cx.integer(statement, "").map_or(scripts.shutdown_timeout, seconds);
                Effect::Asked
            }
            "notify_fifo" | "vrrp_notify_fifo" | "lvs_notify_fifo" => self.fifo(cx, statement),
            "notify_fifo_script" | "vrrp_notify_fifo_script" | "lvs_notify_fifo_script" => {
                self.fifo_script(cx, statement)
            }
            "fifo_write_vrrp_states_on_reload" => on(&mut self.model.fifos.states_on_reload),
            _ => Effect::NotMine,
        }
    }

    fn supervisor_script(&mut self, cx: &mut Context<'_>, statement: &Statement<'_>) -> Effect {
        let (slot, what) = match statement.row.name {
            "startup_script" => (&mut self.scripts.startup, "startup"),
            _ => (&mut self.scripts.shutdown, "shutdown"),
        };
        let place = cx.place(statement, 1);
        if slot.is_some() {
            cx.say(&place, Class::General, format!("{what} script already specified"));
            return Effect::None;
        }
        if cx.word(statement, "").is_none() {
            return Effect::None;
        }
        *slot = script::command_line(cx, &mut self.security, statement);
        if slot.is_none() {
            cx.say(&place, Class::General, format!("Invalid {what} script"));
        }
        Effect::when(slot.is_some())
    }

    /// Looks at the files of the supervisor's commands, and says with the supervisor's voice what it thinks of
    /// running them (`spec` config 4.7).
    pub(super) fn supervisor_scripts(&mut self, cx: &mut Context<'_>) {
        let mut security = self.security.apart();
        let mut find = |cx: &mut Context<'_>, written: &Option<script::Written>| -> Option<Command> {
            match security.find(cx, written.as_ref()?) {
                Found::Runs(command) => Some(command),
                Found::Missing | Found::NotExecutable | Found::Insecure(_) => None,
            }
        };
        self.model.scripts.startup = find(cx, &self.scripts.startup);
        self.model.scripts.shutdown = find(cx, &self.scripts.shutdown);
        security.conclude_supervisor(cx);
    }

    fn fifo(&mut self, cx: &mut Context<'_>, statement: &Statement<'_>) -> Effect {
        let Some(path) = cx.word(statement, "") else { return Effect::None };
        let place = cx.place(statement, 1);
        let name = statement.row.name;
        let slot = fifo_of(&mut self.model.fifos, name);
        if slot.is_some() {
            cx.say(&place, Class::General, format!("{name} already specified - ignoring {path}"));
            return Effect::None;
        }
        let owner = match statement.word(2) {
            Some(user) => script::run_as(cx, &place, user, statement.word(3)),
            None => self.security.default_user(cx, &place),
        };
        match owner {
            Some(owner) => *slot = Some(Fifo { path: crate::host::path(path), owner, script: None }),
            // The original says `fifo (null)`.
            None => cx.log(&place, format!("Invalid user/group for fifo {path} - ignoring")),
        }
        Effect::when(slot.is_some())
    }

    fn fifo_script(&mut self, cx: &mut Context<'_>, statement: &Statement<'_>) -> Effect {
        let Some(word) = cx.word(statement, "") else { return Effect::None };
        let name = statement.row.name;
        let [all, vrrp, lvs] = &mut self.scripts.fifos;
        let slot = match name {
            "notify_fifo_script" => all,
            "vrrp_notify_fifo_script" => vrrp,
            _ => lvs,
        };
        if slot.is_some() {
            let text = format!("{name} already specified - ignoring {word}");
            cx.say(&cx.place(statement, 1), Class::General, text);
            return Effect::None;
        }
        *slot = script::notify(cx, &mut self.security, statement, "");
        Effect::when(slot.is_some())
    }

    /// The engines look at what reads their pipes. That alone does not count as running scripts (2.2.7).
    pub(super) fn fifo_scripts(&mut self, cx: &mut Context<'_>) {
        let mut security = self.security.apart();
        let fifos = &mut self.model.fifos;
        for name in ["vrrp_notify_fifo", "lvs_notify_fifo"] {
            let path = fifos.all.as_ref().map(|fifo| fifo.path.clone());
            let special = fifo_of(fifos, name);
            if special.is_some() && special.as_ref().map(|fifo| &fifo.path) == path.as_ref() {
                *special = None;
                cx.conclude_log(format!("{name} is the same file as notify_fifo - ignoring {name}"));
            }
        }
        let slots = [&mut fifos.all, &mut fifos.vrrp, &mut fifos.lvs];
        for (fifo, written) in slots.into_iter().zip(&self.scripts.fifos) {
            if let (Some(fifo), Some(written)) = (fifo, written)
                && let Found::Runs(command) = security.find(cx, written)
            {
                fifo.script = Some(command);
            }
        }
    }
}

fn fifo_of<'a>(fifos: &'a mut Fifos, keyword: &str) -> &'a mut Option<Fifo> {
    match keyword {
        "notify_fifo" => &mut fifos.all,
        "vrrp_notify_fifo" => &mut fifos.vrrp,
        _ => &mut fifos.lvs,
    }
}
