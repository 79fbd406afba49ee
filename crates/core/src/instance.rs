//! The state machine of one virtual router (RFC 5798 §6.4, `spec` runtime 3.5–3.10).
//!
//! An instance acts alone; where a sync group has a say it returns an [`Intent`] and waits to be told.
//!
//! ```text
//!   Init ──first results──► Backup ◄──────better heard─────── Master
//!                            │  ▲  └──────timer ran out────────► ▲
//!                       cause│  │no cause left                   │cause: two adverts of priority 0
//!                            ▼  │                                │
//!                           Fault ◄──────────────────────────────┘
//! ```

mod addresses;
mod adoption;
mod counters;
mod credentials;
mod essence;
mod hearing;
mod routing;
mod speaking;
mod telling;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;

use keepalived_model::kernel::{AddressKey, Barred, Key, Spec};
use keepalived_model::vrrp::{self, Identity, Preempt, Version};
use keepalived_model::{InstanceId, Instant, LinkId, Micros, Priority};

use crate::announce::Announcer;
use crate::contest::Contest;
use crate::deadlines::Timers;
use crate::election::{self, Patience, PreemptDelay};
use crate::event::{Action, Actions, Occasion};
use crate::links::Links;
use crate::memory::{Memory, Standing};
use crate::notices::{Audience, Cause, Why};
use crate::report::{Fault, Name, Report, State};
use crate::routing::Routing;
use crate::wanted::Wanted;

pub use counters::Counters;
use credentials::Credentials;
use hearing::Rogue;
use speaking::Leaving;

/// More removals of our addresses by others than this, within [`REMOVALS_WITHIN`], and we stand aside (D1).
const REMOVALS_MAX: usize = 5;
/// See [`REMOVALS_MAX`].
const REMOVALS_WITHIN: Micros = Micros::from_secs(10);
/// How long we stand aside then, before we try again.
const STAND_ASIDE: Micros = Micros::from_secs(30);
/// What others go on doing is complained about this often: differing address lists (D6), a worse router that does not
/// give in.
pub(crate) const ALARM_EVERY: Micros = Micros::from_secs(60);

const ADVERT: usize = 0;
const MASTER_DOWN: usize = 1;
const GARP_SECOND: usize = 2;
const GARP_REFRESH: usize = 3;
const GARP_LOWER: usize = 4;
const PREEMPT_DELAY: usize = 5;
const ASIDE: usize = 6;
const GARP_EXTRA: usize = 7;
/// Claims of others are to be answered.
pub(crate) const CONTEST: usize = 8;

/// What an instance may reach for while it acts.
pub(crate) struct Context<'a> {
    pub now: Instant,
    pub wall_ahead: Micros,
    pub links: &'a Links,
    pub wanted: &'a mut Wanted,
    pub announcer: &'a mut Announcer,
    pub out: &'a mut Actions,
}

impl Context<'_> {
    /// The time since 1970.
    pub fn wall(&self) -> Micros {
        Micros(self.now.0) + self.wall_ahead
    }

    pub fn report(&mut self, report: Report) {
        self.out.push(Action::Report(report));
    }
}

/// What an instance would do if nobody else had a say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Intent {
    /// Its timer ran out: become master.
    TakeOver,
    /// It heard a better master: stop being one.
    StepDown,
    /// As a backup it heard a master to respect: its group cannot be master.
    Follow,
    /// Its causes of FAULT may have changed.
    Review,
    /// As a master it heard a weaker one and said so: its group does too.
    Insist(IpAddr),
}

/// An address as placed on a link while master.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Placed {
    key: AddressKey,
    spec: Spec,
    excluded: bool,
    no_track: bool,
}

