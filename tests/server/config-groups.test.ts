// The settings of groups and of client metrics: what may be set, and what a group then obeys.

import { describe, expect, test } from 'vitest'
import type { BrokerLayers } from '../../broker/server/config/broker-config.ts'
import { checkClientMetrics } from '../../broker/server/config/client-metrics-keys.ts'
import { checkGroupSettings, effectiveGroupSettings } from '../../broker/server/config/group-keys.ts'
import { parseOffsetReset } from '../../broker/server/config/offset-reset.ts'

const layersWith = (settings: Record<string, string> = {}): BrokerLayers => ({
  static: new Map(Object.entries(settings)),
  dynamicBroker: new Map(),
  dynamicDefault: new Map(),
})
const settings = (values: Record<string, string>) => new Map(Object.entries(values))

describe('a group', () => {
  test('obeys what is set for it, within the bounds of today', () => {
    const own = settings({ 'consumer.session.timeout.ms': '60000', 'share.delivery.count.limit': '3' })
    expect(checkGroupSettings(own, layersWith())).toBeUndefined()
    expect(Object.fromEntries(effectiveGroupSettings(own, layersWith()))).toEqual(Object.fromEntries(own))
    const narrower = layersWith({
      'group.consumer.max.session.timeout.ms': '50000',
      'group.share.min.delivery.count.limit': '4',
    })
    expect(Object.fromEntries(effectiveGroupSettings(own, narrower))).toEqual({
      'consumer.session.timeout.ms': '50000',
      'share.delivery.count.limit': '4',
    })
  })

  test('obeys nothing that is not set, or that only a newer Kafka knows', () => {
    expect(effectiveGroupSettings(new Map(), layersWith()).size).toBe(0)
    expect(effectiveGroupSettings(settings({ 'newer.key': '1' }), layersWith()).size).toBe(0)
  })

  test.each([
    ['no.such.key', '1', 'Unknown group config name: no.such.key'],
    ['consumer.session.timeout.ms', 'long', 'Not a number of type INT'],
    [
      'consumer.session.timeout.ms',
      '44999',
      'greater than or equal to group.consumer.min.session.timeout.ms',
    ],
    ['consumer.session.timeout.ms', '60001', 'less than or equal to group.consumer.max.session.timeout.ms'],
    ['share.record.lock.duration.ms', '14999', 'group.share.min.record.lock.duration.ms'],
    ['share.partition.max.record.locks', '4001', 'group.share.max.partition.max.record.locks'],
    ['streams.num.standby.replicas', '3', 'group.streams.max.standby.replicas'],
    ['share.auto.offset.reset', 'by_duration:soon', 'share.auto.offset.reset'],
    ['share.isolation.level', 'READ_COMMITTED', 'String must be one of'],
  ])('is refused %s=%s', (name, value, why) => {
    expect(checkGroupSettings(settings({ [name]: value }), layersWith())).toContain(why)
  })

  test('has a session that is longer than its heartbeat interval', () => {
    const layers = layersWith({
      'group.consumer.min.session.timeout.ms': '1000',
      'group.consumer.heartbeat.interval.ms': '5000',
    })
    expect(checkGroupSettings(settings({ 'consumer.session.timeout.ms': '5000' }), layers)).toBe(
      'consumer.session.timeout.ms must be greater than consumer.heartbeat.interval.ms',
    )
  })
})

describe('where a share group begins', () => {
  test.each([
    ['earliest', { kind: 'earliest' }],
    ['LATEST', { kind: 'latest' }],
    ['by_duration:PT1H', { kind: 'by_duration', durationMs: 3_600_000 }],
    ['by_duration:P1DT2H3M4.5S', { kind: 'by_duration', durationMs: 93_784_500 }],
    ['by_duration:-PT-1S', { kind: 'by_duration', durationMs: 1000 }],
    ['by_duration:PT0.001S', { kind: 'by_duration', durationMs: 1 }],
  ])('%s', (text, reset) => {
    expect(parseOffsetReset(text)).toEqual(reset)
  })

  test.each([
    '',
    'none',
    'by_duration',
    'by_duration:',
    'by_duration:P',
    'by_duration:PT',
    'by_duration:-PT1H',
  ])('%s is none', (text) => {
    expect(parseOffsetReset(text)).toBeUndefined()
  })
})

test.each([
  [{ metrics: '*', 'interval.ms': '100', match: 'client_id=a.*,client_software_name=b' }, undefined],
  [{ 'interval.ms': '99' }, false],
  [{ 'interval.ms': 'often' }, true],
  [{ match: 'client_id' }, true],
  [{ match: 'nobody=a' }, true],
  [{ match: 'client_id=(' }, true],
  [{ 'no.such.key': '1' }, false],
])('client metrics %j: INVALID_CONFIG %s', (values, isConfig) => {
  expect(checkClientMetrics(settings(values as Record<string, string>))?.isConfig).toBe(isConfig)
})
