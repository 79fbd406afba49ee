//! From what is there to what shall be there. Pure.

use keepalived_model::kernel::{AddressSpec, Change, Refusal};

use crate::mirror::{Entry, Verb};

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
        (Some(there), Some(wanted)) if there.ours && !is_alike(there, wanted) => Step::Renew,
        (Some(_), Some(_)) => Step::Nothing,
    }
}

/// Whether the kernel refused because it is so already: an addition of what is there, or a removal of what
/// (or whose link) is not.
pub fn is_so_already(verb: Verb, refusal: &Refusal) -> bool {
    const EEXIST: i32 = 17;
    const ENODEV: i32 = 19;
    const EADDRNOTAVAIL: i32 = 99;
    match verb {
        Verb::Add => refusal.errno == EEXIST,
        Verb::Remove => matches!(refusal.errno, ENODEV | EADDRNOTAVAIL),
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
    let gone: Vec<(usize, _)> = changes
        .iter()
        .enumerate()
        .filter_map(|(at, change)| if let Change::LinkGone(id) = change { Some((at, *id)) } else { None })
        .collect();
    let is_orphan = |at: usize, change: &Change| {
        let link = match change {
            Change::Address(address) => address.key.link,
            Change::AddressGone(key) => key.link,
            Change::Link(_) | Change::LinkGone(_) => return false,
        };
        gone.iter().any(|(gone_at, id)| *id == link && at < *gone_at)
    };
    let kept = changes.iter().enumerate().filter(|(at, change)| !is_orphan(*at, change));
    kept.map(|(_, change)| change.clone()).collect()
}

/// IPv6 addresses have neither broadcast nor label, and their scope follows from the address.
fn is_alike(there: &Entry, wanted: &AddressSpec) -> bool {
    let itself = Some(there.key.ip);
    let peer = |spec: &AddressSpec| spec.peer.filter(|peer| Some(*peer) != itself);
    let looks = |spec: &AddressSpec| (spec.scope, spec.broadcast, spec.label.clone());
    let same_looks = there.key.ip.is_ipv6() || looks(&there.spec) == looks(wanted);
    same_looks && peer(&there.spec) == peer(wanted)
}
