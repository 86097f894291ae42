//! `coinsphere portfolio import`: exports to a file of transactions, all of it or nothing.

use std::fs;
use std::process::Output;

use crate::support::Place;
use crate::support::program::{complaint, run};
use serde_json::Value;

const HISTORY: &str = "User_ID,UTC_Time,Account,Operation,Coin,Change,Remark
1,2021-02-03 09:14:07,Spot,Deposit,EUR,1000,
1,2021-02-03 09:20:31,Spot,Buy,BTC,0.0152,
1,2021-02-03 09:20:31,Spot,Buy,EUR,-480.472,
";
const TRADES: &str = "Date(UTC),Market,Type,Price,Amount,Total,Fee,Fee Coin
2021-02-03 09:20:31,BTCEUR,BUY,31610,0.0152,480.472,0.0000152,BTC
";

fn import(place: &Place, arguments: &[&str]) -> Output {
    run(place.path(), [&["portfolio", "import"], arguments].concat())
}

fn printed(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).expect("JSON")
}

pub(crate) fn exports_become_one_file_of_transactions() {
    let place = Place::new();
    fs::write(place.path().join("history"), HISTORY).unwrap();
    fs::write(place.path().join("trades"), TRADES).unwrap();
    let out = place.path().join("transactions.json");
    let names = [place.path().join("history"), place.path().join("trades")];
    let names = names.each_ref().map(|name| name.to_str().unwrap());
    let to = ["--out", out.to_str().unwrap()];
    let both = import(&place, &[names.as_slice(), &to].concat());
    assert!(both.status.success(), "{}", complaint(&both));
    let both = printed(&both);
    assert_eq!(both["commit"], "accepted");
    assert_eq!(
        both["net"],
        serde_json::json!({"BTC": "0.0152", "EUR": "519.528"})
    );
    assert_eq!(both["refused"], serde_json::json!([]));
    let written: Value = serde_json::from_str(&fs::read_to_string(&out).unwrap()).unwrap();
    assert_eq!(written["transactions"].as_array().unwrap().len(), 2);
    let again = import(&place, &[names.as_slice(), &["--stored", to[1]]].concat());
    assert_eq!(
        (printed(&again)["added"].as_u64(), again.status.code()),
        (Some(0), Some(0))
    );
}

pub(crate) fn a_refused_row_keeps_all_of_it_out_until_it_is_settled() {
    let place = Place::new();
    let name = place.path().join("history");
    fs::write(&name, HISTORY.replace("Deposit", "Zodiac Bonus")).unwrap();
    let out = place.path().join("transactions.csv");
    let (name, out) = (name.to_str().unwrap(), out.to_str().unwrap());
    let refused = import(&place, &[name, "--out", out]);
    assert_eq!(refused.status.code(), Some(3), "{}", complaint(&refused));
    let said = printed(&refused);
    assert_eq!(
        (&said["format"], &said["commit"]),
        (&"binance.transactions".into(), &"refused".into())
    );
    assert_eq!(said["refused"][0]["row"], 2);
    assert!(!fs::exists(out).unwrap());
    let mapped = import(
        &place,
        &[name, "--out", out, "--map", "Zodiac Bonus=reward"],
    );
    assert_eq!(mapped.status.code(), Some(0), "{}", complaint(&mapped));
    assert!(fs::read_to_string(out).unwrap().contains("reward"));
    let skipped = import(&place, &[name, "--skip", "2"]);
    assert_eq!(printed(&skipped)["net"]["EUR"], "-480.472");
    fs::write(
        place.path().join("page"),
        "<!DOCTYPE html>\nPlease sign in\n",
    )
    .unwrap();
    let page = import(&place, &[place.path().join("page").to_str().unwrap()]);
    assert_eq!(
        (page.status.code(), printed(&page)["format"].clone()),
        (Some(3), "unknown".into())
    );
}
