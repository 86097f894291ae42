//! Checking the password of an unknown account is the same work as of a known one.

use argon2::password_hash::phc::PasswordHash;
use metrics_exporter_prometheus::PrometheusBuilder;
use rand::SeedableRng as _;
use rand::rngs::StdRng;

use super::*;

#[tokio::test]
async fn nobodys_hash_costs_what_a_users_does() {
    let settings = AccountSettings {
        password_memory_kib: 64,
        password_passes: 3,
        password_lanes: 2,
        ..AccountSettings::default()
    };
    let randomness = Randomness::from(StdRng::seed_from_u64(1));
    let passwords = Passwords::new(&settings, &randomness).unwrap();
    let users = passwords.hash("one of mine".into(), [7; 16]).await.unwrap();
    let cost = |hash: &str| {
        let hash = PasswordHash::new(hash).unwrap();
        let params = Params::try_from(&hash).unwrap();
        let costs = (params.m_cost(), params.t_cost(), params.p_cost());
        (hash.algorithm.as_str().to_owned(), hash.version, costs)
    };
    assert_eq!(cost(&passwords.nobody), cost(&users));
    assert_eq!(passwords.nobody.len(), users.len());
    assert_eq!(cost(&users).2, (64, 3, 2));
}

#[test]
fn each_check_that_hashes_is_counted() {
    let argon2 = Argon2::default();
    let bcrypt = bcrypt::hash_with_salt("imported one", 4, [3; 16]).unwrap();
    let bcrypt = bcrypt.format_for_version(bcrypt::Version::TwoB);
    let cheap = Params::new(32, 1, 1, None).unwrap();
    let cheap = Argon2::new(Algorithm::Argon2id, Version::V0x13, cheap);
    let stored = hash_now(&cheap, "one of mine", &[1; 16]).unwrap();
    let recorder = PrometheusBuilder::new().build_recorder();
    metrics::with_local_recorder(&recorder, || {
        check_now(&argon2, "one of mine", &stored);
        check_now(&argon2, "one of yours", &stored);
        check_now(&argon2, "imported one", &bcrypt);
        // These are no work.
        check_now(&argon2, "imported one", &bcrypt.replace("$04$", "$31$"));
        check_now(&argon2, "one of mine", "nonsense");
    });
    let shown = recorder.handle().render();
    assert!(
        shown
            .lines()
            .any(|line| line == "coinsphere_password_checks_total 3"),
        "{shown}"
    );
}
