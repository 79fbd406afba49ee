//! Files that a start creates (`init_file`).

use std::ffi::OsStr;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;

use keepalived_model::track::File;

use crate::log;

/// Writes their first number into the files that want one: those that are missing, and those to be overwritten.
pub fn init_files(files: &[File], umask: u32) {
    for file in files {
        let Some(init) = file.init else { continue };
        let mut options = OpenOptions::new();
        options.write(true).mode(0o666 & !umask).custom_flags(keepalived_sys::filesystem::NONBLOCK);
        match init.overwrite {
            true => options.create(true).truncate(true),
            false => options.create_new(true),
        };
        let written = options
            .open(OsStr::from_bytes(&file.path))
            .and_then(|mut opened| opened.write_all(format!("{}\n", init.value).as_bytes()));
        match written {
            Err(error) if !init.overwrite && error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => {
                let path = String::from_utf8_lossy(&file.path);
                log::info(format_args!("Unable to initialise track file {path} - {error}"));
            }
            Ok(()) => {}
        }
    }
}
