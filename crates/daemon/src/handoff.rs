//! What the supervisor hands to the processes it starts, and what they say to each other afterwards.
//!
//! ```text
//!             exec of the same program, same arguments, KEEPALIVED_RS_ROLE=vrrp:3:4:5
//! supervisor ────────────────────────────────────────────────────────────────────────► engine
//!             control socket   ◄── Ready, Applied, Refused     Config{generation, file} ──►
//!             configuration    sealed memory file: lines as read, and answers that needed a blocking look-up
//!             memory           shared memory file that survives the engine (crate `core`, `memory`)
//! ```
//!
//! Command-line options do not travel: every process parses the same arguments again.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

use keepalived_sys::inherit::{self, Inherited};
use keepalived_sys::memfd;
use keepalived_sys::seqpacket::Seqpacket;

/// Which of several configurations is meant: 1 at start, one more with every reload that was tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Generation(pub u32);

/// What this process is.
#[derive(Debug)]
pub enum Role {
    /// Started by an operator (or init): the supervisor, or one of the short commands.
    Outermost,
    /// The VRRP engine.
    Vrrp(Handoff),
    /// Removes what a dead VRRP engine left in the kernel, and ends.
    Release(Handoff),
}

/// What an engine is given.
#[derive(Debug)]
pub struct Handoff {
    /// To and from the supervisor.
    pub control: EngineControl,
    /// The first configuration.
    pub config: File,
    /// Memory shared with the supervisor and with the successors of this process.
    pub memory: OwnedFd,
}

/// The engine's end of the control socket. Non-blocking.
#[derive(Debug)]
pub struct EngineControl(Seqpacket);

/// The supervisor's end of the control socket. Non-blocking.
#[derive(Debug)]
pub struct SupervisorControl(Seqpacket);

/// What a supervisor says to an engine.
#[derive(Debug)]
pub enum ToEngine {
    /// Take up this configuration; to be answered with [`ToSupervisor::Applied`] or [`ToSupervisor::Refused`].
    Config {
        /// Its number.
        generation: Generation,
        /// Its bytes, in the form of the first one.
        config: File,
    },
}

/// What an engine says to its supervisor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToSupervisor {
    /// Signals and sockets are set up, the first configuration is in force.
    Ready(Generation),
    /// The configuration of this number is in force.
    Applied(Generation),
    /// The configuration of this number cannot be used (said in the log); the old one stands (D2).
    Refused(Generation),
}

impl Generation {
    /// The one an engine is started with when nothing was ever reloaded.
    pub const FIRST: Self = Self(1);

    /// The one after this.
    pub const fn next(self) -> Self {
        Self(self.0.wrapping_add(1))
    }
}

impl Role {
    /// What this process was started as. To be called first of all, while there is only one thread. An error
    /// means that somebody set our environment variable by hand.
    pub fn take() -> io::Result<Self> {
        match inherit::take_inherited() {
            None => Ok(Self::Outermost),
            Some(inherited) => {
                Self::from_inherited(inherited).ok_or_else(|| io::ErrorKind::InvalidInput.into())
            }
        }
    }

    fn from_inherited(Inherited { role, files }: Inherited) -> Option<Self> {
        let mut files = files.into_iter();
        let control = EngineControl(Seqpacket::from(files.next()?));
        let handoff = Handoff { control, config: files.next()?.into(), memory: files.next()? };
        match role.as_str() {
            VRRP => Some(Self::Vrrp(handoff)),
            RELEASE => Some(Self::Release(handoff)),
            _ => None,
        }
    }
}

/// Which engine process to start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// The VRRP engine.
    Vrrp,
    /// What cleans up after it.
    Release,
}

/// What an engine is given by the process that it is itself, and the supervisor's end of its socket.
pub fn alone(config: File, memory: OwnedFd) -> io::Result<(Handoff, SupervisorControl)> {
    let (ours, theirs) = Seqpacket::pair()?;
    Ok((Handoff { control: EngineControl(theirs), config, memory }, SupervisorControl(ours)))
}

/// Starts an engine and returns its process id and our end of its control socket.
pub fn start_engine(
    which: Start,
    config: &File,
    memory: BorrowedFd<'_>,
) -> io::Result<(i32, SupervisorControl)> {
    let (ours, theirs) = Seqpacket::pair()?;
    let role = match which {
        Start::Vrrp => VRRP,
        Start::Release => RELEASE,
    };
    let pid = inherit::start_self(role, &[theirs.as_fd(), config.as_fd(), memory])?;
    Ok((pid.as_raw(), SupervisorControl(ours)))
}

impl EngineControl {
    /// Says something to the supervisor. Errors mean that it is gone, which PDEATHSIG tells as well.
    pub fn send(&self, message: ToSupervisor) -> io::Result<()> {
        let (kind, Generation(generation)) = match message {
            ToSupervisor::Ready(generation) => (READY, generation),
            ToSupervisor::Applied(generation) => (APPLIED, generation),
            ToSupervisor::Refused(generation) => (REFUSED, generation),
        };
        self.0.send(&frame(kind, generation), None)
    }

