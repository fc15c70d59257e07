//! The addresses of objects: `s3://bucket/key`.

use std::fmt;

use super::failure::ObjectError;

/// The longest key, in bytes (Amazon S3's).
const MAX_KEY: usize = 1024;
/// The longest name in a folder, in bytes, as most file systems have it.
const MAX_NAME: usize = 255;
/// How the names of files begin that are not whole yet.
pub(super) const PART: &str = ".timestream-part-";

/// Where an object is: a bucket, and a key whose parts are names of folders and, at last, of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    bucket: String,
    key: String,
}

impl Address {
    /// The address of a key in a bucket.
    ///
    /// # Errors
    /// A bucket or key that S3 does not take, or that can't be a path below the root: one with `.`, `..`, or an empty
    /// part in it.
    pub(crate) fn new(bucket: &str, key: &str) -> Result<Address, ObjectError> {
        let address = Address { bucket: bucket.to_owned(), key: key.to_owned() };
        address.check()?;
        Ok(address)
    }

    /// Reads a folder from `s3://bucket/key/`. The last slash may be missing, and so may the key.
    pub(crate) fn folder(text: &str) -> Result<Folder, ObjectError> {
        let invalid = |why| ObjectError::Address { address: text.to_owned(), why };
        let rest = text.strip_prefix("s3://").ok_or_else(|| invalid("it does not begin with s3://"))?;
        let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
        Folder::new(bucket, key)
    }

    /// The name of the bucket.
    pub(crate) fn bucket(&self) -> &str {
        &self.bucket
    }

    /// The key within the bucket.
    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    /// The names of the folders, from the bucket on, and that of the file.
    pub(super) fn parts(&self) -> (Vec<&str>, &str) {
        let (folders, file) = self.key.rsplit_once('/').map_or((None, self.key.as_str()), |(a, b)| (Some(a), b));
        let folders = folders.into_iter().flat_map(|folders| folders.split('/'));
        (std::iter::once(self.bucket.as_str()).chain(folders).collect(), file)
    }

    fn check(&self) -> Result<(), ObjectError> {
        let invalid = |why| ObjectError::Address { address: self.to_string(), why };
        if !is_bucket(&self.bucket) {
            return Err(invalid("the bucket's name is not one of S3"));
        }
        if self.key.is_empty() || self.key.len() > MAX_KEY {
            return Err(invalid("a key has 1 to 1024 bytes"));
        }
        check_parts(&self.key).map_err(invalid)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}/{}", self.bucket, self.key)
    }
}

/// A bucket, or a folder in it: where objects are put.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Folder {
    bucket: String,
    /// Empty, or with a slash at its end.
    prefix: String,
}

impl Folder {
    /// The folder of a prefix in a bucket. The prefix may be empty, and may end with a slash.
    pub(crate) fn new(bucket: &str, prefix: &str) -> Result<Folder, ObjectError> {
        let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
        let slash = if prefix.is_empty() { "" } else { "/" };
        let folder = Folder { bucket: bucket.to_owned(), prefix: format!("{prefix}{slash}") };
        // Any name will do to check what is before it.
        folder.object("x").map(|_| folder)
    }

    /// The address of an object in the folder, by its name or by its path from here.
    pub(crate) fn object(&self, path: &str) -> Result<Address, ObjectError> {
        Address::new(&self.bucket, &format!("{}{path}", self.prefix))
    }
}

/// Whether S3 takes a name of a bucket: 3 to 63 lower-case letters, digits, dots and hyphens (S3BucketName of the service
/// model), and no two dots in a row.
pub(crate) fn is_bucket(name: &str) -> bool {
    let legal = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = name.as_bytes();
    (3..=63).contains(&bytes.len())
        && bytes.iter().all(|b| legal(b) || matches!(b, b'.' | b'-'))
        && bytes.first().is_some_and(legal)
        && bytes.last().is_some_and(legal)
        && !name.contains("..")
}

fn check_parts(key: &str) -> Result<(), &'static str> {
    for part in key.split('/') {
        match part {
            "" => return Err("a part of the key is empty"),
            "." | ".." => return Err("a part of the key is . or .."),
            _ if part.len() > MAX_NAME => return Err("a part of the key is longer than 255 bytes"),
            _ if part.contains('\0') => return Err("a part of the key has a NUL"),
            _ if part.starts_with(PART) => return Err("a part of the key begins as files that are not whole do"),
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_with_and_without_a_key() {
        let object = |text: &str| Address::folder(text).and_then(|folder| folder.object("r/f.csv"));
        for text in ["s3://bucket/a/b", "s3://bucket/a/b/"] {
            let address = object(text).unwrap();
            assert_eq!(address.to_string(), "s3://bucket/a/b/r/f.csv");
            assert_eq!(address.parts(), (vec!["bucket", "a", "b", "r"], "f.csv"));
        }
        for text in ["s3://bucket", "s3://bucket/"] {
            assert_eq!(object(text).unwrap().parts(), (vec!["bucket", "r"], "f.csv"));
        }
    }

    #[test]
    fn what_would_leave_the_root_is_refused() {
        let long = format!("s3://bucket/{}", "x".repeat(256));
        let longer = format!("s3://bucket/{}", "x/".repeat(520));
        for text in [
            "",
            "s3://",
            "s3:///etc/passwd",
            "s3://../x",
            "s3://bucket/../x",
            "s3://bucket/a/../../x",
            "s3://bucket/./x",
            "s3://bucket//x",
            "s3://bucket/x//",
            "s3://bucket/a\0b",
            "s3://bucket/.timestream-part-1",
            "s3://Bucket/x",
            "s3://bu/x",
            "s3://a..b/x",
            "s3://-bucket/x",
            "file:///etc",
            "/etc",
            &long,
            &longer,
        ] {
            assert!(Address::folder(text).is_err(), "{text:?}");
        }
        for key in ["", "a/", "/a", "..", "a/.."] {
            assert!(Address::new("bucket", key).is_err(), "{key:?}");
        }
    }
}
