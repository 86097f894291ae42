//! What the same venue and the same tracker write differently over the years: headers, words, signs and symbols.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use coinsphere_portfolios::Kind;
use coinsphere_portfolios::imports::{ImportOptions, import};
use support::imports::{
    LEDGER, accepted, history, kinds, lines, net, read, read_with, refused, stored,
};

/// A retail report of Coinbase of 2024 with these rows.
fn retail(rows: &[&str]) -> String {
    format!(
        "\nTransactions\nUser,X,1\nID,Timestamp,Transaction Type,Asset,Quantity Transacted,Price Currency,Price at Transaction,\
         Subtotal,Total (inclusive of fees and/or spread),Fees and/or Spread,Notes\n{}\n",
        rows.join("\n")
    )
}

#[test]
fn coinbase_between_its_versions_has_no_ids_yet() {
    let text = "You can use this transaction report to inform your likely tax obligations.\n\n\
        Transactions\nUser,X,1\n\n\
        Timestamp,Transaction Type,Asset,Quantity Transacted,Price Currency,Price at Transaction,Subtotal,\
        Total (inclusive of fees and/or spread),Fees and/or Spread,Notes\n\
        2023-11-05T10:00:00Z,Buy,BTC,0.01,CAD,\"CA$47,000.00\",CA$470.00,CA$476.99,CA$6.99,Bought 0.01 BTC for CA$476.99 CAD\n\
        2023-11-06T10:00:00Z,Inflation Reward,ATOM,0.5,CAD,CAD 11,CAD 5.50,5.50 CAD,0,\n";
    let outcome = read(&[text]);
    assert_eq!(outcome.format(), "coinbase.retail.v4");
    assert_eq!(
        lines(&outcome),
        ["buy 470 CAD > 0.01 BTC, fee 6.99 CAD", "staking > 0.5 ATOM"],
        "{:?}",
        refused(&outcome)
    );
}

#[test]
fn coinbase_trades_against_a_coin_are_what_the_note_says() {
    let rows = [
        "a1,2024-03-01 10:00:00 UTC,Buy,ADA,100,USD,$0.60,$60.00,$60.50,$0.50,Bought 100 ADA for 60.5 USDC",
        "a2,2024-03-02 10:00:00 UTC,Advanced Trade Sell,ADA,-50,USD,$0.61,-$30.50,-$30.35,$0.15,Sold 50 ADA for 30.35 USDC on ADA-USDC at 0.61 USDC/ADA",
        "a3,2024-03-03 10:00:00 UTC,Advance Trade Buy,ETH,0.1,USD,$3000,$300,$301,$1,Bought 0.1 ETH for 301 USD on ETH-USD at 3000 USD/ETH",
        "a4,2024-03-04 10:00:00 UTC,Credit,BTC,0.001,USD,$60000,$60,$60,$0,Bought 0.001 BTC for 60 USD",
        "a5,2024-03-05 10:00:00 UTC,Credit,BTC,0.0001,USD,$60000,$6,$6,$0,",
    ];
    assert_eq!(
        accepted(&[&retail(&rows)]),
        [
            "swap 60.5 USDC > 100 ADA",
            "swap 50 ADA > 30.5 USDC, fee 0.15 USDC",
            "buy 300 USD > 0.1 ETH, fee 1 USD",
            "buy 60 USD > 0.001 BTC",
            "reward > 0.0001 BTC",
        ]
    );
}

#[test]
fn coinbase_rows_of_two_may_be_seconds_apart_and_dust_may_be_sold_alone() {
    let rows = [
        "b1,2025-03-01 10:00:00 UTC,Retail MGX DEX Buy,USDC,-25,EUR,€0.92,-€23,-€23,€0,",
        "b2,2025-03-01 10:00:07 UTC,Retail MGX DEX Buy,BRETT,310.5,EUR,€0.07,€22,€22,€0,",
        "b3,2025-03-01 10:00:09 UTC,Retail MGX DEX Buy,USDC,-5,EUR,€0.92,-€4.6,-€4.6,€0,",
        "b4,2025-03-01 10:00:10 UTC,Retail MGX DEX Buy,TOSHI,9000,EUR,€0.0005,€4.5,€4.5,€0,",
        "b5,2025-03-02 10:00:00 UTC,Retail MGX DEX Send,BRETT,-10.5,EUR,€0.07,-€0.7,-€0.7,€0,",
        "b6,2025-03-03 10:00:00 UTC,Retail Simple Dust,XLM,-0.02,EUR,€0.30,-€0.01,-€0.01,€0,",
        "b7,2025-03-04 10:00:00 UTC,Transfer,USDC,-5,EUR,€0.92,-€4.60,-€4.60,€0,",
        "b8,2025-03-05 10:00:00 UTC,Deposit,EUR,98.51,EUR,€1,€98.51,€100,€1.49,",
        "b9,2025-03-06 10:00:00 UTC,Withdrawal,EUR,-50,EUR,€1,-€50,-€50,€0.15,",
        "b10,2025-03-07 10:00:00 UTC,Asset Migration,MATIC,-40,EUR,€0.4,-€16,-€16,€0,",
        "b11,2025-03-07 10:00:00 UTC,Asset Migration,POL,40,EUR,€0.4,€16,€16,€0,",
    ];
    assert_eq!(
        accepted(&[&retail(&rows)]),
        [
            "swap 25 USDC > 310.5 BRETT",
            "swap 5 USDC > 9000 TOSHI",
            "withdrawal 10.5 BRETT",
            "sell 0.02 XLM > 0.01 EUR",
            "deposit > 100 EUR, fee 1.49 EUR",
            "withdrawal 49.85 EUR, fee 0.15 EUR",
            "migration 40 MATIC > 40 POL",
        ]
    );
    let half = retail(&[rows[9]]);
    assert!(refused(&read(&[&half]))[0].1.contains("other half"));
}

