//! A file as a table: rows with the line they begin on, and the header that names their columns. Separators,
//! quotes, empty lines and titles above the header are settled here; what the columns mean is not known.

use super::Refusal;

/// Largest file that is read.
pub const MAX_BYTES: usize = 64 << 20;
/// Most rows that one file may have.
pub const MAX_ROWS: usize = 1_000_000;
const MAX_COLUMNS: usize = 256;
const MAX_CELL: usize = 32 << 10;
/// Number of rows from its top in which a file's header is looked for.
const HEADER_WITHIN: usize = 40;

/// One row of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// The line of the file it begins on, the first being 1.
    pub line: u64,
    cells: Vec<Box<str>>,
}

impl Row {
    pub(super) fn new(line: u64, cells: Vec<Box<str>>) -> Self {
        Self { line, cells }
    }

    /// Text of a column, without the space around it; empty where the column is not there.
    pub(super) fn cell(&self, column: Option<usize>) -> &str {
        column
            .and_then(|column| self.cells.get(column))
            .map_or("", |cell| cell.trim())
    }

    /// Texts of all columns, as they are.
    pub(super) fn raw(&self) -> impl Iterator<Item = &str> {
        self.cells.iter().map(AsRef::as_ref)
    }

    fn is_blank(&self) -> bool {
        self.cells.iter().all(|cell| cell.trim().is_empty())
    }
}

/// The names of the columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// As written.
    pub written: Vec<String>,
    names: Vec<String>,
}

impl Header {
    fn new(row: &Row) -> Self {
        let written: Vec<_> = row
            .cells
            .iter()
            .map(|cell| cell.trim().to_owned())
            .collect();
        let names = written.iter().map(|name| name.to_lowercase()).collect();
        Self { written, names }
    }

    /// The first column of this name, in any case.
    pub(super) fn column(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|known| known == name)
    }

    /// The first column with one of these names.
    pub(super) fn any(&self, names: &[&str]) -> Option<usize> {
        names.iter().find_map(|name| self.column(name))
    }

    /// The first column whose name begins so.
    pub(super) fn beginning(&self, start: &str) -> Option<usize> {
        self.names.iter().position(|known| known.starts_with(start))
    }

    /// The first column whose name ends so.
    pub(super) fn ending(&self, end: &str) -> Option<usize> {
        self.names.iter().position(|known| known.ends_with(end))
    }

    /// The first column of this name behind another: where a name stands for several columns.
    pub(super) fn behind(&self, column: Option<usize>, name: &str) -> Option<usize> {
        let from = column? + 1;
        let found = self
            .names
            .get(from..)?
            .iter()
            .position(|known| known == name)?;
        Some(from + found)
    }

    /// True when there is a column of each of these names.
    pub(super) fn has(&self, names: &[&str]) -> bool {
        names.iter().all(|name| self.column(name).is_some())
    }

    fn len(&self) -> usize {
        let used = self.names.iter().rposition(|name| !name.is_empty());
        used.map_or(0, |last| last + 1)
    }
}

/// A file whose header is known.
#[derive(Debug)]
pub(super) struct Table {
    pub header: Header,
    pub rows: Vec<Row>,
    /// Rows that are cut or torn.
    pub torn: Vec<Refusal>,
    /// Lines that repeat the header or have only separators.
    pub empty: Vec<u64>,
}

/// Finds the header that `knows` among the first rows.
pub(super) fn find_header<T>(
    rows: &[Row],
    mut knows: impl FnMut(&Header) -> Option<T>,
) -> Option<(usize, Header, T)> {
    rows.iter()
        .take(HEADER_WITHIN)
        .enumerate()
        .find_map(|(at, row)| {
            let header = Header::new(row);
            let found = knows(&header)?;
            Some((at, header, found))
        })
}

/// Rows below the header at `at`.
pub(super) fn below(mut rows: Vec<Row>, at: usize, header: Header) -> Table {
    let columns = header.len();
    let mut table = Table {
        header,
        rows: Vec::with_capacity(rows.len().saturating_sub(at + 1)),
        torn: Vec::new(),
        empty: Vec::new(),
    };
    for row in rows.drain(at + 1..) {
        let found = row.cells.len();
        if row.is_blank() {
            table.empty.push(row.line);
        } else if found < columns {
            let reason = format!("{found} columns instead of {columns}: the row is cut");
            table.torn.push(Refusal::row(row.line, reason));
        } else if row
            .cells
            .iter()
            .skip(table.header.names.len())
            .any(|cell| !cell.is_empty())
        {
            let reason = format!(
                "{found} columns instead of {columns}: a separator without quotes around it?"
            );
            table.torn.push(Refusal::row(row.line, reason));
        } else if row
            .cells
            .iter()
            .zip(&table.header.written)
            .all(|(cell, name)| cell.trim() == name)
        {
            table.empty.push(row.line);
        } else {
            table.rows.push(row);
        }
    }
    table
}

