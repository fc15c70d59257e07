//! A server with a directory in the place of S3, and what is in it.

use std::path::{Path, PathBuf};

use crate::server::Running;

/// A server with a table `db1.metrics` and a directory in the place of S3.
pub async fn start() -> (Running, Objects) {
    let mut root = PathBuf::new();
    let running = Running::with(|config| {
        root = config.data_dir.with_file_name("objects");
        config.object_root = Some(root.clone());
    });
    let running = running.await.table().await;
    (running, Objects(root))
}

/// The directory.
pub struct Objects(pub PathBuf);

impl Objects {
    /// The file of an object.
    pub fn path(&self, address: &str) -> PathBuf {
        self.0.join(address.strip_prefix("s3://").unwrap())
    }

    /// Writes a file as somebody else than the server does.
    pub fn put(&self, address: &str, text: &str) {
        let path = self.path(address);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub fn json(&self, address: &str) -> serde_json::Value {
        serde_json::from_slice(&std::fs::read(self.path(address)).unwrap()).unwrap()
    }

    /// All files, by their paths from the directory.
    pub fn all(&self) -> Vec<String> {
        let (mut left, mut files) = (vec![self.0.clone()], Vec::new());
        while let Some(folder) = left.pop() {
            for entry in std::fs::read_dir(folder).into_iter().flatten() {
                let path = entry.unwrap().path();
                if path.is_dir() { left.push(path) } else { files.push(shown(&self.0, &path)) }
            }
        }
        files.sort();
        files
    }
}

fn shown(root: &Path, path: &Path) -> String {
    path.strip_prefix(root).unwrap().to_str().unwrap().to_owned()
}
