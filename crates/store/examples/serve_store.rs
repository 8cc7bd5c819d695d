//! Runs a store by hand: `serve DATA_DIR PORT [os]`.

use runtime::{Durability, World};
use std::net::SocketAddr;
use std::path::PathBuf;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let directory = PathBuf::from(args.next().ok_or("usage: serve DATA_DIR PORT [os]")?);
    let port: u16 = args.next().ok_or("usage: serve DATA_DIR PORT [os]")?.parse()?;
    let durability = if args.next().is_some() { Durability::Os } else { Durability::Group };
    let listen = SocketAddr::from(([127, 0, 0, 1], port));
    let settings = store::Settings::new(directory, listen);
    let store = store::Store::start(settings, World::real(durability)).await?;
    tokio::signal::ctrl_c().await?;
    store.stop().await;
    Ok(())
}
