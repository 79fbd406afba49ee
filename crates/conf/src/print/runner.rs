//! Commands and who runs them.

use std::path::Path;

use keepalived_model::Config;
use keepalived_model::notify::{Command, RunAs};

use super::block::Block;
use super::words;
use crate::host::{Answers, Host};
use crate::lower::script::{DEFAULT_USER, SHELL};

/// What is known of users, and how commands came to be what they are.
pub(super) struct Runner<'a> {
    answers: &'a Answers,
    /// Runs what names nobody, if that is known.
    usual: Option<RunAs>,
}

impl<'a> Runner<'a> {
    pub fn new(config: &Config, answers: &'a Answers) -> Self {
        let scripts = &config.global.scripts;
        let fallback = || match answers.asked_user(DEFAULT_USER)? {
            Some(user) => Some(user.clone()),
            None => (!scripts.security).then(|| answers.own()),
        };
        let mut usual = scripts.user.clone().or_else(fallback);
        if let Some(user) =
            usual.as_mut().filter(|user| scripts.supplementary_groups && user.groups.is_empty())
        {
            user.groups = answers.groups(user);
        }
        Self { answers, usual }
    }

    /// `USER [[:]GROUP]` by the names that were used.
    pub fn user(&self, user: &RunAs) -> Vec<String> {
        let name = |name: &str| words::quoted(name);
        let further = if user.groups.is_empty() { "" } else { ":" };
        let same = |found: &RunAs| (found.uid, found.gid) == (user.uid, user.gid);
        // A number is asked for as a name once it is printed: what it says of the group must not decide how it is printed.
        let is_name = |name: &str| !name.bytes().all(|byte| byte.is_ascii_digit());
        let exact = self.answers.user_names().find(|(name, found)| same(found) && is_name(name));
        if let Some((found, _)) = exact {
            let colon = Some(further.to_owned()).filter(|further| !further.is_empty());
            return std::iter::once(name(found)).chain(colon).collect();
        }
        let same = self.answers.user_names().find(|(_, found)| found.uid == user.uid);
        let uid = same.map_or_else(|| user.uid.to_string(), |(found, _)| name(found));
        let group = self.answers.group_names().find(|(_, gid)| **gid == user.gid);
        let group = group.map_or_else(|| user.gid.to_string(), |(found, _)| name(found));
        vec![uid, format!("{further}{group}")]
    }

    /// The same, and nothing for who it would be anyway.
    pub fn unusual(&self, user: &RunAs) -> Vec<String> {
        if self.usual.as_ref() == Some(user) { Vec::new() } else { self.user(user) }
    }

    /// A keyword with a command and its user.
    pub fn command(&self, block: &mut Block, name: &str, command: Option<&Command>) {
        if let Some(command) = command {
            block.line(name, std::iter::once(self.line(command)).chain(self.unusual(&command.user)));
        }
    }

    /// A command as one word for the second tokeniser.
    pub fn line(&self, command: &Command) -> String {
        argv_line(self.written(command).into_iter().map(Vec::as_slice))
    }

    /// The words that were written, without the detours over the shell.
    fn written<'c>(&self, command: &'c Command) -> Vec<&'c Vec<u8>> {
        let Command { path, argv, user } = command;
        let (Some(first), true) = (argv.first(), path == SHELL.as_bytes()) else {
            return argv.iter().collect();
        };
        if first.starts_with(b"<") {
            let file = argv.get(3).filter(|_| first.len() == 1);
            return std::iter::once(first).chain(file).collect();
        }
        let second = argv.get(1).is_some_and(|second| {
            let name = crate::text::decode(first);
            let found = if name.contains('/') {
                Some(crate::host::path(&name))
            } else {
                self.answers.search_path(&name)
            };
            let facts = found.map(|path| self.answers.script(&path, user)).unwrap_or_default();
            let resolved = facts.resolved.as_deref().map(bytes_of);
            !facts.has_interpreter && resolved == Some(second.as_slice())
        });
        argv.iter().enumerate().filter(|(at, _)| !second || *at != 1).map(|(_, word)| word).collect()
    }
}

/// Arguments as one word for the second tokeniser.
pub(super) fn argv_line<'a>(argv: impl IntoIterator<Item = &'a [u8]>) -> String {
    let words: Vec<String> = argv.into_iter().map(words::argument).collect();
    format!("\"{}\"", words.join(" "))
}

fn bytes_of(path: &Path) -> &[u8] {
    path.as_os_str().as_encoded_bytes()
}