    /// What the supervisor said; `None` when it is gone, `WouldBlock` when it said nothing.
    pub fn receive(&self) -> io::Result<Option<ToEngine>> {
        let Some(message) = self.0.receive()? else { return Ok(None) };
        match (unframe(&message.bytes), message.file) {
            (Some((CONFIG, generation)), Some(file)) => {
                Ok(Some(ToEngine::Config { generation: Generation(generation), config: file.into() }))
            }
            _ => Err(io::ErrorKind::InvalidData.into()),
        }
    }
}

impl SupervisorControl {
    /// Says something to the engine; `WouldBlock` when it does not listen.
    pub fn send(&self, message: &ToEngine) -> io::Result<()> {
        let ToEngine::Config { generation: Generation(generation), config } = message;
        self.0.send(&frame(CONFIG, *generation), Some(config.as_fd()))
    }

    /// What the engine said; `None` when it is gone, `WouldBlock` when it said nothing.
    pub fn receive(&self) -> io::Result<Option<ToSupervisor>> {
        let Some(message) = self.0.receive()? else { return Ok(None) };
        match unframe(&message.bytes) {
            Some((READY, generation)) => Ok(Some(ToSupervisor::Ready(Generation(generation)))),
            Some((APPLIED, generation)) => Ok(Some(ToSupervisor::Applied(Generation(generation)))),
            Some((REFUSED, generation)) => Ok(Some(ToSupervisor::Refused(Generation(generation)))),
            _ => Err(io::ErrorKind::InvalidData.into()),
        }
    }
}

impl AsFd for EngineControl {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl AsRawFd for EngineControl {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

impl AsFd for SupervisorControl {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// The bytes of a configuration as it travels.
pub fn config_bytes(config: &File) -> io::Result<Vec<u8>> {
    memfd::read_all(config)
}

/// A configuration as it travels, in its parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parts<'a> {
    /// What idents in the log end with: needed before anything can be said about the rest.
    pub suffix: &'a str,
    /// `Lines::to_bytes`.
    pub lines: &'a [u8],
    /// `Answers::to_bytes`.
    pub answers: &'a [u8],
}

/// The bytes of a configuration from its parts.
pub fn join_config(parts: &Parts<'_>) -> Vec<u8> {
    let length = |part: &[u8]| u64::try_from(part.len()).unwrap_or(u64::MAX).to_le_bytes();
    let Parts { suffix, lines, answers } = parts;
    let suffix = suffix.as_bytes();
    [&length(suffix)[..], suffix, &length(lines), lines, answers].concat()
}

/// The parts; `None` for bytes that [`join_config`] did not make.
pub fn split_config(bytes: &[u8]) -> Option<Parts<'_>> {
    fn part(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
        let (length, rest) = bytes.split_first_chunk::<8>()?;
        rest.split_at_checked(usize::try_from(u64::from_le_bytes(*length)).ok()?)
    }
    let (suffix, rest) = part(bytes)?;
    let (lines, answers) = part(rest)?;
    Some(Parts { suffix: std::str::from_utf8(suffix).ok()?, lines, answers })
}

fn frame(kind: u32, generation: u32) -> [u8; 8] {
    let mut bytes = [0; 8];
    let (head, tail) = bytes.split_at_mut(4);
    head.copy_from_slice(&kind.to_ne_bytes());
    tail.copy_from_slice(&generation.to_ne_bytes());
    bytes
}

fn unframe(bytes: &[u8]) -> Option<(u32, u32)> {
    let (kind, generation) = bytes.split_first_chunk::<4>()?;
    Some((u32::from_ne_bytes(*kind), u32::from_ne_bytes(generation.try_into().ok()?)))
}

const VRRP: &str = "vrrp";
const RELEASE: &str = "release";

const READY: u32 = 1;
const APPLIED: u32 = 2;
const REFUSED: u32 = 3;
const CONFIG: u32 = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_of_a_control_socket_understand_each_other() {
        let (ours, theirs) = Seqpacket::pair().expect("socketpair");
        let (supervisor, engine) = (SupervisorControl(ours), EngineControl(theirs));
        engine.send(ToSupervisor::Ready(Generation::FIRST)).expect("send");
        assert_eq!(supervisor.receive().expect("receive"), Some(ToSupervisor::Ready(Generation(1))));
        let config = File::from(memfd::sealed("test", b"text").expect("memfd"));
        supervisor.send(&ToEngine::Config { generation: Generation(2), config }).expect("send");
        let Some(ToEngine::Config { generation, config }) = engine.receive().expect("receive") else {
            panic!("no configuration came");
        };
        assert_eq!((generation, config_bytes(&config).expect("read")), (Generation(2), b"text".to_vec()));
        drop(engine);
        assert_eq!(supervisor.receive().expect("end"), None);
    }

    #[test]
    fn a_configuration_comes_apart_as_it_was_joined() {
        let parts = Parts { suffix: "_blue", lines: b"lines", answers: b"answers" };
        let bytes = join_config(&parts);
        assert_eq!(split_config(&bytes), Some(parts));
        assert_eq!(split_config(&bytes[..24]), None);
        assert_eq!(split_config(b"short"), None);
    }

    #[test]
    fn a_message_of_another_length_is_refused() {
        assert_eq!(unframe(&[0; 7]), None);
        assert_eq!(unframe(&[0; 9]), None);
    }
}
