// ApiVersions, versions 0-4: what this broker serves, computed from the handler table so that nothing is
// advertised that nobody answers. A version that is not known is answered in version 0 (dispatch.ts).

import type { ApiName } from '../protocol/apis/index.ts'
import { apis } from '../protocol/apis/index.ts'
import { errorCodes } from '../protocol/errors.ts'
import type { Request, RequestContext, Response } from './context.ts'

/** What clients may put in their software name and version (KIP-511); anything else is refused. */
const SOFTWARE_NAME = /^[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?$/

export interface FeatureRange {
  name: string
  minVersion: number
  maxVersion: number
}

export interface ApiVersionsServices {
  served: readonly ApiName[]
  supportedFeatures: readonly FeatureRange[]
  finalizedFeatures(): { epoch: bigint; levels: readonly { name: string; level: number }[] }
}

export function handleApiVersions(
  request: Request<'ApiVersions'>,
  context: RequestContext,
  services: ApiVersionsServices,
): Response<'ApiVersions'> {
  const { clientSoftwareName, clientSoftwareVersion } = request
  if (context.apiVersion >= 3) {
    if (!SOFTWARE_NAME.test(clientSoftwareName) || !SOFTWARE_NAME.test(clientSoftwareVersion)) {
      return { errorCode: errorCodes.INVALID_REQUEST, apiKeys: [] }
    }
    context.connection.clientSoftwareName = clientSoftwareName
    context.connection.clientSoftwareVersion = clientSoftwareVersion
  }
  const served = new Set<ApiName>(services.served)
  const { epoch, levels } = services.finalizedFeatures()
  return {
    errorCode: errorCodes.NONE,
    apiKeys: apis
      .filter(({ name }) => served.has(name))
      .map(({ key, advertisedVersions: [minVersion, maxVersion] }) => ({
        apiKey: key,
        minVersion,
        maxVersion,
      }))
      .sort((a, b) => a.apiKey - b.apiKey),
    // Clients up to version 3 choke on a range that starts at zero (KAFKA-17492).
    supportedFeatures: services.supportedFeatures.filter(
      ({ minVersion }) => minVersion > 0 || context.apiVersion > 3,
    ),
    finalizedFeaturesEpoch: epoch,
    finalizedFeatures: levels
      .filter(({ level }) => level > 0)
      .map(({ name, level }) => ({ name, minVersionLevel: level, maxVersionLevel: level })),
  }
}

/** The answer to a version nobody knows: body version 0, and the one range that the client needs to try again. */
export function unsupportedApiVersions(): Response<'ApiVersions'> {
  const [minVersion, maxVersion] = apis.find(({ name }) => name === 'ApiVersions')?.advertisedVersions ?? [
    0, 0,
  ]
  return {
    errorCode: errorCodes.UNSUPPORTED_VERSION,
    apiKeys: [{ apiKey: 18, minVersion, maxVersion }],
  }
}
