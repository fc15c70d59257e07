//! Series as Kubernetes clusters have them: node_exporter, kube-state-metrics and cAdvisor as kube-prometheus scrapes
//! them, made from a seed. A request holds what one shard of Prometheus' remote write would send: series in the order
//! of the scrapes, each shard every so many of them.

#![allow(dead_code, reason = "each bench uses a part of it")]
#![allow(unused_imports, reason = "each bench uses a part of it")]
#![allow(
    unreachable_pub,
    missing_docs,
    clippy::expect_used,
    reason = "a module of benches, where a panic is the report"
)]

mod wire;

pub use wire::{encode, encode_samples, encode_v2, labels_by_prost, message, packed, requests, value};

/// Labels, `__name__` among them, in the order of their names.
pub type Labels = Vec<(String, String)>;

/// Milliseconds since 1970 of the first scrape.
pub const START: i64 = 1_780_000_000_000;
/// Shards of Prometheus' remote write.
pub const SHARDS: usize = 8;

/// A kind of series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    NodeExporter,
    KubeState,
    Cadvisor,
    /// A third of each.
    Mixed,
}

impl Kind {
    pub const ALL: [Kind; 4] = [Kind::NodeExporter, Kind::KubeState, Kind::Cadvisor, Kind::Mixed];

    pub fn name(self) -> &'static str {
        match self {
            Kind::NodeExporter => "node_exporter",
            Kind::KubeState => "kube-state-metrics",
            Kind::Cadvisor => "cAdvisor",
            Kind::Mixed => "mixed",
        }
    }
}

/// Series in the order in which they are scraped, node after node, without end.
#[derive(Debug)]
pub struct Cluster {
    kind: Kind,
    random: fastrand::Rng,
    node: usize,
}

impl Cluster {
    pub fn new(kind: Kind, seed: u64) -> Self {
        Cluster { kind, random: fastrand::Rng::with_seed(seed), node: 0 }
    }

    /// Appends the series of the next node.
    pub fn scrape(&mut self, all: &mut Vec<Labels>) {
        let (node, random) = (self.node, &mut self.random);
        match self.kind {
            Kind::NodeExporter => node_exporter(all, node, random),
            Kind::KubeState => kube_state(all, node, random),
            Kind::Cadvisor => cadvisor(all, node, random),
            Kind::Mixed => {
                node_exporter(all, node, random);
                kube_state(all, node, random);
                cadvisor(all, node, random);
            }
        }
        self.node += 1;
    }
}

/// The first `count` series.
pub fn series(kind: Kind, count: usize, seed: u64) -> Vec<Labels> {
    let mut cluster = Cluster::new(kind, seed);
    let mut all = Vec::with_capacity(count);
    while all.len() < count {
        cluster.scrape(&mut all);
    }
    all.truncate(count);
    all
}