/// One virtual router.
#[derive(Clone, Debug)]
pub(crate) struct Instance {
    pub id: InstanceId,
    pub name: Name,
    pub config: Arc<vrrp::Instance>,
    pub identity: Arc<Identity>,
    audience: Audience,
    /// Its sync group, by its place in the configuration.
    pub group: Option<usize>,
    pub state: State,
    /// The state before this one.
    previous: State,
    /// Why it is, or would be next, in its state.
    pub why: Why,
    pub last_transition: Instant,
    /// Its timer ran out while its sync group could not follow.
    pub wants_master: bool,
    /// The interface it is configured on.
    pub base: Option<LinkId>,
    /// Where its addresses go unless they say otherwise: a link of its own, or the interface.
    pub home: Option<LinkId>,
    /// Where it speaks and listens: one of both.
    pub link: Option<LinkId>,
    /// Where it last spoke, and what it wants to stand on.
    pub spoke_on: Option<LinkId>,
    pub footing: BTreeMap<Key, Spec>,
    /// It left for good; and its first state had to wait for a tracker.
    pub resigned: bool,
    pub waited: bool,
    pub source: Option<IpAddr>,
    /// Causes of its own; the group's is not among them.
    pub own_faults: BTreeSet<Fault>,
    /// The last look around found no more causes of its own where there had been some.
    pub recovered: bool,
    /// A member of its group has a cause.
    pub group_fault: bool,
    /// Others removed its addresses too often (D1).
    pub stands_aside: bool,
    pub priority: Priority,
    /// Base plus weights before it is brought into 1–254.
    pub total: i64,
    pub master_interval: Micros,
    pub counters: Counters,
    master: Option<IpAddr>,
    /// The priority in its last advert.
    pub master_priority: u8,
    /// It said farewell, and nobody was heard since.
    master_resigned: bool,
    /// When it last sent an advert.
    pub last_sent: Option<Instant>,
    /// Whose packet was accepted last.
    last_sender: Option<IpAddr>,
    preempt_delay: PreemptDelay,
    next_ip_id: u16,
    /// Which part of its addresses was announced again last, counted from one.
    refreshed: usize,
    credentials: Credentials,
    last_advert: Instant,
    answered: Option<Instant>,
    /// When neighbors and hooks were last told that it leads, after a worse router was heard.
    asserted: Option<Instant>,
    /// Which worse router was told of last, and when.
    insisted: Option<(IpAddr, Instant)>,
    placed: Vec<Placed>,
    /// The one of these that was not answered when it was last looked.
    answered_up_to: usize,
    /// Routes and rules that are there while master.
    routing: Vec<Routing>,
    /// Addresses that packets are dropped from and to.
    barred: BTreeSet<Barred>,
    /// MASTER was entered (or addresses were added) and is to be announced once the addresses are there.
    unfinished: Option<Unfinished>,
    /// Somebody else claims addresses of ours.
    pub(crate) contest: Contest,
    removals: VecDeque<Instant>,
    /// What went since the last of these.
    swept: BTreeSet<Key>,
    logged: u32,
    list_alarm: Option<Instant>,
    /// Another address owner that does not yield.
    rogue: Option<Rogue>,
    pub(crate) timers: Timers<9>,
}

/// What is still to be done when the addresses have settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Unfinished {
    announce: bool,
}

impl Instance {
    pub fn new(id: InstanceId, config: Arc<vrrp::Instance>, now: Instant) -> Self {
        Self {
            id,
            name: Name::from(config.name.as_str()),
            identity: Arc::new(config.identity()),
            audience: Audience::new(&config.notify, config.smtp_alert),
            group: None,
            state: State::Init,
            previous: State::Init,
            why: Cause::Begin.into(),
            last_transition: now,
            wants_master: false,
            base: None,
            home: None,
            link: None,
            spoke_on: None,
            footing: BTreeMap::new(),
            resigned: false,
            waited: false,
            source: None,
            own_faults: BTreeSet::new(),
            recovered: false,
            group_fault: false,
            stands_aside: false,
            priority: config.priority,
            total: config.priority.number().into(),
            master_interval: config.advert_interval,
            counters: Counters::default(),
            master: None,
            master_priority: 0,
            master_resigned: false,
            last_sent: None,
            last_sender: None,
            preempt_delay: PreemptDelay::default(),
            next_ip_id: 1,
            refreshed: 0,
            credentials: Credentials::new(&config),
            last_advert: now,
            answered: None,
            asserted: None,
            insisted: None,
            placed: Vec::new(),
            answered_up_to: 0,
            routing: Vec::new(),
            barred: BTreeSet::new(),
            unfinished: None,
            contest: Contest::default(),
            removals: VecDeque::new(),
            swept: BTreeSet::new(),
            logged: 0,
            list_alarm: None,
            rogue: None,
            timers: Timers::default(),
            config,
        }
    }

