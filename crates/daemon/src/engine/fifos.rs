//! Named pipes that get a line for every change (`spec` runtime 5.3), and what reads them.
//!
//! Writing never waits. Both ends are held open, so that lines stay in the pipe while nobody reads (64 KiB with
//! Linux); when it is full, [`WAITING_MAX`] more lines wait here. Beyond that the oldest one goes, as the newest
//! state is what counts, and the log says so. The original drops the newest and says nothing.

use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt, chown};
use std::path::Path;

use keepalived_model::global;
use keepalived_model::global::Fifo;
use keepalived_sys::filesystem;

use crate::engine::scripts::Scripts;
use crate::launcher::protocol::RunNumber;
use crate::log;

/// Lines that wait for the reader of one pipe.
const WAITING_MAX: usize = 1000;

/// All pipes.
#[derive(Debug, Default)]
pub struct Fifos {
    pipes: Vec<Pipe>,
}

#[derive(Debug)]
struct Pipe {
    /// What is configured.
    config: Fifo,
    /// None where it could not be had, which was said.
    file: Option<File>,
    /// It was not there before, and goes with us.
    made: bool,
    reader: Option<RunNumber>,
    waiting: VecDeque<Vec<u8>>,
    /// Lines nobody will read, since the log last said so.
    lost: usize,
}

impl Fifos {
    /// Opens what is configured now and closes what is not any more. What stays the same is not touched, and a
    /// reader that ended is started again.
    pub fn configure(&mut self, fifos: &global::Fifos, scripts: &mut Scripts) {
        let mut before = std::mem::take(&mut self.pipes);
        for config in [&fifos.all, &fifos.vrrp].into_iter().flatten() {
            let same = |pipe: &Pipe| (&pipe.config.path, &pipe.config.owner) == (&config.path, &config.owner);
            let kept = before.iter().position(|pipe| same(pipe) && pipe.is_in_place());
            let mut pipe = match kept {
                Some(index) => before.swap_remove(index),
                None => {
                    // What was there under this name is not there any more, or never was.
                    before.extract_if(.., |pipe| same(pipe)).for_each(|pipe| pipe.leave(scripts));
                    Pipe::open(config.clone())
                }
            };
            if pipe.config.script != config.script {
                pipe.end_reader(scripts);
                pipe.config.script.clone_from(&config.script);
            }
            pipe.start_reader(scripts);
            self.pipes.push(pipe);
        }
        before.into_iter().for_each(|pipe| pipe.leave(scripts));
    }

    /// Writes a line into all of them, as far as they take it now.
    pub fn write(&mut self, line: &str) {
        let listens = |pipe: &&mut Pipe| pipe.file.is_some();
        for pipe in self.pipes.iter_mut().filter(listens) {
            if pipe.waiting.len() == WAITING_MAX {
                pipe.waiting.pop_front();
                if pipe.lost == 0 {
                    let path = pipe.config.path.display();
                    log::info(format_args!("notify fifo {path} is full and nobody reads it - losing lines"));
                }
                pipe.lost += 1;
            }
            pipe.waiting.push_back(line.as_bytes().to_vec());
            pipe.flush();
        }
    }

    /// Tries again what did not fit.
    pub fn flush(&mut self) {
        self.pipes.iter_mut().for_each(Pipe::flush);
    }

    /// Whether lines wait.
    pub fn is_waiting(&self) -> bool {
        self.pipes.iter().any(|pipe| !pipe.waiting.is_empty())
    }

    /// A reader has ended; it is started again by the next reload, as with the original.
    pub fn reader_ended(&mut self, number: RunNumber) {
        if let Some(pipe) = self.pipes.iter_mut().find(|pipe| pipe.reader == Some(number)) {
            pipe.reader = None;
            log::info("vrrp notify fifo script terminated");
        }
    }

    /// Readers do not live to see the stop (`spec` runtime 1.5).
    pub fn stop(&mut self, scripts: &mut Scripts) {
        self.pipes.iter_mut().for_each(|pipe| pipe.end_reader(scripts));
    }

    /// The end.
    pub fn close(&mut self) {
        self.pipes.drain(..).for_each(Pipe::close);
    }
}

impl Pipe {
    fn open(config: Fifo) -> Self {
        let (file, made) = match prepare(&config) {
            Ok((file, made)) => (Some(file), made),
            Err(Unusable::Creation) => {
                log::info(format_args!("Unable to create notify fifo {}", config.path.display()));
                (None, false)
            }
            Err(Unusable::Opening(error)) => {
                log::info(format_args!("Unable to open notify fifo {} - {error}", config.path.display()));
                (None, false)
            }
            Err(Unusable::OtherKind) => {
                // A file could make us wait for a disk.
                let path = config.path.display();
                log::info(format_args!("Unable to use notify fifo {path} - it is not a named pipe"));
                (None, false)
            }
        };
        let waiting = VecDeque::new();
        Self { config, file, made, reader: None, waiting, lost: 0 }
    }

