// The rest of Kafka 4.3's documented broker keys: known by name and type, described, read by nothing here.
// Setting one is warned about by name, so that nobody believes it took effect. A line is
//
//   name TYPE default [per-broker | cluster-wide]      ('-' no value, "''" empty)
//
// and the third word of an update says that Kafka lets it change while the broker runs. Each block says why.

import { type ConfigKey, type ConfigType, CONFIG_TYPE_IDS, type UpdateMode } from './config-def.ts'

const blocks: readonly (readonly [why: string, table: string])[] = [
  [
    'there is no tiered storage',
    `
follower.fetch.last.tiered.offset.enable BOOLEAN false cluster-wide
remote.fetch.max.wait.ms INT 500 cluster-wide
remote.list.offsets.request.timeout.ms LONG 30000 cluster-wide
remote.log.index.file.cache.total.size.bytes LONG 1073741824 cluster-wide
remote.log.manager.copier.thread.pool.size INT 10 cluster-wide
remote.log.manager.copy.max.bytes.per.second LONG 9223372036854775807 cluster-wide
remote.log.manager.copy.quota.window.num INT 11
remote.log.manager.copy.quota.window.size.seconds INT 1
remote.log.manager.expiration.thread.pool.size INT 10 cluster-wide
remote.log.manager.fetch.max.bytes.per.second LONG 9223372036854775807 cluster-wide
remote.log.manager.fetch.quota.window.num INT 11
remote.log.manager.fetch.quota.window.size.seconds INT 1
remote.log.manager.follower.thread.pool.size INT 2 cluster-wide
remote.log.manager.task.interval.ms LONG 30000
remote.log.manager.thread.pool.size INT 2
remote.log.metadata.custom.metadata.max.bytes INT 128
remote.log.metadata.manager.class.name STRING org.apache.kafka.server.log.remote.metadata.storage.TopicBasedRemoteLogMetadataManager
remote.log.metadata.manager.class.path STRING -
remote.log.metadata.manager.impl.prefix STRING rlmm.config.
remote.log.metadata.manager.listener.name STRING -
remote.log.reader.max.pending.tasks INT 100
remote.log.reader.threads INT 10 cluster-wide
remote.log.storage.manager.class.name STRING -
remote.log.storage.manager.class.path STRING -
remote.log.storage.manager.impl.prefix STRING rsm.config.
remote.log.storage.system.enable BOOLEAN false
`,
  ],
  [
    'there is no TLS, SASL or authorizer yet',
    `
authorizer.class.name STRING ''
connection.failed.authentication.delay.ms INT 100
connections.max.reauth.ms LONG 0
delegation.token.expiry.check.interval.ms LONG 3600000
delegation.token.expiry.time.ms LONG 86400000
delegation.token.max.lifetime.ms LONG 604800000
delegation.token.secret.key PASSWORD -
principal.builder.class CLASS org.apache.kafka.common.security.authenticator.DefaultKafkaPrincipalBuilder per-broker
sasl.client.callback.handler.class CLASS -
sasl.enabled.mechanisms LIST GSSAPI per-broker
sasl.jaas.config PASSWORD - per-broker
sasl.kerberos.kinit.cmd STRING /usr/bin/kinit per-broker
sasl.kerberos.min.time.before.relogin LONG 60000 per-broker
sasl.kerberos.principal.to.local.rules LIST DEFAULT per-broker
sasl.kerberos.service.name STRING - per-broker
sasl.kerberos.ticket.renew.jitter DOUBLE 0.05 per-broker
sasl.kerberos.ticket.renew.window.factor DOUBLE 0.8 per-broker
sasl.login.callback.handler.class CLASS -
sasl.login.class CLASS -
sasl.login.connect.timeout.ms INT -
sasl.login.read.timeout.ms INT -
sasl.login.refresh.buffer.seconds SHORT 300 per-broker
sasl.login.refresh.min.period.seconds SHORT 60 per-broker
sasl.login.refresh.window.factor DOUBLE 0.8 per-broker
sasl.login.refresh.window.jitter DOUBLE 0.05 per-broker
sasl.login.retry.backoff.max.ms LONG 10000
sasl.login.retry.backoff.ms LONG 100
sasl.mechanism.controller.protocol STRING GSSAPI
sasl.mechanism.inter.broker.protocol STRING GSSAPI per-broker
sasl.oauthbearer.assertion.algorithm STRING RS256
sasl.oauthbearer.assertion.claim.aud STRING -
sasl.oauthbearer.assertion.claim.exp.seconds INT 300
sasl.oauthbearer.assertion.claim.iss STRING -
sasl.oauthbearer.assertion.claim.jti.include BOOLEAN false
sasl.oauthbearer.assertion.claim.nbf.seconds INT 60
sasl.oauthbearer.assertion.claim.sub STRING -
sasl.oauthbearer.assertion.file STRING -
sasl.oauthbearer.assertion.private.key.file STRING -
sasl.oauthbearer.assertion.private.key.passphrase PASSWORD -
sasl.oauthbearer.assertion.template.file STRING -
sasl.oauthbearer.client.credentials.client.id STRING -
sasl.oauthbearer.client.credentials.client.secret PASSWORD -
sasl.oauthbearer.clock.skew.seconds INT 30
sasl.oauthbearer.expected.audience LIST ''
sasl.oauthbearer.expected.issuer STRING -
sasl.oauthbearer.jwks.endpoint.refresh.ms LONG 3600000
sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms LONG 10000
sasl.oauthbearer.jwks.endpoint.retry.backoff.ms LONG 100
sasl.oauthbearer.jwks.endpoint.url STRING -
sasl.oauthbearer.jwt.retriever.class CLASS org.apache.kafka.common.security.oauthbearer.DefaultJwtRetriever
sasl.oauthbearer.jwt.validator.class CLASS org.apache.kafka.common.security.oauthbearer.DefaultJwtValidator
sasl.oauthbearer.scope STRING -
sasl.oauthbearer.scope.claim.name STRING scope
sasl.oauthbearer.sub.claim.name STRING sub
sasl.oauthbearer.token.endpoint.url STRING -
sasl.server.callback.handler.class CLASS -
sasl.server.max.receive.size INT 524288
security.inter.broker.protocol STRING PLAINTEXT
security.providers STRING -
ssl.allow.dn.changes BOOLEAN false
ssl.allow.san.changes BOOLEAN false
ssl.cipher.suites LIST '' per-broker
ssl.client.auth STRING none per-broker
ssl.enabled.protocols LIST TLSv1.2,TLSv1.3 per-broker
ssl.endpoint.identification.algorithm STRING https per-broker
ssl.engine.factory.class CLASS - per-broker
ssl.key.password PASSWORD - per-broker
ssl.keymanager.algorithm STRING SunX509 per-broker
ssl.keystore.certificate.chain PASSWORD - per-broker
ssl.keystore.key PASSWORD - per-broker
ssl.keystore.location STRING - per-broker
ssl.keystore.password PASSWORD - per-broker
ssl.keystore.type STRING JKS per-broker
ssl.principal.mapping.rules STRING DEFAULT
ssl.protocol STRING TLSv1.3 per-broker
ssl.provider STRING - per-broker
ssl.secure.random.implementation STRING - per-broker
ssl.trustmanager.algorithm STRING PKIX per-broker
ssl.truststore.certificates PASSWORD - per-broker
ssl.truststore.location STRING - per-broker
ssl.truststore.password PASSWORD - per-broker
ssl.truststore.type STRING JKS per-broker
`,
  ],
  [
    'how Kafka’s share coordinator uses threads, buffers and replicas',
    `
group.share.assignors LIST simple
share.coordinator.append.linger.ms INT -1
share.coordinator.cached.buffer.max.bytes INT 1048588 cluster-wide
share.coordinator.load.buffer.size INT 5242880
share.coordinator.state.topic.compression.codec INT 0
share.coordinator.state.topic.min.isr SHORT 2
share.coordinator.state.topic.replication.factor SHORT 3
share.coordinator.threads INT 1
share.fetch.purgatory.purge.interval.requests INT 1000
`,
  ],
  [
    'the quorum is one node for now',
    `
broker.heartbeat.interval.ms INT 2000
broker.session.timeout.ms INT 9000
controller.quorum.append.linger.ms INT 25
controller.quorum.auto.join.enable BOOLEAN false
controller.quorum.bootstrap.servers LIST ''
controller.quorum.election.backoff.max.ms INT 1000
controller.quorum.election.timeout.ms INT 1000
controller.quorum.fetch.max.bytes INT 1048576
controller.quorum.fetch.snapshot.max.bytes INT 1048576
controller.quorum.fetch.timeout.ms INT 2000
controller.quorum.request.timeout.ms INT 2000
controller.quorum.retry.backoff.ms INT 20
controller.quorum.voters LIST ''
controller.socket.timeout.ms INT 30000
early.start.listeners LIST -
initial.broker.registration.timeout.ms INT 60000
metadata.log.dir STRING -
metadata.log.segment.bytes INT 1073741824
metadata.log.segment.ms LONG 604800000
metadata.max.idle.interval.ms INT 500
`,
  ],
  [
    'of the metadata log two snapshots are kept, and what follows the older one',
    `
metadata.max.retention.bytes LONG 104857600
metadata.max.retention.ms LONG 604800000
`,
  ],
  [
    'a batch of a transaction that its partition does not belong to is always refused',
    `
transaction.partition.verification.enable BOOLEAN true cluster-wide
`,
  ],
  [
    'partitions have one replica for now',
    `
alter.log.dirs.replication.quota.window.num INT 11
alter.log.dirs.replication.quota.window.size.seconds INT 1
auto.leader.rebalance.enable BOOLEAN true
leader.imbalance.check.interval.seconds LONG 300
num.replica.alter.log.dirs.threads INT -
num.replica.fetchers INT 1 cluster-wide
replica.fetch.backoff.ms INT 1000
replica.fetch.max.bytes INT 1048576
replica.fetch.min.bytes INT 1
replica.fetch.response.max.bytes INT 10485760
replica.fetch.wait.max.ms INT 500
replica.high.watermark.checkpoint.interval.ms LONG 5000
replica.lag.time.max.ms LONG 30000
replica.selector.class STRING -
replica.socket.receive.buffer.bytes INT 65536
replica.socket.timeout.ms INT 30000
replication.quota.window.num INT 11
replication.quota.window.size.seconds INT 1
`,
  ],
  [
    'the log cleaner works on one partition at a time',
    `
log.cleaner.threads INT 1 cluster-wide
`,
  ],
  [
    'quotas are decided here, a Java class that would is not loaded',
    `
client.quota.callback.class CLASS -
`,
  ],
  [
    'Kafka’s metrics reporters are Java classes',
    `
kafka.metrics.polling.interval.secs INT 10
kafka.metrics.reporters LIST ''
metric.reporters LIST org.apache.kafka.common.metrics.JmxReporter cluster-wide
metrics.num.samples INT 2
metrics.recording.level STRING INFO
metrics.sample.window.ms LONG 30000
telemetry.max.bytes INT 1048576
`,
  ],
  [
    'nothing in logmill corresponds to it',
    `
alter.config.policy.class.name CLASS -
background.threads INT 10 cluster-wide
config.providers LIST '' cluster-wide
controlled.shutdown.enable BOOLEAN true
cordoned.log.dirs LIST '' per-broker
create.topic.policy.class.name CLASS -
delete.records.purgatory.purge.interval.requests INT 1
fetch.purgatory.purge.interval.requests INT 1000
group.coordinator.append.linger.ms INT -1
group.coordinator.background.threads INT 2
group.coordinator.cached.buffer.max.bytes INT 1048588 cluster-wide
group.coordinator.threads INT 4
log.dir.failure.timeout.ms LONG 30000
num.io.threads INT 8 cluster-wide
num.network.threads INT 3 cluster-wide
num.recovery.threads.per.data.dir INT 2 cluster-wide
offsets.load.buffer.size INT 5242880
offsets.topic.compression.codec INT 0
producer.purgatory.purge.interval.requests INT 1000
socket.connection.setup.timeout.max.ms LONG 30000
socket.connection.setup.timeout.ms LONG 10000
socket.receive.buffer.bytes INT 102400
socket.send.buffer.bytes INT 102400
transaction.state.log.load.buffer.size INT 5242880
transaction.two.phase.commit.enable BOOLEAN false
`,
  ],
]

const UPDATE_MODES: readonly string[] = ['per-broker', 'cluster-wide'] satisfies UpdateMode[]

export const ignoredKeys: readonly ConfigKey[] = blocks.flatMap(([why, table]) =>
  table
    .trim()
    .split('\n')
    .map((line): ConfigKey => {
      const [name = '', type = '', byDefault = '', update = 'read-only'] = line.split(' ')
      if (!(type in CONFIG_TYPE_IDS) || (update !== 'read-only' && !UPDATE_MODES.includes(update))) {
        throw new Error(`no line of the table: ${line}`)
      }
      return {
        name,
        type: type as ConfigType,
        default: byDefault === '-' ? null : byDefault === "''" ? '' : byDefault,
        validator: undefined,
        importance: 'LOW',
        doc: `A key of Kafka's without effect in logmill: ${why}.`,
        update: update as UpdateMode,
        served: false,
      }
    }),
)
