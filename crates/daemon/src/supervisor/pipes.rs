//! Named pipes that are there because of us. An engine removes those it made; for one that was killed the supervisor
//! does, who knows what was there before the first engine.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use keepalived_model::global::Fifos;

/// What tells a pipe from another one under the same name.
type Identity = (u64, u64);

/// What engines were seen to make.
#[derive(Debug, Default)]
pub(super) struct Pipes {
    /// To be made by an engine, if at all.
    absent: BTreeSet<PathBuf>,
    made: BTreeMap<PathBuf, Identity>,
}

impl Pipes {
    /// An engine is about to be told of these.
    pub fn expect(&mut self, fifos: &Fifos) {
        let configured = [&fifos.all, &fifos.vrrp, &fifos.lvs].into_iter().flatten();
        let absent = configured.filter(|fifo| fifo.path.symlink_metadata().is_err());
        self.absent.extend(absent.map(|fifo| fifo.path.clone()));
    }

    /// An engine has made what it was going to make.
    pub fn look(&mut self) {
        let made = std::mem::take(&mut self.absent).into_iter();
        self.made.extend(made.filter_map(|path| identity(&path).map(|identity| (path, identity))));
    }

    /// Removes what engines have left. Somebody else may have put another one in its place.
    pub fn remove(mut self) {
        self.look();
        for (path, made) in self.made {
            if identity(&path) == Some(made) {
                let _gone = fs::remove_file(path);
            }
        }
    }
}

/// That of a pipe; links are not followed, as nobody makes pipes behind them.
fn identity(path: &Path) -> Option<Identity> {
    let found = path.symlink_metadata().ok().filter(|found| found.file_type().is_fifo())?;
    Some((found.dev(), found.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use keepalived_model::global::Fifo;
    use keepalived_model::notify::RunAs;
    use keepalived_sys::filesystem::make_fifo;

    #[test]
    fn only_what_an_engine_made_goes() {
        let place =
            |name: &str| std::env::temp_dir().join(format!("keepalived-pipes-{}-{name}", std::process::id()));
        let fifo = |path: &Path| Some(Fifo { path: path.into(), owner: RunAs::new(0, 0), script: None });
        let (own, found, replaced) = (place("own"), place("found"), place("replaced"));
        make_fifo(&found).expect("a pipe");
        let mut pipes = Pipes::default();
        pipes.expect(&Fifos {
            all: fifo(&own),
            vrrp: fifo(&found),
            lvs: fifo(&replaced),
            ..Fifos::default()
        });
        make_fifo(&own).expect("a pipe");
        make_fifo(&replaced).expect("a pipe");
        pipes.look();
        fs::rename(&found, &replaced).expect("replaced");
        make_fifo(&found).expect("a pipe");
        pipes.remove();
        assert_eq!([&own, &found, &replaced].map(|path| path.exists()), [false, true, true]);
        [found, replaced].iter().for_each(|path| fs::remove_file(path).expect("cleaned up"));
    }
}
