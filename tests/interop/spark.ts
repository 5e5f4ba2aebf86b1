// Spark in local mode, one job a process: spark/SparkJob.java says what each does.

import { existsSync, readFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { OPENED_TO_SPARK } from '../../tools/bench/spark/jvm.ts'
import { needs } from './clients.ts'
import { ran } from './report/ran.ts'
import { jarVersion } from './report/versions.ts'
import { here, run } from './world.ts'

const classpathFile = join(here, '.cache', 'spark-classpath.txt')

export const sparkMissing = (): string | undefined => needs(existsSync(classpathFile), 'Spark')

/** Runs a job of SparkJob.java to its end; what it printed. */
export function sparkJob(...args: string[]): Promise<string[]> {
  const classpath = readFileSync(classpathFile, 'utf8').trim().split(delimiter)
  const [spark, kafka] = [jarVersion(classpath, 'spark-sql_2.13'), jarVersion(classpath, 'kafka-clients')]
  ran({
    kind: 'framework',
    name: 'Spark Structured Streaming',
    version: `${spark} with kafka-clients ${kafka}`,
  })
  return run([
    'java',
    '-Xmx768m',
    '-XX:+UseSerialGC',
    '-XX:TieredStopAtLevel=1',
    ...OPENED_TO_SPARK,
    `-Dlog4j2.configurationFile=${join(here, 'spark', 'log4j2.properties')}`,
    '-cp',
    classpath.join(delimiter),
    join(here, 'spark', 'SparkJob.java'),
    ...args,
  ])
}
