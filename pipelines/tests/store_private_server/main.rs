//! The private server's life: creation, adoption, restarts, refusals. A child of this program plays
//! the process that is killed.
#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use coinsphere_pipelines::candles::Commit;
use coinsphere_pipelines::log::Offset;
use coinsphere_pipelines::store::private_server::PrivateServer;
use coinsphere_pipelines::store::{Store, StoreConfig};
use libtest_mimic::{Arguments, Trial};
use uuid::Uuid;

const WITHIN: Duration = Duration::from_secs(120);

/// Makes this program the process that is to be killed, on the directory named.
const OWNER: &str = "COINSPHERE_TEST_OWNER";

fn main() -> ExitCode {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    if let Some(directory) = std::env::var_os(OWNER) {
        runtime.block_on(own(Path::new(&directory)));
    }
    let arguments = Arguments::from_args();
    let trials = vec![
        Trial::test("outlives_a_kill_and_is_adopted", || block_on(adoption())),
        Trial::test("two_directories_run_side_by_side", || {
            block_on(side_by_side())
        }),
        Trial::test(
            "a_half_made_cluster_is_made_again",
            || block_on(half_made()),
        ),
        Trial::test("a_stale_pid_file_is_cleared", || block_on(stale_pid_file())),
        Trial::test("a_deep_directory_gets_a_short_socket", || block_on(deep())),
        Trial::test("a_closed_parent_moves_the_cluster", || {
            block_on(closed_parent())
        }),
        Trial::test("the_pool_recovers_from_a_restart", || block_on(restart())),
        Trial::test("another_versions_cluster_is_refused", || {
            block_on(other_version())
        }),
    ];
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn block_on(test: impl Future<Output = ()>) -> Result<(), libtest_mimic::Failed> {
    tokio::runtime::Runtime::new().unwrap().block_on(test);
    Ok(())
}

async fn own(directory: &Path) {
    let server = PrivateServer::start(directory, WITHIN).await.unwrap();
    println!("pid {}", server.pid());
    std::future::pending::<()>().await;
}

async fn start(directory: &Path) -> PrivateServer {
    PrivateServer::start(directory, WITHIN).await.unwrap()
}

fn is_alive(pid: i32) -> bool {
    // A zombie has ended too.
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

async fn adoption() {
    let directory = tempfile::tempdir().unwrap();
    let mut owner = Command::new(std::env::current_exe().unwrap())
        .env(OWNER, directory.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let output = owner.stdout.take().unwrap();
    BufReader::new(output).read_line(&mut line).unwrap();
    let pid: i32 = line.trim().strip_prefix("pid ").unwrap().parse().unwrap();

    // While its owner lives, nobody else may have it, but everybody may look.
    let refused = PrivateServer::start(directory.path(), WITHIN)
        .await
        .unwrap_err();
    assert!(
        refused.to_string().contains("another coinsphere process"),
        "{refused}"
    );
    let url = PrivateServer::running(directory.path()).unwrap();
    Store::migrate(&StoreConfig::new(url)).await.unwrap();

    owner.kill().unwrap();
    owner.wait().unwrap();
    assert!(is_alive(pid), "the server outlives its owner");
    let server = start(directory.path()).await;
    assert!(server.adopted());
    assert_eq!(server.pid(), pid);
    let again = Store::migrate(&StoreConfig::new(server.url()))
        .await
        .unwrap();
    assert_eq!(again.applied, Vec::<String>::new());
    server.stop().await.unwrap();
    assert!(!is_alive(pid));
    assert!(PrivateServer::running(directory.path()).is_none());

    // Stopped, not only gone: the next start needs no recovery and is not an adoption.
    let server = start(directory.path()).await;
    assert!(!server.adopted());
    server.stop().await.unwrap();
}

async fn side_by_side() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (one, mut two) = tokio::join!(start(one.path()), start(two.path()));
    for server in [&one, &two] {
        Store::open(&StoreConfig::new(server.url())).await.unwrap();
    }
    assert_ne!(one.url().target(), two.url().target());
    let pid = one.pid();
    // Dropping asks it to stop too.
    drop(one);
    for _ in 0..400 {
        if !is_alive(pid) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    assert!(!is_alive(pid));
    assert!(two.is_alive());
    two.stop().await.unwrap();
}

async fn half_made() {
    let directory = tempfile::tempdir().unwrap();
    let unfinished = directory.path().join("pg.tmp");
    std::fs::create_dir(&unfinished).unwrap();
    std::fs::write(unfinished.join("PG_VERSION"), "15\n").unwrap();
    let server = start(directory.path()).await;
    assert!(!unfinished.exists());
    assert!(server.cluster_dir().join("PG_VERSION").is_file());
    server.stop().await.unwrap();
}

async fn stale_pid_file() {
    let directory = tempfile::tempdir().unwrap();
    let server = start(directory.path()).await;
    let file = server.cluster_dir().join("postmaster.pid");
    server.stop().await.unwrap();
    // A process that is alive, but is this test and not a server.
    let stranger = format!("{}\n/elsewhere\n1\n5432\n/elsewhere\n", std::process::id());
    std::fs::write(&file, stranger).unwrap();
    assert!(PrivateServer::running(directory.path()).is_none());
    let server = start(directory.path()).await;
    assert!(!server.adopted());
    server.stop().await.unwrap();
}

async fn deep() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o711)).unwrap();
    let deep = directory.path().join("d".repeat(60)).join("e".repeat(60));
    std::fs::create_dir_all(&deep).unwrap();
    let server = start(&deep).await;
    assert!(
        server
            .cluster_dir()
            .starts_with(deep.canonicalize().unwrap())
    );
    Store::open(&StoreConfig::new(server.url())).await.unwrap();
    let target = server.url().target();
    server.stop().await.unwrap();
    let socket_dir = target.split(":5432").next().unwrap();
    assert!(socket_dir.len() < 90, "{socket_dir}");
    std::fs::remove_dir_all(socket_dir).unwrap();
}

