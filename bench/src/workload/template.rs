//! The series of one host: what a node exporter with its default collectors shows, some rules'
//! results, and the histograms of a service beside it.

use super::signal::Signal;

/// One series of a host: metric name, further labels, signal.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) labels: Vec<(&'static str, String)>,
    pub(super) signal: Signal,
}

/// The rows of one host, always the same.
pub(super) fn rows() -> Vec<Row> {
    let mut rows = Rows::default();
    cpu(&mut rows);
    disk(&mut rows);
    network(&mut rows);
    filesystem(&mut rows);
    memory(&mut rows);
    kernel(&mut rows);
    units(&mut rows);
    rules(&mut rows);
    service(&mut rows);
    rows.0
}

/// At most `count` of the rows, spread evenly over the template so that a small host has the same
/// mix of signals as a whole one. A histogram is taken whole or not at all, unless the last one
/// has no room.
pub(super) fn spread(rows: &[Row], count: usize) -> Vec<&Row> {
    let units = rows.chunk_by(|_, next| next.signal.continues_histogram());
    let (mut taken, mut passed) = (Vec::with_capacity(count), 0);
    for unit in units {
        passed += unit.len();
        let due = passed * count / rows.len().max(1);
        if taken.len() < due {
            taken.extend(unit.iter().take(count - taken.len()));
        }
    }
    taken
}

#[derive(Default)]
struct Rows(Vec<Row>);

impl Rows {
    fn add(&mut self, name: &'static str, labels: &[(&'static str, &str)], signal: Signal) {
        let labels = labels.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        self.0.push(Row { name, labels, signal });
    }

    fn family(&mut self, label: &'static str, values: &[&str], metrics: &[(&'static str, Signal)]) {
        for (name, signal) in metrics {
            for value in values {
                self.add(name, &[(label, value)], *signal);
            }
        }
    }
}

fn cpu(rows: &mut Rows) {
    let modes = [
        ("idle", Signal::Hundredths(0.8)),
        ("iowait", Signal::Hundredths(0.01)),
        ("irq", Signal::Constant(0.0)),
        ("nice", Signal::Hundredths(0.000_1)),
        ("softirq", Signal::Hundredths(0.005)),
        ("steal", Signal::Constant(0.0)),
        ("system", Signal::Hundredths(0.06)),
        ("user", Signal::Hundredths(0.12)),
    ];
    for cpu in 0..32 {
        let cpu = cpu.to_string();
        for (mode, signal) in modes {
            rows.add("node_cpu_seconds_total", &[("cpu", &cpu), ("mode", mode)], signal);
        }
        rows.add("node_schedstat_timeslices_total", &[("cpu", &cpu)], Signal::Counter(900.0));
        rows.add(
            "node_schedstat_running_seconds_total",
            &[("cpu", &cpu)],
            Signal::Nanoseconds(0.3),
        );
        rows.add(
            "node_schedstat_waiting_seconds_total",
            &[("cpu", &cpu)],
            Signal::Nanoseconds(0.02),
        );
    }
}

fn disk(rows: &mut Rows) {
    let metrics = [
        ("node_disk_reads_completed_total", Signal::Counter(4.0)),
        ("node_disk_reads_merged_total", Signal::Counter(0.2)),
        ("node_disk_read_bytes_total", Signal::Counter(90_000.0)),
        ("node_disk_read_time_seconds_total", Signal::Hundredths(0.004)),
        ("node_disk_writes_completed_total", Signal::Counter(30.0)),
        ("node_disk_writes_merged_total", Signal::Counter(9.0)),
        ("node_disk_written_bytes_total", Signal::Counter(400_000.0)),
        ("node_disk_write_time_seconds_total", Signal::Hundredths(0.03)),
        ("node_disk_io_now", Signal::Flag(0.02)),
        ("node_disk_io_time_seconds_total", Signal::Hundredths(0.02)),
        ("node_disk_io_time_weighted_seconds_total", Signal::Hundredths(0.05)),
        ("node_disk_discards_completed_total", Signal::Constant(0.0)),
    ];
    rows.family("device", &["nvme0n1", "nvme1n1", "dm-0", "dm-1", "dm-2"], &metrics);
}

