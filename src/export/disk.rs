//! A file whose bytes go to the disk while more are written, so that its end needn't wait for all of them.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::thread::{self, JoinHandle};

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

    fn start(&self) -> io::Result<Syncing> {
        let (ask, asked) = sync_channel(1);
        let file = Arc::clone(&self.file);
        let thread = thread::Builder::new().name("export-sync".into()).spawn(move || {
            asked.iter().try_for_each(|()| file.sync_data())?;
            file.sync_all()
        })?;
        Ok(Syncing { ask, thread })
    }
}

impl Write for Disk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = (&*self.file).write(bytes)?;
        self.written += written;
        if self.written >= AT_ONCE {
            self.written = 0;
            let started = match self.syncing.take() {
                Some(started) => started,
                None => self.start()?,
            };
            match started.ask.try_send(()) {
                // If it is asked already, it comes to these bytes, too.
                Ok(()) | Err(TrySendError::Full(())) => self.syncing = Some(started),
                // It ends before the file does only if the disk refuses.
                Err(TrySendError::Disconnected(())) => {
                    return Err(told_by(started.thread).err().unwrap_or_else(aborted));
                }
            }
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
        self.0.map_or(Ok(()), told_by)
    }
}

fn told_by(thread: JoinHandle<io::Result<()>>) -> io::Result<()> {
    thread.join().unwrap_or_else(|_| Err(aborted()))
}

fn aborted() -> io::Error {
    io::Error::other("writing to the disk was aborted")
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
    fn what_the_disk_refuses_is_told_by_the_next_bytes_or_at_the_end() {
        let refused = || {
            let mut disk = Disk::create(Path::new("/dev/null")).unwrap();
            disk.write_all(&vec![0; AT_ONCE]).unwrap();
            // That can't be synced.
            while !disk.syncing.as_ref().unwrap().thread.is_finished() {
                thread::yield_now();
            }
            disk
        };
        let at_end = refused().finish().unwrap().wait().unwrap_err();
        let by_more = refused().write_all(&vec![0; AT_ONCE]).unwrap_err();
        assert_eq!((by_more.kind(), by_more.to_string()), (at_end.kind(), at_end.to_string()));
    }
}
