//! The door from outside: requests over TCP to a server with a route for each permission.

#![expect(
    clippy::unwrap_used,
    reason = "a test ends at the first thing that is not as it should be"
)]

use std::net::SocketAddr;
use std::sync::Arc;

use axum::{Extension, Router};
use door::testing::RoleAccounts;
use door::{CannotBind, Door, Permission, Principal, Role, Routes, secured};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// A server with the routes `GET` and `POST /P` and `/api/P` for each permission `P`.
async fn serve(door: Door) -> SocketAddr {
    let routes = Permission::all().fold(Routes::new(), |routes, permission| {
        let handler = |principal: Principal| async move { principal.name().to_owned() };
        let (page, api) = (format!("/{permission:?}"), format!("/api/{permission:?}"));
        routes
            .get(&page, permission, handler)
            .post(&page, permission, handler)
            .get(&api, permission, handler)
            .post(&api, permission, handler)
    });
    assert_eq!(routes.listed().len(), 4 * Permission::all().count());
    let router: Router = secured(routes.into_router(), &[]).layer(Extension(door));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

/// The answer to a request with these header lines, `Host: localhost` unless one of them says another.
async fn ask(address: SocketAddr, request: &str, headers: &[&str]) -> String {
    let mut text = format!("{request} HTTP/1.1\r\nConnection: close\r\nContent-Length: 0\r\n");
    if !headers.iter().any(|header| header.starts_with("Host:")) {
        text.push_str(&format!("Host: localhost:{}\r\n", address.port()));
    }
    for header in headers {
        text.push_str(&format!("{header}\r\n"));
    }
    text.push_str("\r\n");
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap()
}

#[tokio::test]
async fn every_role_gets_through_where_the_table_says_so_by_session_and_by_token() {
    let address = serve(Door::with_accounts(Arc::new(RoleAccounts))).await;
    for (name, role) in Role::NAMES {
        let cookie = format!("Cookie: millstream_session={name}");
        let token = format!("Authorization: Bearer {name}");
        for permission in Permission::all() {
            let expected = if role.may(permission) { "200" } else { "403" };
            for who in [&cookie, &token] {
                let answer = ask(address, &format!("GET /api/{permission:?}"), &[who]).await;
                assert_eq!(status(&answer), expected, "{name}, {permission:?}: {answer}");
                let through = answer.ends_with(name);
                assert_eq!(through, role.may(permission), "{name}, {permission:?}: {answer}");
            }
        }
    }
}

#[tokio::test]
async fn a_stranger_on_this_machine_is_asked_to_sign_in_and_a_program_is_told() {
    let address = serve(Door::with_accounts(Arc::new(RoleAccounts))).await;
    for permission in Permission::all() {
        let answer = ask(address, &format!("GET /api/{permission:?}"), &[]).await;
        let open = matches!(
            permission,
            Permission::Health
                | Permission::Assets
                | Permission::SignIn
                | Permission::Pipelines
                | Permission::Records
        );
        assert_eq!(status(&answer), if open { "200" } else { "401" }, "{permission:?}");
    }
    let page = ["Accept: text/html,*/*"];
    let answer = ask(address, "GET /Dags?search=a%20b&x=1", &page).await;
    assert_eq!(status(&answer), "303");
    assert!(
        answer.contains("location: /login?next=%2FDags%3Fsearch%3Da%2520b%26x%3D1"),
        "{answer}"
    );
    let answer = ask(address, "POST /Trigger", &page).await;
    assert!(answer.contains("location: /login?next=%2F\r\n"), "{answer}");
    let answer = ask(address, "GET /api/Dags", &page).await;
    assert_eq!(status(&answer), "401");
    assert!(answer.contains("{\"detail\":\"sign in"), "{answer}");
    let answer = ask(address, "GET /api/Health", &["Authorization: Bearer revoked"]).await;
    assert_eq!(status(&answer), "401", "a program with a wrong token is told so");
    let answer = ask(address, "GET /api/Pipelines", &["Cookie: millstream_session=old"]).await;
    assert_eq!(status(&answer), "200", "an old cookie is no cookie");
}

#[tokio::test]
async fn without_accounts_this_machine_reads_and_changes_nothing() {
    let address = serve(Door::open()).await;
    for permission in Permission::all() {
        let cookie = "Cookie: millstream_session=Admin";
        let answer = ask(address, &format!("GET /api/{permission:?}"), &[cookie]).await;
        assert!(status(&answer) == "403" || !permission.changes(), "{permission:?}");
    }
    assert_eq!(status(&ask(address, "GET /Pipelines", &[]).await), "200");
    assert_eq!(status(&ask(address, "GET /Topics", &[]).await), "200");
}

#[tokio::test]
async fn a_page_of_another_site_starts_nothing() {
    let address = serve(Door::with_accounts(Arc::new(RoleAccounts))).await;
    let cookie = "Cookie: millstream_session=Admin";
    let own = format!("Origin: http://localhost:{}", address.port());
    let post = "POST /api/Trigger";
    for (headers, expected) in [
        (vec![cookie, &own], "200"),
        (vec![cookie, "Sec-Fetch-Site: same-origin"], "200"),
        (vec![cookie], "403"),
        (vec![cookie, "Origin: https://evil.example"], "403"),
        (vec![cookie, "Origin: http://localhost:1"], "403"),
        (vec![cookie, "Origin: null"], "403"),
        (vec![cookie, &own, "Sec-Fetch-Site: cross-site"], "403"),
        (vec![cookie, "Host: evil.example", "Origin: http://evil.example"], "421"),
        (vec!["Authorization: Bearer Admin"], "200"),
        (vec!["Authorization: Bearer Admin", "Origin: https://evil.example"], "403"),
    ] {
        assert_eq!(status(&ask(address, post, &headers).await), expected, "{headers:?}");
    }
}

#[tokio::test]
async fn every_answer_keeps_pages_of_others_out() {
    let address = serve(Door::with_accounts(Arc::new(RoleAccounts))).await;
    for request in ["GET /Health", "GET /api/Dags", "GET /nothing"] {
        let answer = ask(address, request, &[]).await;
        for header in ["content-security-policy: default-src 'none'", "nosniff", "frame-ancestors"]
        {
            assert!(answer.contains(header), "{request}: {answer}");
        }
    }
}

#[tokio::test]
async fn a_server_that_others_reach_has_users() {
    let loopback: SocketAddr = "127.0.0.1:0".parse().unwrap();
    let all: SocketAddr = "0.0.0.0:8080".parse().unwrap();
    assert_eq!(Door::open().may_bind(loopback).await, Ok(()));
    assert_eq!(Door::open().may_bind(all).await, Err(CannotBind::NoUsers(all)));
    let with_users = Door::with_accounts(Arc::new(RoleAccounts));
    assert_eq!(with_users.may_bind(all).await, Ok(()));

    // There, a stranger sees nothing, and addresses are names of the server.
    let address = serve(with_users.at(all, &["mill.example".to_owned()])).await;
    assert_eq!(status(&ask(address, "GET /api/Pipelines", &[]).await), "401");
    for (host, expected) in [
        ("Host: 10.0.0.1:8080", "200"),
        ("Host: mill.example", "200"),
        ("Host: evil.example", "421"),
    ] {
        assert_eq!(status(&ask(address, "GET /api/Health", &[host]).await), expected, "{host}");
    }
}
