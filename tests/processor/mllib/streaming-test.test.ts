// Two groups, tested batch by batch: numbers of Spark's own library and of R, windows, peace, and what is refused.

import { expect, test } from 'vitest'
import { type BinarySample, StreamingTest as GroupTest, type StreamingTestOptions } from '../../../mllib.ts'
import { twoSidedP } from '../../../processor/mllib/student-t.ts'
import { StreamingTest } from '../../../testing.ts'
import { digits } from './digits.ts'

const groups = (control: number[], experiment: number[]): BinarySample[] => [
  ...control.map((value) => ({ isExperiment: false, value })),
  ...experiment.map((value) => ({ isExperiment: true, value })),
]
const SAMPLES = [
  groups([2.1, 2.9, 3.4, 2.2], [3.3, 4.1, 2.8, 3.9]),
  groups([1.8, 2.7], [2.9, 3.0, 5.2]),
  groups([3.9, 2.5, 2.0], [3.5, 4.4]),
  groups([3.1], [4.7, 3.6]),
]

/** What comes out of each batch. */
async function results(options: StreamingTestOptions, batches: BinarySample[][], partitions = 1) {
  await using job = new StreamingTest()
  const samples = job.input<BinarySample>({ partitions }).give(...batches)
  const out = job.output(new GroupTest(options).registerStream(samples.stream))
  await job.run()
  return out.batches.map((rows) => rows ?? [])
}

// As the TTest of commons-math gives that Spark 4.2.0 asks, over all samples so far.
test.each<['welch' | 'student', [number, number][]]>([
  [
    'welch',
    [
      [-2.0540905954976907, 0.08582244656853337],
      [-2.6674314048845256, 0.022592733545843992],
      [-3.0297331348694545, 0.008102874724233912],
      [-3.4880129511715623, 0.002467365348295409],
    ],
  ],
  [
    'student',
    [
      [-2.0540905954976907, 0.0857550391062532],
      [-2.5877689296345023, 0.025238395752125588],
      [-3.0297331348694545, 0.007969214675028929],
      [-3.462785858972169, 0.0026062992484843],
    ],
  ],
])(
  '%s: statistics and their chances are those of the library that Spark asks',
  async (testMethod, expected) => {
    for (const partitions of [1, 3]) {
      const rows = (await results({ testMethod }, SAMPLES, partitions)).flat()
      expect(digits(rows.map(({ statistic, pValue }) => [statistic, pValue]))).toEqual(digits(expected))
    }
  },
)

// As Spark 4.2.0 gives for these batches; it takes the variances of populations, so that with groups of the same size n
// its statistic is this one's times √(n / (n − 1)).
test('with groups of the same size, statistics are those of Spark but for what variances are', async () => {
  const rows = (await results({}, SAMPLES)).flat()
  const spark = [-2.3718595165009404, -3.2135172672776506]
  const ours = [rows[0], rows[2]].map((row) => row?.statistic as number)
  expect(digits([(ours[0] as number) * Math.sqrt(4 / 3), (ours[1] as number) * Math.sqrt(9 / 8)])).toEqual(
    digits(spark),
  )
})

// As commons-math gives for the samples of the last two batches.
test('a window has the last batches alone', async () => {
  const welch = (await results({ windowSize: 2 }, SAMPLES)).flat()
  expect(digits(welch.slice(2).map(({ statistic, pValue }) => [statistic, pValue]))).toEqual(
    digits([
      [-2.128914678917317, 0.06695255577895078],
      [-2.3277978180953944, 0.06300773920199969],
    ]),
  )
  const student = (await results({ windowSize: 2, testMethod: 'student' }, SAMPLES)).flat()
  expect(digits(student.slice(2).map(({ pValue }) => pValue))).toEqual(
    digits([0.06590423550878918, 0.05881773151493044]),
  )
})

