//! What a virtual router stands on: links of its own, made on top of its interface (`use_vmac`, `use_ipvlan`), and
//! what the interface below has to be told for them (`spec` runtime 6.5).
//!
//! It is wanted from the first moment on, whatever the state, and as long as the interface below is there. The kernel
//! takes such a link away with its base, and names anew what comes back under the same name; so it is derived from all
//! facts each time, as everything in `review` is.

use std::collections::BTreeMap;

use keepalived_model::kernel::{
    AddressKey, AddressSpec, Key, Lifetime, LinkKind, LinkName, LinkSpec, Setting, Spec,
};
use keepalived_model::link::{OwnLink, UpDownDelay, Vmac};
use keepalived_model::vrrp::{self, Family, VirtualAddress};
use keepalived_model::{InstanceId, LinkId, Micros};

use crate::engine::Engine;
use crate::event::{Action, Actions};
use crate::instance::{Context, Instance, Intent};
use crate::links::Links;
use crate::report::{Fault, Name, Report, State};

/// The scope of link-local addresses (`RT_SCOPE_LINK`).
const SCOPE_LINK: u8 = 253;
/// How long a link of our own has to be down until that counts. The kernel removes one a few milliseconds after it says
/// that it is down.
const OWN_DOWN: Micros = Micros::from_millis(200);
/// The prefix length of link-local addresses.
const LINK_LOCAL_LENGTH: u8 = 64;

impl Engine {
    /// Finds the links an instance speaks on and places its addresses on, and wants what is missing below them.
    pub(crate) fn underpin(&mut self, id: InstanceId) {
        let Some(instance) = self.instances.get_mut(&id) else { return };
        let config = &instance.config;
        let base = config.link_name().and_then(|name| self.links.named(name));
        instance.base = base.map(|link| link.id);
        let own = config.own_link.as_ref().and_then(|own| self.links.named(own.name())).map(|link| link.id);
        instance.link = if speaks_on_own(config) { own } else { instance.base };
        // An ipvlan shares its base's MAC address: the original leaves virtual addresses where they would be
        // without it (scenario `an ipvlan, its addresses, adverts and announcements are the same`).
        instance.home = match &config.own_link {
            Some(OwnLink::Vmac(_)) => own,
            Some(OwnLink::Ipvlan(_)) | None => instance.base,
        };
        let hopeless = config.hopeless.is_some();
        let ground = Ground { links: &self.links, filters_packets: self.filters_packets };
        let footing = if instance.resigned || hopeless { BTreeMap::new() } else { ground.footing(config) };
        if footing == instance.footing {
            return;
        }
        for key in instance.footing.keys().filter(|key| !footing.contains_key(key)) {
            self.wanted.release(id, key);
        }
        // What is below first: a link that is made inherits what its surroundings are told.
        let is_link = |key: &Key| matches!(key, Key::Link(_));
        let (links, settings): (Vec<_>, Vec<_>) = footing.iter().partition(|(key, _)| is_link(key));
        for (key, spec) in settings.into_iter().chain(links) {
            if instance.footing.get(key) != Some(spec) {
                self.wanted.claim(id, key, spec);
            }
            if let (Key::Link(name), Spec::Link(link)) = (key, spec) {
                self.makers.insert(*name, (instance.name.clone(), link.kind));
            }
        }
        instance.footing = footing;
    }

    /// Whether something below an instance is still being made.
    pub(crate) fn is_being_underpinned(&self, instance: &Instance) -> bool {
        own_links(&instance.config).any(|(name, _)| self.wanted.is_open(&Key::Link(name)))
    }

    /// The link an instance lives on is missing or down and nobody is about to change that.
    pub(crate) fn footing_fault(&self, instance: &Instance) -> Option<Fault> {
        let name = instance.config.own_link.as_ref().map(OwnLink::name);
        let lost = name.filter(|name| {
            let open = LinkName::new(name).is_some_and(|name| self.wanted.is_open(&Key::Link(name)));
            !open && !self.links.is_up(name)
        });
        lost.map(|name| Fault::LinkDown(name.into()))
    }

    /// What links have been for long enough counts now.
    pub(crate) fn links_turn(&mut self, out: &mut Actions) {
        for (before, link) in self.links.turn(self.now) {
            self.report_link(Some(&before), &link, out);
        }
        if !self.is_stopping() {
            self.review_all(out);
        }
    }

