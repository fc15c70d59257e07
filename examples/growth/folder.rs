//! Folders of data: their bytes, and copies.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Blocks of a file's metadata (stat(2), st_blocks).
const BLOCK: u64 = 512;

/// Bytes of all files: what they hold, or take on the disk where that is more.
pub fn bytes(folder: &Path) -> f64 {
    entries(folder).map(|entry| if entry.is_dir() { bytes(&entry) } else { bytes_of_file(&entry) }).sum()
}

fn bytes_of_file(file: &Path) -> f64 {
    let metadata = std::fs::metadata(file).unwrap();
    metadata.len().max(metadata.blocks() * BLOCK) as f64
}

pub fn copy(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for entry in entries(from) {
        let to = to.join(entry.file_name().unwrap());
        if entry.is_dir() {
            copy(&entry, &to);
        } else {
            std::fs::copy(&entry, to).unwrap();
        }
    }
}

pub fn entries(folder: &Path) -> impl Iterator<Item = std::path::PathBuf> {
    std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path())
}
