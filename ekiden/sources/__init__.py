"""Sources: what tells stages of new work where no webhook reaches them.

| source | whom it hears | and when it was not heard |
|---|---|---|
| `sqs` | SQS queues that the bucket writes to | the message becomes visible again |
| `minio` | MinIO's `listen_bucket_notification` | a listing follows each new connection |
| `nats` | a NATS JetStream consumer | the server sends it again |
| `listing` | nobody: it looks | it looks again |
| `receiver` | one webhook for all stages, as SeaweedFS has it | the sweep finds the work |

Each is at least once: what it heard is acknowledged only after the stage has answered. They are
put together in `feed`; a stage is reached by one of `ways`.
"""