/// Reads rows of RFC 4180, with any separator and any end of line: at most `limit` of them, and what is wrong with
/// the one that cannot be read.
pub(super) fn rows(text: &str, separator: char, limit: usize) -> (Vec<Row>, Option<Refusal>) {
    let mut rows = Vec::new();
    let mut reader = Reader {
        rest: text,
        line: 1,
        separator,
    };
    while rows.len() < limit {
        match reader.row() {
            Ok(Some(row)) => rows.push(row),
            Ok(None) => break,
            Err(torn) => return (rows, Some(torn)),
        }
    }
    (rows, None)
}

struct Reader<'a> {
    rest: &'a str,
    line: u64,
    separator: char,
}

impl Reader<'_> {
    /// The next row that is not an empty line.
    fn row(&mut self) -> Result<Option<Row>, Refusal> {
        loop {
            if self.rest.is_empty() {
                return Ok(None);
            }
            if !self.end_of_line() {
                break;
            }
        }
        let line = self.line;
        let mut cells = Vec::new();
        loop {
            if cells.len() == MAX_COLUMNS {
                return Err(Refusal::row(
                    line,
                    format!("more than {MAX_COLUMNS} columns"),
                ));
            }
            let cell = self.cell(line)?;
            if cell.len() > MAX_CELL {
                return Err(Refusal::row(
                    line,
                    format!("a cell of more than {MAX_CELL} bytes"),
                ));
            }
            cells.push(cell.into_boxed_str());
            match self.rest.strip_prefix(self.separator) {
                Some(rest) => self.rest = rest,
                None => break,
            }
        }
        self.end_of_line();
        Ok(Some(Row { line, cells }))
    }

    /// Steps over an end of line, if one is here.
    fn end_of_line(&mut self) -> bool {
        let rest = (self.rest.strip_prefix("\r\n"))
            .or_else(|| self.rest.strip_prefix('\n'))
            .or_else(|| self.rest.strip_prefix('\r'));
        let Some(rest) = rest else { return false };
        self.rest = rest;
        self.line += 1;
        true
    }

    fn cell(&mut self, row: u64) -> Result<String, Refusal> {
        let mut cell = String::new();
        let blank = self.rest.len() - self.rest.trim_start_matches(' ').len();
        if self.rest[blank..].starts_with('"') {
            self.rest = &self.rest[blank + 1..];
            loop {
                let Some(end) = self.rest.find('"') else {
                    let reason = "a quote is opened and never closed: the file is cut".to_owned();
                    return Err(Refusal::row(row, reason));
                };
                let part = &self.rest[..end];
                self.line += part.matches('\n').count() as u64;
                cell.push_str(part);
                self.rest = &self.rest[end + 1..];
                let Some(rest) = self.rest.strip_prefix('"') else {
                    break;
                };
                cell.push('"');
                self.rest = rest;
            }
        }
        // Unquoted, or what a careless writer left behind the closing quote.
        let ends = [self.separator, '\n', '\r'];
        let end = (self.rest.find(ends)).unwrap_or(self.rest.len());
        cell.push_str(&self.rest[..end]);
        self.rest = &self.rest[end..];
        Ok(cell)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    fn cells(text: &str, separator: char) -> Vec<(u64, Vec<String>)> {
        rows(text, separator, MAX_ROWS)
            .0
            .into_iter()
            .map(|row| {
                (
                    row.line,
                    row.cells.iter().map(ToString::to_string).collect(),
                )
            })
            .collect()
    }

    fn row(line: u64, cells: &[&str]) -> (u64, Vec<String>) {
        (line, cells.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn lines_are_counted_through_quoted_ends_of_line_and_empty_lines() {
        let text = "a,b\r\n\r\n\"1\r\n2\",\"say \"\"x\"\"\"\r\n3,\n\n";
        let expected = [
            row(1, &["a", "b"]),
            row(3, &["1\r\n2", "say \"x\""]),
            row(5, &["3", ""]),
        ];
        assert_eq!(cells(text, ','), expected);
    }

    #[test]
    fn another_separator_leaves_commas_alone() {
        assert_eq!(cells("1,5;2\n", ';'), [row(1, &["1,5", "2"])]);
    }

    #[test]
    fn an_open_quote_is_a_cut_file_and_says_where() {
        let refusal = rows("a,b\n1,\"2\n3", ',', MAX_ROWS).1.unwrap();
        assert_eq!(refusal.row, Some(2));
    }
}
