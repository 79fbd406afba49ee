//! Scripts as they lie on this machine.

use std::path::{self, Path, PathBuf};

use super::command::Command;
use super::{Component, ComponentKind, Facts, Findings, Judge, Rule, Surroundings, Weakness};

use crate::codes::{Code, Severity};

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: Code {
            number: 1201,
            name: "script-insecure",
            severity: Severity::Lint,
            title: "a script that others can change and root runs",
            says: &[],
            why: "Whoever may write the file, or a directory above it, decides what root runs. With \
              `enable_script_security` keepalived does not run such a script, and its check is lost; without it the \
              script is run all the same.",
            does: "",
            fix: "Give the file and the directories above it to root and take the right to write from others, or \
              run the script as another user.",
            example: "",
        },
        judge: Judge::One(script_insecure),
    },
    Rule {
        code: Code {
            number: 1202,
            name: "script-through-link",
            severity: Severity::Lint,
            title: "a script below a linked directory",
            says: &[],
            why: "The original in version 2.4 refuses a script whose path leads through a symbolic link to a \
              directory, such as /bin on many distributions, and runs without the check. We follow the link and \
              judge where it leads.",
            does: "",
            fix: "Write the path without links, for the day the file is used with the original.",
            example: "",
        },
        judge: Judge::One(script_through_link),
    },
    Rule {
        code: Code {
            number: 1203,
            name: "program-of-many-names",
            severity: Severity::Lint,
            title: "a link to a program that looks at its own name",
            says: &[],
            why: "The original in version 2.2 replaces a link by the file it leads to and calls it by that name. \
              `pidof` then runs as `killall5`, which fails always. We keep the name that was written.",
            does: "",
            fix: "Use a program that is a file of its own, for example `pgrep -x NAME`.",
            example: "",
        },
        judge: Judge::One(program_of_many_names),
    },
    Rule {
        code: Code {
            number: 1204,
            name: "interpreter-line-ends",
            severity: Severity::Lint,
            title: "a script with the line ends of Windows",
            says: &[],
            why: "The first line names the interpreter, with a carriage return at its end: there is no such program. A \
              check that cannot be started counts as success, so that it never fails.",
            does: "",
            fix: "Convert the file: sed -i 's/\\r$//' FILE.",
            example: "",
        },
        judge: Judge::One(interpreter_line_ends),
    },
    Rule {
        code: Code {
            number: 1205,
            name: "interpreter-missing",
            severity: Severity::Lint,
            title: "a script whose interpreter is not there",
            says: &[],
            why: "The program that the first line names does not exist. A check that cannot be started counts as \
              success, so that it never fails.",
            does: "",
            fix: "Install the interpreter or correct the first line.",
            example: "",
        },
        judge: Judge::One(interpreter_missing),
    },
    Rule {
        code: Code {
            number: 1206,
            name: "relative-script",
            severity: Severity::Lint,
            title: "a script with a relative path",
            says: &[],
            why: "A relative path counts from the directory the daemon happens to run in, which is not the one of the \
              configuration.",
            does: "",
            fix: "Write the path from the root on.",
            example: "",
        },
        judge: Judge::One(relative_script),
    },
];

/// Commands whose files can be looked at: absolute, and on this machine.
fn files<'s>(cx: &'s Facts<'_>) -> impl Iterator<Item = (Command<'s, 's>, PathBuf, &'s dyn Surroundings)> {
    cx.commands().filter_map(move |command| {
        let around = cx.around?;
        let path = command.path(cx).filter(|path| path.is_absolute())?;
        Some((command, path, around))
    })
}

/// What becomes of it where its file cannot be run.
fn loss(command: &Command<'_, '_>) -> &'static str {
    if command.is_check() {
        "Every instance that tracks it runs without this check."
    } else {
        "Nothing is run on this occasion."
    }
}

pub(super) fn missing_file(cx: &Facts<'_>, out: &mut Findings) {
    for command in cx.commands() {
        let Some(around) = cx.around else { return };
        let (owner, first) = (command.owner, command.first());
        if first.starts_with('<') || matches!(first, "[[" | "if") {
            continue;
        }
        let told = match command.path(cx) {
            None => out
                .say(cx.argument(&command, first), format!("there is no program {first} in PATH"))
                .echoes(format!("Cannot find script {first} in path - disabling")),
            Some(path) if path.is_absolute() && command.facts(cx, &path).resolved.is_none() => {
                let steps = around.components(&path);
                let missing = missing(&path, &steps);
                let dangling = steps.last().is_some_and(|step| matches!(step.kind, ComponentKind::Link(_)));
                let text = match steps.last().filter(|_| dangling) {
                    Some(link) => format!("{} is a link to a file that is not there", link.path.display()),
                    None if missing == path => format!("there is no file {}", path.display()),
                    None => format!("there is no directory {}", missing.display()),
                };
                out.say(cx.argument(&command, first), text)
                    .echoes(format!("Script {first} cannot be accessed - No such file or directory"))
            }
            Some(_) => continue,
        };
        told.so(loss(&command))
            .echoes(format!("Disabling track script {owner} since not found/accessible"))
            .help("put it there, or correct the path");
    }
}

