//! Processes: starting them, who they are, how they end.

use std::ffi::{CStr, CString};
use std::fmt;
use std::io;
use std::os::fd::{AsFd, AsRawFd};

use keepalived_model::Micros;

use crate::check;
use crate::signals::Signal;

/// A process id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pid(pub i32);

impl fmt::Display for Pid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How a child process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ended {
    /// By itself, with this status.
    Code(u8),
    /// By a signal.
    Signal(u8),
}

/// This process.
pub fn own() -> Pid {
    // SAFETY: no pointer is passed; cannot fail.
    Pid(unsafe { libc::getpid() })
}

/// The parent of this process; after the parent's death whoever adopted us.
pub fn parent() -> Pid {
    // SAFETY: no pointer is passed; cannot fail.
    Pid(unsafe { libc::getppid() })
}

/// The name that `ps` and `killall` know this process by (comm); 15 bytes are kept.
pub fn set_name(name: &CStr) {
    // SAFETY: `name` is terminated and outlives the call; cannot fail.
    unsafe { libc::prctl(libc::PR_SET_NAME, name.as_ptr()) };
}

/// The words that `ps` shows for this process, and the name of [`set_name`] with them; as much as fits where
/// its arguments were. From then on it must not ask for its own arguments.
pub fn set_title(title: &CStr) {
    set_name(title);
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name, which may contain anything, ends with the last parenthesis; the third field follows.
    let mut fields = stat.rsplit(')').next().unwrap_or_default().split_ascii_whitespace();
    let mut address =
        |skipped| fields.nth(skipped).and_then(|field| field.parse::<usize>().ok()).unwrap_or(0);
    // proc(5): fields 48 and 49, where the arguments begin and end.
    let (start, end) = (address(45), address(0));
    if start == 0 || end <= start {
        return;
    }
    let room = std::ptr::with_exposed_provenance_mut::<u8>(start);
    let mut words = title.to_bytes().iter();
    for offset in 0..end - start {
        // The last byte stays zero, so that whoever still has a pointer into it finds an end.
        let byte = if offset + 1 == end - start { 0 } else { words.next().copied().unwrap_or(0) };
        // SAFETY: the kernel put the arguments there, into writable memory that stays for ever and that nothing
        // but a reader of the arguments looks at.
        unsafe { room.add(offset).write_volatile(byte) };
    }
}

/// Has the kernel send `signal` when `parent` dies. False when it is dead already, so that nothing will come.
pub fn die_with(parent: Pid, signal: Signal) -> bool {
    // SAFETY: takes an integer.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, signal.0) };
    self::parent() == parent
}

/// Orphans among our descendants become our children instead of init's.
pub fn adopt_orphans() -> io::Result<()> {
    // SAFETY: takes an integer.
    check(unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1) }).map(drop)
}

/// Ends this process at once, without destructors or exit handlers.
pub fn exit_now(code: u8) -> ! {
    // SAFETY: takes an integer and does not return.
    unsafe { libc::_exit(i32::from(code)) }
}

/// Starts a copy of this process that runs `life` and ends with its result. To be called while this process
/// has one thread: a lock that another thread holds at that moment would stay locked in the copy for ever.
pub fn fork(life: impl FnOnce() -> u8) -> io::Result<Pid> {
    // SAFETY: glibc leaves its own locks usable in the copy; ours are free, as there is one thread.
    match check(unsafe { libc::fork() })? {
        0 => exit_now(life()),
        pid => Ok(Pid(pid)),
    }
}

/// As [`fork`], but the copy is a process group of its own that ends with us, and signals mean to it what they
/// mean to a new program.
pub fn fork_apart(life: impl FnOnce() -> u8) -> io::Result<Pid> {
    let parent = own();
    let pid = fork(|| {
        crate::signals::reset_all();
        // SAFETY: takes integers.
        unsafe { libc::setpgid(0, 0) };
        if die_with(parent, Signal::TERM) { life() } else { 1 }
    })?;
    // The copy does the same; whoever comes first, the group exists before anybody signals it.
    // SAFETY: takes integers.
    unsafe { libc::setpgid(pid.0, pid.0) };
    Ok(pid)
}

/// As [`fork`], but the copy keeps none of our descriptors beside the standard streams and `keep`. A plain
/// function, so that it cannot know of the descriptors that are closed under it.
pub fn fork_alone<T: AsFd>(keep: &T, life: fn(&T) -> u8) -> io::Result<Pid> {
    fork(|| {
        let kept = keep.as_fd().as_raw_fd();
        let (Ok(below), Ok(above)) = (u32::try_from(kept - 1), u32::try_from(kept + 1)) else { return 1 };
        for (first, last) in [(3, below), (above, u32::MAX)] {
            if first <= last {
                // SAFETY: takes integers; nothing that owns one of these descriptors is used in this copy.
                unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) };
            }
        }
        life(keep)
    })
}

