//! What a virtual router tells of itself, and its last words.

use super::{Action, Actions, Context, Instance, Leaving};
use crate::event::{Occasion, Subject};
use crate::notices::{Cause, Happened, Why};
use crate::report::{Fault, Report, State};

impl Instance {
    /// A reload dropped this instance.
    pub fn remove(&mut self, ctx: &mut Context<'_>) {
        self.why = Cause::Removed.into();
        self.resign(self.audience.removal, ctx);
    }

    /// The daemon stops.
    pub fn stop(&mut self, ctx: &mut Context<'_>) {
        self.why = Cause::Stop.into();
        self.resign(Occasion::Stopped, ctx);
    }

    fn resign(&mut self, occasion: Occasion, ctx: &mut Context<'_>) {
        if self.state == State::Master {
            self.advertise(Leaving::Yes, ctx);
            ctx.report(Report::SentZero { instance: self.name.clone() });
            self.release(ctx);
        }
        self.give_up_footing(ctx);
        self.enter(State::Init, ctx);
        self.timers.clear_all();
        self.notify(occasion, ctx.out);
        self.remember(ctx);
    }

    /// Another state was entered.
    pub(super) fn notify(&self, occasion: Occasion, out: &mut Actions) {
        let (subject, name, previous) = (Subject::Instance, &self.name, self.previous);
        let (priority, why) = (self.priority.number(), self.why.clone());
        let happened = Happened { subject, name, occasion, previous, priority, why };
        out.push(Action::Notify(self.audience.notice(happened)));
    }

    /// Something happened within a state.
    pub(super) fn tell(&self, occasion: Occasion, why: Why, out: &mut Actions) {
        let (subject, name, previous) = (Subject::Instance, &self.name, self.state);
        let happened = Happened { subject, name, occasion, previous, priority: self.priority.number(), why };
        out.push(Action::Notify(self.audience.notice(happened)));
    }

    /// What keeps it in FAULT is why it is there.
    pub fn blame_faults(&mut self) {
        self.why = Cause::Fault(self.own_faults.first().cloned().unwrap_or(Fault::Group)).into();
    }
}
