//! What an advert heard does to a virtual router (RFC 5798 §6.4.2–6.4.3, `spec` runtime 3.7 and 3.8).

use std::net::IpAddr;
use std::sync::Arc;

use keepalived_model::vrrp::{Auth, OldChecksum, Transport, Version};
use keepalived_model::{Instant, Micros};
use keepalived_wire::reject::{KINDS, Reject};
use keepalived_wire::vrrp::{ChecksumForm, Freshness, Heard, Packet, Proof, Terms};

use super::{
    ADVERT, ALARM_EVERY, Context, GARP_LOWER, Instance, Intent, Leaving, MASTER_DOWN, PREEMPT_DELAY,
};
use crate::deadlines::ahead;
use crate::election::{self, BackupVerdict, PreemptDelay, Rank};
use crate::event::Occasion;
use crate::notices::{Cause, Why};
use crate::report::{Report, State};

/// Kinds of lines that are said once, beside those of [`Reject`].
const INTERVAL_DIFFERS: usize = KINDS;
const OLD_CHECKSUM: usize = KINDS + 1;
const SKEW_NEARS_WINDOW: usize = KINDS + 2;

/// Another router that claims to own our addresses, heard as master.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rogue {
    last: Instant,
    /// What we had sent when it was first heard.
    sent: u64,
    /// Since when it must have heard us.
    told: Option<Instant>,
}

impl Rogue {
    /// See [`crate::Engine::essence`]; `sent` is what we have sent by now.
    pub(super) fn essence(&self, sent: u64, now: Instant) -> (Option<i64>, u64, Option<i64>) {
        let since = sent.saturating_sub(self.sent);
        (ahead(Some(self.last), now), since.min(2), ahead(self.told, now))
    }
}

impl Instance {
    /// A packet for this instance came in.
    pub fn receive(&mut self, packet: &Packet<'_>, from: IpAddr, ctx: &mut Context<'_>) -> Option<Intent> {
        if matches!(self.state, State::Init | State::Fault) {
            return None;
        }
        let config = Arc::clone(&self.config);
        let terms = Terms {
            version: config.version,
            interval: config.advert_interval,
            multicast: matches!(config.transport, Transport::Multicast { .. }),
            guard: self.credentials.guard(&config.auth, ctx.wall()),
            checksum: config.checksum,
        };
        match packet.check(&terms).and_then(|heard| self.admits(&heard).map(|()| heard)) {
            Ok(heard) => self.heard(&heard, ctx),
            Err(reason) => {
                self.refused(from, reason, ctx);
                if let Reject::Sequence { received, local } = reason {
                    self.number_crossed(from, received == local, ctx);
                }
                None
            }
        }
    }

    /// Another master, whose advert is genuine, has used no more numbers than we have. It may be the better one, but
    /// only our next advert makes it move on, and its answer us believe it.
    fn number_crossed(&mut self, from: IpAddr, is_same: bool, ctx: &mut Context<'_>) {
        let Some(own) = self.source.filter(|own| *own != from && self.state == State::Master) else { return };
        if is_same {
            self.credentials.part_from(from, own);
        }
        self.speak_soon(ctx);
    }

    /// Whether somebody whose packet is sound may say anything to us (13 and 15 in `spec` runtime 3.8).
    fn admits(&self, heard: &Heard<'_>) -> Result<(), Reject> {
        if self.config.owner_ignore_adverts && self.priority.is_owner() {
            return Err(Reject::WeAreOwner);
        }
        match &self.config.transport {
            Transport::Unicast { peers, check_source: true, .. } => heard.check_peer(peers),
            Transport::Unicast { .. } | Transport::Multicast { .. } => Ok(()),
        }
    }

    fn refused(&mut self, from: IpAddr, reason: Reject, ctx: &mut Context<'_>) {
        self.counters.rejected.add(reason);
        let first = self.log_once(reason.kind());
        ctx.report(Report::Rejected { instance: self.name.clone(), from, reason, first });
    }

