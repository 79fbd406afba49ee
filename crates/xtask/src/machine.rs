//! The machine: Debian's kernel under QEMU, for scenarios that need what the kernel of the workplace may lack (VRFs,
//! ipvlans, VLANs, bonds, netem) or a real process 1.
//!
//! ```text
//!   target/machine/  recipe                     what the image was made by: another recipe, another image
//!                    vmlinuz initrd root.img    made once by conformance/machine/image.sh, never written again
//!                    lab.tar ──► second disk    binaries and files of this run, unpacked to /lab inside
//!                    left.tar ◄── third disk    stories of failures, and how the runner ended
//! ```

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::tally::{Counts, Outcome};
use crate::{packages, plan, run};

/// What makes the image; the image is as good as these.
const RECIPE: &[&str] = &["image.sh", "kernel.sh", "initrd.sh"];
/// What a run needs of the project, besides the binaries.
const LUGGAGE: &[&str] = &["conformance/machine", "packaging"];
/// How long making the image may take.
const IMAGE_SECONDS_MAX: u64 = 600;
/// How long one life of the machine may take, from power on to power off.
const LIFE_SECONDS_MAX: u64 = 600;
/// Room for what is left of failures.
const LEFT_BYTES: u64 = 16 << 20;
/// Memory of the machine: two boxes with systemd fit.
const MEBIBYTES: &str = "1024";

/// The scenarios with our binary on both boxes.
pub fn ours(root: &Path) -> Outcome {
    life(root, "ours", "")
}

/// Those of them that say what the original does, with the original's.
pub fn theirs(root: &Path) -> Outcome {
    life(root, "theirs", "--chosen")
}

/// What a developer asks for: `theirs` first if one likes, then words for the runner.
pub fn asked(root: &Path, words: &[&str]) -> Result<(), String> {
    run::plainly(run::cargo().current_dir(root).args(plan::RELEASE_BUILD).arg("--quiet"))?;
    let outcome = match words {
        ["theirs", rest @ ..] => life(root, "theirs", &quoted(&[&["--chosen"], rest].concat())),
        rest => life(root, "ours", &quoted(rest)),
    };
    match outcome {
        Outcome::Passed(_) => Ok(()),
        Outcome::Failed(_, why) => Err(why),
        Outcome::Skipped(why) => {
            println!("SKIP {why}");
            Ok(())
        }
    }
}

/// Switches the machine on, lets it run the family `machine`, and waits until it has switched itself off.
fn life(root: &Path, subject: &str, words: &str) -> Outcome {
    let suite = match possible() {
        Ok(suite) => suite,
        Err(why) => return Outcome::Skipped(why),
    };
    let place = run::target(root).join("machine");
    let begun = image(root, &place, &suite).and_then(|()| pack(root, &place, subject, words));
    if let Err(why) = begun {
        return Outcome::Failed(Counts::default(), why);
    }
    let begin = Instant::now();
    let outcome = run::counted(&mut qemu(&place), Duration::from_secs(LIFE_SECONDS_MAX));
    println!("the machine was on for {} s", begin.elapsed().as_secs());
    match (outcome, unpack(root, &place)) {
        (Outcome::Passed(counts), Ok(0)) => Outcome::Passed(counts),
        (Outcome::Passed(counts), Ok(code)) => {
            Outcome::Failed(counts, format!("the runner ended with {code}"))
        }
        (Outcome::Passed(counts), Err(why)) => Outcome::Failed(counts, why),
        (other, _) => other,
    }
}

/// The release of Debian whose machine runs our binaries, or why there is none.
fn possible() -> Result<String, String> {
    if !packages::is_root() {
        return Err("making a machine needs root".to_owned());
    }
    if !cfg!(target_arch = "x86_64") {
        return Err("the machine is an x86-64".to_owned());
    }
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let field = |name: &str| release.lines().find_map(|line| line.strip_prefix(name));
    match (field("ID="), field("VERSION_CODENAME=")) {
        (Some("debian"), Some(suite)) => packages::provide_machine().map(|()| suite.to_owned()),
        _ => Err("our binaries fit a machine of the same Debian, and this is none".to_owned()),
    }
}

