//! Files of other people: configurations from public repositories with the original's verdicts, and the samples
//! of Debian's package.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{Case, Verdict};
use crate::lab::Host;
use crate::outcome::{Fault, Outcome, failed, skipped};
use crate::subject::shared;

/// Where the file lay when the original judged it.
const FILE: &str = "/etc/keepalived/keepalived.conf";

/// Which files of a machine the configurations find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scripts {
    /// None of the scripts they name, unless every machine has it.
    Absent,
    /// A program at every absolute path they name.
    Stubbed,
}

impl Scripts {
    /// What this pass is called in the file of verdicts.
    fn suffix(self) -> &'static str {
        match self {
            Self::Absent => "",
            Self::Stubbed => "_with_stubs",
        }
    }
}

/// The corpus.
pub struct Corpus {
    root: PathBuf,
    /// Its files, in order.
    pub cases: Vec<Case>,
}

impl Corpus {
    /// Reads it.
    ///
    /// # Errors
    /// It is not on this machine.
    pub fn find() -> Result<Self, Fault> {
        let root = shared().map(|shared| shared.join("corpus")).filter(|root| root.is_dir());
        let Some(root) = root else { return skipped("the corpus is not here (KEEPALIVED_RS_SHARED)") };
        let cases = files(&root, |name| name.ends_with(".conf"))?;
        Ok(Self { root, cases })
    }

    /// What a version of the original said of every file, in the order of [`Self::cases`].
    ///
    /// # Errors
    /// The verdicts are not what they should be.
    pub fn verdicts(&self, version: &str, scripts: Scripts) -> Result<Vec<Verdict>, Fault> {
        let text = std::fs::read_to_string(self.root.join(format!("verdicts-{version}.jsonl")))?;
        let rows: Vec<Value> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let (status, lines) = (format!("rc{}", scripts.suffix()), format!("messages{}", scripts.suffix()));
        let verdict = |case: &Case| {
            let row = rows.iter().find(|row| row["nnn"].as_str() == case.title.strip_suffix(".conf"))?;
            let said = row[&lines].as_array()?.iter().filter_map(Value::as_str);
            let status = i32::try_from(row[&status].as_i64()?).ok()?;
            Some(Verdict::new(status, FILE, said))
        };
        let verdicts: Option<Vec<Verdict>> = self.cases.iter().map(verdict).collect();
        verdicts.map_or_else(|| failed(format!("no verdict of {version} for some file")), Ok)
    }

    /// The interfaces of the machine on which the verdicts were found: those the files name, without those they
    /// were told not to exist.
    ///
    /// # Errors
    /// The verdicts are not what they should be.
    pub fn interfaces(&self) -> Result<Vec<String>, Fault> {
        let verdicts = self.verdicts("2.4.3", Scripts::Absent)?;
        let lines = verdicts.iter().flat_map(|verdict| &verdict.lines);
        let told = lines.filter_map(|line| {
            line.split_once("interface ").filter(|_| line.contains("doesn't exist")).map(|(_, rest)| rest)
        });
        let missing: BTreeSet<&str> = told.filter_map(|rest| rest.split(' ').next()).collect();
        let mut names = BTreeSet::new();
        for case in &self.cases {
            names.extend(named_interfaces(&String::from_utf8_lossy(&case.text)));
        }
        names.retain(|name| !missing.contains(name.as_str()) && name != "eth0");
        Ok(names.into_iter().collect())
    }

    /// Puts the files that are included where they are looked for, and programs where the pass wants them.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn furnish(&self, host: &Host, scripts: Scripts) -> Outcome {
        for entry in std::fs::read_dir(&self.root)?.flatten().filter(|entry| entry.path().is_dir()) {
            place(host, &entry.path(), "/etc/keepalived")?;
        }
        if scripts == Scripts::Stubbed {
            let all = self.cases.iter().flat_map(|case| programs(&String::from_utf8_lossy(&case.text)));
            for path in all.collect::<BTreeSet<String>>() {
                if !host.has_file(&path) {
                    host.write(&path, "#!/bin/sh\nexit 0\n", 0o755)?;
                }
            }
        }
        Ok(())
    }
}

/// The samples that Debian's package brings, compressed or not.
///
/// # Errors
/// They are not on this machine, or cannot be read.
pub fn samples() -> Result<Vec<Case>, Fault> {
    let root = Path::new("/usr/share/doc/keepalived/samples");
    if !root.is_dir() {
        return skipped("Debian's samples are not here (/usr/share/doc/keepalived/samples)");
    }
    let mut cases = files(root, |name| name.starts_with("keepalived.conf"))?;
    for case in cases.iter_mut().filter(|case| case.title.ends_with(".gz")) {
        let unpacked = std::process::Command::new("gzip").arg("-dc").arg(root.join(&case.title)).output()?;
        case.text = unpacked.stdout;
    }
    Ok(cases)
}

/// Everything below a directory, at the same places of the host.
fn place(host: &Host, directory: &Path, to: &str) -> Outcome {
    for case in files(directory, |_| true)? {
        host.write(&format!("{to}/{}", case.title), &String::from_utf8_lossy(&case.text), 0o644)?;
    }
    for inner in std::fs::read_dir(directory)?.flatten().filter(|entry| entry.path().is_dir()) {
        place(host, &inner.path(), &format!("{to}/{}", inner.file_name().to_string_lossy()))?;
    }
    Ok(())
}

fn files(root: &Path, wanted: impl Fn(&str) -> bool) -> Result<Vec<Case>, Fault> {
    let mut cases = Vec::new();
    for entry in std::fs::read_dir(root)?.flatten() {
        let title = entry.file_name().to_string_lossy().into_owned();
        // Compiled articles of the same package are linked here and there; what cannot be read is no case.
        if wanted(&title) && entry.path().is_file() {
            cases.push(Case { title, text: std::fs::read(entry.path())? });
        }
    }
    cases.sort_by(|a, b| a.title.cmp(&b.title));
    Ok(cases)
}

/// Words that stand where an interface is named.
fn named_interfaces(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut tracking = false;
    for line in text.lines() {
        let line = line.split(['#', '!']).next().unwrap_or("").replace(['{', '}'], " ");
        let words: Vec<&str> = line.split_whitespace().collect();
        tracking = words.first() == Some(&"track_interface") || (tracking && words.len() == 1);
        let named = words.windows(2).filter(|pair| ["interface", "dev", "oif", "iif"].contains(&pair[0]));
        names.extend(named.map(|pair| pair[1]).map(str::to_owned));
        names.extend(words.last().filter(|_| tracking).map(|word| (*word).to_owned()));
    }
    let possible = |name: &String| {
        name.len() < 16 && name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
    };
    names
        .into_iter()
        .filter(|name| possible(name) && !["lo", "track_interface", "ip"].contains(&name.as_str()))
        .collect()
}

/// Absolute paths that stand where a program is named.
fn programs(text: &str) -> Vec<String> {
    let mut paths = Vec::new();
    for line in text.lines() {
        let mut words = line.split_whitespace().map(|word| word.trim_matches(['"', '\'']));
        let keyword = words.next().unwrap_or("");
        let runs = ["script", "notify", "quorum", "misc_path"].iter().any(|start| keyword.contains(start));
        let path = words.next().filter(|path| runs && path.starts_with('/') && !path.ends_with('/'));
        paths.extend(path.map(str::to_owned));
    }
    paths
}
