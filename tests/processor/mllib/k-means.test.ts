// Clusters that follow a stream: Spark's numbers, the rule by hand, and what is refused.

import { expect, test } from 'vitest'
import {
  StreamingKMeans,
  StreamingKMeansModel,
  type StreamingKMeansOptions,
  type Vector,
} from '../../../mllib.ts'
import { StreamingTest } from '../../../testing.ts'
import { digits } from './digits.ts'

const POINTS: Vector[][] = [
  [
    [1, 2],
    [1.5, 1.8],
    [8, 9],
    [0.5, 1.1],
    [9.1, 8.7],
  ],
  [
    [1.2, 0.7],
    [7.5, 8.3],
    [6.9, 9.4],
  ],
  [],
  [
    [2.2, 2.1],
    [1.9, 2.6],
    [2.4, 1.7],
    [8.8, 7.9],
  ],
]
const CENTERS: Vector[] = [
  [0, 0],
  [5, 5],
]
const CLUSTERS = [[0, 0, 1, 0, 1], [0, 1, 1], [], [0, 0, 0, 1]]

/** Centers and weights after each batch, and what was predicted. */
async function follow(options: StreamingKMeansOptions, batches: Vector[][], partitions = 1) {
  await using job = new StreamingTest({ parallelism: partitions })
  const points = job.input<Vector>({ partitions }).give(...batches)
  const model = new StreamingKMeans(options)
  model.trainOn(points.stream)
  const clusters = job.output(model.predictOn(points.stream))
  const models: [readonly Vector[], readonly number[]][] = []
  for (let batch = 0; batch < batches.length; batch++) {
    await job.advance()
    const { clusterCenters, clusterWeights } = model.latestModel()
    models.push([clusterCenters, clusterWeights])
  }
  return { models, clusters: clusters.batches }
}

// As Spark 4.2.0 gives (local mode, one partition a batch).
test.each<[string, StreamingKMeansOptions, [Vector[], number[]][]]>([
  [
    'all of the past counts',
    { initialCenters: CENTERS },
    [
      [
        [
          [1, 1.6333333333333333],
          [8.55, 8.85],
        ],
        [3, 2],
      ],
      [
        [
          [1.05, 1.4000000000000001],
          [7.875, 8.850000000000001],
        ],
        [4, 4],
      ],
      [
        [
          [1.05, 1.4000000000000001],
          [7.875, 8.850000000000001],
        ],
        [4, 4],
      ],
      [
        [
          [1.5285714285714285, 1.7142857142857144],
          [8.06, 8.660000000000002],
        ],
        [7, 5],
      ],
    ],
  ],
  [
    'the past counts half after each batch',
    { initialCenters: CENTERS, initialWeights: [3, 1], decayFactor: 0.5 },
    [
      [
        [
          [0.6666666666666666, 1.088888888888889],
          [7.840000000000001, 8.08],
        ],
        [4.5, 2.5],
      ],
      [
        [
          [0.8307692307692307, 0.9692307692307693],
          [7.446153846153846, 8.553846153846155],
        ],
        [3.25, 3.25],
      ],
      [
        [
          [0.8307692307692307, 0.9692307692307693],
          [7.446153846153846, 8.553846153846155],
        ],
        [1.625, 1.625],
      ],
      [
        [
          [1.8819672131147542, 1.8852459016393446],
          [8.193103448275862, 8.193103448275863],
        ],
        [3.8125, 1.8125],
      ],
    ],
  ],
  [
    'the past counts half after two points',
    { initialCenters: CENTERS, initialWeights: [3, 1], halfLife: 2, timeUnit: 'points' },
    [
      [
        [
          [0.849778895177665, 1.3879721954568531],
          [8.261703423847276, 8.537340332904792],
        ],
        [3.530330085889911, 2.176776695296637],
      ],
      [
        [
          [1.0055601020589666, 1.0819565458191318],
          [7.495021719383494, 8.763119435713936],
        ],
        [2.248160171779822, 2.769606781186548],
      ],
      [
        [
          [1.0055601020589666, 1.0819565458191318],
          [7.495021719383494, 8.763119435713936],
        ],
        [2.248160171779822, 2.769606781186548],
      ],
      [
        [
          [1.9834603086336313, 1.9674407976847825],
          [8.266102417448959, 8.25312264351464],
        ],
        [3.5620400429449557, 1.692401695296637],
      ],
    ],
  ],
])('%s: centers and weights are those of Spark', async (_, options, expected) => {
  const { models, clusters } = await follow(options, POINTS)
  expect(digits(models)).toEqual(digits(expected))
  expect(clusters).toEqual(CLUSTERS)
})

