//! The numbers in files. Their directories are watched, and every directory that has a part in their path by way of
//! a symbolic link; so a file may be rewritten, replaced, removed, come back, or be a link into something that is
//! exchanged as a whole.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::fs::{self, OpenOptions};
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use keepalived_model::track::{Reading, Watch};
use keepalived_sys::filesystem::NONBLOCK;
use keepalived_sys::inotify::{Changed, Directories, Directory};
use keepalived_sys::wait_readable;

use super::{Desk, Order, number};
use crate::log;

/// As much of a file is looked at (`spec` runtime 4.3).
const BYTES_MAX: u64 = 127;
/// Symbolic links on the way to one file, as the kernel has it.
const LINKS_MAX: usize = 40;
/// A path that changes faster than it can be followed is left to the next change, or the slow tick.
const LOOKS_MAX: usize = 8;
/// Everything is looked at again this often, whatever was told: a directory further up may have been replaced.
const SLOW_TICK: Duration = Duration::from_secs(10);

/// A name in a directory that decides what a path leads to.
type Step = (PathBuf, OsString);

/// All files that are watched.
#[derive(Debug)]
pub struct Files {
    /// None where the kernel gives us none; then the slow tick has to do.
    directories: Option<Directories>,
    files: BTreeMap<Vec<u8>, Watched>,
}

/// One file.
#[derive(Debug, Default)]
struct Watched {
    places: Vec<(Directory, OsString)>,
    number: i64,
}

impl Files {
    /// None yet.
    pub fn new() -> Self {
        let directories = Directories::new();
        if let Err(error) = &directories {
            let seconds = SLOW_TICK.as_secs();
            log::error(format_args!(
                "Unable to be told of changes of track files - {error}; looking every {seconds} seconds"
            ));
        }
        Self { directories: directories.ok(), files: BTreeMap::new() }
    }

    /// From now on these; the numbers of those that are new.
    pub fn watch(&mut self, paths: BTreeSet<Vec<u8>>) -> Vec<Reading> {
        self.files.retain(|path, _| paths.contains(path));
        let mut first = Vec::new();
        for path in paths {
            if !self.files.contains_key(&path) {
                let mut file = Watched::default();
                file.look(&path, self.directories.as_ref());
                first.push(reading(&path, file.number));
                self.files.insert(path, file);
            }
        }
        self.forget_others(&BTreeSet::new());
        first
    }

    /// The life of the thread.
    pub fn serve(mut self, desk: &Desk<Vec<u8>>) {
        loop {
            let fds: Vec<_> = [Some(desk.bell()), self.directories.as_ref().map(AsFd::as_fd)]
                .into_iter()
                .flatten()
                .collect();
            let ready = wait_readable(&fds, Some(SLOW_TICK)).unwrap_or_default();
            let mut news = match desk.order() {
                Order::Watch(paths) => self.watch(paths),
                Order::Nothing => Vec::new(),
                Order::End => return,
            };
            news.extend(self.changed(ready.contains(&true)));
            if !desk.tell(news) {
                return;
            }
        }
    }

    /// Looks at every file that may have changed; at all of them when nobody said so.
    fn changed(&mut self, told: bool) -> Vec<Reading> {
        let changes = match self.directories.as_ref().map(Directories::changes) {
            Some(Ok(changes)) if told => changes,
            _ => vec![Changed::Anything],
        };
        let before: BTreeSet<Directory> = self.places();
        let mut news = Vec::new();
        for (path, file) in &mut self.files {
            let concerned = changes.iter().any(|change| match change {
                Changed::Entry(directory, name) => {
                    file.places.iter().any(|(place, step)| (place, step) == (directory, name))
                }
                Changed::Itself(directory) => file.places.iter().any(|(place, _)| place == directory),
                Changed::Anything => true,
            });
            if concerned && file.look(path, self.directories.as_ref()) {
                news.push(reading(path, file.number));
            }
        }
        self.forget_others(&before);
        news
    }

    fn places(&self) -> BTreeSet<Directory> {
        self.files.values().flat_map(|file| file.places.iter().map(|(place, _)| *place)).collect()
    }

    /// Directories that were watched and lead nowhere any more.
    fn forget_others(&self, before: &BTreeSet<Directory>) {
        let Some(directories) = &self.directories else { return };
        before.difference(&self.places()).for_each(|gone| directories.forget(*gone));
    }
}

impl Watched {
    /// Watches whatever decides about it, then reads it; whether its number is another one.
    fn look(&mut self, path: &[u8], directories: Option<&Directories>) -> bool {
        let path = Path::new(OsStr::from_bytes(path));
        if let Some(directories) = directories {
            let mut known = Vec::new();
            for _ in 0..LOOKS_MAX {
                // What changed before it was watched would not be told.
                let now = steps(path);
                if now == known {
                    break;
                }
                known = now;
                let place =
                    |(directory, name): &Step| Some((directories.watch(directory).ok()?, name.clone()));
                self.places = known.iter().filter_map(place).collect();
            }
        }
        let number = read(path).unwrap_or(0);
        std::mem::replace(&mut self.number, number) != number
    }
}