/// Leaves the caller's session and terminal: the first process ends with status 0, its copy goes on as leader
/// of a new session in `/` with its standard streams at /dev/null (`spec` runtime 1.2). One thread, see `fork`.
pub fn daemonise() -> io::Result<()> {
    // SAFETY: see `fork`.
    if check(unsafe { libc::fork() })? != 0 {
        exit_now(0);
    }
    // SAFETY: no pointer is passed.
    check(unsafe { libc::setsid() })?;
    // SAFETY: the path is a terminated string.
    check(unsafe { libc::chdir(c"/".as_ptr()) })?;
    silence_standard_streams()
}

/// Standard input, output and error become /dev/null.
pub fn silence_standard_streams() -> io::Result<()> {
    let null = std::fs::File::options().read(true).write(true).open("/dev/null")?;
    for stream in 0..=2 {
        // SAFETY: no pointer is passed; replacing a standard stream is the purpose.
        check(unsafe { libc::dup2(null.as_raw_fd(), stream) })?;
    }
    if null.as_raw_fd() <= 2 {
        // It became one of them, and must stay open.
        std::mem::forget(null);
    }
    Ok(())
}

/// Sets the file mode creation mask; returns the earlier one.
pub fn umask(mask: u32) -> u32 {
    // SAFETY: takes an integer; cannot fail.
    unsafe { libc::umask(mask) }
}

/// Lets this process and its children leave core files of any size.
pub fn allow_core_files() -> io::Result<()> {
    let all = libc::RLIM_INFINITY;
    Ok(nix::sys::resource::setrlimit(nix::sys::resource::Resource::RLIMIT_CORE, all, all)?)
}

/// Sends a signal to one process.
pub fn kill(pid: Pid, signal: Signal) -> io::Result<()> {
    // Zero and negative numbers mean groups, one of which is everything.
    if pid.0 <= 0 {
        return Err(io::Error::from_raw_os_error(libc::ESRCH));
    }
    // SAFETY: takes integers.
    check(unsafe { libc::kill(pid.0, signal.0) }).map(drop)
}

/// Sends a signal to a whole process group, named by its leader.
pub fn kill_group(leader: Pid, signal: Signal) -> io::Result<()> {
    // Minus one means everything there is.
    if leader.0 <= 1 {
        return Err(io::Error::from_raw_os_error(libc::ESRCH));
    }
    // SAFETY: takes integers.
    check(unsafe { libc::kill(-leader.0, signal.0) }).map(drop)
}

/// Takes the end of one child that has ended, of any or of this one; does not wait.
pub fn reap(child: Option<Pid>) -> Option<(Pid, Ended)> {
    let mut status = 0;
    // SAFETY: `status` outlives the call.
    let pid = unsafe { libc::waitpid(child.map_or(-1, |pid| pid.0), &raw mut status, libc::WNOHANG) };
    if pid <= 0 {
        return None;
    }
    let ended = if libc::WIFSIGNALED(status) {
        Ended::Signal(u8::try_from(libc::WTERMSIG(status)).unwrap_or(0))
    } else {
        Ended::Code(u8::try_from(libc::WEXITSTATUS(status)).unwrap_or(u8::MAX))
    };
    Some((Pid(pid), ended))
}

/// What exec wants: pointers to the strings, and a null one at the end.
pub(crate) fn pointers(strings: &[CString]) -> Vec<*const libc::c_char> {
    strings.iter().map(|string| string.as_ptr()).chain([std::ptr::null()]).collect()
}

/// Our environment, without the named variables, as exec wants it.
pub fn environment_without(names: &[&str]) -> Vec<CString> {
    use std::os::unix::ffi::OsStringExt;
    std::env::vars_os()
        .filter(|(name, _)| !names.iter().any(|dropped| name == dropped))
        .filter_map(|(name, value)| {
            CString::new([&name.into_vec(), &b"="[..], &value.into_vec()].concat()).ok()
        })
        .collect()
}

/// Gives memory that is not used any more back to the kernel: reading a big configuration takes much of it, and
/// holding the result little.
pub fn return_free_memory() {
    // SAFETY: takes an integer; the allocator locks itself.
    unsafe { libc::malloc_trim(0) };
}

/// Smallest block that the kernel gets back as soon as it is freed.
const LARGE_BYTES: i32 = 128 * 1024;

/// From now on large blocks go back to the kernel when they are freed, however large freed ones were before: by
/// itself the allocator learns from the first one to keep all that are no larger. Configurations are read with few
/// large blocks that nobody needs afterwards. All threads share one heap, since they allocate little.
pub fn return_large_blocks() {
    // SAFETY: both only set numbers of the allocator, which takes any.
    let _ =
        unsafe { (libc::mallopt(libc::M_MMAP_THRESHOLD, LARGE_BYTES), libc::mallopt(libc::M_ARENA_MAX, 1)) };
}

/// Processor time used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// In our own code.
    pub user: Micros,
    /// In the kernel, for us.
    pub system: Micros,
}

/// What this process used so far.
pub fn usage() -> Usage {
    usage_of(libc::RUSAGE_SELF)
}

/// What its children used that have been reaped, and theirs.
pub fn usage_of_children() -> Usage {
    usage_of(libc::RUSAGE_CHILDREN)
}

