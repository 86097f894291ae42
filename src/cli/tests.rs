use clap::CommandFactory;

use super::*;

fn parse(line: &str) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(line.split_whitespace())
}

#[test]
fn definitions_are_consistent_and_every_command_shows_examples() {
    let mut command = Cli::command();
    command.build();
    command.clone().debug_assert();
    for sub in command
        .get_subcommands()
        .filter(|sub| sub.get_name() != "help")
    {
        let help = sub.clone().render_long_help().to_string();
        assert!(
            help.contains(&format!("coinsphere {}", sub.get_name())),
            "{}: {help}",
            sub.get_name()
        );
    }
}

#[test]
fn the_commands_of_the_readme_parse() {
    for line in [
        "coinsphere up --data-dir d --listen 127.0.0.1:3002 --config f.toml --roles ingest,api",
        "coinsphere demo --seed 7 --rate 2000 --fault drop:p=0.1 --fault stall:after=1s",
        "coinsphere simulate --port 9100 --seed 1 --rate 10 --instruments bitcoin,ethereum",
        "coinsphere simulate --replay f.gz --speed max",
        "coinsphere record --venue kraken --instruments BTC/USD,ETH/USD --out f.gz",
        "coinsphere replay a.gz b.gz --data-dir d",
        "coinsphere candles f.gz --venue binance --interval 1m --format jsonl",
        "coinsphere alerts evaluate r.json f.gz --venue binance",
        "coinsphere train --candles f.csv --interval 1d --horizons 1,7 --chart l.svg --format json",
        "coinsphere train --token bitcoin --interval 1h --update --promote never --seed 3",
        "coinsphere predict --candles f.csv --token bitcoin --models-dir d --format json",
        "coinsphere audit verify --data-dir d",
        "coinsphere audit export --out f.jsonl",
        "coinsphere user create --email a@b.org --admin --password-stdin --data-dir d",
        "coinsphere user invite --email a@b.org --days 3",
        "coinsphere user import users.csv",
        "coinsphere keys rotate --totp",
        "coinsphere outbox --limit 5",
        "coinsphere models list --format json",
        "coinsphere models show 20240101T000000000Z-1a2b3c4d",
        "coinsphere models rollback --token bitcoin --interval 1h --data-dir d",
        "coinsphere models import w.pt --candles f.csv --horizons 1",
        "coinsphere evaluate --candles f.csv.gz --interval 1d --horizon 1 --format json",
        "coinsphere evaluate --token bitcoin --interval 1h --horizon 24 --seed 7",
        "coinsphere migrate",
        "coinsphere doctor --database",
    ] {
        if let Err(error) = parse(line) {
            panic!("{line}: {error}");
        }
    }
}

#[test]
fn wrong_usage_is_refused_with_status_2_and_says_what_is_allowed() {
    for (line, wanted) in [
        (
            "coinsphere up --roles ingest,alert",
            "ingest, candles, forecasts, api",
        ),
        ("coinsphere user create --admin", "--email"),
        ("coinsphere user invite --days 0", "1..=90"),
        ("coinsphere up --listen localhost", "--listen"),
        ("coinsphere simulate --speed 2", "--replay"),
        ("coinsphere evaluate --horizon 1", "--candles"),
        ("coinsphere evaluate --candles f --token t", "--token"),
        ("coinsphere evaluate --candles f --horizon 0", "--horizon"),
        ("coinsphere simulate --replay f --speed 0", "or max"),
        ("coinsphere simulate --rate 0", "--rate"),
        (
            "coinsphere simulate --port 1 --listen 127.0.0.1:2",
            "--listen",
        ),
        (
            "coinsphere candles f --venue bitmex",
            "binance, coinbase, kraken",
        ),
        (
            "coinsphere candles f --venue binance --interval 2m",
            "1m, 5m, 15m",
        ),
        ("coinsphere record --venue binance --out f", "--instruments"),
        ("coinsphere replay", "FILE"),
        ("coinsphere train", "--candles"),
        ("coinsphere train --candles f --interval 2d", "1m, 5m, 15m"),
        (
            "coinsphere train --candles f --most-candles 5",
            "120 to 200000",
        ),
        ("coinsphere models promote latest", "20240101T"),
    ] {
        let error = parse(line).expect_err(line);
        assert!(error.to_string().contains(wanted), "{line}: {error}");
        assert_eq!(error.exit_code(), i32::from(EXIT_USAGE), "{line}");
    }
}

#[test]
fn a_port_is_short_for_a_loopback_address() {
    let Command::Simulate(args) = parse("coinsphere simulate --port 9101").unwrap().command else {
        panic!("not simulate");
    };
    assert_eq!(args.address().to_string(), "127.0.0.1:9101");
    assert_eq!(args.speed, Speed::Factor(1.0));
}