// As Spark 4.2.0 gives: the third cluster is all but forgotten in the second batch.
test('a dying cluster takes half of the largest one', async () => {
  const initialCenters = [...CENTERS, [100, 100]]
  const options = { initialCenters, initialWeights: [1, 1, 1], decayFactor: 1e-5 }
  const { models } = await follow(options, POINTS.slice(0, 2))
  expect(digits(models)).toEqual(
    digits([
      [
        [
          [0.9999966666777778, 1.633327888907037],
          [8.54998225008875, 8.849980750096249],
          [100, 100],
        ],
        [3.00001, 2.00001, 1e-5],
      ],
      [
        [
          [1.1999940000599987, 0.7000279990900244],
          [7.200013499755074, 8.849999999807592],
          [7.20001349975493, 8.849999999807414],
        ],
        [1.0000300001, 1.0000100001, 1.0000100001],
      ],
    ]),
  )
  const [, [centers]] = models as [unknown, [Vector[], number[]]]
  // Apart by a hair, so that points can choose.
  expect((centers[1]?.[0] as number) - (centers[2]?.[0] as number)).toBeCloseTo(2e-14 * 7.2, 14)
})

test('an empty batch decays the past by batches, and a dying cluster is found without points too', async () => {
  const options = { initialCenters: CENTERS, initialWeights: [8, 0], decayFactor: 0.5 }
  const { models } = await follow(options, [[], []])
  expect(models.map(([, weights]) => weights)).toEqual([
    [2, 2],
    [1, 1],
  ])
})

test('predictions are made by the model of the batches before, or after their own, as trainOn was called', async () => {
  await using job = new StreamingTest()
  const points = job.input<Vector>().give([[4], [5.5], [20]], [[5.5]])
  const model = new StreamingKMeans({ initialCenters: [[0], [10]] })
  const before = job.output(model.predictOn(points.stream))
  model.trainOn(points.stream)
  const after = job.output(model.predictOn(points.stream))
  await job.run()
  // The first batch moves the centers to 4 and 12.75.
  expect(before.batches).toEqual([[0, 1, 1], [0]])
  expect(after.batches).toEqual([[0, 0, 1], [0]])
})

test('keys are carried over, and streams that slide otherwise are predicted by the model of their time', async () => {
  await using job = new StreamingTest()
  const points = job.input<Vector>().give([[4], [16]], [[5]], [[6]], [[20]])
  const model = new StreamingKMeans({ initialCenters: [[0], [10]], name: 'visits' })
  model.trainOn(points.stream.window('2s', '2s'))
  const keyed = points.stream.mapToPair(([x = 0]) => [`at ${x}`, [x]])
  const each = job.output(model.predictOnValues(keyed))
  const windows = job.output(model.predictOn(points.stream.window('4s', '4s')))
  await job.run()
  expect(each.rows).toEqual([
    ['at 4', 0],
    ['at 16', 1],
    ['at 5', 0],
    ['at 6', 0],
    ['at 20', 1],
  ])
  expect(windows.batches).toEqual([undefined, undefined, undefined, [0, 1, 0, 0, 1]])
  expect(model.latestModel().clusterWeights).toEqual([3, 2])
  expect([...job.state('visits').values()]).toEqual([{ centers: [[5], [18]], weights: [3, 2] }])
})

test('sums are those of all partitions, and a window over predictions has what was said in their batches', async () => {
  const { models } = await follow({ initialCenters: CENTERS }, POINTS, 3)
  expect(digits(models.at(-1))).toEqual(
    digits([
      [
        [1.5285714285714285, 1.7142857142857144],
        [8.06, 8.66],
      ],
      [7, 5],
    ]),
  )
  await using job = new StreamingTest()
  const points = job.input<Vector>().give([[4], [5.5]], [[100]])
  const model = new StreamingKMeans({ initialCenters: [[0], [10]] })
  const windows = job.output(model.predictOn(points.stream).window('2s'))
  model.trainOn(points.stream)
  await job.run()
  expect(windows.batches).toEqual([
    [0, 1],
    [0, 1, 1],
  ])
})

