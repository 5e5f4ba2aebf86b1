// The text that is measured: lines of a fixed length made of words whose frequencies fall off as in any
// language (Zipf), the same in every run. One line in a hundred holds the word that grep looks for.

/** In one line of a hundred. */
export const NEEDLE = 'needle'
const VOCABULARY = 8000
const NEEDLE_EVERY = 100

/** A small generator with a seed: runs must be comparable, nothing here needs to be unpredictable. */
function generator(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 0x100000000
  }
}

function vocabulary(random: () => number): string[] {
  const words = new Set<string>()
  while (words.size < VOCABULARY) {
    const length = 2 + Math.floor(random() * 8)
    let word = ''
    for (let i = 0; i < length; i++) word += String.fromCharCode(97 + Math.floor(random() * 26))
    words.add(word)
  }
  return [...words]
}

/** Hands out line after line of exactly `length` bytes (ASCII). */
export function textLines(length: number, seed = 1): () => string {
  const random = generator(seed)
  const words = vocabulary(random)
  let count = 0
  return () => {
    let line = count++ % NEEDLE_EVERY === NEEDLE_EVERY / 2 ? NEEDLE : ''
    while (line.length < length) {
      const word = words[Math.floor(VOCABULARY ** random()) - 1] as string
      line += line === '' ? word : ` ${word}`
    }
    return line.slice(0, length)
  }
}
