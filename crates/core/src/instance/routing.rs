//! The routes and rules of a virtual router: they come after its addresses and go before them.

use keepalived_model::kernel::Key;

use super::{Context, Instance, Intent};
use crate::report::Report;
use crate::routing::Routing;

impl Instance {
    /// Somebody removed a route or rule that we want, or the kernel forgot it. Puts it back, or stands aside if that
    /// happens too often.
    pub fn routing_lost(&mut self, key: &Key, ctx: &mut Context<'_>) -> Option<Intent> {
        let lost = self.routing.iter().find(|routing| routing.key == *key)?;
        if lost.no_track {
            return None;
        }
        if !lost.is_possible(ctx.links) {
            ctx.wanted.missing(key);
            return None;
        }
        let spec = lost.spec.clone();
        let restored = self.bears_removal(key, ctx.now);
        ctx.report(Report::RoutingTaken { instance: self.name.clone(), key: key.clone(), spec, restored });
        if restored {
            ctx.wanted.lost(key);
            return None;
        }
        Some(self.stand_aside(ctx))
    }

    pub(super) fn place_routing(&mut self, ctx: &mut Context<'_>) {
        let new = Routing::all(&self.config.routes, &self.config.rules, ctx.links);
        let before = std::mem::replace(&mut self.routing, new);
        for routing in &self.routing {
            ctx.wanted.claim(self.id, &routing.key, &routing.spec);
            if before.iter().any(|old| routing.is_tracked_now(old)) {
                ctx.wanted.lost(&routing.key);
            }
        }
    }

    /// Releases what is not wanted any more; what is wanted in its place comes after the addresses. Returns what was
    /// wanted before.
    pub(super) fn drop_old_routing(&mut self, ctx: &mut Context<'_>) -> Vec<Key> {
        let new = Routing::all(&self.config.routes, &self.config.rules, ctx.links);
        for old in self.routing.iter().rev().filter(|old| !new.iter().any(|new| new.key == old.key)) {
            let went_with_link = matches!(&old.key, Key::Route(key)
                if key.link.is_some_and(|link| ctx.links.get(link).is_none()));
            if !went_with_link {
                let (key, spec) = (old.key.clone(), old.spec.clone());
                ctx.report(Report::RoutingNoLonger { key, spec });
            }
            ctx.wanted.release(self.id, &old.key);
        }
        self.routing().cloned().collect()
    }

    pub(super) fn release_routing(&mut self, ctx: &mut Context<'_>) {
        self.report_removing_routing(ctx);
        for routing in std::mem::take(&mut self.routing).iter().rev() {
            ctx.wanted.release(self.id, &routing.key);
        }
    }

    /// Leftovers of a crash.
    pub(super) fn clear_routing(&mut self, ctx: &mut Context<'_>) {
        self.report_removing_routing(ctx);
        for routing in Routing::all(&self.config.routes, &self.config.rules, ctx.links).iter().rev() {
            ctx.wanted.forbid(&routing.key);
        }
    }

    pub(super) fn report_setting_routing(&self, ctx: &mut Context<'_>) {
        for rules in self.routing_configured() {
            ctx.report(Report::SettingRouting { instance: self.name.clone(), rules });
        }
    }

    fn report_removing_routing(&self, ctx: &mut Context<'_>) {
        for rules in self.routing_configured().rev() {
            ctx.report(Report::RemovingRouting { instance: self.name.clone(), rules });
        }
    }

    /// Whether it has routes and rules, as `rules` flags.
    fn routing_configured(&self) -> impl DoubleEndedIterator<Item = bool> + use<> {
        let kinds = [(!self.config.routes.is_empty(), false), (!self.config.rules.is_empty(), true)];
        kinds.into_iter().filter_map(|(configured, rules)| configured.then_some(rules))
    }

    /// The routes and rules it wants now.
    pub fn routing(&self) -> impl Iterator<Item = &Key> {
        self.routing.iter().map(|routing| &routing.key)
    }
}