fn network(rows: &mut Rows) {
    let metrics = [
        ("node_network_receive_bytes_total", Signal::Counter(2e6)),
        ("node_network_receive_packets_total", Signal::Counter(3_000.0)),
        ("node_network_receive_drop_total", Signal::Counter(0.01)),
        ("node_network_receive_errs_total", Signal::Constant(0.0)),
        ("node_network_receive_fifo_total", Signal::Constant(0.0)),
        ("node_network_receive_multicast_total", Signal::Counter(0.4)),
        ("node_network_transmit_bytes_total", Signal::Counter(1.5e6)),
        ("node_network_transmit_packets_total", Signal::Counter(2_500.0)),
        ("node_network_transmit_drop_total", Signal::Constant(0.0)),
        ("node_network_transmit_errs_total", Signal::Constant(0.0)),
        ("node_network_transmit_queue_length", Signal::Constant(1_000.0)),
        ("node_network_mtu_bytes", Signal::Constant(1_500.0)),
        ("node_network_up", Signal::Constant(1.0)),
        ("node_network_carrier", Signal::Flag(0.000_5)),
        ("node_network_carrier_changes_total", Signal::Constant(3.0)),
        ("node_network_speed_bytes", Signal::Constant(3.125e9)),
    ];
    let devices = ["eth0", "eth1", "lo", "cni0", "veth1f2a33c0", "veth90be71d2", "veth4c55e0aa"];
    rows.family("device", &devices, &metrics);
}

fn filesystem(rows: &mut Rows) {
    let metrics = [
        ("node_filesystem_avail_bytes", Signal::Pages(4e11)),
        ("node_filesystem_free_bytes", Signal::Pages(5e11)),
        ("node_filesystem_size_bytes", Signal::Constant(998_579_896_320.0)),
        ("node_filesystem_files", Signal::Constant(61_054_976.0)),
        ("node_filesystem_files_free", Signal::Walk(5.9e7, 0)),
        ("node_filesystem_readonly", Signal::Constant(0.0)),
        ("node_filesystem_device_error", Signal::Constant(0.0)),
    ];
    let mounts = ["/", "/boot/efi", "/var/lib/kubelet", "/var/lib/containerd", "/run", "/data"];
    rows.family("mountpoint", &mounts, &metrics);
}

fn memory(rows: &mut Rows) {
    let moving = [
        "node_memory_MemFree_bytes",
        "node_memory_MemAvailable_bytes",
        "node_memory_Buffers_bytes",
        "node_memory_Cached_bytes",
        "node_memory_Active_bytes",
        "node_memory_Active_anon_bytes",
        "node_memory_Active_file_bytes",
        "node_memory_Inactive_bytes",
        "node_memory_Inactive_anon_bytes",
        "node_memory_Inactive_file_bytes",
        "node_memory_AnonPages_bytes",
        "node_memory_Mapped_bytes",
        "node_memory_Shmem_bytes",
        "node_memory_Slab_bytes",
        "node_memory_SReclaimable_bytes",
        "node_memory_SUnreclaim_bytes",
        "node_memory_KernelStack_bytes",
        "node_memory_PageTables_bytes",
        "node_memory_Dirty_bytes",
        "node_memory_Writeback_bytes",
        "node_memory_Committed_AS_bytes",
        "node_memory_Percpu_bytes",
        "node_memory_DirectMap4k_bytes",
        "node_memory_DirectMap2M_bytes",
    ];
    for name in moving {
        rows.add(name, &[], Signal::Pages(8e9));
    }
    let fixed = [
        ("node_memory_MemTotal_bytes", 270_105_923_584.0),
        ("node_memory_SwapTotal_bytes", 0.0),
        ("node_memory_SwapFree_bytes", 0.0),
        ("node_memory_HugePages_Total", 0.0),
        ("node_memory_HugePages_Free", 0.0),
        ("node_memory_Hugepagesize_bytes", 2_097_152.0),
        ("node_memory_VmallocTotal_bytes", 35_184_372_087_808.0),
        ("node_memory_HardwareCorrupted_bytes", 0.0),
    ];
    for (name, value) in fixed {
        rows.add(name, &[], Signal::Constant(value));
    }
}

