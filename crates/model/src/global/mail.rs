//! Mail to the operators.

use crate::time::Micros;

/// Mail to the operators.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// `notification_email`: who gets it. Empty means no mail at all.
    pub to: Vec<Mailbox>,
    /// `notification_email_from`: the sender; user@host of the daemon unless configured.
    pub from: Option<Mailbox>,
    /// `smtp_server`.
    pub server: Option<Server>,
    /// `smtp_helo_name`: how we introduce ourselves; the host name unless configured.
    pub helo: Option<String>,
    /// `smtp_connect_timeout`, 1–4294 s; 30 s unless configured.
    pub connect_timeout: Micros,
    /// Whether mail is sent where a block does not say.
    pub alerts: Alerts,
    /// `no_email_faults`: no mail for FAULT.
    pub no_faults: bool,
    /// `no_checker_emails`: mail about a real server only when it changed as a whole.
    pub no_checkers: bool,
}

impl Default for Mail {
    fn default() -> Self {
        Self {
            to: Vec::new(),
            from: None,
            server: None,
            helo: None,
            connect_timeout: Micros::from_secs(30),
            alerts: Alerts::default(),
            no_faults: false,
            no_checkers: false,
        }
    }
}

/// `smtp_alert` and its special forms, as far as they are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Alerts {
    /// `smtp_alert`.
    pub all: Option<bool>,
    /// `smtp_alert_vrrp`.
    pub vrrp: Option<bool>,
    /// `smtp_alert_checker`.
    pub checker: Option<bool>,
}

impl Alerts {
    /// The default of instances and sync groups.
    pub fn of_vrrp(self) -> bool {
        self.vrrp.or(self.all).unwrap_or(false)
    }

    /// The default of virtual and real servers; none: they have one of their own.
    pub fn of_checkers(self) -> Option<bool> {
        self.checker.or(self.all)
    }
}

/// `Name <local@domain>` or `local@domain`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mailbox {
    /// The name before the address, unquoted.
    pub name: Option<String>,
    /// The address without angle brackets.
    pub address: String,
}

impl Mailbox {
    /// As written; anything is an address.
    pub fn parse(written: &str) -> Self {
        let bracketed = written.strip_suffix('>').and_then(|rest| rest.rsplit_once('<'));
        let Some((name, address)) = bracketed else {
            return Self { name: None, address: written.to_owned() };
        };
        let name = name.trim().trim_matches('"');
        Self { name: (!name.is_empty()).then(|| name.to_owned()), address: address.to_owned() }
    }

    /// For a header line: a name with characters that mean something there is quoted (RFC 5322 §3.2.3).
    pub fn header(&self) -> String {
        let Some(name) = &self.name else { return self.address.clone() };
        let plain = |c: char| c.is_ascii_alphanumeric() || c == ' ' || "!#$%&'*+-/=?^_`{|}~".contains(c);
        if name.chars().all(|c| plain(c) || !c.is_ascii()) {
            format!("{name} <{}>", self.address)
        } else {
            format!("\"{}\" <{}>", name.replace('\\', "\\\\").replace('"', "\\\""), self.address)
        }
    }
}

/// A mail server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// A name or an address.
    pub host: String,
    /// TCP port, 25 unless configured.
    pub port: u16,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_need_quotes_get_them() {
        let table = [
            ("a@b", None, "a@b", "a@b"),
            ("Ops Team <a@b>", Some("Ops Team"), "a@b", "Ops Team <a@b>"),
            ("Ops, Night <a@b>", Some("Ops, Night"), "a@b", "\"Ops, Night\" <a@b>"),
            ("<a@b>", None, "a@b", "a@b"),
            ("\"Ops.\" <a@b>", Some("Ops."), "a@b", "\"Ops.\" <a@b>"),
        ];
        for (written, name, address, header) in table {
            let mailbox = Mailbox::parse(written);
            assert_eq!((mailbox.name.as_deref(), mailbox.address.as_str()), (name, address), "{written}");
            assert_eq!(mailbox.header(), header);
        }
    }
}
