//! Links by which anybody may look at a portfolio, and do nothing else. Only the hash of a link's secret is
//! kept.

use chrono::{DateTime, TimeDelta, Utc};
use coinsphere_pipelines::store::{execute, failed, query};
use tokio_postgres::Row;
use uuid::Uuid;

use super::portfolio::{Portfolio, lock, name};
use super::{PortfolioError, UserPortfolios};
use crate::secrets;

/// The most links of a portfolio.
const MOST: i64 = 50;

/// A link there is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewShareLink {
    /// The name that its user gave it.
    pub name: String,
    /// True if the link hides amounts.
    pub hide_amounts: bool,
    /// Days until it expires; none if it never does.
    pub days: Option<u32>,
}

/// A link, without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShareLink {
    /// The id.
    pub id: Uuid,
    /// The name that its user gave it.
    pub name: String,
    /// True if the link hides amounts.
    pub hide_amounts: bool,
    /// Time of creation.
    pub created_at: DateTime<Utc>,
    /// Time at which it expires.
    pub expires_at: Option<DateTime<Utc>>,
}

/// A portfolio as a link shows it: whoever shows it leaves out what the link hides.
#[derive(Debug, Clone, PartialEq)]
pub struct SharedPortfolio {
    /// The portfolio.
    pub portfolio: Portfolio,
    /// True if amounts must not be shown.
    pub hide_amounts: bool,
}

const LINK: &str = "id, name, hide_amounts, created_at, expires_at";

fn link(row: &Row) -> ShareLink {
    ShareLink {
        id: row.get(0),
        name: row.get(1),
        hide_amounts: row.get(2),
        created_at: row.get(3),
        expires_at: row.get(4),
    }
}

impl UserPortfolios {
    /// The links of a portfolio, the newest first; at most 50.
    ///
    /// # Errors
    /// When the user has no such portfolio, or the database is away.
    pub async fn share_links(
        &self,
        user: Uuid,
        portfolio: Uuid,
    ) -> Result<Vec<ShareLink>, PortfolioError> {
        self.portfolio(user, portfolio).await?;
        let session = self.session().await?;
        let sql = format!(
            "SELECT {LINK} FROM portfolio_share_links WHERE portfolio_id = $1 \
             ORDER BY created_at DESC, id"
        );
        let rows = query(&session, "list links", &sql, &[&portfolio]).await?;
        Ok(rows.iter().map(link).collect())
    }

    /// Makes a link; answers its secret, this once.
    ///
    /// # Errors
    /// When the user has no such portfolio, there are 50 links already, or the database is away.
    pub async fn share(
        &self,
        user: Uuid,
        portfolio: Uuid,
        new: &NewShareLink,
        from: Option<&str>,
    ) -> Result<(ShareLink, String), PortfolioError> {
        let called = name(&new.name)?;
        let now = self.now();
        let mut session = self.session().await?;
        let database = session
            .transaction()
            .await
            .map_err(failed("begin sharing a portfolio"))?;
        lock(&database, user, portfolio).await?;
        // Those that have ended make room.
        execute(
            &database,
            "remove links that have ended",
            "DELETE FROM portfolio_share_links WHERE portfolio_id = $1 AND expires_at <= $2",
            &[&portfolio, &now],
        )
        .await?;
        let secret = self.0.randomness.token();
        let expires_at = new.days.map(|days| now + TimeDelta::days(days.into()));
        let sql = format!(
            "INSERT INTO portfolio_share_links \
               (id, portfolio_id, hash, name, hide_amounts, created_at, expires_at) \
             SELECT $1, $2, $3, $4, $5, $6, $7 \
             WHERE (SELECT count(*) FROM portfolio_share_links WHERE portfolio_id = $2) < $8 \
             RETURNING {LINK}"
        );
        let made = query(
            &database,
            "share a portfolio",
            &sql,
            &[
                &self.0.randomness.id(),
                &portfolio,
                &secrets::hash(&secret),
                &called,
                &new.hide_amounts,
                &now,
                &expires_at,
                &MOST,
            ],
        )
        .await?;
        let made = made.first().map(link).ok_or_else(|| {
            PortfolioError::Conflict(format!("a portfolio has at most {MOST} links"))
        })?;
        database
            .commit()
            .await
            .map_err(failed("share a portfolio"))?;
        self.note("portfolio.shared", user, made.id, from);
        Ok((made, secret))
    }

    /// Ends a link.
    ///
    /// # Errors
    /// When there is no such link, or the database is away.
    pub async fn revoke_share_link(
        &self,
        user: Uuid,
        portfolio: Uuid,
        id: Uuid,
        from: Option<&str>,
    ) -> Result<(), PortfolioError> {
        let session = self.session().await?;
        let sql = "DELETE FROM portfolio_share_links l USING portfolios p \
             WHERE l.id = $1 AND l.portfolio_id = $2 AND p.id = l.portfolio_id AND p.user_id = $3";
        let gone = execute(&session, "end a link", sql, &[&id, &portfolio, &user]).await?;
        if gone == 0 {
            return Err(PortfolioError::Unknown("link"));
        }
        self.note("portfolio.unshared", user, id, from);
        Ok(())
    }

    /// The portfolio that a link shows.
    ///
    /// # Errors
    /// When the link is unknown or has ended, its user is disabled, or the database is away.
    pub async fn shared(&self, secret: &str) -> Result<SharedPortfolio, PortfolioError> {
        let session = self.session().await?;
        let sql = "SELECT p.user_id, p.id, l.hide_amounts FROM portfolio_share_links l \
             JOIN portfolios p ON p.id = l.portfolio_id \
             JOIN users u ON u.id = p.user_id AND u.disabled_at IS NULL \
             WHERE l.hash = $1 AND (l.expires_at IS NULL OR l.expires_at > $2)";
        let given = &[&secrets::hash(secret) as _, &self.now() as _];
        let rows = query(&session, "look up a link", sql, given).await?;
        drop(session);
        let row = rows.first().ok_or(PortfolioError::Unknown("link"))?;
        Ok(SharedPortfolio {
            portfolio: self.portfolio(row.get(0), row.get(1)).await?,
            hide_amounts: row.get(2),
        })
    }
}
