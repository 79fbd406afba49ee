//! What a configuration may ask of this machine, really asked. May block; only the supervisor and the short
//! commands do this, engines live on the record of the answers.

use std::fs::{self, File};
use std::io::{self, Read};
use std::net::{IpAddr, ToSocketAddrs};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use keepalived_conf::lint::{self, Component, ComponentKind, Surroundings};
use keepalived_conf::{DirectoryFacts, FileKind, Files, Host, InterfaceFacts, KeyFile, ScriptFacts, Watch};
use keepalived_model::notify::RunAs;
use keepalived_sys::process::{self, Ended};
use keepalived_sys::signals::Signal;
use keepalived_sys::{errno_text, filesystem, interfaces, users};

use crate::glob;

/// The file system.
pub struct Disk;

/// Users, interfaces, programs, names.
pub struct Machine;

impl Files for Disk {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        fs::read(path)
    }

    fn glob(&self, pattern: &str) -> Vec<PathBuf> {
        glob::matches(pattern)
    }

    fn kind(&self, path: &Path) -> FileKind {
        match path.metadata() {
            Ok(about) if about.is_dir() => FileKind::Directory,
            Ok(about) if !about.is_file() => FileKind::Other,
            Ok(about) => match File::open(path) {
                Ok(_) => FileKind::Regular { executable: about.mode() & ANY_EXECUTE != 0 },
                Err(_) => FileKind::Unreadable,
            },
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => FileKind::Unreadable,
            Err(_) => FileKind::Missing,
        }
    }
}

impl Host for Machine {
    fn interface(&self, name: &str) -> Option<InterfaceFacts> {
        let found = interfaces::find(name)?;
        let driver = interfaces::driver(name);
        Some(InterfaceFacts {
            loopback: found.loopback,
            multicast: found.multicast,
            mtu: found.mtu,
            ethernet: found.ethernet,
            vrf: driver.as_deref() == Some("vrf"),
            stacked: matches!(driver.as_deref(), Some("macvlan" | "ipvlan")),
        })
    }

    fn user(&self, name: &str) -> Option<RunAs> {
        users::user(name).ok().flatten().map(run_as)
    }

    fn group(&self, name: &str) -> Option<u32> {
        users::group(name).ok().flatten()
    }

    fn groups(&self, user: &RunAs) -> Vec<u32> {
        // Where the user database does not know them they have no other groups.
        users::groups(user.uid, user.gid).unwrap_or_else(|_| vec![user.gid])
    }

    fn own(&self) -> RunAs {
        run_as(users::own())
    }

    fn search_path(&self, program: &str) -> Option<PathBuf> {
        let path = std::env::var_os("PATH").unwrap_or_else(|| DEFAULT_PATH.into());
        let candidates =
            std::env::split_paths(&path).map(|directory| directory.join(program)).collect::<Vec<_>>();
        let executable = |candidate: &PathBuf| {
            candidate.metadata().is_ok_and(|about| about.is_file() && about.mode() & ANY_EXECUTE != 0)
        };
        candidates.into_iter().find(executable)
    }

    fn script(&self, path: &Path, user: &RunAs) -> ScriptFacts {
        let Ok(resolved) = path.canonicalize() else { return ScriptFacts::default() };
        let Ok(about) = resolved.metadata() else { return ScriptFacts::default() };
        ScriptFacts {
            executable: about.is_file() && may_execute(&about, user),
            weak: runs_as_root(&about, user)
                .then(|| lint::weak_step(&resolved, &self.components(&resolved)))
                .flatten(),
            has_interpreter: has_interpreter(&resolved),
            resolved: Some(resolved),
        }
    }

    fn key_file(&self, path: &Path) -> KeyFile {
        let Ok(file) = File::open(path) else { return KeyFile::Unreadable };
        let exposed = file.metadata().is_ok_and(|about| about.mode() & 0o044 != 0);
        let mut bytes = Vec::new();
        match file.take(KEY_FILE_MAX + 1).read_to_end(&mut bytes) {
            Err(_) => KeyFile::Unreadable,
            Ok(length) if length as u64 > KEY_FILE_MAX => KeyFile::TooLarge,
            Ok(_) => KeyFile::Read { bytes, exposed },
        }
    }

