//! Looks at servers: KAFKA CASSANDRA ENGINE.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "an example")]

#[tokio::main]
async fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let cassandra: Vec<String> = args[1].split(',').map(str::to_owned).collect();
    let settings = doctor::Settings::new(&args[0], &cassandra, args[2].parse().unwrap());
    let clock = runtime::SystemClock::new();
    let report = doctor::examine(&settings, &clock).await;
    if args.len() > 3 {
        println!("{}", serde_json::to_string_pretty(&report).unwrap());
    }
    println!("{}", doctor::to_text(&report));
}
