//! Mail that waits, and mail on its way (`crate::mail`).
//!
//! One delivery at a time: what happens meanwhile collects and goes together. A server that does not answer costs
//! the engine one message for every attempt.

use std::collections::{BTreeMap, VecDeque};
use std::time::SystemTime;

use keepalived_core::event::{Notice, Occasion, Subject};
use keepalived_core::report::{Name, State};
use keepalived_model::global::Global;
use keepalived_model::{Instant, Micros};

use crate::engine::scripts::Scripts;
use crate::launcher::protocol::RunNumber;
use crate::log;
use crate::mail::{Letter, Parcel};

/// Letters that wait. Beyond that the oldest goes, which is said.
const WAITING_MAX: usize = 1000;
/// Letters that go together.
const PARCEL_MAX: usize = 100;
/// What a delivery may take in all, whatever a server or a resolver thinks of next.
const DELIVERY_MAX: Micros = Micros::from_secs(300);
/// Pauses before what could not be delivered is tried again; after the last one it is given up.
const PAUSES: [Micros; 3] = [Micros::from_secs(10), Micros::from_secs(60), Micros::from_secs(300)];

/// Everything about mail in the engine.
#[derive(Debug, Default)]
pub struct Outbox {
    waiting: VecDeque<Letter>,
    /// Letters that went unread since the log last said so.
    lost: usize,
    /// What the last mail about somebody would have told.
    told: BTreeMap<(Name, Subject), Occasion>,
    delivery: Option<Delivery>,
    /// Attempts that came to nothing, one after the other.
    failures: usize,
    not_before: Option<Instant>,
}

#[derive(Debug)]
struct Delivery {
    number: RunNumber,
    /// Not delivered yet.
    letters: VecDeque<Letter>,
    limit: Instant,
}

impl Outbox {
    /// Takes in what a notice says, if it is news (`spec` runtime 5.4).
    pub fn take(&mut self, notice: &Notice, global: &Global) {
        let mail = &global.mail;
        if !notice.mail || mail.to.is_empty() || mail.server.is_none() {
            return;
        }
        let key = (notice.name.clone(), notice.subject);
        if self.told.insert(key, notice.occasion) == Some(notice.occasion) {
            return;
        }
        if matches!(notice.occasion, Occasion::Deleted | Occasion::Dropped) {
            self.told.remove(&(notice.name.clone(), notice.subject));
        }
        let fault = matches!(notice.occasion, Occasion::Entered(State::Fault) | Occasion::Dropped);
        if fault && mail.no_faults {
            return;
        }
        let Some(letter) = Letter::about(notice, SystemTime::now()) else { return };
        if self.waiting.len() == WAITING_MAX {
            self.waiting.pop_front();
            self.lost += 1;
        }
        self.waiting.push_back(letter);
    }

    /// Sends what waits unless something is on its way, and ends what takes too long.
    pub fn go_on(&mut self, scripts: &mut Scripts, global: &Global, now: Instant) {
        if let Some(delivery) = &self.delivery {
            if delivery.limit <= now {
                scripts.end_post(delivery.number);
                self.ended(now);
            }
            return;
        }
        if self.waiting.is_empty() || self.not_before.is_some_and(|at| now < at) {
            return;
        }
        let letters: Vec<Letter> = self.waiting.drain(..self.waiting.len().min(PARCEL_MAX)).collect();
        let parcel = Parcel::new(global, letters.clone());
        let bytes = parcel.and_then(|parcel| serde_json::to_vec(&parcel).ok());
        match bytes.and_then(|bytes| scripts.post(bytes)) {
            Some(number) => {
                self.delivery = Some(Delivery { number, letters: letters.into(), limit: now + DELIVERY_MAX });
            }
            // No server any more, or no launcher.
            None => self.give_up(letters.len()),
        }
    }

    /// So many letters of a delivery need no further care.
    pub fn done(&mut self, number: RunNumber, count: u32) {
        if let Some(delivery) = self.delivery.as_mut().filter(|delivery| delivery.number == number) {
            let count = usize::try_from(count).unwrap_or(usize::MAX);
            delivery.letters.drain(..count.min(delivery.letters.len()));
            self.failures = 0;
        }
    }

