//! What is printed means what was understood, and printing it again gives the same text.

mod common;

use std::path::{Path, PathBuf};

use common::{FILE, Machine, Memory, conditions, configurations, shared};
use keepalived_conf::print::print;
use keepalived_conf::{Answers, Host, Lowered, Recorder, lower, read, text};

/// A file's meaning with everything that was asked for it.
fn understood(bytes: &[u8], host: &dyn Host) -> (Lowered, Answers) {
    let files = Memory::default().with(FILE, bytes);
    let sourced = read(&files, Path::new(FILE), &conditions());
    let recorder = Recorder::new(host);
    let lowered = lower(&sourced.lines, &recorder);
    (lowered, recorder.into_answers())
}

/// Prints what bytes mean, and reads that again; the result is the text.
fn round(name: &str, bytes: &[u8], host: &dyn Host) -> Result<String, String> {
    let (first, answers) = understood(bytes, host);
    let printed = print(&first.config, &answers).text();
    let (second, answers) = understood(&text::encode(&printed), host);
    if second.config != first.config {
        let (before, after) = (format!("{:#?}", first.config), format!("{:#?}", second.config));
        return Err(format!("{name}:\n{}", difference(&before, &after)));
    }
    let again = print(&second.config, &answers).text();
    if again != printed {
        return Err(format!("{name}: printed again\n{}", difference(&printed, &again)));
    }
    Ok(printed)
}

/// The lines around the first one that differs.
fn difference(before: &str, after: &str) -> String {
    let same = before.lines().zip(after.lines()).take_while(|(before, after)| before == after).count();
    let around = |text: &str| -> Vec<String> {
        text.lines().skip(same.saturating_sub(CONTEXT)).take(2 * CONTEXT).map(str::to_owned).collect()
    };
    format!("line {same}\nbefore:\n{}\nafter:\n{}", around(before).join("\n"), around(after).join("\n"))
}

const CONTEXT: usize = 8;

fn fixtures() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut open = vec![root.join("tests"), root.join("../../examples")];
    open.extend([shared("corpus"), shared("articles")].into_iter().flatten());
    let mut found = configurations(open);
    found.sort();
    found
}

#[test]
fn every_file_comes_back_with_the_same_meaning() {
    let hosts = [
        Machine::default(),
        Machine { script_user: true, ..Machine::default() },
        Machine { no_scripts: true, ..Machine::default() },
    ];
    let mut failed = Vec::new();
    let files = fixtures();
    for path in &files {
        let bytes = std::fs::read(path).unwrap();
        for host in &hosts {
            failed.extend(round(&path.display().to_string(), &bytes, host).err());
        }
    }
    println!("{} files", files.len());
    assert!(files.len() > 40 && failed.is_empty(), "{} failed\n{}", failed.len(), failed.join("\n\n"));
}
