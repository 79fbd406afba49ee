//! Getting into namespaces of our own, and refusing to work anywhere else.

use std::env;
use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

/// First word of the command line when the program has started itself again.
pub const MARK: &str = "--inside";

/// Starts this program again in fresh namespaces and passes its exit code on.
///
/// The inner program is process 1 of its PID namespace, so its end is the end of everything it started. It
/// reads its standard input, which nobody writes: when this outer program ends (Ctrl-C, kill), so does it.
pub fn enter(words: &[String]) -> ExitCode {
    let outer = fs::read_link("/proc/self/ns/net").unwrap_or_default();
    let Ok(program) = env::current_exe() else { return ExitCode::from(2) };
    let child = Command::new("unshare")
        .args(["--net", "--pid", "--mount", "--uts", "--fork", "--kill-child", "--mount-proc", "--"])
        .arg(program)
        .arg(MARK)
        .args(words)
        .env("CONFORMANCE_OUTER_NETWORK", outer)
        .stdin(Stdio::piped())
        .spawn();
    let status = child.and_then(|mut child| {
        // Held open until the child has ended: waiting would close it.
        let input = child.stdin.take();
        let status = child.wait();
        drop(input);
        status
    });
    match status {
        Ok(status) => ExitCode::from(u8::try_from(status.code().unwrap_or(1)).unwrap_or(1)),
        Err(error) => {
            eprintln!("conformance: cannot start 'unshare' (util-linux; needs root): {error}");
            ExitCode::from(2)
        }
    }
}

/// Makes sure that nothing done here can reach the machine's own network or processes.
///
/// # Errors
/// We are not process 1 of a PID namespace, or still in the network we came from.
pub fn guard() -> Result<(), String> {
    if std::process::id() != 1 {
        return Err("not process 1 of its own PID namespace; start it without --inside".to_owned());
    }
    let network = fs::read_link("/proc/self/ns/net").map_err(|error| error.to_string())?;
    let outer = env::var_os("CONFORMANCE_OUTER_NETWORK").unwrap_or_default();
    if outer.is_empty() || network.as_os_str() == outer {
        return Err("still in the network namespace it came from".to_owned());
    }
    // No IPv6 chatter of the switch's own ports, and room in the log sockets of the hosts.
    for (path, value) in [
        ("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1"),
        ("/proc/sys/net/ipv6/conf/all/disable_ipv6", "1"),
        ("/proc/sys/net/unix/max_dgram_qlen", "512"),
    ] {
        // Absent without IPv6; the rest works without it.
        let _ = fs::write(path, value);
    }
    std::thread::spawn(|| {
        let mut nothing = [0; 16];
        while std::io::stdin().read(&mut nothing).is_ok_and(|length| length > 0) {}
        std::process::exit(130);
    });
    Ok(())
}

/// The lab's own track script: fails once `/tmp/fail` is there, and writes the time down just before.
pub fn fail_if_told() -> ExitCode {
    if !Path::new("/tmp/fail").exists() {
        return ExitCode::SUCCESS;
    }
    if !Path::new("/tmp/failed-at").exists() {
        let nanos = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        let _ = fs::write("/tmp/failed-at", nanos.to_string());
    }
    ExitCode::FAILURE
}
