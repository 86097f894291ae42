//! Complaints of users of portfolio trackers about imports, each by a name that says what is right.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::collections::{BTreeMap, BTreeSet};

use coinsphere_portfolios::files::{write_csv, write_json};
use coinsphere_portfolios::imports::{Choice, DateOrder, ImportOptions, import};
use coinsphere_portfolios::report::{ReportOptions, report};
use coinsphere_portfolios::transaction::parse_time;
use coinsphere_portfolios::{Decimal, Kind, Leg, Method, Scope, Transaction, TransactionFile};
use proptest::prelude::*;
use support::imports::{LEDGER, files, history, kinds, net, read, read_with, refused, stored};

#[test]
fn equal_rows_of_one_file_all_count() {
    let row = "2021-01-01 00:00:00,Spot,Savings Interest,BTC,0.1\n";
    let outcome = read(&[&history(&row.repeat(3))]);
    assert_eq!(net(&outcome), ["0.3 BTC"]);
    let ids: BTreeSet<String> = stored(&outcome)
        .into_iter()
        .map(|transaction| transaction.id)
        .collect();
    assert_eq!(ids.len(), 3, "each has an id of its own");
}

#[test]
fn three_equal_rows_add_one_where_two_are_stored() {
    let row = "2021-01-01 00:00:00,Spot,Savings Interest,BTC,0.1\n";
    let known = stored(&read(&[&history(&row.repeat(2))]));
    let options = ImportOptions {
        known: known.clone(),
        ..ImportOptions::default()
    };
    let outcome = read_with(&[&history(&row.repeat(3))], &options);
    assert_eq!(
        (net(&outcome), outcome.files[0].duplicates.len()),
        (vec!["0.1 BTC".to_owned()], 2)
    );
    assert!(
        !known
            .iter()
            .any(|known| known.id == outcome.transactions[0].transaction.id)
    );
}

#[test]
fn values_that_are_written_differently_are_the_same() {
    let rows = |amount: &str| {
        history(&format!(
            "2021-01-01 00:00:00,Spot,Savings Interest,BTC,{amount}"
        ))
    };
    let outcome = read(&[&rows("1.0"), &rows("1.00000000"), &rows("1E0")]);
    assert_eq!(net(&outcome), ["1 BTC"]);
}

#[test]
fn duplicates_are_of_one_account() {
    let text = history("2021-01-01 00:00:00,Spot,Deposit,BTC,1");
    let mine = ImportOptions {
        account: Some("mine".to_owned()),
        ..ImportOptions::default()
    };
    let known = stored(&read_with(&[&text], &mine));
    let hers = ImportOptions {
        account: Some("hers".to_owned()),
        known: known.clone(),
        ..ImportOptions::default()
    };
    assert_eq!(net(&read_with(&[&text], &hers)), ["1 BTC"]);
    let again = ImportOptions { known, ..mine };
    assert!(read_with(&[&text], &again).transactions.is_empty());
}

#[test]
fn a_second_import_takes_the_rows_it_took_before_and_adds_nothing() {
    let text = history(
        "2021-01-01 00:00:00,Spot,Deposit,BTC,1\n2021-01-02 00:00:00,Spot,Withdraw,BTC,-0.5",
    );
    let options = ImportOptions {
        known: stored(&read(&[&text])),
        ..ImportOptions::default()
    };
    let again = read_with(&[&text], &options);
    assert!(again.is_accepted() && again.transactions.is_empty());
    assert_eq!(again.files[0].duplicates.len(), 2);
}

#[test]
fn many_rows_in_one_second_are_put_together() {
    let mut rows = String::new();
    for _ in 0..200 {
        rows += "2024-01-08 07:05:12,Spot,Transaction Spend,EUR,-10\n";
        rows += "2024-01-08 07:05:12,Spot,Transaction Buy,ETH,0.005\n";
        rows += "2024-01-08 07:05:12,Spot,Transaction Fee,BNB,-0.00001\n";
        rows += "2024-01-08 07:05:12,Spot,Transaction Spend,EUR,-5\n";
    }
    let outcome = read(&[&history(&rows)]);
    assert_eq!(net(&outcome), ["-0.002 BNB", "1 ETH", "-3000 EUR"]);
    assert_eq!(kinds(&outcome), [Kind::Buy]);
}

