//! Transactions as they are sent and shown: in the shape of docs/portfolios.md.

use garde::Validate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::http::controllers::portfolios::views::Fields;
use crate::http::respond::problem::Problem;
use crate::portfolios::transaction::{format_time, parse_time};
use crate::portfolios::{Decimal, Leg, NamedLot, Transaction};
use crate::user_portfolios::{PortfolioError, StoredTransaction};

// Fields that it does not have are refused by `JsonBody`; denied here too, the schema of a stored one, which
// has more, would contradict itself.
/// A transaction.
#[derive(Debug, Clone, Serialize, Deserialize, Validate, ToSchema)]
#[garde(allow_unvalidated)]
#[schema(as = Transaction, example = json!({
    "id": "T4X-99", "time": "2024-01-08T07:05:12Z", "kind": "buy", "account": "kraken",
    "sent": {"asset": "EUR", "quantity": "683.60"},
    "received": {"asset": "ethereum", "quantity": "0.3"},
    "fees": [{"asset": "EUR", "quantity": "1.09"}],
    "note": "first", "tags": ["long term"]
}))]
pub(in crate::http) struct TransactionBody {
    /// The id, unique in the portfolio: a venue's, by which imports know it. One is made if it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 256)]
    id: Option<String>,
    /// Time, RFC 3339 with an offset.
    time: String,
    /// `buy`, `sell`, `swap`, `deposit`, `withdrawal`, `transfer`, `staking`, `interest`, `mining`,
    /// `airdrop`, `reward`, `fork`, `gift_in`, `gift_out`, `spend`, `loss`, `fee`, `migration` or `opening`.
    kind: String,
    /// The account, by its name; it is added if there is none of this name.
    #[schema(max_length = 256)]
    account: String,
    /// The account that a transfer goes to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 256)]
    to_account: Option<String>,
    /// The amount that left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sent: Option<LegBody>,
    /// The amount that came in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    received: Option<LegBody>,
    /// Fees, in any assets; never inside `sent` or `received`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    fees: Vec<LegBody>,
    /// Market value in the portfolio's currency, for a leg that has none of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    value: Option<String>,
    /// Cost brought along by an `opening`, `gift_in` or `deposit`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    basis: Option<String>,
    /// Day or time of acquisition brought along.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    acquired: Option<String>,
    /// The lots that a disposal or transfer takes from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    lots: Vec<NamedLotBody>,
    /// A note.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    /// Tags.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    tags: Vec<String>,
}

/// An amount that moved.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = TransactionLeg)]
pub(in crate::http) struct LegBody {
    /// A token's id, a symbol that only one token has, the code of a currency, or any other name for an
    /// asset without a market.
    #[schema(example = "bitcoin", max_length = 256)]
    asset: String,
    /// Quantity, above zero; at most 18 decimals.
    #[schema(example = "0.3")]
    quantity: String,
    /// Its market value in the portfolio's currency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "683.60")]
    value: Option<String>,
}

/// A lot that a transaction takes from.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = TransactionLot)]
pub(in crate::http) struct NamedLotBody {
    /// The id of the transaction that acquired it.
    #[schema(example = "T4X-99")]
    lot: String,
    /// Quantity taken from it.
    #[schema(example = "0.3")]
    quantity: String,
}

/// A transaction as it is kept.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = StoredTransaction)]
pub(in crate::http) struct StoredTransactionView {
    /// Its number in the portfolio. Of one instant, those with lower numbers happened before.
    #[schema(example = 17)]
    number: i64,
    /// The import that brought it.
    import: Option<Uuid>,
    #[serde(flatten)]
    transaction: TransactionBody,
}

impl From<StoredTransaction> for StoredTransactionView {
    fn from(stored: StoredTransaction) -> Self {
        Self {
            number: stored.number,
            import: stored.import,
            transaction: stored.transaction.into(),
        }
    }
}

impl From<Leg> for LegBody {
    fn from(leg: Leg) -> Self {
        Self {
            asset: leg.asset,
            quantity: leg.quantity.to_string(),
            value: leg.value.map(|value| value.to_string()),
        }
    }
}

