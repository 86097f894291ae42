use std::fs;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};

use super::*;
use crate::bar::Interval;
use crate::live::LiveModel;
use crate::testing::{random_walk, version};

fn registry() -> (tempfile::TempDir, Registry) {
    let root = tempfile::tempdir().expect("a directory");
    let registry = Registry::open(&root.path().join("models")).expect("opens");
    (root, registry)
}

fn key() -> ModelKey {
    ModelKey::new("bitcoin", Interval::H1).expect("a name")
}

fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(second, 0).expect("a time")
}

fn dir(registry: &Registry, id: &ModelId) -> PathBuf {
    registry
        .root()
        .join("bitcoin/1h/versions")
        .join(id.as_str())
}

/// Saves versions with these seeds and promotes each.
fn promoted(registry: &Registry, seeds: &[u64]) -> Vec<ModelId> {
    seeds
        .iter()
        .map(|seed| {
            let id = registry
                .save(&version("bitcoin", 100, *seed))
                .expect("saves");
            registry
                .promote(&key(), &id, at(*seed as i64), "a test")
                .expect("promotes");
            id
        })
        .collect()
}

fn serving_id(registry: &Registry) -> Option<ModelId> {
    let serving = registry.serving(&key()).expect("reads");
    serving.model.map(|model| model.card().id.clone())
}

fn forecasts(model: &LiveModel) -> Vec<f64> {
    let mut state = model.start();
    random_walk(150, 1)
        .iter()
        .flat_map(|bar| model.step(&mut state, bar).expect("steps").forecasts)
        .flat_map(|forecast| [forecast.expected_log_return, forecast.intervals[2].high])
        .collect()
}

#[test]
fn a_version_read_back_is_the_version_written() {
    let (_root, registry) = registry();
    let model = version("bitcoin", 100, 1);
    let id = registry.save(&model).expect("saves");
    let read = registry.load(&key(), &id).expect("loads");
    assert_eq!(read, model);
    assert_eq!(forecasts(&read), forecasts(&model));
    assert_eq!(registry.card(&key(), &id).expect("reads"), *model.card());
    assert_eq!(registry.find(&id).expect("reads"), Some(key()));
    assert_eq!(registry.keys().expect("reads"), [key()]);
    let error = registry.save(&model).expect_err("is there");
    assert!(matches!(error, RegistryError::Duplicate { .. }));
}

#[test]
fn the_checksums_are_those_that_sha256sum_checks() {
    let (_root, registry) = registry();
    let id = registry.save(&version("bitcoin", 100, 1)).expect("saves");
    let dir = dir(&registry, &id);
    let mut names: Vec<_> = fs::read_dir(&dir)
        .expect("a directory")
        .map(|entry| entry.expect("an entry").file_name())
        .collect();
    names.sort();
    assert_eq!(
        names,
        [
            "SHA256SUMS",
            "card.json",
            "serving.json",
            "weights.safetensors"
        ]
    );
    let status = std::process::Command::new("sha256sum")
        .args(["--check", "--strict", "--quiet", "SHA256SUMS"])
        .current_dir(&dir)
        .status();
    // Not every system has the program; the format is asserted either way.
    if let Ok(status) = status {
        assert!(status.success());
    }
    let sums = fs::read_to_string(dir.join("SHA256SUMS")).expect("text");
    assert_eq!(sums.lines().count(), 3);
    assert!(sums.lines().all(|line| {
        line.split_once("  ")
            .is_some_and(|(sum, _)| sum.len() == 64)
    }));
}

#[test]
fn any_changed_or_missing_byte_is_refused_and_the_version_before_serves() {
    let (_root, registry) = registry();
    let ids = promoted(&registry, &[1, 2]);
    let dir = dir(&registry, &ids[1]);
    for file in ["card.json", "serving.json", "weights.safetensors"] {
        let path = dir.join(file);
        let whole = fs::read(&path).expect("a file");
        let mut changed = whole.clone();
        let middle = changed.len() / 2;
        changed[middle] ^= 1;
        for damaged in [&changed[..], &whole[..whole.len() - 1], &[]] {
            fs::write(&path, damaged).expect("writes");
            let error = registry.load(&key(), &ids[1]).expect_err("damaged");
            assert!(error.to_string().contains("checksum"), "{error}");
            let serving = registry.serving(&key()).expect("reads");
            let model = serving.model.expect("the one before");
            assert_eq!(model.card().id, ids[0]);
            assert_eq!(serving.refused.len(), 1);
            assert_eq!(serving.refused[0].0, ids[1]);
            assert!(registry.card(&key(), &ids[1]).is_err());
        }
        fs::remove_file(&path).expect("removes");
        assert!(registry.load(&key(), &ids[1]).is_err());
        assert_eq!(serving_id(&registry), Some(ids[0].clone()));
        fs::write(&path, whole).expect("writes");
        assert_eq!(serving_id(&registry), Some(ids[1].clone()));
    }
    let versions = registry.versions(&key()).expect("lists");
    assert!(versions.iter().all(|version| version.card.is_ok()));
    assert_eq!(versions.iter().filter(|version| version.serves).count(), 1);
}

