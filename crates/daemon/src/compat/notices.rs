//! The words in which scripts and pipes are told (`spec` runtime 5.1 and 5.3), and what we tell beyond that.

use std::ffi::CString;

use keepalived_core::event::{Notice, Subject};
use keepalived_core::notices::Cause;
use keepalived_core::report::Fault;

/// The kind of what a notice is about.
pub fn subject(subject: Subject) -> &'static str {
    match subject {
        Subject::Instance => "INSTANCE",
        Subject::Group => "GROUP",
    }
}

/// The line that pipes get.
pub fn line(notice: &Notice) -> String {
    let Notice { subject: kind, name, occasion, priority, .. } = notice;
    format!("{} \"{name}\" {} {priority}\n", subject(*kind), occasion.word())
}

/// What scripts find in their environment beyond what the original gives them. The number grows by one with
/// every notice, so that a script that comes late knows.
pub fn environment(notice: &Notice, number: u64) -> Vec<CString> {
    let (cause, object) = cause(&notice.why.cause);
    let always = [
        ("SEQUENCE", Some(number.to_string())),
        ("PREVIOUS_STATE", Some(notice.previous.to_string())),
        ("CAUSE", Some(cause.to_owned())),
        ("CAUSE_OBJECT", object.map(str::to_owned)),
        ("PEER", notice.why.peer.map(|peer| peer.to_string())),
    ];
    let set = always.into_iter().filter_map(|(name, value)| Some((name, value?)));
    set.filter_map(|(name, value)| CString::new(format!("KEEPALIVED_{name}={value}")).ok()).collect()
}

/// A cause in a word that never changes, and what it is about.
fn cause(cause: &Cause) -> (&'static str, Option<&str>) {
    match cause {
        Cause::Begin => ("begin", None),
        Cause::MasterSilent => ("master-silent", None),
        Cause::MasterResigned => ("master-resigned", None),
        Cause::HigherPriority => ("higher-priority", None),
        Cause::HigherAddress => ("higher-address", None),
        Cause::LowerPriority => ("lower-priority", None),
        Cause::SecondOwner => ("second-owner", None),
        Cause::Late => ("late", None),
        Cause::Group | Cause::Fault(Fault::Group) => ("sync-group", None),
        Cause::Recovered => ("recovered", None),
        Cause::Trackers => ("trackers", None),
        Cause::Removed => ("removed", None),
        Cause::Stop => ("stop", None),
        Cause::Fault(fault) => self::fault(fault),
    }
}

fn fault(fault: &Fault) -> (&'static str, Option<&str>) {
    match fault {
        Fault::LinkDown(name) => ("interface-down", Some(name)),
        Fault::NoAddress(_) => ("no-address", None),
        Fault::NoSource => ("no-source-address", None),
        Fault::Script(name) => ("script", Some(name)),
        Fault::File { file, .. } => ("file", Some(file)),
        Fault::Process(name) => ("process", Some(name)),
        Fault::Group => ("sync-group", None),
        Fault::AddressesTaken => ("addresses-removed", None),
        Fault::NoMulticast(name) => ("no-multicast", Some(name)),
        Fault::Hopeless(_) => ("configuration", None),
    }
}