#[test]
fn dust_of_one_second_is_paired_by_value_whatever_the_order() {
    let rows = "2021-01-01 00:00:00,Spot,Buy,BTC,0.01\n2021-01-01 00:00:00,Spot,Buy,EUR,-300\n\
        2021-01-01 00:00:01,Spot,Buy,ETH,1\n2021-01-01 00:00:01,Spot,Buy,EUR,-1000\n\
        2021-01-01 00:00:02,Spot,Buy,BNB,1\n2021-01-01 00:00:02,Spot,Buy,EUR,-40\n\
        2021-06-15 21:43:09,Spot,Small assets exchange BNB,BNB,0.0250\n\
        2021-06-15 21:43:09,Spot,Small assets exchange BNB,BNB,0.0011\n\
        2021-06-15 21:43:09,Spot,Small assets exchange BNB,BTC,-0.00000150\n\
        2021-06-15 21:43:09,Spot,Small assets exchange BNB,ETH,-0.00100000";
    let outcome = read(&[&history(rows)]);
    assert!(outcome.is_accepted(), "{:?}", refused(&outcome));
    let dust: Vec<_> = outcome
        .transactions
        .iter()
        .filter(|dust| dust.transaction.tags == ["dust"])
        .collect();
    let received = |coin: &str| {
        let pair = dust
            .iter()
            .find(|dust| dust.transaction.sent.as_ref().unwrap().asset == coin)
            .unwrap();
        assert_eq!(pair.flags, ["paired by value"]);
        pair.transaction
            .received
            .as_ref()
            .unwrap()
            .quantity
            .normalized()
            .to_string()
    };
    assert_eq!(
        (received("ETH"), received("BTC")),
        ("0.025".to_owned(), "0.0011".to_owned())
    );
}

#[test]
fn the_second_leg_may_carry_the_next_second() {
    let rows = "2024-01-08 07:05:12,Spot,Transaction Spend,EUR,-100\n\
        2024-01-08 07:05:13,Spot,Transaction Buy,ETH,0.05\n2024-01-08 07:05:13,Spot,Transaction Fee,BNB,-0.001";
    let outcome = read(&[&history(rows)]);
    assert_eq!((kinds(&outcome), net(&outcome).len()), (vec![Kind::Buy], 3));
}

#[test]
fn columns_may_stand_in_any_order_and_unknown_ones_follow() {
    let text = "Coin,Change,Operation,Account,UTC_Time,User_ID,Remark,Invented\nBTC,1,Deposit,Spot,2021-01-01 00:00:00,1,,x\n";
    assert_eq!(net(&read(&[text])), ["1 BTC"]);
    let text = "txid,refid,time,type,asset,amount,fee,balance,amountusd,\nL1,R1,2020-01-01 00:00:00,deposit,XXBT,1,0,1,7000,\n";
    assert_eq!(net(&read(&[text])), ["1 BTC"]);
}

#[test]
fn a_renamed_operation_refuses_its_row_and_shows_the_rest() {
    let text = history(
        "2024-01-01 00:00:00,Spot,Deposit,BTC,0.5\n2024-01-02 00:00:00,Spot,Zodiac Bonus,BNB,0.1",
    );
    let outcome = read(&[&text]);
    assert_eq!(net(&outcome), ["0.5 BTC"]);
    assert_eq!(refused(&outcome)[0].0, 3);
    assert!(refused(&outcome)[0].1.contains("\"Zodiac Bonus\""));
    assert!(outcome.into_file("USD").is_none(), "nothing is stored");
    let said = |choice| ImportOptions {
        operations: BTreeMap::from([("Zodiac Bonus".to_owned(), choice)]),
        ..ImportOptions::default()
    };
    let mapped = read_with(&[&text], &said(Choice::Book(Kind::Reward)));
    assert_eq!(
        (mapped.is_accepted(), net(&mapped)),
        (true, vec!["0.1 BNB".to_owned(), "0.5 BTC".to_owned()])
    );
    let skipped = read_with(&[&text], &said(Choice::Skip));
    assert_eq!(
        (skipped.is_accepted(), net(&skipped)),
        (true, vec!["0.5 BTC".to_owned()])
    );
    let of_row = ImportOptions {
        rows: BTreeMap::from([(("export-0.csv".to_owned(), 3), Choice::Skip)]),
        ..ImportOptions::default()
    };
    assert!(read_with(&[&text], &of_row).is_accepted());
    assert!(
        !read_with(&[&text], &said(Choice::Book(Kind::Spend))).is_accepted(),
        "what came in cannot be spent"
    );
}

#[test]
fn history_and_trades_of_one_venue_never_double() {
    let history = history(
        "2023-12-31 18:12:45,Spot,Transaction Buy,ETH,0.3\n2023-12-31 18:12:45,Spot,Transaction Spend,USDT,-600\n\
         2023-12-31 18:12:45,Spot,Transaction Buy,ETH,0.2\n2023-12-31 18:12:45,Spot,Transaction Spend,USDT,-400.5\n\
         2023-12-31 18:12:45,Spot,Transaction Fee,BNB,-0.001",
    );
    let trades = "Date(UTC),Pair,Side,Price,Executed,Amount,Fee\n\
        2023-12-31 18:12:45,ETHUSDT,BUY,2000,0.3ETH,600USDT,0.0006BNB\n\
        2023-12-31 18:12:45,ETHUSDT,BUY,2002.5,0.2ETH,400.5USDT,0.0004BNB\n\
        2024-01-01 00:00:00,ETHUSDT,SELL,2100,0.1ETH,210USDT,0.21USDT\n";
    for order in [[history.as_str(), trades], [trades, history.as_str()]] {
        let outcome = read(&order);
        assert_eq!(net(&outcome), ["-0.001 BNB", "0.4 ETH", "-790.71 USDT"]);
    }
    let known = ImportOptions {
        known: stored(&read(&[trades])),
        ..ImportOptions::default()
    };
    assert!(read_with(&[&history], &known).transactions.is_empty());
}

