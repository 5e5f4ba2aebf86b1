// Weights that follow a stream: Spark's numbers, steps by hand, and what is refused.

import { expect, test } from 'vitest'
import {
  type LabeledPoint,
  StreamingLinearRegressionWithSGD,
  type StreamingLogisticRegressionOptions,
  StreamingLogisticRegressionWithSGD,
  type StreamingRegressionOptions,
} from '../../../mllib.ts'
import { StreamingTest } from '../../../testing.ts'
import { digits } from './digits.ts'

const point = (label: number, ...features: number[]): LabeledPoint => ({ label, features })

const LINE = [
  [point(5.1, 1, 2), point(0.9, -1, 1), point(8.2, 2, 2), point(-2.1, 0.5, -1.5)],
  [],
  [point(3.3, 0.1, 1.6), point(7.4, 2.5, 1.2)],
  [point(-1.4, -1.1, 0.4), point(2.6, 1.5, -0.2), point(4, 0, 2)],
]
const CLASSES = [
  [point(1, 1, 2), point(0, -1, 1), point(1, 2, 0.5), point(0, -0.5, -1.5)],
  [],
  [point(1, 0.1, 1.6), point(0, 0.5, -1.2)],
  [point(0, -1.1, 0.4), point(1, 1.5, -0.2), point(1, 0, 2)],
]

/** Weights after each batch, and what was predicted of it then. */
async function follow(
  model: StreamingLinearRegressionWithSGD | StreamingLogisticRegressionWithSGD,
  batches: LabeledPoint[][],
  partitions = 1,
) {
  await using job = new StreamingTest()
  const points = job.input<LabeledPoint>({ partitions }).give(...batches)
  model.trainOn(points.stream)
  const predictions = job.output(model.predictOn(points.stream.map(({ features }) => features)))
  const weights: (readonly number[])[] = []
  for (let batch = 0; batch < batches.length; batch++) {
    await job.advance()
    weights.push(model.latestModel().weights)
  }
  return { weights, predictions: predictions.batches }
}

// As Spark 4.2.0 gives (local mode, one partition a batch).
test('linear regression: weights and predictions are those of Spark', async () => {
  const options = { initialWeights: [0, 0], stepSize: 0.2, numIterations: 25, convergenceTol: 0.0001 }
  const { weights, predictions } = await follow(new StreamingLinearRegressionWithSGD(options), LINE)
  expect(digits(weights)).toEqual(
    digits([
      [1.6443039087631122, 2.1149874028883193],
      [1.6443039087631122, 2.1149874028883193],
      [1.987858448228122, 1.9966874735145281],
      [1.9963874689898136, 1.9984444390404308],
    ]),
  )
  expect(digits(predictions)).toEqual(
    digits([
      [5.87427871453975, 0.47068349412520716, 7.518582623302863, -2.350329149950923],
      [],
      [3.3934858024460572, 7.365671088787739],
      [-1.3966484402726227, 2.5948923156766344, 3.9968888780808616],
    ]),
  )
})

// As Spark 4.2.0 gives.
test('linear regression ends its steps where Spark does', async () => {
  const options = { initialWeights: [1, -1], numIterations: 500, convergenceTol: 0.01 }
  const { weights } = await follow(new StreamingLinearRegressionWithSGD(options), LINE)
  expect(digits(weights)).toEqual(
    digits([
      [2.003821148433051, 1.628991493944486],
      [2.003821148433051, 1.628991493944486],
      [2.091184568053062, 1.7450389688288916],
      [2.0645278791837365, 1.8057636604401959],
    ]),
  )
})

// As Spark 4.2.0 gives.
test('logistic regression: weights and predictions are those of Spark', async () => {
  const options = { initialWeights: [0, 0], stepSize: 0.5, numIterations: 30, regParam: 0.05 }
  const { weights, predictions } = await follow(new StreamingLogisticRegressionWithSGD(options), CLASSES)
  expect(digits(weights)).toEqual(
    digits([
      [1.1876613583613131, 0.5343091557368987],
      [1.1876613583613131, 0.5343091557368987],
      [0.6631874392907041, 1.571661323061489],
      [1.4577626034149793, 1.1790702860612847],
    ]),
  )
  expect(predictions).toEqual([[1, 0, 1, 0], [], [1, 0], [0, 1, 1]])
})

