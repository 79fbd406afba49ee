//! The machine that a file is meant for: this one, as the file's network namespace sees it.

use std::fs::File;
use std::io;

use keepalived_conf::{Elsewhere, Host, Sourced, lower};
use keepalived_sys::{errno_text, namespace};

use super::options::CheckOptions;
use crate::host::Machine;
use crate::supervisor::Place;

/// What somebody found out about a file, and why not about this machine, where it was to be.
pub struct Seen<T> {
    pub found: T,
    pub unseen: Option<String>,
}

/// Asks about the machine in the network namespace that the file names. Where that cannot be entered, interfaces
/// of ours would be the wrong ones, so that the file is believed as if it were for another machine.
pub fn there<T>(sourced: &Sourced, options: &CheckOptions, ask: impl FnOnce(&dyn Host) -> T) -> Seen<T> {
    if options.no_host {
        return Seen { found: ask(&Elsewhere), unseen: None };
    }
    let global = lower(&sourced.lines, &Elsewhere).config.global;
    let place = Place::of(&global);
    if !place.is_elsewhere() {
        return Seen { found: ask(&Machine), unseen: None };
    }
    match enter(&place) {
        Ok(here) => {
            let found = ask(&Machine);
            // Whoever was let in is let out.
            let _back = namespace::enter_network(&here);
            Seen { found, unseen: None }
        }
        Err(error) => {
            let name = global.namespaces.network.unwrap_or_default();
            let why = errno_text(error.raw_os_error().unwrap_or(0));
            let unseen = format!(
                "net_namespace {name} cannot be entered ({why}): interfaces, users and scripts were not looked for"
            );
            Seen { found: ask(&Elsewhere), unseen: Some(unseen) }
        }
    }
}

/// Moves to the place; the result is where we come from.
fn enter(place: &Place) -> io::Result<File> {
    let here = File::open("/proc/self/ns/net")?;
    place.enter_network()?;
    Ok(here)
}
