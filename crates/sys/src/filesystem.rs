//! What the standard library does not know of files: named pipes, and whether a file system tells who changes
//! its files.

use std::io;
use std::path::Path;

use nix::sys::stat::Mode;
use nix::sys::statfs::{FsType, statfs};
use nix::sys::statvfs::FsFlags;

/// For opening without waiting for somebody at the other end, and for writing without waiting for room.
pub const NONBLOCK: i32 = libc::O_NONBLOCK;

/// Makes a named pipe that everybody may use whom the file mode creation mask leaves.
pub fn make_fifo(path: &Path) -> io::Result<()> {
    nix::unistd::mkfifo(path, Mode::from_bits_truncate(0o666)).map_err(io::Error::from)
}

/// Whether changes of files in this directory can be noticed with inotify: the file system can be written,
/// and all writers are on this machine.
pub fn tells_changes(directory: &Path) -> io::Result<bool> {
    let found = statfs(directory).map_err(io::Error::from)?;
    let read_only = found.flags().contains(FsFlags::ST_RDONLY);
    Ok(!read_only && !SILENT.contains(&found.filesystem_type()))
}

/// `linux/magic.h` and the like: made up by the kernel as they are read, or changed from elsewhere.
const SILENT: &[FsType] = &[
    FsType(0x9fa0),      // proc
    FsType(0x6265_6572), // sysfs
    FsType(0x0027_e0eb), // cgroup
    FsType(0x6367_7270), // cgroup2
    FsType(0x6462_6720), // debugfs
    FsType(0x7472_6163), // tracefs
    FsType(0x6265_6570), // configfs
    FsType(0x7363_6673), // securityfs
    FsType(0xcafe_4a11), // bpf
    FsType(0x6165_676c), // pstore
    FsType(0xf97c_ff8c), // selinux
    FsType(0xde5e_81e4), // efivarfs
    FsType(0x1cd1),      // devpts
    FsType(0x6969),      // nfs
    FsType(0x6573_5546), // fuse
    FsType(0x517b),      // smb
    FsType(0xff53_4d42), // cifs
    FsType(0xfe53_4d42), // smb2
    FsType(0x564c),      // ncp
    FsType(0x7375_7245), // coda
    FsType(0x5346_414f), // afs
    FsType(0x0102_1997), // 9p
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proc_says_nothing_and_what_is_not_there_is_an_error() {
        assert!(!tells_changes(Path::new("/proc")).expect("mounted everywhere"));
        assert!(tells_changes(Path::new("/keepalived-no-such-directory")).is_err());
        assert!(tells_changes(&std::env::temp_dir()).expect("exists"));
    }
}
