//! Globals at random.

use keepalived_model::Micros;
use keepalived_model::global::files::IncludeCheck;
use keepalived_model::global::lvs::{FlushOnStop, Lvs, SyncDaemon, Timeouts};
use keepalived_model::global::mail::{Alerts, Mail, Mailbox, Server};
use keepalived_model::global::packet_filter::{Nftables, Sets};
use keepalived_model::global::vrrp::{AdvertBuffer, Buffer, Buffers};
use keepalived_model::global::{
    Dbus, Dumps, Dynamic, Fifo, Fifos, Global, Interfaces, Lookups, Marker, Namespaces, Process, Processes,
    Reload, Scheduling, Scripts, Snmp, VrrpDefaults,
};
use keepalived_model::vrrp::{ExtraGarp, Garp, Version};

use super::Maker;

const U32: u64 = u32::MAX as u64;
const I32: u32 = i32::MAX as u32;

impl Maker<'_> {
    pub fn global(&mut self) -> Global {
        Global {
            router_id: self.maybe(Self::word),
            instance: self.maybe(Self::word),
            namespaces: Namespaces {
                network: self.maybe(Self::word),
                ipvs: self.maybe(|maker| maker.or(String::new(), Self::word)),
                with_ipsets: self.chance(3),
                pid_directory: self.chance(3),
            },
            processes: self.processes(),
            interfaces: Interfaces {
                dynamic: self.pick(&[Dynamic::No, Dynamic::Yes, Dynamic::MayChangeKind]),
                default: self.or("eth0".into(), Self::interface),
                no_local_igmp: self.chance(3),
            },
            scripts: Scripts {
                security: self.chance(3),
                user: self.maybe(Self::user),
                supplementary_groups: self.chance(3),
                keep_symlinks: self.chance(3),
                startup: self.maybe(Self::command),
                startup_timeout: self.or(Micros::from_secs(10), |maker| maker.seconds(1, 1000)),
                shutdown: self.maybe(Self::command),
                shutdown_timeout: self.or(Micros::from_secs(10), |maker| maker.seconds(1, 1000)),
            },
            fifos: Fifos {
                all: self.maybe(|maker| maker.fifo("/run/all")),
                vrrp: self.maybe(|maker| maker.fifo("/run/vr rp")),
                lvs: self.maybe(|maker| maker.fifo("/run/lvs#")),
                states_on_reload: self.chance(3),
            },
            mail: self.mail(),
            vrrp: self.defaults(),
            lvs: self.balancing(),
            nftables: self.nftables(),
            snmp: self.snmp(),
            dbus: Dbus {
                enabled: self.chance(3),
                service: self.maybe(Self::word),
                no_interface: self.maybe(Self::word),
            },
            dumps: Dumps {
                state: self.maybe(Self::path),
                statistics: self.maybe(Self::path),
                json: self.maybe(Self::path),
                json_version: self.byte(1, 2),
                named_by_instance: self.chance(3),
            },
            lookups: self.lookups(),
            reload: Reload {
                check_log: self.maybe(|maker| maker.or("/dev/null".into(), Self::path)),
                time_file: self.maybe(Self::path),
                keep_time_file: self.chance(3),
                marker: match self.dice.roll(3) {
                    0 => Marker::None,
                    1 => Marker::BesidePidFile,
                    _ => Marker::At(self.path()),
                },
            },
        }
    }

    fn lookups(&mut self) -> Lookups {
        Lookups {
            iproute_usr: self.maybe(Self::path),
            iproute_etc: self.maybe(Self::path),
            saved_configurations: self.maybe(Self::path),
            temporary: self.maybe(Self::path),
            random_seed: self.maybe(|maker| maker.number(0, u32::MAX)),
            include_check: self.maybe(|maker| IncludeCheck {
                read: maker.chance(2),
                matched: maker.chance(2),
                wildcard: maker.chance(2),
                brace: maker.chance(2),
            }),
        }
    }

    fn processes(&mut self) -> Processes {
        Processes {
            supervisor_name: self.maybe(|maker| maker.pick(&["ka", "a b", "exactly15bytes_"]).to_owned()),
            vrrp: self.process(0),
            checker: self.process(1),
            bfd: self.process(1),
            umask: self.maybe(|maker| maker.number(0, 0o777)),
            child_wait: self.or(Micros::from_secs(5), |maker| maker.seconds(0, u32::MAX)),
            max_auto_priority: self.maybe(|maker| i32::try_from(maker.signed(-1, 99)).unwrap()),
            min_auto_priority_delay: self.or(Micros::from_secs(1), |maker| maker.micros(1, 10_000_000)),
        }
    }

    fn process(&mut self, least_realtime: u32) -> Process {
        Process {
            name: self.maybe(|maker| maker.pick(&["ka_vrrp", "a#b", "exactly15bytes_"]).to_owned()),
            scheduling: Scheduling {
                nice: self.maybe(|maker| i32::try_from(maker.signed(-20, 19)).unwrap()),
                realtime: self.maybe(|maker| maker.number(least_realtime, 99)),
                no_swap: self.chance(3),
                rlimit_rttime: self.maybe(|maker| maker.or(Micros::ZERO, |maker| maker.micros(2, U32))),
            },
            processors: self.pick(&[vec![], vec![0], vec![1], vec![0, 1]]),
        }
    }

    fn fifo(&mut self, path: &str) -> Fifo {
        Fifo { path: path.into(), owner: self.user(), script: self.maybe(Self::command) }
    }

    fn mail(&mut self) -> Mail {
        Mail {
            to: self.some(3, Self::mailbox),
            from: self.maybe(Self::mailbox),
            server: self.maybe(|maker| Server {
                host: maker.pick(&["mail.example", "10.0.0.1", "::1"]).to_owned(),
                port: u16::try_from(maker.or(25, |maker| maker.number(1, 65535))).unwrap(),
            }),
            helo: self.maybe(Self::word),
            connect_timeout: self.or(Micros::from_secs(30), |maker| maker.seconds(1, 4294)),
            alerts: Alerts {
                all: self.maybe(|maker| maker.chance(2)),
                vrrp: self.maybe(|maker| maker.chance(2)),
                checker: self.maybe(|maker| maker.chance(2)),
            },
            no_faults: self.chance(3),
            no_checkers: self.chance(3),
        }
    }

    fn mailbox(&mut self) -> Mailbox {
        let name = self.pick(&[None, Some("Ops"), Some("Ops, Night <x"), Some("#1")]);
        let address = self.pick(&["root@localhost", "a", "b>", "a <b"]).to_owned();
        // What has brackets of its own is read as what is in them.
        let name = name.map(str::to_owned);
        if name.is_some() && address.contains('<') {
            Mailbox { name, address: "c".into() }
        } else {
            Mailbox { name, address }
        }
    }

    fn defaults(&mut self) -> VrrpDefaults {
        let prefix =
            self.or("vrrp".to_owned(), |maker| maker.pick(&["vm", "averylongprefix", "é"]).to_owned());
        VrrpDefaults {
            version: self.pick(&[Version::V2, Version::V3]),
            group4: self.or([224, 0, 0, 18].into(), |_| [239, 1, 2, 3].into()),
            group6: self.or(keepalived_model::vrrp::GROUP_V6, |_| [0xff12, 0, 0, 0, 0, 0, 0, 0x99].into()),
            garp: self.garp(),
            down_timer_adverts: self.or(3, |maker| maker.number(1, 100)),
            lower_prio_no_advert: self.chance(3),
            higher_prio_send_advert: self.chance(3),
            check_unicast_src: self.chance(3),
            skip_check_adv_addr: self.chance(3),
            strict: self.chance(4),
            v3_checksum_as_v2: self.chance(3),
            owner_ignore_adverts: self.chance(3),
            notify_priority_changes: self.chance(3),
            delay_after_boot: self.or(Micros::ZERO, |maker| maker.micros(1000, U32)),
            log_unknown_vrids: self.chance(3),
            vmac_addr_prefix: self.or(prefix.clone(), |_| "addr".into()),
            vmac_prefix: prefix,
            buffers: Buffers {
                netlink_command: self.buffer(),
                netlink_monitor: self.buffer(),
                process_monitor: self.buffer(),
                adverts: self.maybe(|maker| match maker.dice.roll(3) {
                    0 => AdvertBuffer::Mtu,
                    1 => AdvertBuffer::Advert,
                    _ => AdvertBuffer::Bytes(maker.number(0, u32::MAX)),
                }),
                adverts_multiplier: self.maybe(|maker| maker.number(1, u32::MAX)),
            },
        }
    }

    pub fn garp(&mut self) -> Garp {
        let usual = Garp::default();
        Garp {
            repeat: self.or(usual.repeat, |maker| maker.number(1, u32::MAX)),
            delay: self.or(usual.delay, |maker| maker.seconds(0, 4294)),
            refresh: self.or(usual.refresh, |maker| maker.seconds(0, u32::MAX)),
            refresh_repeat: self.or(usual.refresh_repeat, |maker| maker.number(1, u32::MAX)),
            lower_prio_repeat: self.or(usual.lower_prio_repeat, |maker| maker.number(0, I32)),
            lower_prio_delay: self.or(usual.lower_prio_delay, |maker| maker.seconds(0, 4294)),
            extra: self.maybe(|maker| ExtraGarp { interval: maker.seconds(1, 86_400), all: maker.chance(2) }),
        }
    }

    fn buffer(&mut self) -> Buffer {
        Buffer { bytes: self.or(0, |maker| maker.number(0, I32)), force: self.chance(3) }
    }

    fn balancing(&mut self) -> Lvs {
        let time = |maker: &mut Self| maker.or(Micros::ZERO, |maker| maker.seconds(0, 2_678_400));
        Lvs {
            timeouts: Timeouts { tcp: time(self), tcp_fin: time(self), udp: time(self) },
            flush: self.chance(3),
            flush_on_stop: self.pick(&[FlushOnStop::No, FlushOnStop::All, FlushOnStop::VirtualServers]),
            sync_daemon: self.maybe(|maker| SyncDaemon {
                interface: maker.interface(),
                instance: maker.maybe(|maker| maker.pick(&["V", "port", "a b"]).to_owned()),
                id: maker.maybe(|maker| maker.byte(0, 255)),
                message_bytes_max: maker.maybe(|maker| u16::try_from(maker.number(1, 65_507)).unwrap()),
                port: maker.maybe(|maker| u16::try_from(maker.number(1, 65_535)).unwrap()),
                ttl: maker.maybe(|maker| maker.byte(1, 255)),
                group: maker.maybe(|maker| {
                    maker.pick(&[[224, 0, 0, 81].into(), keepalived_model::vrrp::GROUP_V6.into()])
                }),
            }),
            log_all_failures: self.chance(3),
            initial_notifications: self.chance(3),
            netlink_command: self.buffer(),
            netlink_monitor: self.buffer(),
        }
    }

    fn nftables(&mut self) -> Nftables {
        let priority = |maker: &mut Self| {
            maker.or(-1, |maker| i32::try_from(maker.signed(i32::MIN.into(), i32::MAX.into())).unwrap())
        };
        Nftables {
            table: self.maybe(|maker| maker.or("keepalived".into(), |_| "a b".into())),
            priority: priority(self),
            by_index: self.chance(3),
            counters: self.chance(3),
            ipvs_table: self.maybe(|maker| maker.or("keepalived_ipvs".into(), |_| "t#".into())),
            ipvs_priority: priority(self),
            ipvs_first_mark: self.or(1000, |maker| maker.number(1, u32::MAX)),
            sets: self.maybe(|maker| Sets {
                address4: "k".into(),
                address6: maker.or("k6".into(), |_| "six".into()),
                link_local: maker.or("k_if6".into(), |_| "local #".into()),
                igmp: maker.or("k_igmp".into(), |_| "igmp".into()),
                mld: maker.or("k_mld".into(), |_| "mld".into()),
                neighbor: maker.or("k_nd".into(), |_| "nd".into()),
            }),
        }
    }

    fn snmp(&mut self) -> Snmp {
        let interval =
            |maker: &mut Self| maker.or(Micros::from_secs(5), |maker| maker.micros(1_000, 30_000_000));
        Snmp {
            socket: self.maybe(|maker| maker.pick(&["udp:localhost:705", "/a b"]).to_owned()),
            traps: self.chance(3),
            vrrp: self.chance(3),
            checker: self.chance(3),
            rfc2787: self.chance(2),
            rfc6527: self.chance(2),
            virtual_server_interval: interval(self),
            real_server_interval: interval(self),
        }
    }
}