#[test]
fn a_withdrawal_told_with_its_fee_inside_and_beside_is_one() {
    let history = history(
        "2024-02-03 09:08:08,Spot,Withdraw,USDT,-200\n2024-02-01 10:00:00,Spot,Deposit,ETH,1.25",
    );
    let withdrawals = "Date(UTC+0),Coin,Network,Amount,Fee,Address,TXID,Status\n\
        24-02-03 09:08:07,USDT,TRX,199,1,T1,33,Completed\n";
    let deposits = "Date(UTC+0),Coin,Network,Amount,Address,TXID,Status\n2024-02-01 09:55:00,ETH,ETH,1.25,0x,0x11,Completed\n";
    let outcome = read(&[&history, withdrawals, deposits]);
    assert_eq!(net(&outcome), ["1.25 ETH", "-200 USDT"]);
}

#[test]
fn money_that_moves_to_another_account_is_told_twice_and_counts_once() {
    let retail = "Timestamp,Transaction Type,Asset,Quantity Transacted,Spot Price Currency,Spot Price at Transaction,Subtotal,\
        Total (inclusive of fees and/or spread),Fees and/or Spread,Notes\n\
        2021-01-04T08:59:00Z,Deposit,EUR,1000,EUR,1,,,,\n2021-01-04T09:00:00Z,Pro Deposit,EUR,1000,EUR,1,,,,\n";
    let pro = "portfolio,type,time,amount,balance,amount/balance unit,transfer id,trade id,order id\n\
        default,deposit,2021-01-04T09:00:05.123Z,1000,1000,EUR,a1,,\n";
    for order in [[retail, pro], [pro, retail]] {
        assert_eq!(net(&read(&order)), ["1000 EUR"]);
    }
}

#[test]
fn legs_from_several_wallets_add_up() {
    let text = "txid,refid,time,type,subtype,aclass,asset,wallet,amount,fee,balance\n\
        L1,T1,2025-02-01 12:00:00,trade,tradespot,currency,ETH,earn / liquid,-0.12,0,0\n\
        L2,T1,2025-02-01 12:00:00,trade,tradespot,currency,ETH,spot / main,-0.05,0,0\n\
        L3,T1,2025-02-01 12:00:00,trade,tradespot,currency,EUR,spot / main,527,1.32,1000\n";
    assert_eq!(net(&read(&[text])), ["-0.17 ETH", "525.68 EUR"]);
}

#[test]
fn what_failed_is_not_counted() {
    let ledger = format!(
        "{LEDGER}L1,F1,2025-02-02 08:00:00,withdrawal,,currency,EUR,-900,1,100\n\
         L2,F1,2025-02-03 08:00:00,withdrawal,,currency,EUR,900,-1,1001\n\
         ,Q1,2025-02-04 08:00:00,deposit,,currency,EUR,5,0,\n"
    );
    let deposits = "Date(UTC+0),Coin,Network,Amount,Address,TXID,Status\n2024-02-02 10:00:00,BTC,BTC,0.1,b,22,Rejected\n";
    let returned = history(
        "2024-02-03 09:08:08,Spot,Withdraw,USDT,-200\n2024-02-03 10:08:08,Spot,Withdraw,USDT,200",
    );
    for text in [ledger.as_str(), deposits, &returned] {
        let outcome = read(&[text]);
        assert!(
            outcome.is_accepted() && outcome.transactions.is_empty(),
            "{:?}",
            refused(&outcome)
        );
    }
}

#[test]
fn staking_moves_are_neither_income_nor_sales() {
    let ledger = format!(
        "{LEDGER}L1,B1,2021-03-03 08:02:10,transfer,spottostaking,currency,DOT,-4,0,0\n\
         L2,R1,2021-03-03 08:02:40,transfer,stakingfromspot,currency,DOT.S,4,0,4\n\
         L3,E1,2025-01-10 10:00:00,earn,,currency,ETH,-0.15,0,0\nL4,E1,2025-01-10 10:00:00,earn,,currency,ETH.F,0.15,0,0.15\n\
         L5,E2,2025-01-17 01:00:00,earn,,currency,ETH.F,0.01,0.001,0.159\n"
    );
    let outcome = read(&[&ledger]);
    assert_eq!(
        (kinds(&outcome), net(&outcome)),
        (vec![Kind::Staking], vec!["0.009 ETH".to_owned()])
    );
    let earn = history(
        "2024-01-10 00:00:03,Spot,Simple Earn Flexible Subscription,ETH,-0.2\n2024-01-10 00:00:03,Earn,Simple Earn Flexible Subscription,LDETH,0.2",
    );
    assert!(read(&[&earn]).transactions.is_empty());
}

