//! Commands that do not mean what they look like.

use std::collections::{BTreeMap, BTreeSet};

use keepalived_model::time::Micros;

use super::{Facts, Findings, Judge, Rule};
use crate::codes::{Code, Severity};
use crate::lines::Span;
use crate::tree::Statement;

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: Code {
            number: 1101,
            name: "shell-syntax",
            severity: Severity::Lint,
            title: "shell syntax in a command that no shell reads",
            says: &[],
            why: "Commands are started without a shell. `|`, `>`, `&&`, `[[ … ]]` and `$NAME` are ordinary arguments \
              of the program, which mostly fails because of them: the check is down for ever, or the redirection \
              writes nothing.",
            does: "",
            fix: "Put the line into a script that starts with `#!/bin/sh`, or write \"/bin/sh -c '…'\".",
            example: "",
        },
        judge: Judge::One(shell_syntax),
    },
    Rule {
        code: Code {
            number: 1102,
            name: "shell-command-split",
            severity: Severity::Lint,
            title: "`sh -c` with a command in several words",
            says: &[],
            why: "`sh -c` runs its next word only; the words after it are parameters of that command and not part of \
              it. `sh -c killall -0 nginx` runs `killall` without arguments.",
            does: "",
            fix: "Put the whole command into single quotes: \"/bin/sh -c 'killall -0 nginx'\".",
            example: "",
        },
        judge: Judge::One(shell_command_split),
    },
    Rule {
        code: Code {
            number: 1103,
            name: "unquoted-arguments",
            severity: Severity::Lint,
            title: "a command with arguments but without quotes",
            says: &[],
            why: "A command is one word. Without quotes `script` drops everything behind the first word, and a notify \
              keyword takes the second for the user who is to run it; if there is no such user the script is \
              never run.",
            does: "",
            fix: "Put the command with its arguments into double quotes.",
            example: "",
        },
        judge: Judge::One(unquoted_arguments),
    },
    Rule {
        code: Code {
            number: 1104,
            name: "outlives-timeout",
            severity: Severity::Lint,
            title: "a check that cannot finish in time",
            says: &[],
            why: "A check is ended by force after its timeout, which is its interval unless configured, and counts as \
              failed. What the script does after a longer sleep, such as a second look or a restart, never happens.",
            does: "",
            fix: "Set `timeout` to more than the script needs, or make the script faster.",
            example: "",
        },
        judge: Judge::One(outlives_timeout),
    },
    Rule {
        code: Code {
            number: 1105,
            name: "timeout-over-interval",
            severity: Severity::Lint,
            title: "a timeout longer than the interval",
            says: &[],
            why: "Only one run at a time: while a slow run is waited for, the runs that become due are skipped. A \
              check that hangs is noticed after the timeout, not after the interval.",
            does: "",
            fix: "Make `timeout` at most `interval`, if a hanging check shall count as failed soon.",
            example: "",
        },
        judge: Judge::One(timeout_over_interval),
    },
    Rule {
        code: Code {
            number: 1106,
            name: "stops-keepalived",
            severity: Severity::Lint,
            title: "a check that stops keepalived",
            says: &[],
            why: "A check that stops keepalived does what its exit status would do, but for good: nothing starts \
              keepalived again when the service is back.",
            does: "",
            fix: "Exit with a status other than 0; without a weight that makes the instance leave MASTER at once.",
            example: "",
        },
        judge: Judge::One(stops_keepalived),
    },
    Rule {
        code: Code {
            number: 1107,
            name: "shell-only-path",
            severity: Severity::Lint,
            title: "a check of `/dev/tcp`",
            says: &[],
            why: "`</path` succeeds if the file can be opened. `/dev/tcp/…` is not a file but a trick of bash, and \
              nothing here is bash: the check always fails.",
            does: "",
            fix: "Use \"/bin/bash -c '</dev/tcp/HOST/PORT'\" or a TCP client.",
            example: "",
        },
        judge: Judge::One(shell_only_path),
    },
];

/// What only a shell gives a meaning.
fn is_operator(word: &str) -> bool {
    let redirection = word.trim_start_matches(|c: char| c.is_ascii_digit() || c == '&');
    matches!(word, "|" | "||" | "&&" | "&" | ";" | "[[" | "]]" | "if" | "then" | "fi" | "$?")
        || redirection.starts_with('>')
        || (word.starts_with("<") && word.len() < 2)
        || (word.len() > 1 && word.ends_with(';'))
}

/// What a shell would replace.
fn is_expansion(word: &str) -> bool {
    let name =
        |rest: &str| rest.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '{' | '(' | '_'));
    word.strip_prefix('$').is_some_and(name) || word.contains("$(") || word.contains('`')
}

