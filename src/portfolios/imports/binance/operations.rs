//! The words of Binance's transaction history and what they mean.

use crate::Kind;

/// Meaning of a row of the history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    /// A leg of a trade; legs of one family belong together.
    Leg(Family),
    /// The fee of a trade.
    Fee,
    /// A leg of a conversion: the same word on both sides.
    Pair(&'static str),
    /// A leg of a conversion into what fees are paid with; where the other is not there, a fee.
    FeeDeduction,
    /// Small amounts turned into BNB.
    Dust,
    /// Income, and its tag.
    Income(Kind, &'static str),
    /// Handed out; what is taken back pairs with it.
    Distribution,
    Deposit,
    Withdrawal,
    /// Old name of a renamed coin.
    Renamed,
    /// Taken from the account, or given to it; of a renamed coin, perhaps the old name.
    Recovery,
    /// New name of a renamed coin.
    RenamedTo,
    /// Gift in or out.
    Gift,
    /// Gain or loss of a position.
    Result(&'static str),
    /// A cost or its opposite.
    Charge(&'static str),
    /// From outside the account or to it, and its tag.
    Moved(&'static str),
    /// Paid with the card.
    Spending,
    /// Inside the account.
    Internal(&'static str),
}

/// Which legs of trades belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Family {
    /// `Buy` on both legs.
    Buy,
    /// `Sell` on both legs.
    Sell,
    /// `Transaction Related`, on both legs or on one next to `Buy`.
    Related,
    /// `Transaction Buy` and `Transaction Spend`.
    Bought,
    /// `Transaction Sold` and `Transaction Revenue`.
    Sold,
}

const SAVINGS: &str = "savings of the same account; the principal stays yours";
const WALLETS: &str = "between wallets of the same account: holdings do not change";

/// True when the remark of a move says that something was handed out: those of 2018 did so in Chinese too.
fn is_handed_out(remark: &str) -> bool {
    let remark = remark.to_lowercase();
    let marks = ["airdrop", "distribution", "空投", "分发"];
    marks.iter().any(|mark| remark.contains(mark))
}

/// True for a word of staking that gives a token for the coin: `SOL Staking - Purchase`.
fn is_liquid_staking(word: &str, ends: &[&str]) -> bool {
    let end = word.split_once(" staking - ").map(|(_, end)| end);
    end.is_some_and(|end| ends.contains(&end))
}

/// Meaning of an operation of the history. `None`: nobody has said yet.
pub(super) fn operation(word: &str, remark: &str, futures: bool) -> Option<Operation> {
    use Operation::*;
    let word = word.to_lowercase();
    let known = match word.as_str() {
        "fee" if futures => Charge("futures fee"),
        "buy" => Leg(Family::Buy),
        "sell" => Leg(Family::Sell),
        "transaction related" => Leg(Family::Related),
        "transaction buy" | "transaction spend" => Leg(Family::Bought),
        "transaction sold" | "transaction revenue" => Leg(Family::Sold),
        "fee" | "transaction fee" => Fee,
        "large otc trading"
        | "binance convert"
        | "the easiest way to trade"
        | "asset conversion transfer"
        | "swap farming transaction"
        | "auto-invest transaction"
        | "sell crypto to fiat"
        | "liquid swap sell" => Pair(""),
        // One word a side.
        "futures convert" | "futures convert - from" | "futures convert - to" => Pair(""),
        "buy crypto" | "buy crypto with card" | "buy crypto with fiat" => Pair("card"),
        "stablecoins auto-conversion" | "leverage token redemption" => Pair(""),
        "eth 2.0 staking" | "eth 2.0 staking withdrawal" | "eth 2.0 staking withdrawals" => {
            Pair("staking-token")
        }
        word if is_liquid_staking(word, &["purchase", "redemption"]) => Pair("staking-token"),
        word if is_liquid_staking(word, &["rewards", "extra rewards"]) => Income(Kind::Staking, ""),
        "small assets exchange bnb" | "small assets exchange bnb (spot)" => Dust,
        "savings interest"
        | "savings distribution"
        | "simple earn flexible interest"
        | "simple earn locked rewards"
        | "launchpool interest"
        | "rewards distribution"
        | "bnb vault rewards" => Income(Kind::Interest, ""),
        "pos savings interest"
        | "staking rewards"
        | "eth 2.0 staking rewards"
        | "dot slot auction rewards" => Income(Kind::Staking, ""),
        "pool distribution" | "super bnb mining" => Income(Kind::Mining, ""),
        "liquid swap rewards" | "swap farming rewards" => Income(Kind::Reward, "liquidity"),
        "asset - transfer" if is_handed_out(remark) => Income(Kind::Airdrop, ""),
        "airdrop assets"
        | "launchpool airdrop"
        | "launchpool airdrop - system distribution"
        | "launchpool airdrop - user claim distribution"
        | "launchpool earnings withdrawal"
        | "hodler airdrops distribution"
        | "megadrop rewards"
        | "simple earn flexible airdrop"
        | "simple earn locked airdrop"
        | "cash voucher distribution" => Income(Kind::Airdrop, ""),
        "mission reward distribution" | "campaign related reward" => {
            Income(Kind::Reward, "campaign")
        }
        "commission history"
        | "commission rebate"
        | "commission fee shared with you"
        | "referrer rebates"
        | "referee rebates"
        | "referral kickback"
        | "referee commission"
        | "referrer commission"
        | "referral commission" => Income(Kind::Reward, "referral"),
        "strategy trading fee rebate" => Income(Kind::Reward, "fee rebate"),
        "binance card cashback" | "card cashback" | "cashback voucher" => {
            Income(Kind::Reward, "cashback")
        }
        "binance card spending" => Spending,
        "distribution" => Distribution,
        "crypto box" => Gift,
        "deposit" | "fiat deposit" | "fiat ocbs - add fiat and fees" => Deposit,
        "withdraw" | "withdrawal" | "fiat withdraw" | "fiat withdrawal" | "send" => Withdrawal,
        "asset recovery" | "leveraged coin consolidation" => Recovery,
        "p2p trading" => Moved("p2p"),
        "sub-account transfer" => Moved("sub-account"),
        "bnb fee deduction" => FeeDeduction,
        "token swap - redenomination/rebranding" => Renamed,
        "token swap - distribution" => RenamedTo,
        "realize profit and loss" | "realized profit and loss" => Result("futures"),
        "insurance fund compensation" | "insurance fund refund" => Result("insurance fund"),
        "funding fee" => Charge("funding"),
        "margin loan"
        | "isolated margin loan"
        | "margin repayment"
        | "isolated margin repayment"
        | "cross margin liquidation - repayment"
        | "isolated margin liquidation - repayment" => Moved("loan"),
        "margin interest" | "isolated margin interest" => Charge("margin interest"),
        "savings purchase"
        | "savings principal redemption"
        | "principal redemption"
        | "pos savings purchase"
        | "pos savings redemption"
        | "staking purchase"
        | "staking redemption"
        | "simple earn flexible subscription"
        | "simple earn flexible redemption"
        | "simple earn locked subscription"
        | "simple earn locked redemption"
        | "launchpool subscription/redemption"
        | "launchpool subscription"
        | "launchpool redemption"
        | "launchpad subscribe"
        | "liquid swap add"
        | "liquid swap add/sell"
        | "liquidity farming remove" => Internal(SAVINGS),
        "transfer_in"
        | "transfer_out"
        | "inter-wallet transfer"
        | "main and funding account transfer" => Internal(WALLETS),
        word if word.starts_with("transfer between ") => Internal(WALLETS),
        _ => return None,
    };
    Some(known)
}
