//! One mail over one connection (RFC 5321, as little of it as the original speaks).

use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use super::letter::{Parcel, Sender};

/// A server that says more in one reply is not worth listening to.
const REPLY_MAX: u64 = 16 << 10;

/// Why a mail was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Nobody is there.
    Unreachable,
    /// Nobody answered in time.
    ConnectTimeout,
    /// It fell silent.
    ReadTimeout,
    /// It takes nothing any more.
    WriteTimeout,
    /// It hung up.
    Closed,
    /// It answered this command with that number.
    Refused { command: &'static str, status: u16 },
}

/// A conversation with a server.
pub struct Dialogue<S> {
    stream: BufReader<S>,
}

impl Trouble {
    /// What became of an attempt to connect.
    pub fn connecting(error: &io::Error) -> Self {
        match error.kind() {
            ErrorKind::TimedOut | ErrorKind::WouldBlock => Self::ConnectTimeout,
            _ => Self::Unreachable,
        }
    }

    /// Trying again would lead to the same (RFC 5321 §4.2.1).
    pub fn is_final(self) -> bool {
        matches!(self, Self::Refused { status: 500..=599, .. })
    }

    /// The original's words (`spec` runtime 2.7).
    pub fn sentence(self, server: &str) -> String {
        match self {
            Self::Unreachable => format!("SMTP connection ERROR to {server}."),
            Self::ConnectTimeout => format!("Timeout connecting SMTP server {server}."),
            Self::ReadTimeout => format!("Timeout reading data to remote SMTP server {server}."),
            Self::WriteTimeout => format!("Timeout writing data to remote SMTP server {server}."),
            Self::Closed => format!("Remote SMTP server {server} has closed the connection."),
            Self::Refused { command, status } => {
                format!("Error processing {command} cmd on SMTP server {server}. SMTP status code = {status}")
            }
        }
    }
}

impl Dialogue<TcpStream> {
    /// Over a connection, with the longest silence.
    pub fn new(stream: TcpStream, limit: Duration) -> Result<Self, Trouble> {
        let limits =
            stream.set_read_timeout(Some(limit)).and_then(|()| stream.set_write_timeout(Some(limit)));
        limits.map_err(|_| Trouble::Unreachable)?;
        Ok(Self { stream: BufReader::new(stream) })
    }
}

impl<S: Read + Write> Dialogue<S> {
    /// The whole conversation. A server that refuses something gets a QUIT before we go.
    pub fn send(mut self, sender: &Sender, parcel: &Parcel, mail: &str) -> Result<(), Trouble> {
        let result = self.converse(sender, parcel, mail);
        if matches!(result, Ok(()) | Err(Trouble::Refused { .. })) {
            // The mail is there, or it is not: what is said to QUIT changes nothing.
            let _bye = self.write("QUIT\r\n").and_then(|()| self.reply());
        }
        result
    }

    fn converse(&mut self, sender: &Sender, parcel: &Parcel, mail: &str) -> Result<(), Trouble> {
        self.expect("(E)SMTP", 2)?;
        self.command("HELO", &format!("HELO {}\r\n", sender.helo), 2)?;
        self.command("MAIL", &format!("MAIL FROM:<{}>\r\n", sender.from.envelope), 2)?;
        let mut refused = None;
        let mut taken = 0;
        for to in &parcel.to {
            match self.command("RCPT", &format!("RCPT TO:<{}>\r\n", to.envelope), 2) {
                Ok(()) => taken += 1,
                // The others may get it all the same.
                Err(trouble @ Trouble::Refused { .. }) => refused = Some(trouble),
                Err(trouble) => return Err(trouble),
            }
        }
        if let (0, Some(trouble)) = (taken, refused) {
            return Err(trouble);
        }
        self.command("DATA", "DATA\r\n", 3)?;
        self.command("BODY", &(stuffed(mail) + ".\r\n"), 2)
    }

    fn command(&mut self, name: &'static str, text: &str, class: u16) -> Result<(), Trouble> {
        self.write(text)?;
        self.expect(name, class)
    }

