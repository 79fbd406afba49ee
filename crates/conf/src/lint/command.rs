//! The commands of a configuration, as they are written and as they are found.

use std::path::{Path, PathBuf};

use keepalived_model::notify::{self, RunAs};

use super::Facts;
use crate::host::ScriptFacts;
use crate::lex::script::{plain_quotes, split_command, split_line};
use crate::lines::{Piece, Span};
use crate::schema::Takes;
use crate::tree::Statement;

/// A command and where it stands.
pub(super) struct Command<'s, 'a> {
    /// The keyword of the root block it stands in.
    pub block: &'static str,
    /// That block's name.
    pub owner: &'s str,
    pub statement: &'s Statement<'a>,
    /// The words of the line: keyword, command, user, group.
    pub words: Vec<String>,
    /// The words of the command, never empty.
    pub argv: Vec<String>,
}

impl Facts<'_> {
    /// All commands that can be read.
    pub(super) fn commands(&self) -> impl Iterator<Item = Command<'_, '_>> {
        self.owned_statements().filter_map(|(root, statement)| {
            let (Takes::Command(_), Piece::Text(text)) = (statement.row.takes, statement.line.piece) else {
                return None;
            };
            let words = split_line(&plain_quotes(text)).ok()?;
            let argv = split_command(words.get(1)?).ok().filter(|argv| !argv.is_empty())?;
            Some(Command { block: root.row.name, owner: root.word(1).unwrap_or(""), statement, words, argv })
        })
    }

    /// The place of a word of a command.
    pub(super) fn argument(&self, command: &Command<'_, '_>, argument: &str) -> Option<Span> {
        self.piece(command.statement.line, argument)
    }
}

impl Command<'_, '_> {
    /// The program without its directories.
    pub fn program(&self) -> &str {
        let first = self.first();
        first.rsplit('/').next().unwrap_or(first)
    }

    /// The program as written.
    pub fn first(&self) -> &str {
        self.argv.first().map_or("", String::as_str)
    }

    /// Whether it is the check of a `vrrp_script`.
    pub fn is_check(&self) -> bool {
        self.statement.row.name == "script"
    }

    /// The script itself where a shell is told to run one: `sh /etc/check.sh`.
    pub fn file(&self) -> &str {
        match self.argv.get(1) {
            Some(file) if self.is_shell() && file.starts_with('/') => file,
            _ => self.first(),
        }
    }

    pub fn is_shell(&self) -> bool {
        is_shell(self.program())
    }

    /// The file that will be run, if it can be told; `</path` runs none.
    pub fn path(&self, cx: &Facts<'_>) -> Option<PathBuf> {
        match self.first() {
            first if first.starts_with('<') => None,
            first if first.contains('/') => Some(crate::host::path(first)),
            first => cx.host.search_path(first),
        }
    }

    /// Who will run it.
    pub fn user(&self, cx: &Facts<'_>) -> RunAs {
        fn all(notes: &notify::Notifications) -> Vec<&notify::Command> {
            let commands = [&notes.master, &notes.backup, &notes.fault, &notes.stop, &notes.any];
            commands.into_iter().filter_map(Option::as_deref).collect()
        }
        let candidates: Vec<&notify::Command> = match self.block {
            "vrrp_script" => {
                let script = cx.script(self.owner);
                return script.map_or_else(|| cx.host.own(), |script| script.command.user.clone());
            }
            "vrrp_sync_group" => {
                let group = cx.config.vrrp.groups.iter().find(|group| group.name == self.owner);
                group.map(|group| all(&group.notify)).unwrap_or_default()
            }
            "global_defs" => {
                let global = &cx.config.global;
                let fifos = [&global.fifos.all, &global.fifos.vrrp, &global.fifos.lvs];
                let scripts = fifos.into_iter().flatten().filter_map(|fifo| fifo.script.as_ref());
                scripts.chain(&global.scripts.startup).chain(&global.scripts.shutdown).collect()
            }
            _ => cx.instance(self.owner).map(|instance| all(&instance.notify)).unwrap_or_default(),
        };
        let argv: Vec<Vec<u8>> = self.argv.iter().map(|word| crate::text::encode(word)).collect();
        let same = candidates.into_iter().find(|command| command.argv == argv);
        same.map_or_else(|| cx.host.own(), |command| command.user.clone())
    }

    /// What its user meets at its path.
    pub fn facts(&self, cx: &Facts<'_>, path: &Path) -> ScriptFacts {
        cx.host.script(path, &self.user(cx))
    }
}

pub(super) fn is_shell(program: &str) -> bool {
    matches!(program, "sh" | "bash" | "dash" | "ash" | "ksh" | "zsh")
}