test('two steps by hand', async () => {
  const model = new StreamingLinearRegressionWithSGD({ initialWeights: [0], stepSize: 0.5, numIterations: 2 })
  const { weights } = await follow(model, [[point(4, 2), point(1, 1)]])
  // Mean gradients: (−4·2 − 1·1) / 2 = −4.5, then at 2.25 (0.5·2 + 1.25·1) / 2 = 1.125.
  expect(digits(weights)).toEqual(digits([[2.25 - (0.5 / Math.sqrt(2)) * 1.125]]))
})

test('gradients are those of all partitions, more of them than rows too', async () => {
  const options = { initialWeights: [0, 0], stepSize: 0.2, numIterations: 25, convergenceTol: 0.0001 }
  const expected = await follow(new StreamingLinearRegressionWithSGD(options), LINE)
  const actual = await follow(new StreamingLinearRegressionWithSGD(options), LINE, 5)
  expect(digits(actual)).toEqual(digits(expected))
})

test('a fraction of the rows is the same one in every run, and comes to where all rows do', async () => {
  const batch = Array.from({ length: 500 }, (_, i) => point((i % 17) * 3 - (i % 5), i % 17, i % 5))
  const weights = async (miniBatchFraction: number) => {
    const options = {
      initialWeights: [0, 0],
      stepSize: 0.01,
      numIterations: 300,
      convergenceTol: 0,
      miniBatchFraction,
    }
    return (await follow(new StreamingLinearRegressionWithSGD(options), [batch], 3)).weights[0] as number[]
  }
  const some = await weights(0.2)
  expect(await weights(0.2)).toEqual(some)
  const all = await weights(1)
  expect(some).not.toEqual(all)
  expect(some[0]).toBeCloseTo(all[0] as number, 1)
  // So few that a step may see none.
  expect(await weights(0.0001)).toEqual([expect.any(Number), expect.any(Number)])
})

test.each<[string, unknown, string]>([
  ['features too many', point(1, 1, 2, 3), 'features must have 2 numbers, as the model has: got 3'],
  ['no features', { label: 1 }, 'features must be an array of numbers: got undefined'],
  ['a label that is no number', point(Number.NaN, 1, 2), 'a label must be a finite number: got NaN'],
  ['a label that is no class', point(2, 1, 2), 'a label must be 0 or 1: got 2'],
])('a row with %s ends the job with the name of the operator', async (_, row, why) => {
  const model = new StreamingLogisticRegressionWithSGD({ initialWeights: [0, 0], name: 'buyers' })
  await expect(follow(model, [[row as LabeledPoint]])).rejects.toThrow(`buyers: ${why}`)
})

test('steps that go too far end the job before the model is lost', async () => {
  const model = new StreamingLinearRegressionWithSGD({ initialWeights: [1], stepSize: 1e200, name: 'far' })
  const batches = [[], [point(1, 1), point(5, 2)]]
  await expect(follow(model, batches)).rejects.toThrow('far: the weights have no limit after 2 steps')
  expect(model.latestModel().weights).toEqual([1])
})

test('what makes no regression is refused', () => {
  const refused: [
    Omit<StreamingLogisticRegressionOptions, 'initialWeights'> & Partial<StreamingRegressionOptions>,
    string,
  ][] = [
    [{ initialWeights: [] }, 'there must be a weight or more'],
    [{ initialWeights: [Number.POSITIVE_INFINITY] }, 'the weights must be of finite numbers'],
    [{ stepSize: 0 }, 'stepSize must be above 0: got 0'],
    [{ numIterations: 1.5 }, 'numIterations must be a whole number, not negative: got 1.5'],
    [{ miniBatchFraction: 0 }, 'miniBatchFraction must be above 0 and at most 1: got 0'],
    [{ convergenceTol: 2 }, 'convergenceTol must be from 0 to 1: got 2'],
    [{ regParam: -1 }, 'regParam must not be negative: got -1'],
  ]
  for (const [options, why] of refused) {
    expect(() => new StreamingLogisticRegressionWithSGD({ initialWeights: [0], ...options })).toThrow(why)
  }
})
