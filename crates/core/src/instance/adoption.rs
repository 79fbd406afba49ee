//! How a successor goes on where an engine that was killed stood.

use keepalived_model::Instant;

use super::{ADVERT, Context, Instance, MASTER_DOWN, Unfinished};
use crate::memory::Standing;
use crate::report::{Report, State};

impl Instance {
    /// Whether what a predecessor that was killed stood as is recent enough to be still true.
    pub fn can_adopt(&self, standing: &Standing, now: Instant) -> bool {
        let alive = now.since(standing.last_advert) < self.config.advert_interval.times(2);
        alive && !self.in_fault() && matches!(standing.state, State::Backup | State::Master)
    }

    /// Takes up what a predecessor that was killed stood as; see [`Self::can_adopt`].
    pub fn adopt(&mut self, standing: &Standing, ctx: &mut Context<'_>) {
        self.next_ip_id = standing.next_ip_id.max(1);
        self.credentials.adopt(standing.sequence);
        self.enter(standing.state, ctx);
        if standing.state == State::Master {
            self.last_advert = standing.last_advert;
            self.place(ctx);
            let missing =
                self.placed.iter().any(|p| !ctx.links.addresses(p.key.link).any(|key| key == p.key));
            self.unfinished = Some(Unfinished { announce: missing });
            // At once: who took over meanwhile has told nobody of it who listened, and is to hear of us before an
            // interval is over.
            self.timers.set(ADVERT, ctx.now);
            self.arm_refresh(ctx.now);
        } else {
            self.timers.set(MASTER_DOWN, ctx.now + self.master_down());
        }
        ctx.report(Report::Adopted { instance: self.name.clone(), state: self.state });
        self.remember(ctx);
    }
}
