// Spark in local mode, one job a process: spark/SparkJob.java says what each does.

import { existsSync, readFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { needs } from './clients.ts'
import { ran } from './report/ran.ts'
import { jarVersion } from './report/versions.ts'
import { here, run } from './world.ts'

const classpathFile = join(here, '.cache', 'spark-classpath.txt')

export const sparkMissing = (): string | undefined => needs(existsSync(classpathFile), 'Spark')

/** The packages of the JDK that Spark reaches into (its launcher's JavaModuleOptions). */
const opened = [
  'java.lang',
  'java.lang.invoke',
  'java.lang.reflect',
  'java.io',
  'java.net',
  'java.nio',
  'java.util',
  'java.util.concurrent',
  'java.util.concurrent.atomic',
  'jdk.internal.ref',
  'sun.nio.ch',
  'sun.nio.cs',
  'sun.security.action',
  'sun.util.calendar',
].map((name) => `--add-opens=java.base/${name}=ALL-UNNAMED`)

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
    ...opened,
    `-Dlog4j2.configurationFile=${join(here, 'spark', 'log4j2.properties')}`,
    '-cp',
    classpath.join(delimiter),
    join(here, 'spark', 'SparkJob.java'),
    ...args,
  ])
}