#[test]
fn coinbase_pro_in_capitals_is_the_same_report() {
    let text = "Portfolio,Type,Timestamp,Amount,Balance,Amount/balance unit,Transfer id,Trade id,Order id\n\
        default,deposit,2018-03-15T10:42:31.215Z,2.5,2.5,BTC,t1,,\n\
        default,match,2018-03-15T10:55:12.843Z,52.3,52.3,ETH,,10201,o1\n\
        default,match,2018-03-15T10:55:12.843Z,-1.14,1.36,BTC,,10201,o1\n\
        default,fee,2018-03-15T10:55:12.843Z,-0.003,1.357,BTC,,10201,o1\n\
        default,rebate,2018-03-15T10:55:12.843Z,0.001,1.358,BTC,,10201,o1\n";
    assert_eq!(
        accepted(&[text]),
        [
            "deposit > 2.5 BTC",
            "swap 1.14 BTC > 52.3 ETH, fee 0.003 BTC",
            "reward > 0.001 BTC",
        ]
    );
}

#[test]
fn every_word_of_the_history_of_binance_has_its_meaning() {
    for (kind, words) in [
        (
            "interest > 1 SOL",
            "Savings Interest;Savings distribution;Simple Earn Flexible Interest;Simple Earn Locked Rewards;\
             Launchpool Interest;BNB Vault Rewards",
        ),
        (
            "staking > 1 SOL",
            "Staking Rewards;ETH 2.0 Staking Rewards;POS savings interest;DOT Slot Auction Rewards",
        ),
        ("mining > 1 SOL", "Pool Distribution;Super BNB Mining"),
        (
            "airdrop > 1 SOL",
            "Distribution;Airdrop Assets;Launchpool Airdrop;Launchpool Airdrop - System Distribution;\
             Launchpool Airdrop - User Claim Distribution;HODLer Airdrops Distribution;Megadrop Rewards;\
             Simple Earn Flexible Airdrop;Cash Voucher Distribution;Launchpool Earnings Withdrawal",
        ),
        (
            "reward > 1 SOL",
            "Mission Reward Distribution;Campaign Related Reward;Commission History;Commission Rebate;\
             Commission Fee Shared With You;Referrer rebates;Referral Kickback;Referral Commission;\
             Liquid Swap rewards;Swap Farming Rewards;Binance Card Cashback;Realize profit and loss;\
             Insurance Fund Refund;Funding Fee",
        ),
        ("gift_in > 1 SOL", "Crypto Box"),
        (
            "deposit > 1 SOL",
            "Deposit;Fiat Deposit;Buy Crypto;Asset Recovery;Margin Loan;P2P Trading",
        ),
    ] {
        for word in words.split(';') {
            let text = history(&format!("2024-01-01 00:00:00,Spot,{word},SOL,1.00000000"));
            assert_eq!(accepted(&[&text]), [kind], "{word}");
        }
    }
    for word in [
        "Savings purchase",
        "Savings Principal redemption",
        "POS savings redemption",
        "Staking Purchase",
        "Simple Earn Locked Redemption",
        "transfer_in",
        "Transfer Between Main and Funding Wallet",
        "Transfer Between Spot Account and CM Futures Account",
        "Launchpool Subscription/Redemption",
    ] {
        let text = history(&format!("2024-01-01 00:00:00,Spot,{word},SOL,-1"));
        let outcome = read(&[&text]);
        assert!(outcome.transactions.is_empty() && outcome.is_accepted());
        assert_eq!(outcome.files[0].internal[0].rows, [2], "{word}");
    }
    for word in [
        "Large OTC trading",
        "Binance Convert",
        "The Easiest Way to Trade",
        "Asset Conversion Transfer",
        "Stablecoins Auto-Conversion",
        "Leverage Token Redemption",
        "ETH 2.0 Staking",
        "Small Assets Exchange BNB",
        "BNB Fee Deduction",
        "Transaction Related",
        "Buy",
        "Sell",
    ] {
        let text = history(&format!(
            "2024-01-01 00:00:00,Spot,{word},SOL,-1\n2024-01-01 00:00:01,Spot,{word},BNB,0.3"
        ));
        assert_eq!(accepted(&[&text]), ["swap 1 SOL > 0.3 BNB"], "{word}");
    }
}

