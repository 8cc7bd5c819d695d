//! A process's output as log lines, of bounded length and with back pressure.

use crate::{Desk, Level, LogLine, Settings, Stream};
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::io::{AsyncRead, AsyncReadExt};

/// The longest line, bytes; the rest of a longer one is left out.
pub(crate) const LINE_BYTES_MAX: usize = 64 * 1_024;
/// What is read, and handed to the desk, at a time.
const CHUNK_BYTES: usize = 32 * 1_024;
/// What is kept of one process's output; the rest is read and left out.
const LOG_BYTES_MAX: u64 = 64 << 20;

/// How much of a process's output was kept, both streams together.
#[derive(Debug, Default)]
pub(crate) struct Budget(AtomicU64);

impl Budget {
    /// Whether so many bytes more may be kept.
    fn take(&self, bytes: usize) -> bool {
        let bytes = bytes as u64 + 1;
        self.0.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes) <= LOG_BYTES_MAX
    }
}

/// Where lines come from and go to.
pub(crate) struct Origin<'a> {
    pub(crate) stream: Stream,
    pub(crate) desk: &'a dyn Desk,
    pub(crate) settings: &'a Settings,
    pub(crate) budget: &'a Budget,
}

/// Hands lines to the desk until the output ends; the last line, without blanks at its end.
pub(crate) async fn pump(mut from: impl AsyncRead + Unpin, origin: Origin<'_>) -> String {
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut lines = Lines::default();
    let mut dropped = 0_u64;
    loop {
        // An output that cannot be read has ended.
        let count = from.read(&mut chunk).await.unwrap_or(0);
        let texts = if count == 0 { lines.end() } else { lines.feed(&chunk[..count]) };
        let at = origin.settings.now();
        let line = |text| LogLine { at, stream: origin.stream, level: Level::Info, text };
        let mut kept = Vec::new();
        for text in texts {
            if origin.budget.take(text.len()) {
                kept.push(line(text));
            } else {
                dropped += 1;
            }
        }
        if count == 0 && dropped > 0 {
            let text = format!(
                "{dropped} more lines are left out: the log of a try holds {} MiB",
                LOG_BYTES_MAX >> 20
            );
            kept.push(LogLine { level: Level::Warning, stream: Stream::Task, ..line(text) });
        }
        if !kept.is_empty() {
            origin.desk.log(kept).await;
        }
        if count == 0 {
            return lines.last;
        }
    }
}

/// Bytes cut into lines.
#[derive(Default)]
struct Lines {
    part: Vec<u8>,
    /// Bytes of this line that were left out.
    cut: usize,
    last: String,
}

impl Lines {
    fn feed(&mut self, mut bytes: &[u8]) -> Vec<String> {
        let mut whole = Vec::new();
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            self.add(&bytes[..end]);
            whole.push(self.finish());
            bytes = &bytes[end + 1..];
        }
        self.add(bytes);
        whole
    }

    /// What stands after the last line end.
    fn end(&mut self) -> Vec<String> {
        if self.part.is_empty() { Vec::new() } else { vec![self.finish()] }
    }

    fn add(&mut self, bytes: &[u8]) {
        let room = LINE_BYTES_MAX - self.part.len();
        let (kept, cut) = bytes.split_at(bytes.len().min(room));
        self.part.extend_from_slice(kept);
        self.cut += cut.len();
    }

    fn finish(&mut self) -> String {
        let text = String::from_utf8_lossy(&self.part);
        let mut text = text.trim_end().to_owned();
        self.last.clone_from(&text);
        if self.cut > 0 {
            text.push_str(&format!(" ... ({} bytes more)", self.cut));
        }
        self.part.clear();
        self.cut = 0;
        text
    }
}

#[cfg(test)]
mod tests {
    use super::{LINE_BYTES_MAX, Lines};

    #[test]
    fn lines_are_found_however_the_bytes_are_cut() {
        let text = b"one\r\ntwo \n\nth\xffee";
        for size in 1..=text.len() {
            let mut lines = Lines::default();
            let mut all: Vec<String> =
                text.chunks(size).flat_map(|chunk| lines.feed(chunk)).collect();
            all.extend(lines.end());
            assert_eq!(all, ["one", "two", "", "th\u{fffd}ee"], "in chunks of {size}");
            assert_eq!(lines.last, "th\u{fffd}ee");
        }
    }

    #[test]
    fn a_line_without_end_takes_bounded_memory() {
        let mut lines = Lines::default();
        for _ in 0..1_000 {
            assert!(lines.feed(&[b'x'; 1_000]).is_empty());
        }
        assert!(lines.part.capacity() <= 2 * LINE_BYTES_MAX);
        let text = lines.feed(b"\n").remove(0);
        assert!(text.ends_with(&format!(" ... ({} bytes more)", 1_000_000 - LINE_BYTES_MAX)));
    }
}