impl From<Transaction> for TransactionBody {
    fn from(row: Transaction) -> Self {
        let lot = |named: NamedLot| NamedLotBody {
            lot: named.lot,
            quantity: named.quantity.to_string(),
        };
        Self {
            id: Some(row.id),
            time: format_time(&row.time),
            kind: row.kind.name().to_owned(),
            account: row.account,
            to_account: row.to_account,
            sent: row.sent.map(Into::into),
            received: row.received.map(Into::into),
            fees: row.fees.into_iter().map(Into::into).collect(),
            value: row.value.map(|value| value.to_string()),
            basis: row.basis.map(|basis| basis.to_string()),
            acquired: row.acquired.map(|acquired| acquired.to_string()),
            lots: row.lots.into_iter().map(lot).collect(),
            note: row.note,
            tags: row.tags,
        }
    }
}

fn decimal(text: &str) -> Result<Decimal, String> {
    text.parse()
        .map_err(|error| format!("use a decimal number: {error}"))
}

impl LegBody {
    fn read(self, path: &str, fields: &mut Fields) -> Option<Leg> {
        let quantity = format!("{path}.quantity");
        let quantity = fields.read(&quantity, Some(&self.quantity), decimal);
        let value = fields.read(&format!("{path}.value"), self.value.as_deref(), decimal);
        Some(Leg {
            asset: self.asset,
            quantity: quantity?,
            value,
        })
    }
}

impl TransactionBody {
    /// Reads it; `path` is where it stands in the body, and `fields` collects what is wrong.
    fn read(self, path: &str, fields: &mut Fields) -> Option<Transaction> {
        let at = |field: &str| format!("{path}{field}");
        let time = fields.read(&at("time"), Some(&self.time), parse_time);
        let kind = fields.read(&at("kind"), Some(&self.kind), str::parse);
        let mut leg = |side: &str, leg: Option<LegBody>| leg?.read(&at(side), fields);
        let (sent, received) = (leg("sent", self.sent), leg("received", self.received));
        let fees = self.fees.into_iter().enumerate();
        let fees = fees.filter_map(|(number, fee)| leg(&format!("fees[{number}]"), Some(fee)));
        let fees = fees.collect();
        let value = fields.read(&at("value"), self.value.as_deref(), decimal);
        let basis = fields.read(&at("basis"), self.basis.as_deref(), decimal);
        let acquired = fields.read(&at("acquired"), self.acquired.as_deref(), str::parse);
        let mut lots = Vec::with_capacity(self.lots.len());
        for (number, named) in self.lots.into_iter().enumerate() {
            let field = at(&format!("lots[{number}].quantity"));
            if let Some(quantity) = fields.read(&field, Some(&named.quantity), decimal) {
                lots.push(NamedLot {
                    lot: named.lot,
                    quantity,
                });
            }
        }
        Some(Transaction {
            to_account: self.to_account,
            sent,
            received,
            fees,
            value,
            basis,
            acquired,
            lots,
            note: self.note.filter(|note| !note.is_empty()),
            tags: self.tags,
            ..Transaction::new(self.id.unwrap_or_default(), time?, kind?, self.account)
        })
    }
}

/// Reads the transactions of a body, every wrong field named.
pub(super) fn read(bodies: Vec<TransactionBody>) -> Result<Vec<Transaction>, Problem> {
    let mut fields = Fields::default();
    let is_one = bodies.len() == 1;
    let transactions = read_list(bodies, &mut fields, |at| match is_one {
        true => String::new(),
        false => format!("transactions[{at}]."),
    });
    fields.finish()?;
    Ok(transactions)
}

/// Reads those of a list; `path` is where each stands in the body, and `fields` collects what is wrong.
pub(in crate::http) fn read_list(
    bodies: Vec<TransactionBody>,
    fields: &mut Fields,
    path: impl Fn(usize) -> String,
) -> Vec<Transaction> {
    let bodies = bodies.into_iter().enumerate();
    bodies
        .filter_map(|(at, body)| body.read(&path(at), fields))
        .collect()
}

/// The number of a transaction in a path: what is none names nothing.
pub(super) fn number(text: &str) -> Result<i64, Problem> {
    text.parse()
        .map_err(|_| PortfolioError::Unknown("transaction").into())
}