    fn heard(&mut self, advert: &Heard<'_>, ctx: &mut Context<'_>) -> Option<Intent> {
        match self.state {
            State::Init | State::Fault => None,
            State::Backup => {
                self.accept(advert, ctx);
                self.heard_as_backup(advert, ctx)
            }
            State::Master => {
                self.accept(advert, ctx);
                self.heard_as_master(advert, ctx)
            }
        }
    }

    fn heard_as_backup(&mut self, advert: &Heard<'_>, ctx: &mut Context<'_>) -> Option<Intent> {
        let now = ctx.now;
        match election::backup(advert.priority, self.priority, self.patience()) {
            BackupVerdict::SoonTakeOver => {
                ctx.report(Report::HeardZero { instance: self.name.clone(), as_master: false });
                let skew = election::skew(self.config.version, self.priority, self.master_interval);
                self.timers.set(MASTER_DOWN, now + skew);
                self.master_resigned = true;
                return None;
            }
            BackupVerdict::Discard => {
                ctx.report(Report::LowerDiscarded {
                    instance: self.name.clone(),
                    from: advert.source,
                    priority: advert.priority,
                });
                return None;
            }
            BackupVerdict::HoldOff => {}
            BackupVerdict::HoldOffAndStartDelay => self.start_preempt_delay(ctx),
            BackupVerdict::HoldOffAndStopDelay => {
                self.preempt_delay = PreemptDelay::Idle;
                self.timers.clear(PREEMPT_DELAY);
                ctx.report(Report::PreemptDelayStopped { instance: self.name.clone() });
            }
        }
        self.follow(advert, ctx);
        self.master_resigned = false;
        self.wants_master = false;
        self.last_advert = now;
        self.timers.set(MASTER_DOWN, now + self.master_down());
        self.remember(ctx);
        Some(Intent::Follow)
    }

    fn heard_as_master(&mut self, advert: &Heard<'_>, ctx: &mut Context<'_>) -> Option<Intent> {
        let (instance, from) = (self.name.clone(), advert.source);
        let source = self.source?;
        let ours = (self.priority, source);
        let rank = election::rank((advert.priority, advert.source), ours);
        if self.priority.is_owner() && advert.priority == self.priority.number() && rank != Rank::Same {
            ctx.report(Report::BothOwners { instance: instance.clone(), from });
        }
        match rank {
            Rank::Resigns => {
                ctx.report(Report::HeardZero { instance, as_master: true });
                self.answer(ctx);
                None
            }
            Rank::Same => {
                ctx.report(Report::EqualOwnAddress { instance });
                None
            }
            Rank::Better => {
                let higher = advert.priority > self.priority.number();
                let cause = if higher { Cause::HigherPriority } else { Cause::HigherAddress };
                self.why = Why { cause, peer: Some(from) };
                ctx.report(match higher {
                    true => Report::HigherHeard {
                        instance,
                        from,
                        priority: advert.priority,
                        ours: self.priority.number(),
                    },
                    false => Report::EqualHigherAddress { instance, from, priority: advert.priority },
                });
                // D4: the winner hears that there was a contest and announces its addresses again. Not where
                // its interval is another one: backups would adopt ours, run out of patience with the winner,
                // and begin the contest anew, for ever.
                let even =
                    self.config.version == Version::V2 || advert.interval == self.config.advert_interval;
                if even || self.config.higher_prio_send_advert {
                    self.advertise(Leaving::No, ctx);
                }
                self.follow(advert, ctx);
                Some(Intent::StepDown)
            }
            Rank::Worse if self.is_outlasted(advert, ctx.now) => {
                self.why = Why { cause: Cause::SecondOwner, peer: Some(from) };
                self.follow(advert, ctx);
                Some(Intent::StepDown)
            }
            Rank::Worse => self.insist(advert, ctx).then_some(Intent::Insist(from)),
        }
    }