#[test]
fn binance_words_whose_sign_or_remark_decides() {
    let rows = [
        ("Spot,Crypto Box,SOL,-1", "gift_out 1 SOL"),
        ("Spot,Distribution,SOL,-1", "loss 1 SOL"),
        ("Spot,BNB Fee Deduction,BNB,-0.1", "fee 0.1 BNB"),
        ("USD-M Futures,Fee,USDT,-0.1", "fee 0.1 USDT"),
        ("Coin-MFutures,Funding Fee,SOL,-0.1", "fee 0.1 SOL"),
        (
            "USDT-Futures,Realized Profit and Loss,USDT,-0.1",
            "loss 0.1 USDT",
        ),
        ("Spot,Binance Card Spending,USDT,-5", "spend 5 USDT"),
        ("CrossMargin,Margin Repayment,USDT,-5", "withdrawal 5 USDT"),
    ];
    for (row, line) in rows {
        let text = history(&format!("2024-01-01 00:00:00,{row}"));
        assert_eq!(accepted(&[&text]), [line], "{row}");
    }
    let with_remark = |remark: &str| {
        format!(
            "UTC_Time,Account,Operation,Coin,Change,Remark\n2018-05-01 00:00:00,Spot,Asset - Transfer,ONT,3E+0,{remark}\n"
        )
    };
    assert_eq!(
        accepted(&[&with_remark("ONT Airdrop")]),
        ["airdrop > 3 ONT"]
    );
    assert_eq!(accepted(&[&with_remark("GAS分发")]), ["airdrop > 3 ONT"]);
    assert_eq!(refused(&read(&[&with_remark("")]))[0].0, 2);
}

#[test]
fn binance_recoveries_may_be_old_names_and_staking_gives_tokens() {
    let rows = "2024-09-13 03:00:00,Spot,Asset Recovery,MATIC,-730.5\n2024-09-13 03:00:00,Spot,Asset Recovery,XYZ,-5\n\
        2024-09-13 03:10:00,Spot,Token Swap - Distribution,POL,730.5\n\
        2025-01-01 00:00:00,Spot,SOL Staking - Purchase,SOL,-3\n2025-01-01 00:00:00,Spot,SOL Staking - Purchase,BNSOL,2.8\n\
        2025-01-02 00:00:00,Spot,BNSOL Staking - Extra Rewards,SIGN,0.1\n\
        2025-01-03 00:00:00,USD-MFutures,Futures Convert - From,BUSD,-5\n2025-01-03 00:00:00,USD-MFutures,Futures Convert - To,USDT,5";
    assert_eq!(
        accepted(&[&history(rows)]),
        [
            "withdrawal 5 XYZ",
            "migration 730.5 MATIC > 730.5 POL",
            "swap 3 SOL > 2.8 BNSOL",
            "staking > 0.1 SIGN",
            "swap 5 BUSD > 5 USDT",
        ]
    );
    let saved = history("2/21/2024 10:00:00,Spot,Deposit,EUR,5\n3/4/2024 9:05,Spot,Deposit,EUR,6");
    let times: Vec<_> = read(&[&saved])
        .transactions
        .iter()
        .map(|of| of.transaction.time.to_rfc3339())
        .collect();
    assert_eq!(
        times,
        ["2024-02-21T10:00:00+00:00", "2024-03-04T09:05:00+00:00"]
    );
}

#[test]
fn binance_remarks_tell_dust_apart_where_they_can() {
    let second = "2021-06-15 21:43:09,Spot,Small assets exchange BNB";
    let text = |remarks: [&str; 4]| {
        let rows = ["ETH,-0.1", "BNB,0.5", "BTC,-0.1", "BNB,0.7"];
        let rows = rows.iter().zip(remarks);
        let rows: String = rows
            .map(|(row, remark)| format!("1,{second},{row},{remark}\n"))
            .collect();
        format!("User_ID,UTC_Time,Account,Operation,Coin,Change,Remark\n{rows}")
    };
    let told = accepted(&[&text(["BTC/BNB", "ETH/BNB", "ETH/BNB", "BTC/BNB"])]);
    assert_eq!(told, ["swap 0.1 ETH > 0.7 BNB", "swap 0.1 BTC > 0.5 BNB"]);
    let silent = accepted(&[&text(["", "", "x", ""])]);
    assert_eq!(silent, ["swap 0.1 ETH > 0.5 BNB", "swap 0.1 BTC > 0.7 BNB"]);
}