/// Makes the image unless the one that is there was made by the same recipe.
fn image(root: &Path, place: &Path, suite: &str) -> Result<(), String> {
    let recipe = recipe(root, suite)?;
    let written = place.join("recipe");
    let complain = |error: std::io::Error| format!("{}: {error}", place.display());
    if fs::read_to_string(&written).is_ok_and(|known| known == recipe) {
        return Ok(());
    }
    if place.exists() {
        fs::remove_dir_all(place).map_err(complain)?;
    }
    fs::create_dir_all(place).map_err(complain)?;
    let begin = Instant::now();
    // Told to end, mmdebstrap unmounts and removes what it has made so far.
    let mut build = Command::new("timeout");
    build.args(["--signal", "INT", &IMAGE_SECONDS_MAX.to_string(), "sh"]);
    build.arg(root.join("conformance/machine/image.sh")).arg(place).arg(suite);
    match run::counted(&mut build, Duration::from_secs(IMAGE_SECONDS_MAX + 30)) {
        Outcome::Passed(_) => {}
        Outcome::Failed(_, why) | Outcome::Skipped(why) => return Err(format!("making the image: {why}")),
    }
    println!("the image took {} s", begin.elapsed().as_secs());
    fs::write(&written, recipe).map_err(complain)
}

fn recipe(root: &Path, suite: &str) -> Result<String, String> {
    let mut recipe = format!("{suite}\n");
    for name in RECIPE {
        let path = root.join("conformance/machine").join(name);
        recipe += &fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(recipe)
}

/// The second disk: a tar archive, which needs no file system to be made. The third: room for another one.
fn pack(root: &Path, place: &Path, subject: &str, words: &str) -> Result<(), String> {
    let environment = place.join("environment");
    let text = format!(
        "export SUBJECT={subject} KEEPALIVED_BIN=/lab/keepalived CONFORMANCE_ROOT=/lab\nset -- {words}\n"
    );
    let left = fs::File::create(place.join("left.tar")).and_then(|file| file.set_len(LEFT_BYTES));
    fs::write(&environment, text).and(left).map_err(|error| format!("{}: {error}", place.display()))?;
    let ours = plan::ours_binary(root);
    let runner = run::release_binary(root, "keepalived-conformance");
    let mut tar = Command::new("tar");
    tar.arg("--create").arg("--file").arg(place.join("lab.tar"));
    tar.arg("--directory").arg(root).args(LUGGAGE);
    for file in [&environment, &ours, &runner] {
        let (Some(directory), Some(name)) = (file.parent(), file.file_name()) else { continue };
        tar.arg("--directory").arg(directory).arg(name);
    }
    run::plainly(&mut tar)
}

/// Without a network: what happens inside stays inside. Emulated, because that works everywhere and is quick enough.
fn qemu(place: &Path) -> Command {
    let disk =
        |name: &str, more: &str| format!("file={},if=virtio,format=raw{more}", place.join(name).display());
    // Whatever becomes of us, the machine does not outlive us.
    let mut qemu = Command::new("setpriv");
    qemu.args(["--pdeathsig", "KILL", "--", "qemu-system-x86_64"])
        .args(["-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", MEBIBYTES])
        .args(["-nic", "none", "-display", "none", "-serial", "stdio", "-monitor", "none", "-no-reboot"])
        .arg("-kernel")
        .arg(place.join("vmlinuz"))
        .arg("-initrd")
        .arg(place.join("initrd"))
        .args(["-drive", &disk("root.img", ",snapshot=on")])
        .args(["-drive", &disk("lab.tar", ",readonly=on")])
        .args(["-drive", &disk("left.tar", "")])
        // On a busy workplace the emulated timer may be late when the kernel looks whether it works at all.
        .args(["-append", "console=ttyS0 quiet loglevel=3 panic=-1 no_timer_check"]);
    qemu
}

/// Takes over the stories of failures; says how the runner ended.
fn unpack(root: &Path, place: &Path) -> Result<i32, String> {
    let stories = root.join("target/conformance");
    fs::create_dir_all(&stories).map_err(|error| format!("{}: {error}", stories.display()))?;
    let status = stories.join("status");
    let mut tar = Command::new("tar");
    tar.arg("--extract").arg("--file").arg(place.join("left.tar")).arg("--directory").arg(&stories);
    let done = tar.stderr(std::process::Stdio::null()).status();
    let said = fs::read_to_string(&status).ok();
    let _ = fs::remove_file(&status);
    match (done, said.and_then(|said| said.trim().parse().ok())) {
        (Ok(done), Some(code)) if done.success() => Ok(code),
        _ => Err("the machine went off before the runner had ended".to_owned()),
    }
}

/// Words for a line of shell.
fn quoted(words: &[&str]) -> String {
    words.iter().map(|word| format!("'{}'", word.replace('\'', ""))).collect::<Vec<_>>().join(" ")
}