    /// Enters the first state: at start, when the first results are there, or when a delayed start is over.
    pub fn begin(&mut self, ctx: &mut Context<'_>) {
        if self.in_fault() {
            let causes: Vec<Fault> = self.own_faults.iter().cloned().collect();
            for fault in causes {
                ctx.report(Report::StartsInFault { instance: self.name.clone(), fault });
            }
            if self.own_faults.is_empty() {
                ctx.report(Report::Entered { instance: self.name.clone(), state: State::Fault, init: true });
            }
            self.enter(State::Fault, ctx);
            self.blame_faults();
            self.notify(Occasion::Entered(State::Fault), ctx.out);
        } else {
            self.listen(self.state == State::Init, ctx);
        }
        self.remember(ctx);
    }

    /// Enters the first state after having waited for scripts: then a state entered is not one of the start
    /// (`spec` runtime 4.2: `Entering BACKUP STATE` without `(init)`).
    pub fn begin_late(&mut self, ctx: &mut Context<'_>) {
        if !self.in_fault() {
            return self.leave_fault(ctx);
        }
        // Nor is there a line for FAULT: what the script said has one of its own.
        self.enter(State::Fault, ctx);
        self.blame_faults();
        self.notify(Occasion::Entered(State::Fault), ctx.out);
        self.remember(ctx);
    }

    fn enter(&mut self, state: State, ctx: &Context<'_>) {
        self.previous = std::mem::replace(&mut self.state, state);
        self.last_transition = ctx.now;
    }

    /// Acts on whatever is due.
    pub fn due(&mut self, ctx: &mut Context<'_>) -> Option<Intent> {
        let now = ctx.now;
        if self.timers.take_due(PREEMPT_DELAY, now) {
            self.preempt_delay = PreemptDelay::Over;
        }
        if self.is_stale(now) {
            let by = self.last_sent.map_or(Micros::ZERO, |at| now.since(at + self.config.advert_interval));
            ctx.report(Report::SteppingBackLate { instance: self.name.clone(), by });
            self.why = Cause::Late.into();
            return Some(Intent::StepDown);
        }
        if self.timers.take_due(ADVERT, now) && self.state == State::Master {
            // Earlier than an interval after an answer is another answer.
            self.answered =
                self.answered.filter(|at| now.since(*at) < self.config.advert_interval).map(|_| now);
            self.advertise(Leaving::No, ctx);
        }
        if self.timers.take_due(GARP_SECOND, now) {
            self.burst(self.config.garp.repeat, ctx);
        }
        if self.timers.take_due(GARP_LOWER, now) {
            self.burst(self.config.garp.lower_prio_repeat, ctx);
        }
        if self.timers.take_due(GARP_REFRESH, now) {
            self.refresh(ctx);
            self.arm_refresh(now);
        }
        if self.timers.take_due(GARP_EXTRA, now) {
            self.announce_extra(ctx);
            self.arm_extra(now);
        }
        if self.timers.take_due(CONTEST, now) {
            self.answer_claims(ctx);
        }
        if self.timers.take_due(ASIDE, now) {
            self.stands_aside = false;
            self.recover_footing(ctx);
            return Some(Intent::Review);
        }
        (self.timers.take_due(MASTER_DOWN, now) && self.state == State::Backup).then(|| {
            let cause = if self.master_resigned { Cause::MasterResigned } else { Cause::MasterSilent };
            self.why = Why { cause, peer: self.master };
            ctx.report(Report::AdvertTimeout { instance: self.name.clone() });
            Intent::TakeOver
        })
    }

    /// Its timer ran out but its group cannot follow: wait another round.
    pub fn wait_for_group(&mut self, ctx: &mut Context<'_>) {
        self.wants_master = true;
        self.timers.set(MASTER_DOWN, ctx.now + self.master_down());
    }

    /// Becomes master: advert first, then addresses; announcement when these are there. Whoever acts upon the
    /// notice waits for the same.
    pub fn take_over(&mut self, ctx: &mut Context<'_>) {
        self.enter(State::Master, ctx);
        self.wants_master = true;
        self.logged = 0;
        self.preempt_delay = PreemptDelay::Idle;
        self.master_interval = self.config.advert_interval;
        self.counters.became_master += 1;
        self.timers.clear(MASTER_DOWN);
        self.timers.clear(PREEMPT_DELAY);
        self.advertise(Leaving::No, ctx);
        let instance = self.name.clone();
        ctx.report(Report::Entered { instance: instance.clone(), state: State::Master, init: false });
        if !self.config.accept {
            ctx.report(Report::Barring { instance: instance.clone(), set: true });
        }
        for excluded in self.kinds_configured() {
            ctx.report(Report::SettingAddresses { instance: instance.clone(), excluded });
        }
        self.report_setting_routing(ctx);
        self.place(ctx);
        self.announce_when_settled();
        self.notify(Occasion::Entered(State::Master), ctx.out);
        let delay = self.config.garp.delay;
        if !delay.is_zero() {
            self.timers.set(GARP_SECOND, ctx.now + delay);
        }
        self.arm_refresh(ctx.now + delay);
        self.arm_extra(ctx.now);
    }

