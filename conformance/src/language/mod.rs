//! `keepalived -t` of both programs over many files: what is asked, what is answered, what differs.

pub mod cases;
pub mod corpus;
pub mod known;
pub mod oracle;

use std::collections::BTreeSet;

/// One configuration to be judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// Where it is listed and what is special about it.
    pub title: String,
    /// The whole file.
    pub text: Vec<u8>,
}

/// What `-t` says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// The exit status; [`Verdict::NONE`] when a signal ended it, or nothing did.
    pub status: i32,
    /// Its lines, each once: every process of the original repeats what it finds. The file is called `F`.
    pub lines: Vec<String>,
}

impl Verdict {
    /// The program crashed, ended itself, or hung.
    pub const NONE: i32 = -1;

    /// A verdict whose lines are freed of repetitions and of the name of the file.
    pub fn new<'a>(status: i32, file: &str, lines: impl IntoIterator<Item = &'a str>) -> Self {
        let mut seen = BTreeSet::new();
        let named = format!("({file}: Line");
        let lines = lines.into_iter().map(|line| line.trim_end().replace(&named, "(F: Line"));
        // What timeout(1) and the shell make of a program that did not end by itself.
        let status = if status == 124 || status > 128 { Self::NONE } else { status };
        // The shell's words about it.
        let dead = |line: &String| ["Segmentation fault", "Terminated"].contains(&line.as_str());
        let said = lines.filter(|line| !line.is_empty() && !dead(line) && seen.insert(line.clone()));
        Self { status, lines: said.collect() }
    }
}

/// How two verdicts differ, as lines for people and for the list of known differences: `- ` what only theirs
/// says, `+ ` what only ours says, `status THEIRS OURS`.
///
/// The original's first process leaves the name of the file out and the others repeat what it found, so that a
/// line with and without the name is the same here.
pub fn differences(theirs: &Verdict, ours: &Verdict) -> Vec<String> {
    let plain = |verdict: &Verdict| -> BTreeSet<String> {
        verdict.lines.iter().map(|line| line.replacen("(F: Line", "(Line", 1)).collect()
    };
    let (left, right) = (plain(theirs), plain(ours));
    let mut found: Vec<String> = left.difference(&right).map(|line| format!("- {line}")).collect();
    found.extend(right.difference(&left).map(|line| format!("+ {line}")));
    if theirs.status != ours.status {
        found.push(format!("status {} {}", theirs.status, ours.status));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_every_process_repeats_counts_once_with_or_without_the_file() {
        let theirs = Verdict::new(5, "/c", ["(Line 1) x", "(/c: Line 1) x", "(/c: Line 1) x", "y"]);
        let ours = Verdict::new(5, "/c", ["(Line 1) x", "y"]);
        assert_eq!(theirs.lines, ["(Line 1) x", "(F: Line 1) x", "y"]);
        assert_eq!(differences(&theirs, &ours), Vec::<String>::new());
    }

    #[test]
    fn what_one_side_says_alone_is_marked_with_the_side() {
        let theirs = Verdict::new(0, "/c", ["a"]);
        let ours = Verdict::new(5, "/c", ["b"]);
        assert_eq!(differences(&theirs, &ours), ["- a", "+ b", "status 0 5"]);
    }
}
