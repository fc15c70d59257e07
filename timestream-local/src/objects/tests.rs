use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use super::{Address, ObjectError, ObjectRoot};

/// A directory that goes with the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> (Scratch, ObjectRoot) {
        let path = std::env::temp_dir().join(format!("timestream-objects-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        let root = ObjectRoot::open(&path.join("root")).unwrap();
        (Scratch(path), root)
    }

    fn root(&self) -> PathBuf {
        self.0.join("root")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn address(key: &str) -> Address {
    Address::new("bucket", key).unwrap()
}

fn read(root: &ObjectRoot, key: &str) -> Result<String, ObjectError> {
    let mut text = String::new();
    root.read(&address(key))?.read_to_string(&mut text).unwrap();
    Ok(text)
}

fn files(folder: &Path) -> Vec<String> {
    let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.collect()
}

#[test]
fn an_object_is_there_when_it_is_whole_and_is_not_overwritten() {
    let (scratch, root) = Scratch::new("whole");
    let mut object = root.create(address("a/b.txt")).unwrap();
    object.write_all(b"1").unwrap();
    assert!(matches!(read(&root, "a/b.txt"), Err(ObjectError::Missing(_))));
    object.finish().unwrap();
    assert_eq!(read(&root, "a/b.txt").unwrap(), "1");
    assert!(matches!(root.put(address("a/b.txt"), b"2"), Err(ObjectError::Exists(_))));
    assert_eq!(read(&root, "a/b.txt").unwrap(), "1");
    drop(root.create(address("a/c.txt")).unwrap());
    assert_eq!(files(&scratch.root().join("bucket/a")), ["b.txt"]);
}

#[test]
fn symbolic_links_lead_nowhere() {
    let (scratch, root) = Scratch::new("links");
    let outside = scratch.0.join("outside");
    std::fs::create_dir_all(outside.join("sub")).unwrap();
    std::fs::write(outside.join("secret"), "secret").unwrap();
    root.put(address("a/real"), b"real").unwrap();
    let bucket = scratch.root().join("bucket");
    std::os::unix::fs::symlink(&outside, bucket.join("link")).unwrap();
    std::os::unix::fs::symlink(outside.join("secret"), bucket.join("a/file")).unwrap();
    std::os::unix::fs::symlink(&outside, scratch.root().join("linked")).unwrap();
    for key in ["link/secret", "a/file", "link/new"] {
        assert!(read(&root, key).is_err(), "{key}");
    }
    assert!(root.put(address("link/new"), b"x").is_err());
    assert!(root.put(address("link/sub/new"), b"x").is_err());
    assert!(root.put(Address::new("linked", "new").unwrap(), b"x").is_err());
    assert!(matches!(root.put(address("a/file"), b"x"), Err(ObjectError::Exists(_))));
    assert_eq!(std::fs::read_to_string(outside.join("secret")).unwrap(), "secret");
    assert_eq!(files(&outside).len(), 2);
    let listed = root.list("bucket", "", 10).unwrap();
    assert_eq!(listed.iter().map(|listed| listed.address.key()).collect::<Vec<_>>(), ["a/real"]);
}

#[test]
fn a_list_has_the_keys_that_begin_with_the_prefix_in_order() {
    let (_scratch, root) = Scratch::new("list");
    for key in ["data/b.csv", "data/a.csv", "data/sub/c.csv", "data.csv", "other/d.csv"] {
        root.put(address(key), b"12").unwrap();
    }
    let part = root.create(address("data/part")).unwrap();
    let keys = |prefix: &str| {
        let listed = root.list("bucket", prefix, 5).unwrap();
        assert!(listed.iter().all(|listed| listed.bytes == 2));
        listed.iter().map(|listed| listed.address.key().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(keys("data"), ["data.csv", "data/a.csv", "data/b.csv", "data/sub/c.csv"]);
    assert_eq!(keys("data/"), ["data/a.csv", "data/b.csv", "data/sub/c.csv"]);
    assert_eq!(keys("data/s"), ["data/sub/c.csv"]);
    assert_eq!(keys("").len(), 5);
    assert_eq!(keys("none"), [""; 0]);
    drop(part);
    assert!(root.list("nobucket", "", 5).unwrap().is_empty());
    assert!(matches!(root.list("bucket", "", 4), Err(ObjectError::TooMany { .. })));
    assert!(root.list("bucket", "../", 5).is_err());
    assert!(root.list("..", "", 5).is_err());
}

#[test]
fn a_folder_or_a_pipe_is_no_object() {
    let (scratch, root) = Scratch::new("folder");
    root.put(address("a/b"), b"x").unwrap();
    assert!(matches!(read(&root, "a"), Err(ObjectError::Missing(_))));
    assert!(root.put(address("a/b/c"), b"x").is_err());
    assert!(matches!(root.put(address("a"), b"x"), Err(ObjectError::Exists(_))));
    let pipe = scratch.root().join("bucket/pipe");
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    assert!(matches!(read(&root, "pipe"), Err(ObjectError::Missing(_))));
}
