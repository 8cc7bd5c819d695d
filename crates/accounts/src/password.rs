//! Passwords: their hashes, made and checked away from the threads that serve requests.

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use ring::rand::{SecureRandom as _, SystemRandom};

use crate::{Accounts, Error};

/// Characters of a password, at least.
const CHARACTERS_MIN: usize = 8;
/// Bytes of a password, at most: hashing takes longer with each.
const BYTES_MAX: usize = 1024;
/// Bytes of a salt, as the format of hashes recommends.
const SALT_BYTES: usize = 16;

impl Accounts {
    /// The hash of a new password.
    pub(crate) async fn hash(&self, password: &str) -> Result<String, Error> {
        if password.chars().count() < CHARACTERS_MIN {
            return Err(Error::Password { reason: "it needs 8 characters or more" });
        }
        if password.len() > BYTES_MAX {
            return Err(Error::Password { reason: "it is longer than 1,024 bytes" });
        }
        let password = password.to_owned();
        self.apart(move || hash(&password)).await
    }

    /// Whether a password is the one of a hash. Without a hash it takes as long, and is not.
    pub(crate) async fn verify(&self, password: &str, hash: Option<String>) -> Result<bool, Error> {
        if password.len() > BYTES_MAX {
            return Ok(false);
        }
        let password = password.to_owned();
        self.apart(move || match hash {
            Some(kept) => verify(&password, &kept),
            None => self::hash(&password).map(|_| false),
        })
        .await
    }

    async fn apart<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let _waits = self.waiting.try_acquire().map_err(|_| Error::Busy)?;
        let stopped = |_| Error::System("the process is stopping");
        let permit = self.hashing.clone().acquire_owned().await.map_err(stopped)?;
        let work = move || {
            let result = work();
            drop(permit);
            result
        };
        tokio::task::spawn_blocking(work).await.map_err(|_| Error::System("hashing was stopped"))?
    }
}

/// argon2id with 19 MiB, 2 passes, 1 lane: what OWASP recommends, and the crate's default.
fn hash(password: &str) -> Result<String, Error> {
    let mut salt = [0; SALT_BYTES];
    let random = SystemRandom::new().fill(&mut salt);
    random.map_err(|_| Error::System("the system gives no random bytes"))?;
    let hash = Argon2::default().hash_password_with_salt(password.as_bytes(), &salt);
    let hash = hash.map_err(|_| Error::System("the password cannot be hashed"))?;
    Ok(hash.to_string())
}

/// The parameters are those of the hash; the comparison takes the same time for every wrong password.
fn verify(password: &str, kept: &str) -> Result<bool, Error> {
    let hash = PasswordHash::new(kept).map_err(|_| Error::System("the kept hash is unreadable"))?;
    Ok(Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_of_one_password_and_salted() {
        let first = hash("correct horse").unwrap();
        assert!(first.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{first}");
        assert_ne!(first, hash("correct horse").unwrap());
        assert!(verify("correct horse", &first).unwrap());
        assert!(!verify("correct horsf", &first).unwrap());
        assert!(verify("x", "no hash").is_err());
    }
}
