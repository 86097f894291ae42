//! The shapes that several answers share.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::user_portfolios::{ImportedFile, PortfolioImport};

/// An import: files whose transactions were added together.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PortfolioImport)]
pub(in crate::http) struct PortfolioImportView {
    /// The import.
    id: Uuid,
    /// Time of the import.
    created_at: DateTime<Utc>,
    /// The files.
    files: Vec<ImportedFileView>,
    /// Number of transactions that it added.
    #[schema(example = 120)]
    added: i64,
    /// Number of transactions that were known already.
    #[schema(example = 3)]
    duplicates: i64,
}

/// A file that was imported.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ImportedFile)]
pub(in crate::http) struct ImportedFileView {
    /// Its name.
    #[schema(example = "ledgers.csv")]
    name: String,
    /// The format that was recognised.
    #[schema(example = "kraken.ledgers")]
    format: String,
    /// Its size.
    #[schema(example = 51234)]
    bytes: u64,
    /// SHA-256 of its content, in hexadecimal digits.
    #[schema(example = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")]
    sha256: String,
}

impl From<PortfolioImport> for PortfolioImportView {
    fn from(import: PortfolioImport) -> Self {
        Self {
            id: import.id,
            created_at: import.created_at,
            files: import.files.into_iter().map(Into::into).collect(),
            added: import.added,
            duplicates: import.duplicates,
        }
    }
}

impl From<ImportedFile> for ImportedFileView {
    fn from(file: ImportedFile) -> Self {
        Self {
            name: file.name,
            format: file.format,
            bytes: file.bytes,
            sha256: file.sha256,
        }
    }
}
