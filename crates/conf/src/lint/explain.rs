//! Words that the original's sentences about whole blocks are about.

use super::{Facts, Findings};

/// `track_interface` with the interface of the instance.
pub(super) fn own_interface(cx: &Facts<'_>, out: &mut Findings) {
    for router in cx.routers() {
        let Some(own) = router.says("interface") else { continue };
        for item in router.items("track_interface") {
            let name = item.words.first().map(|word| word.text);
            if name.is_some() && name == own.word(1) {
                let (owner, name) = (router.name, name.unwrap_or(""));
                out.say(cx.item(item, 0), format!("{owner} runs on {name} and watches it anyway"))
                    .label(cx.word(own, 1), "its own interface")
                    .help("delete the line")
                    .echoes(format!("({owner}) Ignoring track_interface {name} since own interface"));
            }
        }
    }
}

/// Members of groups that do not exist, and groups that are left with one.
pub(super) fn sync_groups(cx: &Facts<'_>, out: &mut Findings) {
    let names: Vec<&str> = cx.routers().iter().map(|router| router.name).collect();
    for block in cx.roots("vrrp_sync_group") {
        let Some(group) = block.word(1) else { continue };
        let lists = block.block().iter().filter(|inner| inner.row.name == "group");
        let members = lists
            .flat_map(|list| list.items())
            .flat_map(|item| item.words.iter().map(move |word| (word, item)));
        let members: Vec<_> = members.collect();
        let others: Vec<&str> =
            names.iter().copied().filter(|name| members.iter().all(|(word, _)| word.text != *name)).collect();
        let mut real = Vec::new();
        for (word, item) in members {
            let (name, place) = (word.text, cx.lines.span(item.line, word.start, word.text));
            if names.contains(&name) {
                real.push((name, place));
                continue;
            }
            let told = out.say(place, format!("there is no vrrp_instance {name}")).echoes(format!(
                "Virtual router {name} specified in sync group {group} doesn't exist - ignoring"
            ));
            match crate::suggest::near(name, others.iter().copied()) {
                Some(near) => told.help(format_args!("did you mean {near}?")),
                None if others.is_empty() => told,
                None => told.help(format_args!("other instances are called {}", others.join(", "))),
            };
        }
        if let [(only, place)] = real.as_slice() {
            out.say(place.clone(), format!("{only} is alone in the group"))
                .help("name the instances that shall move together, or delete the group")
                .echoes(format!(
                    "Sync group {group} has only 1 virtual router(s) - this probably isn't what you want"
                ));
        }
    }
}
