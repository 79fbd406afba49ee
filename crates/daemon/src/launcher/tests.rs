use super::*;
use keepalived_sys::process::Ended;
use std::path::PathBuf;

/// A launcher in a process of its own, as the engine has it.
struct World {
    launcher: Pid,
    socket: Option<Seqpacket>,
    scratch: PathBuf,
}

impl World {
    fn new(name: &str) -> Self {
        let (ours, theirs) = Seqpacket::pair().unwrap();
        let launcher = process::fork_alone(&theirs, serve).unwrap();
        let scratch = std::env::temp_dir().join(format!("keepalived-launcher-{}-{name}", std::process::id()));
        Self { launcher, socket: Some(ours), scratch }
    }

    fn ask(&self, request: &Request) {
        self.socket.as_ref().unwrap().send(&request.encode().unwrap(), None).unwrap();
    }

    fn run(&self, number: u64, kind: Kind, script: &str) {
        let scratch = self.scratch.to_str().unwrap();
        let argv = ["sh", "-c", script, "sh", scratch].map(|word| CString::new(word).unwrap()).to_vec();
        let own = keepalived_sys::users::own();
        let (path, number) = (c"/bin/sh".into(), RunNumber(number));
        let (uid, gid, umask, environment) = (own.uid, own.gid, 0o177, vec![c"PROBE=told".into()]);
        self.ask(&Request::Run {
            number,
            kind,
            uid,
            gid,
            groups: Vec::new(),
            umask,
            path,
            argv,
            environment,
        });
    }

    fn reply(&self) -> Reply {
        let patience = Instant::now() + Duration::from_secs(10);
        let socket = self.socket.as_ref().unwrap();
        let mut buffer = [0; 64];
        loop {
            match socket.receive_into(&mut buffer) {
                Ok(length) => {
                    return Reply::decode(&buffer[..length.expect("the launcher is gone")]).unwrap();
                }
                Err(error) => assert_eq!(error.kind(), io::ErrorKind::WouldBlock),
            }
            assert!(Instant::now() < patience, "no reply");
            wait_readable(&[socket.as_fd()], Some(Duration::from_secs(1))).unwrap();
        }
    }

    fn started(&self) -> Pid {
        match self.reply() {
            Reply::Started { pid, .. } => Pid(pid),
            other => panic!("{other:?}"),
        }
    }

