//! Commands, their users, script security (`spec` config 3.5 and 4.7, `spec` runtime 4.1).

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use keepalived_model::notify::{Command, RunAs};
use keepalived_model::priority::Weight;
use keepalived_model::time::Micros;
use keepalived_model::track::{self, Unrunnable};

use super::context::{Context, Place, Reading};
use crate::diag::Class;
use crate::lex::number::Range;
use crate::lex::script::{Unterminated, plain_quotes, split_command, split_line};
use crate::lines::Piece;
use crate::lint::Weak;
use crate::text;
use crate::tree::Statement;

/// The user that runs scripts where nothing else is configured, if it exists.
pub(crate) const DEFAULT_USER: &str = "keepalived_script";
/// What runs a file that the kernel cannot.
pub(crate) const SHELL: &str = "/bin/sh";

/// Who runs scripts, and under which conditions.
#[derive(Clone, Debug, Default)]
pub(super) struct Security {
    /// `enable_script_security`.
    pub enabled: bool,
    /// `use_symlink_paths`: files are called as they are written.
    pub keep_links: bool,
    /// `set_supplementary_groups`.
    pub all_groups: bool,
    default: DefaultUser,
    /// Something that can be run was configured.
    seen: bool,
    /// And others than root could change it.
    insecure: bool,
    /// The log says once that nobody is there to run scripts but ourselves.
    missing_user_told: bool,
}

#[derive(Clone, Debug, Default)]
enum DefaultUser {
    #[default]
    Unset,
    Set(RunAs),
    /// `script_user` was written and failed: nothing takes its place.
    Failed,
}

impl DefaultUser {
    fn configured(&self) -> Option<RunAs> {
        match self {
            Self::Set(user) => Some(user.clone()),
            Self::Unset | Self::Failed => None,
        }
    }
}

/// A command as written, and who shall run it.
#[derive(Clone, Debug)]
pub(super) struct Written {
    pub argv: Vec<String>,
    pub user: Option<RunAs>,
}

/// What became of a command when its file was looked at.
pub(super) enum Found {
    Runs(Command),
    Missing,
    /// Said already, and the original says no more (seen in 2.2.7).
    NotExecutable,
    Insecure(Weak),
}

impl Security {
    /// `script_user USER [[:]GROUP]`.
    pub fn script_user(&mut self, cx: &mut Context<'_>, statement: &Statement<'_>) -> Option<RunAs> {
        let Some(user) = cx.word(statement, "") else { return self.default.configured() };
        let place = cx.place(statement, 1);
        self.default = match run_as(cx, &place, user, statement.word(2)) {
            Some(user) => DefaultUser::Set(user),
            None => {
                cx.say(&place, Class::General, "Error setting global script uid/gid");
                DefaultUser::Failed
            }
        };
        self.default.configured()
    }

    /// Who runs a script that names nobody.
    pub fn default_user(&mut self, cx: &mut Context<'_>, place: &Place) -> Option<RunAs> {
        match &self.default {
            DefaultUser::Set(user) => return Some(user.clone()),
            DefaultUser::Failed => return None,
            DefaultUser::Unset => {}
        }
        if let Some(user) = cx.host.user(DEFAULT_USER) {
            return Some(user);
        }
        if self.enabled {
            cx.say(place, Class::General, format!("Unable to set default user {DEFAULT_USER} for script"));
            self.default = DefaultUser::Failed;
            return None;
        }
        if !std::mem::replace(&mut self.missing_user_told, true) {
            cx.log_note(place, format!("Script user '{DEFAULT_USER}' does not exist"));
        }
        Some(cx.host.own())
    }

