//! The rules about two files.

use super::*;

pub(in crate::lint) const RULES: &[Rule] = &[
    Rule {
        code: Code {
            number: 1501,
            name: "pair-virtual-router-id",
            severity: Severity::Lint,
            title: "two numbers for one virtual router",
            says: &[],
            why: "Routers back each other if they have the same virtual_router_id. With different ones \
                  neither hears the other: both become master, and two machines have the same addresses.",
            does: "",
            fix: "Write the same virtual_router_id in both files.",
            example: "virtual_router_id 51",
        },
        judge: Judge::Two(virtual_router_id),
    },
    Rule {
        code: Code {
            number: 1502,
            name: "pair-missing-instance",
            severity: Severity::Lint,
            title: "a virtual router in one file only",
            says: &[],
            why: "Nobody backs a virtual router that the other file does not have.",
            does: "",
            fix: "Add the instance to the other file.",
            example: "",
        },
        judge: Judge::Two(missing),
    },
    Rule {
        code: Code {
            number: 1503,
            name: "pair-authentication",
            severity: Severity::Lint,
            title: "different authentication",
            says: &[],
            why: "A router refuses adverts with another password, or with one where it has none. Both \
                  become master.",
            does: "",
            fix: "Write the same authentication block in both files.",
            example: "authentication {\n    auth_type PASS\n    auth_pass 1111\n}",
        },
        judge: Judge::Two(authentication),
    },
    Rule {
        code: Code {
            number: 1504,
            name: "pair-advert-interval",
            severity: Severity::Lint,
            title: "different intervals between adverts",
            says: &[],
            why: "In version 2 a router refuses adverts with another interval than its own, and both \
                  become master. In version 3 a backup goes by the interval of its master, so that the \
                  time of a takeover depends on who is master.",
            does: "",
            fix: "Write the same advert_int in both files.",
            example: "advert_int 1",
        },
        judge: Judge::Two(advert_interval),
    },
    Rule {
        code: Code {
            number: 1505,
            name: "pair-version",
            severity: Severity::Lint,
            title: "different versions of the protocol",
            says: &[],
            why: "A router refuses adverts of the other version. Both become master.",
            does: "",
            fix: "Write the same vrrp_version in both files.",
            example: "vrrp_version 3",
        },
        judge: Judge::Two(version),
    },
    Rule {
        code: Code {
            number: 1506,
            name: "pair-addresses",
            severity: Severity::Lint,
            title: "different lists of addresses",
            says: &[],
            why: "An address that one file lacks is gone while that router is master. Each advert lists \
                  the addresses, and a router that expects others complains about each of them.",
            does: "",
            fix: "List the same addresses in both files.",
            example: "",
        },
        judge: Judge::Two(addresses),
    },
    Rule {
        code: Code {
            number: 1507,
            name: "pair-transport",
            severity: Severity::Lint,
            title: "adverts that do not reach each other",
            says: &[],
            why: "One sends to a group or an address where the other one does not listen. Both become \
                  master.",
            does: "",
            fix: "Use multicast with the same group on both, or unicast where each names the other.",
            example: "unicast_src_ip 192.0.2.1\nunicast_peer {\n    192.0.2.2\n}",
        },
        judge: Judge::Two(transport),
    },
    Rule {
        code: Code {
            number: 1508,
            name: "pair-same-source",
            severity: Severity::Lint,
            title: "one source address in both files",
            says: &[],
            why: "A file was copied to the other machine and its source address stayed. Nothing that \
                  is sent to it reaches the machine that does not have it, which becomes master as well.",
            does: "",
            fix: "Write the address of each machine into its file.",
            example: "unicast_src_ip 192.0.2.2",
        },
        judge: Judge::Two(same_source),
    },
    Rule {
        code: Code {
            number: 1509,
            name: "pair-equal-priorities",
            severity: Severity::Lint,
            title: "equal priorities",
            says: &[],
            why: "Between equals the higher address wins if both claim at once, and otherwise whoever was \
                  first. Where the addresses are is a matter of luck. Two owners (priority 255) \
                  fight: the one with the lower address gives way, and tries again for ever.",
            does: "",
            fix: "Write a lower priority in the file of the backup.",
            example: "priority 100",
        },
        judge: Judge::Two(equal_priorities),
    },
    Rule {
        code: Code {
            number: 1510,
            name: "pair-two-masters",
            severity: Severity::Lint,
            title: "state MASTER in both files",
            says: &[],
            why: "The priority decides who stays master. `state MASTER` only makes `nopreempt` and \
                  `preempt_delay` ineffective, on both sides.",
            does: "",
            fix: "Write `state BACKUP` in the file with the lower priority; with nopreempt in both.",
            example: "state BACKUP",
        },
        judge: Judge::Two(two_masters),
    },
    Rule {
        code: Code {
            number: 1511,
            name: "pair-nopreempt-side",
            severity: Severity::Lint,
            title: "nopreempt on the weaker router only",
            says: &[],
            why: "`nopreempt` keeps a router from taking the address back. The weaker router never would; \
                  the stronger one still does.",
            does: "",
            fix: "Write `nopreempt` and `state BACKUP` in the file with the higher priority.",
            example: "state BACKUP\nnopreempt\npriority 150",
        },
        judge: Judge::Two(nopreempt),
    },
    Rule {
        code: Code {
            number: 1512,
            name: "pair-weight-without-effect",
            severity: Severity::Lint,
            title: "a weight that can never change who is master",
            says: &[],
            why: "With these two files no combination of failures makes this check decide who is master: \
                  the priority changes, the address stays.",
            does: "",
            fix: "Make the weight larger than the difference of the two priorities, or leave it out.",
            example: "track_script {\n    check_nginx weight -60\n}",
        },
        judge: Judge::Two(weights),
    },
];
