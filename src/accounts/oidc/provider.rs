//! The identity provider: found by discovery, which is remembered for an hour; asked for the tokens of a
//! code; its word about who somebody is verified (OpenID Connect Core 1.0, section 3.1.3.7).

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use coinsphere_pipelines::net::with_causes;
use openidconnect::core::{
    CoreClient, CoreClientAuthMethod, CoreErrorResponseType, CoreIdToken, CoreIdTokenClaims,
    CoreJwsSigningAlgorithm, CoreProviderMetadata, CoreResponseType,
};
use openidconnect::{
    AuthType, AuthenticationFlow, AuthorizationCode, ClaimsVerificationError, ClientId,
    ClientSecret, CsrfToken, EndpointMaybeSet, EndpointNotSet, EndpointSet, IssuerUrl, Nonce,
    PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, RequestTokenError, Scope,
    SignatureVerificationError, TokenResponse as _,
};
use secrecy::ExposeSecret as _;
use tokio::sync::Mutex;

use super::pending::Secrets;
use super::wire::Wire;
use crate::accounts::OidcSettings;
use crate::accounts::error::AccountError;

/// The time for which what was discovered is used.
const KEPT: TimeDelta = TimeDelta::hours(1);

/// The time to wait after a failure, and at least between two discoveries.
const PAUSE: TimeDelta = TimeDelta::seconds(5);

/// Tolerance for the provider's clock, and the greatest age of an ID token.
const FRESH: TimeDelta = TimeDelta::minutes(5);

/// Signatures that are taken: those that only the provider can make. Never those made with the secret
/// that it shares with us, and never none.
const SIGNATURES: [CoreJwsSigningAlgorithm; 9] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha384,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
];

/// The longest subject (OpenID Connect Core 1.0, section 2).
const LONGEST_SUBJECT: usize = 255;

type Client = CoreClient<
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// Who somebody is, by the provider's word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) issuer: String,
    pub(super) subject: String,
    pub(super) email: Option<String>,
    pub(super) email_verified: bool,
    pub(super) name: Option<String>,
}

/// Cached metadata of the provider, and its last failure.
#[derive(Default)]
struct Known {
    found: Option<(Arc<CoreProviderMetadata>, DateTime<Utc>)>,
    failed_at: Option<DateTime<Utc>>,
}

/// The provider, as configured.
pub(super) struct Provider {
    issuer: IssuerUrl,
    client_id: ClientId,
    client_secret: Option<ClientSecret>,
    scopes: Vec<Scope>,
    redirect: RedirectUrl,
    wire: Wire,
    known: Mutex<Known>,
}

impl Provider {
    /// `None` where none is configured.
    pub(super) fn open(
        settings: &OidcSettings,
        public_url: &str,
    ) -> Result<Option<Self>, AccountError> {
        let (Some(issuer), Some(client_id)) = (&settings.issuer, &settings.client_id) else {
            return Ok(None);
        };
        let no_url = |what: &str, error: &dyn std::fmt::Display| {
            AccountError::Internal(format!("{what} is not a URL: {error}"))
        };
        let redirect = format!("{public_url}/api/v1/auth/oidc/callback");
        let secret = settings.client_secret.as_ref();
        Ok(Some(Self {
            issuer: IssuerUrl::new(issuer.clone())
                .map_err(|error| no_url("accounts.oidc.issuer", &error))?,
            client_id: ClientId::new(client_id.clone()),
            client_secret: secret
                .map(|secret| ClientSecret::new(secret.expose_secret().to_owned())),
            scopes: settings.scopes.iter().cloned().map(Scope::new).collect(),
            redirect: RedirectUrl::new(redirect)
                .map_err(|error| no_url("accounts.public_url", &error))?,
            wire: Wire::open(settings.ca_file.as_deref())?,
            known: Mutex::default(),
        }))
    }

    /// The provider's own name.
    pub(super) fn issuer(&self) -> &str {
        self.issuer.as_str()
    }

    /// Metadata of the provider, asked at most once at a time. With `fresh`, cached metadata is not
    /// enough.
    async fn metadata(
        &self,
        now: DateTime<Utc>,
        fresh: bool,
    ) -> Result<Arc<CoreProviderMetadata>, AccountError> {
        let mut known = self.known.lock().await;
        if let Some((found, at)) = &known.found {
            let age = now - *at;
            if age < PAUSE || (age < KEPT && !fresh) {
                return Ok(Arc::clone(found));
            }
        }
        if known.failed_at.is_some_and(|at| now - at < PAUSE) {
            return Err(AccountError::ProviderAway(
                "it failed to answer a moment ago".to_owned(),
            ));
        }
        let asker = self.wire.asker();
        match CoreProviderMetadata::discover_async(self.issuer.clone(), &asker).await {
            Ok(found) => {
                let found = Arc::new(found);
                known.found = Some((Arc::clone(&found), now));
                known.failed_at = None;
                Ok(found)
            }
            Err(error) => {
                known.failed_at = Some(now);
                Err(AccountError::ProviderAway(with_causes(&error)))
            }
        }
    }

