//! From what is there to what shall be there. Pure.

use std::collections::HashMap;

use keepalived_model::kernel::{AddressSpec, Change, Lifetime, Refusal};

use crate::mirror::{Detection, Entry, Verb};

/// What has to be done for one want.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// It is as wanted.
    Nothing,
    /// It is missing.
    Add,
    /// It must go.
    Remove,
    /// It is ours and looks different; the kernel cannot change that in place.
    Renew,
}

/// Compares what is there with what is wanted. An address that is there without our mark satisfies every
/// want for it and stays as it is: somebody else takes care of it.
pub fn decide(there: Option<&Entry>, wanted: Option<&AddressSpec>) -> Step {
    match (there, wanted) {
        (None, None) => Step::Nothing,
        (None, Some(_)) => Step::Add,
        (Some(_), None) => Step::Remove,
        // Only as a new one it is looked for again.
        (Some(there), Some(_)) if there.detection == Detection::Failed => Step::Renew,
        (Some(there), Some(wanted)) if there.ours && !is_alike(there, wanted) => Step::Renew,
        (Some(_), Some(_)) => Step::Nothing,
    }
}

/// Whether the kernel refused because it is so already: an addition of what is there, or a removal of what
/// (or whose link) is not.
pub fn is_so_already(verb: Verb, refusal: &Refusal) -> bool {
    const ENOENT: i32 = 2;
    const ESRCH: i32 = 3;
    const EEXIST: i32 = 17;
    const ENODEV: i32 = 19;
    const EADDRNOTAVAIL: i32 = 99;
    match verb {
        Verb::Add => refusal.errno == EEXIST,
        Verb::Remove => matches!(refusal.errno, ENOENT | ESRCH | ENODEV | EADDRNOTAVAIL),
    }
}

/// Whether asking again may help.
pub fn is_passing(refusal: &Refusal) -> bool {
    const EAGAIN: i32 = 11;
    const ENOBUFS: i32 = 105;
    matches!(refusal.errno, EAGAIN | ENOBUFS)
}

/// A link takes its addresses with it: what one reading of events told about the addresses of a link that
/// was gone at its end is left out.
pub fn without_orphans(changes: Vec<Change>) -> Vec<Change> {
    let mut gone_at = HashMap::new();
    for (at, change) in changes.iter().enumerate() {
        if let Change::LinkGone(id) = change {
            gone_at.insert(*id, at);
        }
    }
    let is_kept = |at: usize, change: &Change| {
        let link = match change {
            Change::Address(address) => address.key.link,
            Change::AddressGone(key) => key.link,
            Change::Link(_) | Change::LinkGone(_) | Change::Lost(_) => return true,
        };
        gone_at.get(&link).is_none_or(|gone_at| at > *gone_at)
    };
    changes.into_iter().enumerate().filter(|(at, it)| is_kept(*at, it)).map(|(_, it)| it).collect()
}