fn kernel(rows: &mut Rows) {
    let metrics = [
        ("node_load1", Signal::Walk(6.0, 2)),
        ("node_load5", Signal::Walk(5.5, 2)),
        ("node_load15", Signal::Walk(5.0, 2)),
        ("node_boot_time_seconds", Signal::Constant(1_690_000_000.0)),
        ("node_time_seconds", Signal::Clock),
        ("node_context_switches_total", Signal::Counter(40_000.0)),
        ("node_intr_total", Signal::Counter(30_000.0)),
        ("node_forks_total", Signal::Counter(20.0)),
        ("node_procs_running", Signal::Walk(5.0, 0)),
        ("node_procs_blocked", Signal::Flag(0.05)),
        ("node_entropy_available_bits", Signal::Constant(256.0)),
        ("node_filefd_allocated", Signal::Walk(9_000.0, 0)),
        ("node_filefd_maximum", Signal::Constant(9.223_372_036_854_776e18)),
        ("node_nf_conntrack_entries", Signal::Walk(4_000.0, 0)),
        ("node_vmstat_pgfault", Signal::Counter(20_000.0)),
        ("node_vmstat_pgmajfault", Signal::Counter(0.3)),
        ("node_vmstat_pgpgin", Signal::Counter(90.0)),
        ("node_vmstat_pgpgout", Signal::Counter(700.0)),
        ("node_vmstat_oom_kill", Signal::Constant(0.0)),
        ("node_netstat_Tcp_ActiveOpens", Signal::Counter(6.0)),
        ("node_netstat_Tcp_PassiveOpens", Signal::Counter(7.0)),
        ("node_netstat_Tcp_CurrEstab", Signal::Walk(300.0, 0)),
        ("node_netstat_Tcp_InSegs", Signal::Counter(4_000.0)),
        ("node_netstat_Tcp_OutSegs", Signal::Counter(5_000.0)),
        ("node_netstat_Tcp_RetransSegs", Signal::Counter(0.8)),
        ("node_netstat_Udp_InDatagrams", Signal::Counter(40.0)),
        ("node_netstat_Udp_OutDatagrams", Signal::Counter(41.0)),
        ("node_netstat_Udp_NoPorts", Signal::Constant(12.0)),
        ("node_sockstat_TCP_alloc", Signal::Walk(500.0, 0)),
        ("node_sockstat_TCP_tw", Signal::Walk(80.0, 0)),
        ("node_timex_offset_seconds", Signal::Duration(1e-5)),
        ("node_timex_frequency_adjustment_ratio", Signal::Constant(1.000_012_3)),
        ("node_timex_sync_status", Signal::Constant(1.0)),
        ("process_cpu_seconds_total", Signal::Hundredths(0.02)),
        ("process_resident_memory_bytes", Signal::Pages(3e7)),
        ("process_open_fds", Signal::Walk(10.0, 0)),
        ("up", Signal::Constant(1.0)),
        ("scrape_duration_seconds", Signal::Duration(0.03)),
        ("scrape_samples_scraped", Signal::Constant(980.0)),
    ];
    for (name, signal) in metrics {
        rows.add(name, &[], signal);
    }
    let chips = ["core_0", "core_1", "core_2", "core_3", "package_0", "nvme_composite"];
    rows.family("sensor", &chips, &[("node_hwmon_temp_celsius", Signal::Walk(50.0, 1))]);
}

fn units(rows: &mut Rows) {
    let services = [
        "containerd.service",
        "cron.service",
        "dbus.service",
        "getty@tty1.service",
        "kubelet.service",
        "networkd-dispatcher.service",
        "node_exporter.service",
        "ntp.service",
        "polkit.service",
        "rsyslog.service",
        "snapd.service",
        "ssh.service",
        "systemd-journald.service",
        "systemd-logind.service",
        "systemd-networkd.service",
        "systemd-resolved.service",
        "systemd-timesyncd.service",
        "systemd-udevd.service",
        "unattended-upgrades.service",
        "user@1000.service",
        "apt-daily.timer",
        "fstrim.timer",
        "logrotate.timer",
        "systemd-tmpfiles-clean.timer",
    ];
    for unit in services {
        for state in ["activating", "active", "deactivating", "failed", "inactive"] {
            let signal = if unit.starts_with("apt") || unit.starts_with("logrotate") {
                Signal::Flag(0.002)
            } else {
                Signal::Constant(f64::from(u8::from(state == "active")))
            };
            rows.add("node_systemd_unit_state", &[("name", unit), ("state", state)], signal);
        }
    }
}

