//! Kafka's checkpoint files: a version, a count, and lines of numbers.
//!
//! `recovery-point-offset-checkpoint` and `log-start-offset-checkpoint` hold `topic partition
//! offset` lines; `leader-epoch-checkpoint` holds `epoch start-offset` lines. All are replaced as a
//! whole, so a reader sees the old file or the new one.

use runtime::Disk;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use std::path::Path;

/// Reads offsets by partition name (`<topic>-<partition>`). A missing file is empty.
///
/// # Errors
/// What the disk says; `InvalidData` if the file is not a checkpoint.
pub(crate) fn load_offsets(disk: &dyn Disk, path: &Path) -> io::Result<BTreeMap<String, i64>> {
    let mut offsets = BTreeMap::new();
    for line in load_lines(disk, path)? {
        let mut words = line.split(' ');
        let (Some(topic), Some(partition), Some(offset), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(malformed(path, &line));
        };
        let offset = offset.parse().map_err(|_| malformed(path, &line))?;
        offsets.insert(format!("{topic}-{partition}"), offset);
    }
    Ok(offsets)
}

/// Replaces the offsets by partition name.
///
/// # Errors
/// What the disk says; the old file is then still there.
pub(crate) fn save_offsets(
    disk: &dyn Disk,
    path: &Path,
    offsets: &BTreeMap<String, i64>,
) -> io::Result<()> {
    let lines = offsets.iter().filter_map(|(name, offset)| {
        let (topic, partition) = name.rsplit_once('-')?;
        Some(format!("{topic} {partition} {offset}"))
    });
    save_lines(disk, path, lines)
}

/// Reads `(epoch, start offset)` lines in file order. A missing file is empty.
///
/// # Errors
/// As [`load_offsets`].
pub(crate) fn load_epochs(disk: &dyn Disk, path: &Path) -> io::Result<Vec<(i32, i64)>> {
    let parse = |line: &String| {
        let (epoch, start) = line.split_once(' ')?;
        Some((epoch.parse().ok()?, start.parse().ok()?))
    };
    load_lines(disk, path)?
        .iter()
        .map(|line| parse(line).ok_or_else(|| malformed(path, line)))
        .collect()
}

/// Replaces the `(epoch, start offset)` lines.
///
/// # Errors
/// What the disk says; the old file is then still there.
pub(crate) fn save_epochs(disk: &dyn Disk, path: &Path, epochs: &[(i32, i64)]) -> io::Result<()> {
    save_lines(disk, path, epochs.iter().map(|(epoch, start)| format!("{epoch} {start}")))
}

fn load_lines(disk: &dyn Disk, path: &Path) -> io::Result<Vec<String>> {
    let bytes = match disk.read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        result => result?,
    };
    let text = String::from_utf8(bytes).map_err(|_| malformed(path, "not text"))?;
    let mut lines = text.lines();
    match lines.next() {
        Some("0") => {}
        other => return Err(malformed(path, other.unwrap_or("empty file"))),
    }
    let count: usize = lines
        .next()
        .and_then(|line| line.parse().ok())
        .ok_or_else(|| malformed(path, "no count"))?;
    let lines: Vec<_> = lines.filter(|line| !line.is_empty()).map(str::to_owned).collect();
    if lines.len() != count {
        return Err(malformed(path, "the count is not the number of lines"));
    }
    Ok(lines)
}

fn save_lines(disk: &dyn Disk, path: &Path, lines: impl Iterator<Item = String>) -> io::Result<()> {
    let lines: Vec<_> = lines.collect();
    let mut text = format!("0\n{}\n", lines.len());
    for line in lines {
        // Writing to a String cannot fail.
        let _infallible = writeln!(text, "{line}");
    }
    disk.replace(path, text.as_bytes())
}

fn malformed(path: &Path, what: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("{} is not a checkpoint of version 0: {what}", path.display()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use runtime::FaultDisk;

    #[test]
    fn offsets_and_epochs_are_loaded_as_saved() {
        let disk = FaultDisk::new();
        disk.create_dir_all(Path::new("/d")).unwrap();
        let path = Path::new("/d/recovery-point-offset-checkpoint");
        let offsets = BTreeMap::from([("a-b-0".to_owned(), 7), ("c-12".to_owned(), 0)]);
        assert!(load_offsets(&disk, path).unwrap().is_empty());
        save_offsets(&disk, path, &offsets).unwrap();
        assert_eq!(load_offsets(&disk, path).unwrap(), offsets);
        let text = (&disk as &dyn Disk).read(path).unwrap();
        assert_eq!(text, b"0\n2\na-b 0 7\nc 12 0\n");

        let path = Path::new("/d/leader-epoch-checkpoint");
        save_epochs(&disk, path, &[(0, 0), (2, 9)]).unwrap();
        assert_eq!(load_epochs(&disk, path).unwrap(), [(0, 0), (2, 9)]);
    }

    #[test]
    fn a_file_that_is_no_checkpoint_is_refused() {
        let disk = FaultDisk::new();
        disk.create_dir_all(Path::new("/d")).unwrap();
        let path = Path::new("/d/c");
        for text in ["", "1\n0\n", "0\nx\n", "0\n2\na 0 1\n", "0\n1\na 0\n"] {
            (&disk as &dyn Disk).replace(path, text.as_bytes()).unwrap();
            assert!(load_offsets(&disk, path).is_err(), "{text:?}");
        }
    }
}
