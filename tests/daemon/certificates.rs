//! Authorities and certificates of the tests, written to files.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose, date_time_ymd};

/// An authority, and where its certificate is.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub file: PathBuf,
    pem: String,
}

/// Where a certificate and its key are.
pub struct Identity {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

fn authority_params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

impl Authority {
    /// A root in `folder`.
    pub fn root(folder: &Path, name: &str) -> Self {
        let (params, key) = (authority_params(name), KeyPair::generate().unwrap());
        let pem = params.self_signed(&key).unwrap().pem();
        Authority::written(folder, name, Issuer::new(params, key), pem)
    }

    /// An authority that this one vouches for.
    pub fn intermediate(&self, folder: &Path, name: &str) -> Self {
        let (params, key) = (authority_params(name), KeyPair::generate().unwrap());
        let pem = params.signed_by(&key, &self.issuer).unwrap().pem();
        Authority::written(folder, name, Issuer::new(params, key), pem)
    }

    fn written(folder: &Path, name: &str, issuer: Issuer<'static, KeyPair>, pem: String) -> Self {
        let file = folder.join(format!("{name}.pem"));
        std::fs::write(&file, &pem).unwrap();
        Authority { issuer, file, pem }
    }

    /// A certificate for `names`, its key of any kind that rcgen reads, and the chain up to this authority.
    pub fn certify(&self, folder: &Path, file: &str, names: &[&str]) -> Identity {
        self.certify_with(folder, file, names, &KeyPair::generate().unwrap(), |_| ())
    }

    /// The same, expired.
    pub fn certify_expired(&self, folder: &Path, file: &str, names: &[&str]) -> Identity {
        self.certify_with(folder, file, names, &KeyPair::generate().unwrap(), |params| {
            params.not_before = date_time_ymd(2020, 1, 1);
            params.not_after = date_time_ymd(2021, 1, 1);
        })
    }

    /// The same, for so many hours from now on.
    pub fn certify_for(&self, folder: &Path, file: &str, names: &[&str], hours: u64) -> Identity {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        self.certify_with(folder, file, names, &KeyPair::generate().unwrap(), |params| {
            params.not_after = date_time_ymd(1970, 1, 1) + now + Duration::from_secs(hours * 3600);
        })
    }

    fn certify_with(
        &self,
        folder: &Path,
        file: &str,
        names: &[&str],
        key: &KeyPair,
        change: impl FnOnce(&mut CertificateParams),
    ) -> Identity {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.distinguished_name.push(DnType::CommonName, file);
        params.not_before = date_time_ymd(2024, 1, 1);
        params.not_after = date_time_ymd(2044, 1, 1);
        change(&mut params);
        let certificate = params.signed_by(key, &self.issuer).unwrap();
        let identity =
            Identity { certificate: folder.join(format!("{file}.crt")), key: folder.join(format!("{file}.key")) };
        std::fs::write(&identity.certificate, certificate.pem() + &self.pem).unwrap();
        std::fs::write(&identity.key, key.serialize_pem()).unwrap();
        identity
    }
}

impl Identity {
    /// The flags that serve HTTPS with it.
    pub fn flags(&self) -> [String; 2] {
        [format!("--tls-certificate={}", self.certificate.display()), format!("--tls-key={}", self.key.display())]
    }
}
