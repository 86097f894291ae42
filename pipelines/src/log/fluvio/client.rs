//! The real Fluvio client behind [`Transport`]. The only file that names the `fluvio` crate.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use fluvio::consumer::{ConsumerConfigExt, ConsumerStream, RetryMode};
use fluvio::metadata::partition::PartitionSpec;
use fluvio::metadata::topic::{CleanupPolicy, SegmentBasedPolicy, TopicSpec, TopicStorageConfig};
use fluvio::{
    Fluvio, FluvioClusterConfig, Isolation, Offset, ProduceOutput, RecordKey,
    TopicProducerConfigBuilder, TopicProducerPool,
};
use futures_util::StreamExt;
use tokio::sync::Mutex;
use uuid::Uuid;

use super::config::FluvioConfig;
use super::identity::{self, Note};
use super::transport::{Bounds, RecordStream, Sent, Transport, TransportError};

/// The time the cluster may take to answer.
const PATIENCE: Duration = Duration::from_secs(20);
/// The time for which a request may go unacknowledged before the producer is given up for a new one: when an
/// SPU is killed at the wrong moment, the client waits for good.
const ACK_PATIENCE: Duration = Duration::from_secs(5);
/// The time the last record of a partition may take to arrive.
const PROBE: Duration = Duration::from_secs(5);
/// A request's parts; well below what one may hold.
const BATCH_BYTES: usize = 128 << 10;
/// Twice what the outbox puts into one request, so that its largest record fits with its frame.
const MAX_REQUEST_BYTES: usize = 2 << 20;
/// The identity topic is kept for good, nearly: 100 years.
const FOREVER_S: u32 = 100 * 366 * 86_400;
const NOTES_BYTES: u32 = 1 << 20;
/// Tries, a second apart, until a topic that was just created has a leader.
const TOPIC_TRIES: u32 = 30;

/// One topic.
pub(super) struct Client {
    endpoint: String,
    topic: String,
    linger: Duration,
    cluster: Mutex<Option<Arc<Fluvio>>>,
    /// One a partition, absent after a failure.
    producers: Vec<Mutex<Option<Arc<TopicProducerPool>>>>,
}

impl Client {
    /// The log's topic, created if absent.
    pub(super) async fn open(config: &FluvioConfig) -> Result<Self, TransportError> {
        let mut spec = TopicSpec::new_computed(config.partitions, config.replication, None);
        spec.set_cleanup_policy(CleanupPolicy::Segment(SegmentBasedPolicy {
            time_in_seconds: config.retention_s,
        }));
        spec.set_storage(TopicStorageConfig {
            segment_size: None,
            max_partition_size: Some(config.max_partition_bytes),
        });
        Self::open_topic(config, config.topic.clone(), spec).await
    }

    /// The topic that names the log's content, created if absent.
    pub(super) async fn open_notes(config: &FluvioConfig) -> Result<Self, TransportError> {
        let mut spec = TopicSpec::new_computed(1, config.replication, None);
        spec.set_cleanup_policy(CleanupPolicy::Segment(SegmentBasedPolicy {
            time_in_seconds: FOREVER_S,
        }));
        Self::open_topic(config, format!("{}-identity", config.topic), spec).await
    }

