//! The users of the web configuration: basic auth against bcrypt hashes.
//!
//! A bcrypt check takes a tenth of a second of a core by design. So few run at once, few wait, and the outcome of each is
//! remembered under a keyed digest, which does not give the password away.

use std::collections::BTreeMap;
use std::sync::Arc;

use moka::sync::Cache;
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use super::file::{Secret, bad};
use crate::error::{Error, Kind};
use crate::http::basic_auth::BasicAuth;

/// A hash with a higher cost would take many seconds to check, and is surely a mistake.
const MAX_COST: u32 = 16;
/// Checks that may wait for their turn; further callers are told to try again.
const MAX_WAITING: usize = 64;
/// How many good pairs are remembered, and how many bad ones.
const MAX_REMEMBERED: u64 = 1024;

/// A digest of user, password and hash.
type Digest = [u8; 32];

/// Checks passwords, also across changes of the configuration.
pub(super) struct PasswordChecks {
    key: hmac::Key,
    good: Cache<Digest, ()>,
    bad: Cache<Digest, ()>,
    turns: Arc<Semaphore>,
    places: Semaphore,
}

impl std::fmt::Debug for PasswordChecks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PasswordChecks(..)")
    }
}

/// Who may call.
#[derive(Debug)]
pub(super) struct Users {
    hashes: BTreeMap<String, Hash>,
    /// The highest cost of a hash.
    highest: u32,
    checks: Arc<PasswordChecks>,
}

#[derive(Debug, Clone)]
struct Hash {
    text: Secret,
    cost: u32,
}

impl Hash {
    /// # Errors
    /// It is not bcrypt.
    fn new(text: Secret) -> Result<Self, bcrypt::BcryptError> {
        let parts: bcrypt::HashParts = text.0.parse()?;
        Ok(Hash { text, cost: parts.get_cost() })
    }

    /// A hash of no user. Any salt and digest will do, since the outcome of its check does not count; a dot is a zero.
    fn decoy(cost: u32) -> Self {
        Hash { text: Secret(Zeroizing::new(format!("$2b${cost:02}${}", ".".repeat(53)))), cost }
    }
}

impl PasswordChecks {
    /// # Errors
    /// The system has no random numbers.
    pub(super) fn new() -> Result<Self, Error> {
        let mut key = Zeroizing::new([0; 32]);
        SystemRandom::new().fill(key.as_mut()).map_err(|_| bad("the system gives no random numbers".to_owned()))?;
        // One core stays free for callers who are known already.
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let turns = (cores / 2).max(1);
        Ok(PasswordChecks {
            key: hmac::Key::new(hmac::HMAC_SHA256, key.as_ref()),
            good: Cache::new(MAX_REMEMBERED),
            bad: Cache::new(MAX_REMEMBERED),
            turns: Arc::new(Semaphore::new(turns)),
            places: Semaphore::new(turns + MAX_WAITING),
        })
    }

    fn digest(&self, parts: [&str; 3]) -> Digest {
        let mut context = hmac::Context::with_key(&self.key);
        for part in parts {
            context.update(&(part.len() as u64).to_le_bytes());
            context.update(part.as_bytes());
        }
        let mut digest = [0; 32];
        digest.copy_from_slice(context.sign().as_ref());
        digest
    }

    fn remembered(&self, digest: &Digest) -> Option<bool> {
        if self.good.contains_key(digest) {
            return self.good.get(digest).map(|()| true);
        }
        self.bad.get(digest).map(|()| false)
    }