/// Rewrites a file with its checksum, as a foreign program might.
fn forge(dir: &Path, file: &str, change: impl Fn(Vec<u8>) -> Vec<u8>) {
    use sha2::Digest;
    let path = dir.join(file);
    let bytes = change(fs::read(&path).expect("a file"));
    let sum = hex(&sha2::Sha256::digest(&bytes));
    fs::write(&path, bytes).expect("writes");
    let sums: String = fs::read_to_string(dir.join("SHA256SUMS"))
        .expect("text")
        .lines()
        .map(|line| {
            if line.ends_with(file) {
                format!("{sum}  {file}\n")
            } else {
                format!("{line}\n")
            }
        })
        .collect();
    fs::write(dir.join("SHA256SUMS"), sums).expect("writes");
}

fn replace(from: &'static str, to: &'static str) -> impl Fn(Vec<u8>) -> Vec<u8> {
    move |bytes| {
        let text = String::from_utf8(bytes).expect("text");
        assert!(text.contains(from), "{from}");
        text.replacen(from, to, 1).into_bytes()
    }
}

#[test]
fn a_foreign_file_with_a_right_checksum_is_refused_too() {
    type Change = Box<dyn Fn(Vec<u8>) -> Vec<u8>>;
    let cases: [(&str, Change, &str); 8] = [
        (
            "card.json",
            Box::new(replace("\"format\": 1", "\"format\": 9")),
            "layout 9",
        ),
        (
            "card.json",
            Box::new(replace("\"return_0\"", "\"price\"")),
            "features",
        ),
        (
            "card.json",
            Box::new(replace("\"bitcoin\"", "\"../etc\"")),
            "name of a model's asset",
        ),
        ("card.json", Box::new(|_| b"{}".to_vec()), "format"),
        (
            "serving.json",
            Box::new(replace("\"horizon\": 3", "\"horizon\": 4")),
            "horizons",
        ),
        (
            "serving.json",
            Box::new(replace("\"block\": 50", "\"block\": 0")),
            "impossible",
        ),
        (
            "weights.safetensors",
            Box::new(|_| vec![7; 4_000]),
            "weights",
        ),
        (
            "weights.safetensors",
            Box::new(|mut bytes| {
                // The last value becomes NaN.
                let end = bytes.len();
                bytes[end - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
                bytes
            }),
            "finite",
        ),
    ];
    for (file, change, wanted) in cases {
        let (_root, registry) = registry();
        let id = registry.save(&version("bitcoin", 100, 1)).expect("saves");
        forge(&dir(&registry, &id), file, change);
        let error = registry.load(&key(), &id).expect_err(wanted);
        assert!(error.to_string().contains(wanted), "{wanted}: {error}");
        assert!(!error.is_retriable());
    }
}

#[test]
fn promotions_are_rolled_back_in_turn_and_remembered() {
    let (_root, registry) = registry();
    assert_eq!(serving_id(&registry), None);
    assert!(matches!(
        registry.roll_back(&key(), at(0)),
        Err(RegistryError::NothingBefore(_))
    ));
    let ids = promoted(&registry, &[1, 2, 3]);
    assert_eq!(serving_id(&registry), Some(ids[2].clone()));
    // Promoting what serves changes nothing.
    let before = registry.pointer(&key()).expect("reads");
    let again = registry.promote(&key(), &ids[2], at(9), "again");
    assert_eq!(again.expect("promotes"), before);

    registry.roll_back(&key(), at(10)).expect("rolls back");
    assert_eq!(serving_id(&registry), Some(ids[1].clone()));
    registry.roll_back(&key(), at(11)).expect("rolls back");
    assert_eq!(serving_id(&registry), Some(ids[0].clone()));
    let error = registry.roll_back(&key(), at(12)).expect_err("the first");
    assert!(error.to_string().contains("cannot be rolled back"));
    assert_eq!(serving_id(&registry), Some(ids[0].clone()));

    let pointer = registry.pointer(&key()).expect("reads");
    let events: Vec<&str> = pointer.events().iter().map(|e| e.why.as_str()).collect();
    assert_eq!(events.len(), 5);
    assert_eq!(events[..3], ["a test"; 3]);
    assert!(events[3].contains(ids[2].as_str()) && events[4].contains(ids[1].as_str()));
}

#[test]
fn a_corrupt_version_is_neither_promoted_nor_rolled_back_to() {
    let (_root, registry) = registry();
    let ids = promoted(&registry, &[1, 2, 3]);
    fs::write(dir(&registry, &ids[1]).join("card.json"), b"{").expect("writes");
    assert!(registry.promote(&key(), &ids[1], at(9), "no").is_err());
    assert_eq!(serving_id(&registry), Some(ids[2].clone()));
    registry.roll_back(&key(), at(10)).expect("passes it over");
    assert_eq!(serving_id(&registry), Some(ids[0].clone()));
    let unknown: ModelId = "20200101T000000000Z-00000000".parse().expect("an id");
    assert!(matches!(
        registry.promote(&key(), &unknown, at(11), "no"),
        Err(RegistryError::Unknown { .. })
    ));
}

#[test]
fn pruning_keeps_the_newest_what_serves_and_what_served_before() {
    let (_root, registry) = registry();
    let ids = promoted(&registry, &[1, 2]);
    let newer: Vec<ModelId> = (3..9)
        .map(|seed| {
            registry
                .save(&version("bitcoin", 100, seed))
                .expect("saves")
        })
        .collect();
    let removed = registry.prune(&key(), 3).expect("prunes");
    assert_eq!(removed, newer[..3]);
    let left: Vec<ModelId> = registry
        .versions(&key())
        .expect("lists")
        .into_iter()
        .map(|version| version.id)
        .collect();
    assert_eq!(left, [&ids[..], &newer[3..]].concat());
    registry.roll_back(&key(), at(9)).expect("is still there");
    assert_eq!(serving_id(&registry), Some(ids[0].clone()));
    assert_eq!(registry.prune(&key(), 3).expect("prunes"), [ids[1].clone()]);
}

#[test]
fn what_a_crash_left_is_not_seen_and_goes_with_the_next_save() {
    let (_root, registry) = registry();
    promoted(&registry, &[1]);
    let left = registry.root().join("bitcoin/1h/versions/.unfinished-abc");
    fs::create_dir(&left).expect("creates");
    fs::write(left.join("card.json"), b"{").expect("writes");
    assert_eq!(registry.versions(&key()).expect("lists").len(), 1);
    registry.save(&version("bitcoin", 100, 2)).expect("saves");
    assert!(!left.exists());
    assert_eq!(registry.versions(&key()).expect("lists").len(), 2);
}

#[test]
fn an_unreadable_pointer_is_an_error_until_a_version_is_promoted() {
    let (_root, registry) = registry();
    let ids = promoted(&registry, &[1]);
    let pointer = registry.root().join("bitcoin/1h/current.json");
    for text in ["", "{", "{\"format\":2,\"promotions\":[],\"events\":[]}"] {
        fs::write(&pointer, text).expect("writes");
        let error = registry.serving(&key()).expect_err(text);
        assert!(error.to_string().contains("promote a version"), "{error}");
    }
    registry
        .promote(&key(), &ids[0], at(5), "repair")
        .expect("promotes");
    assert_eq!(serving_id(&registry), Some(ids[0].clone()));
}

#[test]
fn a_version_moved_to_another_asset_is_refused() {
    let (_root, registry) = registry();
    let id = registry.save(&version("bitcoin", 100, 1)).expect("saves");
    let other = ModelKey::new("ethereum", Interval::H1).expect("a name");
    registry.save(&version("ethereum", 100, 2)).expect("saves");
    fs::rename(
        dir(&registry, &id),
        registry
            .root()
            .join("ethereum/1h/versions")
            .join(id.as_str()),
    )
    .expect("moves");
    assert!(matches!(
        registry.load(&other, &id),
        Err(RegistryError::Misplaced { .. })
    ));
}

#[test]
fn concurrent_changes_of_one_model_all_take_place() {
    let (_root, registry) = registry();
    std::thread::scope(|scope| {
        for seed in 1..=8 {
            let registry = registry.clone();
            scope.spawn(move || promoted(&registry, &[seed]));
        }
    });
    assert_eq!(registry.versions(&key()).expect("lists").len(), 8);
    let pointer = registry.pointer(&key()).expect("reads");
    assert_eq!(pointer.promotions().len(), 8);
}