#[test]
fn fees_below_zero_are_charged_where_the_balance_says_so() {
    let ledger = format!(
        "{LEDGER}L1,Q1,2021-03-01 10:00:00,deposit,,currency,ZEUR,500,0,500\n\
         L2,T1,2021-03-02 11:00:00,trade,,currency,ZEUR,-200,-0.32,299.68\nL3,T1,2021-03-02 11:00:00,trade,,currency,XXBT,0.005,0,0.005\n"
    );
    assert_eq!(net(&read(&[&ledger])), ["0.005 BTC", "299.68 EUR"]);
}

#[test]
fn decimals_are_kept_and_amounts_are_not_computed_from_a_rounded_price() {
    let trades = "Date(UTC),Market,Type,Price,Amount,Total,Fee,Fee Coin\n\
        2019-03-04 10:01:02,ETHBTC,BUY,0.03,0.123456789012345678,0.00370371,0.000000000000000001,BNB\n";
    assert_eq!(
        net(&read(&[trades])),
        [
            "-0.000000000000000001 BNB",
            "-0.00370371 BTC",
            "0.123456789012345678 ETH"
        ]
    );
    let too_fine = trades.replace("0.123456789012345678", "0.1234567890123456789");
    assert!(refused(&read(&[&too_fine]))[0].1.contains("19 decimals"));
}

#[test]
fn a_date_without_a_time_is_that_day_where_the_user_is() {
    let text = "Date,Code,DataSource,Currency,Price,Quantity,Action,Fee,Note\n13-04-2021,BTCUSD,YAHOO,USD,60000,0.5,buy,10,\n";
    let options = ImportOptions {
        timezone: "America/New_York".parse().unwrap(),
        ..ImportOptions::default()
    };
    let outcome = read_with(&[text], &options);
    let transaction = &outcome.transactions[0].transaction;
    assert_eq!(transaction.time.to_rfc3339(), "2021-04-13T04:00:00+00:00");
    assert_eq!(net(&outcome), ["0.5 BTC", "-30010 USD"]);
}

#[test]
fn a_date_that_may_be_read_two_ways_is_asked_about() {
    let text = "Type,Buy,Cur.,Sell,Cur.,Fee,Cur.,Exchange,Group,Comment,Date\n\
        Deposit,1,BTC,-,,-,,X,,,03/04/2021 10:15\n";
    assert!(
        refused(&read(&[text]))[0]
            .1
            .contains("say which comes first")
    );
    let options = ImportOptions {
        date_order: Some(DateOrder::DayFirst),
        ..ImportOptions::default()
    };
    let outcome = read_with(&[text], &options);
    assert_eq!(
        outcome.transactions[0].transaction.time.to_rfc3339(),
        "2021-04-03T10:15:00+00:00"
    );
}

#[test]
fn amounts_in_the_style_of_the_users_language_are_read_or_asked_about() {
    let header = "\"Type\";\"Buy\";\"Cur.\";\"Sell\";\"Cur.\";\"Fee\";\"Cur.\";\"Exchange\";\"Group\";\"Comment\";\"Date\"\n";
    let text = format!(
        "{header}\"Trade\";\"1,5\";\"ETH\";\"1.234\";\"EUR\";\"-\";\"\";\"X\";\"\";\"a;b\";\"24.08.2019 23:01\"\n"
    );
    assert_eq!(net(&read(&[&text])), ["1.5 ETH", "-1234 EUR"]);
    let unclear = text.replace("1,5", "2");
    assert!(refused(&read(&[&unclear]))[0].1.contains("may be"));
    let options = ImportOptions {
        decimal_comma: Some(false),
        ..ImportOptions::default()
    };
    assert_eq!(
        net(&read_with(&[&unclear], &options)),
        ["2 ETH", "-1.234 EUR"]
    );
}