/// IPv6 addresses have neither broadcast nor label, and their scope follows from the address. Lifetimes run down, so
/// that only their kind is compared.
fn is_alike(there: &Entry, wanted: &AddressSpec) -> bool {
    let itself = Some(there.key.ip);
    let peer = |spec: &AddressSpec| spec.peer.filter(|peer| Some(*peer) != itself);
    let looks = |spec: &AddressSpec| (spec.scope, spec.broadcast, spec.label.clone());
    let v6 = there.key.ip.is_ipv6();
    let same_looks = v6 || looks(&there.spec) == looks(wanted);
    let common = |spec: &AddressSpec| (spec.no_prefix_route, spec.auto_join);
    let only_v6 = |spec: &AddressSpec| {
        let life = match spec.preferred {
            Lifetime::Forever => None,
            Lifetime::Seconds(seconds) => Some(seconds == 0),
        };
        (spec.home, spec.manages_temporary, spec.detects_duplicates, life)
    };
    let same_looks = same_looks && common(&there.spec) == common(wanted);
    let same_looks = same_looks && (!v6 || only_v6(&there.spec) == only_v6(wanted));
    same_looks && peer(&there.spec) == peer(wanted)
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use keepalived_model::kernel::{Address, AddressKey, Link};
    use keepalived_model::{LinkId, MacAddr};

    use super::*;

    fn key(link: u32) -> AddressKey {
        AddressKey { link: LinkId(link), ip: [10, 9, 0, 101].into(), prefix_len: 24 }
    }

    fn entry(ours: bool, spec: &AddressSpec) -> Entry {
        Entry { key: key(2), spec: spec.clone(), ours, secondary: false, detection: Detection::Passed }
    }

    #[test]
    fn every_pair_of_there_and_wanted_has_its_step() {
        let plain = AddressSpec::default();
        let labelled = AddressSpec { label: Some("d0:v1".to_owned()), ..AddressSpec::default() };
        let (ours, foreign) = (entry(true, &plain), entry(false, &plain));
        let table = [
            (None, None, Step::Nothing),
            (None, Some(&plain), Step::Add),
            (Some(&ours), None, Step::Remove),
            (Some(&ours), Some(&plain), Step::Nothing),
            (Some(&ours), Some(&labelled), Step::Renew),
            (Some(&foreign), None, Step::Remove),
            (Some(&foreign), Some(&plain), Step::Nothing),
            (Some(&foreign), Some(&labelled), Step::Nothing),
        ];
        for (there, wanted, step) in table {
            assert_eq!(decide(there, wanted), step, "{there:?} {wanted:?}");
        }
    }

    #[test]
    fn every_part_of_the_looks_counts() {
        let plain = AddressSpec::default();
        let other: IpAddr = [10, 9, 9, 9].into();
        let looks = [
            AddressSpec { scope: 253, ..plain.clone() },
            AddressSpec { broadcast: Some([10, 9, 0, 255].into()), ..plain.clone() },
            AddressSpec { label: Some("d0:v1".to_owned()), ..plain.clone() },
            AddressSpec { peer: Some(other), ..plain.clone() },
        ];
        for look in looks {
            assert_eq!(decide(Some(&entry(true, &plain)), Some(&look)), Step::Renew, "{look:?}");
            assert_eq!(decide(Some(&entry(true, &look)), Some(&look)), Step::Nothing, "{look:?}");
        }
        let itself = AddressSpec { peer: Some(key(2).ip), ..plain.clone() };
        assert_eq!(decide(Some(&entry(true, &plain)), Some(&itself)), Step::Nothing);
    }

    #[test]
    fn the_scope_the_kernel_gives_an_ipv6_address_is_no_difference() {
        let link_local = AddressSpec { scope: 253, ..AddressSpec::default() };
        let mut there = entry(true, &link_local);
        there.key.ip = "fe80::9:6".parse().expect("an address");
        assert_eq!(decide(Some(&there), Some(&AddressSpec::default())), Step::Nothing);
    }

    #[test]
    fn a_refusal_that_says_it_is_so_already_is_a_success() {
        let refusal = |errno| Refusal { errno, text: String::new() };
        let table = [(17, true, false), (19, false, true), (99, false, true), (22, false, false)];
        for (errno, adding, removing) in table {
            assert_eq!(is_so_already(Verb::Add, &refusal(errno)), adding, "{errno}");
            assert_eq!(is_so_already(Verb::Remove, &refusal(errno)), removing, "{errno}");
        }
    }

    #[test]
    fn addresses_go_silently_with_their_link_and_only_with_it() {
        let address = |link| Change::Address(Address { key: key(link), ours: false });
        let link = |id| Change::Link(Link::ethernet(LinkId(id), "d0", MacAddr([2, 0, 0, 0, 0, 1])));
        let gone = Change::LinkGone(LinkId(2));
        let told =
            vec![Change::AddressGone(key(3)), Change::AddressGone(key(2)), gone.clone(), link(2), address(2)];
        let kept = vec![Change::AddressGone(key(3)), gone, link(2), address(2)];
        assert_eq!(without_orphans(told), kept);
    }
}