    /// What the script wrote, once it has.
    fn written(&self) -> String {
        let patience = Instant::now() + Duration::from_secs(10);
        loop {
            match std::fs::read_to_string(&self.scratch) {
                Ok(text) if text.ends_with('\n') => return text,
                _ => assert!(Instant::now() < patience, "the script wrote nothing"),
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// The engine's death; returns how long the launcher lived on.
    fn engine_dies(&mut self) -> Duration {
        self.socket = None;
        let since = Instant::now();
        loop {
            if let Some((_, ended)) = process::reap(Some(self.launcher)) {
                assert_eq!(ended, Ended::Code(0));
                return since.elapsed();
            }
            assert!(since.elapsed() < Duration::from_secs(10), "the launcher lives for ever");
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if self.socket.take().is_some() {
            let _gone = process::kill(self.launcher, Signal::KILL);
            while process::reap(Some(self.launcher)).is_none() && !std::thread::panicking() {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
        let _none_written = std::fs::remove_file(&self.scratch);
    }
}

fn is_alive(pid: Pid) -> bool {
    // A zombie that nobody has reaped yet is dead enough.
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

fn wait_dead(pid: Pid) {
    let patience = Instant::now() + Duration::from_secs(10);
    while is_alive(pid) {
        assert!(Instant::now() < patience, "{pid} lives");
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn runs_are_started_and_their_ends_told_with_their_numbers() {
    let world = World::new("ends");
    world.run(1, Kind::Check, "exit 3");
    assert!(matches!(world.reply(), Reply::Started { number: RunNumber(1), .. }));
    assert_eq!(world.reply(), Reply::Ended { number: RunNumber(1), ended: Ended::Code(3) });
    world.ask(&Request::Run {
        number: RunNumber(2),
        kind: Kind::Check,
        uid: 0,
        gid: 0,
        groups: Vec::new(),
        umask: 0,
        path: c"/nonexistent".into(),
        argv: vec![c"x".into()],
        environment: Vec::new(),
    });
    let pid = world.started().0;
    let failed = Reply::Failed { number: RunNumber(2), pid, step: script::Step::Exec, errno: 2 };
    assert_eq!(world.reply(), failed);
}

#[test]
fn one_script_that_hangs_delays_no_other() {
    let world = World::new("hangs");
    world.run(1, Kind::Check, "trap '' TERM; sleep 60");
    let hanging = world.started();
    for number in 2..20 {
        world.run(number, Kind::Check, "exit 0");
        world.started();
        assert_eq!(world.reply(), Reply::Ended { number: RunNumber(number), ended: Ended::Code(0) });
    }
    world.ask(&Request::Kill { number: RunNumber(1), signal: 9 });
    assert_eq!(world.reply(), Reply::Ended { number: RunNumber(1), ended: Ended::Signal(9) });
    wait_dead(hanging);
}

#[test]
fn what_a_terminated_script_leaves_in_its_group_is_killed() {
    let world = World::new("leaves");
    world.run(1, Kind::Check, "(trap '' TERM; echo ready > \"$1\"; sleep 60) & wait");
    let leader = world.started();
    world.written();
    let members = || {
        let listed = std::process::Command::new("pgrep").args(["-g", &leader.to_string()]).output().unwrap();
        String::from_utf8_lossy(&listed.stdout)
            .lines()
            .map(|pid| Pid(pid.parse().unwrap()))
            .collect::<Vec<_>>()
    };
    let before = members();
    assert!(before.len() >= 2, "{before:?}");
    world.ask(&Request::Kill { number: RunNumber(1), signal: 15 });
    assert_eq!(world.reply(), Reply::Ended { number: RunNumber(1), ended: Ended::Signal(15) });
    before.into_iter().for_each(wait_dead);
}

#[test]
fn when_the_engine_dies_checks_end_at_once_and_the_launcher_with_them() {
    let mut world = World::new("dies");
    world.run(1, Kind::Check, "sleep 60");
    let check = world.started();
    let lived_on = world.engine_dies();
    assert!(lived_on < Duration::from_millis(100), "{lived_on:?}");
    wait_dead(check);
}

#[test]
fn a_check_that_ignores_its_end_gets_a_second_and_no_more() {
    let mut world = World::new("ignores");
    world.run(1, Kind::Check, "trap '' TERM; echo ready > \"$1\"; while :; do sleep 0.05; done");
    let check = world.started();
    world.written();
    let lived_on = world.engine_dies();
    assert!((Duration::from_millis(900)..Duration::from_secs(3)).contains(&lived_on), "{lived_on:?}");
    wait_dead(check);
}

#[test]
fn signals_meant_for_the_engine_do_not_end_the_launcher() {
    let world = World::new("signals");
    // Once it has run something, it certainly ignores them.
    world.run(1, Kind::Check, "exit 0");
    world.started();
    world.reply();
    for signal in [Signal::TERM, Signal::INT, Signal::HUP, Signal::USR1] {
        process::kill(world.launcher, signal).unwrap();
    }
    world.run(2, Kind::Check, "exit 0");
    world.started();
    assert_eq!(world.reply(), Reply::Ended { number: RunNumber(2), ended: Ended::Code(0) });
}

#[test]
fn what_a_notification_started_survives_the_engine() {
    let mut world = World::new("survives");
    world.run(1, Kind::Notify, "sleep 3 > /dev/null & echo $! > \"$1\"");
    world.started();
    let watcher = Pid(world.written().trim().parse().unwrap());
    assert_eq!(world.reply(), Reply::Ended { number: RunNumber(1), ended: Ended::Code(0) });
    world.engine_dies();
    assert!(is_alive(watcher));
    process::kill(watcher, Signal::KILL).unwrap();
}
