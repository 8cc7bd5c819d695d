//! Start and stop of the webserver.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use accounts::Accounts;
use axum::{Extension, Router};
use door::{CannotBind, Door, Listed, secured};
use metadata::Metadata;
use runtime::Clock;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::desk::Desk;
use crate::problem::Problem;
use crate::routes;
use crate::settings::Settings;
use crate::visit::Visit;

/// Longest wait for open requests at a stop. Event streams end at once.
const DRAIN: Duration = Duration::from_secs(1);

/// Why the webserver did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// It would be reached by more than it may.
    #[error("the webserver {0}")]
    Refused(#[from] CannotBind),
    /// Another process has the port, or the address is not this machine's.
    #[error(
        "the webserver cannot listen on {address}: {source}; stop what has the port, or choose \
         another one"
    )]
    Listen {
        /// The address that was asked for.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
}

/// A running webserver.
#[derive(Debug)]
pub struct Webserver {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    server: JoinHandle<()>,
}

impl Webserver {
    /// Listens and serves the pages and the API.
    ///
    /// # Errors
    /// [`StartError`]; nothing runs then.
    pub async fn start(
        settings: Settings,
        metadata: Metadata,
        accounts: Accounts,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StartError> {
        let address = settings.listen;
        let door = Door::with_accounts(Arc::new(accounts.clone()));
        door.may_bind(address).await?;
        let failed = |source| StartError::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let (stop, stopped) = watch::channel(false);
        let desk = Desk::new(metadata, accounts, clock, settings.console_port, stopped.clone());
        let door = door.at(address, &settings.names);
        let router = router(desk, door);
        let server = tokio::spawn(async move {
            let serving = axum::serve(listener, router)
                .with_graceful_shutdown(async move { until_true(stopped).await });
            if let Err(error) = serving.await {
                tracing::error!(%error, "the webserver ended");
            }
        });
        Ok(Self { address, stop, server })
    }

    /// Where the pages are.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends the event streams, waits for open requests for at most a second, and stops.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        if tokio::time::timeout(DRAIN, &mut self.server).await.is_err() {
            self.server.abort();
        }
    }
}

/// Every route with the permission it asks for, to be compared with what it should ask for.
#[must_use]
pub fn listed() -> Vec<Listed> {
    routes::all().listed().to_vec()
}

fn router(desk: Desk, door: Door) -> Router {
    let refusing = desk.clone();
    let door = door.with_refusal_page(move |principal, _| {
        let problem = Problem::new(
            axum::http::StatusCode::FORBIDDEN,
            "Your role does not allow this. An Admin can give you another one.",
        );
        Visit::refused(refusing.clone(), principal.clone()).answer(Err(problem))
    });
    let routes = routes::all().with_state(desk);
    secured(routes.into_router(), &[]).layer(Extension(door))
}

/// Waits for `true`, or for the sender's end.
async fn until_true(mut flag: watch::Receiver<bool>) {
    // An error means that the sender is gone, which is the same news.
    let _gone = flag.wait_for(|flag| *flag).await;
}
