//! Appending: check, decide, write, show.

use super::{Log, Writer};
use crate::append::{AppendError, Appended, Origin};
use crate::batch::{self, Batch, BatchError, NO_SEQUENCE};
use crate::lock;
use crate::producers::{Seen, Sent, Verdict};
use crate::segment::Entry;
use crate::settings::{LogSettings, TimestampType};
use bytes::{Bytes, BytesMut};
use std::io;

/// What the header fields of one checked batch say.
#[derive(Debug, Clone, Copy)]
struct Part {
    size: usize,
    last_offset_delta: i32,
    max_timestamp: i64,
}

/// Records that have passed every check that needs no lock.
#[derive(Debug)]
struct Request {
    parts: Vec<Part>,
    sent: Option<Sent>,
    max_timestamp: i64,
}

impl Log {
    /// Appends one or more whole batches of version 2 and returns the offsets they received.
    ///
    /// # Shape
    /// Only base offset and leader epoch are overwritten, and with `LogAppendTime` the timestamp
    /// type, the largest timestamp and the checksum. A producer with an id sends one batch at a time.
    ///
    /// # Order
    /// Calls on one log take effect one after another. The offsets are durable once
    /// [`Self::durable`] of the last one resolves.
    ///
    /// # Errors
    /// See [`AppendError`]; nothing is left behind by any of them.
    ///
    /// # Source
    /// Kafka protocol guide, "Record Batch"; idempotence: KIP-98.
    pub fn append(&self, records: Bytes, origin: Origin) -> Result<Appended, AppendError> {
        let settings = self.settings();
        let request = self.check(&records, origin, &settings)?;
        let mut writer = lock(&self.writer);
        self.check_writable(&writer)?;
        if let Some(sent) = &request.sent
            && let Some(seen) = self.decide(&writer, sent)?
        {
            return Ok(Appended {
                base_offset: seen.base_offset,
                last_offset: seen.last_offset,
                log_append_time: match settings.message_timestamp_type {
                    TimestampType::LogAppendTime => seen.timestamp,
                    TimestampType::CreateTime => -1,
                },
                duplicate: true,
            });
        }
        self.roll_if_due(&mut writer, records.len(), request.max_timestamp, &settings)?;
        self.write(&mut writer, &records, &request, origin, &settings)
    }

    /// The checks that need no lock: form, checksum, size, and what this origin may send.
    fn check(
        &self,
        records: &Bytes,
        origin: Origin,
        settings: &LogSettings,
    ) -> Result<Request, AppendError> {
        let log = || self.name.clone();
        if records.len() > settings.segment_bytes as usize {
            let limit = settings.segment_bytes as usize;
            return Err(AppendError::LargerThanSegment {
                log: log(),
                actual: records.len(),
                limit,
            });
        }
        let mut request = Request { parts: Vec::new(), sent: None, max_timestamp: -1 };
        let mut keyless = Vec::new();
        let mut first_index = 0;
        for batch in Batch::all_of(records) {
            let refuse = |source: BatchError| AppendError::Batch { log: log(), source };
            let batch = batch.map_err(refuse)?;
            let limit = settings.max_message_bytes as usize;
            if batch.size() > limit {
                return Err(AppendError::TooLarge { log: log(), actual: batch.size(), limit });
            }
            batch.check().map_err(refuse)?;
            if let Some(reason) = refusal(&batch, origin) {
                return Err(AppendError::Invalid { log: log(), reason });
            }
            if settings.cleanup_policy.compacts() && !batch.control() {
                self.note_keyless(&batch, first_index, &mut keyless)?;
            }
            first_index += batch.count();
            request.sent = request.sent.or_else(|| Sent::of(&batch));
            request.max_timestamp = request.max_timestamp.max(batch.max_timestamp());
            request.parts.push(Part {
                size: batch.size(),
                last_offset_delta: batch.last_offset_delta(),
                max_timestamp: batch.max_timestamp(),
            });
        }
        if request.parts.is_empty() {
            return Err(AppendError::Empty { log: log() });
        }
        if request.sent.is_some() && request.parts.len() > 1 {
            let reason = "a producer with an id sends one batch at a time";
            return Err(AppendError::Invalid { log: log(), reason });
        }
        if !keyless.is_empty() {
            return Err(AppendError::KeyMissing { log: log(), records: keyless });
        }
        Ok(request)
    }

    /// Notes the records without a key. Compressed batches are the caller's to check.
    fn note_keyless(
        &self,
        batch: &Batch<'_>,
        first_index: i32,
        keyless: &mut Vec<i32>,
    ) -> Result<(), AppendError> {
        let Some(records) = batch.records() else { return Ok(()) };
        for (index, record) in (first_index..).zip(records) {
            match record {
                Ok(record) if record.key.is_none() => keyless.push(index),
                Ok(_) => {}
                Err(_) => {
                    let reason = "a record of the batch is malformed";
                    return Err(AppendError::Invalid { log: self.name.clone(), reason });
                }
            }
        }
        Ok(())
    }

