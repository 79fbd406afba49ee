//! Starting a script: no shell, its own process group, nothing of ours but the environment
//! (`spec` runtime 4.1).

use std::ffi::CString;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

use crate::check;
use crate::process::{Pid, exit_now, own, pointers};
use crate::signals::{self, Signal};
use crate::users;

/// What to start.
#[derive(Debug)]
pub struct Script {
    /// The file to execute.
    pub path: CString,
    /// Its words, the first one included.
    pub argv: Vec<CString>,
    /// `NAME=value`, all of them.
    pub environment: Vec<CString>,
    /// Who runs it.
    pub uid: u32,
    /// Its primary group.
    pub gid: u32,
    /// Its supplementary ones; empty for the primary one alone.
    pub groups: Vec<u32>,
    /// Its file mode creation mask.
    pub umask: u32,
}

/// A process that executes, or is about to execute, a script.
#[derive(Debug)]
pub struct Started {
    /// Also the number of its process group.
    pub pid: Pid,
    /// Tells why it came to nothing, if it did.
    failure: File,
}

/// What could not be done on the way to a running script.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// Becoming its user.
    Identity,
    /// Executing it.
    Exec,
}

impl Started {
    /// Why the process never became the script, and the errno. To be asked once the process has ended: before,
    /// it may not have got that far.
    pub fn failure(mut self) -> Option<(Step, i32)> {
        let mut report = [0; 5];
        self.failure.read_exact(&mut report).ok()?;
        let [step, errno @ ..] = report;
        let step = if step == 0 { Step::Identity } else { Step::Exec };
        Some((step, i32::from_ne_bytes(errno)))
    }
}

/// Starts it, without waiting for anything.
pub fn start(script: &Script) -> io::Result<Started> {
    let argv = pointers(&script.argv);
    // For a file without `#!`: `sh path word…`, what system(3) comes down to.
    let shell_argv: Vec<_> =
        [c"sh".as_ptr(), script.path.as_ptr()].into_iter().chain(argv.iter().copied().skip(1)).collect();
    let environment = pointers(&script.environment);
    let null = File::options().read(true).write(true).open("/dev/null")?;
    let (failure, report) = pipe()?;
    let launcher = own();
    let change_user = users::own() != users::Account { uid: script.uid, gid: script.gid };
    // SAFETY: between fork and exec only async-signal-safe calls are made, on memory prepared before.
    let pid = match check(unsafe { libc::fork() })? {
        0 => {
            let (step, errno) = match become_script(script, null.as_raw_fd(), change_user, launcher) {
                Err(errno) => (Step::Identity, errno),
                Ok(()) => {
                    // SAFETY: the arrays end with a null pointer and point to strings that outlive the calls.
                    unsafe {
                        libc::execve(script.path.as_ptr(), argv.as_ptr(), environment.as_ptr());
                        let errno = last_errno();
                        if errno == libc::ENOEXEC && is_text(script) {
                            libc::execve(c"/bin/sh".as_ptr(), shell_argv.as_ptr(), environment.as_ptr());
                        }
                        (Step::Exec, errno)
                    }
                }
            };
            let [a, b, c, d] = errno.to_ne_bytes();
            let told = [u8::from(step == Step::Exec), a, b, c, d];
            // SAFETY: the buffer is as long as stated.
            unsafe { libc::write(report.as_raw_fd(), told.as_ptr().cast(), told.len()) };
            exit_now(0)
        }
        pid => Pid(pid),
    };
    // The child does the same; whoever comes first, the group exists before anybody signals it.
    // SAFETY: takes integers.
    unsafe { libc::setpgid(pid.0, pid.0) };
    Ok(Started { pid, failure })
}

/// Everything between fork and exec. Async-signal-safe; says which errno stopped it.
fn become_script(script: &Script, null: RawFd, change_user: bool, launcher: Pid) -> Result<(), i32> {
    signals::reset_all();
    // SAFETY: all take integers or terminated strings; what may fail without harm is not looked at.
    unsafe {
        libc::setpgid(0, 0);
        let ordinary = libc::sched_param { sched_priority: 0 };
        libc::sched_setscheduler(0, libc::SCHED_OTHER, &raw const ordinary);
        libc::umask(script.umask);
        libc::chdir(c"/".as_ptr());
        for stream in 0..=2 {
            libc::dup2(null, stream);
        }
        // The report pipe included: it closes when the script begins.
        if libc::syscall(libc::SYS_close_range, 3_u32, u32::MAX, libc::CLOSE_RANGE_CLOEXEC) < 0 {
            for fd in 3..FALLBACK_FDS {
                libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC);
            }
        }
        // The primary group alone unless more are wanted, as with the original: also where the user stays the same.
        let one = [script.gid];
        let groups = if script.groups.is_empty() { &one[..] } else { &script.groups[..] };
        let grouped = libc::setgroups(groups.len(), groups.as_ptr()) == 0;
        if change_user && (!grouped || libc::setgid(script.gid) < 0 || libc::setuid(script.uid) < 0) {
            return Err(last_errno());
        }
        // After the change of user, which clears it.
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGTERM);
        if libc::getppid() != launcher.0 {
            libc::raise(Signal::TERM.0);
        }
    }
    Ok(())
}