    /// Whether `hash` is that of the password. `is_known` is false if the hash is a decoy. The password is also checked
    /// against `beside`, only to take as much time.
    async fn check(&self, auth: &BasicAuth, hash: Hash, beside: Vec<Hash>, is_known: bool) -> Result<bool, Error> {
        let digest = self.digest([auth.user(), auth.password(), &hash.text.0]);
        if let Some(outcome) = self.remembered(&digest) {
            return Ok(outcome);
        }
        let busy = |_| Error::new(Kind::Unavailable, "AuthenticationBusy", "too many passwords wait to be checked");
        let _place = self.places.try_acquire().map_err(busy)?;
        let turn = self.turns.clone().acquire_owned().await.map_err(|_| stopped())?;
        // A caller that sent many requests at once is checked only once.
        if let Some(outcome) = self.remembered(&digest) {
            return Ok(outcome);
        }
        let password = Zeroizing::new(auth.password().to_owned());
        let check = move || {
            let check = |hash: &Hash| bcrypt::verify(password.as_bytes(), &hash.text.0).unwrap_or(false);
            let matches = check(&hash);
            for hash in &beside {
                check(hash);
            }
            drop(turn);
            matches
        };
        let matches = tokio::task::spawn_blocking(check).await.map_err(|_| stopped())? && is_known;
        let remembered = if matches { &self.good } else { &self.bad };
        remembered.insert(digest, ());
        Ok(matches)
    }
}

fn stopped() -> Error {
    Error::new(Kind::Stopping, "Shutdown", "the connector is stopping")
}

impl Users {
    /// # Errors
    /// `WebConfigError`: a hash that is not bcrypt, or costs too much.
    pub(super) fn new(hashes: BTreeMap<String, Secret>, checks: Arc<PasswordChecks>) -> Result<Self, Error> {
        let mut read = BTreeMap::new();
        let mut highest = 4;
        for (user, hash) in hashes {
            if user.is_empty() || user.contains(':') {
                return Err(bad(format!(
                    "basic_auth_users has the user {user:?}; a name has no colon and is not empty"
                )));
            }
            let not_bcrypt = |_| bad(format!("the password of the user {user:?} is not a bcrypt hash"));
            let hash = Hash::new(hash).map_err(not_bcrypt)?;
            let cost = hash.cost;
            if !(4..=MAX_COST).contains(&cost) {
                return Err(bad(format!(
                    "the hash of the user {user:?} has the cost {cost}; accepted: 4 to {MAX_COST}"
                )));
            }
            highest = highest.max(cost);
            read.insert(user, hash);
        }
        Ok(Users { hashes: read, highest, checks })
    }

    /// The hashes that a user's password is checked against: the user's hash (a decoy for an unknown user), and further
    /// decoys that make every check take as long as the costliest hash. So the time of an answer does not tell who is
    /// known or whose hash costs less. Each step in the cost doubles the work: a hash of cost 4 and decoys of 4, 5 and
    /// 6 take as long as a hash of cost 7.
    fn hashes_for(&self, user: &str) -> (Hash, Vec<Hash>) {
        let hash = self.hashes.get(user).cloned().unwrap_or_else(|| Hash::decoy(self.highest));
        let beside = (hash.cost..self.highest).map(Hash::decoy).collect();
        (hash, beside)
    }