    pub(super) fn check_writable(&self, writer: &Writer) -> Result<(), AppendError> {
        if let Some(failure) = self.failure() {
            return Err(AppendError::Offline(failure));
        }
        if writer.closed {
            return Err(AppendError::Closed { log: self.name.clone() });
        }
        Ok(())
    }

    /// The batch this one repeats, if it does.
    fn decide(&self, writer: &Writer, sent: &Sent) -> Result<Option<Seen>, AppendError> {
        let log = || self.name.clone();
        let producer_id = sent.producer_id;
        match writer.producers.decide(sent) {
            Verdict::Append => Ok(None),
            Verdict::Duplicate(seen) => Ok(Some(seen)),
            Verdict::OldEpoch { current } => Err(AppendError::InvalidProducerEpoch {
                log: log(),
                producer_id,
                actual: sent.epoch,
                current,
            }),
            Verdict::Gap { expected } => Err(AppendError::OutOfOrderSequence {
                log: log(),
                producer_id,
                actual: sent.first_sequence,
                expected,
            }),
            Verdict::TransactionOpen => {
                Err(AppendError::TransactionOpen { log: log(), producer_id })
            }
        }
    }

    fn write(
        &self,
        writer: &mut Writer,
        records: &Bytes,
        request: &Request,
        origin: Origin,
        settings: &LogSettings,
    ) -> Result<Appended, AppendError> {
        let now_ms = self.world.clock.wall_millis();
        let stamped = settings.message_timestamp_type == TimestampType::LogAppendTime;
        let base_offset = writer.next_offset;
        let mut bytes = BytesMut::with_capacity(records.len());
        bytes.extend_from_slice(records);
        let mut next = base_offset;
        let mut at = 0;
        for part in &request.parts {
            let batch = bytes.get_mut(at..at + part.size).unwrap_or_default();
            batch::place(batch, next, writer.leader_epoch);
            if stamped {
                batch::stamp(batch, now_ms);
            }
            next += i64::from(part.last_offset_delta) + 1;
            at += part.size;
        }
        let bytes = bytes.freeze();
        let position = self.write_bytes(writer, &bytes)?;
        let time_of = |part: &Part| if stamped { now_ms } else { part.max_timestamp };
        let (mut last_offset, mut at) = (base_offset - 1, position);
        for part in &request.parts {
            last_offset += i64::from(part.last_offset_delta) + 1;
            let size = part.size as u64;
            let entry = Entry { position: at, size, last_offset, max_timestamp: time_of(part) };
            writer.active.note(entry, u64::from(settings.index_interval_bytes));
            at += size;
        }
        let opened = request.sent.and_then(|sent| {
            let seen = Seen {
                first_sequence: sent.first_sequence,
                last_sequence: sent.last_sequence,
                base_offset,
                last_offset,
                timestamp: if stamped { now_ms } else { request.max_timestamp },
            };
            let first = writer.producers.apply(&sent, seen)?;
            Some((first, sent.producer_id))
        });
        writer.next_offset = last_offset + 1;
        lock(&self.tail).push(base_offset, writer.next_offset, bytes);
        self.watermarks.appended(writer.next_offset, opened);
        if origin == Origin::Client {
            self.schedule_sync();
        }
        let log_append_time = if stamped { now_ms } else { -1 };
        Ok(Appended { base_offset, last_offset, log_append_time, duplicate: false })
    }

    /// Writes whole batches at the end of the active segment and returns where. On an error the
    /// segment ends where it ended before.
    pub(super) fn write_bytes(&self, writer: &Writer, bytes: &Bytes) -> Result<u64, AppendError> {
        let active = &writer.active;
        let position = active.size();
        if let Err(error) = active.file.write_at(bytes, position) {
            if let Err(error) = active.file.set_len(position) {
                return Err(self.fail("taking back a partial write", error).into());
            }
            return Err(self.refuse_write(error));
        }
        self.mark_written(&active.file);
        Ok(position)
    }

    /// A full disk refuses this append; any other error may have damaged the file.
    pub(super) fn refuse_write(&self, error: io::Error) -> AppendError {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                tracing::warn!(
                    log = self.name,
                    %error,
                    "cannot append, and producers wait: free space on the broker's disk"
                );
                AppendError::Full { log: self.name.clone() }
            }
            _ => self.fail("writing to it", error).into(),
        }
    }
}

/// What this origin may not send.
fn refusal(batch: &Batch<'_>, origin: Origin) -> Option<&'static str> {
    if origin != Origin::Client {
        return None;
    }
    let sequence = batch.base_sequence();
    if batch.control() {
        Some("a client may not write markers")
    } else if batch.delete_horizon().is_some() {
        Some("a client may not set a delete horizon")
    } else if batch.producer_id() >= 0 && (batch.producer_epoch() < 0 || sequence < 0) {
        Some("a producer with an id must send an epoch and a sequence")
    } else if batch.transactional() && batch.producer_id() < 0 {
        Some("a transaction needs a producer id")
    } else if sequence < NO_SEQUENCE {
        Some("the sequence is negative")
    } else {
        None
    }
}