    /// A delivery has ended, with or without success.
    pub fn post_ended(&mut self, number: RunNumber, now: Instant) {
        if self.delivery.as_ref().is_some_and(|delivery| delivery.number == number) {
            self.ended(now);
        }
    }

    fn ended(&mut self, now: Instant) {
        let Some(delivery) = self.delivery.take() else { return };
        if delivery.letters.is_empty() {
            return;
        }
        match PAUSES.get(self.failures) {
            Some(pause) => {
                self.failures += 1;
                self.not_before = Some(now + *pause);
                for letter in delivery.letters.into_iter().rev() {
                    if self.waiting.len() < WAITING_MAX {
                        self.waiting.push_front(letter);
                    } else {
                        self.lost += 1;
                    }
                }
            }
            None => {
                self.failures = 0;
                self.give_up(delivery.letters.len());
            }
        }
    }

    fn give_up(&mut self, count: usize) {
        self.lost += count;
        log::info(format_args!("{} SMTP alerts could not be sent", std::mem::take(&mut self.lost)));
    }

    /// When it has to be looked at again.
    pub fn next(&self) -> Option<Instant> {
        match &self.delivery {
            Some(delivery) => Some(delivery.limit),
            None if self.waiting.is_empty() => None,
            None => self.not_before,
        }
    }

    /// Whether a delivery is going on; what waits for another attempt does not count.
    pub fn is_busy(&self) -> bool {
        self.delivery.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use keepalived_core::notices::Cause;
    use keepalived_model::global::mail::{Mailbox, Server};

    fn notice(occasion: Occasion) -> Notice {
        Notice {
            subject: Subject::Instance,
            name: "VI_1".into(),
            occasion,
            previous: State::Init,
            priority: 1,
            why: Cause::Begin.into(),
            specific: None,
            any: None,
            mail: true,
        }
    }

    fn global() -> Global {
        let mut global = Global::default();
        global.mail.to = vec![Mailbox::parse("a@x.org")];
        global.mail.server = Some(Server { host: "localhost".into(), port: 25 });
        global
    }

    #[test]
    fn a_state_is_mailed_once_until_there_was_another_one() {
        let (mut outbox, mut global) = (Outbox::default(), global());
        let entered = |state| notice(Occasion::Entered(state));
        global.mail.no_faults = true;
        let table = [
            (entered(State::Backup), 1),
            (entered(State::Backup), 1),
            (entered(State::Fault), 1),
            (entered(State::Backup), 2),
            (notice(Occasion::Reprioritized(State::Backup)), 2),
            (notice(Occasion::Deleted), 3),
            (notice(Occasion::Deleted), 4),
        ];
        for (notice, count) in table {
            // The core asks for mail about changes alone.
            let notice = Notice { mail: notice.occasion.is_change(), ..notice };
            outbox.take(&notice, &global);
            assert_eq!(outbox.waiting.len(), count, "{notice:?}");
        }
    }

    #[test]
    fn without_somebody_to_write_to_nothing_collects() {
        let (mut outbox, mut global) = (Outbox::default(), global());
        global.mail.to.clear();
        outbox.take(&notice(Occasion::Stopped), &global);
        assert!(outbox.waiting.is_empty() && outbox.next().is_none());
    }

    #[test]
    fn what_fails_is_tried_again_after_a_pause_and_given_up_in_the_end() {
        let (mut outbox, now, number) = (Outbox::default(), Instant(0), RunNumber(1));
        let letter = Letter::about(&notice(Occasion::Stopped), SystemTime::UNIX_EPOCH).expect("a letter");
        outbox.waiting.push_back(letter);
        for pause in PAUSES {
            let letters = std::mem::take(&mut outbox.waiting);
            outbox.delivery = Some(Delivery { number, letters, limit: now });
            outbox.post_ended(number, now);
            assert_eq!((outbox.waiting.len(), outbox.next()), (1, Some(now + pause)));
        }
        let letters = std::mem::take(&mut outbox.waiting);
        outbox.delivery = Some(Delivery { number, letters, limit: now });
        outbox.post_ended(number, now);
        assert_eq!((outbox.waiting.len(), outbox.next(), outbox.is_busy()), (0, None, false));
    }
}
