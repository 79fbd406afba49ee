//! What happened in a scenario, kept for the case that it fails.

use std::cell::RefCell;
use std::fmt::Write;
use std::time::Instant;

/// More lines than this are not kept: a flood would fill the disk.
const LINES_MAX: usize = 20_000;

thread_local! {
    static LINES: RefCell<Vec<(Instant, String)>> = const { RefCell::new(Vec::new()) };
}

/// Writes down that something happened then.
pub fn note(at: Instant, text: &str) {
    LINES.with_borrow_mut(|lines| {
        if lines.len() < LINES_MAX {
            lines.push((at, text.to_owned()));
        }
    });
}

/// Writes down the step that begins now.
pub fn step(text: &str) {
    note(Instant::now(), &format!("------ {text}"));
}

/// What this thread wrote, for the diary of another one.
pub fn leave() -> Vec<(Instant, String)> {
    LINES.take()
}

/// Adds what another thread wrote.
pub fn join(lines: Vec<(Instant, String)>) {
    LINES.with_borrow_mut(|own| own.extend(lines));
}

/// Everything in the order of time, in seconds since `begin`; the diary is empty afterwards.
pub fn take(begin: Instant) -> String {
    let mut lines = LINES.take();
    lines.sort_by_key(|(at, _)| *at);
    let mut text = String::new();
    for (at, line) in lines {
        let seconds = at.saturating_duration_since(begin).as_secs_f64();
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{seconds:9.4} {line}");
    }
    text
}
