//! The addresses of a virtual router: placed, settled, announced, taken away, released.

use std::collections::BTreeSet;

use keepalived_model::kernel::{AddressKey, Barred, Key, Spec};
use keepalived_model::vrrp::VirtualAddress;
use keepalived_model::{Instant, Micros};
use keepalived_wire::ndp::Forwarding;

use super::{
    ADVERT, ASIDE, CONTEST, Context, GARP_EXTRA, GARP_LOWER, GARP_REFRESH, GARP_SECOND, Instance, Intent,
    Leaving, Placed, REMOVALS_MAX, REMOVALS_WITHIN, STAND_ASIDE, Unfinished,
};
use crate::announce::Target;
use crate::contest::Contest;
use crate::links::Links;
use crate::report::{Report, State};
use crate::routing::Routing;

/// So many addresses are refreshed at a time; up to there it is what the original does.
const REFRESHED_AT_ONCE: usize = 16;
/// More often than this nothing is refreshed; then more at a time are.
const REFRESH_PAUSE_MIN: Micros = Micros::from_millis(10);

impl Instance {
    /// Everything that was open about its addresses is answered: announce them, once.
    pub fn finish(&mut self, ctx: &mut Context<'_>) {
        // Answers come in the order of the addresses: beginning with the first each time would cost the square of them.
        let from = self.answered_up_to.min(self.placed.len());
        let (before, behind) = self.placed.split_at(from);
        let open = behind.iter().chain(before).position(|p| ctx.wanted.is_open(&Key::Address(p.key)));
        if let Some(further) = open {
            self.answered_up_to = (from + further) % self.placed.len().max(1);
            return;
        }
        if self.state != State::Master {
            return;
        }
        if self.unfinished.take().is_some_and(|left| left.announce) {
            self.burst(self.config.garp.repeat, ctx);
        }
    }

    /// An address came after the others had been announced.
    pub(crate) fn announce_when_settled(&mut self) {
        self.unfinished = Some(Unfinished { announce: true });
    }

    /// Somebody removed an address that we want. Puts it back, or stands aside if that happens too often.
    pub fn address_taken(&mut self, key: AddressKey, ctx: &mut Context<'_>) -> Option<Intent> {
        let placed = self.placed.iter().find(|placed| placed.key == key);
        // What its own link has, it speaks from.
        let is_footing = self.footing.contains_key(&Key::Address(key));
        if placed.is_none_or(|placed| placed.no_track) && !is_footing {
            return None;
        }
        let interface = ctx.links.name(key.link);
        let restored = self.bears_removal(&Key::Address(key), ctx.now);
        ctx.report(Report::AddressTaken { instance: self.name.clone(), interface, key, restored });
        if restored {
            ctx.wanted.lost(&Key::Address(key));
            if !is_footing {
                self.announce_when_settled();
            }
            return None;
        }
        Some(self.stand_aside(ctx))
    }

    /// One more thing of ours was removed by others; whether that is still not too often. Whoever sweeps away many
    /// things at once, as daemons of networks do when they start, did it once: it counts anew when something goes
    /// that went before.
    pub(crate) fn bears_removal(&mut self, key: &Key, now: Instant) -> bool {
        self.removals.retain(|at| now.since(*at) < REMOVALS_WITHIN);
        if self.removals.is_empty() || !self.swept.insert(key.clone()) {
            self.swept = BTreeSet::from([key.clone()]);
            self.removals.push_back(now);
        }
        self.removals.len() <= REMOVALS_MAX
    }

    pub(crate) fn stand_aside(&mut self, ctx: &mut Context<'_>) -> Intent {
        ctx.report(Report::GivingUpAddresses {
            instance: self.name.clone(),
            removals: self.removals.len(),
            within: REMOVALS_WITHIN,
        });
        self.removals.clear();
        self.swept.clear();
        self.stands_aside = true;
        self.timers.set(ASIDE, ctx.now + STAND_ASIDE);
        Intent::Review
    }

    /// Interfaces of its addresses may have come, gone or changed their index. Where the interface matters the
    /// instance has been in FAULT for that; with `dont_track_primary` it stays master.
    pub fn follow_links(&mut self, ctx: &mut Context<'_>) {
        let routing = Routing::all(&self.config.routes, &self.config.rules, ctx.links);
        if self.placements(ctx.links) != self.placed || routing != self.routing {
            self.move_addresses(ctx);
        }
        let is_new = self.link != self.spoke_on;
        if is_new && self.link.and_then(|link| ctx.links.get(link)).is_some_and(|link| link.up) {
            // Where it speaks is new; nobody heard it meanwhile.
            self.advertise(Leaving::No, ctx);
        }
    }

