//! Variables and connections, and the key that opens them.

use metadata::{Connection, Metadata};

use crate::world::{key, on_each};

fn connection() -> Connection {
    Connection {
        id: "warehouse".to_owned(),
        kind: "postgres".to_owned(),
        host: Some("db.example".to_owned()),
        port: Some(5432),
        login: Some("etl".to_owned()),
        password: Some("PASSWORD-IN-CLEAR".to_owned()),
        extra: Some("{\"token\": \"EXTRA-IN-CLEAR\"}".to_owned()),
        ..Connection::default()
    }
}

#[test]
fn variables_and_connections_are_read_as_they_were_set() {
    on_each(|world| async move {
        let metadata = world.open().await;
        metadata.set_variable("b", "", None).await.unwrap();
        metadata.set_variable("a", "old", Some("first")).await.unwrap();
        metadata.set_variable("a", "new \u{1F600}", None).await.unwrap();
        let variables = metadata.variables().await.unwrap();
        assert_eq!(variables.len(), 2);
        assert_eq!(variables[0].value, "new \u{1F600}");
        assert_eq!(variables[0].description, None);
        assert_eq!(metadata.variable("b").await.unwrap().unwrap().value, "");
        assert!(metadata.delete_variable("b").await.unwrap());
        assert!(!metadata.delete_variable("b").await.unwrap());
        assert_eq!(metadata.variable("b").await.unwrap(), None);

        metadata.set_connection(&connection()).await.unwrap();
        assert_eq!(metadata.connection("warehouse").await.unwrap(), Some(connection()));
        let plain = Connection { password: None, extra: None, port: None, ..connection() };
        metadata.set_connection(&plain).await.unwrap();
        assert_eq!(metadata.connections().await.unwrap(), [plain]);
        assert!(metadata.delete_connection("warehouse").await.unwrap());
        assert!(metadata.connections().await.unwrap().is_empty());
    });
}

#[test]
fn no_secret_is_in_the_database_in_clear_text() {
    on_each(|world| async move {
        let metadata = world.open().await;
        metadata.set_variable("api_key", "VARIABLE-IN-CLEAR", None).await.unwrap();
        metadata.set_connection(&connection()).await.unwrap();
        let shown = format!("{:?}", metadata.variable("api_key").await.unwrap());
        assert!(!shown.contains("IN-CLEAR"), "{shown}");
        assert!(!format!("{:?}", connection()).contains("IN-CLEAR"));
        metadata.close().await;
        if !world.is_sqlite() {
            return;
        }
        let (mut files, mut names) = (0, 0);
        for entry in std::fs::read_dir(world.directory.path()).unwrap() {
            for file in std::fs::read_dir(entry.unwrap().path()).unwrap() {
                let bytes = std::fs::read(file.unwrap().path()).unwrap();
                let found = |text: &[u8]| bytes.windows(text.len()).any(|part| part == text);
                assert!(!found(b"IN-CLEAR"));
                names += u32::from(found(b"warehouse"));
                files += 1;
            }
        }
        assert!(files > 0 && names > 0, "the files were looked at");
    });
}

#[test]
fn another_key_is_refused_by_name() {
    on_each(|world| async move {
        let metadata = world.open().await;
        metadata.set_variable("a", "b", None).await.unwrap();
        let error = Metadata::open(&world.address, &key(2)).await.unwrap_err().to_string();
        assert!(error.contains("a test's key") && error.contains("another key"), "{error}");
        // A value that came from elsewhere is named as well.
        world.raw("UPDATE variable SET value = '1AAAA'").await;
        let error = metadata.variable("a").await.unwrap_err().to_string();
        assert!(error.contains("variable/a") && error.contains("set it again"), "{error}");
    });
}
