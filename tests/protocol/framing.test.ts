// A stream of frames, however the network cuts it.

import { describe, expect, test } from 'vitest'
import { FrameReader, InvalidFrameError } from '../../broker/protocol/framing.ts'
import { Random, seeds } from '../world/random.ts'

function framed(...frames: Buffer[]): Buffer {
  return Buffer.concat(
    frames.flatMap((frame) => {
      const size = Buffer.alloc(4)
      size.writeInt32BE(frame.length)
      return [size, frame]
    }),
  )
}

/** What a reader makes of chunks. Frames are copied when they come: they may be slices of a chunk. */
function framesOf(chunks: Buffer[], maxFrameSizeInBytes?: number): string[] {
  const frames: string[] = []
  const reader = new FrameReader({
    maxFrameSizeInBytes,
    onFrame: (frame) => frames.push(frame.toString('hex')),
  })
  for (const chunk of chunks) reader.push(chunk)
  return frames
}

describe('frames', () => {
  const frames = [
    Buffer.from('first'),
    Buffer.alloc(0),
    Buffer.from('the third one'),
    Buffer.from([0, 0, 0, 1]),
  ]
  const stream = framed(...frames)
  const expected = frames.map((frame) => frame.toString('hex'))

  test('come out of one chunk', () => {
    expect(framesOf([stream])).toEqual(expected)
  })

  test('are the same wherever the stream is cut in two', () => {
    for (let at = 0; at <= stream.length; at++) {
      expect(framesOf([stream.subarray(0, at), stream.subarray(at)]), `cut at ${at}`).toEqual(expected)
    }
  })

  test('are the same byte by byte', () => {
    expect(framesOf(Array.from(stream, (byte) => Buffer.from([byte])))).toEqual(expected)
  })

  test.each(seeds(1, 10))('large ones are the same in any chunks, seed %i', (seed) => {
    const random = new Random(seed)
    const large = Array.from({ length: 5 }, () => Buffer.alloc(random.below(400_000), random.below(256)))
    const bytes = framed(...large)
    const chunks: Buffer[] = []
    for (let at = 0; at < bytes.length; ) {
      const size = random.pick([1, 3, 1000, 65536])
      chunks.push(bytes.subarray(at, at + size))
      at += size
    }
    expect(framesOf(chunks)).toEqual(large.map((frame) => frame.toString('hex')))
  })

  test('come in order, each before push returns, also when one frame makes the callback throw', () => {
    const seen: string[] = []
    const reader = new FrameReader({
      onFrame: (frame) => {
        seen.push(frame.toString())
        if (frame.toString() === 'bad') throw new Error('refused')
      },
    })
    expect(() => reader.push(framed(Buffer.from('bad')))).toThrow('refused')
    reader.push(framed(Buffer.from('good')))
    expect(seen).toEqual(['bad', 'good'])
  })
})

describe('a size that is refused', () => {
  const size = (value: number) => {
    const bytes = Buffer.alloc(4)
    bytes.writeInt32BE(value)
    return bytes
  }

  test.each([-1, -2147483648, 101, 2147483647])('%i of at most 100, before any of its bytes', (value) => {
    expect(() => framesOf([size(value)], 100)).toThrow(InvalidFrameError)
    expect(() => framesOf([size(value)], 100)).toThrow(`${value}`)
  })

  test('leaves the reader of no use', () => {
    const reader = new FrameReader({ maxFrameSizeInBytes: 100, onFrame: () => {} })
    expect(() => reader.push(size(101))).toThrow(InvalidFrameError)
    expect(() => reader.push(framed(Buffer.from('x')))).toThrow(InvalidFrameError)
  })

  test('lets the frames before it through, and one of just the cap', () => {
    const frames: number[] = []
    const reader = new FrameReader({
      maxFrameSizeInBytes: 100,
      onFrame: (frame) => frames.push(frame.length),
    })
    expect(() => reader.push(Buffer.concat([framed(Buffer.alloc(100)), size(101)]))).toThrow(
      InvalidFrameError,
    )
    expect(frames).toEqual([100])
  })
})

describe('memory', () => {
  test('follows the bytes that came, not the size that was announced', () => {
    const before = process.memoryUsage().arrayBuffers
    const readers = Array.from({ length: 50 }, () => new FrameReader({ onFrame: () => {} }))
    const announced = Buffer.from([0x06, 0x40, 0, 0, 1, 2, 3]) // 100 MiB and three bytes of it
    for (const each of readers) each.push(announced)
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(50 * 128 * 1024)
    expect(readers.every((each) => each.pendingBytes() === 7)).toBe(true)
  })
})
