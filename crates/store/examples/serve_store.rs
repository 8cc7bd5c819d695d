//! Runs a store by hand: `serve_store DATA_DIR PORT [group|os] [MEMTABLE_BYTES]`.

use runtime::{Durability, World};
use std::net::SocketAddr;
use std::path::PathBuf;

const USAGE: &str = "usage: serve_store DATA_DIR PORT [group|os] [MEMTABLE_BYTES]";

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let directory = PathBuf::from(args.next().ok_or(USAGE)?);
    let port: u16 = args.next().ok_or(USAGE)?.parse()?;
    let durability = match args.next().as_deref() {
        None | Some("group") => Durability::Group,
        Some("os") => Durability::Os,
        Some(_) => return Err(USAGE.into()),
    };
    let listen = SocketAddr::from(([127, 0, 0, 1], port));
    let mut settings = store::Settings::new(directory, listen);
    if let Some(bytes) = args.next() {
        settings.memtable_bytes = bytes.parse()?;
    }
    let store = store::Store::start(settings, World::real(durability)).await?;
    tokio::signal::ctrl_c().await?;
    store.stop().await;
    Ok(())
}
