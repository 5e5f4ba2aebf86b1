// What is kept of a client's frames: one of each API, version and direction, small and without a trace of the
// machine it was captured on; and the file it is kept in:
//
//   {
//     "client": "kcat", "version": "1.7.1, librdkafka 2.0.2", "broker": "Apache Kafka 4.3.1", "date": "2026-11-21",
//     "scenes": ["produce", …],                                   what was run, in order
//     "frames": [
//       {"api":"Metadata","version":12,"direction":"request","scene":"produce","hex":"…"}, …
//
// A frame is what follows the size: header and body. Responses are all from `broker`; a request is from
// `alsoAgainst` where the entry says so, because the client spoke that version to no other.

import type { Direction, Frame } from './conversation.ts'

/** Above this a frame is not kept: there is little in it that a smaller one does not show. */
const LARGEST_FRAME_BYTES = 2560
/** Up to this the larger of two is kept, because it says more. */
const COMFORTABLE_FRAME_BYTES = 640

export interface CapturedFrame {
  api: string
  version: number
  direction: Direction
  /** What the client was doing. */
  scene: string
  /** The broker it spoke to, if it was not the file's. */
  broker?: string
  hex: string
}

export interface CaptureFile {
  client: string
  version: string
  broker: string
  date: string
  scenes: readonly string[]
  frames: readonly CapturedFrame[]
}

export class Collection {
  /** Kept out of every frame: the machine's name and its paths. */
  private readonly secrets: readonly Buffer[]
  private readonly kept = new Map<string, CapturedFrame>()
  /** What passed and is not kept, with the reason. */
  readonly dropped = new Map<string, string>()

  constructor(secrets: readonly string[]) {
    this.secrets = secrets.filter((secret) => secret.length > 2).map((secret) => Buffer.from(secret))
  }

  /** `reference`: the broker whose responses count; of any other only requests that are new are kept. */
  add(frame: Frame, scene: string, broker: string, isReference: boolean): void {
    const { api, apiKey, version, direction, bytes } = frame
    const key = `${api?.name ?? `API ${apiKey}`} ${version} ${direction}`
    const refusal = this.refusal(frame, isReference)
    if (refusal !== undefined) {
      if (!this.kept.has(key)) this.dropped.set(key, refusal)
      return
    }
    const before = this.kept.get(key)
    if (before !== undefined && (!isReference || !isBetter(bytes.length, before.hex.length / 2))) return
    this.dropped.delete(key)
    this.kept.set(key, {
      api: (api as NonNullable<typeof api>).name,
      version,
      direction,
      scene,
      ...(isReference ? {} : { broker }),
      hex: bytes.toString('hex'),
    })
  }

  has(api: string): boolean {
    return [...this.kept.keys()].some((key) => key.startsWith(`${api} `))
  }

  /** In the order of API, version, direction: two captures can be compared by eye. */
  frames(): CapturedFrame[] {
    return [...this.kept.values()].sort(
      (a, b) => a.api.localeCompare(b.api) || a.version - b.version || a.direction.localeCompare(b.direction),
    )
  }

  private refusal({ api, direction, bytes }: Frame, isReference: boolean): string | undefined {
    if (api === undefined) return 'the codec does not know the API'
    if (!isReference && direction === 'response') return "the broker's own bytes prove nothing"
    if (bytes.length > LARGEST_FRAME_BYTES) return `${bytes.length} bytes`
    return this.secrets.some((secret) => bytes.includes(secret)) ? 'names this machine' : undefined
  }
}

function isBetter(size: number, before: number): boolean {
  if (before > COMFORTABLE_FRAME_BYTES) return size < before
  return size > before && size <= COMFORTABLE_FRAME_BYTES
}

/** One frame a line. */
export function captureFileText({ frames, ...head }: CaptureFile): string {
  const lines = frames.map((frame) => `    ${JSON.stringify(frame)}`)
  return `${JSON.stringify(head, null, 1).slice(0, -2)},\n "frames": [\n${lines.join(',\n')}\n ]\n}\n`
}
