//! Files as people damage them: a letter, a brace, a line, the end. `check` has to point at the place and to know
//! what was meant.

mod common;

use std::path::{Path, PathBuf};

use common::{Dice, FILE, Machine, Memory, conditions, configurations, shared};
use keepalived_conf::check::{Report, check};
use keepalived_conf::read;
use keepalived_conf::render::screen::{self, Paint};
use keepalived_conf::schema::{ROOT, Table, Takes};

/// Our examples, and what lies beside the project: the corpus and the articles.
fn bases() -> Vec<(PathBuf, String)> {
    let mut open = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples")];
    open.extend([shared("corpus"), shared("articles")].into_iter().flatten());
    let read = |path: PathBuf| std::fs::read_to_string(&path).ok().map(|text| (path, text));
    let mut found: Vec<(PathBuf, String)> = configurations(open).into_iter().filter_map(read).collect();
    found.retain(|(_, text)| text.contains('{'));
    found.sort();
    found
}

fn report(text: &str) -> Report {
    let files = Memory::default().with(FILE, text);
    let sourced = read(&files, Path::new(FILE), &conditions());
    let report = check(&sourced, &Machine::default());
    let screen = screen::report(&report, &sourced.origins, Paint::Plain);
    assert_eq!(screen.is_empty(), report.findings.is_empty());
    report
}

/// The places findings point at: line, whether it is about words or braces, and what was meant.
fn structural(report: &Report) -> impl Iterator<Item = (usize, Option<&str>)> {
    report.findings.iter().filter(|finding| (101..=110).contains(&finding.code.number)).filter_map(
        |finding| {
            let at = finding.heard.at.as_ref()?;
            Some((at.line as usize, finding.heard.suggestion.as_ref().map(|meant| meant.with.as_str())))
        },
    )
}

/// Without its comment, as far as lines without quotes go.
fn code(line: &str) -> &str {
    line.split(['#', '!']).next().unwrap_or("").trim()
}

/// Lines that begin with a keyword of the block they stand in: number from 0, the word, the block's table.
fn keywords(text: &str) -> Vec<(usize, String, &'static Table)> {
    let mut stack: Vec<Option<&'static Table>> = vec![Some(&ROOT)];
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = code(line);
        if line.contains('"') && line.contains(['{', '}']) || line.matches(['{', '}']).count() > 1 {
            return found;
        }
        let word = line.split([' ', '\t', '{']).next().unwrap_or("");
        let table = stack.last().copied().flatten();
        let row = table.and_then(|table| table.find(word));
        if let (Some(table), Some(_)) = (table, row) {
            found.push((number, word.to_owned(), table));
        }
        if line.ends_with('{') {
            stack.push(match row.map(|row| row.takes) {
                Some(Takes::Block(table, _)) => Some(table),
                _ => None,
            });
        } else if line.contains('}') {
            stack.pop();
        }
    }
    found
}

fn misspelt(word: &str, dice: &mut Dice) -> String {
    let mut letters: Vec<char> = word.chars().collect();
    let at = dice.roll(letters.len());
    let letter = char::from(b'a' + u8::try_from(dice.roll(26)).unwrap());
    match dice.roll(4) {
        0 if at + 1 < letters.len() => letters.swap(at, at + 1),
        1 => letters[at] = letter,
        2 => letters.insert(at, letter),
        _ => drop(letters.remove(at)),
    }
    letters.into_iter().collect()
}

fn with_line(text: &str, number: usize, line: &str) -> String {
    let lines = text.lines().enumerate().map(|(at, old)| if at == number { line } else { old });
    lines.map(|line| format!("{line}\n")).collect()
}

/// Where there is a corpus at all, all tests together damage its files and the articles' two thousand times.
fn enough(mutants: usize, least: usize) {
    assert!(mutants >= least || shared("corpus").is_none(), "{mutants}");
}