    /// Two address owners are a mistake of the operator. The one with the lower address yields at once; where it does not,
    /// because it listens to nobody, the other one has to (`spec` runtime 3.8): after two more adverts, and a little more
    /// than the longer interval. As a backup it respects the rogue for as long as that lives.
    fn is_outlasted(&mut self, advert: &Heard<'_>, now: Instant) -> bool {
        if !self.priority.is_owner() || advert.priority != self.priority.number() {
            return false;
        }
        let longer = self.config.advert_interval.max(advert.interval);
        let sent = self.counters.sent;
        let known = self.rogue.filter(|rogue| now.since(rogue.last) <= longer.times(3));
        let rogue = self.rogue.insert(known.unwrap_or(Rogue { last: now, sent, told: None }));
        rogue.last = now;
        if sent >= rogue.sent + 2 {
            rogue.told.get_or_insert(now);
        }
        rogue.told.is_some_and(|told| now.since(told) >= Micros(longer.0 * 6 / 5))
    }

    /// A worse router advertises: tell it, and tell the neighbours. Not when it was told a moment ago.
    fn insist(&mut self, advert: &Heard<'_>, ctx: &mut Context<'_>) -> bool {
        let answered = !self.config.lower_prio_no_advert;
        // Somebody who goes on and on, such as another cluster with our VRID, is worth a line a minute.
        let again =
            self.insisted.is_some_and(|(from, at)| from == advert.source && ctx.now.since(at) < ALARM_EVERY);
        if !again {
            self.insisted = Some((advert.source, ctx.now));
            ctx.report(Report::ForcingElection {
                instance: self.name.clone(),
                from: advert.source,
                priority: advert.priority,
                ours: self.priority.number(),
                answered,
            });
        }
        if matches!(self.config.auth, Auth::Ah(_)) {
            self.credentials.insist();
            if !again {
                ctx.report(Report::SequenceSkipped { instance: self.name.clone() });
            }
        }
        if answered {
            // Who asks again so soon may not have heard the last answer, or not believe it any more where numbers have
            // moved on since.
            self.speak_soon(ctx);
        }
        if self.asserted.is_some_and(|at| ctx.now.since(at) < self.quarter()) {
            return false;
        }
        self.asserted = Some(ctx.now);
        let why = Why { cause: Cause::LowerPriority, peer: Some(advert.source) };
        self.tell(Occasion::HeardLower, why, ctx.out);
        self.burst(self.config.garp.lower_prio_repeat, ctx);
        let delay = self.config.garp.lower_prio_delay;
        if !delay.is_zero() && self.config.garp.lower_prio_repeat > 0 {
            self.timers.set(GARP_LOWER, ctx.now + delay);
        }
        true
    }

    /// An advert out of turn, unless there was one just now: however many copies of its farewell a resigning peer
    /// sends, they are answered once.
    fn answer(&mut self, ctx: &mut Context<'_>) {
        if self.next_answer() <= ctx.now {
            self.answered = Some(ctx.now);
            self.advertise(Leaving::No, ctx);
        }
    }

    /// When somebody may be answered again. Once a quarter interval answers every legal sender; more would make us
    /// amplify a flood (D3).
    fn next_answer(&self) -> Instant {
        self.answered.map_or(Instant(0), |at| at + self.quarter())
    }

    fn quarter(&self) -> Micros {
        Micros(self.config.advert_interval.0 / 4)
    }

    /// The next advert, as soon as an answer may be.
    fn speak_soon(&mut self, ctx: &mut Context<'_>) {
        let soonest = self.next_answer();
        let next = self.timers.at(ADVERT).unwrap_or(soonest);
        self.timers.set(ADVERT, next.min(soonest));
        self.answer(ctx);
    }

