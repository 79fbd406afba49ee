//! What of a virtual router decides what it does next; see [`crate::Engine::essence`].

use std::hash::{Hash, Hasher};

use keepalived_model::Instant;

use super::{Instance, Placed, REMOVALS_WITHIN, Unfinished};
use crate::deadlines::ahead;

impl Instance {
    /// Every field is named here: whoever adds one has to say whether it decides anything.
    pub fn essence(&self, now: Instant, into: &mut impl Hasher) {
        let Self {
            id,
            config,
            state,
            wants_master,
            base,
            home,
            link,
            spoke_on,
            footing,
            resigned,
            waited,
            source,
            own_faults,
            recovered,
            group_fault,
            stands_aside,
            priority,
            total,
            master_interval,
            counters,
            master,
            master_resigned,
            last_sent,
            preempt_delay,
            credentials,
            answered,
            placed,
            routing,
            barred,
            unfinished,
            removals,
            swept,
            rogue,
            contest,
            timers,
            // What is only told, derived from the rest, or a turn among equals.
            name: _,
            identity: _,
            group: _,
            refreshed: _,
            answered_up_to: _,
            asserted: _,
            audience: _,
            previous: _,
            why: _,
            last_transition: _,
            master_priority: _,
            last_sender: _,
            next_ip_id: _,
            last_advert: _,
            insisted: _,
            logged: _,
            list_alarm: _,
        } = self;
        (id, state, priority, total, source, base, home, link, spoke_on, footing).hash(into);
        (wants_master, resigned, waited, recovered, group_fault, stands_aside).hash(into);
        (own_faults, master_interval, master, master_resigned, preempt_delay).hash(into);
        placed.iter().for_each(|Placed { key, .. }| key.hash(into));
        routing.iter().for_each(|routing| routing.key.hash(into));
        (barred, unfinished.map(|Unfinished { announce }| announce), swept, timers.ahead(now)).hash(into);
        let recent = removals.iter().filter(|at| now.since(**at) <= REMOVALS_WITHIN);
        recent.for_each(|at| ahead(Some(*at), now).hash(into));
        let lately = answered.filter(|at| now.since(*at) < config.advert_interval);
        let late = last_sent.filter(|_| config.late_timer_backup.is_some());
        let told = rogue.map(|rogue| rogue.essence(counters.sent, now));
        (ahead(lately, now), ahead(late, now), told).hash(into);
        contest.essence(now, into);
        credentials.essence(into);
    }
}
