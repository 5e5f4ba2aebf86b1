// `node --import tsx tests/fuzz/stall.ts FRAMES`: prints, as one line of JSON, the longest that one of so many damaged
// frames held the event loop. For the bench, which tells it.

import { Random } from '../world/random.ts'
import { fuzz, servedApis } from './fuzz.ts'

const all = await servedApis()
const framesEach = Math.ceil(Number(process.argv[2] ?? 100_000) / all.length)
let frames = 0
let longest = { ms: 0, frame: '', api: '' }
for (const { api, name, version } of all) {
  // Not counted: code gets warm.
  await fuzz(new Random(1), api, version, Math.min(200, framesEach))
  const fuzzed = await fuzz(new Random(api.key * 1000 + version), api, version, framesEach)
  frames += fuzzed.frames
  if (fuzzed.longestStall.ms > longest.ms) longest = { ...fuzzed.longestStall, api: `${name} v${version}` }
}
console.log(JSON.stringify({ frames, ...longest }))