    /// Somebody removed a link of ours, or gave it another name. It is made again, but not for those who stand aside
    /// because that happens too often.
    pub(crate) fn link_taken(&mut self, name: &str, out: &mut Actions) {
        let Some(key) = LinkName::new(name).map(Key::Link) else { return };
        let mut taken = Vec::new();
        for owner in self.wanted.owners(&key) {
            // A link goes with its base, and first.
            let base = self.instances.get(&owner).and_then(|instance| instance.base);
            if base.and_then(|base| self.links.get(base)).is_some_and(|base| base.up) && !self.is_stopping() {
                taken.push(owner);
            }
        }
        let mut intents = Vec::new();
        for owner in taken {
            let interface = Name::from(name);
            let intent = self.with(owner, out, |instance, ctx| instance.own_link_taken(&key, interface, ctx));
            intents.push((owner, intent.flatten()));
        }
        let aside = |owner: &InstanceId| self.instances.get(owner).is_some_and(|it| it.stands_aside);
        if self.wanted.owners(&key).iter().any(aside) {
            self.wanted.missing(&key);
        } else {
            self.wanted.lost(&key);
        }
        for (owner, intent) in intents {
            self.carry_out(owner, intent, out);
        }
    }

    /// The kernel made or removed a link of ours, or refused to.
    pub(crate) fn link_settled(
        &mut self,
        name: LinkName,
        outcome: Result<(), keepalived_model::kernel::Refusal>,
        out: &mut Actions,
    ) {
        let Some((instance, kind)) = self.makers.get(&name).cloned() else { return };
        let interface = Name::from(name.as_str());
        let wanted = !self.wanted.owners(&Key::Link(name)).is_empty();
        if !wanted {
            self.makers.remove(&name);
        }
        match outcome {
            Ok(()) => out.push(Action::Report(Report::OwnLink { instance, interface, kind, made: wanted })),
            Err(refusal) if wanted => {
                out.push(Action::Report(Report::OwnLinkRefused { instance, interface, kind, refusal }));
            }
            // Its base went before it could be made.
            Err(_) => {}
        }
        if !self.is_stopping() {
            self.review_all(out);
        }
    }

    /// Whether a link of this name is wanted by somebody who makes it.
    pub(crate) fn is_own_link(&self, name: &str) -> bool {
        LinkName::new(name).is_some_and(|name| !self.wanted.owners(&Key::Link(name)).is_empty())
    }

    /// Whether a link changes because we just make it, or remove it.
    pub(crate) fn is_our_doing(&self, name: &str) -> bool {
        let Some(name) = LinkName::new(name) else { return false };
        let open = self.wanted.is_open(&Key::Link(name));
        let owners = self.wanted.owners(&Key::Link(name));
        let begun = |id: &InstanceId| self.instances.get(id).is_some_and(|it| it.state != State::Init);
        open && self.makers.contains_key(&name) && !owners.iter().any(begun)
    }
}

impl Instance {
    fn own_link_taken(&mut self, key: &Key, interface: Name, ctx: &mut Context<'_>) -> Option<Intent> {
        let Some(Spec::Link(link)) = self.footing.get(key) else { return None };
        let kind = link.kind;
        if self.stands_aside {
            return None;
        }
        let restored = self.bears_removal(key, ctx.now);
        ctx.report(Report::OwnLinkTaken { instance: self.name.clone(), interface, kind, restored });
        (!restored).then(|| self.stand_aside(ctx))
    }

    /// It stood aside long enough: what it stands on is made again.
    pub(super) fn recover_footing(&mut self, ctx: &mut Context<'_>) {
        for key in self.footing.keys() {
            if matches!(key, Key::Link(name) if ctx.links.named(name.as_str()).is_none()) {
                ctx.wanted.lost(key);
            }
        }
    }

    /// Nothing of it is wanted any more.
    pub(crate) fn give_up_footing(&mut self, ctx: &mut Context<'_>) {
        self.resigned = true;
        for key in std::mem::take(&mut self.footing).into_keys() {
            ctx.wanted.release(self.id, &key);
        }
    }

    /// The link an address belongs on.
    pub(crate) fn place_of(&self, address: &VirtualAddress, links: &Links) -> Option<LinkId> {
        if let Some(vmac) = &address.vmac {
            return links.named(&vmac.name).map(|link| link.id);
        }
        let own = address.interface.is_none() || address.interface == self.config.interface;
        match &address.interface {
            _ if own && Family::of(address.ip) == self.config.family => self.home,
            None => self.base,
            Some(name) => links.named(name).map(|link| link.id),
        }
    }
}

/// How long interfaces have to be up or down until that counts: as configured, and a moment for links of our own.
/// What somebody removes is down first, and shall be made again without a fault between.
pub(crate) fn delays(config: &vrrp::Config) -> Vec<UpDownDelay> {
    let own = config.instances.iter().flat_map(|instance| own_links(instance)).map(|(name, _)| UpDownDelay {
        name: name.as_str().to_owned(),
        down: OWN_DOWN,
        up: Micros::ZERO,
    });
    // The first one counts.
    config.delays.iter().cloned().chain(own).collect()
}

/// Whether adverts go out through the link of its own and come in there.
fn speaks_on_own(config: &vrrp::Instance) -> bool {
    match &config.own_link {
        Some(OwnLink::Vmac(vmac)) => !vmac.transmit_base,
        Some(OwnLink::Ipvlan(_)) => true,
        None => false,
    }
}

