// UpdateFeatures, versions 0-2: finalizes feature levels, all that are asked for or none.

import { errorCodes } from '../protocol/errors.ts'
import type { Request, RequestContext, Response } from './context.ts'
import { type ControllerPort, submitted } from './controller-port.ts'

type UpdateFeaturesResponse = Response<'UpdateFeatures'>

export interface UpdateFeaturesServices {
  controller: ControllerPort
}

export function handleUpdateFeatures(
  { featureUpdates, validateOnly, timeoutMs }: Request<'UpdateFeatures'>,
  { apiVersion }: RequestContext,
  { controller }: UpdateFeaturesServices,
): Promise<UpdateFeaturesResponse> {
  const updates = featureUpdates.map(({ feature, maxVersionLevel, upgradeType }) => ({
    name: feature,
    level: maxVersionLevel,
    // Version 0 knows `allowDowngrade` instead, which Kafka does not look at: it can upgrade only.
    upgradeType,
  }))
  return submitted(
    controller,
    { type: 'updateFeatures' as const, updates, validateOnly },
    timeoutMs,
    ({ errorCode, errorMessage }): UpdateFeaturesResponse => ({
      errorCode,
      errorMessage,
      results:
        apiVersion <= 1 && errorCode === errorCodes.NONE
          ? // Kafka's text for every one that went well.
            featureUpdates.map(({ feature }) => ({ feature, errorCode, errorMessage: 'NONE' }))
          : [],
    }),
    (outcome) => outcome,
  )
}
