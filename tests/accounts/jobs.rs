//! Durable jobs: claimed once, kept by heartbeats, taken over from workers that are gone.
#![allow(clippy::disallowed_methods, reason = "a test's own tasks end with it")]

use std::sync::Arc;
use std::time::Duration;

use axum::http::Method;
use coinsphere::accounts::Role;
use coinsphere::jobs::{Attempt, Enqueued, JobFailure, JobState, Jobs, Lease, NewJob};
use serde_json::{Value, json};
use uuid::Uuid;

use super::app::{App, Place};
use super::two_factor::verified;

const LEASE: Duration = Duration::from_secs(60);
const KINDS: &[&str] = &["test"];

fn jobs(app: &App) -> Jobs {
    Jobs::new(Arc::new(app.store.clone()), app.clock.clone())
}

fn job(key: &str) -> NewJob {
    NewJob {
        kind: "test",
        arguments: json!({ "key": key }),
        priority: 0,
        deduplication_key: Some(key.to_owned()),
        requested_by: None,
        max_attempts: 2,
    }
}

fn added(enqueued: Enqueued) -> Uuid {
    match enqueued {
        Enqueued::Added(id) => id,
        Enqueued::Unfinished(id) => panic!("{id} has its key"),
    }
}

pub(crate) async fn a_job_is_done_once_and_the_most_urgent_first(place: Place) {
    let app = place.app().await;
    let jobs = jobs(&app);
    let first = added(jobs.enqueue(&job("a")).await.unwrap());
    assert_eq!(
        jobs.enqueue(&job("a")).await.unwrap(),
        Enqueued::Unfinished(first)
    );
    let urgent = NewJob {
        priority: 5,
        ..job("b")
    };
    let urgent = added(jobs.enqueue(&urgent).await.unwrap());
    assert!(jobs.claim(&["other"], LEASE).await.unwrap().is_none());

    // Many workers at once: each job has one.
    let claims = (0..8).map(|_| {
        let jobs = jobs.clone();
        tokio::spawn(async move { jobs.claim(KINDS, LEASE).await.unwrap() })
    });
    let mut claimed = Vec::new();
    for claim in claims.collect::<Vec<_>>() {
        claimed.extend(claim.await.unwrap());
    }
    let mut ids: Vec<Uuid> = claimed.iter().map(|job| job.id).collect();
    ids.sort_unstable();
    let mut both = vec![first, urgent];
    both.sort_unstable();
    assert_eq!(ids, both);

    for job in &claimed {
        assert!(jobs.finish(job, &Attempt::Done).await.unwrap());
        assert!(
            !jobs.finish(job, &Attempt::Done).await.unwrap(),
            "only once"
        );
    }
    let shown = jobs.show(first).await.unwrap().unwrap();
    assert_eq!((shown.state, shown.attempts), (JobState::Done, 1));
    added(jobs.enqueue(&job("a")).await.unwrap());

    let (low, high) = (job("low"), job("high"));
    jobs.enqueue(&low).await.unwrap();
    jobs.enqueue(&NewJob {
        priority: 9,
        ..high
    })
    .await
    .unwrap();
    let next = jobs.claim(KINDS, LEASE).await.unwrap().unwrap();
    assert_eq!(next.arguments["key"], "high");
}

pub(crate) async fn a_job_of_a_worker_that_is_gone_is_taken_over(place: Place) {
    let app = place.app().await;
    let jobs = jobs(&app);
    let id = added(jobs.enqueue(&job("a")).await.unwrap());
    let dead = jobs.claim(KINDS, LEASE).await.unwrap().unwrap();
    let held = jobs.heartbeat(&dead, LEASE, Some("half")).await.unwrap();
    assert_eq!(held, Lease::Held);
    let shown = jobs.show(id).await.unwrap().unwrap();
    assert_eq!(shown.progress.as_deref(), Some("half"));
    app.advance(59);
    assert!(jobs.claim(KINDS, LEASE).await.unwrap().is_none());
    app.advance(2);
    let heir = jobs.claim(KINDS, LEASE).await.unwrap().unwrap();
    assert_eq!((heir.id, heir.attempt), (id, 2));
    // It was only slow: it hears that the job is another's, and its end does not count.
    let late = jobs.heartbeat(&dead, LEASE, None).await.unwrap();
    assert_eq!(late, Lease::Lost);
    assert!(!jobs.finish(&dead, &Attempt::Done).await.unwrap());
    assert_eq!(
        jobs.show(id).await.unwrap().unwrap().state,
        JobState::Running
    );
    // A job that kills its workers is not tried for ever.
    app.advance(61);
    assert!(jobs.claim(KINDS, LEASE).await.unwrap().is_none());
    let shown = jobs.show(id).await.unwrap().unwrap();
    assert_eq!(shown.state, JobState::Failed);
    assert_eq!(shown.last_error.as_deref(), Some("its worker is gone"));
}

