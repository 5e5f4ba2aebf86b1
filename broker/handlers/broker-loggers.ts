// The resource type BROKER_LOGGER (KIP-412): what DescribeConfigs tells of loggers, and how IncrementalAlterConfigs sets
// their levels. It goes past the controller: a level is of this process, and kept nowhere.
// Codes, order and texts: Kafka's RuntimeLoggerManager, ConfigHelper.

import { CONFIG_OPERATIONS, OK, type Outcome } from '../controller/commands.ts'
import { errorCodes } from '../protocol/errors.ts'
import { CONFIG_SOURCES, type ConfigDescription } from '../server/config/describe.ts'

export interface BrokerLoggers {
  /** Level by the name of the logger. */
  levels(): ReadonlyMap<string, string>
  /** In the order in which they are told. */
  readonly validLevels: readonly string[]
  setLevel(name: string, level: string): void
}

interface LevelChange {
  name: string
  configOperation: number
  value: string | null
}

const ROOT = 'root'

/** `keys`: null is all of them. */
export function describeLoggers(loggers: BrokerLoggers, keys: readonly string[] | null): ConfigDescription[] {
  return [...loggers.levels()]
    .filter(([name]) => keys === null || keys.includes(name))
    .map(([name, value]) => ({
      name,
      value,
      readOnly: false,
      configSource: CONFIG_SOURCES.DYNAMIC_BROKER_LOGGER_CONFIG,
      isSensitive: false,
      synonyms: [],
      configType: 0,
      documentation: '',
    }))
}

/** All changes of one broker's loggers, or none. */
export function changeLoggers(
  resourceName: string,
  changes: readonly LevelChange[],
  validateOnly: boolean,
  nodeId: number,
  loggers: BrokerLoggers,
): Outcome {
  const problem = brokerProblem(resourceName, nodeId) ?? firstProblem(changes, loggers)
  if (problem !== undefined) return problem
  if (validateOnly) return OK
  for (const { name, value } of changes) loggers.setLevel(name, value as string)
  return OK
}

function brokerProblem(resourceName: string, nodeId: number): Outcome | undefined {
  if (!/^[+-]?\d+$/.test(resourceName)) {
    return invalidRequest(`Node id must be an integer, but it is: ${resourceName}`)
  }
  return Number(resourceName) === nodeId
    ? undefined
    : invalidRequest(`Unexpected node id. Expected ${nodeId}, but received ${Number(resourceName)}`)
}

function firstProblem(changes: readonly LevelChange[], loggers: BrokerLoggers): Outcome | undefined {
  for (const { name, configOperation, value } of changes) {
    const { SET, DELETE, APPEND, SUBTRACT } = CONFIG_OPERATIONS
    const word = { [APPEND]: 'APPEND', [SUBTRACT]: 'SUBTRACT' }[configOperation]
    if (word !== undefined) {
      return invalidRequest(`${word} operation is not allowed for the BROKER_LOGGER resource`)
    }
    if (configOperation !== SET && configOperation !== DELETE) {
      return invalidRequest(
        `Unknown operation type ${configOperation} is not allowed for the BROKER_LOGGER resource`,
      )
    }
    if (!loggers.levels().has(name)) return invalidConfig(`Logger ${name} does not exist!`)
    if (configOperation === DELETE) {
      return invalidRequest(`Removing the log level of the ${ROOT} logger is not allowed`)
    }
    if (value === null || !loggers.validLevels.includes(value)) {
      return invalidConfig(
        `Cannot set the log level of ${name} to ${value} as it is not a supported log level. Valid log levels are ${loggers.validLevels.join(', ')}`,
      )
    }
  }
  return undefined
}

const invalidRequest = (errorMessage: string): Outcome => ({
  errorCode: errorCodes.INVALID_REQUEST,
  errorMessage,
})
const invalidConfig = (errorMessage: string): Outcome => ({
  errorCode: errorCodes.INVALID_CONFIG,
  errorMessage,
})