    /// Looks at the file behind a command, after all lines were read.
    pub fn find(&mut self, cx: &mut Context<'_>, written: &Written) -> Found {
        let (Some(first), Some(mut user)) = (written.argv.first(), written.user.clone()) else {
            return Found::Missing;
        };
        if self.all_groups && user.groups.is_empty() {
            user.groups = cx.host.groups(&user);
        }
        if let Some(rest) = first.strip_prefix('<') {
            let file = if rest.is_empty() { written.argv.get(1).map_or("", String::as_str) } else { rest };
            return Found::Runs(open_test(first, file, user));
        }
        let path = if first.contains('/') {
            crate::host::path(first)
        } else {
            let Some(path) = cx.host.search_path(first) else {
                cx.conclude_log(format!("Cannot find script {first} in path - disabling"));
                return Found::Missing;
            };
            cx.conclude_log(format!(
                "WARNING - script `{first}` resolved by path search to `{}`. Please specify full path.",
                path.display()
            ));
            path
        };
        let facts = cx.host.script(&path, &user);
        let Some(resolved) = facts.resolved.clone() else {
            cx.conclude_log(format!("Script {first} cannot be accessed - No such file or directory"));
            return Found::Missing;
        };
        // A file that cannot be executed counts as one that is (2.2.7).
        self.seen = true;
        if !facts.executable {
            let RunAs { uid, gid, .. } = user;
            // A mere log line of the original; who forgets `chmod +x` has no check, so we say it under -t too.
            cx.conclude_note(format!(
                "WARNING - script '{first}' is not executable for uid:gid {uid}:{gid} - disabling."
            ));
            return Found::NotExecutable;
        }
        self.insecure |= facts.weak.is_some() && !self.enabled;
        if let Some(weak) = facts.weak.filter(|_| self.enabled) {
            cx.conclude_log(format!("Unsafe permissions found for script '{first}' - disabling."));
            cx.conclude_log_note(format!("Script '{first}' would run as root, but {weak}"));
            return Found::Insecure(weak);
        }
        if !facts.has_interpreter {
            cx.conclude_log(format!("Please add a #! shebang to script {first}"));
        }
        // A path that begins nowhere would begin elsewhere when it is run.
        let called = if self.keep_links && path.is_absolute() { path } else { resolved };
        Found::Runs(command(&written.argv, &called, user, facts.has_interpreter))
    }

    /// The same rules for commands that are judged apart.
    pub fn apart(&self) -> Self {
        Self { seen: false, insecure: false, ..self.clone() }
    }

    /// What the supervisor says of its own commands, before any engine says something.
    pub fn conclude_supervisor(&self, cx: &mut Context<'_>) {
        if self.seen && !self.enabled {
            let more = if self.insecure { " There are insecure scripts." } else { "" };
            let text = format!(
                "SECURITY VIOLATION - start/shutdown scripts are being executed but script_security not \
                 enabled.{more}"
            );
            cx.conclude_pass(Class::Security, text);
        }
    }

    /// What is said once all commands were looked at.
    /// `what` is the word of the process for its scripts.
    pub fn conclude(&self, cx: &mut Context<'_>, what: &str) {
        if self.seen && !self.enabled {
            let more = if self.insecure { " There are insecure scripts." } else { "" };
            cx.conclude(
                Class::Security,
                format!(
                    "SECURITY VIOLATION - {what} are being executed but script_security not enabled.{more}"
                ),
            );
        }
    }
}

/// Links are resolved by now unless they are to be kept, the name stays what was written. A file without `#!` is given to the shell, which
/// is what the original's detour over system() comes to (`spec` runtime 4.1).
fn command(argv: &[String], resolved: &Path, user: RunAs, has_interpreter: bool) -> Command {
    let resolved = resolved.as_os_str().as_bytes().to_vec();
    let mut words: Vec<Vec<u8>> = argv.iter().map(|word| text::encode(word)).collect();
    if has_interpreter {
        return Command { path: resolved, argv: words, user };
    }
    words.insert(words.len().min(1), resolved);
    Command { path: SHELL.into(), argv: words, user }
}

/// `</path` succeeds if the file can be opened; nothing of it is executed, so nothing is checked
/// (`spec` config 3.5).
fn open_test(first: &str, file: &str, user: RunAs) -> Command {
    let argv = vec![text::encode(first), b"-c".to_vec(), b": <\"$0\"".to_vec(), text::encode(file)];
    Command { path: SHELL.into(), argv, user }
}

/// A user and perhaps a group, by name or number. `:GROUP` and `:` ask for the user's further groups as well.
pub(super) fn run_as(cx: &mut Context<'_>, place: &Place, user: &str, group: Option<&str>) -> Option<RunAs> {
    let Some(mut found) = cx.host.user(user) else {
        cx.log(place, format!("Script user '{user}' does not exist"));
        return None;
    };
    let further = group.is_some_and(|group| group.starts_with(':'));
    let group = group.map(|group| group.strip_prefix(':').unwrap_or(group)).filter(|group| !group.is_empty());
    if let Some(group) = group {
        let Some(gid) = cx.host.group(group) else {
            cx.log(place, format!("Script group '{group}' does not exist"));
            return None;
        };
        found.gid = gid;
    }
    if further {
        found.groups = cx.host.groups(&found);
    }
    Some(found)
}

