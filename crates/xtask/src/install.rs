//! `install --root DIR`: the binary, and the files of `packaging/layout.txt`, where Debian's package has them.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path};
use std::process::Command;

use crate::run;

/// Where the binary goes.
const BINARY: &str = "usr/sbin/keepalived";

/// One line of the layout: what goes where, with which rights.
#[derive(Debug, PartialEq, Eq)]
struct Piece<'a> {
    source: &'a str,
    destination: &'a str,
    mode: u32,
}

/// Builds what is to be installed and puts everything below `to`.
pub fn install(root: &Path, to: &Path) -> Result<(), String> {
    let layout = root.join("packaging/layout.txt");
    let text = fs::read_to_string(&layout).map_err(|error| format!("{}: {error}", layout.display()))?;
    let pieces = pieces(&text)?;
    run::plainly(run::cargo().current_dir(root).args([
        "build",
        "--release",
        "--locked",
        "--package",
        "keepalived-daemon",
    ]))?;
    put(&run::release_binary(root, "keepalived"), &to.join(BINARY), 0o755)?;
    for piece in pieces {
        put(&root.join(piece.source), &to.join(piece.destination), piece.mode)?;
    }
    Ok(())
}

/// Reads `source destination mode` lines; both paths are relative and stay below their roots.
fn pieces(text: &str) -> Result<Vec<Piece<'_>>, String> {
    let lines =
        text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'));
    lines.map(|(at, line)| piece(line).map_err(|why| format!("layout line {}: {why}", at + 1))).collect()
}

fn piece(line: &str) -> Result<Piece<'_>, &'static str> {
    let mut words = line.split_whitespace();
    let (Some(source), Some(destination), Some(mode), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Err("not three words");
    };
    let destination = destination.trim_start_matches('/');
    let stays = |path: &str| Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
    if !stays(source) || !stays(destination) {
        return Err("a path leaves its root");
    }
    let mode = u32::from_str_radix(mode, 8).map_err(|_| "the mode is not octal")?;
    Ok(Piece { source, destination, mode })
}

/// Writes beside the destination and renames: a running binary can be replaced, half a file is never seen. A
/// destination that ends in `.gz` is compressed, without the time, so that the same text gives the same file.
fn put(source: &Path, destination: &Path, mode: u32) -> Result<(), String> {
    let shown = destination.display();
    let fresh = destination.with_extension("new");
    let directory = destination.parent().ok_or_else(|| format!("{shown}: no directory"))?;
    fs::create_dir_all(directory)
        .and_then(|()| match destination.extension() {
            Some(end) if end == "gz" => fs::write(&fresh, compressed(source)?),
            _ => fs::copy(source, &fresh).map(|_| ()),
        })
        .and_then(|()| fs::set_permissions(&fresh, fs::Permissions::from_mode(mode)))
        .and_then(|()| fs::rename(&fresh, destination))
        .map_err(|error| format!("{} to {shown}: {error}", source.display()))?;
    println!("{shown}");
    Ok(())
}

fn compressed(source: &Path) -> io::Result<Vec<u8>> {
    let gzip = Command::new("gzip").args(["-9", "-n", "-c"]).arg(source).output()?;
    if gzip.status.success() { Ok(gzip.stdout) } else { Err(io::Error::other("gzip failed")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layout_line_is_source_destination_and_mode() {
        let unit = Piece { source: "packaging/a.service", destination: "lib/systemd/a.service", mode: 0o644 };
        assert_eq!(pieces("# c\n\npackaging/a.service  /lib/systemd/a.service 0644\n"), Ok(vec![unit]));
    }

    #[test]
    fn a_layout_cannot_write_outside_its_root() {
        assert!(pieces("a ../../etc/passwd 0644").is_err());
        assert!(pieces("../a etc/a 0644").is_err());
    }

    #[test]
    fn a_malformed_layout_line_is_named() {
        assert_eq!(pieces("a b 0644\na b\n"), Err("layout line 2: not three words".to_owned()));
    }

    #[test]
    fn a_file_is_put_with_its_rights_and_replaces_the_old_one() {
        let root = std::env::temp_dir().join(format!("keepalived-xtask-{}", std::process::id()));
        let (source, destination) = (root.join("a"), root.join("etc/init.d/keepalived"));
        fs::create_dir_all(root.join("etc/init.d")).expect("a temporary directory");
        fs::write(&destination, "old").expect("the old file");
        fs::write(&source, "new").expect("the new file");
        put(&source, &destination, 0o755).expect("put");
        assert_eq!(fs::read_to_string(&destination).ok().as_deref(), Some("new"));
        let mode = fs::metadata(&destination).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o755);
        let page = root.join("man/keepalived.conf.5.gz");
        put(&source, &page, 0o644).expect("put");
        let plain = Command::new("gzip").arg("-dc").arg(&page).output().expect("gzip");
        assert_eq!(plain.stdout, b"new");
        fs::remove_dir_all(&root).expect("cleaned up");
    }
}
