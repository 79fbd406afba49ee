//! Mail to the operators (`spec` runtime 5.4), in a process of its own: looking up names and talking to servers
//! takes as long as it takes.
//!
//! ```text
//! engine: notice ─► Letter ─► queue ─► Parcel ──► launcher ── fork ──► ka-mail: one connection for each mail
//!                               ▲                                         │
//!                               └── what was not delivered ◄── Done ──────┘
//! ```
//!
//! The original opens a connection for each change, all at once, and forgets what cannot be delivered. Here a few
//! changes at a time are a mail each, as there; many are one mail that lists them; and what could not be delivered
//! is tried again some times.

mod letter;
mod smtp;

pub use letter::{Letter, Parcel};

use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::Duration;

use letter::Sender;
use smtp::{Dialogue, Trouble};

/// What happens while a parcel is delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// For the log.
    Line {
        /// What to say.
        text: String,
        /// Only in detail.
        detail: bool,
    },
    /// So many more letters need no further care: delivered, or refused for good.
    Done(u32),
}

/// How the delivery of a parcel ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing is left.
    Delivered,
    /// Something is left that may be tried again.
    Later,
}

/// Delivers a parcel; may take as long as servers and resolvers take. Stops at the first trouble that concerns the
/// server and not the mail.
pub fn deliver(parcel: &Parcel, tell: &mut dyn FnMut(News)) -> Outcome {
    let sender = Sender::new(parcel);
    let server = format!("[{}]:{}", parcel.host, parcel.port);
    let addresses: Vec<SocketAddr> = match (parcel.host.as_str(), parcel.port).to_socket_addrs() {
        Ok(found) => found.collect(),
        Err(_) => Vec::new(),
    };
    for (mail, letters) in parcel.mails(&sender) {
        match deliver_one(&addresses, parcel, &sender, &mail, tell) {
            Ok(()) => {
                tell(News::Line { text: "SMTP alert successfully sent.".into(), detail: true });
                tell(News::Done(letters));
            }
            Err((at, trouble)) => {
                let server = at.map_or(server.clone(), |at| format!("[{}]:{}", at.ip(), at.port()));
                tell(News::Line { text: trouble.sentence(&server), detail: false });
                if !trouble.is_final() {
                    return Outcome::Later;
                }
                tell(News::Done(letters));
            }
        }
    }
    Outcome::Delivered
}

fn deliver_one(
    addresses: &[SocketAddr],
    parcel: &Parcel,
    sender: &Sender,
    mail: &str,
    tell: &mut dyn FnMut(News),
) -> Result<(), (Option<SocketAddr>, Trouble)> {
    let limit = Duration::from_millis(parcel.timeout_millis);
    let (at, stream) = connect(addresses, limit)?;
    let text = format!("Remote SMTP server [{}]:{} connected.", at.ip(), at.port());
    tell(News::Line { text, detail: false });
    let dialogue = Dialogue::new(stream, limit).map_err(|trouble| (Some(at), trouble))?;
    dialogue.send(sender, parcel, mail).map_err(|trouble| (Some(at), trouble))
}

/// The first address that answers.
fn connect(
    addresses: &[SocketAddr],
    limit: Duration,
) -> Result<(SocketAddr, TcpStream), (Option<SocketAddr>, Trouble)> {
    let mut last = (None, Trouble::Unreachable);
    for at in addresses {
        match TcpStream::connect_timeout(at, limit) {
            Ok(stream) => return Ok((*at, stream)),
            Err(error) => last = (Some(*at), Trouble::connecting(&error)),
        }
    }
    Err(last)
}