/// The command of a notify keyword with its user; nothing where it cannot be read or run.
pub(super) fn notify(
    cx: &mut Context<'_>,
    security: &mut Security,
    statement: &Statement<'_>,
    owner: &str,
) -> Option<Written> {
    let written = read(cx, security, statement, owner)?;
    if written.user.is_none() {
        let first = written.argv.first().map_or("", String::as_str);
        let text = format!("Invalid user/group for notify script {first} - ignoring");
        cx.log(&cx.place(statement, 1), text);
        return None;
    }
    Some(written)
}

/// A command with its user; nothing where it cannot be read or run, and nothing said about the user.
pub(super) fn command_line(
    cx: &mut Context<'_>,
    security: &mut Security,
    statement: &Statement<'_>,
) -> Option<Written> {
    read(cx, security, statement, "").filter(|written| written.user.is_some())
}

fn read(
    cx: &mut Context<'_>,
    security: &mut Security,
    statement: &Statement<'_>,
    owner: &str,
) -> Option<Written> {
    let words = line_words(cx, statement, owner)?;
    let place = cx.place(statement, 1);
    let argv = arguments(cx, statement, &words)?;
    let user = match words.get(2) {
        Some(user) => run_as(cx, &place, user, words.get(3).map(String::as_str)),
        None => security.default_user(cx, &place),
    };
    Some(Written { argv, user })
}

/// The words of a line with a command, by the second tokeniser.
pub(super) fn line_words(
    cx: &mut Context<'_>,
    statement: &Statement<'_>,
    owner: &str,
) -> Option<Vec<String>> {
    let Piece::Text(line) = statement.line.piece else { return None };
    let plain = plain_quotes(line);
    if plain != line {
        let place = cx.place(statement, 1);
        let text = "typographic quotes around a script are read as plain ones";
        let note = "the original takes them for a part of the file's name and runs nothing";
        cx.tell(&place, |d| d.coded("typographic-quotes").note(note), Class::Warning, text);
    }
    match split_line(&plain) {
        Ok(words) => {
            cx.word(statement, owner)?;
            Some(words)
        }
        Err(quote) => {
            unterminated(cx, statement, line, quote);
            None
        }
    }
}

/// The command of a keyword that names no user.
pub(super) fn argv(cx: &mut Context<'_>, statement: &Statement<'_>, owner: &str) -> Option<Vec<String>> {
    let words = line_words(cx, statement, owner)?;
    arguments(cx, statement, &words)
}

fn arguments(cx: &mut Context<'_>, statement: &Statement<'_>, words: &[String]) -> Option<Vec<String>> {
    let command = words.get(1)?;
    match split_command(command) {
        Ok(argv) if !argv.is_empty() => Some(argv),
        Ok(_) => None,
        Err(quote) => {
            unterminated(cx, statement, command, quote);
            None
        }
    }
}

fn unterminated(
    cx: &mut Context<'_>,
    statement: &Statement<'_>,
    line: &str,
    Unterminated(quote): Unterminated,
) {
    let place = cx.place(statement, 1);
    cx.say(&place, Class::Quote, format!("String '{line}': missing terminating {quote}"));
    cx.log(&place, "Unable to parse notify script");
}

/// A `vrrp_script` block.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub name: String,
    pub written: Written,
    pub weight: Weight,
    interval: Option<Micros>,
    timeout: Option<Micros>,
    rise: u32,
    fall: u32,
    init_fail: bool,
    /// The last `user` line could not be used.
    user_failed: bool,
}