    pub(super) fn move_addresses(&mut self, ctx: &mut Context<'_>) {
        let before = std::mem::take(&mut self.placed);
        let routed = self.drop_old_routing(ctx);
        self.place(ctx);
        if self.routing().any(|key| !routed.contains(key)) {
            self.report_setting_routing(ctx);
        }
        let mut added = false;
        for placed in &self.placed {
            added |= !before.iter().any(|old| old.key == placed.key);
        }
        let gone: Vec<Placed> = before
            .into_iter()
            .filter(|old| !self.placed.iter().any(|placed| placed.key == old.key))
            .collect();
        for old in gone {
            if let Some(link) = ctx.links.get(old.key.link) {
                let (instance, interface) = (Some(self.name.clone()), link.name.as_str().into());
                ctx.report(Report::AddressNoLonger { instance, interface, key: old.key });
            }
            ctx.wanted.release(self.id, &Key::Address(old.key));
            ctx.announcer.forget_address(self.id, old.key);
        }
        if added {
            ctx.report(Report::SettingAddresses { instance: self.name.clone(), excluded: false });
            self.unfinished = Some(Unfinished { announce: true });
        }
    }

    /// Makes sure that none of its addresses is there: leftovers of a crash, before the first advert.
    pub fn clear_leftovers(&mut self, ctx: &mut Context<'_>) {
        self.clear_routing(ctx);
        let placements = self.placements(ctx.links);
        // Nothing can be left on a link that is still to be made, and the original says nothing of it.
        let says = self.config.own_link.is_none() || self.home.is_some();
        for excluded in self.kinds_configured().filter(|_| says) {
            ctx.report(Report::RemovingAddresses { instance: self.name.clone(), excluded });
        }
        for placed in &placements {
            ctx.wanted.forbid(&Key::Address(placed.key));
        }
        if !self.config.accept {
            if says {
                ctx.report(Report::Barring { instance: self.name.clone(), set: false });
            }
            for barred in self.bars(&placements) {
                ctx.wanted.forbid(&Key::Barred(barred));
            }
        }
    }

    /// Everything it would want as a master, on the interfaces as they are.
    pub(super) fn keys(&self, links: &Links) -> BTreeSet<Key> {
        let addresses = self.placements(links).into_iter().map(|placed| Key::Address(placed.key));
        let routing = Routing::all(&self.config.routes, &self.config.rules, links);
        addresses.chain(routing.into_iter().map(|routing| routing.key)).collect()
    }

    pub(super) fn release(&mut self, ctx: &mut Context<'_>) {
        self.release_routing(ctx);
        for excluded in self.kinds_configured() {
            ctx.report(Report::RemovingAddresses { instance: self.name.clone(), excluded });
        }
        for placed in std::mem::take(&mut self.placed) {
            ctx.wanted.release(self.id, &Key::Address(placed.key));
        }
        if !self.config.accept {
            ctx.report(Report::Barring { instance: self.name.clone(), set: false });
        }
        self.bar(ctx);
        ctx.announcer.forget(self.id);
        self.unfinished = None;
        self.rogue = None;
        self.contest = Contest::default();
        self.logged = 0;
        self.answered = None;
        self.asserted = None;
        self.counters.released_master += 1;
        for timer in [ADVERT, GARP_SECOND, GARP_REFRESH, GARP_LOWER, GARP_EXTRA, CONTEST] {
            self.timers.clear(timer);
        }
    }

    pub(super) fn place(&mut self, ctx: &mut Context<'_>) {
        self.placed = self.placements(ctx.links);
        self.placed.shrink_to_fit();
        // No address is there for a moment without its bar.
        self.bar(ctx);
        for placed in &self.placed {
            ctx.wanted.claim(self.id, &Key::Address(placed.key), &placed.spec);
        }
        self.place_routing(ctx);
    }

    /// Bars what it has placed, and nothing else, unless it accepts packets to its addresses.
    pub(super) fn bar(&mut self, ctx: &mut Context<'_>) {
        let barred = self.bars(&self.placed);
        for old in std::mem::replace(&mut self.barred, barred) {
            if !self.barred.contains(&old) {
                ctx.wanted.release(self.id, &Key::Barred(old));
            }
        }
        for new in &self.barred {
            ctx.wanted.claim(self.id, &Key::Barred(*new), &Spec::Barred);
        }
    }

    fn bars(&self, placed: &[Placed]) -> BTreeSet<Barred> {
        let bar = |placed: &Placed| Barred::of(placed.key.ip, placed.key.link);
        if self.config.accept { BTreeSet::new() } else { placed.iter().map(bar).collect() }
    }