/// Every link of its own, with the name of the interface below.
fn own_links(config: &vrrp::Instance) -> impl Iterator<Item = (LinkName, &str)> {
    let own = config.own_link.as_ref().map(|own| (own.name(), config.interface_name()));
    let addresses = config.addresses.iter().chain(&config.excluded);
    let theirs = addresses.filter_map(|address| {
        let base = address.interface.as_deref().unwrap_or(config.interface_name());
        address.vmac.as_ref().map(|vmac| (vmac.name.as_str(), base))
    });
    own.into_iter().chain(theirs).filter_map(|(name, base)| Some((LinkName::new(name)?, base)))
}

/// What everything stands on.
struct Ground<'a> {
    links: &'a Links,
    /// See [`Engine::filters_packets`].
    filters_packets: bool,
}

impl Ground<'_> {
    /// Everything an instance needs before it can do anything, as far as the interfaces below are there.
    fn footing(&self, config: &vrrp::Instance) -> BTreeMap<Key, Spec> {
        let links = self.links;
        let mut footing = BTreeMap::new();
        let base = links.named(config.interface_name()).map(|link| link.id);
        if let Some(base) = base.filter(|_| config.promote_secondaries) {
            footing.insert(Key::Setting(base, Setting::PromoteSecondaries), Spec::Setting(1));
        }
        let six = |address: &VirtualAddress| address.ip.is_ipv6();
        match &config.own_link {
            Some(OwnLink::Vmac(vmac)) => {
                let ipv6 = config.addresses.iter().chain(&config.excluded).any(six);
                self.put_vmac(&mut footing, vmac, base, config.family, ipv6);
            }
            Some(OwnLink::Ipvlan(ipvlan)) => {
                if let Some((name, base)) = LinkName::new(&ipvlan.name).zip(base) {
                    let kind = LinkKind::Ipvlan(ipvlan.mode);
                    let (settings, hushed) = (Vec::new(), Vec::new());
                    let spec = LinkSpec { base, kind, group: ipvlan.group, settings, hushed };
                    footing.insert(Key::Link(name), Spec::Link(spec));
                }
                if let Some(((ip, prefix_len), link)) = ipvlan.address.zip(links.named(&ipvlan.name)) {
                    let key = AddressKey { link: link.id, ip, prefix_len };
                    footing.insert(Key::Address(key), Spec::Address(AddressSpec::default()));
                }
            }
            None => {}
        }
        for address in config.addresses.iter().chain(&config.excluded) {
            let Some(vmac) = &address.vmac else { continue };
            let name = address.interface.as_deref().unwrap_or(config.interface_name());
            let base = links.named(name).map(|link| link.id);
            let family = Family::of(address.ip);
            self.put_vmac(&mut footing, vmac, base, family, family == Family::V6);
        }
        footing
    }

    /// A macvlan, what it is told before it is up, and what its base is told.
    fn put_vmac(
        &self,
        footing: &mut BTreeMap<Key, Spec>,
        vmac: &Vmac,
        base: Option<LinkId>,
        family: Family,
        ipv6: bool,
    ) {
        let Some((name, base)) = LinkName::new(&vmac.name).zip(base) else { return };
        let mut settings = vec![(Setting::AddressGeneration, 1)];
        if family == Family::V4 {
            settings.extend([
                (Setting::ArpIgnore, 1),
                (Setting::AcceptLocal, 1),
                (Setting::ReversePathFilter, 0),
                (Setting::PromoteSecondaries, 1),
            ]);
            for setting in [Setting::ArpIgnore, Setting::ArpFilter] {
                footing.insert(Key::Setting(base, setting), Spec::Setting(1));
            }
            footing.insert(Key::OwnReversePaths, Spec::OwnReversePaths);
        }
        if !ipv6 {
            settings.push((Setting::DisableIpv6, 1));
        }
        let mut hushed = Vec::new();
        if self.filters_packets {
            hushed.extend(Some(Family::V4).filter(|_| family == Family::V4));
            hushed.extend(Some(Family::V6).filter(|_| ipv6));
        }
        let spec = LinkSpec { base, kind: LinkKind::Macvlan(vmac.mac), group: vmac.group, settings, hushed };
        footing.insert(Key::Link(name), Spec::Link(spec));
        // The link-local address of the base, for adverts and neighbor discovery; deprecated, so that nothing else is
        // sent from it. Whoever speaks through its base does without (scenario `virtual MAC interfaces, their addresses
        // and all settings are the same`).
        if family == Family::V6
            && !vmac.transmit_base
            && let Some((ip, link)) =
                self.links.source(base, family, |_| false).zip(self.links.named(&vmac.name))
        {
            let key = AddressKey { link: link.id, ip, prefix_len: LINK_LOCAL_LENGTH };
            let spec =
                AddressSpec { scope: SCOPE_LINK, preferred: Lifetime::Seconds(0), ..AddressSpec::default() };
            footing.insert(Key::Address(key), Spec::Address(spec));
        }
    }
}
