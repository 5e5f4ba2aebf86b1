// ApiVersions (KIP-35, KIP-511 client names, KIP-584 features). Its response header never has tagged fields,
// and a version that is not served is answered in version 0 with UNSUPPORTED_VERSION (header.ts, handler).

import { defineApi } from '../message.ts'
import { array, boolean, f, int16, int32, int64, string } from '../schema.ts'

export const apiVersions = defineApi({
  key: 18,
  name: 'ApiVersions',
  versions: [0, 4],
  flexibleFrom: 3,
  request: {
    clientSoftwareName: f(string, { since: 3, ignorable: true }),
    clientSoftwareVersion: f(string, { since: 3, ignorable: true }),
  },
  response: {
    errorCode: f(int16),
    apiKeys: f(array({ apiKey: f(int16), minVersion: f(int16), maxVersion: f(int16) })),
    throttleTimeMs: f(int32, { since: 1, default: 0, ignorable: true }),
    supportedFeatures: f(array({ name: f(string), minVersion: f(int16), maxVersion: f(int16) }), {
      since: 3,
      tag: 0,
      ignorable: true,
    }),
    finalizedFeaturesEpoch: f(int64, { since: 3, tag: 1, default: -1n, ignorable: true }),
    finalizedFeatures: f(array({ name: f(string), maxVersionLevel: f(int16), minVersionLevel: f(int16) }), {
      since: 3,
      tag: 2,
      ignorable: true,
    }),
    zkMigrationReady: f(boolean, { since: 3, tag: 3, default: false, ignorable: true }),
  },
})