fn usage_of(who: i32) -> Usage {
    // SAFETY: all-zero is a valid value of this plain C structure.
    let mut read: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: `read` outlives the call; cannot fail for these two.
    unsafe { libc::getrusage(who, &raw mut read) };
    let micros = |time: libc::timeval| {
        let secs = u64::try_from(time.tv_sec).unwrap_or(0);
        Micros(secs * 1_000_000 + u64::try_from(time.tv_usec).unwrap_or(0))
    };
    Usage { user: micros(read.ru_utime), system: micros(read.ru_stime) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    fn end_of(pid: Pid) -> Ended {
        let patience = Instant::now() + Duration::from_secs(10);
        while Instant::now() < patience {
            if let Some((_, ended)) = reap(Some(pid)) {
                return ended;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        panic!("process {pid} did not end");
    }

    #[test]
    fn a_copy_ends_with_the_result_of_its_life() {
        assert_eq!(end_of(fork(|| 7).unwrap()), Ended::Code(7));
        let sleeper = fork(|| {
            loop {
                std::thread::sleep(Duration::from_secs(1));
            }
        });
        let sleeper = sleeper.unwrap();
        assert_eq!(reap(Some(sleeper)), None);
        kill(sleeper, Signal::KILL).unwrap();
        assert_eq!(end_of(sleeper), Ended::Signal(9));
        assert!(kill(sleeper, Signal::KILL).is_err());
    }

    #[test]
    fn a_child_dies_with_its_parent_or_learns_that_it_is_dead() {
        let (near, far) = crate::seqpacket::Seqpacket::pair().unwrap();
        let parent = fork(|| {
            let me = own();
            let child = fork(|| {
                let alive = die_with(me, Signal::KILL);
                let _sent = far.send(&[u8::from(alive), u8::from(die_with(Pid(1), Signal::KILL))], None);
                std::thread::sleep(Duration::from_secs(20));
                0
            });
            std::thread::sleep(Duration::from_millis(100));
            u8::from(child.is_err())
        });
        drop(far);
        assert_eq!(end_of(parent.unwrap()), Ended::Code(0));
        // The child holds the other end: its death is the end of the channel, long before its sleep is over.
        let since = Instant::now();
        let mut buffer = [0; 4];
        let mut seen = Vec::new();
        loop {
            match near.receive_into(&mut buffer) {
                Ok(Some(length)) => seen.extend_from_slice(&buffer[..length]),
                Ok(None) => break,
                Err(_nothing_yet) => std::thread::sleep(Duration::from_millis(5)),
            }
            assert!(since.elapsed() < Duration::from_secs(10));
        }
        assert_eq!(seen, [1, 0]);
    }

    #[test]
    fn a_lone_copy_closes_what_it_is_not_to_keep() {
        let (near, far) = crate::seqpacket::Seqpacket::pair().unwrap();
        let (_other_near, other_far) = crate::seqpacket::Seqpacket::pair().unwrap();
        let copy = fork_alone(&far, |far| {
            // The other end was closed here, so this is the end of the channel, once it is closed there, too.
            let mut buffer = [0; 4];
            while far.receive_into(&mut buffer).is_err() {
                std::thread::sleep(Duration::from_millis(2));
            }
            7
        });
        drop((near, other_far));
        assert_eq!(end_of(copy.unwrap()), Ended::Code(7));
    }

    #[test]
    fn signals_to_everybody_are_not_sent() {
        assert!(kill(Pid(-1), Signal::KILL).is_err());
        assert!(kill(Pid(0), Signal::KILL).is_err());
        assert!(kill_group(Pid(1), Signal::KILL).is_err());
        assert!(kill_group(Pid(0), Signal::KILL).is_err());
    }

    #[test]
    fn a_process_is_shown_under_its_title() {
        let titled = fork(|| {
            set_title(c"a-title-longer-than-a-name");
            std::thread::sleep(Duration::from_secs(20));
            0
        });
        let titled = titled.unwrap();
        let shown = |what: &str| std::fs::read(format!("/proc/{titled}/{what}")).unwrap();
        let patience = Instant::now() + Duration::from_secs(10);
        while shown("comm") != b"a-title-longer-\n"
            || !shown("cmdline").starts_with(b"a-title-longer-than-a-name\0")
        {
            assert!(Instant::now() < patience, "{:?}", String::from_utf8_lossy(&shown("cmdline")));
            std::thread::sleep(Duration::from_millis(2));
        }
        kill(titled, Signal::KILL).unwrap();
        assert_eq!(end_of(titled), Ended::Signal(9));
    }

    #[test]
    fn named_variables_are_left_out_of_the_environment() {
        let all = environment_without(&[]);
        assert!(all.iter().any(|entry| entry.as_bytes().starts_with(b"PATH=")));
        let some = environment_without(&["PATH"]);
        assert_eq!(some.len() + 1, all.len());
        assert!(!some.iter().any(|entry| entry.as_bytes().starts_with(b"PATH=")));
    }
}
