//! What of a configuration the engine can run today. The one place between what is meant and what is done: as the
//! engine learns, lines disappear here.

use crate::link::OwnLink;
use crate::vrrp::{Config, Instance, Transport};

impl Instance {
    /// Without what the engine does not do, but its peers need not know.
    fn simplified(mut self) -> Self {
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
    /// What the engine can run.
    pub fn runnable(mut self) -> Self {
        self.instances = self.instances.into_iter().map(Instance::simplified).collect();
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::Vrid;
    use crate::link::{Ipvlan, IpvlanMode};

    fn instance(name: &str) -> Instance {
        Instance::new(name, Vrid::try_from(1).expect("not zero"), "eth0")
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
