//! Writes the list of the dashboard's files, `web/dist` as `make dashboard` builds it, with their
//! compressed variants. Without a build there is one file: a page that says how to build it.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hasher as _};
use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() -> Result<(), Box<dyn Error>> {
    let here = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let dist = here.join("web/dist");
    // The directory is in git, empty: naming one that is missing would compile everything each time.
    println!("cargo::rerun-if-changed={}", dist.display());
    println!("cargo::rerun-if-changed=not-built.html");
    let mut files = BTreeMap::new();
    gather(&dist, &dist, &mut files)?;
    let is_built = files.contains_key("index.html");
    if !is_built {
        files = BTreeMap::from([("index.html".to_owned(), here.join("not-built.html"))]);
    }
    let mut code = format!("const BUILT: bool = {is_built};\nstatic FILES: &[Asset] = &[\n");
    for (name, path) in &files {
        if variant_of(name).is_some() {
            continue;
        }
        let mut digest = DefaultHasher::new();
        digest.write(&fs::read(path)?);
        let variant = |suffix: &str| match files.get(&format!("{name}.{suffix}")) {
            Some(path) => format!("Some(include_bytes!({:?}))", path.display().to_string()),
            None => "None".to_owned(),
        };
        writeln!(
            code,
            "Asset {{ path: {name:?}, tag: {:?}, plain: include_bytes!({:?}), gzip: {}, brotli: {} }},",
            format!("W/\"{:016x}\"", digest.finish()),
            path.display().to_string(),
            variant("gz"),
            variant("br"),
        )?;
    }
    code.push_str("];\n");
    fs::write(PathBuf::from(env::var("OUT_DIR")?).join("files.rs"), code)?;
    Ok(())
}

/// The name of the file that this is a compressed variant of.
fn variant_of(name: &str) -> Option<&str> {
    name.strip_suffix(".gz")
        .or_else(|| name.strip_suffix(".br"))
}

/// Finds every file that may be served, by its path below `root`; names that begin with a dot are ours.
fn gather(
    root: &Path,
    directory: &Path,
    files: &mut BTreeMap<String, PathBuf>,
) -> Result<(), Box<dyn Error>> {
    let Ok(entries) = fs::read_dir(directory) else {
        return Ok(());
    };
    for entry in entries {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            gather(root, &path, files)?;
        } else {
            let name = path
                .strip_prefix(root)?
                .to_str()
                .ok_or("a name that is not UTF-8")?;
            files.insert(name.replace('\\', "/"), path.clone());
        }
    }
    Ok(())
}