pub(crate) async fn a_job_that_failed_is_tried_again_later_and_not_for_ever(place: Place) {
    let app = place.app().await;
    let jobs = jobs(&app);
    let id = added(jobs.enqueue(&job("a")).await.unwrap());
    let failed = Attempt::Failed(JobFailure::retriable("the venue is away"));
    let first = jobs.claim(KINDS, LEASE).await.unwrap().unwrap();
    assert!(jobs.finish(&first, &failed).await.unwrap());
    assert!(
        jobs.claim(KINDS, LEASE).await.unwrap().is_none(),
        "not at once"
    );
    app.advance(31);
    let second = jobs.claim(KINDS, LEASE).await.unwrap().unwrap();
    assert!(jobs.finish(&second, &Attempt::GivenBack).await.unwrap());
    let again = jobs.claim(KINDS, LEASE).await.unwrap().unwrap();
    assert_eq!(again.attempt, 2, "what was given back does not count");
    assert!(jobs.finish(&again, &failed).await.unwrap());
    let shown = jobs.show(id).await.unwrap().unwrap();
    assert_eq!(shown.state, JobState::Failed);
    assert_eq!(shown.last_error.as_deref(), Some("the venue is away"));

    let id = added(jobs.enqueue(&job("b")).await.unwrap());
    let once = jobs.claim(KINDS, LEASE).await.unwrap().unwrap();
    let hopeless = Attempt::Failed(JobFailure::permanent("there is no such series"));
    assert!(jobs.finish(&once, &hopeless).await.unwrap());
    assert_eq!(
        jobs.show(id).await.unwrap().unwrap().state,
        JobState::Failed
    );
}

pub(crate) async fn a_job_is_cancelled_by_whoever_has_it(place: Place) {
    let app = place.app().await;
    let jobs = jobs(&app);
    let waiting = added(jobs.enqueue(&job("a")).await.unwrap());
    assert!(jobs.cancel(waiting).await.unwrap());
    assert!(!jobs.cancel(waiting).await.unwrap());
    assert!(jobs.claim(KINDS, LEASE).await.unwrap().is_none());

    let running = added(jobs.enqueue(&job("a")).await.unwrap());
    let claimed = jobs.claim(KINDS, LEASE).await.unwrap().unwrap();
    assert!(jobs.cancel(running).await.unwrap());
    let lease = jobs.heartbeat(&claimed, LEASE, None).await.unwrap();
    assert_eq!(lease, Lease::CancelRequested);
    assert!(jobs.finish(&claimed, &Attempt::Cancelled).await.unwrap());
    for id in [waiting, running] {
        let shown = jobs.show(id).await.unwrap().unwrap();
        assert_eq!(shown.state, JobState::Cancelled);
    }
    assert_eq!(jobs.tidy().await.unwrap(), 0);
    app.advance(31 * 86_400);
    assert_eq!(jobs.tidy().await.unwrap(), 2);
}

