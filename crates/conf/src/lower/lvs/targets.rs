//! Services and the groups they name; their families (`spec` lvs 2, rules 4 to 6).

use keepalived_model::lvs::{Entry, Family, Forwarding, Group, Target};

use super::server::Draft;
use crate::lower::context::Context;

/// A virtual server that knows its addresses and marks.
pub(super) struct Service<'g> {
    pub draft: Draft,
    pub group: Option<&'g Group>,
    pub family: Family,
}

impl Service<'_> {
    /// The addresses of a group with their ports.
    pub fn addresses(&self) -> impl Iterator<Item = (String, Option<u16>)> {
        self.entries().iter().filter_map(|entry| match entry {
            Entry::Addresses { first, last, port } if first == last => Some((first.to_string(), *port)),
            Entry::Addresses { first, last, port } => Some((format!("{first}-{last}"), *port)),
            Entry::Mark { .. } => None,
        })
    }

    /// Some packets come here by their mark.
    pub fn has_mark(&self) -> bool {
        let is_mark = |entry: &Entry| matches!(entry, Entry::Mark { .. });
        matches!(self.draft.target, Target::Mark(_)) || self.entries().iter().any(is_mark)
    }

    /// Some come here by their address, which makes a protocol necessary.
    pub fn has_address(&self) -> bool {
        matches!(self.draft.target, Target::Address { .. }) || self.addresses().next().is_some()
    }

    /// Some address has no port.
    pub fn has_every_port(&self) -> bool {
        matches!(self.draft.target, Target::Address { port: None, .. })
            || self.addresses().any(|(_, port)| port.is_none())
    }

    fn entries(&self) -> &[Entry] {
        self.group.map_or(&[], |group| &group.entries)
    }
}

/// Finds the group of every service that names one. Whose group is missing or of another family is dropped, which
/// is a line for the log only.
pub(super) fn resolve<'g>(cx: &mut Context<'_>, drafts: Vec<Draft>, groups: &'g [Group]) -> Vec<Service<'g>> {
    drafts.into_iter().filter_map(|draft| service(cx, draft, groups)).collect()
}

fn service<'g>(cx: &mut Context<'_>, draft: Draft, groups: &'g [Group]) -> Option<Service<'g>> {
    let Some(name) = draft.group() else {
        let family = draft.family.unwrap_or_else(|| of_servers(&draft));
        return Some(Service { draft, group: None, family });
    };
    let title = draft.title();
    let Some(group) = groups.iter().find(|group| group.name == name) else {
        cx.conclude_log(format!(
            "Virtual server group {name} specified but not configured - ignoring virtual server {title}"
        ));
        return None;
    };
    let has = |family| group.entries.iter().any(|entry| entry.family() == Some(family));
    let is_tunnel =
        |method: Option<Forwarding>| method.or(draft.forwarding).is_some_and(Forwarding::is_tunnel);
    let all_tunnels = draft.servers.iter().all(|server| is_tunnel(server.forwarding));
    let family = match (has(Family::V4), has(Family::V6)) {
        (true, true) if !all_tunnels => {
            cx.conclude_log(format!(
                "{name}: virtual server group with IPv4 & IPv6 doesn't match virtual server {title} - ignoring"
            ));
            return None;
        }
        (true, true) => draft.family.unwrap_or(Family::V4),
        (false, false) => draft.family.unwrap_or_else(|| {
            if all_tunnels {
                cx.conclude_log(format!(
                    "{name}: Virtual server {title} address family cannot be determined, defaulting to IPv4"
                ));
            }
            of_servers(&draft)
        }),
        (v4, _) => {
            let family = if v4 { Family::V4 } else { Family::V6 };
            if draft.family.is_some_and(|theirs| theirs != family) {
                cx.conclude_log(format!(
                    "{name}: address family doesn't match virtual server {title} - ignoring"
                ));
                return None;
            }
            family
        }
    };
    Some(Service { draft, group: Some(group), family })
}

/// The family all real servers have in common; of both, IPv4.
fn of_servers(draft: &Draft) -> Family {
    let all_v6 = draft.servers.iter().all(|server| server.ip.is_ipv6());
    if all_v6 { Family::V6 } else { Family::V4 }
}
