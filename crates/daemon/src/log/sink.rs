//! Carrying lines out of a ring, to syslog or to the console.

use std::io::{self, Write};
use std::os::unix::net::UnixDatagram;
use std::time::{Duration, Instant};

use super::civil;
use super::ring::{Line, Ring, Taken};

/// Where a ring ends.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// Datagrams to /dev/log.
    Syslog {
        /// 0 to 23.
        facility: u8,
        /// The name before the process id.
        ident: &'static str,
    },
    /// Lines on standard error.
    Console,
}

/// Where syslog daemons listen.
const SYSLOG: &str = "/dev/log";

/// First pause before syslog is tried again; doubled up to the second. Only while lines wait.
const PAUSE: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// Longer lines are cut.
const TEXT_MAX: usize = 4096;

/// Carries lines away for ever; may wait for whoever reads them as long as they like.
pub fn carry(ring: &Ring, kind: Kind) {
    let mut outlet = Outlet::new(kind);
    let mut pause = PAUSE;
    loop {
        let taken = ring.take();
        match outlet.deliver(&taken, None) {
            Ok(()) => {
                ring.delivered();
                pause = PAUSE;
            }
            Err(_) => {
                ring.put_back(taken);
                std::thread::sleep(pause);
                pause = PAUSE_MAX.min(pause * 2);
            }
        }
    }
}

/// Carries away what is there, until `end` or until somebody does not take it.
pub fn carry_until(ring: &Ring, kind: Kind, end: Instant) {
    let mut outlet = Outlet::new(kind);
    while let Some(taken) = ring.try_take() {
        match outlet.deliver(&taken, Some(end)) {
            Ok(()) => ring.delivered(),
            Err(_) => return ring.put_back(taken),
        }
    }
}

struct Outlet {
    kind: Kind,
    socket: Option<UnixDatagram>,
}

impl Outlet {
    fn new(kind: Kind) -> Self {
        Self { kind, socket: None }
    }

    fn deliver(&mut self, taken: &Taken, end: Option<Instant>) -> io::Result<()> {
        if taken.lost > 0 {
            let text = format!("{} log lines were lost before this one, nobody took them", taken.lost);
            self.one(&Line { severity: WARNING, text, ..taken.line.clone() }, end)?;
        }
        self.one(&taken.line, end)
    }

    fn one(&mut self, line: &Line, end: Option<Instant>) -> io::Result<()> {
        match self.kind {
            Kind::Console => {
                // A console that is gone will not come back: not an error.
                let _ = io::stderr().write_all(console_text(line).as_bytes());
                Ok(())
            }
            Kind::Syslog { facility, ident } => self.send(syslog_text(line, facility, ident).as_bytes(), end),
        }
    }

    /// Sends over the connection there is, or over a new one when syslog was restarted since.
    fn send(&mut self, bytes: &[u8], end: Option<Instant>) -> io::Result<()> {
        if let Some(socket) = &self.socket {
            limit(socket, end)?;
            match socket.send(bytes) {
                Ok(_) => return Ok(()),
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock) => return Err(error),
                Err(_) => self.socket = None,
            }
        }
        let socket = UnixDatagram::unbound()?;
        socket.connect(SYSLOG)?;
        limit(&socket, end)?;
        socket.send(bytes)?;
        self.socket = Some(socket);
        Ok(())
    }
}

fn limit(socket: &UnixDatagram, end: Option<Instant>) -> io::Result<()> {
    /// A time-out of zero would mean none.
    const LEAST: Duration = Duration::from_millis(1);
    match end {
        None => Ok(()),
        Some(end) => socket.set_write_timeout(Some(end.saturating_duration_since(Instant::now()).max(LEAST))),
    }
}

/// `<30>Nov 20 09:34:46 Keepalived_vrrp[55]: text`, as syslog(3) with LOG_PID (RFC 3164 §4.1).
fn syslog_text(line: &Line, facility: u8, ident: &str) -> String {
    let priority = u32::from(facility) * 8 + u32::from(line.severity);
    let (at, suffix) = (civil::Moment::from(line.at), super::suffix());
    format!("<{priority}>{} {ident}{suffix}[{}]: {}", at.syslog(), line.pid, cut(&line.text))
}

/// `Fri Nov 20 09:41:13 2026: text`, with its line end.
fn console_text(line: &Line) -> String {
    format!("{}: {}\n", civil::Moment::from(line.at).ctime(), cut(&line.text))
}

fn cut(text: &str) -> &str {
    let text = text.trim_end_matches('\n');
    text.get(..text.floor_char_boundary(TEXT_MAX)).unwrap_or(text)
}

/// The syslog severity of a line about lost lines.
const WARNING: u8 = 4;

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::SystemTime;

    fn line(text: &str) -> Line {
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_167_286);
        Line { at, pid: 55, severity: 6, text: text.into() }
    }

    #[test]
    fn syslog_gets_priority_time_ident_and_pid() {
        let text = syslog_text(&line("(VI_1) Entering MASTER STATE"), 3, "Keepalived_vrrp");
        let (head, tail) = text.split_once(':').expect("a time");
        assert!(head.starts_with("<30>Nov 20 "), "{text}");
        assert!(tail.ends_with(":46 Keepalived_vrrp[55]: (VI_1) Entering MASTER STATE"), "{text}");
        assert!(syslog_text(&line("x"), 23, "Keepalived").starts_with("<190>"));
    }

    #[test]
    fn the_console_gets_the_whole_date_and_no_pid() {
        let text = console_text(&line("Stopping\n"));
        assert!(text.starts_with("Fri Nov 20 ") && text.ends_with(":46 2026: Stopping\n"), "{text}");
    }

    #[test]
    fn long_lines_are_cut_at_a_whole_character() {
        let text = "ü".repeat(TEXT_MAX);
        assert_eq!(cut(&text).len(), TEXT_MAX);
        assert_eq!(cut(&text[..TEXT_MAX]), &text[..TEXT_MAX]);
        assert_eq!(cut(&format!("x{text}")).len(), TEXT_MAX - 1);
    }

    #[test]
    fn somebody_who_does_not_read_is_not_waited_for_beyond_the_limit() {
        let (_reader, writer) = UnixDatagram::pair().expect("socketpair");
        let mut outlet = Outlet { kind: Kind::Syslog { facility: 3, ident: "test" }, socket: Some(writer) };
        let begin = Instant::now();
        let end = begin + Duration::from_millis(20);
        let refused = (0..100_000).find_map(|_| outlet.send(&[b'x'; 1000], Some(end)).err());
        assert_eq!(refused.expect("a full socket").kind(), io::ErrorKind::WouldBlock);
        assert!(begin.elapsed() < Duration::from_secs(10));
    }
}
