// This broker in the controller's eyes: registered in an epoch of its own, fenced while it may not lead, and given
// producer ids block by block.

import { randomBytes } from 'node:crypto'
import type { Controller } from '../controller/controller.ts'
import { registeredFeatures } from '../controller/features.ts'
import type { MetaProperties } from '../log/meta-properties.ts'
import { parseUuidText } from '../log/partition-metadata.ts'
import { errorCodes, errorName } from '../protocol/errors.ts'
import type { BrokerConfig } from './config/broker-config.ts'
import { SECURITY_PROTOCOL_IDS } from './config/listeners.ts'

export class Registration {
  readonly brokerEpoch: bigint
  private readonly controller: Controller
  private readonly brokerId: number

  private constructor(controller: Controller, brokerId: number, brokerEpoch: bigint) {
    this.controller = controller
    this.brokerId = brokerId
    this.brokerEpoch = brokerEpoch
  }

  /** Begins a new epoch of this broker, in which it is fenced, and with it a new leader epoch of its partitions. */
  static async begin(
    controller: Controller,
    config: BrokerConfig,
    { directoryId }: MetaProperties,
  ): Promise<Registration> {
    const logDirectory = directoryId === undefined ? undefined : parseUuidText(directoryId)
    const endPoints = config.advertisedListeners ?? config.listeners
    const registered = await controller.submit({
      type: 'registerBroker',
      brokerId: config.nodeId,
      incarnationId: randomBytes(16).toString('hex'),
      endPoints: endPoints.map(({ name, host, port, securityProtocol }) => ({
        name,
        host,
        port,
        securityProtocol: SECURITY_PROTOCOL_IDS[securityProtocol] ?? 0,
      })),
      features: registeredFeatures,
      rack: config.brokerRack,
      logDirs: logDirectory === undefined ? [] : [logDirectory],
    })
    if (registered.errorCode !== errorCodes.NONE)
      throw new Error(`registration: ${errorName(registered.errorCode)}`)
    return new Registration(controller, config.nodeId, registered.brokerEpoch)
  }

  /** Tells the controller that this broker may lead, or that it leaves. */
  async setFence(fenced: boolean): Promise<void> {
    const { brokerId, brokerEpoch } = this
    const { errorCode } = await this.controller.submit({
      type: 'setBrokerFence',
      brokerId,
      brokerEpoch,
      fenced,
    })
    if (errorCode !== errorCodes.NONE) throw new Error(`fence: ${errorName(errorCode)}`)
  }

  async nextProducerIds(): Promise<{ firstProducerId: bigint; blockSize: number }> {
    const { brokerId, brokerEpoch } = this
    const block = await this.controller.submit({ type: 'nextProducerIds', brokerId, brokerEpoch })
    if (block.errorCode !== errorCodes.NONE) throw new Error(errorName(block.errorCode))
    return { firstProducerId: block.firstProducerId, blockSize: block.size }
  }
}
