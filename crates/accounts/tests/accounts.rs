//! Users, sessions, tokens and links, on a database of their own and a clock that is set.

#![expect(
    clippy::unwrap_used,
    reason = "a test ends at the first thing that is not as it should be"
)]

use std::sync::Arc;
use std::time::Duration;

use accounts::{Accounts, Error};
use door::{Accounts as _, Permission, Principal, Role};
use metadata::{EventFilter, Metadata, SecretKey};
use runtime::ManualClock;
use tempfile::TempDir;

const PASSWORD: &str = "correct horse";
const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

struct World {
    accounts: Accounts,
    metadata: Metadata,
    clock: Arc<ManualClock>,
    directory: TempDir,
}

impl World {
    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let address = format!("sqlite:{}", directory.path().join("metadata.db").display());
        let key = SecretKey::from_bytes(&[1; 32], "a test's key").unwrap();
        let metadata = Metadata::open(&address, &key).await.unwrap();
        let clock = Arc::new(ManualClock::at(1_700_000_000_000_000));
        let accounts = Accounts::open(metadata.clone(), clock.clone());
        Self { accounts, metadata, clock, directory }
    }

    async fn with_ann(role: Role) -> Self {
        let world = Self::new().await;
        world.accounts.create_user("root", "ann", PASSWORD, role).await.unwrap();
        world
    }

    async fn by_session(&self, token: &str) -> Option<Principal> {
        self.accounts.by_session(token).await.unwrap()
    }

    /// What was done, the newest first.
    async fn audited(&self) -> Vec<String> {
        let (events, _) = self.metadata.events(&EventFilter::default()).await.unwrap();
        let told = |event: metadata::Event| format!("{} {}", event.who, event.what);
        events.into_iter().map(|kept| told(kept.event)).collect()
    }
}

#[tokio::test]
async fn the_right_password_signs_in_and_another_does_not() {
    let world = World::with_ann(Role::Op).await;
    let signed_in = world.accounts.sign_in("ann", PASSWORD).await.unwrap();
    assert_eq!(signed_in.principal, Principal::user("ann", Role::Op));
    assert_eq!(world.by_session(&signed_in.token).await, Some(signed_in.principal.clone()));
    let long = "x".repeat(100_000);
    for (name, password) in
        [("ann", "correct horsE"), ("bob", PASSWORD), ("", PASSWORD), ("ann", ""), ("ann", &long)]
    {
        let refused = world.accounts.sign_in(name, password).await.unwrap_err();
        assert!(matches!(refused, Error::Wrong), "{name}: {refused}");
    }
    assert_eq!(world.by_session("no such token").await, None);
    let done = world.audited().await;
    assert_eq!(done[done.len() - 2..], ["ann user.sign_in", "root user.create"]);
    assert_eq!(done.iter().filter(|done| *done == "ann user.sign_in_failed").count(), 3);
}

#[tokio::test]
async fn passwords_cannot_be_tried_without_end() {
    let world = World::with_ann(Role::User).await;
    for _ in 0..5 {
        assert!(matches!(world.accounts.sign_in("ann", "a guess").await, Err(Error::Wrong)));
    }
    let error = world.accounts.sign_in("ann", PASSWORD).await.unwrap_err();
    assert!(matches!(error, Error::TooMany { .. }), "{error}");
    world.clock.advance(Duration::from_secs(2));
    world.accounts.sign_in("ann", PASSWORD).await.unwrap();
    world.accounts.sign_in("ann", PASSWORD).await.unwrap();
}

#[tokio::test]
async fn a_session_lives_while_it_is_used_and_a_month_at_most() {
    let world = World::with_ann(Role::Viewer).await;
    let idle = world.accounts.sign_in("ann", PASSWORD).await.unwrap().token;
    let used = world.accounts.sign_in("ann", PASSWORD).await.unwrap().token;
    for _ in 0..6 {
        world.clock.advance(DAY);
        assert!(world.by_session(&used).await.is_some());
    }
    world.clock.advance(DAY + HOUR);
    assert!(world.by_session(&used).await.is_some());
    assert!(world.by_session(&idle).await.is_none(), "a week without a request");
    for _ in 7..29 {
        world.clock.advance(DAY);
        assert!(world.by_session(&used).await.is_some());
    }
    world.clock.advance(DAY);
    assert!(world.by_session(&used).await.is_none(), "a month");
}

#[tokio::test]
async fn whoever_signs_out_is_out() {
    let world = World::with_ann(Role::Viewer).await;
    let one = world.accounts.sign_in("ann", PASSWORD).await.unwrap().token;
    let other = world.accounts.sign_in("ann", PASSWORD).await.unwrap().token;
    world.accounts.sign_out(&one).await.unwrap();
    world.accounts.sign_out("no such token").await.unwrap();
    assert!(world.by_session(&one).await.is_none());
    assert!(world.by_session(&other).await.is_some());
    assert_eq!(world.audited().await[0], "ann user.sign_out");
}

