//! The house rules that neither compiler nor clippy know (docs/ARCHITECTURE.md, "House rules").

use std::fs;
use std::path::{Path, PathBuf};

use crate::tally::{Counts, Outcome};

/// Lines of a source file without its tests: what one reads in a sitting.
const FILE_LINES_MAX: usize = 600;
/// Lines of code in a function, comments and blank lines not counted: what fits on a screen.
const FUNCTION_LINES_MAX: usize = 70;
/// Comment lines that open an example configuration and tell its story.
const STORY_LINES_MIN: usize = 3;

/// Where text of ours lies.
const PLACES: &[&str] = &["crates", "conformance", "examples", "packaging", "docs", ".ci", ".cargo"];
/// What no text of ours is in: built or found things.
const NOT_OURS: &[&str] = &["target", "corpus", "artifacts", "golden", ".git"];

/// Checks every file of ours.
pub fn check(root: &Path) -> Outcome {
    let mut complaints = Vec::new();
    let files = files_of(root);
    for path in &files {
        let Ok(text) = fs::read_to_string(path) else { continue };
        let name = path.strip_prefix(root).unwrap_or(path).to_string_lossy().into_owned();
        complaints.extend(complaints_about(&name, &text));
    }
    for complaint in &complaints {
        println!("{complaint}");
    }
    match complaints.len() {
        0 => Outcome::Passed(Counts::one(true)),
        n => Outcome::Failed(Counts::default(), format!("{n} house rules broken in {} files", files.len())),
    }
}

fn files_of(root: &Path) -> Vec<PathBuf> {
    let mut open: Vec<PathBuf> = PLACES.iter().map(|place| root.join(place)).collect();
    let at_top = |path: &PathBuf| path.is_file() && !path.ends_with(".git");
    let mut files: Vec<PathBuf> = entries(root).into_iter().filter(at_top).collect();
    while let Some(directory) = open.pop() {
        for path in entries(&directory) {
            let skipped = path.file_name().is_some_and(|name| NOT_OURS.iter().any(|not| name == *not));
            match (path.is_dir(), skipped) {
                (_, true) => {}
                (true, false) => open.push(path),
                (false, false) => files.push(path),
            }
        }
    }
    files.sort();
    files
}

fn entries(directory: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    entries.filter_map(Result::ok).map(|entry| entry.path()).collect()
}

/// All that is wrong with one file.
fn complaints_about(name: &str, text: &str) -> Vec<String> {
    let mut found = unfinished(name, text);
    if name.ends_with(".rs") {
        found.extend(ignores_without_issue(text));
        found.extend(unsafe_outside_sys(name, text));
        found.extend(long_functions(product_part(text)));
        found.extend(long_file(name, product_part(text)));
    }
    if name.ends_with(".md") {
        found.extend(headings(text));
    }
    if name.starts_with("examples/") && name.ends_with(".conf") {
        found.extend(story(text));
    }
    found.into_iter().map(|complaint| format!("{name}: {complaint}")).collect()
}

/// A source file up to its tests.
fn product_part(text: &str) -> &str {
    text.find("\n#[cfg(test)]\nmod ").and_then(|at| text.get(..at)).unwrap_or(text)
}

fn long_file(name: &str, text: &str) -> Option<String> {
    let tests_only = name.contains("/tests/") || name.contains("/scenarios/");
    let lines = text.lines().count();
    (!tests_only && lines > FILE_LINES_MAX).then(|| format!("{lines} lines, at most {FILE_LINES_MAX}"))
}

/// Formatted code closes a function at the column where it began.
fn long_functions(text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().collect();
    let mut complaints = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let Some(name) = function_name(line) else { continue };
        let close = format!("{}}}", " ".repeat(line.len() - line.trim_start().len()));
        let body =
            lines.iter().skip(at + 1).take_while(|line| **line != close && !ends_declaration(line, &close));
        let code = body.filter(|line| is_code(line)).count();
        if code > FUNCTION_LINES_MAX {
            complaints.push(format!("{}: fn {name} has {code} lines, at most {FUNCTION_LINES_MAX}", at + 1));
        }
    }
    complaints
}

/// A trait's function without a body ends before anything of its own column starts anew.
fn ends_declaration(line: &str, close: &str) -> bool {
    let column = close.len() - 1;
    !line.trim().is_empty() && line.len() - line.trim_start().len() < column
}

fn function_name(line: &str) -> Option<&str> {
    let mut words = line.split_whitespace();
    let mut word = words.next()?;
    while matches!(word, "pub" | "pub(crate)" | "pub(super)" | "const" | "async" | "unsafe") {
        word = words.next()?;
    }
    let opens = word == "fn" && !line.trim_end().ends_with([';', '}']);
    opens.then(|| words.next()).flatten().map(|name| name.split(['(', '<']).next().unwrap_or(name))
}

fn is_code(line: &str) -> bool {
    let line = line.trim();
    !line.is_empty() && !line.starts_with("//")
}

fn ignores_without_issue(text: &str) -> Vec<String> {
    let attribute = concat!("#[", "ignore");
    numbered(text)
        .filter(|(_, line)| line.trim_start().starts_with(attribute))
        .filter(|(_, line)| !line.contains("= \"issue:"))
        .map(|(at, _)| format!("{at}: a test is ignored without naming an issue"))
        .collect()
}

