//! `examples/`: every configuration is accepted without a word, by our `keepalived -t` and by the original's.
//!
//! Checked as an operator would have it: the file and its scripts in `/etc/keepalived`, on a box with `eth0` and
//! `eth1`. Both are made in namespaces that end with the check.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::tally::{Counts, Outcome};
use crate::{packages, plan, run};

/// What a box needs besides its file. `$1` is the example's directory, `$2` its file, `$3` the program.
const BOX: &str = r#"
mount -t tmpfs -o mode=755 tmpfs /etc/keepalived
cp "$1"/* /etc/keepalived/
ip link add eth0 type veth peer name eth1
ip address add 192.168.50.11/24 dev eth0
exec "$3" -t -f /etc/keepalived/"$2"
"#;

/// With the binary of the release build.
pub fn accepted_by_ours(root: &Path) -> Outcome {
    accepted_by(root, &plan::ours_binary(root))
}

/// With the original's, if installed.
pub fn accepted_by_theirs(root: &Path) -> Outcome {
    match run::which("keepalived") {
        Some(binary) => accepted_by(root, &binary),
        None => Outcome::Skipped("keepalived is not installed".to_owned()),
    }
}

fn accepted_by(root: &Path, keepalived: &Path) -> Outcome {
    if !packages::is_root() {
        return Outcome::Skipped("namespaces need root".to_owned());
    }
    if let Err(error) = fs::create_dir_all("/etc/keepalived") {
        return Outcome::Failed(Counts::default(), format!("/etc/keepalived: {error}"));
    }
    let mut counts = Counts::default();
    for file in configurations(&root.join("examples")) {
        let verdict = is_accepted(&file, keepalived);
        let shown = file.strip_prefix(root).unwrap_or(&file).display();
        match &verdict {
            Ok(()) => println!("{shown}: accepted"),
            Err(why) => println!("{shown}: {why}"),
        }
        counts.add(&Counts::one(verdict.is_ok()));
    }
    match counts {
        Counts { failed: 0, passed: 1.., .. } => Outcome::Passed(counts),
        Counts { failed: 0, .. } => Outcome::Failed(counts, "there are no examples".to_owned()),
        Counts { .. } => Outcome::Failed(counts, "an example was refused".to_owned()),
    }
}

fn is_accepted(file: &Path, keepalived: &Path) -> Result<(), String> {
    let (Some(directory), Some(name)) = (file.parent(), file.file_name()) else {
        return Err("has no directory".to_owned());
    };
    let said = Command::new("unshare")
        .args(["--net", "--mount", "--", "sh", "-e", "-c", BOX, "box"])
        .args([directory.as_os_str(), name, keepalived.as_os_str()])
        .output()
        .map_err(|error| format!("unshare: {error}"))?;
    let words = format!("{}{}", String::from_utf8_lossy(&said.stdout), String::from_utf8_lossy(&said.stderr));
    if said.status.success() && words.trim().is_empty() {
        return Ok(());
    }
    Err(format!("{}\n{words}", said.status))
}

fn configurations(examples: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = inside(examples)
        .iter()
        .flat_map(|directory| inside(directory))
        .filter(|file| file.extension().is_some_and(|extension| extension == "conf"))
        .collect();
    files.sort();
    files
}

fn inside(directory: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    entries.filter_map(Result::ok).map(|entry| entry.path()).collect()
}
