//! What outlives the process, and which databases are refused.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use metadata::{Error, Metadata};
use scheduler::{RunState, TaskState};

use crate::world::{at, change, key, line, on_each, queued, states, task};

#[test]
fn what_was_answered_is_there_after_a_crash() {
    on_each(|world| async move {
        let metadata = world.open().await;
        queued(&metadata, &["a", "b"]).await;
        assert!(metadata.start_try(&task("a"), TaskState::Queued, 1, "me", at(2)).await.unwrap());
        metadata.append_log(&task("a"), 1, &[line(3, "hello")]).await.unwrap();

        // Nothing is closed: the files are taken as they lie while the process has them open.
        let mut left = world.address.clone();
        if let Some(file) = world.address.strip_prefix("sqlite:") {
            let copy = world.directory.path().join("left.db");
            for end in ["", "-wal"] {
                let part = format!("{}{end}", copy.display());
                std::fs::copy(format!("{file}{end}"), part).unwrap();
            }
            left = format!("sqlite:{}", copy.display());
        }
        let again = Metadata::open(&left, &key(1)).await.unwrap();
        let now = states(&again).await;
        assert_eq!((now["a"], now["b"]), (TaskState::Running, TaskState::Queued));
        assert_eq!(again.unfinished_runs().await.unwrap()[0].state, RunState::Running);
        assert_eq!(again.log(&task("a"), 1, 0, 9).await.unwrap()[0].1.text, "hello");
        // The one who comes next ends the try by the name of the one who is gone.
        let orphan = again.tasks_in(&[TaskState::Running]).await.unwrap().remove(0);
        let owner = orphan.owner.unwrap();
        let (to, why) = (TaskState::UpForRetry, Some("its scheduler is gone"));
        assert!(again.end_try(&orphan.key, 1, &owner, to, why, None, at(9)).await.unwrap());
    });
}

#[test]
fn a_turn_that_is_dropped_half_way_changes_nothing() {
    on_each(|world| async move {
        let metadata = world.open().await;
        queued(&metadata, &["a"]).await;
        for polls in 0..40 {
            let turn = [
                change("a", TaskState::Queued, TaskState::Skipped),
                change("b", TaskState::None, TaskState::Scheduled),
            ];
            let run = Some((RunState::Running, RunState::Success));
            let mut applying = Box::pin(metadata.apply("d", "r", &turn, run, at(5)));
            let mut left = polls;
            let ended = std::future::poll_fn(|context| {
                let polled = applying.as_mut().poll(context);
                if polled.is_ready() || left == 0 {
                    return std::task::Poll::Ready(polled.is_ready());
                }
                left -= 1;
                std::task::Poll::Pending
            });
            let ended = ended.await;
            drop(applying);
            // Whoever writes next comes after what is still under way.
            metadata.set_paused("d", false).await.unwrap();
            let now = states(&metadata).await;
            let moved = metadata.run("d", "r").await.unwrap().unwrap().state == RunState::Success;
            let whole = now["a"] == TaskState::Skipped && now.contains_key("b") && moved;
            let nothing = now["a"] == TaskState::Queued && !now.contains_key("b") && !moved;
            assert!(whole || (nothing && !ended), "{now:?}, {moved}");
            if whole {
                return;
            }
        }
    });
}

#[test]
fn a_database_of_a_newer_version_is_refused() {
    on_each(|world| async move {
        world.open().await.close().await;
        world.raw("INSERT INTO migration (version) VALUES (1000)").await;
        let error = Metadata::open(&world.address, &key(1)).await.unwrap_err();
        assert!(matches!(error, Error::Newer { found: 1000, .. }), "{error}");
        assert!(error.to_string().contains("version 1000"), "{error}");
    });
}

#[test]
fn two_processes_that_start_at_once_migrate_once() {
    on_each(|world| async move {
        let key = key(1);
        let open = || Metadata::open(&world.address, &key);
        let (a, b, c, d) = tokio::join!(open(), open(), open(), open());
        for metadata in [a.unwrap(), b.unwrap(), c.unwrap(), d.unwrap()] {
            assert_eq!(metadata.pools().await.unwrap().len(), 1);
        }
    });
}

#[test]
fn the_file_is_for_its_owner_only() {
    on_each(|world| async move {
        let metadata = world.open().await;
        metadata.set_variable("a", "b", None).await.unwrap();
        if let Some(file) = world.address.strip_prefix("sqlite:") {
            for end in ["", "-wal", "-shm"] {
                let mode = std::fs::metadata(format!("{file}{end}")).unwrap().permissions().mode();
                assert_eq!(mode & 0o777, 0o600, "{end}");
            }
        }
    });
}

#[test]
fn an_address_that_is_none_is_explained() {
    on_each(|world| async move {
        for (address, expected) in [
            ("mysql://a:secret@b/c", "starts with neither sqlite: nor postgres:"),
            ("/tmp/a.db", "starts with neither sqlite: nor postgres:"),
            ("sqlite:", "is a file"),
            ("sqlite::memory:", "is a file"),
            ("postgres://me:secret@127.0.0.1:1/none", "check that it runs"),
        ] {
            let error = Metadata::open(address, &key(1)).await.unwrap_err().to_string();
            assert!(error.contains(expected) && !error.contains("secret"), "{error}");
        }
        let file = world.directory.path().join("no database");
        std::fs::write(&file, "this is no database, but it is long enough".repeat(30)).unwrap();
        let address = format!("sqlite:{}", Path::new(&file).display());
        let error = Metadata::open(&address, &key(1)).await.unwrap_err().to_string();
        assert!(error.contains("not a database"), "{error}");
    });
}
