//! How busy the machine is, and with what. Times are in ticks, of which there are 100 a second on every Linux.

/// A moment, from which on the machine's work is counted.
pub struct Busy(u64);

impl Busy {
    pub fn now() -> Self {
        Busy(busy_ticks())
    }

    /// CPU seconds that the whole machine has worked since, or was kept from working by its host.
    pub fn elapsed(&self) -> f64 {
        (busy_ticks() - self.0) as f64 / 100.0
    }
}

pub fn cores() -> f64 {
    std::thread::available_parallelism().map_or(1.0, |cores| cores.get() as f64)
}

/// The ticks of all cores but those idle or waiting for a disk (proc(5), /proc/stat).
fn busy_ticks() -> u64 {
    let stat = std::fs::read_to_string("/proc/stat").unwrap();
    let ticks = stat.lines().next().unwrap().split_whitespace().skip(1).map(|ticks| ticks.parse::<u64>().unwrap());
    ticks.take(8).enumerate().filter(|(at, _)| *at != 3 && *at != 4).map(|(_, ticks)| ticks).sum()
}

/// CPU seconds of this process.
pub fn own_cpu_seconds() -> f64 {
    cpu_seconds("self")
}

/// CPU seconds of a process: fields 14 and 15 of its stat (proc(5)).
pub fn cpu_seconds(process: &str) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    ticks as f64 / 100.0
}