/// Every name on the way to a file that may lead elsewhere tomorrow: symbolic links, what is missing, and the file.
fn steps(path: &Path) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut at = PathBuf::from("/");
    let mut ahead: Vec<OsString> = names(&std::path::absolute(path).unwrap_or_else(|_| path.to_owned()));
    let mut links = 0;
    while let Some(name) = ahead.pop() {
        if name == ".." {
            at.pop();
            continue;
        }
        let next = at.join(&name);
        let found = fs::symlink_metadata(&next);
        let link = found.as_ref().is_ok_and(|found| found.is_symlink());
        if link || found.is_err() || ahead.is_empty() {
            steps.push((at.clone(), name));
        }
        match fs::read_link(&next) {
            Ok(target) if link && links < LINKS_MAX => {
                links += 1;
                if target.is_absolute() {
                    at = PathBuf::from("/");
                }
                ahead.extend(names(&target));
            }
            _ if found.is_err() || link => break,
            _ => at = next,
        }
    }
    steps
}

/// The names of a path, the last one first.
fn names(path: &Path) -> Vec<OsString> {
    let name = |component: Component<'_>| match component {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some(OsString::from("..")),
        Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
    };
    path.components().rev().filter_map(name).collect()
}

/// The number in a file. What is no file, or cannot be read, has none.
fn read(path: &Path) -> io::Result<i64> {
    let file = OpenOptions::new().read(true).custom_flags(NONBLOCK).open(path)?;
    if !file.metadata()?.is_file() {
        return Ok(0);
    }
    let mut text = Vec::new();
    file.take(BYTES_MAX).read_to_end(&mut text)?;
    Ok(number::leading(&text))
}

fn reading(path: &[u8], number: i64) -> Reading {
    Reading { watch: Watch::File(path.to_vec()), number }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    /// A directory of its own for each test, and what is watched in it.
    struct Bench {
        place: PathBuf,
        files: Files,
    }

    impl Bench {
        fn new(name: &str, file: &str) -> Self {
            let place = std::env::temp_dir().join(format!("ka-{name}-{}", std::process::id()));
            fs::create_dir_all(&place).expect("a directory");
            let mut bench = Self { place, files: Files::new() };
            let path = bench.place.join(file).as_os_str().as_bytes().to_vec();
            assert_eq!(bench.files.watch(BTreeSet::from([path])).len(), 1, "what is new is told");
            bench
        }

        fn at(&self, name: &str) -> PathBuf {
            self.place.join(name)
        }

        /// What is news after something was done.
        fn after(&mut self, what: impl FnOnce(&Self)) -> Option<i64> {
            what(self);
            let fds: Vec<_> = self.files.directories.iter().map(AsFd::as_fd).collect();
            let ready = wait_readable(&fds, Some(Duration::from_millis(1))).expect("poll");
            let news = if ready == [true] { self.files.changed(true) } else { Vec::new() };
            news.last().map(|reading| reading.number)
        }
    }

    impl Drop for Bench {
        fn drop(&mut self) {
            let _gone = fs::remove_dir_all(&self.place);
        }
    }

    #[test]
    fn a_file_is_followed_through_all_its_fates() {
        let mut bench = Bench::new("fates", "value");
        let write = |name: &'static str, text: &'static str| {
            move |bench: &Bench| fs::write(bench.at(name), text).expect("written")
        };
        assert_eq!(bench.after(write("value", "5\n")), Some(5));
        assert_eq!(bench.after(write("value", "5 the same")), None);
        assert_eq!(bench.after(write("other", "6")), None, "another file");
        assert_eq!(bench.after(|b| fs::rename(b.at("other"), b.at("value")).expect("over it")), Some(6));
        assert_eq!(bench.after(|b| fs::remove_file(b.at("value")).expect("gone")), Some(0));
        assert_eq!(bench.after(write("value", "-7")), Some(-7));
        assert_eq!(bench.after(|b| fs::rename(b.at("value"), b.at("away")).expect("away")), Some(0));
        assert_eq!(bench.after(|b| symlink(b.at("away"), b.at("value")).expect("a link")), Some(-7));
        assert_eq!(bench.after(write("away", "8")), Some(8), "what it leads to");
        assert_eq!(bench.after(|b| fs::remove_file(b.at("away")).expect("gone")), Some(0));
        assert_eq!(bench.after(write("away", "9")), Some(9));
    }

    #[test]
    fn a_directory_may_vanish_and_be_exchanged_as_a_whole() {
        let mut bench = Bench::new("exchange", "current/value");
        let version = |name: &'static str, text: &'static str| {
            move |bench: &Bench| {
                fs::create_dir(bench.at(name)).expect("a directory");
                fs::write(bench.at(name).join("value"), text).expect("written");
                symlink(name, bench.at("new")).expect("a link");
                fs::rename(bench.at("new"), bench.at("current")).expect("over the old one");
            }
        };
        assert_eq!(bench.after(version("one", "1")), Some(1));
        assert_eq!(bench.after(version("two", "2")), Some(2));
        assert_eq!(bench.after(|b| fs::remove_dir_all(b.at("two")).expect("gone")), Some(0));
        assert_eq!(bench.after(|b| fs::create_dir(b.at("two")).expect("back")), None);
        assert_eq!(bench.after(|b| fs::write(b.at("two/value"), "3").expect("written")), Some(3));
    }

    #[test]
    fn only_files_are_read_and_nothing_is_waited_for() {
        let mut bench = Bench::new("pipe", "value");
        let pipe = |bench: &Bench| keepalived_sys::filesystem::make_fifo(&bench.at("value")).expect("a pipe");
        assert_eq!(bench.after(pipe), None);
        fs::remove_file(bench.at("value")).expect("gone");
        assert_eq!(bench.after(|b| symlink("value", b.at("value")).expect("a loop")), None);
        let long = "0".repeat(200) + "5";
        fs::remove_file(bench.at("value")).expect("gone");
        assert_eq!(bench.after(|b| fs::write(b.at("value"), long).expect("written")), None, "too far back");
    }
}