    /// Stops being master because of a better one (or because its group does).
    pub fn step_down(&mut self, ctx: &mut Context<'_>) {
        ctx.report(Report::Entered { instance: self.name.clone(), state: State::Backup, init: false });
        self.release(ctx);
        self.enter(State::Backup, ctx);
        self.wants_master = false;
        self.last_advert = ctx.now;
        self.timers.set(MASTER_DOWN, ctx.now + self.master_down());
        self.notify(Occasion::Entered(State::Backup), ctx.out);
        self.remember(ctx);
    }

    /// Enters FAULT. A master says farewell twice (`spec` runtime 3.6); only the instance whose own cause it
    /// is logs that.
    pub fn enter_fault(&mut self, ctx: &mut Context<'_>) {
        ctx.report(Report::Entered { instance: self.name.clone(), state: State::Fault, init: false });
        if self.state == State::Master {
            self.advertise(Leaving::Yes, ctx);
            self.advertise(Leaving::Yes, ctx);
            self.counters.zero_sent = self.counters.zero_sent.saturating_sub(1);
            if !self.own_faults.is_empty() {
                ctx.report(Report::SentZero { instance: self.name.clone() });
            }
            self.release(ctx);
        }
        self.enter(State::Fault, ctx);
        self.wants_master = false;
        self.preempt_delay = PreemptDelay::Idle;
        for timer in [ADVERT, MASTER_DOWN, PREEMPT_DELAY] {
            self.timers.clear(timer);
        }
        self.blame_faults();
        self.notify(Occasion::Entered(State::Fault), ctx.out);
        self.remember(ctx);
    }

    /// The last cause of FAULT is gone.
    pub fn leave_fault(&mut self, ctx: &mut Context<'_>) {
        self.master_interval = self.config.advert_interval;
        self.master = None;
        self.master_resigned = false;
        if self.state == State::Fault {
            let cause = if self.recovered { Cause::Recovered } else { Cause::Group };
            self.why = cause.into();
        }
        self.listen(false, ctx);
        self.remember(ctx);
    }

    fn listen(&mut self, init: bool, ctx: &mut Context<'_>) {
        let owner = self.takes_over_at_once();
        let wait = match (owner, init) {
            (true, true) => Micros(1),
            (true, false) => self.config.advert_interval + self.skew(),
            (false, _) => self.master_down(),
        };
        self.enter(State::Backup, ctx);
        self.last_advert = ctx.now;
        self.timers.set(MASTER_DOWN, ctx.now + wait);
        if !(owner && init) {
            ctx.report(Report::Entered { instance: self.name.clone(), state: State::Backup, init });
            self.notify(Occasion::Entered(State::Backup), ctx.out);
        }
    }

    /// The weights add up to another priority now.
    pub fn reprioritize(&mut self, priority: Priority, ctx: &mut Context<'_>) {
        if priority == self.priority {
            return;
        }
        let before = self.master_down();
        ctx.report(Report::EffectivePriority {
            instance: self.name.clone(),
            from: self.priority.number(),
            to: priority.number(),
        });
        self.priority = priority;
        if self.config.notify_priority_changes && self.state != State::Init {
            self.tell(Occasion::Reprioritized(self.state), Cause::Trackers.into(), ctx.out);
        }
        match self.state {
            // D15: the others need not wait for the next advert to hear of it.
            State::Master => self.advertise(Leaving::No, ctx),
            State::Backup => self.timers.shift(MASTER_DOWN, ctx.now, before, self.master_down()),
            State::Init | State::Fault => {}
        }
    }