// Student's own data on sleep, and what R's t.test says of it.
test("Student's sleep data", async () => {
  const sleep = groups(
    [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0],
    [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4],
  )
  const [[welch]] = (await results({}, [sleep])) as [[unknown]]
  expect(welch).toMatchObject({
    statistic: expect.closeTo(-1.8608, 4),
    degreesOfFreedom: expect.closeTo(17.776, 3),
    pValue: expect.closeTo(0.07939, 5),
    method: "Welch's 2-sample t-test",
    nullHypothesis: 'Both groups have same mean',
  })
  const [[student]] = (await results({ testMethod: 'student' }, [sleep])) as [[unknown]]
  expect(student).toMatchObject({ degreesOfFreedom: 18, pValue: expect.closeTo(0.07919, 5) })
})

test('batches of the peace period are left out, those without samples count too', async () => {
  const noise = groups([1000, 0], [1, 7])
  const batches = [noise, [], ...SAMPLES.slice(0, 2), []]
  const expected = await results({}, [...SAMPLES.slice(0, 2), []])
  expect(await results({ peacePeriod: 2 }, batches)).toEqual([[], [], ...expected])
  // What is known is told in every batch.
  expect(expected.map((rows) => rows.length)).toEqual([1, 1, 1])
  expect(expected[2]).toEqual(expected[1])
})

test('nothing is said where there is nothing to be said', async () => {
  const batches = [groups([1, 2], []), groups([], [3]), groups([], [3]), groups([], [4])]
  expect((await results({}, batches)).map((rows) => rows.length)).toEqual([0, 0, 1, 1])
  expect(await results({}, [groups([1, 1], [2, 2])])).toEqual([[]])
})

// As commons-math gives for one side.
test('chances of a statistic', () => {
  const chances: [df: number, ofStatistics: number[]][] = [
    [
      1,
      [0.4968170072350915, 0.3055998877857853, 0.1475836176504333, 0.05256845671125343, 0.007956089912025814],
    ],
    [
      2.5,
      [
        0.4963819971789505, 0.271702471594774, 0.07869574787898295, 0.007640864942761444,
        7.097817145246686e-5,
      ],
    ],
    [
      7,
      [
        0.49615015882181174, 0.2532587760977999, 0.042809664281487955, 2.711291710014046e-4,
        7.951089992425204e-10,
      ],
    ],
    [
      30,
      [
        0.4960437462865984, 0.24466022174983654, 0.027312522481491196, 6.971384383602363e-7,
        6.863022597203142e-28,
      ],
    ],
    [
      1000,
      [
        0.4960116409669839, 0.24204505699630147, 0.02288517324661918, 1.3776845866885041e-9,
        5.239426077586548e-210,
      ],
    ],
    [1e6, [0.4960106467320033, 0.2419637336481144, 0.02275026691780102, 9.869249060711995e-10]],
  ]
  for (const [df, expected] of chances) {
    for (const [i, chance] of expected.entries()) {
      const t = [0.01, 0.7, 2, 6, 40][i] as number
      expect(twoSidedP(t, df) / 2 / chance, `t ${t}, df ${df}`).toBeCloseTo(1, df > 100 ? 8 : 10)
      expect(twoSidedP(-t, df)).toBe(twoSidedP(t, df))
    }
  }
  expect([twoSidedP(0, 3), twoSidedP(1e300, 3), twoSidedP(40, 1e6)]).toEqual([1, 0, 0])
})

test('what is no sample ends the job, and what makes no test is refused', async () => {
  const sample = (isExperiment: unknown, value: unknown) => [[{ isExperiment, value } as BinarySample]]
  const named = { name: 'buttons' }
  await expect(results(named, sample('yes', 1))).rejects.toThrow(
    'buttons.samples: isExperiment must be true or false',
  )
  await expect(results(named, sample(true, Number.NaN))).rejects.toThrow('must be a finite number: got NaN')
  expect(() => new GroupTest({ windowSize: -1 })).toThrow('windowSize must be a number of batches')
  expect(() => new GroupTest({ peacePeriod: 0.5 })).toThrow('peacePeriod must be a number of batches')
  expect(() => new GroupTest({ testMethod: 'z' as 'welch' })).toThrow(
    "testMethod must be 'welch' or 'student'",
  )
})
