//! Routes with a list of what each gives away, so that a test can try every role on every route.

use axum::Router;
use axum::handler::Handler;
use axum::http::Method;
use axum::routing::{MethodRouter, any, delete, get, patch, post, put};

use crate::{Permission, guarded};

/// A route, as it is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The method.
    pub method: Method,
    /// The path, with its parts in braces.
    pub path: String,
    /// What it gives away.
    pub permission: Permission,
}

/// A router each of whose routes goes through the door and is listed.
#[derive(Debug)]
pub struct Routes<S = ()> {
    router: Router<S>,
    listed: Vec<Listed>,
}

impl<S: Clone + Send + Sync + 'static> Default for Routes<S> {
    fn default() -> Self {
        Self::new()
    }
}

impl<S: Clone + Send + Sync + 'static> Routes<S> {
    /// No routes.
    #[must_use]
    pub fn new() -> Self {
        Self { router: Router::new(), listed: Vec::new() }
    }

    /// A route that reads. HEAD is answered as well.
    #[must_use]
    pub fn get<H, T>(self, path: &str, permission: Permission, handler: H) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
    {
        self.add(Method::GET, path, permission, get(handler))
    }

    /// A route that makes something, or starts it.
    #[must_use]
    pub fn post<H, T>(self, path: &str, permission: Permission, handler: H) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
    {
        self.add(Method::POST, path, permission, post(handler))
    }

    /// A route that sets something.
    #[must_use]
    pub fn put<H, T>(self, path: &str, permission: Permission, handler: H) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
    {
        self.add(Method::PUT, path, permission, put(handler))
    }

    /// A route that changes parts of something.
    #[must_use]
    pub fn patch<H, T>(self, path: &str, permission: Permission, handler: H) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
    {
        self.add(Method::PATCH, path, permission, patch(handler))
    }

    /// A route that deletes something.
    #[must_use]
    pub fn delete<H, T>(self, path: &str, permission: Permission, handler: H) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
    {
        self.add(Method::DELETE, path, permission, delete(handler))
    }

    /// What answers where there is no route.
    #[must_use]
    pub fn fallback<H, T>(mut self, permission: Permission, handler: H) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
    {
        self.router = self.router.fallback(guarded(permission, any(handler)));
        self
    }

    fn add(
        mut self,
        method: Method,
        path: &str,
        permission: Permission,
        route: MethodRouter<S>,
    ) -> Self {
        self.router = self.router.route(path, guarded(permission, route));
        self.listed.push(Listed { method, path: path.to_owned(), permission });
        self
    }

    /// These routes and others.
    #[must_use]
    pub fn merge(mut self, other: Self) -> Self {
        self.router = self.router.merge(other.router);
        self.listed.extend(other.listed);
        self
    }

    /// Gives the handlers their state.
    #[must_use]
    pub fn with_state<S2: Clone + Send + Sync + 'static>(self, state: S) -> Routes<S2> {
        Routes { router: self.router.with_state(state), listed: self.listed }
    }

    /// Every route.
    #[must_use]
    pub fn listed(&self) -> &[Listed] {
        &self.listed
    }

    /// The router.
    pub fn into_router(self) -> Router<S> {
        self.router
    }
}
