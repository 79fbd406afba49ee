//! Starting programs: echoed, counted, and never for longer than allowed.

use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use crate::tally::{Counts, Outcome};

/// How often a running program is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// The directory of the workspace's manifest.
pub fn workspace_root() -> Result<PathBuf, String> {
    let found = cargo()
        .args(["locate-project", "--workspace", "--message-format", "plain"])
        .output()
        .map_err(|error| format!("cargo does not start: {error}"))?;
    let manifest = PathBuf::from(String::from_utf8_lossy(&found.stdout).trim());
    manifest.parent().map(Path::to_path_buf).ok_or_else(|| "not inside the workspace".to_owned())
}

/// Cargo as it started us, or as found.
pub fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")))
}

/// Where cargo puts what it builds.
pub fn target(root: &Path) -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from)
}

/// Where a release build leaves a binary.
pub fn release_binary(root: &Path, name: &str) -> PathBuf {
    target(root).join("release").join(name)
}

/// The first place where this program would be found, the administrator's directories included.
pub fn which(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from))
        .map(|directory| directory.join(program))
        .find(|candidate| candidate.is_file())
}

/// Runs to the end or to `limit`, passes its output on line by line, and adds up the summaries in it.
pub fn counted(command: &mut Command, limit: Duration) -> Outcome {
    println!("$ {}", shown(command));
    let mut child = match command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn() {
        Ok(child) => child,
        Err(error) => return Outcome::Failed(Counts::default(), format!("does not start: {error}")),
    };
    let (told, tells) = mpsc::channel();
    let output = child.stdout.take();
    // Not joined: after a time-out a grandchild may keep the pipe open for ever.
    std::thread::spawn(move || told.send(output.map(pass_on).unwrap_or_default()));
    let until = Instant::now() + limit;
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if Instant::now() < until => std::thread::sleep(LOOK_EVERY),
            Ok(None) => {
                let _ = child.kill();
                let _ = child.wait();
                return Outcome::Failed(Counts::default(), format!("took longer than {} s", limit.as_secs()));
            }
            Err(error) => return Outcome::Failed(Counts::default(), format!("is lost: {error}")),
        }
    };
    let counts = tells.recv_timeout(Duration::from_secs(5)).unwrap_or_default();
    match (status.success(), counts.failed) {
        (true, 0) if counts == Counts::default() => Outcome::Passed(Counts::one(true)),
        (true, 0) => Outcome::Passed(counts),
        (true, _) => Outcome::Failed(counts, "counted failures".to_owned()),
        (false, _) => Outcome::Failed(counts, status.to_string()),
    }
}

/// Runs to the end; its output goes where ours goes.
pub fn plainly(command: &mut Command) -> Result<(), String> {
    println!("$ {}", shown(command));
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{}: {status}", shown(command))),
        Err(error) => Err(format!("{} does not start: {error}", shown(command))),
    }
}

fn pass_on(output: impl std::io::Read) -> Counts {
    let mut counts = Counts::default();
    for line in BufReader::new(output).split(b'\n').map_while(Result::ok) {
        let line = String::from_utf8_lossy(&line);
        println!("{line}");
        counts.note_excuse(&line);
        if let Some(more) = Counts::from_summary(line.trim()) {
            counts.add(&more);
        }
    }
    counts
}

fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let mut words = vec![program.to_string_lossy().into_owned()];
    words.extend(command.get_args().map(|word| word.to_string_lossy().into_owned()));
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str, limit: u64) -> Outcome {
        counted(Command::new("sh").args(["-c", script]), Duration::from_secs(limit))
    }

    #[test]
    fn a_program_without_summary_counts_as_one() {
        assert_eq!(sh("true", 10), Outcome::Passed(Counts::one(true)));
    }

    #[test]
    fn summaries_of_several_test_binaries_are_added_up() {
        let script =
            "echo 'test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured'; echo '3 passed, 0 failed'";
        assert_eq!(sh(script, 10), Outcome::Passed(Counts { passed: 5, ..Counts::default() }));
    }

    #[test]
    fn a_counted_failure_outweighs_a_good_exit_status() {
        assert!(matches!(sh("echo '3 passed, 1 failed'", 10), Outcome::Failed(..)));
    }

    #[test]
    fn a_program_that_takes_too_long_is_ended() {
        let before = Instant::now();
        assert!(matches!(sh("sleep 60", 1), Outcome::Failed(..)));
        assert!(before.elapsed() < Duration::from_secs(30));
    }
}