/// The first step of a path that is not there.
fn missing(path: &Path, steps: &[Component]) -> PathBuf {
    let mut parts: Vec<&Path> = path.ancestors().collect();
    parts.reverse();
    parts.get(steps.len()).map_or(path, |part| part).to_owned()
}

pub(super) fn not_executable(cx: &Facts<'_>, out: &mut Findings) {
    for (command, path, around) in files(cx) {
        let facts = command.facts(cx, &path);
        let Some(resolved) = facts.resolved.filter(|_| !facts.executable) else { continue };
        let (first, user) = (command.first(), command.user(cx));
        let step = around.components(&resolved).pop();
        let mode = step.as_ref().map_or(0, |step| step.mode);
        let text = match step.map(|step| step.kind) {
            Some(ComponentKind::File) => format!("user {} may not execute it (mode {mode:04o})", user.uid),
            _ => "it is not a file".into(),
        };
        let (uid, gid) = (user.uid, user.gid);
        out.say(cx.argument(&command, first), text)
            .so(loss(&command))
            .echoes(format!(
                "WARNING - script '{first}' is not executable for uid:gid {uid}:{gid} - disabling."
            ))
            .help(format_args!("chmod +x {}", resolved.display()));
    }
}

fn script_insecure(cx: &Facts<'_>, out: &mut Findings) {
    for (command, path, _) in files(cx) {
        let facts = command.facts(cx, &path);
        let Some(weak) = facts.weak else { continue };
        let at = weak.path.display();
        let help = match weak.weakness {
            Weakness::Owner => format!("chown root {at}, or run the script as that user"),
            Weakness::Group => format!("chmod g-w {at}"),
            Weakness::Everybody => format!("chmod o-w {at}"),
            Weakness::Hidden => continue,
        };
        let text = format!("root runs it, but {weak}");
        let (owner, first) = (command.owner, command.first());
        let consequence = if cx.config.global.scripts.security {
            loss(&command)
        } else {
            "It is run all the same: enable_script_security is off."
        };
        out.say(cx.argument(&command, first), text)
            .so(consequence)
            .echoes(format!("Disabling track script {owner} due to insecure"))
            .echoes(format!("Unsafe permissions found for script '{first}' - disabling."))
            .echoes(format!("Script '{first}' would run as root, but {weak}"))
            .help(help);
    }
}

fn script_through_link(cx: &Facts<'_>, out: &mut Findings) {
    for (command, path, around) in files(cx) {
        let mut steps = around.components(&path);
        steps.pop();
        let link = steps.into_iter().find_map(|step| match step.kind {
            ComponentKind::Link(to) => Some((step.path, to)),
            _ => None,
        });
        let Some((link, to)) = link.filter(|_| command.facts(cx, &path).resolved.is_some()) else { continue };
        let first = command.first();
        let found =
            if first.contains('/') { String::new() } else { format!(", found as {},", path.display()) };
        out.say(
            cx.argument(&command, first),
            format!("the path{found} leads through {}, a link to {}", link.display(), to.display()),
        )
        .so("We follow it; keepalived 2.4 does not, and runs without the script.")
        .help(format_args!("write {}", through(&path, &link, &to).display()));
    }
}

/// The path with a link in it replaced by what the link says.
fn through(path: &Path, link: &Path, to: &Path) -> PathBuf {
    let mut found = link.parent().unwrap_or(link).to_owned();
    let rest = path.strip_prefix(link).unwrap_or(path);
    for part in to.components().chain(rest.components()) {
        match part {
            path::Component::ParentDir => drop(found.pop()),
            part => found.push(part),
        }
    }
    found
}

/// Files that are many programs.
const MANY_NAMES: &[&str] = &["killall5", "busybox", "toybox", "coreutils"];

