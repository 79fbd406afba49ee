//! Mail.

use keepalived_model::global::mail::{Mailbox, Server};
use keepalived_model::time::Micros;

use super::{Effect, Globals, flag, on, seconds};
use crate::diag::Class;
use crate::lex::number::Range;
use crate::lower::context::{Context, Reading};
use crate::tree::Statement;

impl Globals {
    pub(super) fn mail_keyword(&mut self, cx: &mut Context<'_>, statement: &Statement<'_>) -> Effect {
        let mail = &mut self.model.mail;
        match statement.row.name {
            "notification_email" => {
                let words = statement.items().iter().flat_map(|item| item.words.iter());
                let found: Vec<Mailbox> = words.map(|word| Mailbox::parse(word.text)).collect();
                if found.is_empty() {
                    let place = cx.end_place(statement);
                    cx.say(&place, Class::Warning, "Warning - empty notification_email block");
                }
                mail.to.extend(found);
                // Addresses nobody writes to are not worth a line; smtp_alert is.
                return Effect::None;
            }
            "notification_email_from" => {
                let Some(from) = cx.word(statement, "") else { return Effect::None };
                if let Some(extra) = statement.word(2) {
                    let text = format!("emailfrom - ignoring extra entries '{extra}' ...");
                    cx.say(&cx.place(statement, 2), Class::General, text);
                }
                mail.from = Some(Mailbox::parse(from));
            }
            "smtp_server" => mail.server = server(cx, statement).or(mail.server.take()),
            "smtp_helo_name" => mail.helo = statement.word(1).map(str::to_owned).or(mail.helo.take()),
            "smtp_connect_timeout" => {
                if let Some(timeout) = connect_timeout(cx, statement) {
                    mail.connect_timeout = timeout;
                }
            }
            "smtp_alert" => return alert(cx, statement, &mut mail.alerts.all),
            "smtp_alert_vrrp" => return alert(cx, statement, &mut mail.alerts.vrrp),
            "smtp_alert_checker" => return alert(cx, statement, &mut mail.alerts.checker),
            "no_email_faults" => return on(&mut mail.no_faults),
            "no_checker_emails" => return flag(cx, statement, &mut mail.no_checkers),
            _ => return Effect::NotMine,
        }
        Effect::Asked
    }
}

fn alert(cx: &mut Context<'_>, statement: &Statement<'_>, slot: &mut Option<bool>) -> Effect {
    let Some(on) = cx.boolean(statement, "") else { return Effect::None };
    *slot = Some(on);
    Effect::when(on)
}

fn connect_timeout(cx: &mut Context<'_>, statement: &Statement<'_>) -> Option<Micros> {
    let secs = cx.integer(statement, "")?;
    if secs == 0 {
        // The original's own spelling.
        let text = "smtp_conect_timeout must be greater than 0, setting to 1";
        cx.say(&cx.place(statement, 1), Class::General, text);
    }
    Some(seconds(secs.max(1)))
}

fn server(cx: &mut Context<'_>, statement: &Statement<'_>) -> Option<Server> {
    let host = cx.word(statement, "")?;
    let port = statement.word(2).unwrap_or("25");
    let place = cx.place(statement, 2);
    let how = Reading { range: Range { min: 1, max: 65535 }, lenient: false };
    let number = cx.number_word(&place, port, how, None).and_then(|n| u16::try_from(n).ok());
    let known = |host: &str| host.parse::<std::net::IpAddr>().is_ok() || cx.host.address(host);
    if let Some(port) = number
        && known(host)
    {
        return Some(Server { host: host.to_owned(), port });
    }
    let place = cx.place(statement, 1);
    cx.say(&place, Class::General, format!("Invalid smtp server {host} {port}"));
    None
}
