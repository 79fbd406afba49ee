//! What of a configuration the engine can run today. The one place between what is meant and what is done: as the
//! engine learns, lines disappear here.

use std::collections::BTreeSet;

use crate::link::OwnLink;
use crate::vrrp::{Auth, Config, Family, Hopeless, Instance, Transport};

impl Instance {
    /// Why the engine leaves this instance alone: its peers would not understand what it says without that.
    pub fn beyond(&self) -> Option<&'static str> {
        match (self.family, &self.auth) {
            (Family::V6, _) => Some("IPv6"),
            (_, Auth::Ah(_)) => Some("auth_type AH"),
            (_, Auth::Hmac(_)) => Some("auth_hmac"),
            (_, Auth::None | Auth::Pass(_)) if self.interface.is_none() => {
                Some("unicast without an interface")
            }
            (_, Auth::None | Auth::Pass(_)) => None,
        }
    }

    fn is_runnable(&self) -> bool {
        let hopeless = self.hopeless == Some(Hopeless::NoPeer);
        self.beyond().is_none() && !hopeless
    }

    /// Without what the engine does not do, but its peers need not know.
    fn simplified(mut self) -> Self {
        self.excluded.retain(|address| address.ip.is_ipv4());
        if let Some(OwnLink::Ipvlan(ipvlan)) = self.own_link.take() {
            let own = ipvlan.address.map(|(ip, _)| ip);
            let (Transport::Multicast { source, .. } | Transport::Unicast { source, .. }) =
                &mut self.transport;
            // An address that is nowhere would be waited for.
            *source = source.filter(|source| Some(*source) != own);
        }
        self
    }
}

impl Config {
    /// What the engine can run. Groups keep the members that are left.
    pub fn runnable(mut self) -> Self {
        self.instances.retain(Instance::is_runnable);
        self.instances = self.instances.into_iter().map(Instance::simplified).collect();
        let names: BTreeSet<&str> = self.instances.iter().map(|instance| instance.name.as_str()).collect();
        for group in &mut self.groups {
            group.members.retain(|member| names.contains(member.as_str()));
        }
        self.groups.retain(|group| !group.members.is_empty());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::Vrid;
    use crate::link::{Ipvlan, IpvlanMode};
    use crate::vrrp::SyncGroup;

    fn instance(name: &str) -> Instance {
        Instance::new(name, Vrid::try_from(1).expect("not zero"), "eth0")
    }

    #[test]
    fn what_peers_would_not_understand_is_left_out_of_its_group_too() {
        let plain = instance("plain");
        let ipv6 = Instance { family: Family::V6, ..instance("ipv6") };
        let header = Instance { auth: Auth::Ah([0; 8]), ..instance("header") };
        let nowhere = Instance { interface: None, ..instance("nowhere") };
        let lonely = Instance { hopeless: Some(Hopeless::NoPeer), ..instance("lonely") };
        let group = |name: &str, members: &[&str]| SyncGroup {
            name: name.into(),
            members: members.iter().map(|member| (*member).to_owned()).collect(),
            ..SyncGroup::default()
        };
        let config = Config {
            instances: vec![plain.clone(), ipv6, header, nowhere, lonely],
            groups: vec![group("G", &["ipv6", "plain"]), group("H", &["lonely", "header"])],
            ..Config::default()
        };
        let runnable = config.runnable();
        assert_eq!(runnable.instances, [plain]);
        assert_eq!(runnable.groups, [group("G", &["plain"])]);
    }

    #[test]
    fn the_address_of_an_ipvlan_that_is_not_made_is_not_a_source() {
        let ip = std::net::IpAddr::from([10, 0, 0, 7]);
        let link = Ipvlan {
            name: "vrrp.1".into(),
            address: Some((ip, 24)),
            mode: IpvlanMode::Bridge,
            transmit_base: false,
            group: 0,
        };
        let group = crate::vrrp::GROUP_V4.into();
        let transport = Transport::Multicast { group, source: Some(ip) };
        let written = Instance { own_link: Some(OwnLink::Ipvlan(link)), transport, ..instance("V") };
        assert_eq!(written.simplified(), instance("V"));
    }
}
