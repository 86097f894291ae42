//! Short ways to import texts and to say what came of them.

use coinsphere_portfolios::imports::{ImportOptions, ImportOutcome, import};
use coinsphere_portfolios::{Kind, Leg, Transaction};

pub fn files(texts: &[&str]) -> Vec<(String, Vec<u8>)> {
    let named = |(at, text): (usize, &&str)| (format!("export-{at}.csv"), text.as_bytes().to_vec());
    texts.iter().enumerate().map(named).collect()
}

pub fn read_with(texts: &[&str], options: &ImportOptions) -> ImportOutcome {
    import(&files(texts), options)
}

pub fn read(texts: &[&str]) -> ImportOutcome {
    read_with(texts, &ImportOptions::default())
}

pub fn net(outcome: &ImportOutcome) -> Vec<String> {
    outcome
        .net
        .iter()
        .map(|(asset, net)| format!("{net} {asset}"))
        .collect()
}

pub fn stored(outcome: &ImportOutcome) -> Vec<Transaction> {
    outcome
        .transactions
        .iter()
        .map(|imported| imported.transaction.clone())
        .collect()
}

pub fn kinds(outcome: &ImportOutcome) -> Vec<Kind> {
    outcome
        .transactions
        .iter()
        .map(|imported| imported.transaction.kind)
        .collect()
}

pub fn refused(outcome: &ImportOutcome) -> Vec<(u64, String)> {
    outcome
        .refused()
        .map(|(_, refusal)| (refusal.row.unwrap_or(0), refusal.reason.clone()))
        .collect()
}

pub const HISTORY: &str = "User_ID,UTC_Time,Account,Operation,Coin,Change,Remark\n";
pub const LEDGER: &str = "txid,refid,time,type,subtype,aclass,asset,amount,fee,balance\n";

pub fn history(rows: &str) -> String {
    let rows: String = rows
        .lines()
        .map(|row| format!("1,{},\n", row.trim()))
        .collect();
    format!("{HISTORY}{rows}")
}

/// Each transaction on a line: `swap 0.1 ETH > 250 USDC, fee 1 USDC`.
pub fn lines(outcome: &ImportOutcome) -> Vec<String> {
    let leg = |leg: &Leg| format!("{} {}", leg.quantity.normalized(), leg.asset);
    let line = |transaction: &Transaction| {
        let sent = transaction.sent.iter().map(leg);
        let received = transaction
            .received
            .iter()
            .map(|of| format!("> {}", leg(of)));
        let fees = transaction
            .fees
            .iter()
            .map(|of| format!(", fee {}", leg(of)));
        let legs: Vec<String> = sent.chain(received).collect();
        let fees: String = fees.collect();
        format!("{} {}{fees}", transaction.kind, legs.join(" "))
    };
    let transactions = outcome.transactions.iter();
    transactions
        .map(|imported| line(&imported.transaction))
        .collect()
}

/// The lines of what is accepted as a whole.
pub fn accepted(texts: &[&str]) -> Vec<String> {
    let outcome = read(texts);
    assert!(
        outcome.is_accepted(),
        "{:?} {:?}",
        refused(&outcome),
        outcome.files
    );
    lines(&outcome)
}
