//! One engine process, as its parent sees it.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Instant;

use keepalived_sys::process::{self, Pid};
use keepalived_sys::signals::Signal;

use crate::handoff::{self, Start, SupervisorControl, ToEngine, ToSupervisor};

/// A process started with [`handoff::start_engine`] that has not been reaped yet.
#[derive(Debug)]
pub struct Child {
    /// Its process id.
    pub pid: Pid,
    /// When it was started.
    pub born: Instant,
    control: Option<SupervisorControl>,
}

impl Child {
    /// Starts one.
    pub fn start(which: Start, config: &File, memory: &OwnedFd) -> io::Result<Self> {
        let (pid, control) = handoff::start_engine(which, config, memory.as_fd())?;
        Ok(Self { pid: Pid(pid), born: Instant::now(), control: Some(control) })
    }

    /// What to wait for; none once it has hung up.
    pub fn control(&self) -> Option<BorrowedFd<'_>> {
        self.control.as_ref().map(AsFd::as_fd)
    }

    /// Everything it has said since the last time.
    pub fn listen(&mut self) -> Vec<ToSupervisor> {
        let mut heard = Vec::new();
        while let Some(control) = &self.control {
            match control.receive() {
                Ok(Some(message)) => heard.push(message),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                // It hung up, or talks nonsense: its death will be seen as a child's death.
                Ok(None) | Err(_) => self.control = None,
            }
        }
        heard
    }

    /// Says something to it.
    pub fn tell(&self, message: &ToEngine) -> io::Result<()> {
        match &self.control {
            Some(control) => control.send(message),
            None => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    /// Sends it a signal. It may just have ended, which is found out elsewhere.
    pub fn signal(&self, signal: Signal) {
        let _ = process::kill(self.pid, signal);
    }
}