    fn watch(&self, path: &Path) -> Watch {
        let directory = match path.parent() {
            Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
            Some(parent) => parent,
            None => path,
        };
        let tells = directory.canonicalize().and_then(|directory| filesystem::tells_changes(&directory));
        match tells {
            Ok(true) => Watch::Possible,
            Ok(false) => Watch::Impossible,
            Err(error) => {
                let errno = error.raw_os_error().unwrap_or(0);
                Watch::NoDirectory { errno: errno.unsigned_abs(), text: errno_text(errno) }
            }
        }
    }

    fn surroundings(&self) -> Option<&dyn Surroundings> {
        Some(self)
    }

    fn address(&self, host: &str) -> bool {
        host.parse::<IpAddr>().is_ok() || resolves(host)
    }

    fn processors(&self) -> u32 {
        let count = std::thread::available_parallelism().map_or(1, |count| count.get());
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    fn directory(&self, path: &Path) -> DirectoryFacts {
        let parent = || path.parent().is_some_and(|parent| parent.as_os_str().is_empty() || parent.is_dir());
        match path.metadata() {
            Ok(about) if about.is_dir() => DirectoryFacts::Usable,
            Ok(_) => DirectoryFacts::Other,
            Err(_) if parent() => DirectoryFacts::Usable,
            Err(_) => DirectoryFacts::Missing,
        }
    }

    fn file(&self, path: &Path) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        File::open(path).and_then(|file| file.take(SMALL_FILE_MAX).read_to_end(&mut bytes)).ok()?;
        Some(bytes)
    }

    fn matches(&self, pattern: &str) -> Vec<PathBuf> {
        glob::matches(pattern)
    }
}

fn run_as(account: users::Account) -> RunAs {
    RunAs::new(account.uid, account.gid)
}

fn may_execute(about: &fs::Metadata, user: &RunAs) -> bool {
    let bits = match () {
        () if user.uid == 0 => ANY_EXECUTE,
        () if user.uid == about.uid() => 0o100,
        () if user.gid == about.gid() => 0o010,
        () => 0o001,
    };
    about.mode() & bits != 0
}

/// By its user, or because the file itself says so.
fn runs_as_root(about: &fs::Metadata, user: &RunAs) -> bool {
    let set_user = about.mode() & 0o4000 != 0 && about.uid() == 0;
    let set_group = about.mode() & 0o2000 != 0 && about.gid() == 0;
    user.uid == 0 || user.gid == 0 || set_user || set_group
}

impl Surroundings for Machine {
    fn interfaces(&self) -> Vec<lint::Interface> {
        let all = interfaces::addresses().into_iter();
        all.map(|(name, addresses)| lint::Interface { name, addresses }).collect()
    }

    fn components(&self, path: &Path) -> Vec<Component> {
        let mut parts: Vec<&Path> = path.ancestors().collect();
        parts.reverse();
        parts.into_iter().map_while(component).collect()
    }

    fn beginning(&self, path: &Path) -> Option<Vec<u8>> {
        // What is no regular file may never end, or never begin.
        let about = path.metadata().ok().filter(fs::Metadata::is_file);
        let file = about.and_then(|_| File::open(path).ok())?;
        let mut bytes = Vec::new();
        file.take(lint::BEGINNING as u64).read_to_end(&mut bytes).ok()?;
        Some(bytes)
    }
}

fn component(path: &Path) -> Option<Component> {
    let about = path.symlink_metadata().ok()?;
    let kind = match about.file_type() {
        kind if kind.is_dir() => ComponentKind::Directory,
        kind if kind.is_file() => ComponentKind::File,
        kind if kind.is_symlink() => ComponentKind::Link(fs::read_link(path).unwrap_or_default()),
        _ => ComponentKind::Other,
    };
    let mode = about.mode() & 0o7777;
    Some(Component { path: path.to_owned(), kind, uid: about.uid(), gid: about.gid(), mode })
}

/// A script that names its interpreter, or a program. What cannot be read gets the benefit of the doubt.
fn has_interpreter(path: &Path) -> bool {
    let mut begin = [0; 4];
    let length = File::open(path).and_then(|mut file| file.read(&mut begin));
    match (length, begin) {
        (Ok(_), [b'#', b'!', ..] | [0x7f, b'E', b'L', b'F']) | (Err(_), _) => true,
        (Ok(_), _) => false,
    }
}