    fn expect(&mut self, command: &'static str, class: u16) -> Result<(), Trouble> {
        let status = self.reply()?;
        if status / 100 == class { Ok(()) } else { Err(Trouble::Refused { command, status }) }
    }

    fn write(&mut self, text: &str) -> Result<(), Trouble> {
        self.stream.get_mut().write_all(text.as_bytes()).map_err(|error| match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut => Trouble::WriteTimeout,
            _ => Trouble::Closed,
        })
    }

    /// The number in the last line of a reply; 0 where there is none.
    fn reply(&mut self) -> Result<u16, Trouble> {
        let mut stream = self.stream.by_ref().take(REPLY_MAX);
        loop {
            let mut line = Vec::new();
            match stream.read_until(b'\n', &mut line) {
                Ok(_) if !line.ends_with(b"\n") => return Err(Trouble::Closed),
                Ok(_) => {}
                Err(error) => {
                    return Err(match error.kind() {
                        ErrorKind::WouldBlock | ErrorKind::TimedOut => Trouble::ReadTimeout,
                        _ => Trouble::Closed,
                    });
                }
            }
            if line.get(3) != Some(&b'-') {
                let digits = line.get(..3).and_then(|digits| std::str::from_utf8(digits).ok());
                return Ok(digits.and_then(|digits| digits.parse().ok()).unwrap_or(0));
            }
        }
    }
}

/// Lines that begin with a dot get another one (RFC 5321 §4.5.2).
fn stuffed(mail: &str) -> String {
    mail.split_inclusive("\r\n")
        .flat_map(|line| [if line.starts_with('.') { "." } else { "" }, line])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    /// A server that has said everything before it listens.
    struct Script {
        says: Cursor<&'static str>,
        heard: Vec<u8>,
    }

    impl Read for Script {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.says.read(buffer)
        }
    }

    impl Write for Script {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.heard.write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn conversation(says: &'static str) -> (Result<(), Trouble>, String) {
        let parcel = super::super::letter::Parcel::for_tests();
        let sender = Sender::new(&parcel);
        let script = Script { says: Cursor::new(says), heard: Vec::new() };
        let mut dialogue = Dialogue { stream: BufReader::new(script) };
        let result = dialogue.converse(&sender, &parcel, "Subject: x\r\n\r\n.dot\r\n");
        (result, String::from_utf8_lossy(&dialogue.stream.get_ref().heard).into_owned())
    }

    #[test]
    fn a_patient_server_hears_what_the_original_says() {
        let says =
            "220-hello\r\n220 sink\r\n250 ok\r\n250 ok\r\n250 ok\r\n550 who\r\n354 go\r\n250 queued\r\n";
        let (result, heard) = conversation(says);
        assert_eq!(result, Ok(()));
        assert_eq!(
            heard,
            "HELO me\r\nMAIL FROM:<ka@y.org>\r\nRCPT TO:<a@x.org>\r\nRCPT TO:<b@x.org>\r\nDATA\r\n\
             Subject: x\r\n\r\n..dot\r\n.\r\n"
        );
    }

    #[test]
    fn refusals_name_the_command_and_silence_is_no_answer() {
        let refused = |command, status| Err(Trouble::Refused { command, status });
        let table = [
            ("554 no\r\n", refused("(E)SMTP", 554)),
            ("220 x\r\n250 x\r\n451 later\r\n", refused("MAIL", 451)),
            ("220 x\r\n250 x\r\n250 x\r\n550 a\r\n550 b\r\n", refused("RCPT", 550)),
            ("220 x\r\n250 x\r\n250 x\r\n250 a\r\n250 b\r\n500 b\r\n", refused("DATA", 500)),
            ("nonsense\r\n", refused("(E)SMTP", 0)),
            ("220 x\r\n250", Err(Trouble::Closed)),
            ("", Err(Trouble::Closed)),
        ];
        for (says, expected) in table {
            assert_eq!(conversation(says).0, expected, "{says}");
        }
        assert!(Trouble::Refused { command: "MAIL", status: 550 }.is_final());
        assert!(!Trouble::Refused { command: "MAIL", status: 451 }.is_final());
    }
}
