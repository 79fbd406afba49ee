//! What the service manager is told (`spec` runtime 1.12; sd_notify(3)).
//!
//! The original tells only a systemd that is its parent's parent. We tell whoever set NOTIFY_SOCKET, so that
//! containers and other service managers work; the variable is taken out of the environment at once.

use std::ffi::OsString;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use keepalived_sys::{clock, inherit};

/// A service manager, if there is one.
#[derive(Debug)]
pub struct Service {
    address: Option<SocketAddr>,
}

/// Nobody waits longer for a service manager that does not read.
const PATIENCE: Duration = Duration::from_millis(20);

impl Service {
    /// Finds the service manager. To be called before there is a second thread.
    pub fn find() -> Self {
        Self { address: inherit::take_variable(VARIABLE).and_then(address) }
    }

    /// The configuration is in force.
    pub fn ready(&self) {
        self.tell(&format!("READY=1\nMAINPID={}", std::process::id()));
    }

    /// The configuration is in force, and this is to be known about it.
    pub fn ready_with(&self, status: &str) {
        self.tell(&format!("READY=1\nMAINPID={}\nSTATUS={status}", std::process::id()));
    }

    /// A new configuration is being read.
    pub fn reloading(&self) {
        self.tell(&format!("RELOADING=1\nMONOTONIC_USEC={}", clock::now().0));
    }

    /// The end has begun.
    pub fn stopping(&self) {
        self.tell("STOPPING=1");
    }

    /// The end has begun because of this exit status.
    pub fn failing(&self, status: u8) {
        self.tell(&format!("ERRNO={status}"));
    }

    /// A manager that does not listen gets nothing; it will find out by other means.
    fn tell(&self, message: &str) {
        let Some(address) = &self.address else { return };
        let Ok(socket) = UnixDatagram::unbound() else { return };
        let _ = socket
            .set_write_timeout(Some(PATIENCE))
            .and_then(|()| socket.send_to_addr(message.as_bytes(), address));
    }
}

/// A path, or a name in the abstract name space after an `@`.
fn address(written: OsString) -> Option<SocketAddr> {
    match written.as_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name).ok(),
        [b'/', ..] => SocketAddr::from_pathname(&written).ok(),
        _ => None,
    }
}

const VARIABLE: &str = "NOTIFY_SOCKET";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_hears_of_every_stage() {
        let name = format!("keepalived-notify-{}", std::process::id());
        let listener_at = SocketAddr::from_abstract_name(&name).expect("name");
        let listener = UnixDatagram::bind_addr(&listener_at).expect("bind");
        let service = Service { address: address(format!("@{name}").into()) };
        service.ready();
        service.reloading();
        service.stopping();
        service.failing(2);
        let mut heard = Vec::new();
        for _ in 0..4 {
            let mut buffer = [0; 200];
            let length = listener.recv(&mut buffer).expect("receive");
            heard.push(String::from_utf8_lossy(&buffer[..length]).into_owned());
        }
        assert_eq!(heard[0], format!("READY=1\nMAINPID={}", std::process::id()));
        assert!(heard[1].starts_with("RELOADING=1\nMONOTONIC_USEC="));
        assert_eq!(heard[2..], ["STOPPING=1", "ERRNO=2"]);
    }

    #[test]
    fn other_kinds_of_addresses_are_left_alone() {
        assert!(address("vsock:2:1".into()).is_none());
        assert!(address("".into()).is_none());
        assert!(address("/run/systemd/notify".into()).is_some());
    }
}