#[tokio::test]
async fn the_first_link_makes_an_admin_and_works_once() {
    let world = World::new().await;
    assert!(!world.accounts.any_user().await.unwrap());
    let link = world.accounts.login_link().await.unwrap();
    assert!(world.accounts.any_user().await.unwrap());
    let users = world.accounts.users().await.unwrap();
    assert_eq!((users.len(), users[0].role, users[0].has_password), (1, Some(Role::Admin), false));

    let signed_in = world.accounts.redeem(&link).await.unwrap().unwrap();
    assert_eq!(signed_in.principal.name(), users[0].name);
    assert!(world.by_session(&signed_in.token).await.unwrap().may(Permission::Users));
    assert_eq!(world.accounts.redeem(&link).await.unwrap(), None, "it was used");
    assert_eq!(world.accounts.redeem("no such link").await.unwrap(), None);
    let name = users[0].name.as_str();
    let without = world.accounts.sign_in(name, "").await.unwrap_err();
    assert!(matches!(without, Error::Wrong), "no password is no password");

    let late = world.accounts.login_link().await.unwrap();
    world.clock.advance(Duration::from_secs(15 * 60));
    assert_eq!(world.accounts.redeem(&late).await.unwrap(), None, "a quarter of an hour");
    assert_eq!(world.accounts.users().await.unwrap().len(), 1);
}

#[tokio::test]
async fn of_two_who_redeem_a_link_at_once_one_comes_in() {
    let world = World::new().await;
    for _ in 0..10 {
        let link = world.accounts.login_link().await.unwrap();
        let (one, other) = tokio::join!(world.accounts.redeem(&link), world.accounts.redeem(&link));
        assert_ne!(one.unwrap().is_some(), other.unwrap().is_some());
    }
}

#[tokio::test]
async fn a_token_has_its_users_permissions_until_it_is_revoked() {
    let world = World::with_ann(Role::User).await;
    world.accounts.create_user("root", "bob", PASSWORD, Role::Admin).await.unwrap();
    let token = world.accounts.create_token("ann", "laptop").await.unwrap();
    assert!(token.starts_with("mill_"));
    let twice = world.accounts.create_token("ann", "laptop").await.unwrap_err();
    assert!(matches!(twice, Error::Exists(_)), "{twice}");
    assert!(world.accounts.create_token("nobody", "laptop").await.is_err());
    let by_token = world.accounts.by_token(&token).await.unwrap().unwrap();
    assert_eq!(by_token, Principal::user("ann", Role::User));
    assert!(world.by_session(&token).await.is_none(), "it is no session");
    world.accounts.set_role("bob", "ann", Role::Viewer).await.unwrap();
    let by_token = world.accounts.by_token(&token).await.unwrap().unwrap();
    assert!(!by_token.may(Permission::Trigger), "roles hold at once");
    assert_eq!(world.accounts.tokens(Some("ann")).await.unwrap()[0].name, "laptop");
    assert!(world.accounts.tokens(Some("bob")).await.unwrap().is_empty());
    world.accounts.revoke_token("ann", "ann", "laptop").await.unwrap();
    assert!(world.accounts.revoke_token("ann", "ann", "laptop").await.is_err());
    assert_eq!(world.accounts.by_token(&token).await.unwrap(), None);
}

#[tokio::test]
async fn a_removed_user_is_out_at_once_and_the_last_admin_stays() {
    let world = World::with_ann(Role::Viewer).await;
    world.accounts.create_user("root", "bob", PASSWORD, Role::Admin).await.unwrap();
    let session = world.accounts.sign_in("ann", PASSWORD).await.unwrap().token;
    let token = world.accounts.create_token("ann", "laptop").await.unwrap();
    world.accounts.remove_user("bob", "ann").await.unwrap();
    assert!(world.by_session(&session).await.is_none());
    assert_eq!(world.accounts.by_token(&token).await.unwrap(), None);

    let unknown = world.accounts.remove_user("bob", "ann").await.unwrap_err();
    assert!(matches!(unknown, Error::Unknown(_)), "{unknown}");
    for last in [
        world.accounts.remove_user("bob", "bob").await,
        world.accounts.set_role("bob", "bob", Role::Op).await,
    ] {
        let last = last.unwrap_err();
        assert!(matches!(last, Error::LastAdmin(_)), "{last}");
    }
    world.accounts.create_user("bob", "eve", PASSWORD, Role::Admin).await.unwrap();
    world.accounts.set_role("eve", "bob", Role::Op).await.unwrap();
    world.accounts.remove_user("eve", "bob").await.unwrap();
}