fn rules(rows: &mut Rows) {
    let metrics = [
        ("instance:node_cpu_utilisation:rate5m", Signal::Double(0.2)),
        ("instance:node_load1_per_cpu:ratio", Signal::Double(0.18)),
        ("instance:node_memory_utilisation:ratio", Signal::Double(0.6)),
        ("instance:node_vmstat_pgmajfault:rate5m", Signal::Double(0.3)),
        ("instance:node_network_receive_bytes:rate5m", Signal::Double(2e6)),
        ("instance:node_network_transmit_bytes:rate5m", Signal::Double(1.5e6)),
        ("instance_device:node_disk_io_time_seconds:rate5m", Signal::Double(0.02)),
        ("instance_device:node_disk_io_time_weighted:rate5m", Signal::Double(0.05)),
    ];
    for (name, signal) in metrics {
        rows.add(name, &[], signal);
    }
}

/// Bounds of the buckets and what part of the observations falls between one and the next.
const BUCKETS: [(&str, f64); 12] = [
    ("0.005", 3.0),
    ("0.01", 5.0),
    ("0.025", 9.0),
    ("0.05", 6.0),
    ("0.1", 3.0),
    ("0.25", 1.2),
    ("0.5", 0.4),
    ("1", 0.1),
    ("2.5", 0.02),
    ("5", 0.004),
    ("10", 0.000_5),
    ("+Inf", 0.000_1),
];

fn service(rows: &mut Rows) {
    let handlers = [
        "/",
        "/api/v1/orders",
        "/api/v1/orders/{id}",
        "/api/v1/users",
        "/api/v1/users/{id}",
        "/api/v1/search",
        "/api/v1/basket",
        "/api/v1/checkout",
        "/healthz",
        "/login",
        "/logout",
        "/static",
    ];
    for handler in handlers {
        let mut first = true;
        for (le, per_second) in BUCKETS {
            let signal = Signal::Bucket { first, per_second };
            let labels = [("handler", handler), ("le", le)];
            rows.add("http_request_duration_seconds_bucket", &labels, signal);
            first = false;
        }
        let labels = [("handler", handler)];
        rows.add("http_request_duration_seconds_count", &labels, Signal::BucketCount);
        rows.add("http_request_duration_seconds_sum", &labels, Signal::BucketSum(0.04));
    }
}

#[cfg(test)]
mod tests {
    use super::{Signal, rows, spread};

    #[test]
    fn a_small_host_has_the_mix_of_a_whole_one() {
        let rows = rows();
        let part = |chosen: &[&super::Row], is: fn(Signal) -> bool| {
            chosen.iter().filter(|row| is(row.signal)).count() as f64 / chosen.len() as f64
        };
        let all: Vec<_> = rows.iter().collect();
        let small = spread(&rows, 300);
        assert_eq!(small.len(), 300);
        let kinds: [fn(Signal) -> bool; 3] = [
            |signal| matches!(signal, Signal::Constant(_)),
            |signal| matches!(signal, Signal::Double(_)),
            |signal| matches!(signal, Signal::Bucket { .. }),
        ];
        for is in kinds {
            let (of_small, of_all) = (part(&small, is), part(&all, is));
            assert!((of_small - of_all).abs() < 0.05, "{of_small} against {of_all}");
        }
    }

    #[test]
    fn the_whole_host_is_everything_in_order() {
        let rows = rows();
        let names: Vec<_> = spread(&rows, rows.len()).iter().map(|row| row.name).collect();
        assert_eq!(names, rows.iter().map(|row| row.name).collect::<Vec<_>>());
    }
}
