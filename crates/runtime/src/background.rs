//! Threads whose work nobody waits for.

use std::io;

/// Above the usual 0: about a third of the share of a thread that somebody waits for.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 5;

/// Runs `work` on a thread of lower priority and waits for it. Threads that it starts have that priority
/// too: on Linux a thread inherits it from the one that starts it. Elsewhere the priority stays as it is.
///
/// # Errors
/// When the system gives no thread, or the work ended in a panic.
pub fn run<T: Send>(name: &str, work: impl FnOnce() -> T + Send) -> io::Result<T> {
    std::thread::scope(|scope| {
        let builder = std::thread::Builder::new().name(name.to_owned());
        let thread = builder.spawn_scoped(scope, || {
            // Without the right to be nice it only is less so.
            #[cfg(target_os = "linux")]
            let _kept = rustix::process::setpriority_process(None, NICENESS);
            work()
        })?;
        thread.join().map_err(|_| io::Error::other(format!("the thread {name} ended early")))
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn work_is_done_and_given_back() {
        assert_eq!(super::run("test", || 6 * 7).unwrap(), 42);
    }
}
