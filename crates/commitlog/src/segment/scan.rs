//! Walks the batches of a log file in order, with a bounded buffer.

use crate::batch::{self, Batch, BatchError, HEADER_BYTES, LENGTH_OVERHEAD};
use runtime::DiskFile;
use std::io;

/// Bytes read at a time. A batch that is larger is read whole: its length is compared with the
/// file's before the buffer grows.
const WINDOW_BYTES: usize = 256 << 10;

/// Reads batches from one position of a log file on.
#[derive(Debug)]
pub(crate) struct Scanner<'f> {
    file: &'f dyn DiskFile,
    position: u64,
    end: u64,
    window: Vec<u8>,
    window_start: u64,
}

/// What stands at a position of a log file.
#[derive(Debug)]
pub(crate) enum Scanned<'b> {
    /// A batch of a sound length. Its checksum is not compared yet.
    Batch {
        /// Byte in the file at which it begins.
        position: u64,
        /// It.
        batch: Batch<'b>,
    },
    /// Bytes that are no batch: a torn tail or damage. The scan ends here.
    Broken {
        /// Byte in the file at which they begin.
        position: u64,
        /// What is wrong with them.
        error: BatchError,
    },
    /// The end.
    End,
}

impl<'f> Scanner<'f> {
    /// Starts at byte `position` and stops at byte `end`.
    pub(crate) fn new(file: &'f dyn DiskFile, position: u64, end: u64) -> Self {
        Self { file, position, end, window: Vec::new(), window_start: position }
    }

    /// The next batch. After `Broken` or `End` the same answer comes again.
    pub(crate) fn next(&mut self) -> io::Result<Scanned<'_>> {
        let position = self.position;
        let left = self.end.saturating_sub(position);
        if left == 0 {
            return Ok(Scanned::End);
        }
        let present = usize::try_from(left).unwrap_or(usize::MAX);
        if present < HEADER_BYTES {
            let error = BatchError::Short { needed: HEADER_BYTES, present };
            return Ok(Scanned::Broken { position, error });
        }
        self.fill(HEADER_BYTES, present)?;
        let size = match batch::size_of(self.here()) {
            Ok(size) if size <= present => size,
            Ok(needed) => {
                let error = BatchError::Short { needed, present };
                return Ok(Scanned::Broken { position, error });
            }
            Err(error) => return Ok(Scanned::Broken { position, error }),
        };
        self.fill(size, present)?;
        self.position += size as u64;
        let at = usize::try_from(position - self.window_start).unwrap_or(usize::MAX);
        match Batch::first_of(self.window.get(at..).unwrap_or_default()) {
            Ok(batch) => Ok(Scanned::Batch { position, batch }),
            Err(error) => {
                self.position = position;
                Ok(Scanned::Broken { position, error })
            }
        }
    }

    fn here(&self) -> &[u8] {
        let at = usize::try_from(self.position - self.window_start).unwrap_or(usize::MAX);
        self.window.get(at..).unwrap_or_default()
    }

    /// Makes `needed` bytes from the position on present in the window.
    fn fill(&mut self, needed: usize, present: usize) -> io::Result<()> {
        if self.here().len() >= needed {
            return Ok(());
        }
        self.window_start = self.position;
        self.window.resize(needed.max(WINDOW_BYTES).min(present), 0);
        let read = self.file.read_at(&mut self.window, self.position)?;
        self.window.truncate(read);
        Ok(())
    }
}

/// The whole batches of `bytes` that hold offsets of `from..bound`, at most `max_bytes` of them, or
/// the first whatever its size: `(begin, end)` in `bytes`, and one past the last offset.
pub(crate) fn cut(bytes: &[u8], from: i64, bound: i64, max_bytes: usize) -> (usize, usize, i64) {
    let (mut begin, mut end, mut next) = (0, 0, from);
    while let Ok(batch) = Batch::first_of(bytes.get(end..).unwrap_or_default()) {
        let size = batch.size();
        if batch.last_offset() < from {
            begin = end + size;
            end = begin;
            continue;
        }
        if batch.base_offset() >= bound || (end > begin && end + size - begin > max_bytes) {
            break;
        }
        end += size;
        next = batch.last_offset() + 1;
    }
    (begin, end, next)
}

/// Bytes a batch of this length field has, if the first bytes of it are at hand.
pub(crate) fn whole_size(bytes: &[u8]) -> Option<usize> {
    if bytes.len() < LENGTH_OVERHEAD {
        return None;
    }
    batch::size_of(bytes).ok()
}