/// Reads a `vrrp_script` block, or says why it cannot be used, if it has a name.
pub(super) fn lower(
    cx: &mut Context<'_>,
    security: &mut Security,
    statement: &Statement<'_>,
) -> Result<Draft, Option<Unrunnable>> {
    let name = cx.word(statement, "").ok_or(None)?;
    let useless = |reason: &str| Err(Some(Unrunnable { name: name.to_owned(), reason: reason.to_owned() }));
    let mut draft = Draft {
        name: name.to_owned(),
        written: Written { argv: Vec::new(), user: None },
        weight: Weight::default(),
        interval: None,
        timeout: None,
        rise: 1,
        fall: 1,
        init_fail: false,
        user_failed: false,
    };
    for inner in statement.block() {
        draft.statement(cx, inner);
    }
    let end = cx.end_place(statement);
    if draft.written.argv.is_empty() {
        cx.say(&end, Class::General, format!("No script set for vrrp_script {name} - removing"));
        return useless("no command");
    }
    if draft.written.user.is_none() && !draft.user_failed {
        draft.written.user = security.default_user(cx, &end);
        if draft.written.user.is_none() {
            let text = format!("Unable to set default user for vrrp script {name} - removing");
            cx.say(&end, Class::General, text);
        }
    }
    if draft.written.user.is_some() { Ok(draft) } else { useless("nobody to run it") }
}

impl Draft {
    fn statement(&mut self, cx: &mut Context<'_>, statement: &Statement<'_>) {
        let name = self.name.clone();
        match statement.row.name {
            "script" => {
                if let Some(argv) = argv(cx, statement, &name) {
                    self.written.argv = argv;
                }
            }
            "interval" => self.interval = time(cx, statement, &name, "interval").or(self.interval),
            "timeout" => self.timeout = time(cx, statement, &name, "timeout").or(self.timeout),
            "rise" => self.rise = count(cx, statement, &name),
            "fall" => self.fall = count(cx, statement, &name),
            "weight" => self.weight(cx, statement),
            "init_fail" => self.init_fail = true,
            "user" => {
                let Some(user) = cx.word(statement, &name) else { return };
                let place = cx.place(statement, 1);
                self.written.user = run_as(cx, &place, user, statement.word(2));
                self.user_failed = self.written.user.is_none();
                if self.user_failed {
                    let words: Vec<String> =
                        self.written.argv.iter().map(|word| format!("'{word}'")).collect();
                    let text = format!("Unable to set uid/gid for script {}", words.join(" "));
                    cx.say(&place, Class::General, text);
                }
            }
            _ => cx.unacted(statement, &name),
        }
    }

    /// Out of range is said and clamped (D10: the original keeps it).
    fn weight(&mut self, cx: &mut Context<'_>, statement: &Statement<'_>) {
        let name = self.name.clone();
        let Some(word) = cx.word(statement, &name) else { return };
        let place = cx.place(statement, 1);
        let bad = format!("vrrp_script {name} weight {word} must be in [-253, 253]");
        let how = Reading { range: Range { min: -253, max: 253 }, lenient: true };
        let value = cx
            .number_word(&place, word, how, Some(bad))
            .or_else(|| word.parse::<i64>().ok().map(|value| value.clamp(-253, 253)));
        if let Some(amount) = value.and_then(|value| i16::try_from(value).ok()) {
            self.weight = Weight { amount, reverse: false };
        }
        match statement.word(2) {
            None => {}
            Some("reverse") => self.weight.reverse = true,
            Some(other) => {
                let place = cx.place(statement, 2);
                cx.say(&place, Class::General, format!("vrrp_script {name} unknown weight option {other}"));
            }
        }
    }

    /// The script as the engine needs it.
    pub fn complete(&self, command: Command) -> track::Script {
        let interval = self.interval.unwrap_or(Micros::from_secs(1));
        track::Script {
            name: self.name.clone(),
            command,
            interval,
            timeout: self.timeout.unwrap_or(interval),
            weight: self.weight,
            rise: self.rise,
            fall: self.fall,
            init_fail: self.init_fail,
        }
    }
}

fn count(cx: &mut Context<'_>, statement: &Statement<'_>, name: &str) -> u32 {
    cx.integer(statement, name).and_then(|n| u32::try_from(n).ok()).unwrap_or(1)
}

fn time(cx: &mut Context<'_>, statement: &Statement<'_>, name: &str, what: &str) -> Option<Micros> {
    let millis = cx.decimal(statement, name).and_then(|n| u64::try_from(n).ok())?;
    if millis == 0 {
        let place = cx.place(statement, 1);
        let text = format!("({name}): vrrp script {what} must be greater than 0, setting to 1");
        cx.say(&place, Class::General, text);
        return Some(Micros::from_secs(1));
    }
    Some(Micros::from_millis(millis))
}