/// Asks the name service, in a process of its own: it may take as long as it likes, a start may not. No answer
/// in time is no reason to call a name wrong.
fn resolves(host: &str) -> bool {
    let Ok(asker) = process::fork(|| u8::from((host, 0).to_socket_addrs().is_err())) else { return false };
    let end = Instant::now() + NAME_SERVICE_PATIENCE;
    while Instant::now() < end {
        if let Some((_, ended)) = process::reap(Some(asker)) {
            return ended == Ended::Code(0);
        }
        std::thread::sleep(NAME_SERVICE_STEP);
    }
    // It cannot be there any more only if somebody else took its end.
    let _ = process::kill(asker, Signal::KILL);
    true
}

/// What is longer is cut: such files name a few dozen things.
const SMALL_FILE_MAX: u64 = 1 << 20;
/// More than the longest key takes in hexadecimal digits.
const KEY_FILE_MAX: u64 = 1024;
const ANY_EXECUTE: u32 = 0o111;
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const NAME_SERVICE_PATIENCE: Duration = Duration::from_millis(500);
const NAME_SERVICE_STEP: Duration = Duration::from_millis(1);

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    const ROOT: RunAs = RunAs::new(0, 0);
    const SOMEBODY: RunAs = RunAs::new(12_345, 12_345);

    fn script(name: &str, text: &[u8], mode: u32) -> PathBuf {
        let path = std::env::temp_dir().join(format!("keepalived-host-{name}-{}", std::process::id()));
        fs::write(&path, text).expect("write");
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("chmod");
        path
    }

    #[test]
    fn a_script_is_judged_by_its_mode_and_its_user() {
        let path = script("mode", b"#!/bin/sh\n", 0o750);
        let (root, other) = (Machine.script(&path, &ROOT), Machine.script(&path, &SOMEBODY));
        assert!(root.executable && root.has_interpreter);
        assert!(!other.executable);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).expect("chmod");
        assert!(!Machine.script(&path, &ROOT).executable);
        fs::remove_file(&path).expect("remove");
        assert_eq!(Machine.script(&path, &ROOT), ScriptFacts::default());
    }

    #[test]
    fn a_script_that_others_may_write_is_insecure_for_root_only() {
        let path = script("insecure", b"exit 0\n", 0o777);
        let (root, other) = (Machine.script(&path, &ROOT), Machine.script(&path, &SOMEBODY));
        assert!(root.weak.is_some() && other.weak.is_none() && !root.has_interpreter);
        fs::remove_file(&path).expect("remove");
        let shell = Machine.script(Path::new("/bin/sh"), &ROOT);
        assert!(shell.weak.is_none() && shell.has_interpreter && shell.executable);
    }

    #[test]
    fn kinds_of_files_are_told_apart() {
        let path = script("kind", b"", 0o644);
        assert_eq!(Disk.kind(&path), FileKind::Regular { executable: false });
        fs::set_permissions(&path, fs::Permissions::from_mode(0o744)).expect("chmod");
        assert_eq!(Disk.kind(&path), FileKind::Regular { executable: true });
        fs::remove_file(&path).expect("remove");
        assert_eq!(Disk.kind(&path), FileKind::Missing);
        assert_eq!(Disk.kind(Path::new("/")), FileKind::Directory);
        assert_eq!(Disk.kind(Path::new("/dev/null")), FileKind::Other);
    }

    #[test]
    fn programs_users_interfaces_and_addresses_are_found() {
        assert!(Machine.search_path("sh").is_some_and(|path| path.ends_with("sh")));
        assert_eq!(Machine.search_path("keepalived-no-such-program"), None);
        assert_eq!(Machine.user("root"), Some(ROOT));
        assert_eq!(Machine.user("keepalived-no-such-user"), None);
        assert!(Machine.interface("lo").is_some_and(|found| found.loopback));
        assert_eq!(Machine.interface("keepalived-none"), None);
        assert!(Machine.address("192.0.2.1") && Machine.address("2001:db8::1"));
        assert!(!Machine.address("keepalived.invalid"));
    }

    #[test]
    fn files_that_cannot_be_watched_are_told_apart() {
        assert_eq!(Machine.watch(Path::new("/proc/loadavg")), Watch::Impossible);
        assert_eq!(Machine.watch(&std::env::temp_dir().join("keepalived-none")), Watch::Possible);
        let Watch::NoDirectory { errno, .. } = Machine.watch(Path::new("/keepalived-none/file")) else {
            panic!("there is no such directory")
        };
        assert_eq!(errno, 2);
    }
}
