//! What a mail says.

use std::fmt::Write;
use std::time::{Duration, SystemTime};

use keepalived_core::event::{Notice, Occasion, Subject};
use keepalived_core::report::State;
use keepalived_model::global::Global;
use keepalived_model::global::mail::Mailbox;
use keepalived_sys::names;
use serde::{Deserialize, Serialize};

use crate::log::Moment;

/// More letters than this at a time become one mail.
const SINGLE_MAX: usize = 10;

/// One change somebody wants to read of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Letter {
    /// `VRRP Instance VI_1`
    subject: String,
    /// `Entering MASTER state`
    event: String,
    /// What it means.
    body: String,
    /// Seconds after 1970.
    at: u64,
}

/// Letters, and everything that must be known for delivering them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parcel {
    /// The mail server.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The longest silence.
    pub timeout_millis: u64,
    helo: Option<String>,
    router_id: Option<String>,
    from: Option<Address>,
    /// Who gets it.
    pub to: Vec<Address>,
    letters: Vec<Letter>,
}

/// A mailbox as servers and readers want it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// `local@domain`
    pub envelope: String,
    /// With its name.
    header: String,
}

/// Who sends, after this host was asked for its name.
pub struct Sender {
    /// How we introduce ourselves.
    pub helo: String,
    /// The sender.
    pub from: Address,
    router_id: String,
}

impl Letter {
    /// What a notice comes to; none where nobody is to be bothered.
    pub fn about(notice: &Notice, now: SystemTime) -> Option<Self> {
        let group = notice.subject == Subject::Group;
        let (event, single, all) = match notice.occasion {
            Occasion::Entered(State::Master) => {
                ("Entering MASTER state", "Instance is now owning VRRP VIPs", "in MASTER state")
            }
            Occasion::Entered(State::Backup | State::Init) => {
                ("Entering BACKUP state", "Instance is no longer owning VRRP VIPs", "in BACKUP state")
            }
            Occasion::Entered(State::Fault) | Occasion::Dropped => {
                ("Entering FAULT state", "Instance is no longer owning VRRP VIPs", "in FAULT state")
            }
            Occasion::Stopped => ("Stopping", "Instance stopping", "stopping"),
            Occasion::Deleted => ("Deleted", "Deleted at reload", "deleted"),
            Occasion::HeardLower | Occasion::Reprioritized(_) | Occasion::Stands(_) => return None,
        };
        let body = if group {
            format!("=> All VRRP group instances are now {all} <=")
        } else {
            format!("=> VRRP {single} <=")
        };
        let kind = if group { "Group" } else { "Instance" };
        let at = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
        Some(Self { subject: format!("VRRP {kind} {}", notice.name), event: event.into(), body, at })
    }
}

impl Parcel {
    /// With what is configured; none where no mail can be sent.
    pub fn new(global: &Global, letters: Vec<Letter>) -> Option<Self> {
        let mail = &global.mail;
        let server = mail.server.as_ref()?;
        Some(Self {
            host: server.host.clone(),
            port: server.port,
            timeout_millis: mail.connect_timeout.0 / 1000,
            helo: mail.helo.clone(),
            router_id: global.router_id.clone(),
            from: mail.from.as_ref().map(Address::from),
            to: mail.to.iter().map(Address::from).collect(),
            letters,
        })
    }

    /// Complete mails, each with how many letters it stands for.
    pub fn mails(&self, sender: &Sender) -> Vec<(String, u32)> {
        let count = |letters: &[Letter]| u32::try_from(letters.len()).unwrap_or(u32::MAX);
        if self.letters.len() > SINGLE_MAX {
            return vec![(self.digest(sender), count(&self.letters))];
        }
        let one = |letter: &Letter| {
            let subject = format!("{} - {}", letter.subject, letter.event);
            (self.mail(sender, letter.at, &subject, &letter.body), 1)
        };
        self.letters.iter().map(one).collect()
    }

