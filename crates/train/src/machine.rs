//! What this runs on.

use lsra_kernels::peak::cores;

/// The CPU's name, as the system tells it, and this process's cores.
pub fn machine() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |key: &str| info.lines().find(|l| l.starts_with(key)).and_then(|l| l.split(':').nth(1)).map(str::trim);
    let name = field("model name").unwrap_or(std::env::consts::ARCH);
    let kind = match (field("cpu family"), field("model\t")) {
        (Some(family), Some(model)) => format!(" (family {family}, model {model})"),
        _ => String::new(),
    };
    format!("{name}{kind}, {} cores", cores())
}
