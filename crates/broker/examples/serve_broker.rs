//! Runs the broker alone: `serve_broker DATA_DIR PORT [os|group]`. Ends cleanly at Ctrl-C or SIGTERM.

use broker::{Broker, Settings};
use runtime::{Durability, World};
use std::fmt::Write as _;
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// Prints every event of this workspace as one line.
struct Printer;

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        // Writing to a String cannot fail.
        let _infallible = write!(self.0, " {}={value:?}", field.name());
    }
}

impl Subscriber for Printer {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        ["broker", "commitlog"].iter().any(|ours| metadata.target().starts_with(ours))
    }
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, event: &Event<'_>) {
        let mut line = Line(format!("{} {}", event.metadata().level(), event.metadata().target()));
        event.record(&mut line);
        let _closed = writeln!(std::io::stderr(), "{}", line.0);
    }
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let directory = arguments.next().ok_or("usage: serve_broker DATA_DIR PORT [os|group]")?;
    let port: u16 =
        arguments.next().ok_or("usage: serve_broker DATA_DIR PORT [os|group]")?.parse()?;
    let durability = match arguments.next().as_deref() {
        Some("os") => Durability::Os,
        _ => Durability::Group,
    };
    tracing::subscriber::set_global_default(Printer)?;
    let mut settings = Settings::new(directory);
    settings.listen = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let broker = Broker::start(settings, World::real(durability)).await?;
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
    broker.stop().await;
    Ok(())
}