fn is_foreign(path: &Path) -> bool {
    !path.starts_with(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples"))
}

/// How many of how many.
#[derive(Default)]
struct Score {
    of: usize,
    /// Of files beside the project.
    foreign: usize,
    right: usize,
    missed: Vec<String>,
}

impl Score {
    fn count(&mut self, path: &Path, right: bool, miss: impl FnOnce() -> String) {
        self.of += 1;
        self.foreign += usize::from(is_foreign(path));
        self.right += usize::from(right);
        if !right {
            self.missed.push(miss());
        }
    }

    fn percent(&self) -> f64 {
        self.right as f64 * 100.0 / self.of.max(1) as f64
    }

    fn print(&self, what: &str) {
        println!("{what}: {} of {} ({:.1} %)", self.right, self.of, self.percent());
        self.missed.iter().take(40).for_each(|miss| println!("    {miss}"));
    }
}

#[test]
fn a_wrong_letter_is_found_and_the_right_word_named() {
    let mut dice = Dice(2);
    let (mut line, mut word) = (Score::default(), Score::default());
    for (path, text) in bases() {
        let keywords = keywords(&text);
        if keywords.is_empty() {
            continue;
        }
        for _ in 0..MUTANTS_OF_A_FILE {
            let (number, right, table) = &keywords[dice.roll(keywords.len())];
            let wrong = misspelt(right, &mut dice);
            let old = text.lines().nth(*number).unwrap();
            if table.find(&wrong).is_some() || wrong.contains(['{', '#']) || wrong == *right {
                continue;
            }
            let report = report(&with_line(&text, *number, &old.replacen(right.as_str(), &wrong, 1)));
            let name = path.file_name().unwrap().to_string_lossy();
            let found: Vec<_> = structural(&report).filter(|(at, _)| at == &(number + 1)).collect();
            let miss = || format!("{name}:{}: {right} as {wrong}: {found:?}", number + 1);
            line.count(&path, !found.is_empty(), miss);
            // Old spellings come back as today's word.
            let today = table.find(right).map(|row| row.name);
            word.count(
                &path,
                found.iter().any(|(_, meant)| *meant == Some(right) || *meant == today && today.is_some()),
                miss,
            );
        }
    }
    line.print("right line");
    word.print("right word");
    assert!(line.right == line.of && word.percent() >= 90.0);
    enough(line.foreign, 1000);
}

#[test]
fn a_lost_brace_is_found_where_it_was() {
    let mut dice = Dice(3);
    let mut score = Score::default();
    for (path, text) in bases() {
        let before = report(&text);
        // A file that is broken already has other things to say.
        if before.findings.iter().any(|finding| (104..=106).contains(&finding.code.number)) {
            continue;
        }
        let braces: Vec<(usize, &str)> =
            text.lines().enumerate().filter(|(_, line)| code(line).ends_with(['{', '}'])).collect();
        for _ in 0..MUTANTS_OF_A_FILE / 2 {
            let (number, line) = braces[dice.roll(braces.len())];
            let cut = line.rfind(['{', '}']).unwrap();
            let lost = format!("{}{}", &line[..cut], &line[cut + 1..]);
            let report = report(&with_line(&text, number, &lost));
            let near = structural(&report).any(|(at, _)| at.abs_diff(number + 1) <= LINES_APART);
            let name = path.file_name().unwrap().to_string_lossy();
            score.count(&path, near, || {
                let places: Vec<_> = structural(&report).collect();
                format!("{name}:{}: {line:?} {places:?}", number + 1)
            });
        }
    }
    score.print("brace found within three lines");
    assert!(score.percent() >= 80.0);
    enough(score.foreign, 500);
}

#[test]
fn lines_out_of_place_and_files_cut_short_are_survived() {
    let mut dice = Dice(4);
    let (mut count, mut foreign) = (0, 0);
    for (path, text) in bases() {
        let lines: Vec<&str> = text.lines().collect();
        for _ in 0..MUTANTS_OF_A_FILE / 4 {
            let mut moved = lines.clone();
            let line = moved.remove(dice.roll(moved.len()));
            moved.insert(dice.roll(moved.len()), line);
            report(&moved.join("\n"));
            let end = (0..=dice.roll(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
            report(&text[..end]);
            count += 2;
            foreign += if is_foreign(&path) { 2 } else { 0 };
        }
    }
    println!("{count} files with a line moved or the end cut off");
    assert!(count >= 20, "{count}");
    enough(foreign, 500);
}

const MUTANTS_OF_A_FILE: usize = 8;
const LINES_APART: usize = 3;