#[test]
fn binance_renames_of_one_day_are_paired_one_for_one() {
    let rows = "2024-09-13 03:00:00,Spot,Token Swap - Redenomination/Rebranding,AGIX,-100\n\
        2024-09-13 03:00:01,Spot,Token Swap - Redenomination/Rebranding,MATIC,-40\n\
        2024-09-13 03:10:00,Spot,Token Swap - Distribution,POL,40\n\
        2024-09-13 03:10:01,Spot,Token Swap - Distribution,FET,43.335";
    assert_eq!(
        accepted(&[&history(rows)]),
        [
            "migration 40 MATIC > 40 POL",
            "migration 100 AGIX > 43.335 FET"
        ]
    );
}

#[test]
fn binance_headers_of_later_years() {
    let text = "User ID,Time,Account,Operation,Coin,Change,Remark\n1,25-02-03 09:14:07,Spot,Deposit,EUR,-0.00,\n1,25-02-03 09:14:07,Spot,Deposit,EUR,\"1,000.50\",\n";
    assert_eq!(accepted(&[text]), ["deposit > 1000.5 EUR"]);
    let text = "Time,Pair,Side,Price,Executed,Amount,Fee\n\
        25-02-03 09:14:07,BTCUSDT,SELL,\"98,000.1\",0.0100000000BTC,980.00100000USDT,0.98000100USDT\n";
    assert_eq!(
        accepted(&[text]),
        ["swap 0.01 BTC > 980.001 USDT, fee 0.980001 USDT"]
    );
    let text = "Date(UTC+8),Wallet,Pair,Type,Sell,Buy,Price,Inverse Price,Date Updated,Status\n\
        2025-02-03 09:14:07,Spot,BTCUSDT,Market,0.01 BTC,\"1,025.5 USDT\",1,1,2025-02-03 09:14:08,Successful\n\
        2025-02-03 09:14:07,Spot,BTCUSDT,Limit,0.01 BTC,640.5 USDT,1,1,2025-02-03 09:14:08,Expired\n";
    let outcome = read(&[text]);
    assert_eq!(lines(&outcome), ["swap 0.01 BTC > 1025.5 USDT"]);
    let time = outcome.transactions[0].transaction.time.to_rfc3339();
    assert_eq!(time, "2025-02-03T01:14:07+00:00");
    let text = "Date(UTCnull),Coin,Amount,Status,Payment Method,Indicated Amount,Fee,Order ID\n\
        2021-02-03 09:14:07,EUR,98.2,Successful,Card,100,1.8,o1\n2021-02-03 09:14:07,EUR,98.2,Failed,Card,100,1.8,o2\n";
    let named = |name: &str| {
        let file = (name.to_owned(), text.as_bytes().to_vec());
        lines(&import(&[file], &ImportOptions::default()))
    };
    assert_eq!(
        named("Fiat Deposit History.csv"),
        ["deposit > 100 EUR, fee 1.8 EUR"]
    );
    assert_eq!(
        named("fiat_withdraw.csv"),
        ["withdrawal 98.2 EUR, fee 1.8 EUR"]
    );
}

#[test]
fn kraken_airdrops_delistings_and_what_came_back_under_another_refid() {
    let ledger = format!(
        "{LEDGER}L1,R1,2021-03-01 10:00:00,transfer,airdrop,currency,FLR,12.5,0,12.5\n\
         L2,R2,2021-03-02 10:00:00,transfer,delistingconversion,currency,REPV2,-2,0,0\n\
         L3,R2,2021-03-02 10:00:00,transfer,delistingconversion,currency,ZUSD,3.1,0,3.1\n\
         L4,R3,2021-03-03 10:00:00,withdrawal,,currency,ZEUR,-900,1,100\n\
         L5,R4,2021-03-04 10:00:00,withdrawal,,currency,ZEUR,900,-1,1001\n\
         L6,R5,2021-03-05 10:00:00,withdrawal,,currency,ZEUR,50,-0.5,1051.5\n\
         L7,R6,2021-03-06 10:00:00,deposit,,currency,KFEE,1000,0,1000\n\
         L8,Unknown,2021-03-07 10:00:00,deposit,,currency,ZSEK,10,0,10\n\
         L9,Unknown,2021-03-08 10:00:00,deposit,,currency,ETH2,1,0,1\n\
         ,S1,2021-03-09 10:00:00,transfer,,currency,DOT,-4,0,\n"
    );
    let outcome = read(&[&ledger]);
    assert_eq!(
        lines(&outcome),
        [
            "airdrop > 12.5 FLR",
            "sell 2 REPV2 > 3.1 USD",
            "deposit > 50.5 EUR",
            "airdrop > 1000 KFEE",
            "deposit > 10 SEK",
            "deposit > 1 ETH",
        ],
        "{:?}",
        refused(&outcome)
    );
    let ignored: Vec<u64> = outcome.files[0]
        .ignored
        .iter()
        .flat_map(|group| group.rows.clone())
        .collect();
    assert_eq!((outcome.is_accepted(), ignored), (true, vec![5, 6, 11]));
}