#[test]
fn a_ticker_of_another_coin_is_asked_about_once_and_never_guessed() {
    let text = history(
        "2021-01-01 00:00:00,Spot,Deposit,LUNA,1\n2021-01-02 00:00:00,Spot,Deposit,LUNA,1\n2021-01-03 00:00:00,Spot,Deposit,XYZ,1",
    );
    let meaning = |ids: &[&str]| ids.iter().map(ToString::to_string).collect::<BTreeSet<_>>();
    let catalogue = BTreeMap::from([("LUNA".to_owned(), meaning(&["terra-luna", "terra-luna-2"]))]);
    let mut options = ImportOptions {
        catalogue: Some(catalogue),
        ..ImportOptions::default()
    };
    let outcome = read_with(&[&text], &options);
    assert!(!outcome.is_accepted());
    let asked: Vec<_> = outcome
        .questions
        .iter()
        .map(|question| (question.ticker.as_str(), question.candidates.len()))
        .collect();
    assert_eq!(asked, [("LUNA", 2), ("XYZ", 0)]);
    options
        .assets
        .insert("binance:LUNA".to_owned(), "terra-luna".to_owned());
    options.assets.insert("XYZ".to_owned(), "xyz".to_owned());
    let answered = read_with(&[&text], &options);
    assert_eq!(
        (answered.is_accepted(), net(&answered)),
        (true, vec!["2 terra-luna".to_owned(), "1 xyz".to_owned()])
    );
}

#[test]
fn a_ticker_is_the_coin_that_it_was_the_name_of_then() {
    let text = history(
        "2021-01-01 00:00:00,Spot,Deposit,LUNA,1\n2022-05-27 23:59:59,Spot,Deposit,UST,2\n2022-05-28 00:00:00,Spot,Deposit,LUNA,4\n2018-01-01 00:00:00,Spot,Deposit,BCC,8",
    );
    let renamed = ["8 BCH", "4 LUNA", "1 LUNC", "2 USTC"];
    assert_eq!(net(&read(&[&text])), renamed);
    // An answer about the new coin is none about the old.
    let mut options = ImportOptions::default();
    options
        .assets
        .insert("LUNA".to_owned(), "terra-luna-2".to_owned());
    let answered = read_with(&[&text], &options);
    assert_eq!(
        net(&answered),
        ["8 BCH", "1 LUNC", "2 USTC", "4 terra-luna-2"]
    );
    let only = |id: &str| BTreeSet::from([id.to_owned()]);
    options.catalogue = Some(BTreeMap::from([
        ("LUNC".to_owned(), only("terra-luna")),
        ("USTC".to_owned(), only("terrausd")),
        ("BCH".to_owned(), only("bitcoin-cash")),
    ]));
    let known = read_with(&[&text], &options);
    assert!(known.questions.is_empty(), "{:?}", known.questions);
    assert_eq!(
        net(&known),
        [
            "8 bitcoin-cash",
            "1 terra-luna",
            "4 terra-luna-2",
            "2 terrausd"
        ]
    );
    // Kraken had no BCC of that name, and Coinbase's DAI changed on a day of its own.
    let ledger = format!("{LEDGER}L1,R1,2018-03-10 00:50:00,deposit,,currency,BCC,3,0,3\n");
    assert_eq!(net(&read(&[&ledger])), ["3 BCC"]);
}

#[test]
fn staked_and_saved_coins_are_the_coin_behind_them() {
    let text = history(
        "2021-01-01 00:00:00,Earn,Savings Interest,LDBTC,0.1\n2021-01-01 00:00:00,Spot,Deposit,LDO,5\n2021-01-02 00:00:00,Spot,Deposit,BETH,1",
    );
    assert_eq!(net(&read(&[&text])), ["1 BETH", "0.1 BTC", "5 LDO"]);
    let ledger = format!("{LEDGER}L1,R1,2021-03-10 00:50:00,staking,,currency,ETH2.S,0.1,0,0.1\n");
    assert_eq!(net(&read(&[&ledger])), ["0.1 ETH"]);
}

#[test]
fn what_is_no_table_says_which_tables_are_known() {
    let outcome = read(&["<!DOCTYPE html>\n<html><body>Please sign in</body></html>\n"]);
    assert_eq!(
        (outcome.format().as_str(), outcome.is_accepted()),
        ("unknown", false)
    );
    assert!(outcome.files[0].notes[0].contains("kraken.ledgers"));
    for bytes in [
        vec![],
        vec![0u8; 64],
        b"PK\x03\x04 and nothing else".to_vec(),
        b"{\"a\":".to_vec(),
    ] {
        let outcome = import(&[("x".to_owned(), bytes)], &ImportOptions::default());
        assert!(!outcome.is_accepted() && outcome.transactions.is_empty());
    }
}

#[test]
fn lots_missing_after_import() {
    let text = "Date,Type,Label,Sending Wallet,Sent Amount,Sent Currency,Sent Cost Basis,Receiving Wallet,Received Amount,\
        Received Currency,Received Cost Basis,Fee Amount,Fee Currency,Gain (GBP),Net Value (GBP),Fee Value (GBP),TxSrc,TxDest,TxHash,Description\n\
        2023-04-01 10:00:00 UTC,buy,,Kraken,1000,GBP,,Kraken,0.5,ETH,1000,2.5,GBP,,1000,2.5,,,,\n\
        2023-04-07 11:00:00 UTC,transfer,,Kraken,0.5,ETH,1000,Ledger,0.5,ETH,1000,,,0,160,0.8,,,0xbb01,\n";
    let file = read(&[text]).into_file("GBP").unwrap();
    let options = ReportOptions {
        scope: Scope::Account,
        ..ReportOptions::new(Method::Fifo)
    };
    let report = report(&file, &options).unwrap();
    let left = &report.remaining[0];
    assert_eq!(
        (
            left.account.as_str(),
            left.quantity.as_str(),
            left.basis.unwrap().to_string().as_str()
        ),
        ("Ledger", "0.5", "1002.5")
    );
    assert!(report.flags.is_empty(), "{:?}", report.flags);
}