/// Programs that read a language of their own from their arguments.
const LANGUAGES: &[&str] =
    &["awk", "gawk", "mawk", "perl", "python", "python2", "python3", "php", "sed", "expr"];

fn shell_syntax(cx: &Facts<'_>, out: &mut Findings) {
    for command in cx.commands() {
        let program = command.program();
        let script = command.is_shell() && command.argv.get(1).is_some_and(|word| word.starts_with('-'));
        let found = command.argv.iter().find(|word| {
            let inline = (script || LANGUAGES.contains(&program)) && word.contains(' ');
            !inline && (is_operator(word) || (!script && !LANGUAGES.contains(&program) && is_expansion(word)))
        });
        let Some(word) = found else { continue };
        let told = out.say(
            cx.argument(&command, word),
            if word == command.first() {
                format!("'{word}' is shell syntax, and no shell reads this command")
            } else {
                format!("no shell reads this command: '{word}' is an argument of {program}")
            },
        );
        let told = match command.first() {
            first @ ("[[" | "if") => told.echoes(format!("Cannot find script {first} in path - disabling")),
            _ => told,
        };
        let line = command.argv.join(" ");
        told.help(if line.contains('\'') {
            "put the line into a script that starts with #!/bin/sh".into()
        } else {
            format!("write \"/bin/sh -c '{line}'\", or put the line into a script")
        });
    }
}

fn shell_command_split(cx: &Facts<'_>, out: &mut Findings) {
    for command in cx.commands().filter(|command| command.is_shell()) {
        let Some(at) = command.argv.iter().position(|word| word == "-c") else { continue };
        let rest = command.argv.get(at + 1..).unwrap_or_default();
        let [first, second, ..] = rest else { continue };
        if first.contains(' ') || rest.iter().any(|word| is_operator(word)) {
            continue;
        }
        out.say(cx.argument(&command, second), format!("{} -c runs '{first}' alone", command.program()))
            .help(format_args!("write {} -c '{}'", command.first(), rest.join(" ")));
    }
}

fn unquoted_arguments(cx: &Facts<'_>, out: &mut Findings) {
    for command in cx.commands() {
        let (Some(program), Some(extra)) = (command.words.get(1), command.words.get(2)) else { continue };
        if super::text::next_statement(cx, command.statement).is_some() {
            continue;
        }
        let name = command.statement.row.name;
        let rest = command.words.get(2..).unwrap_or_default().join(" ");
        let at = cx.argument(&command, extra);
        if command.is_check() {
            out.say(at, format!("'{rest}' is dropped: without quotes the command is '{program}' alone"))
        } else if cx.host.user(extra).is_none() || command.words.len() > 4 {
            out.say(at, format!("'{extra}' is taken for the user who runs {program}"))
                .so(format!("There is no such user, so that {name} runs nothing."))
                .echoes(format!("Invalid user/group for notify script {program} - ignoring"))
                .echoes(format!("Script user '{extra}' does not exist"))
        } else {
            continue;
        }
        .help(format_args!("write {name} \"{program} {rest}\""));
    }
}

fn outlives_timeout(cx: &Facts<'_>, out: &mut Findings) {
    for command in cx.commands().filter(|command| command.is_check()) {
        let Some(script) = cx.script(command.owner) else {
            continue;
        };
        let own = command.argv.windows(2).filter(|pair| pair.first().is_some_and(|word| word == "sleep"));
        let longest = own
            .filter_map(|pair| seconds(pair.get(1)?))
            .map(|time| (time, None))
            .chain(sleeps(cx, command.file()).into_iter().map(|(time, line)| (time, Some(line))))
            .max_by_key(|(time, _)| *time);
        let Some((time, line)) = longest.filter(|(time, _)| *time >= script.timeout) else { continue };
        let place = line.map_or_else(String::new, |line| format!(" in its line {line}"));
        out.say(
            cx.argument(&command, command.file()),
            format!(
                "the check sleeps {} s{place}, but is ended after {} s",
                shown(time),
                shown(script.timeout)
            ),
        )
        .so("It is killed in its sleep and counts as failed; what follows the sleep never happens.")
        .help(format_args!(
            "set timeout to more than {} in vrrp_script {}",
            shown(time),
            command.owner
        ));
    }
}

