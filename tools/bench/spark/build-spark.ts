// SparkStreamingJob.java compiled against what its pom.xml names, where Maven and a JDK are.

import fs from 'node:fs'
import path from 'node:path'
import { run } from '../child.ts'
import type { SuiteContext } from '../suite.ts'
import { OPENED_TO_SPARK } from './jvm.ts'

export interface BuiltSpark {
  readonly version: string
  /** What `java` is given before the arguments of the job. */
  readonly arguments: readonly string[]
}

export function buildSpark({ root, directory }: SuiteContext): BuiltSpark | { reason: string } {
  const folder = path.join(root, 'tools', 'bench', 'spark')
  const classpathFile = path.join(directory, 'classpath')
  const classes = path.join(directory, 'classes')
  try {
    run('mvn', ['-q', '-B', 'dependency:build-classpath', `-Dmdep.outputFile=${classpathFile}`], folder)
    const classpath = fs.readFileSync(classpathFile, 'utf8').trim()
    run('javac', ['-nowarn', '-d', classes, '-cp', classpath, path.join(folder, 'SparkStreamingJob.java')])
    return {
      version: /spark-streaming_[\d.]+-([\d.]+)\.jar/.exec(classpath)?.[1] ?? '',
      arguments: [
        '-Xmx2g',
        ...OPENED_TO_SPARK,
        `-Dlog4j2.configurationFile=${path.join(root, 'tests', 'interop', 'spark', 'log4j2.properties')}`,
        '-cp',
        `${classes}${path.delimiter}${classpath}`,
        'SparkStreamingJob',
      ],
    }
  } catch (error) {
    const { code, path: command, stderr, stdout } = error as NodeJS.ErrnoException & Said
    if (code === 'ENOENT' && command !== undefined) return { reason: `there is no ${command} here` }
    const said = `${stdout ?? ''}${stderr ?? ''}`.trim().split('\n')[0]
    return { reason: `Spark could not be fetched or its job compiled: ${said || String(error)}` }
  }
}

interface Said {
  readonly stdout?: string
  readonly stderr?: string
}