fn unsafe_outside_sys(name: &str, text: &str) -> Vec<String> {
    if name.starts_with("crates/sys/") {
        return Vec::new();
    }
    let keyword = concat!("uns", "afe");
    let forms = ["{", "fn ", "impl ", "extern ", "trait "].map(|next| format!("{keyword} {next}"));
    let attribute = format!("#[{keyword}(");
    numbered(text)
        .filter(|(_, line)| is_code(line))
        .filter(|(_, line)| forms.iter().any(|form| line.contains(form)) || line.contains(&attribute))
        .map(|(at, _)| format!("{at}: {keyword} belongs into crates/sys"))
        .collect()
}

/// Things that remind of the author's desk rather than of the product.
fn unfinished(name: &str, text: &str) -> Vec<String> {
    let words = [
        (concat!("TO", "DO"), "an unfinished thought"),
        (concat!("FIX", "ME"), "an unfinished thought"),
        (concat!("todo", "!("), "an unfinished function"),
        (concat!("unimplemented", "!("), "an unfinished function"),
        (concat!("dbg", "!("), "a debugging leftover"),
        (concat!("/wo", "rk/"), "a path of one machine"),
    ];
    // Configuration files show other people's paths, and lock files hold whatever cargo writes.
    if name.ends_with(".conf") || name.ends_with(".lock") {
        return Vec::new();
    }
    numbered(text)
        .flat_map(|(at, line)| words.iter().map(move |word| (at, line, word)))
        .filter(|(_, line, (word, _))| line.contains(word))
        .map(|(at, _, (word, what))| format!("{at}: {what} ({word})"))
        .collect()
}

fn headings(text: &str) -> Option<String> {
    let mut fenced = false;
    let mut count = 0;
    for line in text.lines() {
        fenced ^= line.trim_start().starts_with("```");
        count += usize::from(!fenced && line.starts_with("# "));
    }
    (count != 1).then(|| format!("{count} first-level headings, a document has one"))
}

fn story(text: &str) -> Option<String> {
    let told = text.lines().take_while(|line| line.starts_with('#') || line.starts_with('!')).count();
    (told < STORY_LINES_MIN).then(|| format!("an example opens with {STORY_LINES_MIN} lines of comment"))
}

fn numbered(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().map(|(at, line)| (at + 1, line))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complains(name: &str, text: &str, about: &str) {
        let complaints = complaints_about(name, text);
        assert!(complaints.iter().any(|complaint| complaint.contains(about)), "{complaints:?}");
    }

    fn is_silent(name: &str, text: &str) {
        assert_eq!(complaints_about(name, text), Vec::<String>::new());
    }

    fn function_of(lines: usize) -> String {
        format!("impl A {{\n    pub fn f(&self) {{\n{}    }}\n}}\n", "        x();\n".repeat(lines))
    }

    #[test]
    fn a_function_fits_on_a_screen() {
        is_silent("a.rs", &function_of(70));
        complains("a.rs", &function_of(71), "2: fn f has 71 lines");
    }

    #[test]
    fn a_declaration_without_body_is_not_a_long_function() {
        let text =
            format!("trait A {{\n    fn f(\n        &self,\n    );\n}}\n{}", "const A: u8 = 1;\n".repeat(80));
        is_silent("a.rs", &text);
    }

    #[test]
    fn a_file_is_read_in_a_sitting_but_its_tests_do_not_count() {
        let long = "const A: u8 = 1;\n".repeat(601);
        complains("a.rs", &long, "601 lines");
        is_silent("a.rs", &format!("const A: u8 = 1;\n\n#[cfg(test)]\nmod tests {{\n{long}}}\n"));
        is_silent("crates/a/tests/a.rs", &long);
    }

    #[test]
    fn an_ignored_test_names_its_issue() {
        complains("a.rs", concat!("#[", "ignore]\n"), "without naming an issue");
        is_silent("a.rs", concat!("#[", "ignore = \"issue:7\"]\n"));
    }

    #[test]
    fn only_sys_may_be_daring() {
        let daring = concat!("let a = uns", "afe { b() };\n");
        complains("crates/core/src/a.rs", daring, "belongs into crates/sys");
        is_silent("crates/sys/src/a.rs", daring);
        is_silent("crates/core/src/a.rs", concat!("// uns", "afe { b() }\n"));
    }

    #[test]
    fn a_document_has_one_first_level_heading() {
        is_silent("a.md", "# A\n## B\n```\n# c\n```\n");
        complains("a.md", "# A\n# B\n", "2 first-level headings");
        complains("a.md", "text\n", "0 first-level headings");
    }

    #[test]
    fn nothing_unfinished_is_left_lying_about() {
        complains("a.rs", concat!("// TO", "DO: more\n"), "unfinished thought");
        complains("a.md", concat!("# A\n/wo", "rk/a\n"), "path of one machine");
        is_silent("a.conf", concat!("/wo", "rk/check.sh\n"));
    }

    #[test]
    fn an_example_tells_its_story() {
        complains("examples/a/a.conf", "# one\nvrrp_instance A {\n}\n", "opens with 3 lines");
        is_silent("examples/a/a.conf", "# one\n# two\n# three\n");
    }
}