    /// The same virtual router under a new configuration: keeps its role.
    pub fn reconfigure(&mut self, config: Arc<vrrp::Instance>, ctx: &mut Context<'_>) {
        let (before, down_before) = (Arc::clone(&self.config), self.master_down());
        let known = self.keys(ctx.links);
        self.name = Name::from(config.name.as_str());
        self.audience = Audience::new(&config.notify, config.smtp_alert);
        self.config = config;
        self.credentials.reconfigure(&self.config);
        // What its trackers add is what they added before.
        self.total += i64::from(self.config.priority.number()) - i64::from(before.priority.number());
        // A living master goes on advertising in the interval that was learned from it (`spec` runtime 1.11).
        let learned = self.state == State::Backup && self.master.is_some();
        if !learned || (before.version, self.config.version) != (Version::V3, Version::V3) {
            self.master_interval = self.config.advert_interval;
        }
        if before.preempt != self.config.preempt {
            self.preempt_delay = PreemptDelay::Idle;
            self.timers.clear(PREEMPT_DELAY);
        }
        match self.state {
            State::Backup => self.timers.shift(MASTER_DOWN, ctx.now, down_before, self.master_down()),
            State::Master => {
                let soonest = ctx.now + self.config.advert_interval;
                let due = self.timers.at(ADVERT).unwrap_or(soonest).min(soonest);
                self.timers.set(ADVERT, due);
                if before.garp.refresh != self.config.garp.refresh {
                    self.timers.clear(GARP_REFRESH);
                    self.arm_refresh(ctx.now);
                }
                if before.extra_garp() != self.config.extra_garp() {
                    self.timers.clear(GARP_EXTRA);
                    self.arm_extra(ctx.now);
                }
                self.move_addresses(ctx);
            }
            State::Init | State::Fault => {}
        }
        if self.state != State::Master {
            // Who is no master has none of what is new either, whoever left it there.
            self.keys(ctx.links).difference(&known).for_each(|key| ctx.wanted.forbid(key));
        }
    }

    fn start_preempt_delay(&mut self, ctx: &mut Context<'_>) {
        if let Preempt::After(length) = self.config.preempt {
            self.preempt_delay = PreemptDelay::Running;
            self.timers.set(PREEMPT_DELAY, ctx.now + length);
            ctx.report(Report::PreemptDelayStarted { instance: self.name.clone(), length });
        }
    }

    fn remember(&self, ctx: &mut Context<'_>) {
        ctx.out.push(Action::Remember(Memory::Standing(Standing {
            identity: Arc::clone(&self.identity),
            state: self.state,
            last_advert: self.last_advert,
            next_ip_id: self.next_ip_id,
            sequence: self.credentials.sequence(),
        })));
    }

    fn patience(&self) -> Patience {
        match self.config.preempt {
            Preempt::Always => Patience::None,
            Preempt::Never => Patience::Forever,
            Preempt::After(_) => Patience::Delay(self.preempt_delay),
        }
    }

    fn skew(&self) -> Micros {
        election::skew(self.config.version, self.priority, self.master_interval)
    }

    pub fn master_down(&self) -> Micros {
        let config = &self.config;
        election::master_down(config.version, self.priority, self.master_interval, config.down_timer_adverts)
    }

    /// Whether it has addresses of the advertised kind and of the excluded kind, as `excluded` flags.
    fn kinds_configured(&self) -> impl Iterator<Item = bool> + use<> {
        let kinds = [(!self.config.addresses.is_empty(), false), (!self.config.excluded.is_empty(), true)];
        kinds.into_iter().filter_map(|(configured, excluded)| configured.then_some(excluded))
    }

    /// Whether it does not wait for anybody at its start. Scenario `an owner that says BACKUP waits like a
    /// backup`.
    pub fn takes_over_at_once(&self) -> bool {
        self.config.priority.is_owner() && self.config.wants_master
    }

    /// Whether anything keeps it in FAULT.
    pub fn in_fault(&self) -> bool {
        !self.own_faults.is_empty() || self.group_fault
    }

    /// What it would be if it were for itself alone.
    pub fn aspires_to(&self) -> State {
        match self.state {
            State::Fault => State::Fault,
            State::Master => State::Master,
            State::Init | State::Backup if self.wants_master => State::Master,
            State::Init | State::Backup => State::Backup,
        }
    }

    /// Whether announcement or notice still wait for addresses.
    pub fn is_unfinished(&self) -> bool {
        self.unfinished.is_some()
    }

    /// The master it last heard.
    pub fn heard_master(&self) -> Option<IpAddr> {
        self.master
    }

    /// When it takes over, unless it hears a master before.
    pub fn next_takeover(&self) -> Option<Instant> {
        self.timers.at(MASTER_DOWN).filter(|_| self.state == State::Backup)
    }

    /// When there is something to do next.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.timers.earliest()
    }
}
