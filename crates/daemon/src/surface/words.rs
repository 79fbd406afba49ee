//! Texts that several dumps share (`spec` runtime 7.3).

use keepalived_core::view::AddressView;
use keepalived_model::link::OwnLink;
use keepalived_model::notify::Command;
use keepalived_model::vrrp::{self, Family, VirtualAddress};
use keepalived_model::{Micros, Weight};

use crate::compat::routing_text::AddressText;

/// `10.9.0.100/24 dev vrrp.51@eth0 scope global set`
pub fn address(view: &AddressView<'_>, instance: &vrrp::Instance) -> String {
    let set = if view.set { " set" } else { "" };
    format!("{}{set}", AddressText(view.address, &place(view.address, instance)))
}

/// What an address of an instance is on: `eth0`, or `vrrp.51@eth0`.
fn place(address: &VirtualAddress, instance: &vrrp::Instance) -> String {
    let interface = address.interface.as_deref().unwrap_or(instance.interface_name());
    let is_home = interface == instance.interface_name() && Family::of(address.ip) == instance.family;
    let home = match &instance.own_link {
        Some(OwnLink::Vmac(vmac)) if is_home => Some(vmac),
        // Addresses stay below an ipvlan.
        Some(OwnLink::Vmac(_) | OwnLink::Ipvlan(_)) | None => None,
    };
    match address.vmac.as_ref().or(home) {
        Some(vmac) => format!("{}@{interface}", vmac.name),
        None => interface.to_owned(),
    }
}

/// The link that is the instance's: of its own, or what it is configured on.
pub fn home(instance: &vrrp::Instance) -> &str {
    instance.own_link.as_ref().map_or(instance.interface_name(), OwnLink::name)
}

/// The link its adverts leave by.
pub fn mouth(instance: &vrrp::Instance) -> &str {
    match &instance.own_link {
        Some(OwnLink::Vmac(vmac)) if vmac.transmit_base => instance.interface_name(),
        _ => home(instance),
    }
}

/// `'/path' 'argument'`
pub fn command(command: &Command) -> String {
    let words = command.argv.iter().map(|word| format!("'{}'", String::from_utf8_lossy(word)));
    words.collect::<Vec<_>>().join(" ")
}

/// ` weight 10`, ` weight -5 reverse`
pub fn weight(weight: Weight) -> String {
    format!("weight {}{}", weight.amount, if weight.reverse { " reverse" } else { "" })
}

/// `true` or `false`
pub fn yes(value: bool) -> &'static str {
    if value { "true" } else { "false" }
}

/// `enabled` or `disabled`
pub fn enabled(value: bool) -> &'static str {
    if value { "enabled" } else { "disabled" }
}

/// Whole seconds.
pub fn seconds(length: Micros) -> u64 {
    length.0 / 1_000_000
}

/// As printf's `%g` does for times of this size: no decimals without need.
pub fn seconds_short(length: Micros) -> String {
    let (whole, rest) = (length.0 / 1_000_000, length.0 % 1_000_000);
    if rest == 0 {
        return whole.to_string();
    }
    let decimals = format!("{rest:06}");
    format!("{whole}.{}", decimals.trim_end_matches('0'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use keepalived_model::Vrid;
    use keepalived_model::kernel::AddressSpec;
    use keepalived_model::link::Vmac;

    #[test]
    fn addresses_read_as_in_the_originals_samples() {
        let check = |ip: &str, prefix_len, spec: AddressSpec, set, text: &str| {
            let ip = ip.parse().expect("an address");
            let (interface, no_track, use_vmac, vmac) = (None, false, false, None);
            let address = VirtualAddress { ip, prefix_len, interface, spec, no_track, use_vmac, vmac };
            let mut instance = vrrp::Instance::new("VI_1", Vrid::try_from(51).expect("one"), "eth0");
            assert_eq!(super::address(&AddressView { address: &address, set }, &instance), text);
            instance.family = Family::of(ip);
            let (name, mac) = ("vrrp.51".to_owned(), Vmac::router_mac(instance.vrid, instance.family));
            let vmac = Vmac { name, mac, transmit_base: false, announce_link: false, group: 0 };
            instance.own_link = Some(OwnLink::Vmac(vmac));
            let on_vmac = text.replace("dev eth0", "dev vrrp.51@eth0");
            assert_eq!(super::address(&AddressView { address: &address, set }, &instance), on_vmac);
        };
        let plain = AddressSpec::default;
        check("10.9.0.100", 24, plain(), true, "10.9.0.100/24 dev eth0 scope global set");
        let labeled = AddressSpec { label: Some("eth0:v1".into()), ..plain() };
        check("10.9.0.101", 32, labeled, true, "10.9.0.101 dev eth0 scope global label eth0:v1 set");
        let deprecated = AddressSpec { preferred: keepalived_model::kernel::Lifetime::Seconds(0), ..plain() };
        check("fd00:9::110", 128, deprecated, false, "fd00:9::110 dev eth0 scope global deprecated");
    }

    #[test]
    fn seconds_have_the_decimals_they_need() {
        let table = [(1_000_000, "1"), (500_000, "0.5"), (1_230_000, "1.23"), (0, "0")];
        for (micros, text) in table {
            assert_eq!(seconds_short(Micros(micros)), text);
        }
    }
}
