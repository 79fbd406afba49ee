//! `keepalived check --print`: what was understood.

use keepalived_conf::render::screen;
use keepalived_conf::{Recorder, Severity, lower, print, text};

use super::options::CheckOptions;
use super::place::{self, Seen};
use super::{Checked, checked, paint, worst};

/// The files as they were understood. What was wrong with them is counted beside.
pub(super) fn answer(options: &CheckOptions) -> (Vec<u8>, u8) {
    let checked = checked(options);
    let texts = checked.iter().map(|one| {
        if one.report.worst().is_some_and(|worst| worst > Severity::Note) {
            one.unseen.iter().for_each(|why| eprintln!("{}: {why}", one.name));
            eprint!("{}", screen::summary(&one.report, &one.name, paint(options.color)));
        }
        one_file(one, options)
    });
    let texts: Vec<String> = texts.collect();
    (text::encode(&texts.join("\n")), worst(&checked))
}

fn one_file(checked: &Checked, options: &CheckOptions) -> String {
    let Seen { found: printed, .. } = place::there(&checked.sourced, options, |host| {
        let recorder = Recorder::new(host);
        let lowered = lower(&checked.sourced.lines, &recorder);
        print::print(&lowered.config, &recorder.into_answers())
    });
    let text = if options.origins { printed.traced(&checked.sourced) } else { printed.text() };
    // Several files are several configurations.
    if options.files.len() > 1 { format!("# {}\n{text}", checked.name) } else { text }
}
