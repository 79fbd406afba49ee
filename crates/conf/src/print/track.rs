//! What is tracked, and the lines that name it.

use keepalived_model::Config as Whole;
use keepalived_model::notify::Command;
use keepalived_model::priority::Weight;
use keepalived_model::track::{Arguments, File, Process, Script, Tracked, Trackers};
use keepalived_model::vrrp::Config;

use super::block::Block;
use super::runner::Runner;
use super::words::{bytes, quoted, seconds, weight};
use crate::schema::{SCRIPT, TRACK_FILE, TRACK_PROCESS};

/// The blocks of all trackers.
pub(super) fn print(root: &mut Block, vrrp: &Config, runner: &Runner<'_>) {
    for script in &vrrp.scripts {
        root.block("vrrp_script", [quoted(&script.name)], script_block(script, runner));
    }
    for process in &vrrp.processes {
        root.block("vrrp_track_process", [quoted(&process.name)], process_block(process));
    }
    for file in &vrrp.files {
        root.block("track_file", [quoted(&file.name)], file_block(file));
    }
}

fn script_block(script: &Script, runner: &Runner<'_>) -> Block {
    let Script { name: _, command, interval, timeout, weight: own, rise, fall, init_fail } = script;
    let mut out = Block::of(&SCRIPT);
    out.line("script", [runner.line(command)]);
    out.value("interval", seconds(*interval), "1".to_owned());
    out.value("timeout", seconds(*timeout), seconds(*interval));
    own_weight(&mut out, *own, Weight::default());
    out.value("rise", *rise, 1);
    out.value("fall", *fall, 1);
    user(&mut out, command, runner);
    out.flag("init_fail", *init_fail);
    out
}

/// Whoever runs a command, in a line of its own.
pub(super) fn user(out: &mut Block, command: &Command, runner: &Runner<'_>) {
    let user = runner.unusual(&command.user);
    if !user.is_empty() {
        out.line("user", user);
    }
}

/// The weight in a tracker's own block.
pub(super) fn own_weight(out: &mut Block, own: Weight, usual: Weight) {
    if own != usual {
        out.line("weight", weight(own));
    }
}

fn process_block(process: &Process) -> Block {
    let mut out = Block::of(&TRACK_PROCESS);
    let pattern = &process.command;
    let (arguments, compared) = match &pattern.arguments {
        Arguments::Any => (&[].as_slice(), None),
        Arguments::Exact(words) => (&words.as_slice(), words.is_empty().then(Vec::new)),
        Arguments::Initial(words) => (&words.as_slice(), Some(vec!["initial".to_owned()])),
        Arguments::Partial(words) => (&words.as_slice(), Some(vec!["partial".to_owned()])),
    };
    out.line("process", std::iter::once(&pattern.path).chain(arguments.iter()).map(|word| bytes(word)));
    if let Some(how) = compared {
        out.line("param_match", how);
    }
    own_weight(&mut out, process.weight, Weight::default());
    // None has to run where none may.
    let none = process.quorum_max == Some(0);
    out.value("quorum", process.quorum, u32::from(!none));
    out.maybe("quorum_max", process.quorum_max);
    let (terminate, fork) = (process.terminate_delay, process.fork_delay);
    let nothing = "0".to_owned();
    if terminate == fork {
        out.value("delay", seconds(fork), nothing);
    } else {
        out.value("terminate_delay", seconds(terminate), nothing.clone());
        out.value("fork_delay", seconds(fork), nothing);
    }
    out.flag("full_command", pattern.full_command && pattern.arguments == Arguments::Any);
    out
}

fn file_block(file: &File) -> Block {
    let mut out = Block::of(&TRACK_FILE);
    out.line("file", [bytes(&file.path)]);
    own_weight(&mut out, file.weight, Weight { amount: 1, reverse: false });
    if let Some(init) = file.init {
        let value = (init.value != 0).then(|| init.value.to_string());
        out.line("init_file", value.into_iter().chain(init.overwrite.then(|| "overwrite".to_owned())));
    }
    out
}

/// The blocks of an instance or a group.
pub(super) fn blocks(out: &mut Block, track: &Trackers, config: &Whole) {
    let vrrp = &config.vrrp;
    let script = |name: &str| vrrp.scripts.iter().find(|one| one.name == name).map(|one| one.weight);
    let file = |name: &str| vrrp.files.iter().find(|one| one.name == name).map(|one| one.weight);
    let process = |name: &str| vrrp.processes.iter().find(|one| one.name == name).map(|one| one.weight);
    let bfd = |name: &str| config.bfd.sessions.iter().find(|one| one.name == name).map(|one| one.weight);
    out.items("track_interface", lines(&track.interfaces, |_| None));
    out.items("track_script", lines(&track.scripts, script));
    out.items("track_file", lines(&track.files, file));
    out.items("track_process", lines(&track.processes, process));
    out.items("track_bfd", lines(&track.bfds, bfd));
}

/// Whether any of those has a weight that a sync group takes away.
pub(super) fn is_weighted(track: &Trackers) -> bool {
    let lists = [&track.interfaces, &track.scripts, &track.files, &track.bfds];
    lists.into_iter().flatten().any(|tracked| tracked.weight.amount != 0)
}

fn lines(list: &[Tracked], own: impl Fn(&str) -> Option<Weight>) -> Vec<Vec<String>> {
    list.iter().map(|tracked| line(tracked, own(&tracked.name).unwrap_or_default())).collect()
}

fn line(tracked: &Tracked, usual: Weight) -> Vec<String> {
    let mut words = vec![quoted(&tracked.name)];
    if tracked.weight != usual {
        words.push("weight".to_owned());
        words.extend(weight(tracked.weight));
        if usual.reverse && !tracked.weight.reverse {
            words.push("noreverse".to_owned());
        }
    }
    words
}
