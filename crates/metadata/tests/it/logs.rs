//! Logs.

use scheduler::TaskState;

use crate::world::{at, line, on_each, queued, task};

#[test]
fn lines_come_in_the_order_in_which_they_were_written() {
    on_each(|world| async move {
        let metadata = world.open().await;
        queued(&metadata, &["t"]).await;
        let t = task("t");
        let error = metadata.append_log(&t, 1, &[line(0, "early")]).await.unwrap_err();
        assert!(error.to_string().contains("no try 1"), "{error}");
        assert!(metadata.start_try(&t, TaskState::Queued, 1, "me", at(2)).await.unwrap());
        let mut written = Vec::new();
        for batch in [1, 3, 1_200, 0, 2] {
            let lines: Vec<_> = (0..batch)
                .map(|number| line(3, &format!("{number}, \u{1F600} \"\\\t{}", written.len())))
                .collect();
            metadata.append_log(&t, 1, &lines).await.unwrap();
            written.extend(lines);
        }
        let read = metadata.log(&t, 1, 0, usize::MAX).await.unwrap();
        let expected: Vec<_> = (1..).zip(written).collect();
        assert_eq!(read, expected);
        assert_eq!(metadata.tries(&t).await.unwrap()[0].log_lines, 1_206);
        // From anywhere, in parts of any size.
        for (after, limit) in [(0, 1), (1, 2), (499, 3), (500, 600), (1_205, 9), (1_206, 9)] {
            let part = metadata.log(&t, 1, after, limit).await.unwrap();
            let end = expected.len().min(after as usize + limit);
            assert_eq!(part, expected[after as usize..end], "{after}, {limit}");
        }
        assert!(metadata.log(&t, 2, 0, 10).await.unwrap().is_empty());
    });
}

#[test]
fn two_who_write_at_once_lose_no_line() {
    on_each(|world| async move {
        let (one, other) = (world.open().await, world.open().await);
        queued(&one, &["t"]).await;
        let t = task("t");
        assert!(one.start_try(&t, TaskState::Queued, 1, "me", at(2)).await.unwrap());
        for number in 0..10 {
            let lines = [line(number, "out"), line(number, "out")];
            let (a, b) =
                tokio::join!(one.append_log(&t, 1, &lines), other.append_log(&t, 1, &lines));
            a.and(b).unwrap();
        }
        let read = one.log(&t, 1, 0, 100).await.unwrap();
        assert!(read.iter().map(|(seq, _)| *seq).eq(1..=40));
    });
}

#[test]
fn long_lines_and_strange_letters_are_kept() {
    on_each(|world| async move {
        let metadata = world.open().await;
        queued(&metadata, &["t"]).await;
        let t = task("t");
        assert!(metadata.start_try(&t, TaskState::Queued, 1, "me", at(2)).await.unwrap());
        let long = line(1, &"x".repeat(300_000));
        let zero = line(1, "a\0b");
        metadata.append_log(&t, 1, &[long.clone(), zero, long.clone()]).await.unwrap();
        let read = metadata.log(&t, 1, 0, 10).await.unwrap();
        assert_eq!((&read[0].1, read[1].1.text.as_str()), (&long, "a\u{fffd}b"));
        assert_eq!(read.len(), 3);
    });
}

#[test]
fn old_lines_are_forgotten_and_new_ones_keep_their_numbers() {
    on_each(|world| async move {
        let metadata = world.open().await;
        queued(&metadata, &["t"]).await;
        let t = task("t");
        assert!(metadata.start_try(&t, TaskState::Queued, 1, "me", at(2)).await.unwrap());
        for seconds in 0..5 {
            metadata.append_log(&t, 1, &[line(seconds, "a"), line(seconds, "b")]).await.unwrap();
        }
        assert_eq!(metadata.keep_logs(at(3)).await.unwrap(), 3);
        assert_eq!(metadata.keep_logs(at(3)).await.unwrap(), 0);
        let read = metadata.log(&t, 1, 0, 100).await.unwrap();
        assert!(read.iter().map(|(seq, _)| *seq).eq(7..=10));
    });
}