#[test]
fn kraken_staked_before_transfers_had_a_subtype() {
    let text = "txid,refid,time,type,aclass,asset,amount,fee,balance\n\
        L1,R1,2020-01-01 10:00:00,transfer,currency,XTZ,-4,0,0\nL2,R2,2020-01-01 10:05:00,transfer,currency,XTZ.S,4,0,4\n\
        L3,R3,2020-02-01 10:00:00,transfer,currency,XTZ.S,-4,0,0\nL4,R4,2020-02-01 10:05:00,transfer,currency,XTZ,4,0,4\n\
        L5,R5,2020-03-01 10:00:00,transfer,currency,FLR,4,0,4\n";
    assert_eq!(accepted(&[text]), ["airdrop > 4 FLR"]);
}

#[test]
fn venues_saved_again_with_commas_before_the_decimals() {
    let ledger = "txid;refid;time;type;subtype;aclass;asset;amount;fee;balance\n\
        L1;R1;2021-03-01 10:00:00;deposit;;currency;ZEUR;1.480,472;0;1.480,472\n\
        L2;R2;2021-03-01 10:00:00;deposit;;currency;XXBT;0,5;0;0,5\n";
    assert_eq!(
        accepted(&[ledger]),
        ["deposit > 1480.472 EUR", "deposit > 0.5 BTC"]
    );
    let history = "UTC_Time;Account;Operation;Coin;Change;Remark\n\
        2021-02-03 09:14:07;Spot;Deposit;EUR;480,472;\n2021-02-03 09:14:07;Spot;Deposit;BTC;0,00001520;\n";
    assert_eq!(
        accepted(&[history]),
        ["deposit > 480.472 EUR", "deposit > 0.0000152 BTC"]
    );
}

#[test]
fn kraken_trades_of_later_columns_and_of_the_dark_pool() {
    let text = "\"txid\",\"ordertxid\",\"pair\",\"aclass\",\"subclass\",\"time\",\"type\",\"ordertype\",\"price\",\"cost\",\"fee\",\"vol\",\"margin\",\"misc\",\"ledgers\",\"posttxid\",\"posstatuscode\",\"cprice\",\"ccost\",\"cfee\",\"cvol\",\"cmargin\",\"net\",\"trades\"\n\
        \"T1\",\"O1\",\"XETHZUSD.d\",\"forex\",\"crypto\",\"2025-03-02 11:00:00.1234\",\"sell\",\"limit\",2000.0,100.0,0.26,0.05,0.0,\"\",\"L1,L2\",\"\",\"\",,,,,,,\n\
        \"T2\",\"O2\",\"SOL/USDC\",\"forex\",\"crypto\",\"2025-03-02 12:00:00\",\"buy\",\"limit\",150,150.0,0.26,1,0.0,\"\",\"L3,L4\",\"\",\"\",,,,,,,\n";
    assert_eq!(
        accepted(&[text]),
        [
            "sell 0.05 ETH > 100 USD, fee 0.26 USD",
            "swap 150 USDC > 1 SOL, fee 0.26 USDC"
        ]
    );
}

#[test]
fn koinly_bulk_edit_has_ids_behind_names() {
    let text = "ID (read-only),Parent ID (read-only),Date (UTC),Type,Tag,From Wallet (read-only),From Wallet ID,From Amount,From Currency,\
        To Wallet (read-only),To Wallet ID,To Amount,To Currency,Fee Amount,Fee Currency,Net Worth Amount,Net Worth Currency,Fee Worth Amount,\
        Fee Worth Currency,Net Value (read-only),Fee Value (read-only),Value Currency (read-only),Deleted,From Source (read-only),\
        To Source (read-only),Negative Balances (read-only),Missing Rates (read-only),Missing Cost Basis (read-only),\
        Synced To Accounting At (UTC read-only),TxSrc,TxDest,TxHash,Description\n\
        1,,2023-04-13 10:00:00,crypto_deposit,other_income,,,,,Ledger;77,77,5,WFLR;9546698,,,,,,,1.5,0,USD;1,false,,,,,,,,,h1,\n\
        2,,2023-04-14 10:00:00,exchange,,Ledger;77,77,5,WFLR;9546698,Ledger;77,77,2,USDC;3,0.1,ETH;2,,,,,2,0.1,USD;1,false,,,,,,,,,h2,\n\
        3,,2023-04-15 10:00:00,crypto_withdrawal,Liquidity_Out,Ledger;77,77,1,USDC;3,,,,,,,,,,,1,0,USD;1,,,,,,,,,,h3,\n\
        4,,2023-04-16 10:00:00,crypto_withdrawal,,Ledger;77,77,1,USDC;3,,,,,,,,,,,1,0,USD;1,TRUE,,,,,,,,,h4,\n";
    let outcome = read(&[text]);
    assert_eq!(
        lines(&outcome),
        [
            "reward > 5 WFLR",
            "swap 5 WFLR > 2 USDC, fee 0.1 ETH",
            "withdrawal 1 USDC"
        ],
        "{:?}",
        refused(&outcome)
    );
    let first = &outcome.transactions[0].transaction;
    assert_eq!(
        (first.account.as_str(), outcome.currency.as_deref()),
        ("Ledger", Some("USD"))
    );
    assert_eq!(first.value.unwrap().to_string(), "1.5");
}