/// The sleeps of a shell script, with their lines.
fn sleeps(cx: &Facts<'_>, file: &str) -> Vec<(Micros, usize)> {
    let bytes = cx
        .around
        .filter(|_| file.starts_with('/'))
        .and_then(|around| around.beginning(&crate::host::path(file)));
    let text = bytes.map(|bytes| crate::text::decode(&bytes)).unwrap_or_default();
    let mut found = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let code = line.split(" #").next().unwrap_or(line).trim_start();
        if code.starts_with('#') {
            continue;
        }
        let words: Vec<&str> =
            code.split(|c: char| c.is_whitespace() || matches!(c, ';' | '&' | '|' | '(' | ')')).collect();
        let times = words.windows(2).filter(|pair| pair.first().is_some_and(|word| word.ends_with("sleep")));
        found.extend(times.filter_map(|pair| Some((seconds(pair.get(1)?)?, number))));
    }
    found
}

/// The argument of `sleep`.
fn seconds(word: &str) -> Option<Micros> {
    let (number, unit) = match word.strip_suffix(['s', 'm', 'h', 'd']) {
        None => (word, 1),
        Some(number) if word.ends_with('s') => (number, 1),
        Some(number) if word.ends_with('m') => (number, 60),
        Some(number) if word.ends_with('h') => (number, 3600),
        Some(number) => (number, 86_400),
    };
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    let digits = |text: &str| text.chars().all(|c| c.is_ascii_digit());
    if !digits(whole) || !digits(part) || part.len() > 6 || whole.is_empty() {
        return None;
    }
    let micros: u64 = format!("{part:0<6}").parse().ok()?;
    let whole: u64 = whole.parse().ok()?;
    Some(Micros(whole.checked_mul(1_000_000)?.checked_add(micros)?.checked_mul(unit)?))
}

/// Seconds with the decimals they need.
pub(super) fn shown(Micros(micros): Micros) -> String {
    let text = format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn timeout_over_interval(cx: &Facts<'_>, out: &mut Findings) {
    for block in cx.roots("vrrp_script") {
        let script = block.word(1).and_then(|name| cx.script(name));
        let timeout = block.block().iter().rfind(|inner| inner.row.name == "timeout");
        let (Some(script), Some(timeout)) = (script, timeout) else { continue };
        if script.timeout > script.interval {
            let (longer, interval) = (shown(script.timeout), shown(script.interval));
            out.say(
                cx.word(timeout, 1),
                format!("a run may take {longer} s, longer than the {interval} s to the next one"),
            )
            .so("Runs that become due meanwhile are skipped, and a check that hangs is noticed late.")
            .help(format_args!("make timeout at most {interval}, if that is long enough for the script"));
        }
    }
}

pub(super) fn not_tracked(cx: &Facts<'_>, out: &mut Findings) {
    let defined = definitions(cx);
    let tracked: BTreeSet<&str> = trackings(cx).map(|(_, name, _)| name).collect();
    for block in cx.roots("vrrp_script") {
        let Some(name) = block.word(1).filter(|name| !tracked.contains(name) && *name != "{") else {
            continue;
        };
        let near =
            crate::suggest::near(name, tracked.iter().copied().filter(|other| !defined.contains_key(other)));
        let told = out
            .say(cx.word(block, 1), format!("nobody tracks {name}, so that it is never run"))
            .echoes(format!("Warning - script {name} is not used"));
        match near {
            Some(near) => {
                told.help(format_args!("track_script names '{near}', which does not exist: spell both alike"))
            }
            None => told.help(format_args!("name {name} in the track_script block of a vrrp_instance")),
        };
    }
}

/// All lines of `track_script`: in which block, which name, where.
fn trackings<'s>(cx: &'s Facts<'_>) -> impl Iterator<Item = (&'s str, &'s str, (usize, Option<Span>))> {
    let blocks = cx.roots("vrrp_instance").chain(cx.roots("vrrp_sync_group"));
    blocks.flat_map(move |block| {
        let lists = block.block().iter().filter(|inner| inner.row.name == "track_script");
        lists.flat_map(|list| list.items()).filter_map(move |item| {
            let name = item.words.first()?.text;
            Some((block.word(1).unwrap_or(""), name, (item.at, cx.item(item, 0))))
        })
    })
}

/// The first definition of each check.
fn definitions<'s, 'a>(cx: &'s Facts<'a>) -> BTreeMap<&'s str, &'s Statement<'a>> {
    let mut found = BTreeMap::new();
    for block in cx.roots("vrrp_script") {
        if let Some(name) = block.word(1) {
            found.entry(name).or_insert(block);
        }
    }
    found
}

