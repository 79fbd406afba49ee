//! Somebody else claims an address that is ours: the caches of the neighbors point there now. Adverts tell nothing of it
//! where we do not hear them, and whoever claimed it may be gone already; so a master announces the address again (D4,
//! fault F02).
//!
//! Two who both do this must not chase each other for ever. All claims within a pause are answered once, and when somebody
//! answers back again and again the pause grows from a second to about a minute.
//!
//! ```text
//! claim ──pause──► our announcement ──► silence                        the contest is over
//!   ▲                    │
//!   └── claimed again ◄──┘ within three pauses: it goes on; from the ninth time on the pause doubles
//! ```

use std::collections::BTreeSet;
use std::hash::{Hash, Hasher};
use std::net::IpAddr;

use keepalived_model::kernel::{AddressKey, Key};
use keepalived_model::{InstanceId, Instant, LinkId, MacAddr, Micros};

use crate::deadlines::ahead;
use crate::engine::Engine;
use crate::event::{Action, Actions};
use crate::instance::{ALARM_EVERY, CONTEST, Context, Instance};
use crate::report::{Report, State};

/// From a claim to our answer.
const PAUSE: Micros = Micros::from_secs(1);
/// So often we answer at that pace; a partner that was deaf for a while claims less often.
const PATIENT: u32 = 8;
/// So often the pause doubles then: to 64 seconds.
const DOUBLINGS: u32 = 6;
/// Claims within so many pauses behind our answer belong to the same contest.
const BELONGING: u64 = 3;

/// What an instance knows of somebody who claims its addresses.
#[derive(Clone, Debug, Default)]
pub(crate) struct Contest {
    /// Claimed since we last announced them.
    claimed: BTreeSet<AddressKey>,
    /// How often we answered in this contest, and when last.
    answers: u32,
    answered: Option<Instant>,
    /// Whom the log knows of, and since when.
    told: Option<(MacAddr, Instant)>,
}

impl Contest {
    /// See [`crate::Engine::essence`].
    pub fn essence(&self, now: Instant, into: &mut impl Hasher) {
        let Self { claimed, answers, answered, told: _ } = self;
        let lately = answered.filter(|at| now.since(*at) < self.pause().times(BELONGING));
        (claimed, lately.map(|_| answers), ahead(lately, now)).hash(into);
    }

    fn pause(&self) -> Micros {
        PAUSE.times(1 << self.answers.saturating_sub(PATIENT).min(DOUBLINGS))
    }
}

impl Engine {
    /// Somebody says to be the one who has an address.
    pub(crate) fn claimed(&mut self, link: LinkId, ip: IpAddr, by: MacAddr, out: &mut Actions) {
        let Some(key) = self.wanted.address_at(link, ip) else { return };
        // Our own frames come back where links are joined, and routers with a virtual MAC address share it.
        if self.links.has_mac(by) {
            return;
        }
        for owner in self.wanted.owners(&Key::Address(key)) {
            self.with(owner, out, |instance, ctx| instance.claimed(key, by, ctx));
        }
    }

    /// Notes whether an instance is master now; when it has something to do next.
    pub(crate) fn note_role(&mut self, id: InstanceId) -> Option<Instant> {
        let instance = self.instances.get(&id);
        match instance.is_some_and(|instance| instance.state == State::Master) {
            true => self.masters.insert(id),
            false => self.masters.remove(&id),
        };
        instance.and_then(|instance| instance.next_deadline())
    }

    /// Claims matter to masters alone; while there are none nobody listens.
    pub(crate) fn renew_claim_watch(&mut self, out: &mut Actions) {
        let watches = !self.masters.is_empty() && !self.stopping;
        if watches != self.watches_claims {
            self.watches_claims = watches;
            let addresses = if watches { self.virtual_ips.iter().copied().collect() } else { Vec::new() };
            out.push(Action::WatchClaims { addresses });
        }
    }
}

impl Instance {
    fn claimed(&mut self, key: AddressKey, by: MacAddr, ctx: &mut Context<'_>) {
        let announced_soon = self.is_unfinished() || !ctx.wanted.is_settled(&Key::Address(key));
        if self.state != State::Master || announced_soon {
            return;
        }
        let contest = &mut self.contest;
        let is_news = contest.told.is_none_or(|(mac, at)| mac != by || ctx.now.since(at) >= ALARM_EVERY);
        if is_news {
            contest.told = Some((by, ctx.now));
        }
        if contest.claimed.is_empty() {
            let belongs = |at: Instant| ctx.now.since(at) < contest.pause().times(BELONGING);
            if !contest.answered.is_some_and(belongs) {
                contest.answers = 0;
            }
            self.timers.set(CONTEST, ctx.now + self.contest.pause());
        }
        self.contest.claimed.insert(key);
        if is_news {
            let (instance, interface) = (self.name.clone(), ctx.links.name(key.link));
            ctx.report(Report::Contested { instance, interface, ip: key.ip, by });
        }
    }

    /// Time to answer.
    pub(crate) fn answer_claims(&mut self, ctx: &mut Context<'_>) {
        let claimed: Vec<AddressKey> = std::mem::take(&mut self.contest.claimed).into_iter().collect();
        self.contest.answers = self.contest.answers.saturating_add(1);
        self.contest.answered = Some(ctx.now);
        self.announce(&claimed, self.config.garp.repeat, ctx);
    }
}
