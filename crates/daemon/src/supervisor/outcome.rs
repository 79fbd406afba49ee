//! What became of a reload, for the command that asked for it (D2).
//!
//! The command listens beside the pid file while it waits; the supervisor speaks to whoever listens there when a
//! reload is over. Nobody need listen.

use std::io;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Tells whoever waits. Errors mean that nobody does.
pub(super) fn tell(pid_file: &Path, outcome: Result<(), &str>) {
    let Ok(socket) = UnixDatagram::unbound() else { return };
    let text = match outcome {
        Ok(()) => DONE.to_owned(),
        Err(reason) => format!("{REFUSED}{reason}"),
    };
    let _nobody =
        socket.set_nonblocking(true).and_then(|()| socket.send_to(text.as_bytes(), place(pid_file)));
}

/// The ear of a command that waits.
#[derive(Debug)]
pub struct Listener {
    socket: UnixDatagram,
    place: PathBuf,
}

impl Listener {
    /// Listens; to be called before the reload is asked for. Two cannot.
    pub fn open(pid_file: &Path) -> io::Result<Self> {
        let place = place(pid_file);
        let socket = match UnixDatagram::bind(&place) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && is_left_behind(&place) => {
                std::fs::remove_file(&place)?;
                UnixDatagram::bind(&place)?
            }
            bound => bound?,
        };
        Ok(Self { socket, place })
    }

    /// What is said within that time: that the reload is done, or why it was refused.
    pub fn wait(&self, limit: Duration) -> io::Result<Result<(), String>> {
        self.socket.set_read_timeout(Some(limit))?;
        let mut bytes = [0; 1024];
        let length = self.socket.recv(&mut bytes)?;
        let text = String::from_utf8_lossy(bytes.get(..length).unwrap_or_default()).into_owned();
        Ok(match text.strip_prefix(REFUSED) {
            Some(reason) => Err(reason.to_owned()),
            None => Ok(()),
        })
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let _gone_already = std::fs::remove_file(&self.place);
    }
}

/// Somebody who listened there was killed.
fn is_left_behind(place: &Path) -> bool {
    UnixDatagram::unbound()
        .and_then(|socket| socket.connect(place))
        .is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
}

fn place(pid_file: &Path) -> PathBuf {
    let mut place = pid_file.as_os_str().to_owned();
    place.push(".outcome");
    place.into()
}

const DONE: &str = "done";
const REFUSED: &str = "refused: ";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_listens_hears_how_it_ended_and_nobody_need() {
        let file = std::env::temp_dir().join(format!("keepalived-outcome-{}.pid", std::process::id()));
        tell(&file, Ok(()));
        let first = Listener::open(&file).expect("an ear");
        assert!(Listener::open(&file).is_err());
        tell(&file, Err("no interface"));
        tell(&file, Ok(()));
        let limit = Duration::from_secs(5);
        assert_eq!(first.wait(limit).expect("heard"), Err("no interface".to_owned()));
        assert_eq!(first.wait(limit).expect("heard"), Ok(()));
        assert!(first.wait(Duration::from_millis(1)).is_err());
        drop(first);
        // What a killed one leaves is no obstacle.
        drop(UnixDatagram::bind(place(&file)).expect("a socket"));
        drop(Listener::open(&file).expect("an ear"));
        assert!(!place(&file).exists());
    }
}