/// As root's home is: only root may pass, and the server does not run as root.
async fn closed_parent() {
    let directory = tempfile::tempdir().unwrap();
    let home = directory.path().join("home");
    std::fs::create_dir(&home).unwrap();
    std::fs::set_permissions(&home, std::fs::Permissions::from_mode(0o700)).unwrap();
    let server = start(&home.join("data")).await;
    let cluster = server.cluster_dir().to_owned();
    if nix::unistd::Uid::effective().is_root() {
        assert!(cluster.starts_with("/var/lib/coinsphere"), "{cluster:?}");
        assert!(
            server
                .moved_because()
                .unwrap()
                .contains("refuses to run as root")
        );
    } else {
        assert!(cluster.starts_with(&home));
        assert_eq!(server.moved_because(), None);
    }
    Store::open(&StoreConfig::new(server.url())).await.unwrap();
    server.stop().await.unwrap();
    let place = cluster.parent().unwrap();
    std::fs::remove_dir_all(place).unwrap();
}

async fn restart() {
    let directory = tempfile::tempdir().unwrap();
    let server = start(directory.path()).await;
    let store = Store::open(&StoreConfig::new(server.url())).await.unwrap();
    let log = Uuid::new_v4();
    let commit = |offset| Commit {
        next_offset: Offset(offset),
        ..Commit::default()
    };
    store.commit(log, &commit(1)).await.unwrap();
    server.stop().await.unwrap();
    let error = store.commit(log, &commit(2)).await.unwrap_err();
    assert!(error.is_retriable(), "{error}");

    let server = start(directory.path()).await;
    let mut tries = 0;
    while let Err(error) = store.commit(log, &commit(2)).await {
        assert!(error.is_retriable(), "{error}");
        tries += 1;
        assert!(tries < 20, "the pool does not recover: {error}");
    }
    assert_eq!(
        store.load(log, 0).await.unwrap().next_offset,
        Some(Offset(2))
    );
    server.stop().await.unwrap();
}

async fn other_version() {
    let directory = tempfile::tempdir().unwrap();
    let server = start(directory.path()).await;
    let file = server.cluster_dir().join("PG_VERSION");
    server.stop().await.unwrap();
    std::fs::write(file, "9\n").unwrap();
    let error = PrivateServer::start(directory.path(), WITHIN)
        .await
        .unwrap_err();
    let text = error.to_string();
    assert!(text.contains("made by PostgreSQL 9"), "{text}");
    assert!(
        text.contains(
            &directory
                .path()
                .canonicalize()
                .unwrap()
                .display()
                .to_string()
        ),
        "{text}"
    );
}