pub(super) fn tracked_not_defined(cx: &Facts<'_>, out: &mut Findings) {
    let defined = definitions(cx);
    for (owner, name, (at, place)) in trackings(cx) {
        let first = defined.get(name);
        if name == "{" || first.is_some_and(|block| block.at < at) {
            continue;
        }
        let told = match first.and_then(|block| cx.word(block, 1)) {
            Some(span) => out
                .say(
                    place,
                    format!("{name} is defined further down, in line {}, and is not known yet", span.line),
                )
                .help(format_args!("move vrrp_script {name} above this block")),
            None => {
                let told = out.say(place, format!("there is no vrrp_script {name}"));
                match crate::suggest::near(name, defined.keys().copied()) {
                    // Whoever shows it suggests that.
                    Some(_) => told,
                    None => told.help(format_args!("define vrrp_script {name} above this block")),
                }
            }
        };
        told.so(format!("{owner} runs without this check, and keeps its addresses whatever it would find."))
            .echoes(format!("({owner}) track script {name} not found, ignoring..."));
    }
}

fn stops_keepalived(cx: &Facts<'_>, out: &mut Findings) {
    for command in cx.commands().filter(|command| command.is_check()) {
        let line = command.argv.join(" ");
        let own = ends_keepalived(&line).then_some(1);
        let path = crate::host::path(command.file());
        let text = cx.around.filter(|_| own.is_none()).and_then(|around| around.beginning(&path));
        let text = text.map(|bytes| crate::text::decode(&bytes)).unwrap_or_default();
        let stops = |line: &str| !line.trim_start().starts_with('#') && ends_keepalived(line);
        let found = own.or_else(|| text.lines().position(stops).map(|at| at + 1));
        let Some(number) = found else { continue };
        let place = if own.is_some() { String::new() } else { format!(" in its line {number}") };
        out.say(cx.argument(&command, command.file()), format!("the check stops keepalived{place}"))
            .so("Nothing starts it again when the service is back, so that the next failure finds no second router.")
            .help("let the check exit with a status other than 0 instead, and give it no weight");
    }
}

/// Whether a line of a script sends keepalived away. `killall -0` only looks.
fn ends_keepalived(line: &str) -> bool {
    let words: Vec<&str> =
        line.split(|c: char| c.is_whitespace() || matches!(c, ';' | '`' | '(' | ')')).collect();
    let after = |at: usize| words.get(at + 1..).unwrap_or_default();
    let named = |words: &[&str]| {
        words.iter().take(3).any(|word| matches!(*word, "keepalived" | "keepalived.service"))
    };
    words.iter().enumerate().any(|(at, word)| match word.rsplit('/').next() {
        Some("systemctl") => after(at).first() == Some(&"stop") && named(after(at)),
        Some("service") => after(at).first() == Some(&"keepalived") && after(at).get(1) == Some(&"stop"),
        Some("killall" | "pkill") => !after(at).contains(&"-0") && named(after(at)),
        Some("keepalived") => after(at).first() == Some(&"stop"),
        _ => false,
    })
}

fn shell_only_path(cx: &Facts<'_>, out: &mut Findings) {
    for command in cx.commands() {
        let first = command.first();
        let path = first
            .strip_prefix('<')
            .map(|rest| if rest.is_empty() { command.argv.get(1).map_or("", String::as_str) } else { rest });
        let Some(path) = path.filter(|path| path.starts_with("/dev/tcp/") || path.starts_with("/dev/udp/"))
        else {
            continue;
        };
        out.say(
            cx.argument(&command, path),
            format!("there is no file {path}: only bash makes a connection of it"),
        )
        .so("The check always fails.")
        .help(format_args!("write \"/bin/bash -c '<{path}'\""));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_argument_of_a_sleep_is_read_with_its_unit() {
        let table = [
            ("3", Some(3_000_000)),
            ("0.5", Some(500_000)),
            ("2m", Some(120_000_000)),
            ("1s", Some(1_000_000)),
        ];
        for (word, expected) in table {
            assert_eq!(seconds(word), expected.map(Micros), "{word}");
        }
        assert!(["", "x", "$N", "-1", "1.2.3"].iter().all(|word| seconds(word).is_none()));
        assert_eq!(shown(Micros(1_500_000)), "1.5");
        assert_eq!(shown(Micros(3_000_000)), "3");
    }

    #[test]
    fn a_line_that_only_looks_at_keepalived_does_not_stop_it() {
        for line in [
            "systemctl stop keepalived",
            "/etc/init.d/keepalived stop",
            "killall keepalived",
            "x; pkill -9 keepalived",
        ] {
            assert!(ends_keepalived(line), "{line}");
        }
        for line in
            ["killall -0 keepalived", "systemctl restart nginx", "systemctl stop nginx", "pgrep keepalived"]
        {
            assert!(!ends_keepalived(line), "{line}");
        }
    }
}
