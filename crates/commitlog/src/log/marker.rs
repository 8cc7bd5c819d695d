//! Ending a transaction in this log.

use super::Log;
use crate::aborted::Aborted;
use crate::append::{AppendError, Appended};
use crate::batch::{self, HEADER_BYTES, Marker};
use crate::producers::{Ended, MarkerRefusal};
use crate::segment::{Entry, TXN_INDEX, file_path};
use crate::{lock, write_lock};
use bytes::BytesMut;
use runtime::DiskFile;
use std::io;
use std::sync::Arc;

impl Log {
    /// Appends the marker that commits or aborts a producer's transaction.
    ///
    /// Without an open transaction of this producer the marker is written all the same, as Kafka
    /// does: it may end one that was retried, and it carries the newer epoch (KIP-890).
    ///
    /// # Errors
    /// [`AppendError::InvalidProducerEpoch`], [`AppendError::CoordinatorFenced`], and the disk's.
    ///
    /// # Source
    /// KIP-98, "Control messages".
    pub fn append_marker(
        &self,
        producer_id: i64,
        producer_epoch: i16,
        commit: bool,
        coordinator_epoch: i32,
    ) -> Result<Appended, AppendError> {
        let settings = self.settings();
        let now_ms = self.world.clock.wall_millis();
        let marker = Marker { commit, coordinator_epoch };
        let batch = marker.batch(producer_id, producer_epoch, now_ms);
        let mut writer = lock(&self.writer);
        self.check_writable(&writer)?;
        writer.producers.decide_marker(producer_id, producer_epoch, coordinator_epoch).map_err(
            |refusal| self.marker_error(producer_id, producer_epoch, coordinator_epoch, refusal),
        )?;
        self.roll_if_due(&mut writer, batch.len(), now_ms, &settings)?;

        let offset = writer.next_offset;
        let mut bytes = BytesMut::with_capacity(batch.len().max(HEADER_BYTES));
        bytes.extend_from_slice(&batch);
        batch::place(&mut bytes, offset, writer.leader_epoch);
        let bytes = bytes.freeze();
        let open = writer.producers.by_id.get(&producer_id).and_then(|known| known.transaction);
        let position = self.write_bytes(&writer, &bytes)?;
        if let Some(first_offset) = open.filter(|_| !commit) {
            // The index entry comes before the offsets move, so that no reader sees aborted records
            // without being told of them.
            let ended = Ended { producer_id, first_offset, last_offset: offset, commit };
            if let Err(error) = self.note_aborted(writer.active.base_offset, &ended) {
                if let Err(error) = writer.active.file.set_len(position) {
                    return Err(self.fail("taking back a marker", error).into());
                }
                return Err(self.refuse_write(error));
            }
        }
        let size = bytes.len() as u64;
        let entry = Entry { position, size, last_offset: offset, max_timestamp: now_ms };
        writer.active.note(entry, u64::from(settings.index_interval_bytes));
        let ended =
            writer.producers.apply_marker(producer_id, producer_epoch, marker, offset, now_ms);
        writer.next_offset = offset + 1;
        lock(&self.tail).push(offset, offset + 1, bytes);
        self.watermarks.ended(offset + 1, ended.as_ref());
        self.schedule_sync();
        Ok(Appended {
            base_offset: offset,
            last_offset: offset,
            log_append_time: -1,
            duplicate: false,
        })
    }

    /// Adds an aborted transaction to the index of the segment that holds its marker.
    fn note_aborted(&self, segment_base: i64, ended: &Ended) -> io::Result<()> {
        let aborted = Aborted {
            producer_id: ended.producer_id,
            first_offset: ended.first_offset,
            last_offset: ended.last_offset,
            last_stable_offset: self.watermarks.stable_without(ended),
        };
        let path = file_path(&self.directory, segment_base, TXN_INDEX);
        let new = !self.world.disk.exists(&path);
        let file: Arc<dyn DiskFile> = Arc::from(self.world.disk.create(&path)?);
        let length = file.length()?;
        if let Err(error) = file.write_at(&aborted.encode(), length) {
            file.set_len(length)?;
            return Err(error);
        }
        self.mark_written(&file);
        if new {
            self.mark_names();
        }
        write_lock(&self.aborted).push(aborted);
        Ok(())
    }

    fn marker_error(
        &self,
        producer_id: i64,
        epoch: i16,
        coordinator_epoch: i32,
        refusal: MarkerRefusal,
    ) -> AppendError {
        let log = self.name.clone();
        match refusal {
            MarkerRefusal::OldEpoch { current } => {
                AppendError::InvalidProducerEpoch { log, producer_id, actual: epoch, current }
            }
            MarkerRefusal::OldCoordinator { current } => {
                AppendError::CoordinatorFenced { log, actual: coordinator_epoch, current }
            }
        }
    }
}