test('a model that no stream trains predicts as it began; offline it is moved on by points at hand', async () => {
  await using job = new StreamingTest()
  const points = job.input<Vector>().give([[4], [6]])
  const offline = new StreamingKMeansModel([[0], [10]], [0, 0]).update([[1], [2], [12]], 1, 'batches')
  expect(offline).toEqual(new StreamingKMeansModel([[1.5], [12]], [2, 1]))
  const { clusterCenters: initialCenters } = offline
  const model = new StreamingKMeans({ initialCenters })
  const clusters = job.output(model.predictOn(points.stream))
  await job.run()
  expect(clusters.rows).toEqual([0, 0])
  expect(model.latestModel().clusterCenters).toEqual(initialCenters)
})

test('random centers are the same for a seed', () => {
  const centers = (seed: number) => {
    const model = new StreamingKMeans({
      k: 200,
      randomCenters: { dimension: 5, weight: 2, seed },
    }).latestModel()
    expect(model.clusterWeights).toEqual(Array(200).fill(2))
    return model.clusterCenters
  }
  expect(centers(7)).toEqual(centers(7))
  expect(centers(7)).not.toEqual(centers(8))
  const all = centers(7).flat()
  const mean = all.reduce((sum, x) => sum + x, 0) / all.length
  expect(Math.abs(mean)).toBeLessThan(0.1)
  expect(all.reduce((sum, x) => sum + (x - mean) ** 2, 0) / all.length).toBeCloseTo(1, 0)
})

test.each<[string, unknown, string]>([
  ['too short', [1], 'must have 2 numbers, as the model has: got 1'],
  ['no array', 'ab', 'must be an array of numbers: got string'],
  ['no number', [1, Number.NaN], 'must be of finite numbers: got NaN at 1'],
])('a point that is %s ends the job with the name of the operator', async (_, point, why) => {
  await using job = new StreamingTest()
  const points = job.input<Vector>().give([[1, 1]], [point as Vector])
  const model = new StreamingKMeans({ initialCenters: CENTERS, initialWeights: [1, 1], name: 'visits' })
  model.trainOn(points.stream)
  await expect(job.run()).rejects.toThrow(`visits: a point ${why}`)
  // The batch before counts.
  expect(model.latestModel().clusterWeights).toEqual([2, 1])
})

test('what makes no k-means is refused', () => {
  const refused: [StreamingKMeansOptions, string][] = [
    [{}, 'initialCenters or with randomCenters'],
    [{ k: 3, initialCenters: CENTERS }, 'there must be 3 initialCenters: got 2'],
    [{ k: 0, randomCenters: { dimension: 1 } }, 'k must be a whole number above 0: got 0'],
    [{ initialCenters: [[0], [1, 2]] }, 'center 1 must have 1 numbers'],
    [{ initialCenters: CENTERS, initialWeights: [1] }, 'the weights of the centers must have 2 numbers'],
    [{ initialCenters: CENTERS, initialWeights: [1, -1] }, 'must not be negative'],
    [{ randomCenters: { dimension: 1, weight: -1 } }, 'must not be negative'],
    [{ initialCenters: CENTERS, decayFactor: -1 }, 'decayFactor must not be negative: got -1'],
    [{ initialCenters: CENTERS, halfLife: 0 }, 'halfLife must be above 0: got 0'],
    [{ initialCenters: CENTERS, halfLife: 1, decayFactor: 1 }, 'give one of the two'],
    [{ initialCenters: CENTERS, timeUnit: 'hours' as 'points' }, "must be 'batches' or 'points'"],
  ]
  for (const [options, why] of refused) expect(() => new StreamingKMeans(options)).toThrow(why)
})

test('a model is trained once, in one job', () => {
  const here = new StreamingTest()
  const elsewhere = new StreamingTest()
  const model = new StreamingKMeans({ initialCenters: CENTERS })
  const points = here.input<Vector>().stream
  model.trainOn(points)
  expect(() => model.trainOn(points)).toThrow('streamingKMeans-1: trainOn was called already')
  expect(() => model.predictOn(elsewhere.input<Vector>().stream)).toThrow('is a stream of another context')
})
