// Words counted for good, each where a partitioner of the program's says: which one, the run's parameters tell.

import { type Partitioner, type StreamingContext, textValues } from '../../../../streaming.ts'

export interface Places {
  readonly partitions: number
  /** Of the word, that decides. */
  readonly letter: 'first' | 'last'
}

class ByLetter implements Partitioner<string> {
  readonly numPartitions: number
  private readonly letter: number

  constructor({ partitions, letter }: Places) {
    this.numPartitions = partitions
    this.letter = letter === 'first' ? 0 : -1
  }

  getPartition(word: string): number {
    return (word.at(this.letter) as string).charCodeAt(0) % this.numPartitions
  }
}

export default function build(ssc: StreamingContext, places: Places): void {
  const partitioner = new ByLetter(places)
  const words = ssc.createDirectStream('lines', textValues, { startingOffsets: 'earliest' })
  words
    .mapToPair((word) => [word, 1])
    .updateStateByKey<number>((ones, count = 0) => count + ones.length, { name: 'counts', partitioner })
    .toTopic('counts', ([word, count]) => ({ value: `${word} ${count}` }))
}