#[test]
fn cointracking_with_the_columns_of_its_template() {
    let text = "\"Type\",\"Buy Amount\",\"Buy Currency\",\"Sell Amount\",\"Sell Currency\",\"Fee\",\"Fee Currency\",\"Exchange\",\"Trade-Group\",\"Comment\",\"Date\",\"Tx-ID\",\"Buy Value in Account Currency\"\n\
        \"Trade\",\"0.5\",\"ETH\",\"1000.10\",\"EUR\",\"2\",\"EUR\",\"Kraken\",\"\",\"\",\"2023-04-13 10:15:00\",\"x1\",\"999\"\n\
        \"LP Rewards\",\"0.1\",\"UNI\",\"\",\"\",\"\",\"\",\"Uniswap\",\"\",\"\",\"2023-04-14 10:15:00\",\"x2\",\"\"\n";
    assert_eq!(
        accepted(&[text]),
        ["buy 1000.1 EUR > 0.5 ETH, fee 2 EUR", "reward > 0.1 UNI"]
    );
}

/// Rows of the app of Crypto.com.
fn app(rows: &[&str]) -> String {
    format!(
        "Timestamp (UTC),Transaction Description,Currency,Amount,To Currency,To Amount,Native Currency,Native Amount,\
         Native Amount (in USD),Transaction Kind,Transaction Hash\n{}\n",
        rows.join("\n")
    )
}

#[test]
fn crypto_com_tells_an_old_swap_as_a_whole_and_in_parts() {
    let text = app(&[
        "2020-08-03 14:39:25,Overall Swap,CRO,1382.306,,,EUR,197,234,dynamic_coin_swap_credited,",
        "2020-08-03 14:39:25,Overall Swap,MCO,-50.004,,,EUR,-168,-200,dynamic_coin_swap_debited,",
        "2020-08-03 14:39:25,Stake,CRO,1382.195,,,EUR,197,234,lockup_swap_credited,",
        "2020-08-03 14:39:25,Unstake,MCO,-50,,,EUR,-168,-200,lockup_swap_debited,",
        "2020-08-03 14:39:25,Wallet Swap,CRO,0.111,,,EUR,0.02,0.02,crypto_wallet_swap_credited,",
        "2020-08-03 14:39:25,Wallet Swap,MCO,-0.004,,,EUR,-0.01,-0.01,crypto_wallet_swap_debited,",
        "2020-08-03 15:39:25,Rebate,CRO,1382.195,,,EUR,197,234,lockup_swap_rebate,",
        "2020-08-04 15:39:25,Wallet Swap,CRO,3,,,EUR,0.02,0.02,crypto_wallet_swap_credited,",
        "2020-08-04 15:39:25,Wallet Swap,MCO,-0.1,,,EUR,-0.02,-0.02,crypto_wallet_swap_debited,",
    ]);
    assert_eq!(
        accepted(&[&text]),
        [
            "swap 50.004 MCO > 1382.306 CRO",
            "migration 0.1 MCO > 3 CRO"
        ]
    );
}

