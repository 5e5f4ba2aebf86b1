// What the suites of .ci/run came to: every failed test by name (what stands above it may be cut off), and as the last
// line `N passed, N failed`. `--failed-files RESULT` names the files that a second, lone run is worth.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const read = (file) => JSON.parse(readFileSync(file, 'utf8'))

/** What failed in a suite: tests, and files that could not even be loaded. */
function failures({ testResults }) {
  return testResults.flatMap(({ name, status, message, assertionResults }) => {
    const failed = assertionResults.filter((test) => test.status === 'failed')
    if (failed.length === 0 && status === 'failed') return [{ file: name, title: 'the file', message }]
    return failed.map((test) => ({
      file: name,
      title: test.fullName,
      message: test.failureMessages.join('\n'),
    }))
  })
}

function summary(directory) {
  const total = { passed: 0, failed: 0 }
  for (const file of readdirSync(directory).filter((name) => name.endsWith('.exit'))) {
    const name = file.slice(0, -'.exit'.length)
    if (name.endsWith('-again')) continue
    count(directory, name, total)
  }
  console.log(`${total.passed} passed, ${total.failed} failed`)
  return total.failed > 0 || total.passed === 0 ? 1 : 0
}

function count(directory, name, total) {
  const result = join(directory, `${name}.json`)
  const exitCode = Number(readFileSync(join(directory, `${name}.exit`), 'utf8'))
  if (!existsSync(result)) {
    console.log(`FAILED ${name}: no result, exit code ${exitCode}`)
    total.failed++
    return
  }
  total.passed += read(result).numPassedTests
  const failed = failures(read(result))
  const again = join(directory, `${name}-again.json`)
  const still = existsSync(again) ? failures(read(again)) : failed
  for (const { file, title, message } of failed) {
    const hasPassed = !still.some((other) => other.file === file && other.title === title)
    total[hasPassed ? 'passed' : 'failed']++
    console.log(`${hasPassed ? 'PASSED ONLY ALONE' : 'FAILED'} ${file}: ${title}\n${message.slice(0, 3000)}`)
  }
  if (failed.length === 0 && exitCode !== 0) {
    console.log(`FAILED ${name}: no test failed, exit code ${exitCode}`)
    total.failed++
  }
}

if (process.argv[2] === '--failed-files')
  for (const file of new Set(failures(read(process.argv[3])).map((each) => each.file))) console.log(file)
else process.exitCode = summary(process.argv[2])
