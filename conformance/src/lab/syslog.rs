//! The reader behind a host's `/dev/log`.

use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::outcome::{Fault, failed};

/// One line as it arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// When the reader took it.
    pub at: Instant,
    /// Facility × 8 + level.
    pub priority: u32,
    /// The program's name for itself.
    pub ident: String,
    /// The process number as the host sees it.
    pub pid: u32,
    /// The message.
    pub text: String,
}

/// A host's log.
#[derive(Default)]
pub struct Syslog {
    lines: Mutex<Vec<Line>>,
    paused: AtomicBool,
    closed: AtomicBool,
}

impl Syslog {
    /// Opens the socket at that path and reads it in a thread of its own.
    ///
    /// # Errors
    /// The socket cannot be bound.
    pub fn listen(path: &Path) -> Result<Arc<Self>, Fault> {
        use std::os::unix::fs::PermissionsExt;
        let socket = UnixDatagram::bind(path)?;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o666))?;
        socket.set_read_timeout(Some(Duration::from_millis(100)))?;
        let log = Arc::new(Self::default());
        let reader = Arc::clone(&log);
        thread::spawn(move || {
            let mut room = vec![0; 65536];
            while !reader.closed.load(Ordering::Relaxed) {
                if reader.paused.load(Ordering::Relaxed) {
                    thread::sleep(Duration::from_millis(5));
                    continue;
                }
                if let Ok(length) = socket.recv(&mut room) {
                    let line = parse(&String::from_utf8_lossy(&room[..length]));
                    reader.lines.lock().unwrap_or_else(PoisonError::into_inner).push(line);
                }
            }
        });
        Ok(log)
    }

    /// Stops reading: the socket's queue fills up and writers block or lose lines.
    pub fn pause(&self) {
        self.paused.store(true, Ordering::Relaxed);
    }

    /// Reads again.
    pub fn resume(&self) {
        self.paused.store(false, Ordering::Relaxed);
    }

    /// Ends the reader.
    pub fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
    }

    /// All lines so far.
    pub fn lines(&self) -> Vec<Line> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many lines there are; a place to count from.
    pub fn mark(&self) -> usize {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// The lines since a mark that contain a text.
    pub fn since(&self, mark: usize, text: &str) -> Vec<Line> {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().skip(mark).filter(|line| line.text.contains(text)).cloned().collect()
    }

    /// The first line since a mark that contains a text, waiting for it.
    ///
    /// # Errors
    /// It did not come in time.
    pub fn wait(&self, mark: usize, text: &str, within: Duration) -> Result<Line, Fault> {
        let until = Instant::now() + within;
        loop {
            if let Some(line) = self.since(mark, text).into_iter().next() {
                return Ok(line);
            }
            if Instant::now() > until {
                return failed(format!("no log line with '{text}' within {within:?}"));
            }
            thread::sleep(Duration::from_millis(2));
        }
    }
}

/// `<30>Nov 20 09:34:46 Keepalived_vrrp[55]: text`, and whatever else may come.
fn parse(raw: &str) -> Line {
    let at = Instant::now();
    let raw = raw.trim_end_matches(['\0', '\n']);
    let (priority, rest) = match raw.strip_prefix('<').and_then(|rest| rest.split_once('>')) {
        Some((number, rest)) => (number.parse().unwrap_or(0), rest),
        None => (0, raw),
    };
    let after_time = rest.get(16..).unwrap_or(rest);
    let (head, text) = after_time.split_once(": ").unwrap_or(("", after_time));
    let (ident, pid) = match head.split_once('[') {
        Some((ident, number)) => (ident, number.trim_end_matches(']').parse().unwrap_or(0)),
        None => (head, 0),
    };
    Line { at, priority, ident: ident.to_owned(), pid, text: text.to_owned() }
}