    fn placements(&self, links: &Links) -> Vec<Placed> {
        let place = |address: &VirtualAddress, excluded| {
            let link = self.place_of(address, links)?;
            let key = AddressKey { link, ip: address.ip, prefix_len: address.prefix_len };
            let spec = Spec::Address(address.spec.clone());
            Some(Placed { key, spec, excluded, no_track: address.no_track })
        };
        let advertised = self.config.addresses.iter().filter_map(|address| place(address, false));
        advertised.chain(self.config.excluded.iter().filter_map(|address| place(address, true))).collect()
    }

    /// Announces every address that is there.
    pub(super) fn burst(&mut self, rounds: u32, ctx: &mut Context<'_>) {
        if self.state == State::Master {
            let keys: Vec<AddressKey> = self.placed().collect();
            self.announce(&keys, rounds, ctx);
        }
    }

    /// Announces those whose turn it is: each once a period, some at a time, so that no switch has to drop some of
    /// thousands.
    pub(super) fn refresh(&mut self, ctx: &mut Context<'_>) {
        let (parts, repeat) = (self.refresh_parts(), self.config.garp.refresh_repeat);
        let size = self.placed.len().div_ceil(parts).max(1);
        let part = self.refreshed.checked_rem(parts).unwrap_or(0);
        self.refreshed = part + 1;
        if let (State::Master, Some(placed)) = (self.state, self.placed.chunks(size).nth(part)) {
            let keys: Vec<AddressKey> = placed.iter().map(|placed| placed.key).collect();
            self.announce(&keys, repeat, ctx);
        }
    }

    /// How many times a period some are announced again.
    pub(super) fn refresh_parts(&self) -> usize {
        let most = usize::try_from(self.config.garp.refresh.0 / REFRESH_PAUSE_MIN.0).unwrap_or(usize::MAX);
        self.placed.len().div_ceil(REFRESHED_AT_ONCE).clamp(1, most.max(1))
    }

    /// Announces its addresses outside the usual times.
    pub fn announce_again(&mut self, ctx: &mut Context<'_>) {
        self.burst(self.config.garp.repeat, ctx);
    }

    pub(super) fn arm_refresh(&mut self, from: Instant) {
        if !self.config.garp.refresh.is_zero() {
            let parts = u64::try_from(self.refresh_parts()).unwrap_or(u64::MAX);
            self.timers.set(GARP_REFRESH, from + Micros(self.config.garp.refresh.0 / parts));
        }
    }

    /// Announces one address on each further interface, so that switches do not forget where it is (`garp_extra_if`;
    /// scenario `one address of each further interface is announced at intervals`).
    pub(super) fn announce_extra(&mut self, ctx: &mut Context<'_>) {
        let Some(extra) = self.config.garp.extra else { return };
        let is_vmac = |link| self.config.makes(&ctx.links.name(link));
        let mut told = BTreeSet::new();
        let settled = self.placed().filter(|key| ctx.wanted.is_settled(&Key::Address(*key)));
        let further = settled.filter(|key| Some(key.link) != self.home && (extra.all || is_vmac(key.link)));
        let keys: Vec<AddressKey> = further.filter(|key| told.insert(key.link)).collect();
        self.announce(&keys, 1, ctx);
    }

    pub(super) fn arm_extra(&mut self, from: Instant) {
        if let Some(interval) = self.config.extra_garp() {
            self.timers.set(GARP_EXTRA, from + interval);
        }
    }

    /// When one address of each further interface is announced next.
    pub fn next_extra(&self) -> Option<Instant> {
        self.timers.at(GARP_EXTRA)
    }

    /// Announces those of its addresses that are there.
    pub(crate) fn announce(&self, keys: &[AddressKey], rounds: u32, ctx: &mut Context<'_>) {
        let settled = keys.iter().filter(|key| ctx.wanted.is_settled(&Key::Address(**key)));
        let targets: Vec<Target> = settled
            .filter_map(|key| {
                let link = ctx.links.get(key.link).filter(|link| link.arp)?;
                let (interface, mac, ip) = (link.name.as_str().into(), link.mac?, key.ip);
                let forwarding = if link.forwards_ipv6 { Forwarding::On } else { Forwarding::Off };
                Some(Target { link: link.id, interface, mac, ip, forwarding })
            })
            .collect();
        ctx.announcer.burst(ctx.now, (self.id, &self.name), &targets, rounds, ctx.out);
    }

    /// The addresses it has placed.
    pub fn placed(&self) -> impl Iterator<Item = AddressKey> + '_ {
        self.placed.iter().map(|placed| placed.key)
    }
}
