//! Tracked files and processes in `keepalived.data`, and processes in `keepalived.json`.

use std::fmt::{Arguments, Write};

use keepalived_core::view::{FileView, ProcessView, View};
use keepalived_model::Micros;
use keepalived_model::track::{self, TrackerKind};
use serde::Serialize;
use serde_json::value::RawValue;

use super::users::Users;
use super::words;

/// Both sections, as far as there is something in them.
pub fn text(all: &View<'_>, users: &Users<'_>) -> String {
    let mut text = String::new();
    // Files that nobody tracks are none of the original's business, processes are.
    let files: Vec<String> = all.files.iter().filter_map(|view| file(view, users)).collect();
    if !files.is_empty() {
        text += "------< VRRP Track files >------\n";
        text.extend(files);
    }
    if !all.processes.is_empty() {
        text += "------< VRRP Track processes >------\n";
        text.extend(all.processes.iter().map(|view| process(view, users)));
    }
    text
}

fn file(view: &FileView<'_>, users: &Users<'_>) -> Option<String> {
    let file = view.config;
    let (path, number) = (String::from_utf8_lossy(&file.path), view.number.unwrap_or(0));
    let weight = words::weight(file.weight);
    let weight = weight.trim_start_matches("weight ");
    let head = format!(
        " Track file = {}\n   File = {path}\n   Status = {number}\n   Weight = {weight}\n",
        file.name
    );
    Some(head + &tracking(users, TrackerKind::File, &file.name)?)
}

fn process(view: &ProcessView<'_>, users: &Users<'_>) -> String {
    let process = view.config;
    let mut text = String::new();
    let mut line = |words: Arguments<'_>| {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{words}");
    };
    line(format_args!(" VRRP Track process = {}", process.name));
    line(format_args!("   Process = {}", String::from_utf8_lossy(&process.command.path)));
    if let Some(parameters) = parameters(process) {
        line(format_args!("   Parameters = {parameters}"));
    }
    if let Some(compared) = compared(process) {
        line(format_args!("   Param match = {compared}"));
    }
    line(format_args!("   Min processes = {}", process.quorum));
    if let Some(most) = process.quorum_max {
        line(format_args!("   Max processes = {most}"));
    }
    line(format_args!("   Current processes = {}", view.count.unwrap_or(0)));
    line(format_args!("   Have quorum = {}", words::yes(view.up == Some(true))));
    line(format_args!("   Weight = {}", words::weight(process.weight).trim_start_matches("weight ")));
    line(format_args!("   Terminate delay = {}s", process.terminate_delay));
    line(format_args!("   Fork delay = {}s", process.fork_delay));
    for (name, runs) in [("Fork", view.fork_delayed), ("Terminate", view.terminate_delayed)] {
        line(format_args!("   {name} delay timer {}running", if runs { "" } else { "not " }));
    }
    line(format_args!("   Full command = {}", words::yes(process.command.full_command)));
    text + &tracking(users, TrackerKind::Process, &process.name).unwrap_or_default()
}

/// Who tracks it, if there is anybody.
fn tracking(users: &Users<'_>, kind: TrackerKind, tracker: &str) -> Option<String> {
    let lines =
        users.of(kind, tracker).map(|(name, weight)| format!("     {name}, {}\n", words::weight(weight)));
    let lines: String = lines.collect();
    (!lines.is_empty()).then(|| "   Tracking instances :\n".to_owned() + &lines)
}

fn parameters(process: &track::Process) -> Option<String> {
    let words = match &process.command.arguments {
        track::Arguments::Any => return None,
        track::Arguments::Exact(words)
        | track::Arguments::Initial(words)
        | track::Arguments::Partial(words) => words,
    };
    let words: Vec<_> = words.iter().map(|word| String::from_utf8_lossy(word)).collect();
    (!words.is_empty()).then(|| words.join(" "))
}

fn compared(process: &track::Process) -> Option<&'static str> {
    match process.command.arguments {
        track::Arguments::Any => None,
        track::Arguments::Exact(_) => Some("exact"),
        track::Arguments::Initial(_) => Some("initial"),
        track::Arguments::Partial(_) => Some("partial"),
    }
}

/// A process in the second layout of `keepalived.json`.
#[derive(Serialize)]
pub struct Object<'a> {
    process: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters: Option<String>,
    param_match: &'static str,
    min_processes: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_processes: Option<u32>,
    current_processes: u32,
    have_quorum: bool,
    weight: i16,
    terminate_delay: Box<RawValue>,
    fork_delay: Box<RawValue>,
    fork_delay_timer_running: bool,
    terminate_delay_timer_running: bool,
    full_command: bool,
}

impl<'a> Object<'a> {
    /// `number` writes a time in seconds.
    pub fn new(view: &ProcessView<'a>, number: impl Fn(Micros) -> Box<RawValue>) -> Self {
        let process = view.config;
        Self {
            process: &process.name,
            parameters: parameters(process),
            param_match: compared(process).unwrap_or("none"),
            min_processes: process.quorum,
            max_processes: process.quorum_max,
            current_processes: view.count.unwrap_or(0),
            have_quorum: view.up == Some(true),
            weight: process.weight.amount,
            terminate_delay: number(process.terminate_delay),
            fork_delay: number(process.fork_delay),
            fork_delay_timer_running: view.fork_delayed,
            terminate_delay_timer_running: view.terminate_delayed,
            full_command: process.command.full_command,
        }
    }
}
