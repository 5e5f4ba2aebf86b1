// Makes the repartition topics and changelogs that streams groups miss, one request for a topic at a time. What could
// not be made is remembered for a while: it is not tried again meanwhile, and members are told why. Kafka:
// AutoTopicCreationManager.createStreamsInternalTopics, ExpiringErrorCache.

import type { InternalTopic } from '../coordinator/group/streams/configured-topology.ts'
import { errorCodes, errorText } from '../protocol/errors.ts'
import type { Clock } from '../time/clock.ts'
import { type ControllerPort, submitted } from './controller-port.ts'

/** So many failures are remembered; the one that ends first goes. */
const MOST_FAILURES = 1000

interface Failure {
  reason: string
  untilMs: number
}

export class StreamsInternalTopics {
  private readonly controller: ControllerPort
  private readonly clock: Clock
  private readonly onError: (message: string) => void
  private readonly underWay = new Set<string>()
  private readonly failed = new Map<string, Failure>()

  constructor(controller: ControllerPort, clock: Clock, onError: (message: string) => void) {
    this.controller = controller
    this.clock = clock
    this.onError = onError
  }

  /** Nobody waits for it: who misses the topics asks again. */
  create(topics: readonly InternalTopic[], rememberMs: number): void {
    this.forgetOld()
    const wanted = topics.filter(({ name }) => !this.failed.has(name) && !this.underWay.has(name))
    if (wanted.length === 0) return
    for (const { name } of wanted) this.underWay.add(name)
    this.submit(wanted, rememberMs)
      .catch((error: unknown) => {
        this.onError(`internal topics of a streams group were not made: ${String(error)}`)
        for (const { name } of wanted) this.remember(name, String(error), rememberMs)
      })
      .finally(() => {
        for (const { name } of wanted) this.underWay.delete(name)
      })
  }

  /** Why topics of these could not be made, lately. */
  failures(names: readonly string[]): { name: string; reason: string }[] {
    this.forgetOld()
    return names.flatMap((name) => {
      const failure = this.failed.get(name)
      return failure === undefined ? [] : [{ name, reason: failure.reason }]
    })
  }

  private async submit(topics: readonly InternalTopic[], rememberMs: number): Promise<void> {
    const outcomes = await submitted(
      this.controller,
      {
        type: 'createTopics' as const,
        validateOnly: false,
        topics: topics.map((topic) => ({ ...topic, assignments: [] })),
      },
      undefined,
      (reply) => reply,
      (outcome) => topics.map(({ name }) => ({ name, ...outcome })),
    )
    for (const { name, errorCode, errorMessage } of outcomes) {
      if (errorCode === errorCodes.NONE) continue
      this.remember(name, errorMessage ?? errorText(errorCode), rememberMs)
    }
  }

  private remember(name: string, reason: string, forMs: number): void {
    this.failed.set(name, { reason, untilMs: this.clock.now() + forMs })
    if (this.failed.size <= MOST_FAILURES) return
    const [first] = [...this.failed].sort(([, a], [, b]) => a.untilMs - b.untilMs)
    if (first !== undefined) this.failed.delete(first[0])
  }

  private forgetOld(): void {
    const nowMs = this.clock.now()
    for (const [name, { untilMs }] of this.failed) if (untilMs <= nowMs) this.failed.delete(name)
  }
}