    async fn open_topic(
        config: &FluvioConfig,
        topic: String,
        spec: TopicSpec,
    ) -> Result<Self, TransportError> {
        let mut client = Self {
            endpoint: config.endpoint.clone(),
            topic,
            linger: Duration::from_millis(config.linger_ms),
            cluster: Mutex::new(None),
            producers: Vec::new(),
        };
        let mut last = TransportError("it has no leader yet".into());
        let mut created = false;
        for _ in 0..TOPIC_TRIES {
            match client.partition_count().await {
                Ok(Some(count)) => {
                    client.producers = (0..count).map(|_| Mutex::new(None)).collect();
                    return Ok(client);
                }
                Ok(None) if !created => {
                    let cluster = client.cluster().await?;
                    let admin = cluster.admin().await;
                    // Another process may have been faster: then it exists, which is as good.
                    if let Err(error) = admin
                        .create(client.topic.clone(), false, spec.clone())
                        .await
                    {
                        tracing::debug!(%error, topic = client.topic, "topic not created");
                    }
                    created = true;
                }
                Ok(None) => {}
                Err(error) => {
                    client.disconnect().await;
                    last = error;
                }
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        Err(last)
    }

    /// The number of partitions the topic has, once all of them have a leader.
    async fn partition_count(&self) -> Result<Option<u32>, TransportError> {
        let cluster = self.cluster().await?;
        let admin = cluster.admin().await;
        let topics = within(PATIENCE, "list topics", admin.all::<TopicSpec>()).await?;
        let Some(topic) = topics.iter().find(|topic| topic.name == self.topic) else {
            return Ok(None);
        };
        let count = topic.spec.partitions();
        let partitions = within(PATIENCE, "list partitions", admin.all::<PartitionSpec>()).await?;
        let led = partitions
            .iter()
            .filter(|p| p.name.rsplit_once('-').map(|(topic, _)| topic) == Some(&*self.topic))
            .filter(|p| p.status.is_online())
            .count();
        Ok((led >= count as usize).then_some(count))
    }

    pub(super) fn partitions(&self) -> u32 {
        u32::try_from(self.producers.len()).unwrap_or(u32::MAX)
    }

    async fn cluster(&self) -> Result<Arc<Fluvio>, TransportError> {
        let mut cluster = self.cluster.lock().await;
        if let Some(cluster) = &*cluster {
            return Ok(Arc::clone(cluster));
        }
        let config = FluvioClusterConfig::new(self.endpoint.clone());
        let connected = within(PATIENCE, "connect", Fluvio::connect_with_config(&config)).await?;
        Ok(Arc::clone(cluster.insert(Arc::new(connected))))
    }

    /// After a failure: the client's connections do not always come back by themselves.
    async fn disconnect(&self) {
        *self.cluster.lock().await = None;
    }

    async fn producer(&self, partition: u32) -> Result<Arc<TopicProducerPool>, TransportError> {
        let mut producer = self.producers[partition as usize].lock().await;
        if let Some(producer) = &*producer {
            return Ok(Arc::clone(producer));
        }
        let cluster = self.cluster().await?;
        let config = TopicProducerConfigBuilder::default()
            .set_specific_partitioner(partition)
            .batch_size(BATCH_BYTES)
            .max_request_size(MAX_REQUEST_BYTES)
            .linger(self.linger)
            .isolation(Isolation::ReadCommitted)
            .build()
            .map_err(|error| TransportError(format!("producer settings: {error}")))?;
        let made = cluster.topic_producer_with_config(self.topic.clone(), config);
        let made = within(PATIENCE, "make a producer", made).await?;
        Ok(Arc::clone(producer.insert(Arc::new(made))))
    }

    async fn try_send(
        &self,
        partition: u32,
        records: &[Bytes],
        acked: &mut Vec<u64>,
    ) -> Result<(), TransportError> {
        let producer = self.producer(partition).await?;
        let mut pending: Vec<ProduceOutput> = Vec::with_capacity(records.len());
        for record in records {
            let sent = producer.send(RecordKey::NULL, record.to_vec());
            pending.push(within(ACK_PATIENCE, "send", sent).await?);
        }
        for output in pending {
            let metadata = within(ACK_PATIENCE, "acknowledge", output.wait()).await?;
            acked.push(offset(metadata.offset()));
        }
        Ok(())
    }

    async fn stream(
        &self,
        partition: u32,
        from: Offset,
        fetch_bytes: u32,
        ends: bool,
    ) -> Result<Streaming, TransportError> {
        let cluster = self.cluster().await?;
        let mut config = ConsumerConfigExt::builder();
        // FLUVIO.md, trap 2: exactly one partition. Trap 5: no consumer id, so that the cluster
        // neither stores an offset for us nor begins anywhere but where we say. Trap 1: the
        // client's own retries begin at the wrong place.
        config
            .topic(self.topic.clone())
            .partition(partition)
            .offset_start(from)
            .max_bytes(i32::try_from(fetch_bytes).unwrap_or(i32::MAX))
            .isolation(Isolation::ReadCommitted)
            .disable_continuous(ends)
            .retry_mode(RetryMode::Disabled);
        let config = config
            .build()
            .map_err(|error| TransportError(format!("consumer settings: {error}")))?;
        let opened = cluster.consumer_with_config(config);
        let stream = within(PATIENCE, "open a stream", opened).await?;
        Ok(Streaming(Box::pin(stream)))
    }
}

type Records = dyn ConsumerStream<Item = Result<fluvio::consumer::Record, fluvio::dataplane::link::ErrorCode>>
    + Send;

struct Streaming(std::pin::Pin<Box<Records>>);

#[async_trait]
impl RecordStream for Streaming {
    async fn next(&mut self) -> Option<Result<(u64, Bytes), TransportError>> {
        Some(match self.0.next().await? {
            Ok(record) => Ok((
                offset(record.offset()),
                Bytes::copy_from_slice(record.value()),
            )),
            Err(code) => Err(TransportError(code.to_string())),
        })
    }
}

#[async_trait]
impl Transport for Client {
    async fn send(&self, partition: u32, records: &[Bytes]) -> Sent {
        let mut sent = Sent::default();
        if let Err(error) = self.try_send(partition, records, &mut sent.acked).await {
            sent.error = Some(error);
            // A producer that has failed once refuses everything after.
            *self.producers[partition as usize].lock().await = None;
            self.disconnect().await;
        }
        sent
    }

    async fn flush(&self) {
        for producer in &self.producers {
            let producer = producer.lock().await.clone();
            if let Some(producer) = producer
                && let Err(error) = within(PATIENCE, "flush", producer.flush()).await
            {
                tracing::warn!(%error, topic = self.topic, "fluvio was not flushed");
            }
        }
    }

    async fn open(
        &self,
        partition: u32,
        from: u64,
        fetch_bytes: u32,
    ) -> Result<Box<dyn RecordStream>, TransportError> {
        let from = i64::try_from(from)
            .ok()
            .and_then(|from| Offset::absolute(from).ok())
            .ok_or_else(|| TransportError(format!("{from} is no offset")))?;
        match self.stream(partition, from, fetch_bytes, false).await {
            Ok(stream) => Ok(Box::new(stream)),
            Err(error) => {
                self.disconnect().await;
                Err(error)
            }
        }
    }

    async fn bounds(&self, partition: u32) -> Result<Bounds, TransportError> {
        let cluster = self.cluster().await?;
        let admin = cluster.admin().await;
        let partitions = within(PATIENCE, "list partitions", admin.all::<PartitionSpec>()).await;
        let partitions = match partitions {
            Ok(partitions) => partitions,
            Err(error) => {
                self.disconnect().await;
                return Err(error);
            }
        };
        let name = format!("{}-{partition}", self.topic);
        let status = partitions
            .into_iter()
            .find(|partition| partition.name == name)
            .ok_or_else(|| TransportError(format!("there is no partition {name}")))?
            .status;
        let known = Bounds {
            earliest: offset(status.base_offset),
            head: offset(status.leader.hw),
        };
        // What the SC knows is some time old; the last record is not.
        let mut last = self
            .stream(partition, Offset::from_end(1), NOTES_BYTES, true)
            .await?;
        match tokio::time::timeout(PROBE, last.next()).await {
            Ok(Some(Ok((offset, _)))) => Ok(Bounds {
                head: known.head.max(offset + 1),
                ..known
            }),
            Ok(Some(Err(error))) => Err(error),
            Ok(None) | Err(_) if known.head <= known.earliest => Ok(known),
            Ok(None) | Err(_) => Err(TransportError(format!(
                "partition {partition} has {} records, but its last one does not come",
                known.head - known.earliest
            ))),
        }
    }
}

/// Names the log's content, by what the identity topic says and where the partitions end.
pub(super) async fn identify(notes: &Client, bounds: &[Bounds]) -> Result<Uuid, TransportError> {
    let heads: Vec<u64> = bounds.iter().map(|bounds| bounds.head).collect();
    let known = read_notes(notes).await?;
    let identity = identity::resolve(&known, &heads).unwrap_or_else(Uuid::new_v4);
    note(notes, identity, heads.clone()).await;
    // Another process may have named it at the same time, and first.
    let known = read_notes(notes).await?;
    identity::resolve(&known, &heads)
        .ok_or_else(|| TransportError("its name could not be written".into()))
}

/// Notes how far the partitions have got. Without it the log merely notices later that it has been
/// created again.
pub(super) async fn note(notes: &Client, identity: Uuid, heads: Vec<u64>) {
    let note = Note { identity, heads };
    let encoded = match serde_json::to_vec(&note) {
        Ok(encoded) => Bytes::from(encoded),
        Err(error) => return tracing::warn!(%error, "a note could not be encoded"),
    };
    if let Some(error) = notes.send(0, &[encoded]).await.error {
        tracing::warn!(%error, "fluvio did not take the note of the log's heads");
    }
}

async fn read_notes(notes: &Client) -> Result<Vec<Note>, TransportError> {
    let bounds = notes.bounds(0).await?;
    let mut found = Vec::new();
    let mut next = bounds.earliest;
    while next < bounds.head {
        let mut stream = notes.open(0, next, NOTES_BYTES).await?;
        while next < bounds.head {
            let record = tokio::time::timeout(PATIENCE, stream.next())
                .await
                .map_err(|_| TransportError("the identity topic does not answer".into()))?;
            match record {
                Some(Ok((offset, encoded))) if offset == next => {
                    // Not ours, then.
                    found.extend(serde_json::from_slice::<Note>(&encoded));
                    next += 1;
                }
                Some(Err(error)) => return Err(error),
                // A hole (trap 1): again from here.
                Some(Ok(_)) | None => break,
            }
        }
    }
    Ok(found)
}

/// Fluvio counts with signed numbers and uses −1 for none.
fn offset(offset: i64) -> u64 {
    u64::try_from(offset).unwrap_or(0)
}

async fn within<T, E: std::fmt::Display>(
    patience: Duration,
    what: &str,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, TransportError> {
    match tokio::time::timeout(patience, work).await {
        Ok(done) => done.map_err(|error| TransportError(format!("could not {what}: {error:#}"))),
        Err(_) => Err(TransportError(format!(
            "could not {what} within {} s",
            patience.as_secs()
        ))),
    }
}
