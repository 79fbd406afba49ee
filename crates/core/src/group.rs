//! Sync groups: instances that hold MASTER only together (`spec` runtime 4.7).

use keepalived_model::vrrp;
use keepalived_model::{InstanceId, Instant, Micros};

use crate::event::{Action, Actions, Occasion, Subject};
use crate::notices::{Audience, Cause, Happened, Why};
use crate::report::{Name, State};

/// One sync group.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub name: Name,
    pub members: Vec<InstanceId>,
    pub state: State,
    audience: Audience,
    /// When it last told that a weaker router was heard.
    insisted: Option<Instant>,
}

impl Group {
    pub fn new(config: &vrrp::SyncGroup, members: Vec<InstanceId>, state: State) -> Self {
        let audience = Audience::new(&config.notify, config.smtp_alert);
        Self { name: Name::from(config.name.as_str()), members, state, audience, insisted: None }
    }

    /// All members have entered `state`. Tells the outside if that is news.
    pub fn enter(&mut self, state: State, why: Why, out: &mut Actions) {
        let previous = std::mem::replace(&mut self.state, state);
        if previous != state {
            self.notify(Occasion::Entered(state), previous, why, out);
        }
    }

    /// A member that is master heard a weaker router. All of them do; once an interval is enough.
    pub fn insist(&mut self, now: Instant, interval: Micros, why: Why, out: &mut Actions) {
        let due = self.insisted.is_none_or(|at| now.since(at) >= interval);
        if due && self.state == State::Master && self.audience.hears_lower() {
            self.insisted = Some(now);
            self.notify(Occasion::HeardLower, self.state, why, out);
        }
    }

    /// The daemon stops.
    pub fn stop(&self, out: &mut Actions) {
        self.notify(Occasion::Stopped, self.state, Cause::Stop.into(), out);
    }

    fn notify(&self, occasion: Occasion, previous: State, why: Why, out: &mut Actions) {
        let (subject, name) = (Subject::Group, &self.name);
        let happened = Happened { subject, name, occasion, previous, priority: 0, why };
        out.push(Action::Notify(self.audience.notice(happened)));
    }
}