    fn client(&self, metadata: &CoreProviderMetadata) -> Client {
        let ways = metadata.token_endpoint_auth_methods_supported();
        let posts = ways.is_some_and(|ways| {
            !ways.contains(&CoreClientAuthMethod::ClientSecretBasic)
                && ways.contains(&CoreClientAuthMethod::ClientSecretPost)
        });
        CoreClient::from_provider_metadata(
            metadata.clone(),
            self.client_id.clone(),
            self.client_secret.clone(),
        )
        .set_redirect_uri(self.redirect.clone())
        .set_auth_type(match posts {
            true => AuthType::RequestBody,
            false => AuthType::BasicAuth,
        })
    }

    /// Where the browser goes to sign in.
    pub(super) async fn sign_in_url(
        &self,
        secrets: &Secrets,
        now: DateTime<Utc>,
    ) -> Result<String, AccountError> {
        let metadata = self.metadata(now, false).await?;
        let (state, nonce) = (secrets.state.clone(), secrets.nonce());
        let verifier = PkceCodeVerifier::new(secrets.verifier());
        let (url, _, _) = self
            .client(&metadata)
            .authorize_url(
                AuthenticationFlow::<CoreResponseType>::AuthorizationCode,
                move || CsrfToken::new(state),
                move || Nonce::new(nonce),
            )
            .add_scopes(self.scopes.iter().cloned())
            .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier))
            .url();
        Ok(url.into())
    }

    /// Who it is that came back with this code.
    pub(super) async fn identity(
        &self,
        code: String,
        secrets: &Secrets,
        now: DateTime<Utc>,
    ) -> Result<Identity, AccountError> {
        let metadata = self.metadata(now, false).await?;
        let client = self.client(&metadata);
        let asker = self.wire.asker();
        let tokens = client
            .exchange_code(AuthorizationCode::new(code))
            .map_err(|error| AccountError::ProviderAway(with_causes(&error)))?
            .set_pkce_verifier(PkceCodeVerifier::new(secrets.verifier()))
            .request_async(&asker)
            .await
            .map_err(|error| match &error {
                RequestTokenError::ServerResponse(answer)
                    if *answer.error() == CoreErrorResponseType::InvalidGrant =>
                {
                    AccountError::SignInRefused("the provider does not accept the code".to_owned())
                }
                _ => AccountError::ProviderAway(with_causes(&error)),
            })?;
        let token = tokens.id_token().ok_or_else(|| {
            AccountError::ProviderAway("its answer to a code contains no ID token".to_owned())
        })?;
        let nonce = Nonce::new(secrets.nonce());
        let claims = match verified(&client, token, &nonce, now) {
            // A key made since the keys were read.
            Err(ClaimsVerificationError::SignatureVerification(
                SignatureVerificationError::NoMatchingKey,
            )) => {
                let metadata = self.metadata(now, true).await?;
                verified(&self.client(&metadata), token, &nonce, now)
            }
            other => other,
        };
        let claims = claims.map_err(|error| {
            tracing::warn!(error = %with_causes(&error), "an ID token was refused");
            AccountError::SignInRefused("the provider's ID token is not valid".to_owned())
        })?;
        self.claimed(&claims)
    }

    fn claimed(&self, claims: &CoreIdTokenClaims) -> Result<Identity, AccountError> {
        let subject = claims.subject().as_str();
        if subject.is_empty() || subject.len() > LONGEST_SUBJECT || subject.contains('\0') {
            return Err(AccountError::SignInRefused(
                "the provider's ID token names no subject".to_owned(),
            ));
        }
        let name = claims.name().and_then(|name| name.get(None));
        Ok(Identity {
            issuer: self.issuer.as_str().to_owned(),
            subject: subject.to_owned(),
            email: claims.email().map(|email| email.as_str().to_owned()),
            email_verified: claims.email_verified() == Some(true),
            name: name.map(|name| name.as_str().to_owned()),
        })
    }
}

/// An ID token's claims, if signature, issuer, audience, nonce and times are right.
fn verified(
    client: &Client,
    token: &CoreIdToken,
    nonce: &Nonce,
    now: DateTime<Utc>,
) -> Result<CoreIdTokenClaims, ClaimsVerificationError> {
    let verifier = client
        .id_token_verifier()
        .set_allowed_algs(SIGNATURES)
        .set_time_fn(move || now)
        .set_issue_time_verifier_fn(move |at| {
            if (now - at).abs() <= FRESH {
                Ok(())
            } else {
                Err("it was not issued just now".to_owned())
            }
        });
    token.claims(&verifier, nonce).cloned()
}
