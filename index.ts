// The package's front door: a broker in this process.

export { type Broker, startBroker } from './broker/server/start-broker.ts'
export type { BrokerOptions, Logger, TopicOptions } from './broker/server/broker-options.ts'
export type { Clock, Timer } from './broker/time/clock.ts'
