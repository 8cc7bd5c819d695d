//! Who did what, the configuration, and pools.

use metadata::{AllowedEntry, AllowedKind, DEFAULT_POOL, Event, EventFilter, Pool, Setting};
use serde_json::json;

use crate::world::{at, on_each};

#[test]
fn what_was_done_is_listed_the_newest_first() {
    on_each(|world| async move {
        let metadata = world.open().await;
        for (seconds, who, what, dag_id) in [
            (0, "ann", "dag.pause", Some("d")),
            (1, "bob", "run.trigger", Some("e")),
            (2, "ann", "run.clear", Some("d")),
            (3, "ann", "user.sign_in", None),
        ] {
            let mut event = Event::new(at(seconds), who, what);
            event.dag_id = dag_id.map(str::to_owned);
            event.extra = json!({"n": seconds});
            metadata.audit(&event).await.unwrap();
        }
        let all = EventFilter::default();
        let some = |text: &str| Some(text.to_owned());
        for (filter, expected, count) in [
            (all.clone(), vec![3, 2, 1, 0], 4),
            (EventFilter { dag_id: some("d"), ..all.clone() }, vec![2, 0], 2),
            (EventFilter { who: some("bob"), ..all.clone() }, vec![1], 1),
            (EventFilter { what: some("run."), ..all.clone() }, vec![2, 1], 2),
            (EventFilter { limit: 1, offset: 1, ..all.clone() }, vec![2], 4),
        ] {
            let (events, total) = metadata.events(&filter).await.unwrap();
            let found: Vec<_> = events.iter().map(|kept| kept.event.extra["n"].clone()).collect();
            assert_eq!((found, total), (expected.iter().map(|n| json!(n)).collect(), count));
        }
        assert_eq!(metadata.keep_events(at(2)).await.unwrap(), 2);
        assert_eq!(metadata.events(&all).await.unwrap().1, 2);
    });
}

#[test]
fn the_configuration_is_replaced_whole() {
    on_each(|world| async move {
        let metadata = world.open().await;
        let setting = |name: &str, value: &str| Setting {
            name: name.to_owned(),
            value: value.to_owned(),
            origin: "default".to_owned(),
        };
        metadata.record_configuration(&[setting("b", "1"), setting("a", "2")]).await.unwrap();
        metadata.record_configuration(&[setting("c", "3"), setting("a", "4")]).await.unwrap();
        let kept = metadata.configuration().await.unwrap();
        assert_eq!(kept, [setting("a", "4"), setting("c", "3")]);
    });
}

#[test]
fn the_default_pool_stays() {
    on_each(|world| async move {
        let metadata = world.open().await;
        let small =
            Pool { name: "small".to_owned(), slots: 1, description: "one by one".to_owned() };
        metadata.set_pool(&small).await.unwrap();
        assert!(!metadata.delete_pool(DEFAULT_POOL).await.unwrap());
        assert_eq!(metadata.pools().await.unwrap().len(), 2);
        assert!(metadata.delete_pool("small").await.unwrap());
        assert_eq!(metadata.pools().await.unwrap()[0].pool.name, DEFAULT_POOL);
    });
}

#[test]
fn what_dag_files_may_use_is_listed_once_by_name() {
    on_each(|world| async move {
        let metadata = world.open().await;
        let entry = |kind, name: &str, version: Option<&str>| AllowedEntry {
            kind,
            name: name.to_owned(),
            version: version.map(str::to_owned),
            added_by: "manager".to_owned(),
            added_at: at(1),
        };
        let (package, operator) = (AllowedKind::Package, AllowedKind::Operator);
        metadata.allow(&entry(package, "six", None)).await.unwrap();
        metadata.allow(&entry(package, "six", Some("1.0"))).await.unwrap();
        metadata.allow(&entry(operator, "six", None)).await.unwrap();
        let both = [entry(operator, "six", None), entry(package, "six", Some("1.0"))];
        assert_eq!(metadata.allowed().await.unwrap(), both);
        assert!(metadata.disallow(package, "six").await.unwrap());
        assert!(!metadata.disallow(package, "six").await.unwrap());
        assert_eq!(metadata.allowed().await.unwrap().len(), 1);
    });
}