#[test]
fn one_bad_file_of_several_keeps_all_of_them_out() {
    let good = history("2021-01-01 00:00:00,Spot,Deposit,BTC,1");
    let outcome = read(&[&good, "nothing"]);
    assert_eq!(net(&outcome), ["1 BTC"], "it is shown");
    assert!(outcome.into_file("USD").is_none(), "and not stored");
}

#[test]
fn a_file_that_breaks_off_within_a_quote_is_refused_as_a_whole() {
    let outcome = read(&[
        "User_ID,UTC_Time,Account,Operation,Coin,Change,Remark\n1,2021-01-01 00:00:00,Spot,Deposit,BTC,1,\n1,\"2021-01-0",
    ]);
    assert_eq!(refused(&outcome)[0].0, 3);
    assert!(outcome.transactions.is_empty());
}

#[test]
fn only_the_name_tells_old_deposits_from_old_withdrawals() {
    let text = "Date(UTC),Coin,Amount,TransactionFee,Address,TXID,SourceAddress,PaymentID,Status\n\
        2019-01-01 00:00:00,BTC,1,0.0005,a,t,,,Completed\n";
    let of = |name: &str| {
        import(
            &[(name.to_owned(), text.as_bytes().to_vec())],
            &ImportOptions::default(),
        )
    };
    assert_eq!(net(&of("WithdrawalHistory.csv")), ["-1.0005 BTC"]);
    assert_eq!(net(&of("DepositHistory.csv")), ["0.9995 BTC"]);
    assert!(
        refused(&of("part-00000.csv"))[0]
            .1
            .contains("put one of these words")
    );
}

#[test]
fn notes_of_a_convert_are_read_in_the_style_that_its_amount_settles() {
    let row = |quantity: &str, note: &str| {
        format!(
            "\nTransactions\nUser,X,1\nID,Timestamp,Transaction Type,Asset,Quantity Transacted,Price Currency,Price at Transaction,\
             Subtotal,Total (inclusive of fees and/or spread),Fees and/or Spread,Notes\n\
             c1,2024-06-20 09:15:00 UTC,Convert,ETH,-{quantity},EUR,€3304.11,-€330.41,-€330.41,€0.00,\"{note}\"\n"
        )
    };
    assert_eq!(
        net(&read(&[&row("1.5", "1,5 ETH in 1.234,5 USDC umgewandelt")])),
        ["-1.5 ETH", "1234.5 USDC"]
    );
    assert_eq!(
        net(&read(&[&row("1.5", "Converted 1.5 ETH to 1,234.5 USDC")])),
        ["-1.5 ETH", "1234.5 USDC"]
    );
    assert!(
        !read(&[&row("1", "Converted 1 ETH to 1,234 USDC")]).is_accepted(),
        "1234 or 1.234"
    );
}

#[test]
fn exports_of_other_trackers_are_read() {
    let ghostfolio = r#"{"meta": {"version": "dev"}, "accounts": [{"id": "a1", "name": "Bank"}], "activities": [
        {"accountId": "a1", "comment": null, "fee": 1.5, "id": "g1", "quantity": 0.123456789012345678, "type": "BUY",
         "unitPrice": 20000, "currency": "USD", "dataSource": "YAHOO", "date": "2021-09-16T00:00:00.000Z", "symbol": "BTCUSD"},
        {"accountId": null, "fee": 0, "id": "g2", "quantity": 0, "type": "BUY", "unitPrice": 0, "currency": "USD",
         "dataSource": "YAHOO", "date": "2050-06-06T00:00:00.000Z", "symbol": "MSFT"}]}"#;
    assert_eq!(
        net(&read(&[ghostfolio])),
        ["0.123456789012345678 BTC", "-2470.63578024691356 USD"]
    );
    let rotki = "timestamp,event_type,event_subtype,location,location_label,asset,asset_symbol,amount,fiat_value,identifier,\
        entry_type,group_identifier,sequence_index,direction,extra_data,user_notes\n\
        16/09/2021 10:00:00 CEST,trade,spend,kraken,,EUR,EUR,100,100,1,swap event,g1,0,out,,\n\
        16/09/2021 10:00:00 CEST,trade,receive,kraken,,ETH,ETH,0.05,100,2,swap event,g1,1,in,,\n\
        16/09/2021 10:00:00 CEST,trade,fee,kraken,,EUR,EUR,0.2,0.2,3,swap event,g1,2,out,,\n\
        17/09/2021 10:00:00 CEST,staking,reward,kraken,,ETH,ETH,0.001,2,4,history event,g2,0,in,,\n";
    let options = ImportOptions {
        timezone: "Europe/Berlin".parse().unwrap(),
        ..ImportOptions::default()
    };
    let outcome = read_with(&[rotki], &options);
    assert_eq!(
        (kinds(&outcome), net(&outcome)),
        (
            vec![Kind::Buy, Kind::Staking],
            vec!["0.051 ETH".to_owned(), "-100.2 EUR".to_owned()]
        )
    );
    assert_eq!(
        outcome.transactions[0].transaction.time.to_rfc3339(),
        "2021-09-16T08:00:00+00:00"
    );
    let generic = "Location,Spend Currency,Receive Currency,Spend Amount,Receive Amount,Fee,Fee Currency,Description,Timestamp\n\
        kraken,EUR,ETH,100,0.05,0.2,EUR,,1631779200000\n";
    assert_eq!(net(&read(&[generic])), ["0.05 ETH", "-100.2 EUR"]);
}