fn push(all: &mut Vec<Labels>, target: &[(&str, &str)], name: &str, own: &[(&str, &str)]) {
    let mut labels: Labels =
        target.iter().chain(own).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    labels.push(("__name__".to_owned(), name.to_owned()));
    labels.extend(EXTERNAL.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    labels.sort();
    all.push(labels);
}

/// What a Prometheus adds to all that it sends.
const EXTERNAL: [(&str, &str); 2] = [("cluster", "production-eu-central-1"), ("prometheus", "monitoring/k8s")];

fn id(random: &mut fastrand::Rng, length: usize) -> String {
    (0..length).map(|_| char::from(b"0123456789abcdef"[random.usize(0..16)])).collect()
}

fn address(node: usize) -> String {
    format!("10.{}.{}.{}", 64 + node / 60_000, node / 250 % 240, 2 + node % 250)
}

fn node_exporter(all: &mut Vec<Labels>, node: usize, random: &mut fastrand::Rng) {
    let instance = format!("{}:9100", address(node));
    let pod = format!("node-exporter-{}", id(random, 5));
    let target = [
        ("container", "node-exporter"),
        ("endpoint", "https"),
        ("instance", instance.as_str()),
        ("job", "node-exporter"),
        ("namespace", "monitoring"),
        ("pod", &pod),
        ("service", "node-exporter"),
    ];
    for cpu in 0..16 {
        for mode in ["idle", "iowait", "irq", "nice", "softirq", "steal", "system", "user"] {
            push(all, &target, "node_cpu_seconds_total", &[("cpu", &cpu.to_string()), ("mode", mode)]);
        }
    }
    for family in
        ["reads_completed_total", "read_bytes_total", "writes_completed_total", "written_bytes_total", "io_now"]
    {
        for device in ["nvme0n1", "nvme1n1", "nvme2n1"] {
            push(all, &target, &format!("node_disk_{family}"), &[("device", device)]);
        }
    }
    for family in ["avail_bytes", "device_error", "files", "files_free", "free_bytes", "readonly", "size_bytes"] {
        for (device, kind, mount) in [
            ("/dev/nvme0n1p1", "ext4", "/"),
            ("/dev/nvme1n1", "xfs", "/var/lib/containerd"),
            ("tmpfs", "tmpfs", "/run"),
            ("tmpfs", "tmpfs", "/run/lock"),
        ] {
            let own = [("device", device), ("fstype", kind), ("mountpoint", mount)];
            push(all, &target, &format!("node_filesystem_{family}"), &own);
        }
    }
    for item in 0..45 {
        push(all, &target, &format!("node_memory_Field{item}_bytes"), &[]);
    }
    for family in
        ["receive_bytes", "receive_drop", "receive_errs", "receive_packets", "transmit_bytes", "transmit_packets"]
    {
        for device in 0..12 {
            let device = if device == 0 { "eth0".to_owned() } else { format!("eni{}", id(random, 11)) };
            push(all, &target, &format!("node_network_{family}_total"), &[("device", &device)]);
        }
    }
    for unit in 0..40 {
        for state in ["activating", "active", "deactivating", "failed", "inactive"] {
            let own = [("name", format!("unit-{unit}.service")), ("state", state.into()), ("type", "notify".into())];
            let own: Vec<(&str, &str)> =
                own.iter().map(|(name, value): &(&str, String)| (*name, value.as_str())).collect();
            push(all, &target, "node_systemd_unit_state", &own);
        }
    }
    for item in 0..120 {
        push(all, &target, &format!("node_netstat_Statistic{item}"), &[]);
    }
}

fn kube_state(all: &mut Vec<Labels>, node: usize, random: &mut fastrand::Rng) {
    let target = [
        ("endpoint", "https-main"),
        ("instance", "10.64.12.7:8443"),
        ("job", "kube-state-metrics"),
        ("service", "kube-state-metrics"),
    ];
    let node_name = format!("ip-{}.eu-central-1.compute.internal", address(node).replace('.', "-"));
    let pods: Vec<(String, String, String)> = (0..30)
        .map(|_| {
            let app = ["checkout", "catalog", "payments", "search", "frontend", "ledger"][random.usize(0..6)];
            (format!("team-{}", random.u8(0..12)), format!("{app}-{}-{}", id(random, 9), id(random, 5)), id(random, 36))
        })
        .collect();
    // The exposition goes by family, then by object.
    for phase in ["Failed", "Pending", "Running", "Succeeded", "Unknown"] {
        for (namespace, pod, uid) in &pods {
            let own = [("namespace", namespace.as_str()), ("phase", phase), ("pod", pod), ("uid", uid)];
            push(all, &target, "kube_pod_status_phase", &own);
        }
    }
    for (namespace, pod, uid) in &pods {
        let own = [("namespace", namespace.as_str()), ("node", &node_name), ("pod", pod), ("uid", uid)];
        push(all, &target, "kube_pod_info", &own);
    }
    for family in ["restarts_total", "ready", "running", "waiting", "terminated"] {
        for (namespace, pod, uid) in &pods {
            let own = [("container", "app"), ("namespace", namespace.as_str()), ("pod", pod), ("uid", uid)];
            push(all, &target, &format!("kube_pod_container_status_{family}"), &own);
        }
    }
    for family in ["requests", "limits"] {
        for (resource, unit) in [("cpu", "core"), ("memory", "byte")] {
            for (namespace, pod, uid) in &pods {
                let own = [
                    ("container", "app"),
                    ("namespace", namespace.as_str()),
                    ("node", &node_name),
                    ("pod", pod),
                    ("resource", resource),
                    ("uid", uid),
                    ("unit", unit),
                ];
                push(all, &target, &format!("kube_pod_container_resource_{family}"), &own);
            }
        }
    }
}

fn cadvisor(all: &mut Vec<Labels>, node: usize, random: &mut fastrand::Rng) {
    let instance = format!("{}:10250", address(node));
    let node_name = format!("ip-{}.eu-central-1.compute.internal", address(node).replace('.', "-"));
    let target = [
        ("endpoint", "https-metrics"),
        ("instance", instance.as_str()),
        ("job", "kubelet"),
        ("metrics_path", "/metrics/cadvisor"),
        ("node", &node_name),
        ("service", "kubelet"),
    ];
    let containers: Vec<(String, String, String)> = (0..25)
        .map(|_| {
            let cgroup = format!(
                "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{}.slice/cri-containerd-{}.scope",
                id(random, 36),
                id(random, 64)
            );
            let app = ["checkout", "catalog", "payments", "search", "frontend", "ledger"][random.usize(0..6)];
            (cgroup, format!("team-{}", random.u8(0..12)), format!("{app}-{}-{}", id(random, 9), id(random, 5)))
        })
        .collect();
    for family in [
        "cpu_usage_seconds_total",
        "cpu_cfs_periods_total",
        "cpu_cfs_throttled_periods_total",
        "memory_working_set_bytes",
        "memory_rss",
        "memory_cache",
        "memory_usage_bytes",
        "memory_failcnt",
        "fs_reads_bytes_total",
        "fs_writes_bytes_total",
        "spec_cpu_quota",
        "spec_memory_limit_bytes",
        "last_seen",
        "start_time_seconds",
        "processes",
        "threads",
        "sockets",
        "file_descriptors",
    ] {
        for (cgroup, namespace, pod) in &containers {
            let own = [
                ("container", "app"),
                ("id", cgroup.as_str()),
                ("image", "registry.example.com/shop/app:2026.11.3"),
                ("namespace", namespace),
                ("pod", pod),
            ];
            push(all, &target, &format!("container_{family}"), &own);
        }
    }
}