#[tokio::test]
async fn a_new_password_ends_the_sessions() {
    let world = World::with_ann(Role::Viewer).await;
    let session = world.accounts.sign_in("ann", PASSWORD).await.unwrap().token;
    let wrong = world.accounts.change_password("ann", "a guess", "new password").await;
    assert!(matches!(wrong, Err(Error::Wrong)));
    assert!(world.by_session(&session).await.is_some());
    world.accounts.change_password("ann", PASSWORD, "new password").await.unwrap();
    assert!(world.by_session(&session).await.is_none());
    assert!(world.accounts.sign_in("ann", PASSWORD).await.is_err());
    world.accounts.sign_in("ann", "new password").await.unwrap();
    // Whoever came by link has no old one.
    let link = world.accounts.login_link().await;
    assert!(link.is_err(), "there is no Admin");
}

#[tokio::test]
async fn names_and_passwords_that_cannot_be_are_explained() {
    let world = World::with_ann(Role::Viewer).await;
    let create = |name: &'static str, password: &'static str| {
        let accounts = world.accounts.clone();
        async move { accounts.create_user("root", name, password, Role::Viewer).await }
    };
    for name in ["", "a b", "a/b", "<a>", "\u{e4}nn", "a\n"] {
        let error = create(name, PASSWORD).await.unwrap_err();
        assert!(matches!(error, Error::Name { .. }), "{error}");
    }
    let error = create("bob", "1234567").await.unwrap_err();
    assert!(error.to_string().contains("8 characters"), "{error}");
    let error = create("ann", PASSWORD).await.unwrap_err();
    assert!(matches!(error, Error::Exists(_)), "{error}");
}

#[tokio::test]
async fn who_reads_the_database_cannot_sign_in_with_it() {
    let world = World::with_ann(Role::Admin).await;
    let accounts = &world.accounts;
    let secrets = [
        PASSWORD.to_owned(),
        accounts.sign_in("ann", PASSWORD).await.unwrap().token,
        accounts.create_token("ann", "laptop").await.unwrap(),
        accounts.login_link().await.unwrap(),
    ];
    let mut looked_at = 0;
    for file in std::fs::read_dir(world.directory.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        let found = |text: &str| bytes.windows(text.len()).any(|part| part == text.as_bytes());
        assert!(secrets.iter().all(|secret| !found(secret)));
        looked_at += usize::from(found("argon2id"));
    }
    assert!(looked_at > 0, "the hash of the password is in a file");
}

#[tokio::test]
async fn a_flood_of_passwords_is_turned_away() {
    let world = World::with_ann(Role::Viewer).await;
    let flood = (0..100).map(|number| {
        let accounts = world.accounts.clone();
        tokio::spawn(async move { accounts.sign_in(&format!("u{number}"), PASSWORD).await })
    });
    let flood: Vec<_> = flood.collect();
    let (mut wrong, mut busy) = (0, 0);
    for attempt in flood {
        match attempt.await.unwrap() {
            Err(Error::Wrong) => wrong += 1,
            Err(Error::Busy) => busy += 1,
            other => assert!(other.is_err(), "{other:?}"),
        }
    }
    assert!(wrong >= 64 && busy > 0 && wrong + busy == 100, "{wrong}, {busy}");
    world.accounts.sign_in("ann", PASSWORD).await.unwrap();
}

#[tokio::test]
async fn whoever_has_the_projects_key_is_the_local_operator_and_nobody_else() {
    let world = World::new().await;
    let key = SecretKey::from_bytes(&[1; 32], "a test's key").unwrap();
    let other = SecretKey::from_bytes(&[2; 32], "another key").unwrap();
    let operated = world.accounts.clone().with_operator(key.clone());
    let token = key.token(accounts::OPERATOR);
    let operator = operated.by_token(&token).await.unwrap().unwrap();
    assert_eq!((operator.name(), operator.role()), ("command line", Some(Role::Admin)));
    for wrong in [other.token(accounts::OPERATOR), key.token("engine"), "x".to_owned()] {
        assert_eq!(operated.by_token(&wrong).await.unwrap(), None);
    }
    assert_eq!(operated.by_session(&token).await.unwrap(), None, "a cookie is no token");
    assert_eq!(world.accounts.by_token(&token).await.unwrap(), None, "where it is not asked for");
    let taken = operated.create_user("test", "command line", PASSWORD, Role::Viewer).await;
    assert!(matches!(taken, Err(Error::Name { .. })), "{taken:?}");
}