/// Descriptors looked at where the kernel (before 5.11) cannot mark them all at once.
const FALLBACK_FDS: RawFd = 1024;

/// Whether the file's beginning has no zero byte, so that a shell may try. Async-signal-safe.
fn is_text(script: &Script) -> bool {
    let mut head = [0_u8; 256];
    // SAFETY: the path is terminated, the buffer as long as stated.
    let got = unsafe {
        let fd = libc::open(script.path.as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC | libc::O_NONBLOCK);
        libc::read(fd, head.as_mut_ptr().cast(), head.len())
    };
    usize::try_from(got).is_ok_and(|got| got > 0 && !head.iter().take(got).any(|byte| *byte == 0))
}

fn last_errno() -> i32 {
    // SAFETY: the pointer is valid for this thread; reading it is async-signal-safe.
    unsafe { *libc::__errno_location() }
}

/// Reading end, not blocking, and writing end.
fn pipe() -> io::Result<(File, OwnedFd)> {
    let mut fds = [0; 2];
    // SAFETY: `fds` has room for the two descriptors.
    check(unsafe { libc::pipe2(fds.as_mut_ptr(), libc::O_CLOEXEC | libc::O_NONBLOCK) })?;
    let [read, write] = fds;
    // SAFETY: the call succeeded, so both are new descriptors that nobody else owns.
    Ok(unsafe { (File::from_raw_fd(read), OwnedFd::from_raw_fd(write)) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::{Ended, kill_group, reap};
    use std::os::unix::fs::PermissionsExt;
    use std::path::{Path, PathBuf};
    use std::time::{Duration, Instant};

    fn script(path: &str, words: &[&str]) -> Script {
        let users::Account { uid, gid } = users::own();
        let argv = [path].iter().chain(words).map(|word| CString::new(*word).unwrap()).collect();
        let environment = crate::process::environment_without(&[]);
        Script {
            path: CString::new(path).unwrap(),
            argv,
            environment,
            uid,
            gid,
            groups: Vec::new(),
            umask: 0o177,
        }
    }

    fn end_of(pid: Pid) -> Ended {
        let patience = Instant::now() + Duration::from_secs(10);
        while Instant::now() < patience {
            if let Some((_, ended)) = reap(Some(pid)) {
                return ended;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        panic!("script {pid} did not end");
    }

    fn run(script: &Script) -> (Ended, Option<(Step, i32)>) {
        let started = start(script).unwrap();
        (end_of(started.pid), started.failure())
    }

    /// A file of this test's own, gone with it.
    struct Scratch(PathBuf);

    impl Scratch {
        fn new(name: &str) -> Self {
            Self(std::env::temp_dir().join(format!("keepalived-script-{}-{name}", std::process::id())))
        }

        fn executable(name: &str, content: &[u8]) -> Self {
            let file = Self::new(name);
            std::fs::write(&file.0, content).unwrap();
            std::fs::set_permissions(&file.0, PermissionsExt::from_mode(0o755)).unwrap();
            file
        }

        fn path(&self) -> &str {
            self.0.to_str().unwrap()
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _gone_already = std::fs::remove_file(&self.0);
        }
    }

    #[test]
    fn the_exit_status_is_the_scripts() {
        assert_eq!(run(&script("/bin/sh", &["-c", "exit 3"])), (Ended::Code(3), None));
        assert_eq!(run(&script("/bin/sh", &["-c", "kill -9 $$"])), (Ended::Signal(9), None));
    }

    #[test]
    fn what_cannot_be_executed_exits_0_and_says_why() {
        assert_eq!(run(&script("/nonexistent", &[])), (Ended::Code(0), Some((Step::Exec, libc::ENOENT))));
        let crlf = Scratch::executable("crlf", b"#!/bin/sh\r\nexit 1\r\n");
        assert_eq!(run(&script(crlf.path(), &[])), (Ended::Code(0), Some((Step::Exec, libc::ENOENT))));
        let binary = Scratch::executable("binary", b"\x01\0\x02\x03");
        assert_eq!(run(&script(binary.path(), &[])), (Ended::Code(0), Some((Step::Exec, libc::ENOEXEC))));
    }

    #[test]
    fn a_text_without_shebang_is_run_by_the_shell_with_its_words() {
        let text = Scratch::executable("text", b"test \"$1\" = 'a b' && exit 5\n");
        assert_eq!(run(&script(text.path(), &["a b"])), (Ended::Code(5), None));
    }

    #[test]
    fn a_script_gets_its_surroundings_as_the_original_gives_them() {
        let output = Scratch::new("surroundings");
        // A descriptor of ours that must not be seen, and an ignored signal that must not be inherited.
        let _held = File::open("/dev/zero").unwrap();
        signals::ignore(&Signal::USELESS);
        let probe = "{ umask; pwd; ls -l /proc/self/fd | grep -vc -e /dev/null -e /proc/ -e total; \
                     ps -o pgid= -p $$ | grep -c \"^ *$$\\$\"; grep -E 'Sig(Ign|Blk)' /proc/self/status; } > \"$1\"; \
                     stat -c %a \"$1\"  >> \"$1\"; readlink /proc/$$/fd/0 >> \"$1\"";
        let (ended, failure) = run(&script("/bin/sh", &["-c", probe, "sh", output.path()]));
        assert_eq!((ended, failure), (Ended::Code(0), None));
        let seen = std::fs::read_to_string(&output.0).unwrap();
        let lines: Vec<&str> = seen.lines().collect();
        let [umask, pwd, fds, group, blocked, ignored, mode, stdin] = lines.as_slice() else {
            panic!("{seen}")
        };
        assert_eq!((*umask, *pwd, *group, *mode, *stdin), ("0177", "/", "1", "600", "/dev/null"), "{seen}");
        // The redirected output of the block is the only one beside /dev/null and ls's own directory.
        assert_eq!(*fds, "1", "{seen}");
        for mask in [blocked, ignored] {
            let mask = u64::from_str_radix(mask.rsplit('\t').next().unwrap(), 16).unwrap();
            // 32 and 33 belong to the C library, which lets nobody touch them.
            assert_eq!(mask & !(0b11 << 31), 0, "{seen}");
        }
    }

    #[test]
    fn a_signal_to_the_group_reaches_what_the_script_started() {
        let output = Scratch::new("group");
        let started =
            start(&script("/bin/sh", &["-c", "sleep 60 & echo $! > \"$1\"; wait", "sh", output.path()]))
                .unwrap();
        let patience = Instant::now() + Duration::from_secs(10);
        let child = loop {
            let read = std::fs::read_to_string(&output.0).unwrap_or_default();
            if let Ok(child) = read.trim().parse::<i32>() {
                break child;
            }
            assert!(Instant::now() < patience);
            std::thread::sleep(Duration::from_millis(5));
        };
        kill_group(started.pid, Signal::TERM).unwrap();
        assert_eq!(end_of(started.pid), Ended::Signal(15));
        while Path::new(&format!("/proc/{child}")).exists() {
            let status = std::fs::read_to_string(format!("/proc/{child}/stat")).unwrap_or_default();
            if status.contains(") Z ") {
                break;
            }
            assert!(Instant::now() < patience, "the sleeper survived");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn a_script_has_its_primary_group_as_only_supplementary_one() {
        if users::own().uid != 0 {
            return eprintln!("SKIP: only root may become somebody else");
        }
        for (id, groups) in [(0, "0"), (65534, "65534")] {
            let line = format!("grep -q '^Groups:[[:space:]]*{groups} *$' /proc/self/status");
            let mut one = script("/bin/sh", &["-c", &line]);
            (one.uid, one.gid) = (id, id);
            assert_eq!(run(&one), (Ended::Code(0), None));
        }
    }

    #[test]
    fn a_script_has_the_supplementary_groups_that_are_wanted() {
        if users::own().uid != 0 {
            return eprintln!("SKIP: only root may become somebody else");
        }
        let mut one =
            script("/bin/sh", &["-c", "grep -q '^Groups:[[:space:]]*7 65534 *$' /proc/self/status"]);
        (one.uid, one.gid, one.groups) = (65534, 65534, vec![65534, 7]);
        assert_eq!(run(&one), (Ended::Code(0), None));
    }

    #[test]
    fn a_script_runs_as_its_user_without_our_groups_or_not_at_all() {
        if users::own().uid != 0 {
            return eprintln!("SKIP: only root may become somebody else");
        }
        let mut other =
            script("/bin/sh", &["-c", "test \"$(id -u) $(id -g) $(id -G)\" = '65534 65534 65534'"]);
        (other.uid, other.gid) = (65534, 65534);
        assert_eq!(run(&other), (Ended::Code(0), None));
    }
}
