//! Tracked processes that nothing can match.

use keepalived_model::track::{Process, ProcessPattern};

use super::{Facts, Findings, Judge, Rule};
use crate::codes::{Code, Severity};

pub(super) const RULES: &[Rule] = &[Rule {
    code: Code {
        number: 1305,
        name: "process-never-matches",
        severity: Severity::Lint,
        title: "a process that nothing can match",
        says: &[],
        why: "Without parameters and `full_command` the word is compared with the kernel's name of a process, which is \
              the name of its program without the path, cut to 15 bytes. A path, or a longer name, is nobody's name: \
              the count stays at zero, and the check counts as failed for ever.",
        does: "",
        fix: "Write the name as `ps -e -o comm` shows it, or compare the command line with `full_command`.",
        example: "vrrp_track_process web {\n    process nginx\n}",
    },
    judge: Judge::One(never_matches),
}];

/// The kernel keeps so much of the name of a process.
const NAME_BYTES: usize = 15;

fn never_matches(cx: &Facts<'_>, out: &mut Findings) {
    for block in cx.roots("vrrp_track_process") {
        let named = |process: &&Process| block.word(1) == Some(process.name.as_str());
        let Some(process) = cx.config.vrrp.processes.iter().find(named) else { continue };
        let statement = block.block().iter().find(|inner| inner.row.name == "process");
        let ProcessPattern { path, full_command: false, .. } = &process.command else { continue };
        let Some(statement) = statement else { continue };
        let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
        let kept = String::from_utf8_lossy(name.get(..NAME_BYTES).unwrap_or(name)).into_owned();
        let what = if path.contains(&b'/') {
            "a path is nobody's name"
        } else if path.len() > NAME_BYTES {
            "names of processes have no more than 15 bytes"
        } else {
            continue;
        };
        out.say(cx.word(statement, 1), format!("{what}, so that no process is counted"))
            .help(format_args!("write process {kept}, or add full_command to compare the command line"));
    }
}