    /// Whether whoever opens its path gets to it.
    fn is_in_place(&self) -> bool {
        let ours = self.file.as_ref().and_then(|file| file.metadata().ok());
        let there = fs::metadata(&self.config.path).ok();
        ours.zip(there).is_some_and(|(ours, there)| (ours.dev(), ours.ino()) == (there.dev(), there.ino()))
    }

    fn leave(mut self, scripts: &mut Scripts) {
        self.end_reader(scripts);
        self.close();
    }

    fn start_reader(&mut self, scripts: &mut Scripts) {
        if let (Some(command), None, Some(_)) = (&self.config.script, self.reader, &self.file) {
            self.reader = scripts.read_pipe(command, &self.config.path);
        }
    }

    fn end_reader(&mut self, scripts: &mut Scripts) {
        if let Some(reader) = self.reader.take() {
            scripts.end_reader(reader);
        }
    }

    fn flush(&mut self) {
        let Some(mut file) = self.file.as_ref() else { return };
        while let Some(line) = self.waiting.front_mut() {
            match file.write(line) {
                Ok(written) if written < line.len() => drop(line.drain(..written)),
                Ok(_) => drop(self.waiting.pop_front()),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(_) => {
                    self.waiting.pop_front();
                    self.lost += 1;
                }
            }
        }
        if self.lost > 0 {
            let path = self.config.path.display();
            log::info(format_args!("notify fifo {path} lost {} lines", std::mem::take(&mut self.lost)));
        }
    }

    fn close(mut self) {
        self.flush();
        self.lost += self.waiting.len();
        let path = self.config.path.as_path();
        if self.lost > 0 {
            log::info(format_args!("notify fifo {} lost {} lines", path.display(), self.lost));
        }
        if self.made && self.is_in_place() {
            // Somebody else may have removed it.
            let _gone = fs::remove_file(path);
        }
    }
}

enum Unusable {
    Creation,
    Opening(io::Error),
    OtherKind,
}

/// A pipe open at both ends, and whether it is ours. One that was there keeps its owner and its mode.
fn prepare(config: &Fifo) -> Result<(File, bool), Unusable> {
    let path: &Path = &config.path;
    let made = match filesystem::make_fifo(path) {
        Ok(()) => true,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => false,
        Err(_) => return Err(Unusable::Creation),
    };
    if !made && !fs::metadata(path).is_ok_and(|found| found.file_type().is_fifo()) {
        return Err(Unusable::OtherKind);
    }
    if made {
        chown(path, Some(config.owner.uid), Some(config.owner.gid)).map_err(Unusable::Opening)?;
    }
    let nonblocking = filesystem::NONBLOCK;
    let file = OpenOptions::new().read(true).write(true).custom_flags(nonblocking).open(path);
    let file = file.map_err(Unusable::Opening)?;
    // It may have become something else in between.
    match file.metadata() {
        Ok(found) if found.file_type().is_fifo() => Ok((file, made)),
        Ok(_) => Err(Unusable::OtherKind),
        Err(error) => Err(Unusable::Opening(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::path::PathBuf;

    fn place(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("keepalived-fifo-{}-{name}", std::process::id()))
    }

    fn pipe(path: &Path) -> Pipe {
        let account = keepalived_sys::users::own();
        let owner =
            keepalived_model::notify::RunAs { uid: account.uid, gid: account.gid, groups: Vec::new() };
        Pipe::open(Fifo { path: path.into(), owner, script: None })
    }

    #[test]
    fn what_was_made_goes_and_what_was_there_stays() {
        let path = place("made");
        let first = pipe(&path);
        let second = pipe(&path);
        assert!(first.made && !second.made && second.file.is_some());
        second.close();
        assert!(path.exists());
        first.close();
        assert!(!path.exists());
        fs::write(&path, "a file").expect("written");
        assert!(pipe(&path).file.is_none());
        fs::remove_file(&path).expect("removed");
    }

    #[test]
    fn the_newest_lines_are_kept_while_nobody_reads() {
        let path = place("full");
        let mut fifos = Fifos { pipes: vec![pipe(&path)] };
        let line = |number: usize| format!("INSTANCE \"VI_{number}\" MASTER 100 {}\n", "x".repeat(100));
        // More than the pipe takes and more than wait here.
        let count = 64 * 1024 / 100 + 2 * WAITING_MAX;
        (0..count).for_each(|number| fifos.write(&line(number)));
        assert!(fifos.is_waiting());
        let mut reader = OpenOptions::new();
        let mut reader = reader.read(true).custom_flags(filesystem::NONBLOCK).open(&path).expect("a reader");
        let mut read = String::new();
        let mut bytes = [0; 8192];
        while fifos.is_waiting() {
            while let Ok(length @ 1..) = reader.read(&mut bytes) {
                read += &String::from_utf8_lossy(&bytes[..length]);
            }
            fifos.flush();
        }
        while let Ok(length @ 1..) = reader.read(&mut bytes) {
            read += &String::from_utf8_lossy(&bytes[..length]);
        }
        let newest: String = (count - WAITING_MAX..count).map(line).collect();
        assert!(read.starts_with(&line(0)) && read.ends_with(&newest), "{}", read.len());
        fifos.close();
    }
}
