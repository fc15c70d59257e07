//! The files that the web configuration comes from. All are read at once, so that a change in any of them is seen.

use std::io::Read;
use std::path::{Path, PathBuf};

use ring::digest;
use zeroize::Zeroizing;

use super::file::{Secret, TlsServerConfig, WebConfigFile, bad};
use crate::error::Error;
use crate::http::tls::TlsFiles;
use crate::http::tls::{ClientAuth, Pem, TlsSettings};

/// A larger file is refused.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// Where the web configuration is.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// `--web.config.file`.
    pub config_file: Option<PathBuf>,
    /// `--tls-certificate` and `--tls-key`.
    pub tls: Option<TlsFiles>,
}

/// What the files hold.
pub(super) struct Content {
    pub(super) file: WebConfigFile,
    pub(super) tls: Option<TlsSettings>,
}

/// Tells one state of the files from another.
pub(super) type Fingerprint = [u8; 32];

impl Sources {
    /// Reads all files. The fingerprint is of their content, or of the error.
    pub(super) fn read(&self) -> (Fingerprint, Result<Content, Error>) {
        let mut reader = Reader { context: digest::Context::new(&digest::SHA256) };
        let content = self.read_with(&mut reader);
        if let Err(error) = &content {
            reader.context.update(error.to_string().as_bytes());
        }
        let mut fingerprint = [0; 32];
        fingerprint.copy_from_slice(reader.context.finish().as_ref());
        (fingerprint, content)
    }

    fn read_with(&self, reader: &mut Reader) -> Result<Content, Error> {
        let file = match &self.config_file {
            None => WebConfigFile::default(),
            Some(path) => {
                let bytes = reader.read(path, "WebConfigError")?;
                let text = std::str::from_utf8(&bytes).map_err(|_| bad(format!("{} is not UTF-8", path.display())))?;
                WebConfigFile::parse(text).map_err(|error| in_file(path, &error))?
            }
        };
        let tls = match (&self.tls, &file.tls_server_config, &self.config_file) {
            (Some(_), Some(_), _) => {
                return Err(
                    bad("--tls-certificate and tls_server_config of --web.config.file are both set".to_owned()),
                );
            }
            (Some(files), None, _) => {
                let certificate = reader.pem(&files.certificate)?;
                Some(TlsSettings::new(certificate, reader.pem(&files.key)?))
            }
            (None, Some(config), Some(path)) => {
                Some(tls_settings(config, path, reader).map_err(|error| in_file(path, &error))?)
            }
            (None, ..) => None,
        };
        Ok(Content { file, tls })
    }
}

fn in_file(path: &Path, error: &Error) -> Error {
    let message = format!("{}: {}", path.display(), error.message());
    Error::new(error.kind(), error.name().to_owned(), message)
}

fn tls_settings(config: &TlsServerConfig, path: &Path, reader: &mut Reader) -> Result<TlsSettings, Error> {
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut pem = |name: &'static str, inline: Option<&str>, file: &Option<String>| {
        let inline = inline.filter(|text| !text.is_empty());
        match (inline, file.as_deref().filter(|file| !file.is_empty())) {
            (Some(_), Some(_)) => Err(bad(format!("{name} and {name}_file are both set"))),
            (Some(text), None) => {
                let content = Zeroizing::new(text.as_bytes().to_vec());
                Ok(Some(Pem { name: format!("tls_server_config.{name}"), content }))
            }
            // A relative path begins at the file's folder, as in the toolkit.
            (None, Some(file)) => reader.pem(&folder.join(file)).map(Some),
            (None, None) => Ok(None),
        }
    };
    let missing = |name: &str| bad(format!("tls_server_config has no {name}_file"));
    let certificate = pem("cert", config.cert.as_deref(), &config.cert_file)?.ok_or_else(|| missing("cert"))?;
    let key = config.key.as_ref().map(|Secret(key)| key.as_str());
    let key = pem("key", key, &config.key_file)?.ok_or_else(|| missing("key"))?;
    let mut settings = TlsSettings::new(certificate, key);
    settings.client_auth = config.client_auth()?;
    if settings.client_auth != ClientAuth::None {
        settings.client_ca = pem("client_ca", config.client_ca.as_deref(), &config.client_ca_file)?;
    }
    settings.allowed_clients = config.client_allowed_sans.clone().unwrap_or_default();
    settings.versions = config.versions()?;
    settings.cipher_suites = config.cipher_suites()?;
    settings.groups = config.groups()?;
    settings.prefer_server_order = config.prefer_server_cipher_suites.unwrap_or(true);
    Ok(settings)
}

struct Reader {
    context: digest::Context,
}

impl Reader {
    fn read(&mut self, path: &Path, error_name: &'static str) -> Result<Zeroizing<Vec<u8>>, Error> {
        let failed =
            |why: &dyn std::fmt::Display| Error::invalid(error_name, format!("can't read {}: {why}", path.display()));
        let file = std::fs::File::open(path).map_err(|error| failed(&error))?;
        let mut bytes = Zeroizing::new(Vec::new());
        file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(|error| failed(&error))?;
        if bytes.len() as u64 > MAX_FILE_BYTES {
            return Err(failed(&format_args!("it is over {MAX_FILE_BYTES} bytes")));
        }
        self.context.update(&(bytes.len() as u64).to_le_bytes());
        self.context.update(&bytes);
        Ok(bytes)
    }

    fn pem(&mut self, path: &Path) -> Result<Pem, Error> {
        Ok(Pem { name: path.display().to_string(), content: self.read(path, "TlsError")? })
    }
}