    fn accept(&mut self, advert: &Heard<'_>, ctx: &mut Context<'_>) {
        self.counters.accepted += 1;
        self.counters.unsigned += u64::from(advert.proof == Proof::Unsigned);
        self.credentials.accepted(advert.source, advert.proof);
        self.counters.zero_received += u64::from(advert.priority == 0);
        if self.last_sender.replace(advert.source) != Some(advert.source) {
            self.logged = 0;
        }
        let known = self.config.skip_check_adv_addr && self.master == Some(advert.source);
        if !(known && self.state == State::Backup) {
            self.compare_lists(advert, ctx);
        }
        if self.config.version == Version::V3 && advert.interval != self.config.advert_interval {
            let first = self.log_once(INTERVAL_DIFFERS);
            ctx.report(Report::IntervalDiffers {
                instance: self.name.clone(),
                from: advert.source,
                ours: self.config.advert_interval,
                received: advert.interval,
                first,
            });
        }
        self.warn(advert, ctx);
    }

    /// What is still good enough, and may soon not be.
    fn warn(&mut self, advert: &Heard<'_>, ctx: &mut Context<'_>) {
        let (instance, from) = (self.name.clone(), advert.source);
        let detects = self.config.checksum.old_unicast == OldChecksum::Detect;
        if advert.checksum == ChecksumForm::OldUnicast && detects {
            let first = self.log_once(OLD_CHECKSUM);
            ctx.report(Report::OldChecksum { instance: instance.clone(), from, first });
        }
        if let (Proof::Stamp(stamp), Auth::Hmac(rules)) = (advert.proof, &self.config.auth) {
            let (skew, window) = (stamp.skew(ctx.wall()), rules.window);
            if Freshness::from(rules).is_nearly_stale(skew) {
                let first = self.log_once(SKEW_NEARS_WINDOW);
                ctx.report(Report::SkewNearsWindow { instance, from, skew, window, first });
            }
        }
    }

    /// D6: a differing list is an alarm, never a reason to doubt that the master lives.
    fn compare_lists(&mut self, advert: &Heard<'_>, ctx: &mut Context<'_>) {
        let (expected, received) = (self.config.addresses.len(), advert.addresses.len());
        let missing = || {
            let mut ours = self.config.addresses.iter().map(|address| address.ip);
            ours.find(|ip| !advert.addresses.iter().any(|heard| heard == *ip))
        };
        let missing = if expected == received { missing() } else { None };
        if expected == received && missing.is_none() {
            return;
        }
        self.counters.list_differs += 1;
        let first = self.list_alarm.is_none_or(|at| ctx.now.since(at) >= ALARM_EVERY);
        if first {
            self.list_alarm = Some(ctx.now);
        }
        let (instance, vrid, from) = (self.name.clone(), self.config.vrid, advert.source);
        ctx.report(match missing {
            Some(ip) => Report::AddressMissing { instance, vrid, from, ip, first },
            None => Report::AddressCountDiffers { instance, from, expected, received, first },
        });
    }

    /// Notes who the master is and, in version 3, how often it advertises.
    fn follow(&mut self, advert: &Heard<'_>, ctx: &mut Context<'_>) {
        let (instance, to) = (self.name.clone(), advert.source);
        self.master_priority = advert.priority;
        match self.master.replace(advert.source) {
            Some(before) if before == advert.source => {}
            Some(before) => ctx.report(Report::MasterChanged { instance, from: before, to }),
            None => ctx.report(Report::MasterSet { instance, to }),
        }
        // An interval of zero is possible on the wire (RFC 5798 has no rule against it) and would make the master
        // dead at once.
        let adopts = self.config.version == Version::V3 && !advert.interval.is_zero();
        if adopts && advert.interval != self.master_interval {
            let (instance, from) = (self.name.clone(), self.master_interval);
            ctx.report(Report::IntervalAdopted { instance, from, to: advert.interval });
            self.master_interval = advert.interval;
        }
    }

    fn log_once(&mut self, kind: usize) -> bool {
        let bit = 1u32.checked_shl(u32::try_from(kind).unwrap_or(31)).unwrap_or(0);
        let first = self.logged & bit == 0;
        self.logged |= bit;
        first
    }
}
