//! Serves generated users until it is ended: `serve_generator ADDRESS [KNOB=VALUE]...`, for example
//! `serve_generator 127.0.0.1:8099 seed=7 rate_per_second=50 late_percent=2`.

use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;

use generator::{Generator, Knobs, serve};
use runtime::{Durability, World};

fn turn(knobs: &mut Knobs, argument: &str) -> Result<(), Box<dyn std::error::Error>> {
    let (name, value) = argument.split_once('=').ok_or("a knob is NAME=VALUE")?;
    match name {
        "seed" => knobs.seed = value.parse()?,
        "rate_per_second" => knobs.rate_per_second = value.parse()?,
        "start_ms" => knobs.start_ms = value.parse()?,
        "late_percent" => knobs.late_percent = value.parse()?,
        "duplicate_percent" => knobs.duplicate_percent = value.parse()?,
        "corrupt_percent" => knobs.corrupt_percent = value.parse()?,
        "limit" => knobs.limit = Some(value.parse()?),
        _ => return Err(format!("no knob is named {name:?}").into()),
    }
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let listen: SocketAddr =
        arguments.next().ok_or("usage: serve ADDRESS [KNOB=VALUE]...")?.parse()?;
    let mut knobs = Knobs::default();
    for argument in arguments {
        turn(&mut knobs, &argument)?;
    }
    let server =
        serve(Arc::new(Generator::new(knobs)?), listen, World::real(Durability::Os)).await?;
    writeln!(std::io::stdout(), "http://{}/api/", server.address)?;
    std::future::pending().await
}
