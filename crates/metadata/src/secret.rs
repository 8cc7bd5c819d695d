//! The key that encrypts variables and connections, and the encryption itself.
//!
//! AES-256-GCM with a random nonce of 96 bits for each value. The name of what is encrypted is
//! authenticated with it, so that a value moved to another row does not open.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hmac;
use ring::rand::{SecureRandom as _, SystemRandom};

use crate::Error;

/// Bytes of a key.
const KEY_BYTES: usize = 32;
/// The first character of an encrypted value, so that another way of encryption can follow.
const FORM: &str = "1";

/// The project's secret key. Cheap to clone; never shown.
#[derive(Clone)]
pub struct SecretKey {
    key: Arc<LessSafeKey>,
    /// Makes tokens.
    mac: hmac::Key,
    random: SystemRandom,
    place: Arc<str>,
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "SecretKey({})", self.place)
    }
}

impl SecretKey {
    /// The key in the file at `path`; a new one is made, readable by its owner only, where none is.
    ///
    /// # Errors
    /// [`Error::Key`] if the file cannot be read or made, or holds something else.
    pub fn load_or_create(path: &Path) -> Result<Self, Error> {
        let wrong = |reason: String| Error::Key { path: path.to_owned(), reason };
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => create(path).map_err(|error| {
                wrong(format!("{error}; check the directory's owner and free space"))
            })?,
            Err(error) => return Err(wrong(format!("{error}; check its owner and mode"))),
        };
        if let Ok(meta) = fs::metadata(path)
            && meta.permissions().mode() & 0o077 != 0
        {
            tracing::warn!("others may read the secret key {}: chmod 600 it", path.display());
        }
        let bytes = STANDARD.decode(text.trim()).unwrap_or_default();
        let place = path.display().to_string();
        Self::from_bytes(&bytes, &place).ok_or_else(|| {
            wrong(format!("it does not hold {KEY_BYTES} bytes in base64; put the right file back"))
        })
    }

    /// The key of these 32 bytes; `place` says in messages where it comes from.
    #[must_use]
    pub fn from_bytes(bytes: &[u8], place: &str) -> Option<Self> {
        let key = UnboundKey::new(&AES_256_GCM, bytes).ok()?;
        let key = Arc::new(LessSafeKey::new(key));
        let mac = hmac::Key::new(hmac::HMAC_SHA256, bytes);
        Some(Self { key, mac, random: SystemRandom::new(), place: place.into() })
    }

    /// A token for `purpose` that whoever holds the key can make, and nobody else: the parts of a project
    /// know each other by it. It says nothing about the key.
    #[must_use]
    pub fn token(&self, purpose: &str) -> String {
        let tag = hmac::sign(&self.mac, purpose.as_bytes());
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(tag)
    }

    /// Whether `token` is the one for `purpose`, in a time that does not tell how much of it is right.
    #[must_use]
    pub fn is_token(&self, purpose: &str, token: &str) -> bool {
        let tag =
            base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(token).unwrap_or_default();
        hmac::verify(&self.mac, purpose.as_bytes(), &tag).is_ok()
    }

    pub(crate) fn place(&self) -> &str {
        &self.place
    }

    /// Encrypts `text`, which only opens under the same `name`.
    pub(crate) fn seal(&self, name: &str, text: &str) -> Result<String, Error> {
        let what = "encrypt a secret";
        let refused =
            |_| Error::Refused { what, reason: "the system gives no random bytes".into() };
        let mut nonce = [0; NONCE_LEN];
        self.random.fill(&mut nonce).map_err(refused)?;
        let mut sealed = text.as_bytes().to_vec();
        self.key
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(name.as_bytes()),
                &mut sealed,
            )
            .map_err(refused)?;
        let mut bytes = nonce.to_vec();
        bytes.append(&mut sealed);
        Ok(format!("{FORM}{}", STANDARD.encode(bytes)))
    }

    /// What was encrypted under `name`; none if another key or name was used, or it was changed.
    pub(crate) fn open(&self, name: &str, sealed: &str) -> Option<String> {
        let bytes = STANDARD.decode(sealed.strip_prefix(FORM)?).ok()?;
        let (nonce, rest) = bytes.split_first_chunk::<NONCE_LEN>()?;
        let mut rest = rest.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let text = self.key.open_in_place(nonce, Aad::from(name.as_bytes()), &mut rest).ok()?;
        String::from_utf8(text.to_vec()).ok()
    }
}

/// Makes a key file that is either whole or not there. Of two processes that do so at once, both get
/// the key of the one that was first.
fn create(path: &Path) -> std::io::Result<String> {
    let mut bytes = [0; KEY_BYTES];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| std::io::Error::other("the system gives no random bytes"))?;
    let text = format!("{}\n", STANDARD.encode(bytes));
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    fs::create_dir_all(directory)?;
    let mut half = path.as_os_str().to_owned();
    half.push(format!(".{}", std::process::id()));
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&half)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    let linked = fs::hard_link(&half, path);
    fs::remove_file(&half)?;
    match linked {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => fs::read_to_string(path),
        Err(error) => Err(error),
        Ok(()) => {
            File::open(directory)?.sync_all()?;
            Ok(text)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_file_is_made_once_and_for_its_owner_only() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("new").join("secret.key");
        let sealed = SecretKey::load_or_create(&path).unwrap().seal("a", "text").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let again = SecretKey::load_or_create(&path).unwrap();
        assert_eq!(again.open("a", &sealed).as_deref(), Some("text"));
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn a_secret_opens_with_its_key_under_its_name_unchanged_and_not_else() {
        let key = SecretKey::from_bytes(&[1; KEY_BYTES], "a test").unwrap();
        let other = SecretKey::from_bytes(&[2; KEY_BYTES], "a test").unwrap();
        let sealed = key.seal("variable/a", "s3cret").unwrap();
        assert!(!sealed.contains("s3cret"));
        assert_ne!(sealed, key.seal("variable/a", "s3cret").unwrap(), "a nonce is used once");
        assert_eq!(key.open("variable/a", &sealed).as_deref(), Some("s3cret"));
        assert_eq!(key.open("variable/b", &sealed), None);
        assert_eq!(other.open("variable/a", &sealed), None);
        let mut changed = sealed.into_bytes();
        changed[20] = if changed[20] == b'A' { b'B' } else { b'A' };
        assert_eq!(key.open("variable/a", &String::from_utf8(changed).unwrap()), None);
        for nothing in ["", "1", "1AAAA", "2AAAA", "plain"] {
            assert_eq!(key.open("variable/a", nothing), None);
        }
    }

    #[test]
    fn a_token_is_known_for_its_purpose_and_key_only() {
        let key = SecretKey::from_bytes(&[1; KEY_BYTES], "a test").unwrap();
        let other = SecretKey::from_bytes(&[2; KEY_BYTES], "a test").unwrap();
        let token = key.token("engine");
        assert_eq!(token, key.token("engine"));
        assert!(key.is_token("engine", &token));
        assert!(!key.is_token("console", &token) && !other.is_token("engine", &token));
        assert!(!key.is_token("engine", ""));
    }

    #[test]
    fn a_file_that_holds_something_else_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("secret.key");
        fs::write(&path, "too short").unwrap();
        let error = SecretKey::load_or_create(&path).unwrap_err().to_string();
        assert!(error.contains("secret.key") && error.contains("32 bytes"), "{error}");
    }

    #[test]
    fn a_key_does_not_show_itself() {
        let key = SecretKey::from_bytes(&[7; KEY_BYTES], "a test").unwrap();
        assert_eq!(format!("{key:?}"), "SecretKey(a test)");
    }
}
