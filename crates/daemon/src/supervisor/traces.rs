//! What reading a configuration leaves on the disk: a copy is kept (`config_save_dir`), and the file goes by which
//! somebody waits for the end of it (`reload_file`).

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use keepalived_model::global::Marker;

use crate::compat::defaults::RELOAD_MARKER;
use crate::log;

use super::plan::Reading;

/// Removes the file that whoever asks for a reload makes before: the files of the configuration may be changed
/// again.
pub(super) fn unmark(reading: &Reading) {
    let path = match &reading.global().reload.marker {
        Marker::None => return,
        Marker::BesidePidFile => reading.place().directory().join(RELOAD_MARKER),
        Marker::At(path) => path.clone(),
    };
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            log::info(format_args!("Unable to remove {} - {}", path.display(), super::kind(&error)));
        }
        // Most reloads are asked for without one.
        _ => {}
    }
}

/// Keeps a copy of the configuration, as one file, under the number of its reading.
pub(super) fn keep(reading: &Reading, number: u32) {
    let Some(directory) = &reading.global().lookups.saved_configurations else { return };
    let path = directory.join(format!("keepalived.conf.{}.{number}", super::own_pid()));
    if let Err(error) = write(directory, &path, &reading.consolidated()) {
        log::info(format_args!("Unable to write {} - {}", path.display(), super::kind(&error)));
    }
}

fn write(directory: &Path, path: &Path, text: &str) -> io::Result<()> {
    match DirBuilder::new().mode(DIRECTORY_MODE).create(directory) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    // Passwords are in it.
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(MODE).open(path)?;
    file.write_all(text.as_bytes())
}

const MODE: u32 = 0o600;
const DIRECTORY_MODE: u32 = 0o700;
