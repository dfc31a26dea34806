//! A recording as Chrome's trace events, which chrome://tracing and ui.perfetto.dev show.

use crate::Error;
use crate::sink::Sink;
use lsra_kernels::trace::{Event, Trace};

/// One event a line: threads' names, then every span as a complete event, times in microseconds.
///
/// Errors: those of the sink.
pub fn write_chrome(trace: &Trace, to: &mut Sink) -> Result<(), Error> {
    let process = std::process::id();
    to.line("{\"displayTimeUnit\":\"ms\",\"traceEvents\":[")?;
    to.line(&format!("{{\"ph\":\"M\",\"pid\":{process},\"name\":\"process_name\",\"args\":{{\"name\":\"lsra\"}}}}"))?;
    for thread in &trace.threads {
        let (id, name) = (thread.id, serde_json::to_string(&thread.name).expect("a string"));
        to.line(&format!(
            ",{{\"ph\":\"M\",\"pid\":{process},\"tid\":{id},\"name\":\"thread_name\",\"args\":{{\"name\":{name}}}}}"
        ))?;
        for event in &thread.events {
            to.line(&complete(event, process, id))?;
        }
    }
    to.line("]}")
}

fn complete(e: &Event, process: u32, thread: u32) -> String {
    let length = e.end - e.start;
    let work = match e.multiply_adds {
        0 => String::new(),
        n => format!(",\"multiply_adds\":{n},\"gflops\":{:.1}", 2.0 * n as f64 / length.max(1) as f64),
    };
    format!(
        ",{{\"ph\":\"X\",\"pid\":{process},\"tid\":{thread},\"ts\":{},\"dur\":{},\"cat\":\"{}\",\"name\":\"{}\",\
         \"args\":{{\"sizes\":\"{}\"{work}}}}}",
        microseconds(e.start),
        microseconds(length),
        e.category.name(),
        e.name,
        e.sizes,
    )
}

fn microseconds(nanoseconds: u64) -> String {
    format!("{}.{:03}", nanoseconds / 1000, nanoseconds % 1000)
}