pub(crate) async fn admins_list_show_and_cancel_jobs(place: Place) {
    const JOBS: &str = "/api/v1/admin/jobs";
    let app = place.app().await;
    let jobs = jobs(&app);
    let root = verified(&app, "root@example.org", Role::Admin).await;
    let ada = verified(&app, "ada@example.org", Role::User).await;
    let root_id = app.me(&root.access).await.good(200)["id"].clone();
    let mut made = Vec::new();
    for number in 0..5 {
        app.advance(1);
        let job = NewJob {
            requested_by: root_id.as_str().and_then(|id| id.parse().ok()),
            ..job(&number.to_string())
        };
        made.push(added(jobs.enqueue(&job).await.unwrap()));
    }
    let ids = |list: &Value| -> Vec<String> {
        let data = list["data"].as_array().unwrap().iter();
        data.map(|job| job["id"].as_str().unwrap().to_owned())
            .collect()
    };
    let newest_first: Vec<String> = made.iter().rev().map(Uuid::to_string).collect();

    // Page by page.
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = format!("{JOBS}?limit=2{cursor}");
        let page = app.get(&page, &root.access).await.good(200);
        seen.extend(ids(&page));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(seen, newest_first);

    let claimed = jobs.claim(KINDS, LEASE).await.unwrap().unwrap();
    let running = format!("{JOBS}?state=running");
    let list = app.get(&running, &root.access).await.good(200);
    assert_eq!(ids(&list), [made[0].to_string()]);
    let shown = &list["data"][0];
    assert_eq!(shown["arguments"], json!({"key": "0"}));
    assert_eq!(
        (&shown["attempts"], &shown["max_attempts"]),
        (&json!(1), &json!(2))
    );
    assert_eq!(shown["requested_by"], root_id);
    for (query, count) in [
        ("state=waiting", 4),
        ("kind=test", 5),
        ("kind=other", 0),
        ("state=done", 0),
    ] {
        let list = app.get(&format!("{JOBS}?{query}"), &root.access).await;
        assert_eq!(ids(&list.good(200)).len(), count, "{query}");
    }
    let wrong = app
        .get(&format!("{JOBS}?state=lost&kind="), &root.access)
        .await;
    assert!(
        wrong.is_problem(400, "invalid-request")["errors"]
            .to_string()
            .contains("waiting, running")
    );

    // One that waits ends at once, one that runs with its worker's next heartbeat.
    let cancel = |id: Uuid| format!("{JOBS}/{id}/cancel");
    let post =
        async |path: &str, token: &str| app.send(Method::POST, path, Some(token), None).await;
    let waiting = post(&cancel(made[1]), &root.access).await.good(200);
    assert_eq!(waiting["state"], "cancelled");
    post(&cancel(made[1]), &root.access)
        .await
        .is_problem(409, "conflict");
    let server = "a-token-of-administrators";
    let ending = post(&cancel(made[0]), server).await.good(200);
    assert_eq!(
        (&ending["state"], &ending["cancel_requested"]),
        (&json!("running"), &json!(true))
    );
    let lease = jobs.heartbeat(&claimed, LEASE, None).await.unwrap();
    assert_eq!(lease, Lease::CancelRequested);
    assert!(jobs.finish(&claimed, &Attempt::Cancelled).await.unwrap());
    let path = format!("{JOBS}/{}", made[0]);
    let ended = app.get(&path, server).await.good(200);
    assert_eq!(ended["state"], "cancelled");
    assert!(ended["finished_at"].is_string());

    for unknown in [Uuid::nil().to_string(), "7".to_owned(), "%00".to_owned()] {
        let shown = app.get(&format!("{JOBS}/{unknown}"), &root.access).await;
        assert!((400..=404).contains(&shown.status), "{unknown}: {shown:?}");
        let cancelled = post(&format!("{JOBS}/{unknown}/cancel"), &root.access).await;
        assert!(
            (400..=404).contains(&cancelled.status),
            "{unknown}: {cancelled:?}"
        );
    }
    // Nobody else.
    for path in [JOBS, &path] {
        app.get(path, &ada.access)
            .await
            .is_problem(403, "forbidden");
        app.send(Method::GET, path, None, None)
            .await
            .is_problem(401, "not-signed-in");
    }
    post(&cancel(made[2]), &ada.access)
        .await
        .is_problem(403, "forbidden");
    assert_eq!(
        jobs.show(made[2]).await.unwrap().unwrap().state,
        JobState::Waiting
    );
}

pub(crate) async fn unfinished_jobs_are_bounded_and_finished_ones_cost_nothing(place: Place) {
    let app = place.app().await;
    let jobs = jobs(&app);
    let session = app.store.session().await.unwrap();
    let fill = |count: u32, ended: bool| {
        let end = if ended { "now(), 'done'" } else { "NULL, NULL" };
        format!(
            "INSERT INTO jobs (id, kind, arguments, max_attempts, created_at, run_at, finished_at, outcome) \
             SELECT gen_random_uuid(), 'other', '{{}}', 1, now(), now(), {end} \
             FROM generate_series(1, {count}); ANALYZE jobs"
        )
    };
    session.batch_execute(&fill(20_000, true)).await.unwrap();
    session.batch_execute(&fill(9_998, false)).await.unwrap();
    let first = added(jobs.enqueue(&job("a")).await.unwrap());
    added(jobs.enqueue(&job("b")).await.unwrap());
    let full = jobs.enqueue(&job("c")).await.unwrap_err();
    assert!(
        full.is_retriable() && full.to_string().contains("too many"),
        "{full}"
    );
    assert_eq!(
        jobs.enqueue(&job("a")).await.unwrap(),
        Enqueued::Unfinished(first)
    );
    assert!(jobs.cancel(first).await.unwrap());
    added(jobs.enqueue(&job("c")).await.unwrap());
    // What is finished is not read.
    session
        .batch_execute("DELETE FROM jobs WHERE finished_at IS NULL; ANALYZE jobs")
        .await
        .unwrap();
    let plan = "EXPLAIN SELECT FROM jobs WHERE finished_at IS NULL ORDER BY priority DESC, run_at OFFSET 9999 LIMIT 1";
    let rows = session.query(plan, &[]).await.unwrap();
    let plan: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    assert!(plan.join(" ").contains("jobs_"), "{plan:?}");
    assert!(!plan.join(" ").contains("Seq Scan"), "{plan:?}");
}
