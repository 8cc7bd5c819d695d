//! What the page's structure depends on, as one short text: while it stays, texts are replaced in
//! place; when it changes, the main part is fetched anew.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use crate::model::{Part, Snapshot};

/// The shape of a snapshot.
pub(crate) fn of(snapshot: &Snapshot) -> String {
    let mut hasher = DefaultHasher::new();
    for part in [&snapshot.engine, &snapshot.kafka, &snapshot.store] {
        part_shape(part, &mut hasher);
    }
    snapshot.away.hash(&mut hasher);
    for stream in &snapshot.streams {
        (&stream.name, &stream.file, &stream.source, &stream.sink).hash(&mut hasher);
        stream.partitions.len().hash(&mut hasher);
        stream.position_note.hash(&mut hasher);
        stream.lag.is_some().hash(&mut hasher);
        if let Some(error) = &stream.error {
            (&error.message, &error.hint).hash(&mut hasher);
        }
    }
    for stream in &snapshot.streams {
        for end in [&stream.source, &stream.sink] {
            snapshot.topics.get(&end.name).map(|topic| topic.partitions).hash(&mut hasher);
        }
    }
    format!("{:016x}", hasher.finish())
}

fn part_shape(part: &Part, hasher: &mut DefaultHasher) {
    part.address.hash(hasher);
    std::mem::discriminant(&part.reach).hash(hasher);
}
