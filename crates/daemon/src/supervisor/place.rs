//! Where on its host a daemon lives, and what it is called among others (`spec` runtime 1.3, 1.13).
//!
//! ```text
//! nothing configured       /run/keepalived.pid
//! use_pid_dir              /run/keepalived/keepalived.pid
//! instance one             /run/keepalived/keepalived_one.pid            Keepalived_one
//! net_namespace blue       /run/keepalived/blue/keepalived.pid           Keepalived_blue
//! ```
//!
//! In a namespace the last directory is shown as `/run/keepalived` in a view of the file system of the daemon's
//! own, so that everything in there is called as it is outside.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use keepalived_model::global::Global;
use keepalived_sys::namespace;

use crate::compat::defaults::{NAMESPACES, OWN_DIRECTORY, RUN};
use crate::log;

/// What tells a daemon from others on its host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    network: Option<String>,
    instance: Option<String>,
    /// Pid files have a directory of their own.
    own_directory: bool,
}

impl Place {
    /// The one a configuration asks for.
    pub fn of(global: &Global) -> Self {
        let (network, instance) = (global.namespaces.network.clone(), global.instance.clone());
        let own_directory = global.namespaces.pid_directory || network.is_some() || instance.is_some();
        Self { network, instance, own_directory }
    }

    /// What idents in the log end with.
    pub fn suffix(&self) -> String {
        [&self.network, &self.instance].into_iter().flatten().map(|name| format!("_{name}")).collect()
    }

    /// The pid file of a process, unless the command line names another.
    pub fn pid_file(&self, process: &str) -> PathBuf {
        let instance = self.instance.iter().map(|name| format!("_{name}")).collect::<String>();
        self.directory().join(format!("{process}{instance}.pid"))
    }

    /// The same as somebody sees it who is not in the namespace.
    pub fn pid_file_outside(&self, process: &str) -> PathBuf {
        let inside = self.pid_file(process);
        match (&self.network, inside.file_name()) {
            (Some(network), Some(name)) => self.directory().join(network).join(name),
            _ => inside,
        }
    }

    /// The directory of pid files and the like, as the daemon sees it.
    pub fn directory(&self) -> &'static Path {
        Path::new(if self.own_directory { OWN_DIRECTORY } else { RUN })
    }

    /// Whether its interfaces are others than those of whoever started the daemon.
    pub fn is_elsewhere(&self) -> bool {
        self.network.is_some()
    }

    /// Moves to the network namespace alone; whether there was somewhere to go.
    pub fn enter_network(&self) -> io::Result<bool> {
        let Some(name) = &self.network else { return Ok(false) };
        namespace::enter_network(&File::open(Path::new(NAMESPACES).join(name))?)?;
        Ok(true)
    }

    /// Moves in: namespaces, and the directory of pid files. One thread, see [`namespace`]. The failure is
    /// already in the log.
    pub fn move_in(&self) -> Result<(), NoSuchPlace> {
        if let Some(name) = &self.network {
            if let Err(error) = self.enter_network() {
                log::info(format_args!("Failed to open {NAMESPACES}/{name} - {}", super::kind(&error)));
                self.not_there().into_iter().for_each(log::error);
                return Err(NoSuchPlace);
            }
            if let Err(error) = self.take_view(name) {
                let error = super::kind(&error);
                log::error(format_args!("Unable to have an own view of {OWN_DIRECTORY} - {error}"));
                return Err(NoSuchPlace);
            }
        } else if self.own_directory
            && let Err(error) = make_directory(Path::new(OWN_DIRECTORY))
        {
            // The pid files will say so again, if they are to be there.
            log::info(format_args!("Unable to create directory {OWN_DIRECTORY} - {}", super::kind(&error)));
        }
        Ok(())
    }

    /// The sentence about a network namespace that cannot be entered.
    pub fn not_there(&self) -> Option<String> {
        self.network.as_ref().map(|name| format!("Unable to set network namespace {name} - exiting"))
    }

    fn take_view(&self, name: &str) -> io::Result<()> {
        let directory = Path::new(OWN_DIRECTORY).join(name);
        make_directory(Path::new(OWN_DIRECTORY))?;
        make_directory(&directory)?;
        namespace::own_mounts()?;
        namespace::show_at(&directory, Path::new(OWN_DIRECTORY))
    }

    /// Removes the directories of [`Place::move_in`] unless others have files there.
    pub fn move_out(&self) {
        let own = Path::new(OWN_DIRECTORY);
        if let Some(name) = &self.network {
            let _stays = namespace::unshow(own).and_then(|()| fs::remove_dir(own.join(name)));
        }
        if self.own_directory {
            let _others_are_there = fs::remove_dir(own);
        }
    }
}

/// There is no such place, or it is not open to us.
#[derive(Clone, Copy, Debug)]
pub struct NoSuchPlace;

/// Whatever the umask says: others read what is in there.
fn make_directory(path: &Path) -> io::Result<()> {
    match fs::create_dir(path) {
        Ok(()) => fs::set_permissions(path, Permissions::from_mode(MODE)),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

const MODE: u32 = 0o755;

#[cfg(test)]
mod tests {
    use super::*;

    fn place(network: Option<&str>, instance: Option<&str>, pid_directory: bool) -> Place {
        let mut global = Global { instance: instance.map(str::to_owned), ..Global::default() };
        global.namespaces.network = network.map(str::to_owned);
        global.namespaces.pid_directory = pid_directory;
        Place::of(&global)
    }

    #[test]
    fn pid_files_and_idents_follow_what_is_configured() {
        let shown = |network, instance, pid_directory| {
            let place = place(network, instance, pid_directory);
            (place.pid_file("vrrp").to_string_lossy().into_owned(), place.suffix())
        };
        let pair = |file: &str, suffix: &str| (file.to_owned(), suffix.to_owned());
        assert_eq!(shown(None, None, false), pair("/run/vrrp.pid", ""));
        assert_eq!(shown(None, None, true), pair("/run/keepalived/vrrp.pid", ""));
        assert_eq!(shown(None, Some("one"), false), pair("/run/keepalived/vrrp_one.pid", "_one"));
        assert_eq!(shown(Some("blue"), None, false), pair("/run/keepalived/vrrp.pid", "_blue"));
        let outside = place(Some("blue"), Some("one"), false).pid_file_outside("vrrp");
        assert_eq!(outside, Path::new("/run/keepalived/blue/vrrp_one.pid"));
        let both = shown(Some("blue"), Some("one"), false);
        assert_eq!(both, pair("/run/keepalived/vrrp_one.pid", "_blue_one"));
    }

    #[test]
    fn nobody_moves_who_need_not() {
        assert!(!place(None, Some("one"), true).enter_network().expect("stays"));
        assert!(place(Some("no-such-namespace"), None, false).enter_network().is_err());
    }
}
