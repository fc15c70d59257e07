//! A file whose bytes go to the disk while more are written, so that its end needn't wait for all of them.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

use crate::error::Error;

/// Bytes after which what is written goes to the disk.
const AT_ONCE: usize = 8 << 20;

/// A file under way.
#[derive(Debug)]
pub(super) struct Disk {
    file: Arc<File>,
    /// Bytes since the last call.
    written: usize,
    syncing: Option<Syncing>,
}

/// A thread that calls the disk, and what asks it to. It ends when nobody may ask any more.
#[derive(Debug)]
struct Syncing {
    ask: SyncSender<()>,
    thread: JoinHandle<io::Result<()>>,
}

/// A whole file that may not be on the disk yet.
#[derive(Debug)]
pub(super) struct Ending(Option<JoinHandle<io::Result<()>>>);

impl Disk {
    /// Makes the file.
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        Ok(Disk { file: Arc::new(File::create(path)?), written: 0, syncing: None })
    }

    /// Ends the file.
    pub(super) fn finish(self) -> io::Result<Ending> {
        match self.syncing {
            Some(Syncing { thread, .. }) => Ok(Ending(Some(thread))),
            // A small one.
            None => self.file.sync_all().map(|()| Ending(None)),
        }
    }

    fn start(&self) -> Syncing {
        let (ask, asked) = sync_channel(1);
        let file = Arc::clone(&self.file);
        let thread = std::thread::spawn(move || {
            asked.iter().try_for_each(|()| file.sync_data())?;
            file.sync_all()
        });
        Syncing { ask, thread }
    }
}

impl Write for Disk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = (&*self.file).write(bytes)?;
        self.written += written;
        if self.written >= AT_ONCE {
            self.written = 0;
            let started = self.syncing.take().unwrap_or_else(|| self.start());
            // If it is asked already, it comes to these bytes, too. What fails is told at the end.
            let _ = started.ask.try_send(());
            self.syncing = Some(started);
        }
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Ending {
    /// Waits until the file is on the disk.
    pub(super) fn wait(self) -> io::Result<()> {
        let Some(thread) = self.0 else { return Ok(()) };
        thread.join().unwrap_or_else(|_| Err(io::Error::other("writing to the disk was aborted")))
    }
}

/// An error of the system's, for which no retry helps soon.
pub(super) fn failed(path: &Path, error: &std::io::Error) -> Error {
    Error::invalid("ExportFileError", format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_any_size_are_whole() {
        let folder = tempfile::tempdir().unwrap();
        for size in [0, 10, AT_ONCE, 5 * AT_ONCE + 7] {
            let path = folder.path().join(size.to_string());
            let mut disk = Disk::create(&path).unwrap();
            let bytes: Vec<u8> = (0..size).map(|index| (index / 7) as u8).collect();
            bytes.chunks(100_000).for_each(|part| disk.write_all(part).unwrap());
            assert_eq!(disk.syncing.is_some(), size >= AT_ONCE);
            disk.finish().unwrap().wait().unwrap();
            assert!(std::fs::read(&path).unwrap() == bytes);
        }
    }

    #[test]
    fn what_the_disk_refuses_is_told_at_the_end() {
        let mut disk = Disk::create(Path::new("/dev/null")).unwrap();
        disk.write_all(&vec![0; AT_ONCE]).unwrap();
        // That can't be synced.
        assert!(disk.finish().unwrap().wait().is_err());
    }
}