    /// One mail for all letters, in their order.
    fn digest(&self, sender: &Sender) -> String {
        let mut body = String::new();
        for letter in &self.letters {
            let moment = Moment::from(after_1970(letter.at)).syslog();
            // Writing to a String cannot fail.
            let _ = write!(body, "{moment} {} - {}\r\n", letter.subject, letter.event);
        }
        let at = self.letters.last().map_or(0, |letter| letter.at);
        let subject = format!("{} changes of VRRP state", self.letters.len());
        self.mail(sender, at, &subject, body.trim_end())
    }

    fn mail(&self, sender: &Sender, at: u64, subject: &str, body: &str) -> String {
        let to: Vec<&str> = self.to.iter().map(|address| address.header.as_str()).collect();
        format!(
            "Date: {}\r\nFrom: {}\r\nSubject: [{}] {subject}\r\nX-Mailer: Keepalived\r\nTo: {}\r\n\r\n{body}\r\n\r\n",
            Moment::from(after_1970(at)).mail(),
            sender.from.header,
            sender.router_id,
            // As 2.4.3 folds it, so that no line grows beyond what mail allows (RFC 5322 §2.1.1).
            to.join(",\r\n "),
        )
    }
}

impl Sender {
    /// Asks for this host's name where one is missing, which may mean asking name servers.
    pub fn new(parcel: &Parcel) -> Self {
        let asked = parcel.helo.is_none() || parcel.router_id.is_none() || parcel.from.is_none();
        let named = if asked { names::own_canonical() } else { None };
        let host = named.clone().unwrap_or_else(|| "localhost".into());
        let from = format!("{}@{host}", names::own_user().unwrap_or_else(|| "root".into()));
        Self {
            helo: parcel.helo.clone().unwrap_or_else(|| host.clone()),
            from: parcel.from.clone().unwrap_or(Address { envelope: from.clone(), header: from }),
            router_id: parcel.router_id.clone().or(named).or_else(names::own).unwrap_or(host),
        }
    }
}

impl From<&Mailbox> for Address {
    fn from(mailbox: &Mailbox) -> Self {
        Self { envelope: mailbox.address.clone(), header: mailbox.header() }
    }
}

fn after_1970(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

#[cfg(test)]
impl Parcel {
    /// From ka@y.org to two.
    pub fn for_tests() -> Self {
        tests::parcel(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub fn parcel(count: u64) -> Parcel {
        let letter = |at| Letter {
            subject: format!("VRRP Instance VI_{at}"),
            event: "Entering MASTER state".into(),
            body: "=> VRRP Instance is now owning VRRP VIPs <=".into(),
            at,
        };
        let to = ["a@x.org", "Bob <b@x.org>"].map(|written| Address::from(&Mailbox::parse(written)));
        Parcel {
            host: "localhost".into(),
            port: 25,
            timeout_millis: 1,
            helo: Some("me".into()),
            router_id: Some("LAB".into()),
            from: Some(Address::from(&Mailbox::parse("ka@y.org"))),
            to: to.to_vec(),
            letters: (1..=count).map(letter).collect(),
        }
    }

    #[test]
    fn a_few_letters_are_a_mail_each_as_the_original_writes_them() {
        let parcel = parcel(2);
        let mails = parcel.mails(&Sender::new(&parcel));
        assert_eq!(mails.len(), 2);
        let (text, count) = &mails[1];
        let (date, rest) = text.split_once("\r\n").expect("lines");
        assert!(date.starts_with("Date: ") && date.contains(" 19"), "{date}");
        assert_eq!(
            rest,
            "From: ka@y.org\r\nSubject: [LAB] VRRP Instance VI_2 - Entering MASTER state\r\n\
             X-Mailer: Keepalived\r\nTo: a@x.org,\r\n Bob <b@x.org>\r\n\r\n\
             => VRRP Instance is now owning VRRP VIPs <=\r\n\r\n"
        );
        assert_eq!(*count, 1);
    }

    #[test]
    fn many_letters_are_one_mail() {
        let parcel = parcel(11);
        let mails = parcel.mails(&Sender::new(&parcel));
        let [(text, 11)] = mails.as_slice() else { panic!("{mails:?}") };
        assert!(text.contains("Subject: [LAB] 11 changes of VRRP state\r\n"), "{text}");
        assert!(text.contains(" VRRP Instance VI_11 - Entering MASTER state\r\n"), "{text}");
    }
}
