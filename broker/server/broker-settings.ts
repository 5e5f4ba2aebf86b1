// The broker's configuration as it stands: static settings from start, dynamic ones from the metadata on top.
// Whoever needs a value asks here each time, so that a change is felt at once.

import { RESOURCE_TYPES } from '../controller/facts.ts'
import type { MetadataImage } from '../controller/image.ts'
import {
  type BrokerConfig,
  type BrokerLayers,
  type ParsedBrokerConfig,
  resolveBrokerConfig,
} from './config/broker-config.ts'
import { resolveTopicConfig, type TopicConfig } from './config/topic-config.ts'

export class BrokerSettings {
  private currentLayers: BrokerLayers
  private currentConfig: BrokerConfig
  private readonly byTopic = new Map<string, TopicConfig>()

  constructor({ layers, config }: ParsedBrokerConfig) {
    this.currentLayers = layers
    this.currentConfig = config
  }

  get config(): BrokerConfig {
    return this.currentConfig
  }

  get layers(): BrokerLayers {
    return this.currentLayers
  }

  /** Dynamic broker settings have changed in the metadata. */
  changed(image: MetadataImage): void {
    this.currentLayers = {
      ...this.currentLayers,
      dynamicBroker: image.settings(RESOURCE_TYPES.BROKER, String(this.currentConfig.nodeId)),
      dynamicDefault: image.settings(RESOURCE_TYPES.BROKER, ''),
    }
    this.currentConfig = resolveBrokerConfig(this.currentLayers)
    this.byTopic.clear()
  }

  /** What a topic obeys: its own settings over the broker's defaults. Resolves anew; see `topic`. */
  ofTopic(image: MetadataImage, topic: string): TopicConfig {
    const own = image.settings(RESOURCE_TYPES.TOPIC, topic)
    const { topicDefaultTexts, flushIntervalMs, topicDefaults } = this.currentConfig
    const config =
      own.size === 0 ? topicDefaults : resolveTopicConfig(own, topicDefaultTexts, flushIntervalMs)
    this.byTopic.set(topic, config)
    return config
  }

  /** The topic's configuration as it was last resolved: for hot paths. */
  topic(topic: string): TopicConfig {
    return this.byTopic.get(topic) ?? this.currentConfig.topicDefaults
  }
}