/// A workbook with one sheet of text cells, its parts stored as they are.
fn workbook(rows: &[&[&str]]) -> Vec<u8> {
    let mut sheet = String::new();
    for (row, cells) in rows.iter().enumerate() {
        let cells: String = cells
            .iter()
            .zip('A'..)
            .map(|(text, column)| match text.parse::<f64>() {
                Ok(_) => format!("<c r=\"{column}{}\"><v>{text}</v></c>", row + 1),
                Err(_) => format!(
                    "<c r=\"{column}{}\" t=\"inlineStr\"><is><t>{text}</t></is></c>",
                    row + 1
                ),
            })
            .collect();
        sheet += &format!("<row r=\"{}\">{cells}</row>", row + 1);
    }
    let main = "xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\"";
    let relation = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    let package = "http://schemas.openxmlformats.org/package/2006";
    let sheet_kind = format!(
        "<Relationship Id=\"rId1\" Type=\"{relation}/worksheet\" Target=\"worksheets/sheet1.xml\"/>"
    );
    let book_kind = format!(
        "<Relationship Id=\"rId1\" Type=\"{relation}/officeDocument\" Target=\"xl/workbook.xml\"/>"
    );
    let parts = [
        (
            "[Content_Types].xml",
            format!("<Types xmlns=\"{package}/content-types\"/>"),
        ),
        (
            "_rels/.rels",
            format!("<Relationships xmlns=\"{package}/relationships\">{book_kind}</Relationships>"),
        ),
        (
            "xl/workbook.xml",
            format!(
                "<workbook {main} xmlns:r=\"{relation}\"><sheets><sheet name=\"S\" sheetId=\"1\" r:id=\"rId1\"/></sheets></workbook>"
            ),
        ),
        (
            "xl/_rels/workbook.xml.rels",
            format!(
                "<Relationships xmlns=\"{package}/relationships\">{sheet_kind}</Relationships>"
            ),
        ),
        (
            "xl/worksheets/sheet1.xml",
            format!("<worksheet {main}><sheetData>{sheet}</sheetData></worksheet>"),
        ),
    ];
    let (mut bytes, mut directory) = (Vec::new(), Vec::new());
    for (name, text) in &parts {
        let at = u32::try_from(bytes.len()).unwrap();
        let (size, name_size) = (
            u32::try_from(text.len()).unwrap(),
            u16::try_from(name.len()).unwrap(),
        );
        let mut common = vec![20, 0, 0, 0, 0, 0, 0, 0, 0x21, 0x28];
        common.extend(crc(text.as_bytes()).to_le_bytes());
        common.extend([size.to_le_bytes(), size.to_le_bytes()].concat());
        common.extend(name_size.to_le_bytes());
        common.extend([0, 0]);
        bytes.extend(
            [
                b"PK\x03\x04".as_slice(),
                &common,
                name.as_bytes(),
                text.as_bytes(),
            ]
            .concat(),
        );
        directory.extend(
            [
                b"PK\x01\x02\x14\x00".as_slice(),
                &common,
                &[0; 10],
                &at.to_le_bytes(),
                name.as_bytes(),
            ]
            .concat(),
        );
    }
    let (at, size) = (
        u32::try_from(bytes.len()).unwrap(),
        u32::try_from(directory.len()).unwrap(),
    );
    let count = u16::try_from(parts.len()).unwrap().to_le_bytes();
    bytes.extend(directory);
    bytes.extend(
        [
            b"PK\x05\x06\0\0\0\0".as_slice(),
            &count,
            &count,
            &size.to_le_bytes(),
            &at.to_le_bytes(),
            &[0, 0],
        ]
        .concat(),
    );
    bytes
}

fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (0xEDB8_8320 * (crc & 1))
        })
    })
}

#[test]
fn a_spreadsheet_is_read_like_a_table() {
    let bytes = workbook(&[
        &["Binance"],
        &[
            "User_ID",
            "UTC_Time",
            "Account",
            "Operation",
            "Coin",
            "Change",
            "Remark",
        ],
        &["1", "2021-01-01 00:00:00", "Spot", "Deposit", "BTC", "0.1"],
        &[
            "1",
            "2021-01-02 00:00:00",
            "Spot",
            "Zodiac",
            "BTC",
            "8E-08",
            "x",
        ],
    ]);
    let outcome = import(
        &[("history.xlsx".to_owned(), bytes.clone())],
        &ImportOptions::default(),
    );
    assert_eq!(
        (outcome.format(), net(&outcome)),
        (
            "binance.transactions".to_owned(),
            vec!["0.1 BTC".to_owned()]
        )
    );
    assert_eq!(refused(&outcome)[0].0, 4);
    for end in (4..bytes.len()).step_by(97) {
        let cut = import(
            &[("history.xlsx".to_owned(), bytes[..end].to_vec())],
            &ImportOptions::default(),
        );
        assert!(!cut.is_accepted(), "cut at {end}");
    }
}

fn name() -> impl Strategy<Value = String> {
    "[A-Za-z0-9.:;,\"é€-]{1,12}"
}

fn quantity() -> impl Strategy<Value = Decimal> {
    ("[1-9][0-9]{0,9}", "[0-9]{0,18}").prop_map(|(whole, decimals)| {
        let point = if decimals.is_empty() { "" } else { "." };
        format!("{whole}{point}{decimals}").parse().unwrap()
    })
}

prop_compose! {
    fn transaction(number: usize)(
        kind in prop::sample::select(vec![Kind::Buy, Kind::Deposit, Kind::Withdrawal, Kind::Staking, Kind::Transfer]),
        account in name(),
        sent in quantity(),
        received in quantity(),
        fees in prop::collection::vec(quantity(), 0..3),
        value in prop::option::of(quantity()),
        note in prop::option::of("[a-zA-Z,;\"\n é]{1,20}".prop_map(|note| note.trim().to_owned())),
        tags in prop::collection::vec("[a-z]{1,5}", 0..3),
        seconds in 0i64..300_000_000,
    ) -> Transaction {
        let time = chrono::DateTime::from_timestamp(1_500_000_000 + seconds, 0).unwrap();
        let mut transaction = Transaction::new(format!("t{number}"), time.fixed_offset(), kind, account);
        let legs = kind.legs();
        if legs != coinsphere_portfolios::transaction::Legs::Received {
            transaction.sent = Some(Leg::new("EUR", sent));
        }
        if legs != coinsphere_portfolios::transaction::Legs::Sent {
            transaction.received = Some(Leg::new("BTC", received));
        }
        if kind == Kind::Transfer {
            transaction.to_account = Some("another account".to_owned());
        }
        transaction.fees = fees.into_iter().zip(["BNB", "ETH", "USD"]).map(|(fee, asset)| Leg::new(asset, fee)).collect();
        transaction.value = value;
        transaction.note = note.filter(|note| !note.is_empty());
        transaction.tags = tags;
        transaction
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn our_own_files_come_back_byte_for_byte(
        a in transaction(1), b in transaction(2), c in transaction(3),
    ) {
        let mut file = TransactionFile::new("EUR");
        file.transactions = vec![a, b, c];
        file.transactions.sort_by_key(|transaction| transaction.time);
        let json = write_json(&file);
        let back = import(&files(&[&json]), &ImportOptions::default());
        prop_assert!(back.is_accepted(), "{:?}", refused(&back));
        prop_assert_eq!(write_json(&back.into_file("USD").unwrap()), json);
        let table = write_csv(&file.transactions);
        let back = import(&files(&[&table]), &ImportOptions::default());
        prop_assert!(back.is_accepted(), "{:?}", refused(&back));
        prop_assert_eq!(write_csv(&back.into_file("EUR").unwrap().transactions), table);
    }
}

#[test]
fn our_own_files_in_one_instant_keep_their_order() {
    let time = parse_time("2024-01-01T00:00:00Z").unwrap();
    let mut file = TransactionFile::new("EUR");
    for id in ["b", "a", "c"] {
        let mut transaction = Transaction::new(id, time, Kind::Deposit, "x");
        transaction.received = Some(Leg::new("BTC", Decimal::ONE));
        file.transactions.push(transaction);
    }
    let back = read(&[&write_csv(&file.transactions)])
        .into_file("EUR")
        .unwrap();
    assert_eq!(back.transactions, file.transactions);
}
