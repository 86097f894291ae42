//! The dashboard's built files: which file a path is, its media type, its entity tag, and the variant
//! for what a browser can decompress. It knows no server: `src/http` makes answers of it.

include!(concat!(env!("OUT_DIR"), "/files.rs"));

/// A file of the dashboard.
#[derive(Debug)]
pub struct Asset {
    path: &'static str,
    tag: &'static str,
    plain: &'static [u8],
    gzip: Option<&'static [u8]>,
    brotli: Option<&'static [u8]>,
}

/// The bytes of a file as they are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Variant {
    /// The value of `content-encoding`, if they are compressed.
    pub encoding: Option<&'static str>,
    /// The body.
    pub bytes: &'static [u8],
}

/// Returns whether the program was compiled with the dashboard; else its page says how to do that.
#[must_use]
pub fn is_built() -> bool {
    BUILT
}

/// The page that all client-side routes begin with.
///
/// # Panics
/// Never: the build script writes it into every list.
#[must_use]
pub fn page() -> &'static Asset {
    find("index.html").expect("the build script lists index.html, built or not")
}

/// The file at this path, which has no slash in front.
#[must_use]
pub fn find(path: &str) -> Option<&'static Asset> {
    let at = FILES.binary_search_by(|file| file.path.cmp(path)).ok()?;
    FILES.get(at)
}

/// Every file.
#[must_use]
pub fn files() -> &'static [Asset] {
    FILES
}

impl Asset {
    /// Its path, without a slash in front.
    #[must_use]
    pub fn path(&self) -> &'static str {
        self.path
    }

    /// Its weak entity tag: all variants have the same.
    #[must_use]
    pub fn tag(&self) -> &'static str {
        self.tag
    }

    /// Returns whether its name changes with its content, so that it can be kept for ever.
    #[must_use]
    pub fn is_immutable(&self) -> bool {
        self.path.starts_with("assets/")
    }

    /// Its media type.
    #[must_use]
    pub fn media_type(&self) -> &'static str {
        match self.path.rsplit_once('.').map(|(_, ending)| ending) {
            Some("html") => "text/html; charset=utf-8",
            Some("js") => "text/javascript; charset=utf-8",
            Some("css") => "text/css; charset=utf-8",
            Some("svg") => "image/svg+xml",
            Some("png") => "image/png",
            Some("woff2") => "font/woff2",
            Some("json") => "application/json",
            Some("webmanifest") => "application/manifest+json",
            Some("txt") => "text/plain; charset=utf-8",
            _ => "application/octet-stream",
        }
    }

    /// The smallest variant that a browser with this `accept-encoding` can read.
    #[must_use]
    pub fn variant(&self, accepted: &str) -> Variant {
        let offered = [("br", self.brotli), ("gzip", self.gzip)];
        for (encoding, bytes) in offered {
            if let Some(bytes) = bytes
                && accepts(accepted, encoding)
            {
                let encoding = Some(encoding);
                return Variant { encoding, bytes };
            }
        }
        Variant {
            encoding: None,
            bytes: self.plain,
        }
    }
}

/// Returns whether `accept-encoding` names this encoding, or all, and not with a weight of zero.
fn accepts(accepted: &str, encoding: &str) -> bool {
    let weighed = |name: &str| {
        accepted.split(',').find_map(|one| {
            let mut parts = one.split(';').map(str::trim);
            if !parts.next()?.eq_ignore_ascii_case(name) {
                return None;
            }
            let weight = parts.find_map(|part| part.strip_prefix("q="));
            Some(weight.is_none_or(|weight| weight.bytes().any(|b| (b'1'..=b'9').contains(&b))))
        })
    };
    weighed(encoding).or_else(|| weighed("*")).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCRIPT: Asset = Asset {
        path: "assets/main-Zx81.js",
        tag: "W/\"1\"",
        plain: b"plain",
        gzip: Some(b"gzip"),
        brotli: Some(b"brotli"),
    };

    #[test]
    fn the_smallest_variant_that_is_accepted_is_sent() {
        for (accepted, sent) in [
            ("gzip, deflate, br, zstd", "brotli"),
            ("gzip, deflate", "gzip"),
            ("GZIP", "gzip"),
            ("br;q=0, gzip;q=0.5", "gzip"),
            ("br;q=0.0, *", "gzip"),
            ("*;q=0.1", "brotli"),
            ("identity", "plain"),
            ("gzip;q=0, br; q=0.000", "plain"),
            ("brotli", "plain"),
            ("", "plain"),
        ] {
            assert_eq!(
                SCRIPT.variant(accepted).bytes,
                sent.as_bytes(),
                "{accepted}"
            );
        }
        assert_eq!(SCRIPT.variant("br").encoding, Some("br"));
        assert_eq!(SCRIPT.variant("").encoding, None);
    }

    #[test]
    fn a_file_without_variants_is_sent_as_it_is() {
        let icon = Asset {
            path: "icon.png",
            gzip: None,
            brotli: None,
            ..SCRIPT
        };
        assert_eq!(icon.variant("gzip, br").encoding, None);
        assert_eq!(icon.media_type(), "image/png");
        assert!(!icon.is_immutable());
        assert!(SCRIPT.is_immutable());
        assert_eq!(SCRIPT.media_type(), "text/javascript; charset=utf-8");
    }

    #[test]
    fn every_file_is_found_by_its_path_and_there_is_a_page() {
        for file in files() {
            assert_eq!(find(file.path()).map(Asset::path), Some(file.path()));
            assert!(
                !file.path().starts_with('/') && !file.plain.is_empty(),
                "{file:?}"
            );
        }
        assert_eq!(page().media_type(), "text/html; charset=utf-8");
        assert!(!page().is_immutable());
        assert!(find("assets/nothing.js").is_none());
        let says_how = String::from_utf8_lossy(page().plain).contains("make dashboard");
        assert_eq!(says_how, !is_built());
    }
}
