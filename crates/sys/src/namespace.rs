//! Namespaces of this process: another network, and a view of the file system of its own.
//!
//! To be entered while the process has one thread: threads started later live in the same namespaces, earlier
//! ones would stay behind.

use std::fs::File;
use std::io;
use std::path::Path;

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, setns, unshare};

/// Moves this process into the network namespace that the file stands for.
pub fn enter_network(file: &File) -> io::Result<()> {
    Ok(setns(file, CloneFlags::CLONE_NEWNET)?)
}

/// Gives this process mounts of its own. Mounts of the host still appear in it, its own stay its own.
pub fn own_mounts() -> io::Result<()> {
    unshare(CloneFlags::CLONE_NEWNS)?;
    let nothing = None::<&str>;
    Ok(mount(nothing, "/", nothing, MsFlags::MS_SLAVE | MsFlags::MS_REC, nothing)?)
}

/// Shows a directory in the place of another one.
pub fn show_at(directory: &Path, place: &Path) -> io::Result<()> {
    let nothing = None::<&str>;
    Ok(mount(Some(directory), place, nothing, MsFlags::MS_BIND, nothing)?)
}

/// Takes away what was last shown at a place, whoever still uses it.
pub fn unshow(place: &Path) -> io::Result<()> {
    Ok(umount2(place, MntFlags::MNT_DETACH)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::{Ended, fork, reap};
    use std::time::{Duration, Instant};

    #[test]
    fn what_is_shown_in_own_mounts_is_not_seen_outside() {
        if crate::users::own().uid != 0 {
            return eprintln!("SKIP: only root may have namespaces of its own");
        }
        let base = std::env::temp_dir().join(format!("keepalived-view-{}", std::process::id()));
        let (shown, place) = (base.join("shown"), base.join("place"));
        std::fs::create_dir_all(&shown).unwrap();
        std::fs::create_dir_all(&place).unwrap();
        let inside = place.join("inside");
        let (shown_there, place_there, inside_there) = (shown.clone(), place.clone(), inside.clone());
        let copy = fork(move || {
            let steps = [own_mounts(), show_at(&shown_there, &place_there)];
            let written = std::fs::write(&inside_there, "");
            let unshown = unshow(&place_there);
            let ok = steps.iter().all(Result::is_ok) && written.is_ok() && unshown.is_ok();
            u8::from(!ok || inside_there.exists())
        });
        let (copy, patience) = (copy.unwrap(), Instant::now() + Duration::from_secs(10));
        let ended = loop {
            match reap(Some(copy)) {
                Some((_, ended)) => break ended,
                None if Instant::now() > patience => panic!("the copy did not end"),
                None => std::thread::sleep(Duration::from_millis(2)),
            }
        };
        assert_eq!(ended, Ended::Code(0));
        assert!(!inside.exists() && shown.join("inside").exists());
        std::fs::remove_dir_all(&base).unwrap();
    }
}