#[test]
fn crypto_com_kinds_of_later_years() {
    for (row, line) in [
        (
            "EUR,-78.01,BTC,0.003,EUR,79.03,98.3,viban_purchase",
            Some("buy 78.01 EUR > 0.003 BTC"),
        ),
        (
            "USD,-10,ETH,0.004,USD,10,10,van_purchase",
            Some("buy 10 USD > 0.004 ETH"),
        ),
        (
            "ETH,0.004,,,USD,10,10,van_purchase",
            Some("buy 10 USD > 0.004 ETH"),
        ),
        (
            "DOGE,-750,EUR,406.22,EUR,406.22,470,crypto_viban_exchange",
            Some("sell 750 DOGE > 406.22 EUR"),
        ),
        (
            "USD,-5,SOL,10,USD,5,5,trading.limit_order.cash_account.purchase_commit",
            Some("buy 5 USD > 10 SOL"),
        ),
        (
            "USD,-5,SOL,10,USD,5,5,trading.limit_order.cash_account.purchase_lock",
            None,
        ),
        (
            "USD,5,SOL,10,USD,5,5,trading.limit_order.fiat_wallet.purchase_unlock",
            None,
        ),
        (
            "SOL,-1,USD,150,USD,150,150,trading.limit_order.fiat_wallet.sell_commit",
            Some("sell 1 SOL > 150 USD"),
        ),
        (
            "ETH,0.1,,,EUR,250,280,trading.crypto_purchase.google_pay",
            Some("buy 250 EUR > 0.1 ETH"),
        ),
        (
            "CRO,-0.5,,,EUR,0.2,0.2,card_cashback_reverted",
            Some("spend 0.5 CRO"),
        ),
        (
            "CRO,-0.5,CRO,-0.5,EUR,-0.2,-0.2,crypto_payment",
            Some("spend 0.5 CRO"),
        ),
        (
            "CRO,2,,,EUR,0.2,0.2,admin_wallet_credited",
            Some("reward > 2 CRO"),
        ),
        (
            "CRO,2,,,EUR,0.2,0.2,finance.dpos.non_compound_interest.crypto_wallet",
            Some("staking > 2 CRO"),
        ),
        (
            "CRO,-2,,,EUR,0.2,0.2,finance.dpos.staking.crypto_wallet",
            None,
        ),
        ("MCO,-50,,,EUR,0.2,0.2,lockup_lock", None),
        ("ETH,1,,,EUR,200,200,crypto_earn_program_withdrawn", None),
        (
            "ETH,1E-08,,,EUR,0,0,crypto_earn_interest_paid",
            Some("interest > 0.00000001 ETH"),
        ),
    ] {
        let text = app(&[&format!("2021-07-19 18:56:00,x,{row},")]);
        assert_eq!(
            accepted(&[&text]),
            line.into_iter().collect::<Vec<_>>(),
            "{row}"
        );
    }
    let text = app(&["2021-07-19 18:56:00,EUR Deposit,EUR,100,,,EUR,100,110,,"]);
    assert_eq!(accepted(&[&text]), ["deposit > 100 EUR"]);
    let text = app(&["2021-07-19 18:56:00,x,EUR,100,,,EUR,100,110,moon_landing,"]);
    assert!(refused(&read(&[&text]))[0].1.contains("\"moon_landing\""));
}

#[test]
fn its_own_example_file_does_not_import_and_dates_are_in_2050() {
    // Every way in which Ghostfolio's example writes dates, with a draft far ahead.
    let text = "Date,Code,DataSource,Currency,Price,Quantity,Action,Fee,Note\n\
        01-09-2021,Account Opening Fee,MANUAL,USD,0,0,fee,49,\n\
        16-09-2021,ETHUSD,YAHOO,USD,3500.50,2,buy,19.00,first\n\
        17/11/2021,ETHUSD,YAHOO,USD,0.62,5,dividend,0.00,\n\
        01.01.2022,BTCUSD,YAHOO,USD,47000.0,1,sell,0.00,\n\
        20500606,SOLUSD,YAHOO,USD,0.00,0,buy,0.00,\n";
    let outcome = read(&[text]);
    assert_eq!(
        lines(&outcome),
        [
            "fee 49 USD",
            "buy 7001 USD > 2 ETH, fee 19 USD",
            "reward > 3.1 USD",
            "sell 1 BTC > 47000 USD",
        ],
        "{:?}",
        refused(&outcome)
    );
    assert_eq!(outcome.files[0].ignored[0].rows, [6]);
    // A file with nothing above 12 in it: the day comes first.
    let text =
        "Date,Code,Currency,Price,Quantity,Action,Fee\n03/04/2021,BTCUSD,USD,10,-1,sell,-0.5\n";
    let outcome = read(&[text]);
    let time = outcome.transactions[0].transaction.time.to_rfc3339();
    assert_eq!(time, "2021-04-03T00:00:00+00:00");
    assert_eq!(lines(&outcome), ["sell 1 BTC > 10 USD, fee 0.5 USD"]);
    let old = r#"{"meta": {}, "orders": [{"fee": 0, "quantity": 1e-7, "type": "BUY", "unitPrice": 20000, "currency": "USD",
        "dataSource": "COINGECKO", "date": "2021-09-16T00:00:00.000Z", "symbol": "bitcoin"}]}"#;
    assert_eq!(accepted(&[old]), ["buy 0.002 USD > 0.0000001 bitcoin"]);
}

const ROTKI: &str = "timestamp,event_type,event_subtype,location,location_label,asset,asset_symbol,amount,fiat_value,identifier,\
    entry_type,group_identifier,sequence_index,extra_data,user_notes\n";

fn rotki(rows: &[(&str, &str, &str, &str, &str)]) -> String {
    let row = |(at, (what, asset, amount, entry, group)): (
        usize,
        &(&str, &str, &str, &str, &str),
    )| {
        format!(
            "16/09/2021 10:00:0{at} UTC,{what},ethereum,0xAb,{asset},{asset},{amount},100,{at},{entry},{group},0,,\n"
        )
    };
    let rows: String = rows.iter().enumerate().map(row).collect();
    format!("{ROTKI}{rows}")
}