    /// Checks the user and password of a request.
    ///
    /// # Errors
    /// 401 if they are not a user's, 503 if too many passwords wait to be checked.
    pub(super) async fn admit(&self, auth: &BasicAuth) -> Result<(), Error> {
        let (hash, beside) = self.hashes_for(auth.user());
        if self.checks.check(auth, hash, beside, self.hashes.contains_key(auth.user())).await? {
            return Ok(());
        }
        Err(Error::new(Kind::Unauthenticated, "Unauthorized", "no such user, or another password"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Secret {
        Secret(Zeroizing::new(text.to_owned()))
    }

    fn users(cost: u32) -> Users {
        let hash = bcrypt::hash("right", cost).unwrap();
        let checks = Arc::new(PasswordChecks::new().unwrap());
        Users::new(BTreeMap::from([("alice".to_owned(), secret(&hash))]), checks).unwrap()
    }

    fn auth(user: &str, password: &str) -> BasicAuth {
        BasicAuth::new(user, password)
    }

    #[tokio::test]
    async fn only_a_user_with_the_right_password_is_admitted() {
        let users = users(4);
        for _ in 0..2 {
            users.admit(&auth("alice", "right")).await.unwrap();
            for (user, password) in
                [("alice", "wrong"), ("alice", ""), ("bob", "right"), ("", "right"), ("alice", "Right")]
            {
                let error = users.admit(&auth(user, password)).await.unwrap_err();
                assert_eq!((error.kind(), error.name()), (Kind::Unauthenticated, "Unauthorized"));
            }
        }
    }

    #[tokio::test]
    async fn who_is_known_is_not_checked_again_while_strangers_wait() {
        let users = Arc::new(users(4));
        users.admit(&auth("alice", "right")).await.unwrap();
        let checks = &users.checks;
        let turns: Vec<_> = std::iter::from_fn(|| checks.turns.try_acquire().ok()).collect();
        let guess = |number: usize| {
            let users = users.clone();
            tokio::spawn(async move { users.admit(&auth("alice", &format!("guess {number}"))).await })
        };
        let strangers: Vec<_> = (0..turns.len() + MAX_WAITING).map(guess).collect();
        while checks.places.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        for (user, password) in [("alice", "one more guess"), ("bob", "right")] {
            assert_eq!(users.admit(&auth(user, password)).await.unwrap_err().kind(), Kind::Unavailable);
        }
        users.admit(&auth("alice", "right")).await.unwrap();
        assert!(strangers.iter().all(|stranger| !stranger.is_finished()));
        drop(turns);
        for stranger in strangers {
            assert_eq!(stranger.await.unwrap().unwrap_err().kind(), Kind::Unauthenticated);
        }
    }

    #[tokio::test]
    async fn a_new_hash_ends_the_old_password() {
        let old = users(4);
        old.admit(&auth("alice", "right")).await.unwrap();
        let hash = bcrypt::hash("new", 4).unwrap();
        let new = Users::new(BTreeMap::from([("alice".to_owned(), secret(&hash))]), old.checks.clone()).unwrap();
        new.admit(&auth("alice", "right")).await.unwrap_err();
        new.admit(&auth("alice", "new")).await.unwrap();
    }

    #[test]
    fn every_check_takes_the_work_of_the_costliest_hash() {
        let hash = |cost: u32| secret(&Hash::decoy(cost).text.0);
        let checks = Arc::new(PasswordChecks::new().unwrap());
        let hashes = [("cheap", 4), ("usual", 10), ("costly", 12)].map(|(user, cost)| (user.to_owned(), hash(cost)));
        let users = Users::new(BTreeMap::from(hashes), checks).unwrap();
        for user in ["cheap", "usual", "costly", "nobody", ""] {
            let (hash, beside) = users.hashes_for(user);
            let work: u64 = beside.iter().chain([&hash]).map(|hash| 1 << hash.cost).sum();
            assert_eq!(work, 1 << 12, "{user:?}");
        }
    }

    #[test]
    fn a_decoy_is_checked_to_its_end() {
        let decoy = Hash::decoy(5);
        assert!(!bcrypt::verify("right", &decoy.text.0).unwrap());
        assert_eq!(Hash::new(decoy.text).unwrap().cost, 5);
    }

    #[test]
    fn hashes_that_are_none_or_cost_too_much_are_refused_without_being_shown() {
        let checks = Arc::new(PasswordChecks::new().unwrap());
        let refuse = |user: &str, hash: &str| {
            let users = BTreeMap::from([(user.to_owned(), secret(hash))]);
            let error = Users::new(users, checks.clone()).unwrap_err().to_string();
            assert!(hash.is_empty() || !error.contains(hash), "{error}");
            error
        };
        assert!(refuse("alice", "plain").contains("alice"));
        assert!(refuse("alice", "").contains("not a bcrypt hash"));
        assert!(refuse("alice", &format!("$2b$31${}", ".".repeat(53))).contains("cost 31"));
        assert!(refuse("a:b", &bcrypt::hash("x", 4).unwrap()).contains("colon"));
    }
}
