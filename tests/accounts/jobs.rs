//! Durable jobs: claimed once, kept by heartbeats, taken over from workers that are gone.

use std::sync::Arc;
use std::time::Duration;

use coinsphere::jobs::{Attempt, Enqueued, JobFailure, JobState, Jobs, Lease, NewJob};
use serde_json::json;
use uuid::Uuid;

use super::app::{App, Place};

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
    let told = jobs.heartbeat(&claimed, LEASE, None).await.unwrap();
    assert_eq!(told, Lease::CancelRequested);
    assert!(jobs.finish(&claimed, &Attempt::Cancelled).await.unwrap());
    for id in [waiting, running] {
        let shown = jobs.show(id).await.unwrap().unwrap();
        assert_eq!(shown.state, JobState::Cancelled);
    }
    assert_eq!(jobs.tidy().await.unwrap(), 0);
    app.advance(31 * 86_400);
    assert_eq!(jobs.tidy().await.unwrap(), 2);
}
