//! Puts a dump where it belongs: written beside it and renamed, so that a reader sees the old one or the new one.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use keepalived_model::global::{Dumps, Global};

use super::Dump;
use crate::log;

/// Only root reads what may contain passwords.
const MODE: u32 = 0o600;
/// Enough for writing a text that is there already.
const THREAD_STACK: usize = 64 * 1024;

/// One request of a kind at a time is on its way: a disk that does not answer must not collect threads. Who asks
/// for several kinds at once gets them all (scenario `keepalived-exporter reads the same out of the files of both`).
static BUSY: [AtomicBool; 4] = [const { AtomicBool::new(false) }; 4];

/// Writes from a thread of its own; somebody who has to be on time goes on. Says whether it will be tried.
pub fn write_behind(occasion: Occasion, files: Vec<(PathBuf, String)>) -> Tried {
    let [data, statistics, json, reload] = &BUSY;
    let busy = match occasion {
        Occasion::Asked(Dump::Data) => data,
        Occasion::Asked(Dump::Statistics) => statistics,
        Occasion::Asked(Dump::Json) => json,
        Occasion::Reload => reload,
    };
    let Some((first, _)) = files.first() else { return Tried::Yes };
    if busy.swap(true, Ordering::AcqRel) {
        log::info(format_args!("{} not written: the last one still is", first.display()));
        return Tried::No;
    }
    let work = move || {
        files.iter().for_each(|(path, text)| write(path, text));
        busy.store(false, Ordering::Release);
    };
    let spawned = thread::Builder::new().name("dump".into()).stack_size(THREAD_STACK).spawn(work);
    match spawned {
        Ok(_) => Tried::Yes,
        Err(error) => {
            busy.store(false, Ordering::Release);
            log::info(format_args!("Unable to write a file - {error}"));
            Tried::No
        }
    }
}

/// Why something is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occasion {
    /// Somebody asked for this.
    Asked(Dump),
    /// A reload leaves a picture of before and after.
    Reload,
}

/// Whether a text is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tried {
    /// It is.
    Yes,
    /// It is not, which was said.
    No,
}

/// Writes now; failures are said.
pub fn write(path: &Path, text: &str) {
    if let Err(error) = replace(path, text) {
        log::info(format_args!("Can't open {} ({error})", path.display()));
    }
}

fn replace(path: &Path, text: &str) -> io::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}", std::process::id()));
    let beside = PathBuf::from(name);
    // Left by a process of the same number that was killed.
    let _absent = fs::remove_file(&beside);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(MODE).open(&beside)?;
    let written = file.write_all(text.as_bytes()).and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        let _gone = fs::remove_file(&beside);
    }
    written
}

/// Where a dump belongs. `process` is what distinguishes the processes' files: `_parent`, or nothing for the
/// vrrp engine.
pub fn path(global: &Global, dump: Dump, process: &str) -> PathBuf {
    let Dumps { state, statistics, json, .. } = &global.dumps;
    let (configured, ending) = match dump {
        Dump::Data => (state, "data"),
        Dump::Statistics => (statistics, "stats"),
        Dump::Json => (json, "json"),
    };
    let instance = if global.dumps.named_by_instance {
        let parts = [&global.namespaces.network, &global.instance];
        parts.into_iter().flatten().map(|part| format!(".{part}")).collect()
    } else {
        String::new()
    };
    let plain = format!("keepalived{process}{instance}.{ending}");
    match configured {
        None => directory().join(plain),
        Some(path) if path.as_os_str().as_encoded_bytes().ends_with(b"/") => path.join(plain),
        Some(path) if process.is_empty() => path.clone(),
        Some(path) => {
            // The process goes before the ending, as in the names above.
            let stem = path.file_stem().unwrap_or_default().to_string_lossy();
            let ending = path.extension().map(|ending| format!(".{}", ending.to_string_lossy()));
            path.with_file_name(format!("{stem}{process}{}", ending.unwrap_or_default()))
        }
    }
}

fn directory() -> PathBuf {
    std::env::var_os("TMPDIR").filter(|directory| !directory.is_empty()).map_or("/tmp".into(), PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_what_is_configured() {
        let mut global = Global::default();
        let name =
            |global: &Global, dump, process| path(global, dump, process).to_string_lossy().into_owned();
        assert!(name(&global, Dump::Data, "_parent").ends_with("/keepalived_parent.data"));
        assert!(name(&global, Dump::Statistics, "").ends_with("/keepalived.stats"));
        global.dumps.json = Some("/run/ka/".into());
        global.dumps.state = Some("/run/state.txt".into());
        assert_eq!(name(&global, Dump::Json, ""), "/run/ka/keepalived.json");
        assert_eq!(name(&global, Dump::Data, ""), "/run/state.txt");
        assert_eq!(name(&global, Dump::Data, "_parent"), "/run/state_parent.txt");
        global.instance = Some("one".into());
        global.dumps.named_by_instance = true;
        assert_eq!(name(&global, Dump::Json, ""), "/run/ka/keepalived.one.json");
    }

    #[test]
    fn a_link_in_the_way_is_replaced_and_not_followed() {
        let directory = std::env::temp_dir().join(format!("keepalived-dump-{}", std::process::id()));
        fs::create_dir_all(&directory).expect("a directory");
        let (target, place) = (directory.join("target"), directory.join("place"));
        fs::write(&target, "theirs").expect("a file");
        std::os::unix::fs::symlink(&target, &place).expect("a link");
        replace(&place, "ours").expect("written");
        assert_eq!(fs::read_to_string(&target).expect("read"), "theirs");
        assert_eq!(fs::read_to_string(&place).expect("read"), "ours");
        fs::remove_dir_all(&directory).expect("cleaned up");
    }
}