fn program_of_many_names(cx: &Facts<'_>, out: &mut Findings) {
    for (command, path, _) in files(cx) {
        let Some(resolved) = command.facts(cx, &path).resolved else { continue };
        let file = resolved.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let program = command.program();
        if program == file || !MANY_NAMES.contains(&file.as_str()) {
            continue;
        }
        let told = out
            .say(cx.argument(&command, command.first()), format!("{program} is {file} under another name"))
            .so(format!("It works here; keepalived 2.2 runs it as {file}, which does something else."));
        match command.argv.get(1).filter(|_| program == "pidof") {
            Some(name) => told.help(format_args!("write pgrep -x {name}")),
            None => told.help("use a program that is a file of its own"),
        };
    }
}

/// The scripts of all commands with their texts.
fn texts<'s>(cx: &'s Facts<'_>) -> impl Iterator<Item = (Command<'s, 's>, Vec<u8>)> {
    files(cx).filter_map(|(command, path, around)| {
        let bytes = around.beginning(&path)?;
        // A program is no text.
        (!bytes.starts_with(b"\x7fELF") && !bytes.contains(&0)).then_some((command, bytes))
    })
}

/// What the first line names after `#!`.
fn interpreter(bytes: &[u8]) -> Option<&[u8]> {
    bytes.strip_prefix(b"#!")?.split(|byte| *byte == b'\n').next()
}

fn interpreter_line_ends(cx: &Facts<'_>, out: &mut Findings) {
    for (command, bytes) in texts(cx) {
        if interpreter(&bytes).is_some_and(|line| line.ends_with(b"\r")) {
            let first = command.first();
            out.say(cx.argument(&command, first), "its first line ends with a carriage return (Windows)")
                .so("It cannot be started, and keepalived takes that for success.")
                .help(format_args!("sed -i 's/\\r$//' {first}"));
        }
    }
}

fn interpreter_missing(cx: &Facts<'_>, out: &mut Findings) {
    for (command, bytes) in texts(cx) {
        let Some(line) = interpreter(&bytes).filter(|line| !line.ends_with(b"\r")) else { continue };
        let line = crate::text::decode(line);
        let mut words = line.split_whitespace();
        let Some(name) = words.next() else { continue };
        let path = crate::host::path(name);
        let there = |path: &Path| cx.host.script(path, &command.user(cx)).resolved.is_some();
        let program = words.find(|word| !word.starts_with('-') && !word.contains('='));
        let text = match program.filter(|_| name.ends_with("/env")) {
            _ if !there(&path) => format!("its first line asks for {name}, which is not there"),
            Some(program) if cx.host.search_path(program).is_none() => {
                format!("its first line asks for {program}, which is not in PATH")
            }
            _ => continue,
        };
        out.say(cx.argument(&command, command.first()), text)
            .so("It cannot be started, and keepalived takes that for success.")
            .help("install the interpreter, or correct the first line");
    }
}

pub(super) fn no_interpreter_line(cx: &Facts<'_>, out: &mut Findings) {
    for (command, bytes) in texts(cx) {
        if bytes.is_empty() || interpreter(&bytes).is_some() {
            continue;
        }
        let first = command.first();
        let text = if bytes.starts_with(crate::source::BYTE_ORDER_MARK) {
            "it starts with a byte order mark, not with '#!'"
        } else {
            "its first line does not start with '#!'"
        };
        out.say(cx.argument(&command, first), text)
            .so("We give it to /bin/sh; keepalived 2.2 cannot start it, and takes that for success.")
            .echoes(format!("Please add a #! shebang to script {first}"))
            .help("put #!/bin/sh on the first line");
    }
}

fn relative_script(cx: &Facts<'_>, out: &mut Findings) {
    for command in cx.commands() {
        let first = command.first();
        if !first.contains('/') || first.starts_with(['/', '<', '$']) {
            continue;
        }
        let owner = command.owner;
        if let Some(quote) = first.chars().next().filter(|c| matches!(c, '"' | '\'')) {
            out.say(
                cx.word(command.statement, 1),
                format!("the backslash makes the {quote} a part of the path"),
            )
            .so(loss(&command))
            .echoes(format!("Disabling track script {} since not found/accessible", command.owner))
            .echoes(format!("Script {first} cannot be accessed - No such file or directory"))
            .help("write the quotes without backslashes");
            continue;
        }
        out.say(
            cx.argument(&command, first),
            format!("'{first}' counts from the directory the daemon runs in"),
        )
        .so(loss(&command))
        .echoes(format!("Disabling track script {owner} since not found/accessible"))
        .echoes(format!("Script {first} cannot be accessed - No such file or directory"))
        .help(format_args!("write the path from the root on, such as /{}", first.trim_start_matches("./")));
    }
}
