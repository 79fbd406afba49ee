//! A mail server of a lab host, well behaved or not.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

/// First word of the command line that makes this program one.
pub const COMMAND: &str = "mail-server";
/// What clients said, a file for each connection.
pub const SESSIONS: &str = "/tmp/mail";

/// Listens on port 25 until the host ends. `manners`: `good`, `mute` (says nothing), `refuses` (turns everybody
/// away), `busy` (takes no mail for now).
pub fn serve(manners: &str) -> ExitCode {
    let listener = match fs::create_dir_all(SESSIONS).and_then(|()| TcpListener::bind("127.0.0.1:25")) {
        Ok(listener) => listener,
        Err(error) => {
            eprintln!("mail server: {error}");
            return ExitCode::FAILURE;
        }
    };
    for (number, client) in listener.incoming().flatten().enumerate() {
        let manners = manners.to_owned();
        thread::spawn(move || session(number, &client, &manners));
    }
    ExitCode::SUCCESS
}

fn session(number: usize, client: &TcpStream, manners: &str) -> io::Result<()> {
    let part = Path::new(SESSIONS).join(format!("{number}.part"));
    let mut heard = OpenOptions::new().create(true).append(true).open(&part)?;
    if manners == "mute" {
        thread::sleep(Duration::from_secs(1000));
    }
    converse(client, manners, &mut heard)?;
    fs::rename(&part, part.with_extension("all"))
}

fn converse(client: &TcpStream, manners: &str, heard: &mut File) -> io::Result<()> {
    let mut answers = client;
    let mut say = |text: &str| answers.write_all(format!("{text}\r\n").as_bytes());
    say(if manners == "refuses" { "554 go away" } else { "220-sink\r\n220 ready" })?;
    let mut inside = false;
    for line in BufReader::new(client).split(b'\n') {
        let line = line?;
        heard.write_all(&[&line[..], b"\n"].concat())?;
        match (inside, line.get(..4)) {
            (true, _) if line == b".\r" => {
                inside = false;
                say("250 queued")?;
            }
            (true, _) => {}
            (false, Some(b"DATA")) => {
                inside = true;
                say("354 go")?;
            }
            (false, Some(b"QUIT")) => return say("221 bye"),
            (false, Some(b"MAIL")) if manners == "busy" => say("451 later")?,
            (false, _) => say("250 ok")?,
        }
    }
    Ok(())
}