#[test]
fn rotki_deposits_of_a_chain_leave_its_wallet() {
    let text = rotki(&[
        ("deposit,deposit asset", "ETH", "1", "evm event", "g1"),
        ("withdrawal,remove asset", "ETH", "2", "evm event", "g2"),
        (
            "deposit,deposit asset",
            "ETH",
            "3",
            "asset movement event",
            "g3",
        ),
        (
            "withdrawal,remove asset",
            "ETH",
            "4",
            "asset movement event",
            "g4",
        ),
        ("migrate,spend", "MATIC", "5", "evm event", "g5"),
        ("migrate,receive", "POL", "5", "evm event", "g5"),
        ("deposit,deposit for wrapped", "DAI", "6", "evm event", "g6"),
        ("receive,receive wrapped", "aDAI", "6", "evm event", "g6"),
        ("receive,spam", "VISIT", "6", "evm event", "g7"),
        ("loss,hack", "ETH", "0.5", "evm event", "g8"),
    ]);
    assert_eq!(
        accepted(&[&text]),
        [
            "withdrawal 1 ETH",
            "deposit > 2 ETH",
            "deposit > 3 ETH",
            "withdrawal 4 ETH",
            "migration 5 MATIC > 5 POL",
            "loss 0.5 ETH",
        ]
    );
}

#[test]
fn fee_of_a_bundle_counted_once_per_part() {
    let text = rotki(&[
        ("multi trade,spend", "ETH", "1", "evm swap event", "g1"),
        ("multi trade,receive", "UNI", "10", "evm swap event", "g1"),
        ("multi trade,receive", "DAI", "20", "evm swap event", "g1"),
        ("spend,fee", "ETH", "0.01", "evm event", "g1"),
    ]);
    let outcome = read(&[&text]);
    assert_eq!(
        lines(&outcome),
        [
            "swap 0.5 ETH > 10 UNI, fee 0.01 ETH",
            "swap 0.5 ETH > 20 DAI"
        ],
        "{:?}",
        refused(&outcome)
    );
}

#[test]
fn the_two_ends_of_a_transfer_count_once_over_several_imports() {
    let retail = "Timestamp,Transaction Type,Asset,Quantity Transacted,Spot Price Currency,Spot Price at Transaction,Subtotal,\
        Total (inclusive of fees and/or spread),Fees and/or Spread,Notes\n\
        2021-01-04T08:59:00Z,Deposit,EUR,1000,EUR,1,,,,\n2021-01-04T09:00:00Z,Exchange Deposit,EUR,1000,EUR,1,,,,\n";
    let pro = "portfolio,type,time,amount,balance,amount/balance unit,transfer id,trade id,order id\n\
        default,deposit,2021-01-04T09:00:05.123Z,1000,1000,EUR,a1,,\n";
    let one = read(&[retail, pro]);
    assert_eq!(net(&one), ["1000 EUR"]);
    let to: Vec<_> = one
        .transactions
        .iter()
        .filter_map(|of| of.transaction.to_account.clone())
        .collect();
    assert_eq!(
        to,
        ["coinbase-pro"],
        "by the name of the account that has the trades"
    );
    for order in [[retail, pro], [pro, retail], [retail, retail], [pro, pro]] {
        let first = read(&[order[0]]);
        let options = ImportOptions {
            known: stored(&first),
            ..ImportOptions::default()
        };
        let second = read_with(&[order[1]], &options);
        let mut all = stored(&first);
        all.extend(stored(&second));
        let total: Vec<String> = all
            .iter()
            .map(|row| format!("{} {}", row.kind, row.account))
            .collect();
        let moved = |kind| all.iter().filter(|row| row.kind == kind).count();
        if order[0] != order[1] {
            // A deposit, and what leaves one account and comes to the other.
            let ends = moved(Kind::Transfer) * 2 + moved(Kind::Withdrawal) + moved(Kind::Deposit);
            assert_eq!(ends, 3, "{total:?}");
        } else {
            assert!(second.transactions.is_empty(), "{total:?}");
        }
        // And once more adds nothing.
        let options = ImportOptions {
            known: all,
            ..ImportOptions::default()
        };
        for text in order {
            let again = read_with(&[text], &options);
            assert!(again.transactions.is_empty(), "{:?}", lines(&again));
        }
    }
}

#[test]
fn only_trades_synced_no_deposits_rewards_earn() {
    let rows = "2024-01-01 00:00:00,Spot,Deposit,EUR,100\n\
        2024-01-02 00:00:00,Spot,Transaction Spend,EUR,-50\n2024-01-02 00:00:00,Spot,Transaction Buy,SOL,1\n\
        2024-01-03 00:00:00,Spot,Staking Rewards,SOL,0.1\n2024-01-04 00:00:00,Earn,Simple Earn Flexible Interest,LDSOL,0.1\n\
        2024-01-05 00:00:00,Spot,Withdraw,SOL,-1";
    let all = [
        Kind::Deposit,
        Kind::Buy,
        Kind::Staking,
        Kind::Interest,
        Kind::Withdrawal,
    ];
    assert_eq!(kinds(&read(&[&history(rows)])), all);
}
