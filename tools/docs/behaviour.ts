// Where logmill behaves otherwise than Apache Kafka, as a user meets it. Answers that differ request by request are
// in known-differences.ts, which a test holds to the truth; here is what no single answer shows.

export const behaviour: readonly (readonly [what: string, how: string])[] = [
  [
    'Cluster',
    'One node, which is broker and controller. A replication factor above 1 is refused with INVALID_REPLICATION_FACTOR.',
  ],
  [
    'Log directories',
    'One. `kafka-log-dirs` shows it, a replica may be “moved” to where it is, any other directory is LOG_DIR_NOT_FOUND.',
  ],
  [
    'Loggers',
    'One, `root`: `kafka-configs --entity-type broker-loggers` sets from which level on the broker tells its logger anything. INFO after every start.',
  ],
  [
    'Client metrics',
    'Subscriptions are kept and shown (`kafka-client-metrics`); no client is asked for metrics, as with a Kafka without a receiver.',
  ],
  [
    'What changes while the broker runs',
    'Kafka’s dynamic broker keys. Those without effect here (thread counts and metrics settings) are checked, kept and shown as Kafka does; `listeners`, `listener.security.protocol.map` and `cordoned.log.dirs` are refused.',
  ],
  [
    'Unregistering a broker',
    'A broker that runs is not unregistered (INVALID_REQUEST). Kafka does it, and its clients find no broker until it is restarted.',
  ],
  [
    'Security',
    'No TLS, SASL or ACLs yet. A listener beyond loopback is refused without `--insecure`; every operation is allowed.',
  ],
  [
    'Consumer groups',
    'The classic protocol and that of KIP-848 (`group.protocol=consumer`), with migration between them while members are there; regular expressions are resolved by the server in RE2 syntax (one that would compile to some 250,000 instructions is refused), assignments computed in the heartbeat; an empty consumer or streams group gives way to the first classic member. Streams groups (KIP-1071) as Kafka 4.3 has them: no static members, regular expressions, warm-up tasks or changed topologies yet. Share groups (KIP-932, with the record limit of KIP-1206 and renewed locks of KIP-1222) as Kafka 4.3 has them: states in `__share_group_state`, the simple assignor; records that were never read, and lie between such as were, are given out in the order of the log; a request that says two things of one record is refused, also where one of them renews its lock.',
  ],
  [
    'Clean-up by time',
    'retention.ms, min.compaction.lag.ms, delete horizons and the expiry of offsets, transactional ids and producers wait for a clock that can be vouched for: after a jump of the clock nothing goes for its age that the old time would have kept, until the new one has run evenly for ten minutes. The same holds at a start, which counts from the last time that `clock-checkpoint` in the data directory has. Kafka believes the clock at once.',
  ],
  [
    'Compaction',
    'As Kafka’s log cleaner: dirty ratio, lags, tombstones and markers by delete horizon, aborted records dropped, offsets never renumbered. The map of keys is exact (Kafka’s trusts a hash). One partition at a time. What a running job has planned to read is not compacted under it.',
  ],
  [
    'Connections',
    '`max.connections`, `max.connections.per.ip` with its overrides, `max.connection.creation.rate` and the rate of an address hold for all listeners together; keys of one listener (`listener.name.<name>.…`) have no effect. Beyond `max.connections` a new connection is closed; Kafka leaves it waiting.',
  ],
  [
    'Configuration without effect that one might set',
    '`transaction.partition.verification.enable` (a batch that does not belong to an open transaction is always refused), `log.cleaner.threads` (one partition at a time), `compression.lz4.level` (its library knows one level), `preallocate`, `metadata.max.retention.bytes` and `.ms` (two snapshots are kept, and the log from the older one on). Setting a broker key of them is warned about at start.',
  ],
  ['Retention', 'Applied by time and by size, and on DeleteRecords.'],
  [
    'Internal topics',
    'Are made when the first client needs them, and cannot be deleted: the coordinators live on them.',
  ],
  [
    'Quotas',
    'Of users, client ids and addresses, with Kafka’s precedence and windows. Every client is the user ANONYMOUS until there is authentication. The thread that request_percentage is a share of is the one that serves all requests; a fetch over it is answered with its records, and the client waits afterwards; so is a share fetch over consumer_byte_rate, for what it acquired would stay locked for nothing.',
  ],
  ['Metrics, telemetry', 'None. Clients that push telemetry (KIP-714) see that it is not offered.'],
  [
    'Advertised address',
    'Unless `advertised.listeners` is set, a client is told the address that it has reached.',
  ],
]
